/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mirrors: what a config says of them, its check and its lines.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/config.h"
#include "control/config/expression.h"

static const char *const direction_names[] = {
	[BF_MIRROR_IN] = "in", [BF_MIRROR_OUT] = "out", [BF_MIRROR_IN | BF_MIRROR_OUT] = "both"};

const char *
bf_mirror_config_direction(const struct bf_mirror_config *m)
{
	return direction_names[m->dirs];
}

static struct bf_mirror_config *
find_mirror(struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_mirrors; i++)
		if (strcmp(c->mirrors[i].name, name) == 0)
			return &c->mirrors[i];
	return NULL;
}

int
bf_config_put_mirror(struct bf_config *c, const struct bf_mirror_config *m, struct bf_err *err)
{
	struct bf_mirror_config *at = find_mirror(c, m->name);

	if (at == NULL && c->n_mirrors == BF_MAX_MIRRORS)
		return bf_err_set(err, EINVAL, "mirror: \"%s\": expected at most %d mirrors",
			m->name, BF_MAX_MIRRORS);
	if (at == NULL)
		at = &c->mirrors[c->n_mirrors++];
	*at = *m;
	return 0;
}

int
bf_config_remove_mirror(struct bf_config *c, const char *name, struct bf_err *err)
{
	struct bf_mirror_config *at = find_mirror(c, name);

	if (at == NULL)
		return bf_err_set(err, EINVAL, "mirror: \"%.60s\": no such mirror", name);
	c->n_mirrors--;
	memmove(at, at + 1, (size_t)(&c->mirrors[c->n_mirrors] - at) * sizeof(*at));
	memset(&c->mirrors[c->n_mirrors], 0, sizeof(*at));
	return 0;
}

static bool
is_target(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_mirrors; i++)
		if (strcmp(c->mirrors[i].to, name) == 0)
			return true;
	return false;
}

static bool
is_port(const struct bf_config *c, const char *name)
{
	return bf_config_find_guest(c, name) != NULL || bf_config_find_bond(c, name) != NULL;
}

/* @return 0 or -EINVAL with what is wrong */
static int
check_mirror(const struct bf_config *c, const struct bf_mirror_config *m, struct bf_err *err)
{
	struct bpf_program *program = NULL;
	bool is_all = strcmp(m->source, BF_MIRROR_ALL) == 0;
	int ret = 0;

	if (bf_config_find_guest(c, m->to) == NULL)
		return bf_err_set(
			err, EINVAL, "mirror \"%s\": to: \"%s\": no such guest", m->name, m->to);
	if (!is_all && !is_port(c, m->source))
		return bf_err_set(err, EINVAL,
			"mirror \"%s\": source: \"%s\": expected a bond, a guest or all", m->name,
			m->source);
	if (!is_all && is_target(c, m->source))
		return bf_err_set(err, EINVAL,
			"mirror \"%s\": source: \"%s\": gets the copies of a mirror: expected another port",
			m->name, m->source);
	if (m->filter[0] != '\0')
		ret = bf_expression_open(&program, m->filter, err);
	bf_expression_close(program);
	return ret;
}

void
bf_config_mirror_faults(const struct bf_config *c, bf_config_fault_cb *cb, void *arg)
{
	struct bf_err err;

	for (uint32_t i = 0; i < c->n_mirrors; i++)
		if (check_mirror(c, &c->mirrors[i], &err) != 0)
			cb(arg, &err);
}

/* As the console reads it: in double quotes, with \ in front of those and of itself. */
static void
filter_quote(const char *filter, char *to)
{
	*to++ = '"';
	for (; *filter != '\0'; filter++) {
		if (*filter == '"' || *filter == '\\')
			*to++ = '\\';
		*to++ = *filter;
	}
	*to++ = '"';
	*to = '\0';
}

void
bf_config_print_mirrors(const struct bf_config *c, bf_config_line_cb *cb, void *arg)
{
	char line[2 * BF_EXPRESSION_MAX + 256], filter[2 * BF_EXPRESSION_MAX + 3], vlan[24];

	for (uint32_t i = 0; i < c->n_mirrors; i++) {
		const struct bf_mirror_config *m = &c->mirrors[i];

		filter[0] = vlan[0] = '\0';
		if (m->filter[0] != '\0')
			filter_quote(m->filter, filter);
		if (m->vlan != BF_VLAN_ANY)
			snprintf(vlan, sizeof(vlan), " vlan %u", m->vlan);
		snprintf(line, sizeof(line), "set mirror %s source %s %s%s%s%s to %s", m->name,
			m->source, bf_mirror_config_direction(m), vlan,
			filter[0] != '\0' ? " filter " : "", filter, m->to);
		cb(arg, line);
	}
}

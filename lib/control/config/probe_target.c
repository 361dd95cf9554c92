/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Targets of probes as text.
 *
 * Threads: ctx control.
 */
#include "control/config/probe_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"

int
bf_probe_target_parse(const char *text, struct bf_probe_target *t, struct bf_err *err)
{
	char addr[BF_PROBE_TARGET_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint64_t vlan = 0;

	memset(t, 0, sizeof(*t));
	if (len < sizeof(addr)) {
		memcpy(addr, text, len);
		addr[len] = '\0';
		t->v6 = inet_pton(AF_INET, addr, t->addr) != 1;
	}
	if (len >= sizeof(addr) || (t->v6 && inet_pton(AF_INET6, addr, t->addr) != 1))
		return bf_err_set(err, EINVAL,
			"probe_target: \"%.60s\": expected an IPv4 or IPv6 address, with /VLAN behind it "
			"where the target is in one",
			text);
	if (slash != NULL && bf_parse_u64("probe_target vlan", slash + 1, 1, 4094, &vlan, err) != 0)
		return -EINVAL;
	t->vlan = (uint16_t)vlan;
	return 0;
}

static bool
has_target(const struct bf_probe_targets *l, const struct bf_probe_target *t)
{
	struct bf_probe_target had;

	for (uint32_t i = 0; i < l->n; i++) {
		bf_probe_target_parse(l->text[i], &had, NULL);
		if (memcmp(had.addr, t->addr, sizeof(t->addr)) == 0 && had.vlan == t->vlan &&
			had.v6 == t->v6)
			return true;
	}
	return false;
}

static int
add_target(void *arg, const char *what, const char *item, struct bf_err *err)
{
	struct bf_probe_targets *l = arg;
	struct bf_probe_target t;

	if (bf_probe_target_parse(item, &t, err) != 0)
		return -EINVAL;
	if (has_target(l, &t))
		return 0;
	if (l->n == BF_PROBE_TARGETS)
		return bf_err_set(err, EINVAL, "%s: \"%s\": expected at most %d targets", what,
			item, BF_PROBE_TARGETS);
	snprintf(l->text[l->n++], BF_PROBE_TARGET_MAX, "%s", item);
	return 0;
}

static int
targets_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	struct bf_probe_targets more = *(struct bf_probe_targets *)at;

	if (strcmp(text, "none") == 0)
		memset(&more, 0, sizeof(more));
	else if (bf_parse_items(k->name, text, add_target, &more, err) != 0)
		return -EINVAL;
	memcpy(at, &more, sizeof(more));
	return 0;
}

static void
targets_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const struct bf_probe_targets *l = at;

	(void)k;
	buf[0] = '\0';
	for (uint32_t i = 0; i < l->n; i++)
		bf_words_add(buf, size, " ", l->text[i]);
	if (l->n == 0)
		snprintf(buf, size, "none");
}

static void
targets_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "address, address/VLAN, none");
}

const struct bf_key_type bf_type_targets = {.parse = targets_parse,
	.print = targets_print,
	.values = targets_values,
	.size = sizeof(struct bf_probe_targets),
	.is_list = true,
	.adds = true};

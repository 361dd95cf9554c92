/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A configuration as the commands that make it.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "control/config/config.h"

#define LINE_MAX_LEN (BF_KEY_TEXT_MAX + 256)

/* What a command says of an object behind the command that makes it: "set guest vm1", and a key. */
struct setter {
	const char *command;
	bf_config_line_cb *cb;
	void *arg;
};

static void
print_setting(const struct setter *s, const char *key, const char *value, size_t len)
{
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "%s %s=%.*s", s->command, key, (int)len, value);
	s->cb(s->arg, line);
}

/*
 * @param in_force The profile of objects that name none.
 * @param value BF_KEY_TEXT_MAX bytes.
 * @return false when reading the lines sets key @p i without its being said, or it is said elsewhere.
 */
static bool
is_printed(const struct bf_key_table *t, unsigned int i, const void *object,
	enum bf_profile in_force, char *value)
{
	const struct bf_key *k = &t->keys[i];
	enum bf_profile profile = bf_keys_profile(t, object);

	if (k->flags & BF_KEY_IN_CREATE)
		return false;
	bf_key_print(k, object, value, BF_KEY_TEXT_MAX);
	if (k->flags & BF_KEY_PROFILE)
		return profile != in_force;
	return bf_keys_is_given(t, object, i) || strcmp(value, bf_key_default(k, profile)) != 0;
}

/* A line for each key that is not at its default; for a key that adds, one for each text. */
static void
print_settings(const struct bf_key_table *t, const void *object, const struct setter *s)
{
	char value[BF_KEY_TEXT_MAX];
	size_t len;

	for (unsigned int i = 0; i < t->n; i++) {
		const struct bf_key *k = &t->keys[i];

		if (!is_printed(t, i, object, BF_PROFILE_TRUSTED, value))
			continue;
		for (const char *p = value; *p != '\0'; p += len + strspn(p + len, " ")) {
			len = k->type->adds ? strcspn(p, " ") : strlen(p);
			print_setting(s, k->name, p, len);
		}
	}
}

static void
print_bond(const struct bf_bond_config *b, bf_config_line_cb *cb, void *arg)
{
	char line[256];
	struct setter s = {line, cb, arg};

	snprintf(line, sizeof(line), "create bonding device %s 0 %s", bf_mode_names[b->mode],
		b->name);
	cb(arg, line);
	for (uint32_t i = 0; i < b->n_members; i++) {
		snprintf(line, sizeof(line), "add bonding member %s %s", b->members[i].name,
			b->name);
		cb(arg, line);
	}
	snprintf(line, sizeof(line), "set bonding option %s", b->name);
	print_settings(&bf_bond_table, b, &s);
	for (uint32_t i = 0; i < b->n_members; i++) {
		snprintf(line, sizeof(line), "set bonding member %s %s", b->members[i].name,
			b->name);
		print_settings(&bf_member_table, &b->members[i], &s);
	}
}

/* Of a group, and of a guest that is in one, what was set: the rest follows from elsewhere. */
static bool
is_printed_own(unsigned int i, const struct bf_guest_config *g, enum bf_profile in_force,
	bool group_has_profile, char *value)
{
	const struct bf_key *k = &bf_guest_keys[i];

	if (k->flags & BF_KEY_IN_CREATE)
		return false;
	bf_key_print(k, g, value, BF_KEY_TEXT_MAX);
	if ((k->flags & BF_KEY_PROFILE) && !group_has_profile && g->profile != in_force)
		return true;
	return bf_keys_is_own(&bf_guest_table, g, i);
}

/* A guest or a group as it is printed. */
struct printed {
	const struct bf_guest_config *g;
	const char *command, *kind; /* "add", "guest" */
	enum bf_profile in_force;
	bool own_only; /* it is a group, or in one */
	bool group_has_profile;
};

static bool
printed_has(const struct printed *p, unsigned int i, char *value)
{
	return p->own_only ? is_printed_own(i, p->g, p->in_force, p->group_has_profile, value)
			   : is_printed(&bf_guest_table, i, p->g, p->in_force, value);
}

/* In one line what is short; a list has one of its own. */
static void
print_keys(const struct printed *p, bf_config_line_cb *cb, void *arg)
{
	char line[LINE_MAX_LEN], value[BF_KEY_TEXT_MAX], command[64];
	struct setter s = {command, cb, arg};
	char separator = ' ';
	int len = snprintf(line, sizeof(line), "%s %s %s", p->command, p->kind, p->g->name);

	for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
		if (bf_guest_keys[i].type->is_list || !printed_has(p, i, value))
			continue;
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%c%s=%s", separator,
			bf_guest_keys[i].name, value);
		separator = ',';
	}
	cb(arg, line);
	snprintf(command, sizeof(command), "set %s %s", p->kind, p->g->name);
	for (unsigned int i = 0; i < bf_n_guest_keys; i++)
		if (bf_guest_keys[i].type->is_list && printed_has(p, i, value))
			print_setting(&s, bf_guest_keys[i].name, value, strlen(value));
}

static void
print_group(const struct bf_guest_config *group, bf_config_line_cb *cb, void *arg)
{
	struct printed p = {group, "create", "group", (enum bf_profile)group->profile, true, true};

	print_keys(&p, cb, arg);
}

static void
print_guest(const struct bf_config *c, const struct bf_guest_config *g, bf_config_line_cb *cb,
	void *arg)
{
	const struct bf_guest_config *group = bf_config_find_group(c, g->group);
	struct printed p = {g, "add", bf_guest_config_kind(g), (enum bf_profile)c->profile,
		g->group[0] != '\0', group != NULL && bf_guest_config_has_profile(group)};
	char line[128];

	print_keys(&p, cb, arg);
	for (unsigned int q = 0; q < g->queues && q < BF_MAX_QP; q++) {
		if (g->pin[q] == 0)
			continue;
		snprintf(line, sizeof(line), "set lcore %u guest %s queue %u", g->pin[q] - 1u,
			g->name, q);
		cb(arg, line);
	}
}

static void
print_qos_map(const struct bf_qos_map *map, bf_config_line_cb *cb, void *arg)
{
	struct bf_qos_map def;
	char line[64];

	bf_qos_map_init(&def);
	for (unsigned int d = 0; d < BF_DSCPS; d++) {
		if (map->class_of[d] == def.class_of[d])
			continue;
		snprintf(line, sizeof(line), "set qos map dscp %u class %u", d, map->class_of[d]);
		cb(arg, line);
	}
	for (unsigned int c = 0; c < BF_CLASSES; c++) {
		if (map->dscp_of[c] == def.dscp_of[c])
			continue;
		snprintf(line, sizeof(line), "set qos map class %u dscp %u", c, map->dscp_of[c]);
		cb(arg, line);
	}
}

static void
print_exporter(const struct bf_exporter_config *e, bf_config_line_cb *cb, void *arg)
{
	char line[LINE_MAX_LEN], value[BF_KEY_TEXT_MAX];
	char separator = ' ';
	int len = snprintf(line, sizeof(line), "create exporter %s", e->name);

	for (unsigned int i = 0; i < bf_n_exporter_keys; i++) {
		if (!is_printed(&bf_exporter_table, i, e, BF_PROFILE_TRUSTED, value))
			continue;
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%c%s=%s", separator,
			bf_exporter_keys[i].name, value);
		separator = ',';
	}
	cb(arg, line);
}

void
bf_config_print(const struct bf_config *c, bf_config_line_cb *cb, void *arg)
{
	static const char *const idle_names[] = {"poll", "pause", "sleep"};
	char line[128];

	snprintf(line, sizeof(line), "set profile default %s", bf_profile_names[c->profile]);
	cb(arg, line);
	for (uint32_t i = 0; i < c->n_bonds; i++)
		print_bond(&c->bonds[i], cb, arg);
	for (uint32_t i = 0; i < c->n_groups; i++)
		print_group(&c->groups[i], cb, arg);
	for (uint32_t i = 0; i < c->n_guests; i++)
		print_guest(c, &c->guests[i], cb, arg);
	bf_config_print_mirrors(c, cb, arg);
	print_qos_map(&c->qos_map, cb, arg);
	for (uint32_t i = 0; i < c->n_exporters; i++)
		print_exporter(&c->exporters[i], cb, arg);
	snprintf(line, sizeof(line), "set fdb aging %" PRIu32, c->fdb_aging_s);
	cb(arg, line);
	if (c->idle != 0) {
		snprintf(line, sizeof(line), "set lcore idle %s", idle_names[c->idle]);
		cb(arg, line);
	}
	if (c->history != BF_CONFIG_HISTORY) {
		snprintf(line, sizeof(line), "set config history %" PRIu32, c->history);
		cb(arg, line);
	}
	if (c->lcore_rebalance)
		cb(arg, "set lcore rebalance on");
	cb(arg, c->forwarding ? "start" : "stop");
}

static void
hash_line(void *arg, const char *line)
{
	uint64_t *h = arg;

	*h = bf_hash_text(bf_hash_text(*h, line), "\n");
}

/* Of what is printed: padding and what stands behind a name's end do not count. */
uint64_t
bf_config_hash(const struct bf_config *c)
{
	uint64_t h = BF_HASH_START;

	bf_config_print(c, hash_line, &h);
	return h != 0 ? h : 1;
}

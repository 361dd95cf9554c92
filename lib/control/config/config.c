/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration as a whole: which bonds and guests there are.
 *
 * Threads: ctx control.
 */
#include "control/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

#define HOST_NAME_MAX_LEN 15 /* IFNAMSIZ and its end */

void
bf_qos_map_init(struct bf_qos_map *map)
{
	for (unsigned int d = 0; d < BF_DSCPS; d++)
		map->class_of[d] = (uint8_t)(d / BF_CLASSES);
	for (unsigned int c = 0; c < BF_CLASSES; c++)
		map->dscp_of[c] = (uint8_t)(c * BF_CLASSES);
}

struct bf_config *
bf_config_new(void)
{
	struct bf_config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	for (unsigned int i = 0; i < BF_MAX_BONDS; i++)
		bf_bond_config_init(&c->bonds[i]);
	c->forwarding = true;
	c->fdb_aging_s = 300;
	c->history = BF_CONFIG_HISTORY;
	bf_qos_map_init(&c->qos_map);
	return c;
}

struct bf_config *
bf_config_copy(const struct bf_config *c)
{
	struct bf_config *d = malloc(sizeof(*d));

	if (d != NULL)
		memcpy(d, c, sizeof(*d));
	return d;
}

bool
bf_config_is_equal(const struct bf_config *a, const struct bf_config *b)
{
	if (a->profile != b->profile || a->n_bonds != b->n_bonds || a->n_guests != b->n_guests ||
		a->forwarding != b->forwarding || a->fdb_aging_s != b->fdb_aging_s ||
		a->idle != b->idle || a->history != b->history ||
		a->lcore_rebalance != b->lcore_rebalance ||
		memcmp(&a->qos_map, &b->qos_map, sizeof(a->qos_map)) != 0)
		return false;
	if (a->n_mirrors != b->n_mirrors ||
		memcmp(a->mirrors, b->mirrors, a->n_mirrors * sizeof(a->mirrors[0])) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_bonds; i++)
		if (!bf_bond_config_is_equal(&a->bonds[i], &b->bonds[i]))
			return false;
	if (a->n_groups != b->n_groups || a->n_exporters != b->n_exporters)
		return false;
	for (uint32_t i = 0; i < a->n_exporters; i++)
		if (!bf_exporter_config_is_equal(&a->exporters[i], &b->exporters[i]))
			return false;
	for (uint32_t i = 0; i < a->n_groups; i++)
		if (!bf_group_config_is_equal(&a->groups[i], &b->groups[i]))
			return false;
	for (uint32_t i = 0; i < a->n_guests; i++)
		if (!bf_guest_config_is_equal(&a->guests[i], &b->guests[i]))
			return false;
	return true;
}

int
bf_config_set_profile(struct bf_config *c, const char *text, struct bf_err *err)
{
	unsigned int profile = 0;

	if (bf_parse_enum("profile", text, bf_profile_names, BF_PROFILE_COUNT, &profile, err) != 0)
		return -EINVAL;
	c->profile = profile;
	c->profile_is_said = true;
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bf_keys_set_profile(&bf_bond_table, &c->bonds[i], profile);
	return 0;
}

const struct bf_bond_config *
bf_config_find_bond(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_bonds; i++)
		if (strcmp(c->bonds[i].name, name) == 0)
			return &c->bonds[i];
	return NULL;
}

struct bf_bond_config *
bf_config_bond(struct bf_config *c, const char *name)
{
	const struct bf_bond_config *b = bf_config_find_bond(c, name);

	return b == NULL ? NULL : &c->bonds[b - c->bonds];
}

/* With several bonds each guest says which one is its own: the removal of one moves nobody. */
void
bf_config_name_uplinks(struct bf_config *c)
{
	for (uint32_t i = 0; c->n_bonds > 1 && i < c->n_guests; i++)
		if (c->guests[i].uplink[0] == '\0')
			bf_guest_config_set(&c->guests[i], "uplink", c->bonds[0].name, NULL);
}

int
bf_config_add_bond(struct bf_config *c, const struct bf_bond_config *b, struct bf_err *err)
{
	if (bf_config_find_bond(c, b->name) != NULL || bf_config_find_guest(c, b->name) != NULL)
		return bf_err_set(err, EINVAL,
			"bond name: \"%s\": already in use: expected another one (name=NAME)",
			b->name);
	if (c->n_bonds == BF_MAX_BONDS)
		return bf_err_set(err, EINVAL, "bond \"%s\": expected at most %d bonds", b->name,
			BF_MAX_BONDS);
	c->bonds[c->n_bonds] = *b;
	bf_keys_set_profile(&bf_bond_table, &c->bonds[c->n_bonds++], c->profile);
	bf_config_name_uplinks(c);
	return 0;
}

static void
uplink_forget(struct bf_guest_config *g)
{
	g->uplink[0] = '\0';
	bf_keys_unset(&bf_guest_table, g, "uplink", NULL);
}

int
bf_config_remove_bond(struct bf_config *c, const char *name, struct bf_err *err)
{
	struct bf_bond_config *b = bf_config_bond(c, name);

	if (b == NULL)
		return bf_err_set(err, EINVAL, "bond: \"%.60s\": no such bond", name);
	for (uint32_t i = 0; c->n_bonds > 1 && i < c->n_guests; i++)
		if (strcmp(c->guests[i].uplink, name) == 0)
			return bf_err_set(err, EINVAL,
				"bond \"%s\": is the uplink of guest %s: remove the guest, or give it "
				"another one: set guest %s uplink=NAME",
				name, c->guests[i].name, c->guests[i].name);
	/* Guests of the last bond wait for the next one. */
	for (uint32_t i = 0; i < c->n_groups; i++)
		if (strcmp(c->groups[i].uplink, name) == 0)
			uplink_forget(&c->groups[i]);
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].uplink, name) == 0)
			uplink_forget(&c->guests[i]);
	memmove(b, b + 1, (size_t)(&c->bonds[c->n_bonds] - (b + 1)) * sizeof(*b));
	c->n_bonds--;
	return 0;
}

const struct bf_guest_config *
bf_config_find_guest(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, name) == 0)
			return &c->guests[i];
	return NULL;
}

struct bf_guest_config *
bf_config_guest(struct bf_config *c, const char *name)
{
	const struct bf_guest_config *g = bf_config_find_guest(c, name);

	return g == NULL ? NULL : &c->guests[g - c->guests];
}

/* Names of interfaces are short, and some characters and words are the kernel's. */
static int
check_host_name(const char *name, struct bf_err *err)
{
	size_t len = strlen(name);

	if (len > HOST_NAME_MAX_LEN)
		return bf_err_set(err, EINVAL,
			"host name: \"%s\": has %zu characters: expected at most %d, as for every "
			"interface",
			name, len, HOST_NAME_MAX_LEN);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, ":/%") != NULL)
		return bf_err_set(err, EINVAL,
			"host name: \"%s\": expected a name that an interface can have", name);
	return 0;
}

/* What is at the other end: a socket, or the host's kernel. */
static int
check_end(const struct bf_guest_config *g, struct bf_err *err)
{
	const char *kind = bf_guest_config_kind(g);

	if (g->name[0] == '\0')
		return bf_err_set(err, EINVAL, "%s: name missing: expected name=NAME", kind);
	if (!g->host && g->socket[0] == '\0')
		return bf_err_set(
			err, EINVAL, "guest \"%s\": socket missing: expected socket=PATH", g->name);
	if (g->host && g->socket[0] != '\0')
		return bf_err_set(err, EINVAL,
			"host \"%s\": socket: \"%s\": expected none: its other end is the kernel",
			g->name, g->socket);
	return g->host ? check_host_name(g->name, err) : 0;
}

/* What a guest must have, and must not share with the bond or with guests other than @p self. */
static int
check_guest(const struct bf_config *c, const struct bf_guest_config *g,
	const struct bf_guest_config *self, struct bf_err *err)
{
	if (check_end(g, err) != 0)
		return -EINVAL;
	if (g->group[0] != '\0' && bf_config_find_group(c, g->group) == NULL)
		return bf_err_set(err, EINVAL,
			"%s \"%s\": group: \"%s\": no such group: create group %s KEY=VALUE,...",
			bf_guest_config_kind(g), g->name, g->group, g->group);
	if (strcmp(g->name, "all") == 0 || bf_config_find_bond(c, g->name) != NULL)
		return bf_err_set(err, EINVAL, "%s name: \"%s\": already in use",
			bf_guest_config_kind(g), g->name);
	for (uint32_t i = 0; i < c->n_guests; i++) {
		if (&c->guests[i] == self)
			continue;
		if (strcmp(c->guests[i].name, g->name) == 0)
			return bf_err_set(err, EINVAL, "%s name: \"%s\": already in use",
				bf_guest_config_kind(g), g->name);
		if (!g->host && strcmp(c->guests[i].socket, g->socket) == 0)
			return bf_err_set(err, EINVAL, "socket: \"%s\": already used by guest %s",
				g->socket, c->guests[i].name);
	}
	return 0;
}

int
bf_config_add_guest(struct bf_config *c, const struct bf_guest_config *g, struct bf_err *err)
{
	if (check_guest(c, g, NULL, err) != 0)
		return -EINVAL;
	if (c->n_guests == BF_MAX_GUESTS)
		return bf_err_set(err, EINVAL, "guest \"%s\": expected at most %d guests", g->name,
			BF_MAX_GUESTS);
	c->guests[c->n_guests] = *g;
	bf_config_follow_group(c, &c->guests[c->n_guests++], "");
	bf_config_name_uplinks(c);
	return 0;
}

int
bf_config_replace_guest(
	struct bf_config *c, const char *name, const struct bf_guest_config *g, struct bf_err *err)
{
	struct bf_guest_config *old = bf_config_guest(c, name);
	char was[BF_NAME_MAX];

	if (old == NULL)
		return bf_err_set(err, EINVAL, "guest: \"%.60s\": no such guest", name);
	if (check_guest(c, g, old, err) != 0)
		return -EINVAL;
	memcpy(was, old->group, sizeof(was));
	*old = *g;
	bf_config_follow_group(c, old, was);
	bf_config_name_uplinks(c);
	return 0;
}

int
bf_config_remove_guest(struct bf_config *c, const char *name, struct bf_err *err)
{
	struct bf_guest_config *g = bf_config_guest(c, name);

	if (g == NULL)
		return bf_err_set(err, EINVAL, "guest: \"%.60s\": no such guest", name);
	memmove(g, g + 1, (size_t)(&c->guests[c->n_guests] - (g + 1)) * sizeof(*g));
	c->n_guests--;
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Port groups: keys that many guests have in common.
 *
 * Theory of operation.  A group is written as a guest that nobody connects to: of its keys, those count that
 * were set.  A guest's value of a key is its own if it was set there, else its group's, else the default.  The
 * guest's config always holds the result, so that nobody else has to know of groups.
 *
 * Outside a group, a key that was set to its only default counts as one that was not set: nothing prints it, and
 * it would be forgotten with the next start.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <string.h>

#include "control/config/config.h"

const struct bf_guest_config *
bf_config_find_group(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_groups; i++)
		if (strcmp(c->groups[i].name, name) == 0)
			return &c->groups[i];
	return NULL;
}

int
bf_group_config_parse(struct bf_guest_config *group, const char *pairs, struct bf_err *err)
{
	struct bf_guest_config g = *group;
	struct bf_err why;

	if (bf_keys_parse(&bf_guest_table, &g, pairs, &why) != 0)
		return bf_err_set(err, EINVAL, "group \"%s\": %s", g.name, why.text);
	for (unsigned int i = 0; i < bf_n_guest_keys; i++)
		if ((bf_guest_keys[i].flags & BF_KEY_OF_ONE) &&
			bf_keys_is_own(&bf_guest_table, &g, i))
			return bf_err_set(err, EINVAL,
				"group \"%s\": %s: is of one guest only: expected in add guest, set guest",
				g.name, bf_guest_keys[i].name);
	if (group->name[0] != '\0' && strcmp(g.name, group->name) != 0)
		return bf_err_set(err, EINVAL, "group \"%s\": name: \"%s\": expected no other name",
			group->name, g.name);
	*group = g;
	return 0;
}

bool
bf_group_config_is_equal(const struct bf_guest_config *a, const struct bf_guest_config *b)
{
	return a->given == b->given && bf_keys_are_equal(&bf_guest_table, a, b);
}

/* Keys with one default that have it. */
static void
defaults_forget(struct bf_guest_config *g)
{
	struct bf_guest_config plain;

	bf_guest_config_init(&plain);
	for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
		const struct bf_key *k = &bf_guest_keys[i];

		if (k->tenant == NULL && !(k->flags & BF_KEY_PROFILE) &&
			bf_key_is_equal(k, g, &plain))
			g->given &= ~(UINT64_C(1) << i);
	}
}

void
bf_config_follow_profile(const struct bf_config *c, struct bf_guest_config *g)
{
	const struct bf_guest_config *group = bf_config_find_group(c, g->group);

	if (!bf_guest_config_has_profile(g) &&
		(group == NULL || !bf_guest_config_has_profile(group)))
		bf_keys_set_profile(&bf_guest_table, g, c->profile);
	if (group != NULL)
		bf_keys_follow(&bf_guest_table, g, group);
}

void
bf_config_follow_group(const struct bf_config *c, struct bf_guest_config *g, const char *was)
{
	const struct bf_guest_config *group = bf_config_find_group(c, g->group);

	const struct bf_guest_config *left =
		strcmp(g->group, was) != 0 ? bf_config_find_group(c, was) : NULL;

	if (left != NULL && bf_guest_config_has_profile(left))
		bf_config_follow_profile(c, g);
	if (group != NULL || was[0] != '\0')
		bf_keys_follow(&bf_guest_table, g, group);
	if (group == NULL)
		defaults_forget(g);
	for (unsigned int q = g->queues; q < BF_MAX_QP; q++)
		g->pin[q] = 0; /* it has no such queue any more */
}

void
bf_config_follow_unset(const struct bf_config *c, struct bf_guest_config *g, bool had_profile)
{
	if (had_profile)
		bf_config_follow_profile(c, g);
	bf_keys_follow(&bf_guest_table, g, bf_config_find_group(c, g->group));
}

int
bf_config_add_group(struct bf_config *c, const struct bf_guest_config *group, struct bf_err *err)
{
	if (bf_config_find_group(c, group->name) != NULL)
		return bf_err_set(err, EINVAL, "group: \"%s\": already in use", group->name);
	if (c->n_groups == BF_MAX_GROUPS)
		return bf_err_set(err, EINVAL, "group: \"%s\": expected at most %d groups",
			group->name, BF_MAX_GROUPS);
	c->groups[c->n_groups++] = *group;
	return 0;
}

int
bf_config_replace_group(
	struct bf_config *c, const struct bf_guest_config *group, struct bf_err *err)
{
	const struct bf_guest_config *old = bf_config_find_group(c, group->name);
	bool had_profile;

	if (old == NULL)
		return bf_err_set(err, EINVAL, "group: \"%.60s\": no such group", group->name);
	had_profile = bf_guest_config_has_profile(old);
	c->groups[old - c->groups] = *group;
	for (uint32_t i = 0; i < c->n_guests; i++) {
		if (strcmp(c->guests[i].group, group->name) != 0)
			continue;
		if (had_profile)
			bf_config_follow_profile(c, &c->guests[i]);
		bf_config_follow_group(c, &c->guests[i], group->name);
	}
	bf_config_name_uplinks(c);
	return 0;
}

int
bf_config_remove_group(struct bf_config *c, const char *name, struct bf_err *err)
{
	const struct bf_guest_config *old = bf_config_find_group(c, name);
	struct bf_guest_config *group;

	if (old == NULL)
		return bf_err_set(err, EINVAL, "group: \"%.60s\": no such group", name);
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].group, name) == 0)
			return bf_err_set(err, EINVAL,
				"group: \"%s\": guest %s is in it: remove the guest, or give it another "
				"group: set guest %s group=NAME, or group=none",
				name, c->guests[i].name, c->guests[i].name);
	group = &c->groups[old - c->groups];
	memmove(group, group + 1, (size_t)(&c->groups[c->n_groups] - (group + 1)) * sizeof(*group));
	c->n_groups--;
	return 0;
}

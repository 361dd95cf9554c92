/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show group: port groups with their keys, and their guests with the keys of their own.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/options.h"
#include "control/snapshot/snapshot.h"

struct group_guest_row {
	char name[BF_NAME_MAX];
	struct bf_rows own;
};

static const struct bf_table own_table = BF_TABLE("key", struct bf_option_row, bf_option_fields,
	.shape = BF_SHAPE_MAP, .each = " {key}={value}");

static const struct bf_field group_guest_fields[] = {
	BF_FIELD(struct group_guest_row, name),
	BF_FIELD(struct group_guest_row, own, .table = &own_table),
};

static const struct bf_table group_guest_table = BF_TABLE("guest", struct group_guest_row,
	group_guest_fields, .each = "  {name:-16}{#own}{own}{/own}\n");

struct group_row {
	char name[BF_NAME_MAX];
	struct bf_rows keys, guests;
};

#define ROW struct group_row

static const struct bf_field group_fields[] = {
	BF_FIELD(ROW, name),
	BF_FIELD(ROW, keys, .table = &own_table),
	BF_FIELD(ROW, guests, .table = &group_guest_table),
};

static const struct bf_table group_table =
	BF_TABLE("group", ROW, group_fields, .text = "{name}:{keys}\n{guests}");

static void
gather_group(
	struct bf_bridge *br, const struct bf_guest_config *group, ROW *row, struct bf_snapshot *s)
{
	const struct bf_config *c = br->running;

	BF_ROW_TEXT(row->name, group->name);
	bf_gather_own_options(&bf_guest_table, group, &row->keys, s);
	for (uint32_t i = 0; i < c->n_guests; i++) {
		struct group_guest_row *guest;

		if (strcmp(c->guests[i].group, group->name) != 0)
			continue;
		guest = bf_rows_add(s, &row->guests, sizeof(*guest));
		BF_ROW_TEXT(guest->name, c->guests[i].name);
		bf_gather_own_options(&bf_guest_table, &c->guests[i], &guest->own, s);
	}
}

static void
gather_groups(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_config *c = br->running;

	for (uint32_t i = 0; i < c->n_groups; i++)
		if (only == NULL || strcmp(c->groups[i].name, only) == 0)
			gather_group(br, &c->groups[i], bf_rows_add(s, &s->rows, sizeof(ROW)), s);
}

const struct bf_show bf_show_groups = {
	.table = &group_table, .gather = gather_groups, .endpoint = "groups"};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show bonding config: bonds with their members and failovers.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "control/bridge.h"
#include "control/snapshot/members.h"
#include "control/snapshot/options.h"
#include "control/snapshot/snapshot.h"

/** A member by name and port. */
struct name_row {
	char name[BF_DEV_NAME_MAX];
	uint16_t port;
};

static const struct bf_field name_fields[] = {
	BF_FIELD(struct name_row, name),
	BF_FIELD(struct name_row, port),
};

static const struct bf_table name_table = BF_TABLE("name", struct name_row, name_fields,
	.shape = BF_SHAPE_VALUES, .text = "{^.first} {/.first}{port}");

static const struct bf_table missing_table = BF_TABLE("missing name", struct name_row, name_fields,
	.shape = BF_SHAPE_VALUES, .text = "{^.first} {/.first}{name}");

struct bond_row {
	char name[BF_NAME_MAX], mac[BF_MAC_TEXT_SIZE], primary[BF_DEV_NAME_MAX];
	const char *mode, *mode_word, *mode_in_force, *xmit_policy, *switch_side;
	const char *agg_mode; /* "" in other modes */
	uint32_t mode_number, mtu, speed_mbps, n_members, n_sending;
	uint64_t mode_held_ms;
	double mode_held_s;
	bool is_held, hashes, open, off, up, has_active;
	uint16_t port, active_port;
	char active_member[BF_DEV_NAME_MAX];
	struct bf_rows missing_members, members, active_members, standby_members, member_details,
		options;
	uint64_t failovers, announcements, lost_frames;
	struct bf_histogram first_frame;
};

#define ROW struct bond_row
#define OPEN BF_WHEN(ROW, open)

static const struct bf_field bond_fields[] = {
	BF_FIELD(ROW, name, .label = "bond"),
	BF_FIELD(ROW, mode, BF_INFO("bondfwd_bond", "How the bond is set up.")),
	BF_FIELD(ROW, mode_word, .text_only = true),
	BF_FIELD(ROW, mode_number),
	BF_FIELD(ROW, is_held, .text_only = true),
	BF_FIELD(ROW, mode_in_force, BF_INFO("bondfwd_bond", "How the bond is set up.")),
	BF_FIELD(ROW, mode_held_ms),
	BF_FIELD(ROW, mode_held_s, .text_only = true),
	BF_FIELD(ROW, xmit_policy, BF_INFO("bondfwd_bond", "How the bond is set up.")),
	BF_FIELD(ROW, hashes, .text_only = true),
	BF_FIELD(ROW, agg_mode, .text_only = true),
	BF_FIELD(ROW, open),
	BF_FIELD(ROW, off),
	BF_FIELD(ROW, up,
		BF_GAUGE("bondfwd_bond_up", NULL, "1 while a frame to the bond would leave.")),
	BF_FIELD(ROW, speed_mbps,
		BF_GAUGE("bondfwd_bond_speed_mbps", NULL,
			"Speed of the members that carry, in Mbit/s, 0: unknown or none does.")),
	BF_FIELD(ROW, n_members,
		BF_GAUGE("bondfwd_bond_members", NULL, "Members of the bond that have a device.")),
	BF_FIELD(ROW, n_sending,
		BF_GAUGE("bondfwd_bond_active_members", NULL, "Members that frames go by now.")),
	BF_FIELD(ROW, switch_side),
	BF_FIELD(ROW, primary, .text_only = true),
	BF_FIELD(ROW, missing_members, .table = &missing_table),
	BF_FIELD(ROW, mac, OPEN),
	BF_FIELD(ROW, port, OPEN),
	BF_FIELD(ROW, mtu),
	BF_FIELD(ROW, members, OPEN, .table = &name_table),
	BF_FIELD(ROW, active_members, OPEN, .table = &name_table),
	BF_FIELD(ROW, standby_members, OPEN, .table = &name_table),
	BF_FIELD(ROW, active_member, BF_WHEN(ROW, has_active)),
	BF_FIELD(ROW, active_port, .text_only = true),
	BF_FIELD(ROW, failovers,
		BF_COUNTER(
			"bondfwd_failovers", NULL, "Changes of the members that carry traffic.")),
	BF_FIELD(ROW, announcements,
		BF_COUNTER("bondfwd_failover_announcements", NULL,
			"Frames that announced guests after them.")),
	BF_FIELD(ROW, lost_frames,
		BF_COUNTER("bondfwd_failover_lost", "frames",
			"Frames dropped meanwhile for want of a member.")),
	BF_FIELD(ROW, first_frame,
		BF_HISTOGRAM("bondfwd_failover_first_frame", "seconds",
			"From the loss of a member to the first frame on another one.")),
	BF_FIELD(ROW, member_details, .table = &bf_members_table, .apart = true),
	BF_FIELD(ROW, options, .table = &bf_options_table),
};

static const struct bf_table bond_table = BF_TABLE("bond", ROW, bond_fields,
	.text = "  - Dev basic:\n\tBonding mode: {mode_word}({mode_number}) {mode}\n"
		"{#is_held}\tMode in force: {mode_in_force}, until LACP distributes, {mode_held_s:.1} s "
		"at most; for good when no partner speaks LACP\n{/is_held}"
		"{#off}\tSwitched off: set link-up port {name}\n{/off}"
		"{#hashes}\tBalance Xmit Policy: {xmit_policy}\n{/hashes}"
		"{#agg_mode}\tIEEE802.3AD Aggregator Mode: {agg_mode}\n{/agg_mode}"
		"\tSwitch side: {switch_side}\n"
		"{#primary}\tUser Defined Primary: [{primary}]\n{/primary}"
		"{#missing_members.n}\tMissing ({missing_members.n}): [{missing_members}]\n"
		"{/missing_members.n}"
		"\tMembers ({members.n}): [{members}]\n"
		"{#open}\tActive Members ({active_members.n}): [{active_members}]\n"
		"{#standby_members.n}\tStandby Members ({standby_members.n}): [{standby_members}]\n"
		"{/standby_members.n}"
		"{#active_member}\tCurrent Primary: [{active_port}]\n{/active_member}"
		"\tMAC address: {mac}\n\tMTU: {mtu}\n\tFailovers: {failovers}\n\tMember details:\n"
		"{/open}{member_details}");

static void
gather_mode(const struct bf_bond *b, const struct bf_bond_config *c, ROW *row)
{
	static const char *const words[] = {
		"ROUND_ROBIN", "ACTIVE_BACKUP", "BALANCE", "BROADCAST", "8023AD", "TLB", "ALB"};
	uint64_t now_ms = bf_clock_ms();

	row->mode = bf_mode_names[c->mode];
	row->mode_word = words[c->mode];
	row->mode_number = c->mode;
	row->is_held = b->open && b->held_until_ms != 0;
	row->mode_in_force = bf_mode_names[row->is_held ? b->held_mode : c->mode];
	if (row->is_held && b->held_until_ms > now_ms)
		row->mode_held_ms = b->held_until_ms - now_ms;
	row->mode_held_s = (double)row->mode_held_ms / 1000;
	row->xmit_policy = bf_policy_names[c->policy];
	row->hashes = c->mode == BF_MODE_XOR || c->mode == BF_MODE_8023AD;
	row->switch_side = bf_mode_hints[c->mode];
}

static void
gather_open(const struct bf_bridge *br, const struct bf_uplink *u, ROW *row, struct bf_snapshot *s)
{
	const struct bf_bond *b = &u->bond;
	uint32_t used = bf_members_sending(br, u);

	row->up = used != 0;
	row->speed_mbps = bf_bond_speed(b);
	row->n_members = b->n_members;
	row->n_sending = (uint32_t)__builtin_popcount(used);
	bf_mac_text(b->mac.addr_bytes, row->mac);
	row->port = b->port;
	row->has_active = b->active >= 0;
	if (row->has_active) {
		BF_ROW_TEXT(row->active_member, b->members[b->active].name);
		row->active_port = b->members[b->active].port;
	}
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct name_row name = {.port = b->members[i].port};

		BF_ROW_TEXT(name.name, b->members[i].name);
		memcpy(bf_rows_add(s, &row->members, sizeof(name)), &name, sizeof(name));
		if (used & 1u << b->members[i].bit)
			memcpy(bf_rows_add(s, &row->active_members, sizeof(name)), &name,
				sizeof(name));
		if (b->members[i].standby)
			memcpy(bf_rows_add(s, &row->standby_members, sizeof(name)), &name,
				sizeof(name));
	}
}

static void
gather_failovers(const struct bf_failovers *f, ROW *row)
{
	row->failovers = f->n;
	row->announcements = f->announced;
	row->lost_frames = f->lost;
	row->first_frame.upper = bf_failover_bin_s;
	row->first_frame.n_bins = BF_FAILOVER_BINS;
	memcpy(row->first_frame.bins, f->bins, sizeof(f->bins));
	row->first_frame.count = f->timed;
	row->first_frame.sum = f->timed_s;
}

static void
gather_bond(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_snapshot *s)
{
	const struct bf_bond_config *c = bf_config_find_bond(br->running, u->name);
	ROW *row;

	if (c == NULL)
		return;
	row = bf_rows_add(s, &s->rows, sizeof(*row));
	BF_ROW_TEXT(row->name, u->name);
	BF_ROW_TEXT(row->primary, c->primary);
	gather_mode(&u->bond, c, row);
	row->agg_mode = c->mode == BF_MODE_8023AD
		? bf_lacp_select_name((enum bf_lacp_select)c->agg_mode)
		: "";
	row->open = u->bond.open;
	row->off = u->bond.off;
	row->mtu = u->bond.open ? u->bond.cfg.mtu : c->mtu;
	for (uint32_t i = 0; i < u->missing.n; i++) {
		struct name_row *name = bf_rows_add(s, &row->missing_members, sizeof(*name));

		BF_ROW_TEXT(name->name, u->missing.members[i].name);
	}
	if (u->bond.open)
		gather_open(br, u, row, s);
	gather_failovers(&u->failovers, row);
	if (s->in_full)
		bf_gather_members(br, u, &row->member_details, s);
	bf_gather_options(bf_bond_keys, bf_n_bond_keys, c, &row->options, s);
}

static void
gather_bonds(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0' &&
			(only == NULL || strcmp(br->up[k].name, only) == 0))
			gather_bond(br, &br->up[k], s);
}

const struct bf_show bf_show_bonds = {.table = &bond_table,
	.gather = gather_bonds,
	.named_is_one = true,
	.metrics = true,
	.endpoint = "bonds"};

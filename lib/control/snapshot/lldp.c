/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show lldp: neighbours of members, what was sent and heard, and cables that go where they should not.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/lldp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/bond/lldp.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

/* ---- neighbours ---- */

#define ROW struct bf_lldp_row

struct vlan_row {
	uint16_t id;
	char name[33];
};

static const struct bf_field vlan_fields[] = {
	BF_FIELD(struct vlan_row, id),
	BF_FIELD(struct vlan_row, name),
};

static const struct bf_table vlan_table =
	BF_TABLE("lldp vlan", struct vlan_row, vlan_fields, .text = " {id}{#name} ({name}){/name}");

static const struct bf_field neighbor_fields[] = {
	BF_FIELD(ROW, bond),
	BF_FIELD(ROW, member),
	BF_FIELD(ROW, system, .text_only = true),
	BF_FIELD(ROW, counts, .text_only = true),
	BF_FIELD(ROW, chassis_id),
	BF_FIELD(ROW, chassis_id_kind),
	BF_FIELD(ROW, port_id),
	BF_FIELD(ROW, port_id_kind),
	BF_FIELD(ROW, port_description),
	BF_FIELD(ROW, system_name),
	BF_FIELD(ROW, system_description),
	BF_FIELD(ROW, capabilities),
	BF_FIELD(ROW, management_address),
	BF_FIELD(ROW, ttl_s),
	BF_FIELD(ROW, known_s),
	BF_FIELD(ROW, heard_s),
	BF_FIELD(ROW, expires_s),
	BF_FIELD(ROW, lag, .text_only = true),
	BF_FIELD(ROW, lag_capable, BF_WHEN(ROW, has_lag)),
	BF_FIELD(ROW, lag_enabled, BF_WHEN(ROW, has_lag)),
	BF_FIELD(ROW, lag_port, BF_WHEN(ROW, has_lag)),
	BF_FIELD(ROW, pvid, BF_WHEN(ROW, has_pvid)),
	BF_FIELD(ROW, vlans, .table = &vlan_table),
	BF_FIELD(ROW, max_frame),
	BF_FIELD(ROW, has_phy, .text_only = true),
	BF_FIELD(ROW, autonegotiation, BF_WHEN(ROW, has_phy)),
	BF_FIELD(ROW, mau_type, BF_WHEN(ROW, has_phy)),
};

static const struct bf_table neighbor_table = BF_TABLE("lldp neighbor", ROW, neighbor_fields,
	.head = "Member               System               Port                 LAG    Seconds left\n",
	.text = "{member:-20} {system:-20} {port_id:-20} {lag:-6} {expires_s}\n");

const struct bf_table bf_lldp_of_member_table = BF_TABLE("lldp neighbor of a member", ROW,
	neighbor_fields, .text = "\t\t\tneighbor: {system}, port {port_id}, LAG: {lag}\n");

const struct bf_table bf_lldp_detail_table = BF_TABLE("lldp neighbor in detail", ROW,
	neighbor_fields,
	.text = "{member} ({bond})\n"
		"  System: {system}\n"
		"  Chassis: {chassis_id} ({chassis_id_kind})\n"
		"  Port: {port_id} ({port_id_kind})\n"
		"{#port_description}  Port description: {port_description}\n{/port_description}"
		"{#system_description}  System description: {system_description}\n{/system_description}"
		"{#capabilities}  Capabilities in use: {capabilities}\n{/capabilities}"
		"{#management_address}  Management address: {management_address}\n"
		"{/management_address}"
		"  LAG: {lag}\n"
		"{#pvid}  VLAN of untagged frames: {pvid}\n{/pvid}"
		"{#vlans.n}  VLANs:{vlans}\n{/vlans.n}"
		"{#max_frame}  Longest frame: {max_frame}\n{/max_frame}"
		"{#has_phy}  Autonegotiation: {#autonegotiation}on{/autonegotiation}"
		"{^autonegotiation}off{/autonegotiation}\n{/has_phy}"
		"  Known for {known_s} s, heard {heard_s} s ago, ends in {expires_s} s unless heard again\n");

static void
gather_ids(const struct bf_lldp_pdu *pdu, ROW *row, struct bf_snapshot *s)
{
	char text[BF_LLDP_ID_TEXT_SIZE];

	bf_lldp_system_text(pdu, text, sizeof(text));
	row->system = bf_snapshot_copy(s, text);
	bf_lldp_chassis_text(&pdu->chassis, text, sizeof(text));
	row->chassis_id = bf_snapshot_copy(s, text);
	row->chassis_id_kind = bf_lldp_chassis_kind(pdu->chassis.subtype);
	bf_lldp_port_text(&pdu->port, text, sizeof(text));
	row->port_id = bf_snapshot_copy(s, text);
	row->port_id_kind = bf_lldp_port_kind(pdu->port.subtype);
	row->system_name = bf_snapshot_copy(s, pdu->system_name);
	row->system_description = bf_snapshot_copy(s, pdu->system_description);
	row->port_description = bf_snapshot_copy(s, pdu->port_description);
	row->management_address = bf_snapshot_copy(s, pdu->management);
	bf_lldp_capabilities_text(pdu->enabled, row->capabilities, sizeof(row->capabilities));
}

static void
gather_lag(const struct bf_lldp_pdu *pdu, ROW *row)
{
	row->has_lag = pdu->has_lag;
	row->lag_capable = pdu->lag_capable;
	row->lag_enabled = pdu->lag_enabled;
	row->lag_port = pdu->lag_port;
	if (!pdu->has_lag)
		BF_ROW_TEXT(row->lag, "-");
	else if (!pdu->lag_enabled)
		BF_ROW_TEXT(row->lag, "none");
	else
		snprintf(row->lag, sizeof(row->lag), "%" PRIu32, pdu->lag_port);
}

static uint32_t
span_seconds(uint64_t from_ms, uint64_t to_ms)
{
	return to_ms <= from_ms ? 0 : (uint32_t)((to_ms - from_ms) / 1000);
}

static void
gather_neighbor(const struct bf_uplink *u, const char *member, const struct bf_lldp_neighbor *n,
	bool counts, struct bf_rows *rows, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, rows, sizeof(*row));
	const struct bf_lldp_pdu *pdu = &n->pdu;
	uint64_t now_ms = bf_clock_ms();

	row->counts = counts;
	BF_ROW_TEXT(row->bond, u->name);
	BF_ROW_TEXT(row->member, member);
	gather_ids(pdu, row, s);
	gather_lag(pdu, row);
	row->ttl_s = pdu->ttl_s;
	row->known_s = span_seconds(n->since_ms, now_ms);
	row->heard_s = span_seconds(n->heard_ms, now_ms);
	row->expires_s = span_seconds(now_ms, n->expires_ms);
	row->has_pvid = pdu->has_pvid;
	row->pvid = pdu->pvid;
	row->max_frame = pdu->max_frame;
	row->has_phy = pdu->has_phy;
	row->autonegotiation = pdu->autoneg_enabled;
	row->mau_type = pdu->mau_type;
	for (unsigned int i = 0; i < pdu->n_vlans; i++) {
		struct vlan_row *vlan = bf_rows_add(s, &row->vlans, sizeof(*vlan));

		vlan->id = pdu->vlans[i].id;
		BF_ROW_TEXT(vlan->name, pdu->vlans[i].name);
	}
}

void
bf_gather_lldp(
	const struct bf_uplink *u, const char *member, struct bf_rows *rows, struct bf_snapshot *s)
{
	const struct bf_lldp_member *l = bf_bond_lldp_of(&u->bond, member);
	const struct bf_lldp_neighbor *first = bf_lldp_main_neighbor(l);

	if (first != NULL)
		gather_neighbor(u, member, first, true, rows, s);
	for (uint32_t i = 0; l != NULL && i < l->n; i++)
		if (&l->at[i] != first)
			gather_neighbor(u, member, &l->at[i], false, rows, s);
}

static void
gather_neighbors(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &br->up[k].bond;

		for (unsigned int i = 0; b->open && i < b->n_members; i++)
			if (only == NULL || strcmp(b->members[i].name, only) == 0)
				bf_gather_lldp(&br->up[k], b->members[i].name, &s->rows, s);
	}
}

const struct bf_show bf_show_lldp_neighbors = {
	.table = &neighbor_table, .gather = gather_neighbors, .endpoint = "lldp_neighbors"};
const struct bf_show bf_show_lldp_details = {
	.table = &bf_lldp_detail_table, .gather = gather_neighbors};

#undef ROW

/* ---- bonds ---- */

struct member_row {
	char name[BF_DEV_NAME_MAX], last_error[128];
	uint32_t neighbors;
	struct bf_lldp_counters count;
};

#define ROW struct member_row
#define COUNT(field, help) \
	BF_FIELD_AS(ROW, count.field, #field, BF_COUNTER("bondfwd_lldp_" #field, NULL, help))

static const struct bf_field member_fields[] = {
	BF_FIELD(ROW, name, .label = "member"),
	BF_FIELD(ROW, neighbors,
		BF_GAUGE("bondfwd_lldp_neighbors", NULL, "Neighbours that the member hears.")),
	COUNT(rx, "LLDP frames received, without those dropped as lldp_flood."),
	COUNT(tx, "LLDP frames sent."),
	COUNT(rx_errors, "LLDP frames that are malformed."),
	COUNT(rx_limited, "LLDP frames beyond 50 in a second."),
	COUNT(tlv_errors, "Optional TLVs that are malformed."),
	COUNT(tlv_unknown, "TLVs of a kind that is not read."),
	COUNT(aged, "Neighbours whose time to live ended."),
	COUNT(crowded_out, "Neighbours that gave way to others at the same member."),
	BF_FIELD(ROW, last_error),
};

static const struct bf_table member_table = BF_TABLE("lldp member", ROW, member_fields,
	.text = "  {name}: neighbors {neighbors}, received {rx}, sent {tx}, malformed {rx_errors}"
		"{#last_error}, last: {last_error}{/last_error}\n");

#undef ROW
#undef COUNT

struct cabling_row {
	char member[BF_DEV_NAME_MAX], text[256];
	const char *problem;
};

static const struct bf_field cabling_fields[] = {
	BF_FIELD(struct cabling_row, problem),
	BF_FIELD(struct cabling_row, member),
	BF_FIELD(struct cabling_row, text),
};

static const struct bf_table cabling_table = BF_TABLE("cabling", struct cabling_row, cabling_fields,
	.text = "  Cabling: {member}: {problem}: {text}\n");

struct lldp_row {
	char bond[BF_NAME_MAX];
	const char *lldp;
	uint32_t problems;
	struct bf_rows members, cabling;
};

#define ROW struct lldp_row

static const struct bf_field lldp_fields[] = {
	BF_FIELD(ROW, bond, .label = "bond"),
	BF_FIELD(ROW, lldp),
	BF_FIELD(ROW, problems,
		BF_GAUGE("bondfwd_cabling_problems", NULL,
			"Members whose cable, by LLDP, does not go where the mode needs it.")),
	BF_FIELD(ROW, cabling, .table = &cabling_table),
	BF_FIELD(ROW, members, .table = &member_table),
};

static const struct bf_table lldp_table =
	BF_TABLE("lldp", ROW, lldp_fields, .text = "{bond}: lldp={lldp}\n{members}{cabling}");

static void
gather_member(const struct bf_bond *b, unsigned int i, struct bf_rows *rows, struct bf_snapshot *s)
{
	const struct bf_lldp_member *l = bf_bond_lldp_of(b, b->members[i].name);
	struct member_row *row = bf_rows_add(s, rows, sizeof(*row));

	BF_ROW_TEXT(row->name, b->members[i].name);
	if (l == NULL)
		return;
	row->neighbors = l->n;
	row->count = l->count;
	BF_ROW_TEXT(row->last_error, l->last_error);
}

static void
gather_cabling(const struct bf_bond *b, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint32_t i = 0; b->lldp != NULL && i < b->lldp->cabling.n; i++) {
		const struct bf_cabling_finding *f = &b->lldp->cabling.at[i];
		struct cabling_row *row;

		if (!f->told)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		row->problem = bf_cabling_names[f->problem];
		BF_ROW_TEXT(row->member, f->member);
		BF_ROW_TEXT(row->text, f->text);
	}
}

static void
gather_lldp(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	static const char *const names[] = {"off", "rx", "both"};

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &br->up[k].bond;
		ROW *row;

		if (!b->open || (only != NULL && strcmp(br->up[k].name, only) != 0))
			continue;
		row = bf_rows_add(s, &s->rows, sizeof(*row));
		BF_ROW_TEXT(row->bond, br->up[k].name);
		row->lldp = names[b->cfg.lldp];
		for (unsigned int i = 0; i < b->n_members; i++)
			gather_member(b, i, &row->members, s);
		gather_cabling(b, &row->cabling, s);
		row->problems = row->cabling.n;
	}
}

const struct bf_show bf_show_lldp = {
	.table = &lldp_table, .gather = gather_lldp, .metrics = true, .endpoint = "lldp"};

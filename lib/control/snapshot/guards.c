/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show guest NAME guards: which addresses a guest may use, where it has them from, and what its guards
 * have dropped.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "base/mac_list.h"
#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/snapshot.h"

struct address_row {
	char address[BF_MAC_TEXT_SIZE + 4];
	const char *from; /* "set", "auto", "learned", "team" */
};

static const struct bf_field address_fields[] = {
	BF_FIELD(struct address_row, address),
	BF_FIELD(struct address_row, from),
};

static const struct bf_table address_table = BF_TABLE(
	"guarded address", struct address_row, address_fields, .text = "  {address:-20}  {from}\n");

struct ip_row {
	char address[56];
	const char *from; /* "set", "dhcp" */
	bool ends;
	uint64_t seconds; /* that it is left to it */
};

static const struct bf_field ip_fields[] = {
	BF_FIELD(struct ip_row, address),
	BF_FIELD(struct ip_row, from),
	BF_FIELD(struct ip_row, seconds, BF_WHEN(struct ip_row, ends)),
	BF_FIELD(struct ip_row, ends, .text_only = true),
};

static const struct bf_table ip_table = BF_TABLE("guarded IP address", struct ip_row, ip_fields,
	.text = "  {address:-20}  {from}{#ends}, for {seconds} s{/ends}\n");

struct guard_drop_row {
	const char *reason, *help;
	uint64_t frames;
};

static const struct bf_field guard_drop_fields[] = {
	BF_FIELD(struct guard_drop_row, reason),
	BF_FIELD(struct guard_drop_row, frames),
	BF_FIELD(struct guard_drop_row, help),
};

static const struct bf_table guard_drop_table = BF_TABLE("guard drop", struct guard_drop_row,
	guard_drop_fields, .text = "  {reason:-18} {frames:12}  {help}\n");

struct guards_row {
	char guest[BF_NAME_MAX], team[BF_NAME_MAX];
	bool mac_guard, protocol_guard, dhcp_guard, ra_guard, learns, ips_judged, awaits_lease;
	uint32_t bound, limit;
	struct bf_rows addresses, ips, drops;
};

#define ROW struct guards_row

static const struct bf_field guards_fields[] = {
	BF_FIELD(ROW, guest),
	BF_FIELD(ROW, mac_guard),
	BF_FIELD(ROW, protocol_guard),
	BF_FIELD(ROW, dhcp_guard),
	BF_FIELD(ROW, ra_guard),
	BF_FIELD(ROW, learns),
	BF_FIELD(ROW, bound),
	BF_FIELD(ROW, limit),
	BF_FIELD(ROW, team),
	BF_FIELD(ROW, addresses, .table = &address_table),
	BF_FIELD(ROW, ips_judged),
	BF_FIELD(ROW, awaits_lease, .text_only = true),
	BF_FIELD(ROW, ips, .table = &ip_table),
	BF_FIELD(ROW, drops, .table = &guard_drop_table),
};

static const struct bf_table guards_table = BF_TABLE("guards", ROW, guards_fields,
	.text = "{guest}: mac_guard {#mac_guard}on{/mac_guard}{^mac_guard}off{/mac_guard}, "
		"protocol_guard {#protocol_guard}on{/protocol_guard}{^protocol_guard}off"
		"{/protocol_guard}, dhcp_guard {#dhcp_guard}on{/dhcp_guard}{^dhcp_guard}off"
		"{/dhcp_guard}, ra_guard {#ra_guard}on{/ra_guard}{^ra_guard}off{/ra_guard}{#team}, team {team}{/team}\n"
		"{#learns}Learned {bound} of {limit} addresses\n{/learns}{addresses}"
		"{#ips.n}IP addresses\n{/ips.n}{ips}"
		"{#awaits_lease}No lease yet: its IP addresses are not judged\n{/awaits_lease}"
		"{#drops.n}Dropped\n{/drops.n}{drops}");

static const enum bf_drop guard_drops[] = {BF_DROP_FORGED_MAC, BF_DROP_MAC_LIMIT,
	BF_DROP_CONTROL_PROTOCOL, BF_DROP_ROGUE_DHCP, BF_DROP_ROGUE_ROUTER, BF_DROP_HIDDEN_HEADER,
	BF_DROP_FORGED_IP, BF_DROP_FORGED_NEIGHBOR, BF_DROP_NOT_ITS_IP, BF_DROP_NOT_ADDRESSED};

/* Set, by an address or by auto, learned, or of another guest of the team. */
static const char *
word_from(const struct bf_guest *g, uint64_t word)
{
	uint64_t mac = word & BF_FDB_MAC_MASK;

	for (uint32_t i = 0; i < g->guard.n_bound; i++)
		if (word == BF_GUARD_WORD(g->guard.bound[i], 48))
			return "learned";
	for (uint32_t i = 0; i < g->cfg.mac.n; i++) {
		struct bf_mac_prefix p = bf_guest_config_mac(&g->cfg, i);

		if (memcmp(p.addr, &mac, sizeof(p.addr)) == 0 && p.len == word >> 48)
			return g->cfg.mac.at[i].len == 0 ? "auto" : "set";
	}
	return "team";
}

static void
gather_addresses(const struct bf_guest *g, struct bf_rows *rows, struct bf_snapshot *s)
{
	const struct bf_guard *w = g->guard.words;

	for (uint32_t i = 0; i < w->n; i++) {
		struct address_row *row = bf_rows_add(s, rows, sizeof(*row));
		struct bf_mac_list one = {.n = 1};

		memcpy(one.at[0].addr, &w->mac[i], sizeof(one.at[0].addr));
		one.at[0].len = (uint8_t)(w->mac[i] >> 48);
		bf_mac_list_print(&one, row->address, sizeof(row->address));
		row->from = word_from(g, w->mac[i]);
	}
}

static void
gather_ips(const struct bf_guest *g, struct bf_rows *rows, struct bf_snapshot *s)
{
	uint64_t now_ms = bf_clock_ms();

	for (uint32_t i = 0; i < g->cfg.ip.n; i++) {
		struct ip_row *row = bf_rows_add(s, rows, sizeof(*row));

		bf_ip_prefix_print(&g->cfg.ip.at[i], row->address, sizeof(row->address));
		row->from = "set";
	}
	for (uint32_t i = 0; i < g->leases.n; i++) {
		struct ip_row *row = bf_rows_add(s, rows, sizeof(*row));
		const struct bf_lease *lease = &g->leases.at[i];

		bf_ip_prefix_print(&lease->of, row->address, sizeof(row->address));
		row->from = "dhcp";
		row->ends = lease->until_ms != BF_LEASE_FOREVER && lease->until_ms > now_ms;
		row->seconds = row->ends ? (lease->until_ms - now_ms) / 1000 : 0;
	}
}

static void
gather_guest(const struct bf_bridge *br, const struct bf_guest *g, ROW *row, struct bf_snapshot *s)
{
	struct bf_port_counters c;

	BF_ROW_TEXT(row->guest, g->cfg.name);
	BF_ROW_TEXT(row->team, g->cfg.team);
	row->mac_guard = g->cfg.mac_guard;
	row->protocol_guard = g->cfg.protocol_guard;
	row->dhcp_guard = g->cfg.dhcp_guard;
	row->ra_guard = g->cfg.ra_guard;
	row->learns = g->cfg.mac_guard && g->cfg.mac.n == 0;
	row->bound = g->guard.n_bound;
	row->limit = g->cfg.mac_limit;
	if (g->cfg.mac_guard)
		gather_addresses(g, &row->addresses, s);
	row->ips_judged = bf_leases_judge(g);
	row->awaits_lease = g->cfg.ip.dhcp && !row->ips_judged;
	gather_ips(g, &row->ips, s);
	bf_stats_port(br, g->slot, &c);
	for (unsigned int i = 0; i < sizeof(guard_drops) / sizeof(guard_drops[0]); i++) {
		struct guard_drop_row *d;

		if (c.drops[guard_drops[i]] == 0)
			continue;
		d = bf_rows_add(s, &row->drops, sizeof(*d));
		d->reason = bf_drop_info[guard_drops[i]].name;
		d->help = bf_drop_info[guard_drops[i]].help;
		d->frames = c.drops[guard_drops[i]];
	}
}

static void
gather_guards(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];

		if (g != NULL && (only == NULL || strcmp(g->cfg.name, only) == 0))
			gather_guest(br, g, bf_rows_add(s, &s->rows, sizeof(ROW)), s);
	}
}

const struct bf_show bf_show_guards = {.table = &guards_table,
	.gather = gather_guards,
	.named_is_one = true,
	.endpoint = "guards"};

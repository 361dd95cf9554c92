/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Members of bonds: links, who carries, counters.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/members.h"

#include <stdio.h>
#include <string.h>

#include "control/bond/link_detect.h"
#include "control/bond/spares.h"
#include "control/bridge.h"
#include "control/memory/nodes.h"
#include "control/observe/stats.h"
#include "control/snapshot/lldp.h"
#include "control/snapshot/options.h"
#include "control/snapshot/snapshot.h"
#include "dataplane/member.h"

struct member_row {
	char bond[BF_NAME_MAX], name[BF_DEV_NAME_MAX], speed[32];
	uint16_t port;
	bool there, missing;
	int node;
	bool has_node;
	bool link, link_interrupt_missing, is_polled;
	const char *link_watch, *trouble;
	bool card_checksums, card_segments, card_verifies;
	bool usable, sending, carries, collecting, standby, stands_in, off, gone, drained, draining,
		damped, probe_failed;
	bool full_duplex; /* or not known */
	uint32_t speed_mbps, link_speed_mbps; /* as last told; 0 without a link */
	uint64_t link_losses, probes_sent, probes_answered;
	struct bf_member_counters c;
	struct bf_rows neighbors, options;
};

#define ROW struct member_row

static const struct bf_field member_fields[] = {
	BF_FIELD(ROW, bond, .label = "bond"),
	BF_FIELD(ROW, name, .label = "member"),
	BF_FIELD(ROW, port, BF_WHEN(ROW, there)),
	BF_FIELD(ROW, missing,
		BF_GAUGE("bondfwd_member_missing", NULL, "1 while the member has no device.")),
	BF_FIELD(ROW, node),
	BF_FIELD(ROW, has_node, .text_only = true),
	BF_FIELD(ROW, link, BF_GAUGE("bondfwd_member_up", NULL, "1 while the member has a link.")),
	BF_FIELD(ROW, link_watch),
	BF_FIELD(ROW, is_polled, .text_only = true),
	BF_FIELD(ROW, link_interrupt_missing),
	BF_FIELD(ROW, card_checksums),
	BF_FIELD(ROW, card_segments),
	BF_FIELD(ROW, card_verifies),
	BF_FIELD(ROW, usable,
		BF_GAUGE("bondfwd_member_usable", NULL,
			"1 while the member has a link, with its delays applied.")),
	BF_FIELD(ROW, sending),
	BF_FIELD(ROW, carries,
		BF_GAUGE("bondfwd_member_carries", NULL, "1 while the bond sends by the member.")),
	BF_FIELD(ROW, collecting,
		BF_GAUGE("bondfwd_member_collecting", NULL,
			"1 while frames from the member are switched.")),
	BF_FIELD(ROW, trouble, .text_only = true),
	BF_FIELD(ROW, standby,
		BF_GAUGE("bondfwd_member_standby", NULL,
			"1 while the member could carry and others do: a spare, or max_links.")),
	BF_FIELD(ROW, stands_in,
		BF_GAUGE("bondfwd_member_stands_in", NULL,
			"1 while the member is a spare that carries traffic in place of another.")),
	BF_FIELD(ROW, off),
	BF_FIELD(ROW, gone),
	BF_FIELD(ROW, drained),
	BF_FIELD(ROW, draining),
	BF_FIELD(ROW, damped),
	BF_FIELD(ROW, speed, .text_only = true),
	BF_FIELD(ROW, speed_mbps),
	BF_FIELD(ROW, link_speed_mbps,
		BF_GAUGE("bondfwd_member_speed_mbps", NULL,
			"Speed of the link in Mbit/s, 0: unknown or down.")),
	BF_FIELD(ROW, full_duplex),
	BF_FIELD(ROW, link_losses, BF_COUNTER("bondfwd_member_link_losses", NULL, "Links lost.")),
	BF_FIELD(ROW, probe_failed,
		BF_GAUGE("bondfwd_member_probe_failed", NULL,
			"1 while no target of the probes answers by the member.")),
	BF_FIELD(ROW, probes_sent,
		BF_COUNTER("bondfwd_member_probes_sent", NULL, "Probes sent by the member.")),
	BF_FIELD(ROW, probes_answered,
		BF_COUNTER("bondfwd_member_probes_answered", NULL, "Probes that were answered.")),
	BF_FIELD_AS(ROW, c.tx_frames, "tx_frames",
		BF_COUNTER("bondfwd_member_transmit", "frames", "Frames sent.")),
	BF_FIELD_AS(ROW, c.tx_bytes, "tx_bytes",
		BF_COUNTER("bondfwd_member_transmit", "bytes", "Bytes sent, without FCS.")),
	BF_FIELD_AS(ROW, c.tx_full, "tx_full",
		BF_COUNTER("bondfwd_member_transmit_full", "frames",
			"Frames dropped because the member's ring was full.")),
	BF_FIELD(ROW, neighbors, .table = &bf_lldp_of_member_table),
	BF_FIELD(ROW, options, .table = &bf_options_table),
};

const struct bf_table bf_members_table = BF_TABLE("member", ROW, member_fields,
	.text = "\t\t{name} (port {#missing}-{/missing}{^missing}{port}{/missing}): "
		"link {#link}up{/link}{^link}down{/link}, {^sending}not {/sending}sending"
		"{#trouble}, {trouble}{/trouble}, {speed}, link losses {link_losses}, "
		"tx frames {tx_frames}, tx bytes {tx_bytes}, link watched by "
		"{#missing}-{/missing}{^missing}{#link_interrupt_missing}"
		"polling, its interrupt does not come{/link_interrupt_missing}"
		"{^link_interrupt_missing}{#is_polled}polling{/is_polled}"
		"{^is_polled}interrupt{/is_polled}{/link_interrupt_missing}{/missing}"
		"{#card_segments}, card: checksums and segments{/card_segments}"
		"{^card_segments}{#card_checksums}, card: checksums{/card_checksums}{/card_segments}"
		"{#has_node}, node {node}{/has_node}\n{neighbors}");

uint32_t
bf_members_sending(const struct bf_bridge *br, const struct bf_uplink *u)
{
	const struct bf_bond_view *v = &br->lcores.view->bonds[u->bond.number];
	uint32_t usable = v->carrier != NULL ? bf_bond_usable(v) : 0; /* no view of it yet */

	return usable != 0 && v->tx == BF_TX_ORDER ? 1u << bf_bond_first(v, usable) : usable;
}

/* What is wrong with a member, or why it carries nothing, in a word or two. */
static const char *
trouble_of(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	return m->gone        ? "gone"
		: m->off      ? "switched off"
		: m->damped   ? "flaps"
		: m->draining ? "draining"
		: m->drained  ? "drained"
		: m->standby  ? bf_spares_word(b, i)
			      : "";
}

static void
gather_link(const struct bf_member *m, ROW *row)
{
	row->link = m->carrier;
	row->is_polled = bf_link_detect_asks(m);
	row->link_watch = row->is_polled ? "poll" : "interrupt";
	row->link_interrupt_missing = m->interrupt_failed;
	row->link_losses = m->flaps;
	row->speed_mbps = m->speed_mbps;
	row->full_duplex = m->full_duplex || !m->carrier;
	row->link_speed_mbps = m->carrier ? m->speed_mbps : 0;
}

static void
gather_state(const struct bf_bond *b, unsigned int i, ROW *row)
{
	const struct bf_member *m = &b->members[i];

	row->usable = m->usable;
	row->collecting = m->collecting;
	row->trouble = trouble_of(b, i);
	row->standby = m->standby;
	row->stands_in = m->stands_in;
	row->off = m->off;
	row->gone = m->gone;
	row->drained = m->drained;
	row->draining = m->draining;
	row->damped = m->damped;
	row->card_checksums = m->offloads != 0;
	row->card_segments = (m->offloads & BF_OFFLOAD_TSO) != 0;
	row->card_verifies = m->verifies;
	row->probe_failed = m->probe_failed;
	row->probes_sent = m->probes_sent;
	row->probes_answered = m->probes_answered;
}

static void
gather_member(const struct bf_bridge *br, const struct bf_uplink *u, unsigned int i,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, rows, sizeof(*row));
	const struct bf_member *m = &u->bond.members[i];
	uint32_t bit = 1u << m->bit;

	row->there = true;
	BF_ROW_TEXT(row->bond, u->name);
	BF_ROW_TEXT(row->name, m->name);
	row->port = m->port;
	row->node = bf_nodes_of_port(m->port);
	row->has_node = bf_nodes_are_several() && row->node >= 0;
	row->sending = (bf_members_sending(br, u) & bit) != 0;
	row->carries = (bf_bond_carrying(&u->bond) & bit) != 0;
	gather_link(m, row);
	gather_state(&u->bond, i, row);
	bf_bond_speed_text(row->speed_mbps, row->speed, sizeof(row->speed));
	bf_stats_member(br, u->bond.number, m->bit, &row->c);
	bf_gather_lldp(u, m->name, &row->neighbors, s);
	bf_gather_options(
		bf_member_keys, bf_n_member_keys, &u->bond.cfg.members[i], &row->options, s);
}

/* As far as that can be shown. */
static void
gather_missing(const struct bf_uplink *u, const struct bf_member_config *c, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, rows, sizeof(*row));

	row->missing = true;
	BF_ROW_TEXT(row->bond, u->name);
	BF_ROW_TEXT(row->name, c->name);
	row->node = BF_NODE_UNKNOWN;
	row->full_duplex = true;
	row->link_watch = "none";
	row->trouble = "missing";
	row->drained = c->drained;
	bf_bond_speed_text(0, row->speed, sizeof(row->speed));
	bf_gather_options(bf_member_keys, bf_n_member_keys, c, &row->options, s);
}

void
bf_gather_members(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	const struct bf_bond_config *c = bf_config_find_bond(br->running, u->name);

	for (unsigned int i = 0; u->bond.open && i < u->bond.n_members; i++)
		gather_member(br, u, i, rows, s);
	for (uint32_t i = 0; c != NULL && i < u->missing.n; i++) {
		int at = bf_bond_config_member(c, u->missing.members[i].name);

		if (at >= 0)
			gather_missing(u, &c->members[at], rows, s);
	}
}

static void
gather_all(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (only == NULL || strcmp(br->up[k].name, only) == 0)
			bf_gather_members(br, &br->up[k], &s->rows, s);
}

const struct bf_show bf_show_members = {
	.table = &bf_members_table, .gather = gather_all, .metrics = true, .endpoint = "members"};

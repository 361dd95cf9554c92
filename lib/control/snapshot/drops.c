/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show drops: why frames were lost, by port and reason, and the ledger.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"

/** Frames of one port under one reason; those that are 0 have no row. */
struct drop_row {
	char port[BF_NAME_MAX];
	const char *at, *reason, *help;
	uint64_t frames;
};

static const struct bf_field drop_fields[] = {
	BF_FIELD(struct drop_row, port, .label = "port"),
	BF_FIELD(struct drop_row, at, .label = "at"),
	BF_FIELD(struct drop_row, reason, .label = "reason"),
	BF_FIELD(struct drop_row, frames,
		BF_COUNTER("bondfwd_port_dropped", "frames",
			"Frames dropped at a port, by reason; cleared with its statistics.")),
	BF_FIELD(struct drop_row, help),
};

static const struct bf_table drop_table = BF_TABLE("drop", struct drop_row, drop_fields,
	.head = "Port             At  Reason                   Frames\n",
	.text = "{port:-16} {at:-3} {reason:-18} {frames:12}  {help}\n");

struct reason_row {
	const char *reason;
	uint64_t frames;
};

static const struct bf_field reason_fields[] = {
	BF_FIELD(struct reason_row, reason, .label = "reason"),
	BF_FIELD(struct reason_row, frames,
		BF_COUNTER(
			"bondfwd_dropped", "frames", "Frames dropped since the start, by reason.")),
};

static const struct bf_table reason_table =
	BF_TABLE("reason", struct reason_row, reason_fields, .shape = BF_SHAPE_MAP);

struct ledger_row {
	struct bf_ledger l;
	int64_t in_flight;
	struct bf_rows by_reason;
};

static const struct bf_field ledger_fields[] = {
	BF_FIELD_AS(struct ledger_row, l.rx, "received",
		BF_COUNTER("bondfwd_ledger_received", "frames",
			"Frames received by all ports since the start.")),
	BF_FIELD_AS(struct ledger_row, l.copies, "copies",
		BF_COUNTER("bondfwd_ledger_copied", "frames", "Copies made by flooding.")),
	BF_FIELD_AS(struct ledger_row, l.segments, "segments",
		BF_COUNTER("bondfwd_ledger_segmented", "frames",
			"Frames beyond the first that superframes were cut into.")),
	BF_FIELD_AS(struct ledger_row, l.tx, "sent",
		BF_COUNTER("bondfwd_ledger_sent", "frames", "Frames sent to all ports.")),
	BF_FIELD_AS(struct ledger_row, l.drops, "dropped",
		BF_COUNTER("bondfwd_ledger_dropped", "frames", "Frames dropped, for any reason.")),
	BF_FIELD_AS(struct ledger_row, l.coalesced, "coalesced",
		BF_COUNTER("bondfwd_ledger_coalesced", "frames",
			"Frames joined to the frame before.")),
	BF_FIELD(struct ledger_row, in_flight,
		BF_GAUGE("bondfwd_ledger_in_flight", "frames",
			"Frames that have come in or were made, and have not gone out yet.")),
	BF_FIELD(struct ledger_row, by_reason, .table = &reason_table),
};

static const struct bf_table ledger_table = BF_TABLE("ledger", struct ledger_row, ledger_fields,
	.text = "\nSince the start: received {received} + copies {copies}"
		"{#segments} + segments {segments}{/segments} = sent {sent} + dropped {dropped}"
		"{#coalesced} + coalesced {coalesced}{/coalesced} + in flight {in_flight}\n");

struct drops_row {
	struct bf_rows ports;
	struct ledger_row ledger;
};

static const struct bf_field drops_fields[] = {
	BF_FIELD(struct drops_row, ports, .table = &drop_table),
	BF_FIELD(struct drops_row, ledger, .table = &ledger_table),
};

static const struct bf_table drops_table =
	BF_TABLE("drops", struct drops_row, drops_fields, .text = "{ports}{ledger}");

static void
gather_port(const struct bf_bridge *br, uint16_t slot, struct bf_rows *rows, struct bf_snapshot *s)
{
	struct bf_port_counters c;

	bf_stats_port(br, slot, &c);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		struct drop_row *row;

		if (c.drops[d] == 0)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		BF_ROW_TEXT(row->port, bf_bridge_port_name(br, slot));
		row->at = bf_drop_info[d].at;
		row->reason = bf_drop_info[d].name;
		row->help = bf_drop_info[d].help;
		row->frames = c.drops[d];
	}
}

static void
gather_ledger(const struct bf_bridge *br, struct ledger_row *to, struct bf_snapshot *s)
{
	bf_stats_ledger(br, &to->l);
	to->in_flight = bf_ledger_in_flight(&to->l);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		struct reason_row *row = bf_rows_add(s, &to->by_reason, sizeof(*row));

		row->reason = bf_drop_info[d].name;
		row->frames = to->l.by_reason[d];
	}
}

static void
gather_ports(
	const struct bf_bridge *br, const char *only, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++)
		if (bf_port_is_shown(br, slot) &&
			(only == NULL || strcmp(bf_bridge_port_name(br, slot), only) == 0))
			gather_port(br, slot, rows, s);
}

static void
gather_drops(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct drops_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

	gather_ports(br, only, &row->ports, s);
	gather_ledger(br, &row->ledger, s);
}

static void
gather_port_drops(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	gather_ports(br, only, &s->rows, s);
}

static void
gather_ledger_alone(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	gather_ledger(br, bf_rows_add(s, &s->rows, sizeof(struct ledger_row)), s);
}

const struct bf_show bf_show_drops = {.table = &drops_table, .gather = gather_drops, .one = true};
const struct bf_show bf_show_port_drops = {
	.table = &drop_table, .gather = gather_port_drops, .metrics = true, .endpoint = "drops"};
const struct bf_show bf_show_ledger = {.table = &ledger_table,
	.gather = gather_ledger_alone,
	.one = true,
	.metrics = true,
	.endpoint = "ledger"};

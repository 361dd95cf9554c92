/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show storms: the limits of what ports send into flooding, and what they did.
 *
 * Threads: ctx control.
 */
#include <stdio.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"

/** One class of frames at one port. */
struct storm_row {
	const char *class;
	char limit[32], rate[32];
	uint64_t offered, passed; /* frames, or bytes where the limit is in bit/s */
	bool by_bytes;
	uint64_t dropped;
	bool storm;
	const char *state;
};

#define ROW struct storm_row

static const struct bf_field storm_fields[] = {
	BF_FIELD(ROW, class, .label = "class"),
	BF_FIELD(ROW, limit),
	BF_FIELD(ROW, rate),
	BF_FIELD(ROW, by_bytes),
	BF_FIELD(ROW, offered),
	BF_FIELD(ROW, passed),
	BF_FIELD(ROW, dropped,
		BF_COUNTER("bondfwd_storm_dropped", "frames",
			"Frames dropped because a port sent more of a class than its limit.")),
	BF_FIELD(ROW, storm,
		BF_GAUGE("bondfwd_storm_active", NULL,
			"1 while a port sends more of a class than its limit.")),
	BF_FIELD(ROW, state, .text_only = true),
};

static const struct bf_table storm_table = BF_TABLE("storm", ROW, storm_fields,
	.text = "{port:-16} {class:-10} {limit:10} {rate:16} {dropped:12}  {state}\n");

struct storm_port_row {
	char port[BF_NAME_MAX];
	struct bf_rows classes;
};

static const struct bf_field port_fields[] = {
	BF_FIELD(struct storm_port_row, port, .label = "port"),
	BF_FIELD(struct storm_port_row, classes, .table = &storm_table),
};

static const struct bf_table port_table = BF_TABLE("storm port", struct storm_port_row, port_fields,
	.head = "Port             Class           Limit             Rate      Dropped  State\n",
	.text = "{classes}{^classes}{port:-16} no limit\n{/classes}");

struct storms_row {
	double uptime_s; /* of the moment of these figures */
	struct bf_rows ports;
};

static const struct bf_field storms_fields[] = {
	BF_FIELD(struct storms_row, uptime_s),
	BF_FIELD(struct storms_row, ports, .table = &port_table),
};

static const struct bf_table storms_table =
	BF_TABLE("storms", struct storms_row, storms_fields, .text = "{ports}");

static void
gather_class(const struct bf_bridge *br, uint16_t slot, unsigned int class, ROW *row)
{
	const struct bf_storm_port *p = &br->storms->port[slot];
	const struct bf_storm_budget *b = &p->budgets[p->current].of[class];
	const struct bf_storm_watch *w = &p->watch[class];

	row->class = bf_storm_names[class];
	bf_rate_limit_print(&p->limit[class], row->limit, sizeof(row->limit));
	row->by_bytes = b->by_bytes;
	row->offered = __atomic_load_n(&b->offered, __ATOMIC_RELAXED);
	row->passed = __atomic_load_n(&b->passed, __ATOMIC_RELAXED);
	if (b->by_bytes)
		snprintf(row->rate, sizeof(row->rate), "%.1f kbit/s", (double)w->rate * 8 / 1000);
	else
		snprintf(row->rate, sizeof(row->rate), "%.0f frames/s", (double)w->rate);
	row->dropped = bf_storms_dropped(br, slot, (enum bf_storm_class) class);
	row->storm = w->active;
	row->state = w->active ? "storm" : "calm";
}

static void
gather_ports(const struct bf_bridge *br, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint16_t slot = 0; slot < BF_MAX_PORTS; slot++) {
		const struct bf_storm_port *p = &br->storms->port[slot];
		struct storm_port_row *row;

		if (!bf_port_is_shown(br, slot))
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		BF_ROW_TEXT(row->port, bf_bridge_port_name(br, slot));
		for (unsigned int c = 0; c < BF_STORM_COUNT; c++)
			if (p->budgets[p->current].of[c].cost != 0)
				gather_class(
					br, slot, c, bf_rows_add(s, &row->classes, sizeof(ROW)));
	}
}

static void
gather_storms(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct storms_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

	(void)only;
	row->uptime_s = (double)(bf_clock_ms() - br->started_ms) / 1000;
	gather_ports(br, &row->ports, s);
}

static void
gather_storm_ports(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	gather_ports(br, &s->rows, s);
}

const struct bf_show bf_show_storms = {
	.table = &storms_table, .gather = gather_storms, .one = true};
const struct bf_show bf_show_storm_ports = {
	.table = &port_table, .gather = gather_storm_ports, .metrics = true, .endpoint = "storms"};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show port stats, show port xstats, show fwd stats: what went through ports.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "control/bridge.h"
#include "control/observe/stats.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"

/** Whole numbers per second. */
struct rates_row {
	uint64_t rx_pps, rx_bps, tx_pps, tx_bps;
};

struct stats_row {
	bool there, missing;
	uint32_t id;
	char name[BF_DEV_NAME_MAX];
	const char *kind;
	bool link; /* of a missing one: false */
	uint32_t speed_mbps; /* and 0 */
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_nombuf;
	uint64_t tx_packets, tx_bytes, tx_errors;
	struct rates_row rate, slow;
	/* show port xstats */
	struct bf_rows xstats;
};

#define ROW struct stats_row
#define THERE BF_WHEN(struct stats_row, there)
#define MISSING BF_WHEN(struct stats_row, missing)
#define WHO \
	BF_FIELD(ROW, id, THERE), BF_FIELD(ROW, name, .label = "port"), \
		BF_FIELD(ROW, kind, .label = "kind"), BF_FIELD(ROW, missing, MISSING), \
		BF_FIELD(ROW, link, MISSING), BF_FIELD(ROW, speed_mbps, MISSING)
#define GONE "{#missing}\nDevice name: {name}\nMissing: no such device\n{/missing}"

static const struct bf_field stats_fields[] = {
	WHO,
	BF_FIELD(ROW, rx_packets, THERE,
		BF_COUNTER("bondfwd_port_receive", "frames", "Frames received by a port.")),
	BF_FIELD(ROW, rx_bytes, THERE,
		BF_COUNTER(
			"bondfwd_port_receive", "bytes", "Bytes received by a port, without FCS.")),
	BF_FIELD(ROW, rx_missed, THERE,
		BF_COUNTER("bondfwd_port_receive_missed", "frames",
			"Frames that the device dropped because its ring was full.")),
	BF_FIELD(ROW, rx_errors, THERE,
		BF_COUNTER("bondfwd_port_receive_error", "frames",
			"Frames received with errors; of bonds and guests: dropped on the way in.")),
	BF_FIELD(ROW, rx_nombuf, THERE,
		BF_COUNTER("bondfwd_port_receive_no_buffer", "frames",
			"Frames that the device dropped because the pool was empty.")),
	BF_FIELD(ROW, tx_packets, THERE,
		BF_COUNTER("bondfwd_port_transmit", "frames", "Frames sent by a port.")),
	BF_FIELD(ROW, tx_bytes, THERE,
		BF_COUNTER("bondfwd_port_transmit", "bytes", "Bytes sent by a port, without FCS.")),
	BF_FIELD(ROW, tx_errors, THERE,
		BF_COUNTER("bondfwd_port_transmit_error", "frames",
			"Frames that could not be sent; of bonds and guests: dropped on the way out.")),
	BF_FIELD_AS(ROW, rate.rx_pps, "rx_pps", THERE),
	BF_FIELD_AS(ROW, rate.rx_bps, "rx_bps", THERE),
	BF_FIELD_AS(ROW, rate.tx_pps, "tx_pps", THERE),
	BF_FIELD_AS(ROW, rate.tx_bps, "tx_bps", THERE),
	BF_FIELD_AS(ROW, slow.rx_pps, "rx_pps_10s", THERE),
	BF_FIELD_AS(ROW, slow.rx_bps, "rx_bps_10s", THERE),
	BF_FIELD_AS(ROW, slow.tx_pps, "tx_pps_10s", THERE),
	BF_FIELD_AS(ROW, slow.tx_bps, "tx_bps_10s", THERE),
};

static const struct bf_table stats_table = BF_TABLE("port stats", ROW, stats_fields,
	.text = GONE
	"{^missing}"
	"\n  ######################## NIC statistics for port {id:-2} ########################\n"
	"  RX-packets: {rx_packets:-10} RX-missed: {rx_missed:-10} RX-bytes:  {rx_bytes}\n"
	"  RX-errors: {rx_errors}\n  RX-nombuf:  {rx_nombuf:-10}\n"
	"  TX-packets: {tx_packets:-10} TX-errors: {tx_errors:-10} TX-bytes:  {tx_bytes}\n"
	"\n  Throughput (last second)\n"
	"  Rx-pps: {rx_pps:12}          Rx-bps: {rx_bps:12}\n"
	"  Tx-pps: {tx_pps:12}          Tx-bps: {tx_bps:12}\n"
	"  Throughput (last 10 seconds)\n"
	"  Rx-pps: {rx_pps_10s:12}          Rx-bps: {rx_bps_10s:12}\n"
	"  Tx-pps: {tx_pps_10s:12}          Tx-bps: {tx_bps_10s:12}\n"
	"  ############################################################################\n"
	"{/missing}");

struct xstat_row {
	char name[RTE_ETH_XSTATS_NAME_SIZE];
	uint64_t value;
};

static const struct bf_field xstat_fields[] = {
	BF_FIELD(struct xstat_row, name),
	BF_FIELD(struct xstat_row, value),
};

static const struct bf_table xstat_table = BF_TABLE("xstat", struct xstat_row, xstat_fields,
	.shape = BF_SHAPE_MAP, .text = "{name}: {value}\n");

static const struct bf_field xstats_fields[] = {
	WHO,
	BF_FIELD(ROW, xstats, THERE, .table = &xstat_table),
};

static const struct bf_table xstats_table = BF_TABLE("port xstats", ROW, xstats_fields,
	.text = GONE "{^missing}###### NIC extended statistics for port {id} ({name})\n"
		     "{xstats}{/missing}");

static void
gather_device(const struct bf_port_ref *r, struct stats_row *row)
{
	struct rte_eth_stats s = {0};

	if (bf_stats_device_counts(r->ethdev))
		rte_eth_stats_get(r->ethdev, &s);
	row->rx_packets = s.ipackets;
	row->rx_bytes = s.ibytes;
	row->rx_missed = s.imissed;
	row->rx_errors = s.ierrors;
	row->rx_nombuf = s.rx_nombuf;
	row->tx_packets = s.opackets;
	row->tx_bytes = s.obytes;
	row->tx_errors = s.oerrors;
}

/* What the bond sends of its own is its traffic, too. */
static void
gather_switch_port(const struct bf_bridge *br, const struct bf_port_ref *r, struct stats_row *row)
{
	struct bf_own_frames own = {0, 0};
	struct bf_port_counters c;

	if (r->kind == BF_REF_BOND)
		own = bf_stats_own(br, r->up->bond.number);
	bf_stats_port(br, bf_ref_slot(r), &c);
	row->rx_packets = c.rx_frames;
	row->rx_bytes = c.rx_bytes;
	row->tx_packets = c.tx_frames + own.frames;
	row->tx_bytes = c.tx_bytes + own.bytes;
	bf_stats_errors(&c, &row->rx_errors, &row->tx_errors);
}

static void
round_rates(const struct bf_rate_notes *notes, unsigned int seconds, struct rates_row *to)
{
	struct bf_rates r;

	bf_rates_of(notes, seconds, &r);
	*to = (struct rates_row){(uint64_t)(r.rx_pps + 0.5), (uint64_t)(r.rx_bps + 0.5),
		(uint64_t)(r.tx_pps + 0.5), (uint64_t)(r.tx_bps + 0.5)};
}

struct bf_rate_notes **
bf_port_rate_notes(struct bf_bridge *br, const struct bf_port_ref *r)
{
	static struct bf_rate_notes *none;

	if (r->kind != BF_REF_ETHDEV)
		return &br->rates.ports[bf_ref_slot(r)];
	return r->ethdev < RTE_DIM(br->rates.devices) ? &br->rates.devices[r->ethdev] : &none;
}

static struct stats_row *
add_port(const struct bf_port_ref *r, struct bf_snapshot *s)
{
	struct stats_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

	row->there = true;
	row->id = r->id;
	row->kind = bf_port_ref_kind(r);
	BF_ROW_TEXT(row->name, r->name);
	return row;
}

static void
add_missing(const struct bf_bridge *br, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		for (uint32_t i = 0; i < br->up[k].missing.n; i++) {
			struct stats_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

			row->missing = true;
			row->kind = "ethdev";
			BF_ROW_TEXT(row->name, br->up[k].missing.members[i].name);
		}
	}
}

static void
gather_stats(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct bf_port_ref r;

	for (unsigned int id = 0; id < BF_MAX_PORT_IDS; id++) {
		const struct bf_rate_notes *notes;
		struct stats_row *row;

		if (!bf_port_ref_at(br, id, &r) || (only != NULL && !bf_port_ref_is(&r, only)))
			continue;
		row = add_port(&r, s);
		if (r.kind == BF_REF_ETHDEV)
			gather_device(&r, row);
		else
			gather_switch_port(br, &r, row);
		notes = *bf_port_rate_notes(br, &r);
		round_rates(notes, BF_RATE_SHORT_S, &row->rate);
		round_rates(notes, BF_RATE_LONG_S, &row->slow);
	}
	if (only == NULL)
		add_missing(br, s);
}

static void
add_xstat(struct bf_snapshot *s, struct bf_rows *rows, const char *prefix, const char *name,
	uint64_t value)
{
	struct xstat_row *row = bf_rows_add(s, rows, sizeof(*row));

	snprintf(row->name, sizeof(row->name), "%s%s", prefix, name);
	row->value = value;
}

/* Ports of the switch: the ledger's columns are their extended statistics. */
static void
gather_switch_xstats(
	const struct bf_bridge *br, uint16_t slot, struct bf_rows *rows, struct bf_snapshot *s)
{
	struct bf_port_counters c;

	bf_stats_port(br, slot, &c);
	add_xstat(s, rows, "", "flooded", c.flooded);
	add_xstat(s, rows, "", "flood_copies", c.copies);
	for (unsigned int i = 0; i < bf_n_offload_counters; i++)
		add_xstat(s, rows, "", bf_offload_counters[i].name, bf_offload_counter(&c, i));
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		add_xstat(s, rows, "drop_", bf_drop_info[d].name, c.drops[d]);
}

static void
gather_device_xstats(const struct bf_port_ref *r, struct bf_rows *rows, struct bf_snapshot *s)
{
	int n = bf_stats_device_counts(r->ethdev) ? rte_eth_xstats_get_names(r->ethdev, NULL, 0)
						  : 0;
	struct rte_eth_xstat_name *names = n <= 0 ? NULL : calloc((size_t)n, sizeof(*names));
	struct rte_eth_xstat *values = n <= 0 ? NULL : calloc((size_t)n, sizeof(*values));

	if (n > 0 && (names == NULL || values == NULL))
		bf_snapshot_fail(s, -ENOMEM, "out of memory");
	else if (n < 0 || rte_eth_xstats_get_names(r->ethdev, names, (unsigned int)n) != n ||
		rte_eth_xstats_get(r->ethdev, values, (unsigned int)n) != n)
		bf_snapshot_fail(s, -ENOTSUP, "port %s: its driver cannot read extended statistics",
			r->name);
	else
		for (int i = 0; i < n; i++)
			add_xstat(s, rows, "", names[i].name, values[i].value);
	free(names);
	free(values);
}

static void
gather_xstats(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct bf_port_ref r;

	for (unsigned int id = 0; id < BF_MAX_PORT_IDS; id++) {
		struct stats_row *row;

		if (!bf_port_ref_at(br, id, &r) || (only != NULL && !bf_port_ref_is(&r, only)))
			continue;
		row = add_port(&r, s);
		if (r.kind == BF_REF_ETHDEV)
			gather_device_xstats(&r, &row->xstats, s);
		else
			gather_switch_xstats(br, bf_ref_slot(&r), &row->xstats, s);
	}
	if (only == NULL)
		add_missing(br, s);
}

const struct bf_show bf_show_port_stats = {
	.table = &stats_table, .gather = gather_stats, .metrics = true, .endpoint = "ports"};
const struct bf_show bf_show_port_xstats = {.table = &xstats_table, .gather = gather_xstats};

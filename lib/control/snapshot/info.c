/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show version, with what else is true of the program as a whole.
 *
 * Threads: ctx control.
 */
#include <rte_version.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct info_row {
	const char *bondfwd, *dpdk;
	uint64_t events, control_stalls, worker_stalls;
	double uptime_s;
	uint32_t workers;
};

#define ROW struct info_row
#define BUILD BF_INFO("bondfwd_build", "Versions of bondfwd and DPDK.")

static const struct bf_field info_fields[] = {
	BF_FIELD(ROW, bondfwd, BUILD),
	BF_FIELD(ROW, dpdk, BUILD),
	BF_FIELD(ROW, uptime_s,
		BF_GAUGE("bondfwd_uptime", "seconds", "Time since the switch was started.")),
	BF_FIELD(ROW, workers, BF_GAUGE("bondfwd_workers", NULL, "Worker lcores.")),
	BF_FIELD(ROW, events,
		BF_COUNTER("bondfwd_events", NULL,
			"Events since the start, as show events numbers them.")),
	BF_FIELD(ROW, control_stalls,
		BF_COUNTER("bondfwd_control_stalls", NULL,
			"How often the control loop stood still for a second or longer.")),
	BF_FIELD(ROW, worker_stalls,
		BF_COUNTER("bondfwd_worker_stalls", NULL,
			"How often a worker made no turn for a second.")),
};

static const struct bf_table info_table =
	BF_TABLE("info", ROW, info_fields, .text = "bondfwd {bondfwd}, {dpdk}\n");

static void
gather_info(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

	(void)only;
	row->bondfwd = BF_VERSION;
	row->dpdk = rte_version();
	row->events = br->events.next_seq;
	row->control_stalls = br->watchdog.control_stalls;
	row->worker_stalls = br->watchdog.worker_stalls;
	row->uptime_s = (double)(bf_clock_ms() - br->started_ms) / 1000;
	row->workers = br->lcores.n;
}

const struct bf_show bf_show_info = {.table = &info_table,
	.gather = gather_info,
	.one = true,
	.metrics = true,
	.endpoint = "info"};

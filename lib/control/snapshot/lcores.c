/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show lcore: how the workers spend their time.
 *
 * Threads: ctx control; reads what workers write.
 */
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

#define PMD struct bf_pmd_counters

struct burst_row {
	const char *frames;
	uint64_t bursts;
};

static const struct bf_field burst_fields[] = {
	BF_FIELD(struct burst_row, frames),
	BF_FIELD(struct burst_row, bursts),
};

static const struct bf_table burst_table = BF_TABLE("burst", struct burst_row, burst_fields,
	.shape = BF_SHAPE_MAP, .text = " {frames}={bursts}");

/** Cycles per frame. */
struct stages_row {
	double receive, decide, output;
};

static const struct bf_field stages_fields[] = {
	BF_FIELD(struct stages_row, receive),
	BF_FIELD(struct stages_row, decide),
	BF_FIELD(struct stages_row, output),
};

static const struct bf_table stages_table = BF_TABLE("stages", struct stages_row, stages_fields,
	.text = " receive {receive:.1} decide {decide:.1} output {output:.1}");

/** How far rings were behind; as `dpif-netdev/pmd-perf-show` of Open vSwitch. */
struct fill_row {
	uint64_t samples, most;
	double average;
};

static const struct bf_field fill_fields[] = {
	BF_FIELD(struct fill_row, samples),
	BF_FIELD(struct fill_row, average),
	BF_FIELD(struct fill_row, most),
};

static const struct bf_table fill_table = BF_TABLE("fill", struct fill_row, fill_fields,
	.text = "{#samples}{average:.1} ({most}){/samples}{^samples}-{/samples}");

struct rings_row {
	struct fill_row member_waiting, guest_waiting, guest_room;
	struct bf_histogram member_frames, guest_frames, guest_buffers;
};

static const struct bf_field rings_fields[] = {
	BF_FIELD(struct rings_row, member_waiting, .table = &fill_table),
	BF_FIELD(struct rings_row, guest_waiting, .table = &fill_table),
	BF_FIELD(struct rings_row, guest_room, .table = &fill_table),
	BF_FIELD(struct rings_row, member_frames,
		BF_HISTOGRAM("bondfwd_lcore_member_ring", "frames",
			"Frames that waited in a member's receive ring when it was read.")),
	BF_FIELD(struct rings_row, guest_frames,
		BF_HISTOGRAM("bondfwd_lcore_guest_ring", "frames",
			"Frames that waited in a guest's transmit ring when it was read.")),
	BF_FIELD(struct rings_row, guest_buffers,
		BF_HISTOGRAM("bondfwd_lcore_guest_ring", "buffers",
			"Buffers that a guest's receive ring had when it was written.")),
};

static const struct bf_table rings_table = BF_TABLE("rings", struct rings_row, rings_fields,
	.text = " waiting at members {member_waiting}, waiting at guests {guest_waiting}, "
		"room at guests {guest_room}");

struct lcore_row {
	uint32_t lcore, worker;
	int socket;
	PMD p;
	double busy_percent, idle_percent;
	uint64_t frames;
	double cycles_per_frame;
	struct bf_histogram late_wake_up;
	struct bf_histogram burst_frames;
	struct bf_rows bursts;
	struct stages_row stages;
	uint32_t timed_every; /* one loop in so many is timed by stage */
	struct rings_row rings;
	bool late; /* frames of our own had trouble */
};

#define ROW struct lcore_row

static const struct bf_field lcore_fields[] = {
	BF_FIELD(ROW, lcore, .label = "lcore"),
	BF_FIELD(ROW, worker),
	BF_FIELD(ROW, socket),
	BF_FIELD_AS(ROW, p.busy_tsc, "busy_cycles",
		BF_COUNTER("bondfwd_lcore_busy_cycles", NULL,
			"Cycles of loops that moved at least one frame.")),
	BF_FIELD_AS(ROW, p.idle_tsc, "idle_cycles",
		BF_COUNTER("bondfwd_lcore_idle_cycles", NULL, "Cycles of loops that moved none.")),
	BF_FIELD(ROW, busy_percent),
	BF_FIELD(ROW, idle_percent),
	BF_FIELD_AS(ROW, p.loops, "loops",
		BF_COUNTER("bondfwd_lcore_loops", NULL, "Turns of the worker's loop.")),
	BF_FIELD_AS(ROW, p.idle_loops, "idle_loops",
		BF_COUNTER("bondfwd_lcore_idle_loops", NULL, "Turns that moved no frame.")),
	BF_FIELD_AS(ROW, p.sleeps, "sleeps",
		BF_COUNTER("bondfwd_lcore_sleeps", NULL, "Times that the worker went to sleep.")),
	BF_FIELD_AS(ROW, p.woken, "woken",
		BF_COUNTER("bondfwd_lcore_woken", NULL, "Sleeps that a guest or a member ended.")),
	BF_FIELD(ROW, late_wake_up,
		BF_HISTOGRAM("bondfwd_lcore_late_wake_up", "seconds",
			"How much later than asked for the worker's timer ended a sleep.")),
	BF_FIELD(ROW, frames,
		BF_COUNTER("bondfwd_lcore_receive", "frames", "Frames that the worker received.")),
	BF_FIELD(ROW, cycles_per_frame),
	BF_FIELD(ROW, bursts, .table = &burst_table),
	BF_FIELD(ROW, burst_frames,
		BF_HISTOGRAM("bondfwd_lcore_burst", "frames",
			"Frames that the worker took at once from a queue that had some."),
		.text_only = true),
	BF_FIELD(ROW, timed_every, .text_only = true),
	BF_FIELD(ROW, stages, .table = &stages_table),
	BF_FIELD(ROW, rings, .table = &rings_table),
	BF_FIELD_AS(ROW, p.cache_miss, "cache_miss",
		BF_COUNTER("bondfwd_lcore_cache_misses", NULL,
			"Frames decided by the FDB, not by the worker's cache.")),
	BF_FIELD_AS(ROW, p.learn_posted, "learn_posted",
		BF_COUNTER("bondfwd_lcore_learn_posted", NULL, "Stations reported to control.")),
	BF_FIELD_AS(ROW, p.learn_lost, "learn_lost",
		BF_COUNTER("bondfwd_lcore_learn_lost", NULL,
			"Stations not reported because the mailbox was full.")),
	BF_FIELD_AS(ROW, p.ring_contended, "ring_contended",
		BF_COUNTER("bondfwd_lcore_ring_contended", NULL,
			"Times that another worker held the guest's ring.")),
	BF_FIELD_AS(ROW, p.padded, "padded",
		BF_COUNTER("bondfwd_lcore_padded", "frames", "Frames lengthened to 60 bytes.")),
	BF_FIELD_AS(ROW, p.lacp_repeated, "lacp_repeated",
		BF_COUNTER("bondfwd_lcore_lacp_repeated", NULL,
			"LACPDUs sent again because control was late.")),
	BF_FIELD_AS(ROW, p.lacp_late, "lacp_late",
		BF_COUNTER("bondfwd_lcore_lacp_late", NULL,
			"LACPDUs that waited for a full ring of a member.")),
	BF_FIELD_AS(ROW, p.control_lost, "control_lost",
		BF_COUNTER("bondfwd_lcore_own_lost", "frames",
			"Frames of bondfwd itself that a full ring did not take in time.")),
	BF_FIELD(ROW, late, .text_only = true),
};

static const struct bf_table lcore_table = BF_TABLE("lcore", ROW, lcore_fields,
	.text = "lcore {lcore}: worker {worker}, socket {socket}\n"
		"  busy {busy_percent:.1} %, idle {idle_percent:.1} %, loops {loops}, sleeps {sleeps} "
		"(woken {woken})\n"
		"  frames {frames}, cycles per frame {cycles_per_frame:.1}\n"
		"  bursts:{bursts}\n"
		"  cycles per frame by stage (one loop in {timed_every}):{stages}\n"
		"  rings, average (most):{rings}\n"
		"  decisions from the table {cache_miss}, learned {learn_posted} (lost {learn_lost}), "
		"ring contention {ring_contended}, padded {padded}\n"
		"{#late}  LACPDUs repeated {lacp_repeated}, late by a full ring {lacp_late}; "
		"own frames lost {control_lost}\n{/late}");

static double
ratio(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

static void
gather_bursts(const PMD *p, struct bf_rows *rows, struct bf_snapshot *s)
{
	static const char *const bins[BF_BURST_BINS] = {"1", "2-4", "5-8", "9-16", "17-31", "32"};

	for (unsigned int b = 0; b < BF_BURST_BINS; b++) {
		struct burst_row *row = bf_rows_add(s, rows, sizeof(*row));

		row->frames = bins[b];
		row->bursts = p->bursts[b];
	}
}

/* Bins of the fast room, the last of which has no upper end. */
static void
histogram_fill(
	struct bf_histogram *h, const double *upper, const uint64_t *bins, uint32_t n, double sum)
{
	h->upper = upper;
	h->n_bins = n - 1;
	h->sum = sum;
	for (uint32_t i = 0; i < n; i++) {
		h->bins[i] = bins[i];
		h->count += bins[i];
	}
}

static void
fill_histogram(struct bf_histogram *h, const PMD *p, enum bf_fill_id i)
{
	static const double upper[BF_FILL_BINS - 1] = {0, 1, 4, 16, 64, 256, 1024};

	histogram_fill(h, upper, p->fill_bins[i], BF_FILL_BINS, (double)p->fill_sum[i]);
}

static void
gather_histograms(const struct bf_worker *w, ROW *row)
{
	static const double frames[BF_BURST_BINS - 1] = {1, 4, 8, 16, 31};
	static const double late_s[BF_LATE_BINS - 1] = {1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2};
	const PMD *p = &row->p;

	histogram_fill(&row->burst_frames, frames, p->bursts, BF_BURST_BINS, (double)row->frames);
	histogram_fill(&row->late_wake_up, late_s, p->late, BF_LATE_BINS,
		(double)p->late_tsc / (double)w->tsc_hz);
	fill_histogram(&row->rings.member_frames, p, BF_FILL_MEMBER);
	fill_histogram(&row->rings.guest_frames, p, BF_FILL_FROM_GUEST);
	fill_histogram(&row->rings.guest_buffers, p, BF_FILL_TO_GUEST);
}

static struct fill_row
fill_of(const PMD *p, enum bf_fill_id i)
{
	return (struct fill_row){.samples = p->fill_samples[i],
		.most = p->fill_max[i],
		.average = ratio(p->fill_sum[i], p->fill_samples[i])};
}

static void
gather_worker(const struct bf_worker *w, ROW *row, struct bf_snapshot *s)
{
	const PMD *p = &row->p;

	row->p = w->counters->pmd;
	row->lcore = w->lcore;
	row->worker = w->idx;
	row->socket = w->socket;
	row->busy_percent = 100 * ratio(p->busy_tsc, p->busy_tsc + p->idle_tsc);
	row->idle_percent = 100 * ratio(p->idle_tsc, p->busy_tsc + p->idle_tsc);
	for (unsigned int slot = 0; slot < BF_MAX_PORTS; slot++)
		row->frames += w->counters->ports[slot].rx_frames;
	row->cycles_per_frame = ratio(p->busy_tsc, row->frames);
	gather_bursts(p, &row->bursts, s);
	row->timed_every = BF_TIMING_EVERY;
	row->stages = (struct stages_row){ratio(p->stage_tsc[BF_STAGE_RX], p->stage_frames),
		ratio(p->stage_tsc[BF_STAGE_DECIDE], p->stage_frames),
		ratio(p->stage_tsc[BF_STAGE_OUTPUT], p->stage_frames)};
	row->rings.member_waiting = fill_of(p, BF_FILL_MEMBER);
	row->rings.guest_waiting = fill_of(p, BF_FILL_FROM_GUEST);
	row->rings.guest_room = fill_of(p, BF_FILL_TO_GUEST);
	gather_histograms(w, row);
	row->late = p->lacp_repeated + p->lacp_late + p->control_lost > 0;
}

static void
gather_lcores(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	for (unsigned int i = 0; i < br->lcores.n; i++)
		gather_worker(br->lcores.workers[i], bf_rows_add(s, &s->rows, sizeof(ROW)), s);
}

const struct bf_show bf_show_lcores = {
	.table = &lcore_table, .gather = gather_lcores, .metrics = true, .endpoint = "lcores"};

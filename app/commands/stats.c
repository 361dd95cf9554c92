/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the whole: forwarding statistics, who polls what, drops, lcores, events, memory.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "app.h"
#include "base/words.h"
#include "commands/commands.h"
#include "control/memory/pools.h"

static void
fwd_row(struct bf_app *app, unsigned int id, const char *name, uint16_t slot, uint64_t sum[4],
	struct bf_out *out)
{
	struct bf_port_counters c;
	uint64_t in = 0, to = 0;

	bf_stats_port(app->br, slot, &c);
	bf_stats_errors(&c, &in, &to);
	bf_out_printf(out,
		"\n  ---------------------- Forward statistics for port %-2u ----------------------\n"
		"  RX-packets: %-14" PRIu64 " RX-dropped: %-13" PRIu64 " RX-total: %-" PRIu64 "\n"
		"  TX-packets: %-14" PRIu64 " TX-dropped: %-13" PRIu64 " TX-total: %-" PRIu64 "\n"
		"  ----------------------------------------------------------------------------\n",
		id, c.rx_frames - in, in, c.rx_frames, c.tx_frames, to, c.tx_frames + to);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "id", id);
	bf_out_str(out, "name", name);
	bf_out_u64(out, "rx_frames", c.rx_frames);
	bf_out_u64(out, "rx_dropped", in);
	bf_out_u64(out, "tx_frames", c.tx_frames);
	bf_out_u64(out, "tx_dropped", to);
	bf_out_u64(out, "flooded", c.flooded);
	bf_out_u64(out, "copies", c.copies);
	bf_out_obj_end(out);
	sum[0] += c.rx_frames;
	sum[1] += in;
	sum[2] += c.tx_frames;
	sum[3] += to;
}

static void
show_cycles(struct bf_app *app, uint64_t frames, struct bf_out *out)
{
	uint64_t busy = 0;

	for (unsigned int w = 0; w < app->br->lcores.n; w++)
		busy += app->br->lcores.workers[w]->counters->pmd.busy_tsc;
	if (frames > 0)
		bf_out_printf(out,
			"\n  CPU cycles/packet=%.2f (busy cycles=%" PRIu64
			" / total io packets=%" PRIu64 ") at %" PRIu64 " MHz Clock\n",
			(double)busy / (double)frames, busy, frames, rte_get_tsc_hz() / 1000000);
	bf_out_u64(out, "busy_cycles", busy);
}

/* The first bond's slot always, as before there were several. */
static bool
is_port(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot))
		return slot == BF_BOND_SLOT || br->up[bf_bond_of_slot(slot)].name[0] != '\0';
	return br->guests[slot] != NULL;
}

/* "bond0" or "bond0 bond1" of those that are open; "none". */
static void
open_bonds(const struct bf_bridge *br, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open)
			bf_words_add(buf, size, " ", br->up[k].name);
	if (buf[0] == '\0')
		snprintf(buf, size, "none");
}

static unsigned int
n_guests(const struct bf_bridge *br)
{
	unsigned int n = 0;

	for (unsigned int s = 1; s <= BF_MAX_GUESTS; s++)
		n += br->guests[s] != NULL;
	return n;
}

static void
cmd_fwd(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	uint64_t sum[4] = {0};
	struct bf_ledger l;

	bf_out_obj_begin(ctx->out, NULL);
	bf_out_arr_begin(ctx->out, "ports");
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &app->br->up[k].bond;

		if (b->open)
			fwd_row(app, b->port, b->cfg.name, bf_bond_slot(k), sum, ctx->out);
	}
	for (uint16_t s = 1; s < BF_MAX_PORTS; s++)
		if (app->br->guests[s] != NULL)
			fwd_row(app, bf_guest_id(app->br->guests[s]), app->br->guests[s]->cfg.name,
				s, sum, ctx->out);
	bf_out_arr_end(ctx->out);
	bf_out_printf(ctx->out,
		"\n  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++\n"
		"  RX-packets: %-14" PRIu64 " RX-dropped: %-13" PRIu64 " RX-total: %-" PRIu64 "\n"
		"  TX-packets: %-14" PRIu64 " TX-dropped: %-13" PRIu64 " TX-total: %-" PRIu64 "\n"
		"  ++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++\n",
		sum[0] - sum[1], sum[1], sum[0], sum[2], sum[3], sum[2] + sum[3]);
	bf_stats_ledger(app->br, &l);
	show_cycles(app, l.rx, ctx->out);
	bf_out_obj_end(ctx->out);
}

static void
cmd_clear_fwd(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (is_port(app->br, s))
			bf_stats_clear_port(app->br, s);
}

static const char *
port_name(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot))
		return bf_bridge_port_name(br, slot);
	return br->guests[slot] != NULL ? br->guests[slot]->cfg.name : "(removed)";
}

static void
cmd_config_fwd(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	const struct bf_view *v = app->br->lcores.view;
	char bonds[BF_MAX_BONDS * (BF_NAME_MAX + 1)];
	struct bf_out *out = ctx->out;

	open_bonds(app->br, bonds, sizeof(bonds));
	bf_out_printf(out, "learning switch packet forwarding%s - bond %s, guests=%u - cores=%u\n",
		v->forwarding ? "" : " (stopped)", bonds, n_guests(app->br), app->br->lcores.n);
	bf_out_obj_begin(out, NULL);
	bf_out_bool(out, "forwarding", v->forwarding);
	bf_out_arr_begin(out, "lcores");
	for (unsigned int i = 0; i < app->br->lcores.n; i++) {
		const struct bf_worker *w = app->br->lcores.workers[i];
		const struct bf_worker_view *wv = &v->workers[i];

		bf_out_printf(out, "Logical Core %u (socket %d) forwards packets on %u streams:\n",
			w->lcore, w->socket,
			wv->n_rxq + (unsigned int)__builtin_popcount(wv->polls));
		bf_out_obj_begin(out, NULL);
		bf_out_u64(out, "lcore", w->lcore);
		bf_out_i64(out, "socket", w->socket);
		bf_out_bool(out, "polls_bond", wv->polls != 0);
		bf_out_u64(out, "bond_queue", i);
		bf_out_arr_begin(out, "guest_queues");
		for (unsigned int left = wv->polls; left != 0; left &= left - 1)
			bf_out_printf(out, "  RX P=%s/Q=%u -> switch\n",
				app->br->up[__builtin_ctz(left)].name, i);
		for (unsigned int q = 0; q < wv->n_rxq; q++) {
			bf_out_printf(out, "  RX P=%s/Q=%u -> switch\n",
				port_name(app->br, wv->rxq[q].slot), wv->rxq[q].ring / 2u);
			bf_out_obj_begin(out, NULL);
			bf_out_str(out, "guest", port_name(app->br, wv->rxq[q].slot));
			bf_out_u64(out, "queue", wv->rxq[q].ring / 2u);
			bf_out_obj_end(out);
		}
		bf_out_arr_end(out);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
	bf_out_obj_end(out);
}

static void
port_drops(const struct bf_bridge *br, uint16_t slot, struct bf_out *out)
{
	struct bf_port_counters c;

	bf_stats_port(br, slot, &c);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		if (c.drops[d] == 0)
			continue;
		bf_out_printf(out, "%-16s %-3s %-18s %12" PRIu64 "  %s\n", port_name(br, slot),
			bf_drop_info[d].at, bf_drop_info[d].name, c.drops[d], bf_drop_info[d].help);
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "port", port_name(br, slot));
		bf_out_str(out, "at", bf_drop_info[d].at);
		bf_out_str(out, "reason", bf_drop_info[d].name);
		bf_out_u64(out, "frames", c.drops[d]);
		bf_out_str(out, "help", bf_drop_info[d].help);
		bf_out_obj_end(out);
	}
}

/* Superframes that were cut, and segments that were coalesced, only where there are any. */
static void
print_ledger(const struct bf_ledger *l, struct bf_out *out)
{
	bf_out_printf(
		out, "\nSince the start: received %" PRIu64 " + copies %" PRIu64, l->rx, l->copies);
	if (l->segments > 0)
		bf_out_printf(out, " + segments %" PRIu64, l->segments);
	bf_out_printf(out, " = sent %" PRIu64 " + dropped %" PRIu64, l->tx, l->drops);
	if (l->coalesced > 0)
		bf_out_printf(out, " + coalesced %" PRIu64, l->coalesced);
	bf_out_printf(out, " + in flight %" PRId64 "\n", bf_ledger_in_flight(l));
}

static void
cmd_drops(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;
	struct bf_out *out = ctx->out;
	struct bf_ledger l;

	bf_out_printf(out, "%-16s %-3s %-18s %12s\n", "Port", "At", "Reason", "Frames");
	bf_out_obj_begin(out, NULL);
	bf_out_arr_begin(out, "ports");
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (is_port(app->br, s))
			port_drops(app->br, s, out);
	bf_out_arr_end(out);
	bf_stats_ledger(app->br, &l);
	print_ledger(&l, out);
	bf_out_obj_begin(out, "ledger");
	bf_out_u64(out, "received", l.rx);
	bf_out_u64(out, "copies", l.copies);
	bf_out_u64(out, "segments", l.segments);
	bf_out_u64(out, "sent", l.tx);
	bf_out_u64(out, "dropped", l.drops);
	bf_out_u64(out, "coalesced", l.coalesced);
	bf_out_i64(out, "in_flight", bf_ledger_in_flight(&l));
	bf_out_obj_begin(out, "by_reason");
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		bf_out_u64(out, bf_drop_info[d].name, l.by_reason[d]);
	bf_out_obj_end(out);
	bf_out_obj_end(out);
	bf_out_obj_end(out);
}

static void
show_stages(const struct bf_pmd_counters *p, struct bf_out *out)
{
	static const char *const names[BF_STAGES] = {"receive", "decide", "output"};

	bf_out_printf(out, "\n  cycles per frame by stage (one loop in %d):", BF_TIMING_EVERY);
	bf_out_obj_begin(out, "stages");
	for (unsigned int i = 0; i < BF_STAGES; i++) {
		double c =
			p->stage_frames > 0 ? (double)p->stage_tsc[i] / (double)p->stage_frames : 0;

		bf_out_printf(out, " %s %.1f", names[i], c);
		bf_out_f64(out, names[i], c);
	}
	bf_out_obj_end(out);
}

/* As `dpif-netdev/pmd-perf-show` of Open vSwitch: how far the rings were behind. */
static void
show_fill(const struct bf_pmd_counters *p, struct bf_out *out)
{
	static const struct {
		const char *name, *text;
	} rings[BF_FILLS] = {{"member_waiting", "waiting at members"},
		{"guest_waiting", "waiting at guests"}, {"guest_room", "room at guests"}};

	bf_out_printf(out, "\n  rings, average (most):");
	bf_out_obj_begin(out, "rings");
	for (unsigned int i = 0; i < BF_FILLS; i++) {
		double avg = p->fill_samples[i] > 0
			? (double)p->fill_sum[i] / (double)p->fill_samples[i]
			: 0;

		bf_out_obj_begin(out, rings[i].name);
		bf_out_u64(out, "samples", p->fill_samples[i]);
		bf_out_f64(out, "average", avg);
		bf_out_u64(out, "most", p->fill_max[i]);
		bf_out_obj_end(out);
		if (p->fill_samples[i] == 0)
			bf_out_printf(out, "%s %s -", i > 0 ? "," : "", rings[i].text);
		else
			bf_out_printf(out, "%s %s %.1f (%" PRIu64 ")", i > 0 ? "," : "",
				rings[i].text, avg, p->fill_max[i]);
	}
	bf_out_obj_end(out);
}

static void
show_worker(const struct bf_worker *w, struct bf_out *out)
{
	static const char *const bins[BF_BURST_BINS] = {"1", "2-4", "5-8", "9-16", "17-31", "32"};
	const struct bf_pmd_counters *p = &w->counters->pmd;
	double all = (double)(p->busy_tsc + p->idle_tsc);
	uint64_t frames = 0;

	for (unsigned int s = 0; s < BF_MAX_PORTS; s++)
		frames += w->counters->ports[s].rx_frames;
	bf_out_printf(out,
		"lcore %u: worker %u, socket %d\n  busy %.1f %%, idle %.1f %%, loops %" PRIu64
		", sleeps %" PRIu64 " (woken %" PRIu64 ")\n  frames %" PRIu64
		", cycles per frame %.1f\n  bursts:",
		w->lcore, w->idx, w->socket, all > 0 ? 100.0 * (double)p->busy_tsc / all : 0,
		all > 0 ? 100.0 * (double)p->idle_tsc / all : 0, p->loops, p->sleeps, p->woken,
		frames, frames > 0 ? (double)p->busy_tsc / (double)frames : 0);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "lcore", w->lcore);
	bf_out_u64(out, "worker", w->idx);
	bf_out_i64(out, "socket", w->socket);
	bf_out_u64(out, "busy_cycles", p->busy_tsc);
	bf_out_u64(out, "idle_cycles", p->idle_tsc);
	bf_out_u64(out, "loops", p->loops);
	bf_out_u64(out, "idle_loops", p->idle_loops);
	bf_out_u64(out, "sleeps", p->sleeps);
	bf_out_u64(out, "woken", p->woken);
	bf_out_u64(out, "frames", frames);
	bf_out_f64(out, "cycles_per_frame", frames > 0 ? (double)p->busy_tsc / (double)frames : 0);
	bf_out_obj_begin(out, "bursts");
	for (unsigned int b = 0; b < BF_BURST_BINS; b++) {
		bf_out_printf(out, " %s=%" PRIu64, bins[b], p->bursts[b]);
		bf_out_u64(out, bins[b], p->bursts[b]);
	}
	bf_out_obj_end(out);
	show_stages(p, out);
	show_fill(p, out);
	bf_out_printf(out,
		"\n  decisions from the table %" PRIu64 ", learned %" PRIu64 " (lost %" PRIu64
		"), ring contention %" PRIu64 ", padded %" PRIu64 "\n",
		p->cache_miss, p->learn_posted, p->learn_lost, p->ring_contended, p->padded);
	if (p->lacp_repeated + p->lacp_late + p->control_lost > 0)
		bf_out_printf(out,
			"  LACPDUs repeated %" PRIu64 ", late by a full ring %" PRIu64
			"; own frames lost %" PRIu64 "\n",
			p->lacp_repeated, p->lacp_late, p->control_lost);
	bf_out_u64(out, "cache_miss", p->cache_miss);
	bf_out_u64(out, "learn_posted", p->learn_posted);
	bf_out_u64(out, "learn_lost", p->learn_lost);
	bf_out_u64(out, "ring_contended", p->ring_contended);
	bf_out_u64(out, "padded", p->padded);
	bf_out_u64(out, "lacp_repeated", p->lacp_repeated);
	bf_out_u64(out, "lacp_late", p->lacp_late);
	bf_out_u64(out, "control_lost", p->control_lost);
	bf_out_obj_end(out);
}

static void
cmd_lcore(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int i = 0; i < app->br->lcores.n; i++)
		show_worker(app->br->lcores.workers[i], ctx->out);
	bf_out_arr_end(ctx->out);
}

static void
show_event(void *arg, const struct bf_event *e)
{
	static const char *const levels[] = {"error", "warning", "notice", "debug"};
	struct bf_out *out = arg;
	time_t s = (time_t)(e->wall_ms / 1000);
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&s, &tm));
	bf_out_printf(out, "%6" PRIu64 "  %s.%03d  %-7s  %-16s %-16s %s\n", e->seq, when,
		(int)(e->wall_ms % 1000), levels[e->level], e->what, e->object, e->text);
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "seq", e->seq);
	bf_out_i64(out, "time_ms", e->wall_ms);
	bf_out_u64(out, "mono_ms", e->mono_ms);
	bf_out_str(out, "level", levels[e->level]);
	bf_out_str(out, "what", e->what);
	bf_out_str(out, "object", e->object);
	bf_out_str(out, "text", e->text);
	bf_out_obj_end(out);
}

static void
cmd_events(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_out_arr_begin(ctx->out, NULL);
	bf_events_visit(&app->br->events, show_event, ctx->out);
	bf_out_arr_end(ctx->out);
}

static void
show_pool(void *arg, const struct rte_mempool *p, int retired)
{
	struct bf_out *out = arg;
	unsigned int avail = rte_mempool_avail_count(p);
	char node[BF_SHOW_NODE_SIZE];

	bf_out_printf(out, "%-24s size %-8u free %-8u element %u bytes%s%s\n", p->name, p->size,
		avail, p->elt_size, bf_show_node(bf_pool_node(p), node),
		retired ? " (retired)" : "");
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "name", p->name);
	bf_out_u64(out, "size", p->size);
	bf_out_u64(out, "avail", avail);
	bf_out_u64(out, "element", p->elt_size);
	bf_out_i64(out, "node", bf_pool_node(p));
	bf_out_bool(out, "retired", retired != 0);
	bf_out_obj_end(out);
}

static void
cmd_mempool(struct bf_cmd_ctx *ctx)
{
	struct bf_app *app = ctx->app;

	bf_out_arr_begin(ctx->out, NULL);
	bf_pools_visit(show_pool, ctx->out);
	show_pool(ctx->out, app->br->up[0].bond.ctl_pool, 0);
	bf_out_arr_end(ctx->out);
}

static const struct bf_cmd stats_cmds[] = {
	{"show fwd stats all", "Forwarding statistics of every switch port.", cmd_fwd, 0},
	{"clear fwd stats all", "Start them from zero.", cmd_clear_fwd, 0},
	{"show config (fwd|cores)", "Which lcore polls which queue.", cmd_config_fwd, 0},
	{"show drops", "Why frames were lost, by port and reason, and whether the books balance.",
		cmd_drops, 0},
	{"show lcore", "How the workers spend their time.", cmd_lcore, 0},
	{"show events", "The newest events.", cmd_events, 0},
	{"show mempool", "Frame memory.", cmd_mempool, 0},
	{"show numa", "On which memory node everything is, and what is polled from another one.",
		bf_show_numa, 0},
};

const struct bf_cmd_group bf_group_stats = {
	"display", "Forwarding figures, drops, lcores, events, memory", BF_CMDS(stats_cmds)};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which worker polls which guest queue.
 *
 * Threads: ctx control.
 */
#include "control/workers/plan.h"

#include <inttypes.h>

#include "base/log.h"
#include "control/bridge.h"
#include "control/memory/nodes.h"

#define LOOK_MS 5000
#define BUSY 0.80 /* a worker this busy gives a queue away */
#define MIN_GAP 0.25 /* to one that is less busy by this much */

static unsigned int
queues_of(const struct bf_bridge *br, unsigned int worker)
{
	unsigned int n = 0;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		for (unsigned int q = 0; br->guests[s] != NULL && q < BF_MAX_QP; q++)
			n += br->guests[s]->poller[q] == worker;
	return n;
}

static uint16_t
queue_pinned(const struct bf_bridge *br, const struct bf_guest *g, unsigned int q)
{
	if (g->cfg.pin[q] == 0)
		return BF_NO_POLLER;
	for (unsigned int w = 0; w < br->lcores.n; w++)
		if (br->lcores.workers[w]->lcore == g->cfg.pin[q] - 1u)
			return (uint16_t)w;
	return BF_NO_POLLER;
}

static bool
is_far(const struct bf_bridge *br, const struct bf_guest *g, unsigned int worker)
{
	return bf_nodes_differ(br->lcores.workers[worker]->socket, g->numa_node);
}

/* The worker with the fewest queues; those on the guest's memory node come first. */
static uint16_t
worker_choose(const struct bf_bridge *br, const struct bf_guest *g)
{
	unsigned int best = 0, least = UINT32_MAX;

	for (unsigned int w = 0; w < br->lcores.n; w++) {
		unsigned int cost =
			queues_of(br, w) + (is_far(br, g, w) ? BF_MAX_PORTS * BF_MAX_QP : 0);

		if (cost < least) {
			least = cost;
			best = w;
		}
	}
	return (uint16_t)best;
}

/* @return false: the old poller could not be taken off it, and keeps it. */
static bool
queue_move(struct bf_bridge *br, struct bf_guest *g, unsigned int q, uint16_t to)
{
	uint16_t from = g->poller[q];

	if (from != BF_NO_POLLER) {
		g->poller[q] = BF_NO_POLLER;
		if (bf_bridge_publish_and_wait(br) != 0) {
			g->poller[q] = from;
			return false;
		}
	}
	g->poller[q] = to;
	br->dirty = true;
	return true;
}

/* A queue that came far from its memory, before that was found or while it was pinned. */
static void
bring_near(struct bf_bridge *br, struct bf_guest *g, unsigned int q)
{
	uint16_t from = g->poller[q], to;

	if (!is_far(br, g, from))
		return;
	to = worker_choose(br, g);
	if (is_far(br, g, to) || !queue_move(br, g, q, to))
		return;
	bf_event(&br->events, BF_LOG_NOTICE, "numa_moved", g->cfg.name,
		"queue %u moved from lcore %u to lcore %u, on the node of its memory (%d)", q,
		br->lcores.workers[from]->lcore, br->lcores.workers[to]->lcore, g->numa_node);
}

void
bf_plan_guest(struct bf_bridge *br, struct bf_guest *g)
{
	for (unsigned int q = 0; q < g->cfg.queues; q++) {
		uint16_t pin = queue_pinned(br, g, q);

		if (pin != BF_NO_POLLER && g->poller[q] != pin)
			queue_move(br, g, q, pin);
		else if (g->poller[q] == BF_NO_POLLER)
			queue_move(br, g, q, worker_choose(br, g));
		else if (pin == BF_NO_POLLER)
			bring_near(br, g, q);
	}
}

static void
load_measure(struct bf_bridge *br, double *load)
{
	struct bf_plan *p = &br->plan;

	for (unsigned int w = 0; w < br->lcores.n; w++) {
		const struct bf_pmd_counters *c = &br->lcores.workers[w]->counters->pmd;
		uint64_t busy = c->busy_tsc, total = c->busy_tsc + c->idle_tsc;

		load[w] = total > p->total[w]
			? (double)(busy - p->busy[w]) / (double)(total - p->total[w])
			: 0;
		p->busy[w] = busy;
		p->total[w] = total;
	}
}

/* One queue of the busy worker, not pinned, not its only one, and not on its own node. */
static bool
move_one(struct bf_bridge *br, uint16_t from, uint16_t to)
{
	unsigned int n = queues_of(br, from);

	if (n < 2 && !br->lcores.view->workers[from].polls)
		return false;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		struct bf_guest *g = br->guests[s];

		for (unsigned int q = 0; g != NULL && g->up && q < g->cfg.queues; q++) {
			if (g->poller[q] != from || g->cfg.pin[q] != 0 ||
				(is_far(br, g, to) && !is_far(br, g, from)))
				continue;
			if (!queue_move(br, g, q, to))
				return false;
			br->plan.moves++;
			bf_event(&br->events, BF_LOG_NOTICE, "lcore_rebalanced", g->cfg.name,
				"queue %u moved from lcore %u to lcore %u", q,
				br->lcores.workers[from]->lcore, br->lcores.workers[to]->lcore);
			return true;
		}
	}
	return false;
}

/* Queues that could not be moved where they are pinned, because memory was short. */
static void
make_good(struct bf_bridge *br)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && br->guests[s]->up)
			bf_plan_guest(br, br->guests[s]);
}

uint64_t
bf_plan_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	double load[BF_MAX_WORKERS] = {0};
	unsigned int most = 0, least = 0;

	if (now_ms < br->plan.next_ms)
		return br->plan.next_ms;
	br->plan.next_ms = now_ms + LOOK_MS;
	make_good(br);
	load_measure(br, load);
	for (unsigned int w = 1; w < br->lcores.n; w++) {
		most = load[w] > load[most] ? w : most;
		least = load[w] < load[least] ? w : least;
	}
	if (br->running->lcore_rebalance && load[most] >= BUSY &&
		load[most] - load[least] >= MIN_GAP)
		move_one(br, (uint16_t)most, (uint16_t)least);
	return br->plan.next_ms;
}

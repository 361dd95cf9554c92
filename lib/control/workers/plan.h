/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which worker polls which guest queue.  A queue goes to the worker with the fewest queues, on
 * the guest's memory node where there is one; the operator may pin it; on request queues move
 * from busy workers to idle ones, but not away from their memory's node.
 *
 * A queue has one reader at any time: it leaves its worker, a grace period passes, then it comes
 * to the other.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_WORKERS_PLAN_H
#define BF_CONTROL_WORKERS_PLAN_H

#include <stdint.h>

#include "dataplane/sizes.h"

struct bf_bridge;
struct bf_guest;

/** What the planner remembers between two looks. */
struct bf_plan {
	uint64_t next_ms;
	uint64_t busy[BF_MAX_WORKERS],
		total[BF_MAX_WORKERS]; /* cycle counters at the last look, by worker */
	uint64_t moves;
};

/**
 * Give pollers to a guest's queues that have none, are pinned elsewhere, or are polled on another node
 * than the guest's memory although a worker is there and nobody pinned them.
 *
 * ctx control. When there is no memory for a view, a queue stays with its poller until a later
 * bf_plan_tick().
 */
void bf_plan_guest(struct bf_bridge *br, struct bf_guest *g);

/** Every 5 s: move what is not where it is pinned; look at the load, move one queue when that helps. A task's tick. */
uint64_t bf_plan_tick(void *bridge, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Storms: how much of what a port sends is flooded, by kind of destination.
 *
 * Theory of operation.  A budget is a bucket, kept as the time at which it will be full again (the generic
 * cell rate algorithm of ITU-T I.371): one word, which all workers that read the port share.  A frame passes
 * while that time is at most BF_STORM_ALLOWANCE_MS ahead of the clock, and moves it on by what the frame costs.
 * So the rate is exact over any time, and what was not used is worth at most the allowance.  That is 50 ms:
 * in no second more than 5 % beyond the limit pass, and workers that the kernel holds up for a while lose
 * nothing of the rate.  A frame that costs more than the allowance passes, and those behind it wait for it.
 *
 * Only flooded frames come here: what goes to a known station is never limited.
 *
 * Threads: worker; control fills a budget that is in no view.
 */
#ifndef BF_DATAPLANE_STORM_H
#define BF_DATAPLANE_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define BF_STORM_ALLOWANCE_MS 50
#define BF_STORM_STEPS 16 /* of a budget's time in a cycle of the TSC */

/** In the order of their drop reasons. */
enum bf_storm_class {
	BF_STORM_BROADCAST,
	BF_STORM_MULTICAST,
	BF_STORM_UNKNOWN, /* unicast to a station that is not known */
	BF_STORM_COUNT
};

/** What frames of one class may cost a port. Times are in steps of the TSC. */
struct bf_storm_budget {
	double cost; /* of a frame or a byte; 0: no limit */
	uint64_t allowance;
	bool by_bytes; /* costs are of bytes, without FCS; else of frames */
	uint64_t due; /* when it is full again; workers: atomic */
	uint64_t offered, passed; /* frames or bytes so far; workers: atomic; control: r */
};

/** The budgets of a port, as a view names them. */
struct bf_storm_limits {
	struct bf_storm_budget of[BF_STORM_COUNT];
};

/**
 * Make a full budget.  At most one of the two rates is not 0; none: no limit.
 *
 * Threads: any.
 */
void bf_storm_budget_init(
	struct bf_storm_budget *b, uint64_t tsc_hz, uint64_t frames_per_s, uint64_t bytes_per_s);

/**
 * Take from a budget for frames in their order, until one has to wait.
 *
 * @param now
 *   In steps of the TSC.
 * @param units
 *   What each frame counts for: frames, or bytes.
 * @return
 *   How many of @p n pass.
 */
uint16_t bf_storm_take(struct bf_storm_budget *b, uint64_t now, const uint32_t *units, uint16_t n);

struct bf_worker;

/**
 * Drop what is beyond the limits of the port that flooded frames came from.
 *
 * @param l
 *   Its budgets.
 * @param pkts
 *   At most BF_BURST, the caller's; a superframe counts as its segments.
 * @return
 *   How many pass, moved to the front in their order.  The others are counted and freed.
 */
uint16_t bf_storm_limit(struct bf_worker *w, uint16_t in, struct bf_storm_limits *l,
	struct rte_mbuf **pkts, uint16_t n);

#endif

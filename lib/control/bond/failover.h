/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The failover stopwatch: every change of the members that carry traffic is timed from its cause
 * to the first frame on another member and to the end of the announcements.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_FAILOVER_H
#define BF_CONTROL_BOND_FAILOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "control/observe/events.h"
#include "control/workers/lcores.h"
#include "dataplane/view.h"

#define BF_FAILOVERS_MAX 64
#define BF_FAILOVER_BINS 8

/** Upper ends of the bins by which the time to the first frame is counted, seconds. */
extern const double bf_failover_bin_s[BF_FAILOVER_BINS];

struct bf_failover {
	uint64_t seq; /* from 1 */
	int64_t wall_ms;
	bool open; /* still being timed */
	bool test; /* made by `test failover` */
	char cause[96];
	char from[64], to[64]; /* members that carried, that carry */
	uint64_t start_tsc; /* the driver reported it, or control decided it */
	uint64_t started_ms;
	uint32_t losses; /* carrier loss number it belongs to, 0: planned */
	bool busy; /* frames were being sent all the time: the next one was due at once */
	bool idle; /* a frame has left since, but it had not been waiting */
	bool has_first; /* a frame that was waiting has left since */
	double detect_us; /* until control knew; workers act on carrier loss before that */
	double first_frame_us;
	double announced_ms;
	uint64_t announced; /* frames */
	uint64_t lost; /* frames dropped meanwhile for want of a member */
	uint64_t lost_base;
};

struct bf_failovers {
	uint64_t n;
	/* Of all that are closed, also of those that are no longer kept. */
	uint64_t timed; /* a frame was waiting */
	double timed_s; /* sum of their times to the first frame */
	uint64_t bins[BF_FAILOVER_BINS];
	uint64_t announced, lost; /* frames */
	struct bf_failover ring[BF_FAILOVERS_MAX];
};

/** Begin to time one. @return the record, to be filled with cause, from, to. */
struct bf_failover *bf_failover_begin(struct bf_failovers *f, uint64_t start_tsc, uint32_t losses,
	uint64_t lost_base, uint64_t now_ms);

/**
 * Go on: look for the first frame, close records that are complete.
 *
 * @param bond
 *   Whose failovers they are: its number.
 * @param announced
 *   Announcements are done; @p sent frames.
 */
void bf_failover_tick(struct bf_failovers *f, const struct bf_lcores *l, unsigned int bond,
	struct bf_events *ev, bool announced, uint64_t sent, uint64_t lost_now, uint64_t now_ms);

/** Record @p idx from the newest (0). NULL beyond the oldest. */
const struct bf_failover *bf_failover_at(const struct bf_failovers *f, unsigned int idx);

#endif

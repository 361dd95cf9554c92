/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The time of day of what workers noted in ticks.
 *
 * Theory of operation.  What the EAL says of a tick's length is rounded; over a minute that would be
 * many milliseconds.  So it is measured, over the time since the clock was made, and ticks are counted
 * from a moment that is at most a tenth of a second away.
 *
 * Threads: a clock belongs to one thread.
 */
#ifndef BF_CONTROL_OBSERVE_TSC_CLOCK_H
#define BF_CONTROL_OBSERVE_TSC_CLOCK_H

#include <stdint.h>

struct bf_tsc_clock {
	uint64_t first_tsc, first_ns; /* where the measurement of a tick begins; monotonic */
	uint64_t tsc, wall_ns; /* a moment of late, in both */
	double ns_per_tick;
};

void bf_tsc_clock_init(struct bf_tsc_clock *c);

/** Nanoseconds since 1970, in UTC, of a moment that is not long ago. @param tsc as of rte_rdtsc() */
uint64_t bf_tsc_clock_wall_ns(struct bf_tsc_clock *c, uint64_t tsc);

#endif

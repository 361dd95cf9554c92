/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How much of a counter is another one, lately: errors of frames, busy cycles of all cycles.
 *
 * Both are noted once a second, and the ratio is that of the last ten seconds; of fewer where there are no more
 * notes.  A counter that goes back was cleared, and the notes begin again.
 *
 * Threads: none of its own.
 */
#ifndef BF_CONTROL_OBSERVE_RATIO_H
#define BF_CONTROL_OBSERVE_RATIO_H

#include <stdint.h>

#define BF_RATIO_S 10

/** Zero is empty. */
struct bf_ratio {
	uint32_t n; /* notes so far */
	uint64_t part[BF_RATIO_S + 1], whole[BF_RATIO_S + 1];
};

/** Note the counters of this second. */
void bf_ratio_note(struct bf_ratio *r, uint64_t part, uint64_t whole);

/** part / whole of what was counted in the window, 0 to 1; 0 where nothing was. */
double bf_ratio_of(const struct bf_ratio *r);

/** What a driver calls errors of sent frames.  Zero is empty. */
struct bf_sent_errors {
	uint64_t seen, refused; /* at the last look */
	uint64_t bad;
};

/**
 * Note the counters of this second: a driver's errors of sent frames, and frames that its full ring refused.
 * Some drivers (net_tap, net_af_xdp, net_vmxnet3) call these errors as well; congestion is no fault.
 *
 * @return
 *   The errors of the seconds in which the ring was never full.
 */
uint64_t bf_sent_errors_note(struct bf_sent_errors *e, uint64_t errors, uint64_t refused);

/** How much of @p whole was counted in the window. */
uint64_t bf_ratio_whole(const struct bf_ratio *r);

#endif

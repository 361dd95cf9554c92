/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two guests on a CPU of their own, one of which sends to the other as fast as it can.
 *
 * Both are one thread, so that every line that a worker on another CPU touches has to come from there and to
 * go back.  Their rings are split ones, in memory of theirs, and no frame is sent that the receiver has no
 * buffers for.
 *
 * Threads: one caller; the guests run in a thread of their own between start and stop.
 */
#ifndef BF_TEST_PAIR_H
#define BF_TEST_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/view.h"

/** How the frames lie in the guests' memory. */
struct pair_layout {
	uint32_t len; /* of a frame */
	uint32_t first, piece; /* bytes of it in the sender's first descriptor; in the others */
	uint32_t buffer; /* the receiver's buffers, with the header */
	uint16_t n_buffers; /* of them, at most PAIR_BUFFERS */
	bool super; /* a superframe: both take them */
};

#define PAIR_BUFFERS 1024
#define PAIR_HEADER 12u /* bytes in front of a frame */

/** Set both guests up. @param copies They write and read all of a frame, not the first line alone. */
void pair_begin(const struct pair_layout *l, bool copies, struct bf_guest_dp *sender,
	struct bf_guest_dp *receiver);
/** Do once what they can. */
void pair_step(void);

/** Let them run on a CPU. @return cycles of a cache line's way there and back. */
uint64_t pair_start(int cpu);
/** @return frames that were not what was sent. */
uint64_t pair_stop(void);

#endif

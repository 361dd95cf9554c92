/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How many frames the pools hold, and how large each of them is: what pools are made with, and what is advised
 * before there are any.
 *
 * Threads: pure functions.
 */
#ifndef BF_CONTROL_MEMORY_AMOUNTS_H
#define BF_CONTROL_MEMORY_AMOUNTS_H

#include <stdint.h>

#include <rte_common.h>

#include "dataplane/sizes.h"

#define BF_AMOUNT_PIECE 2048u /* room of the smallest frame */
#define BF_AMOUNT_PER_WORKER \
	(512u + BF_BURST * 32u) /* in its hands: caches, stages, a burst of the longest chains */
#define BF_AMOUNT_TO_CONTROL 2048u /* frames on their way there */
#define BF_AMOUNT_OF_GUEST \
	4096u /* frames of one that cannot use the bond's, and was not told how many */

/*
 * Beside frames, measured with one and with four workers: the FDB, control's own frames and what the EAL takes, and
 * a worker's counters, stages and cache, which are made for the most ports.
 */
#define BF_AMOUNT_REST_MIB 24u
#define BF_AMOUNT_REST_PER_WORKER_MIB 14u

/**
 * Frames of a pool.
 *
 * @param ring_frames
 *   Descriptors of one worker's rings on all members that may hold frames of this pool.
 */
static inline uint32_t
bf_amount_frames(uint32_t n_workers, uint32_t ring_frames)
{
	return n_workers * (ring_frames + BF_AMOUNT_PER_WORKER) + BF_AMOUNT_TO_CONTROL;
}

/** Room for a frame of the MTU. NICs take receive buffers in whole KiB: rounded up, so that none is wasted. */
static inline uint32_t
bf_amount_room(uint32_t mtu)
{
	return RTE_ALIGN_CEIL(RTE_MAX(mtu + BF_FRAME_OVERHEAD + 8, BF_AMOUNT_PIECE), 1024u);
}

#endif

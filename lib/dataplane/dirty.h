/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The log of memory that we have written, for a guest that is being copied to another host.
 *
 * One bit per page (struct bf_ring_log).  The front end takes the bits and copies the pages while we write:
 * a bit is set after what it stands for, so that whoever has taken it before finds it set again.  A bit
 * that is set already stays as it is, and its cache line with both sides; therefore a fence: without one
 * the processor may look at the bit before the page is written.
 *
 * Threads: worker, under the ring's lock.
 */
#ifndef BF_DATAPLANE_DIRTY_H
#define BF_DATAPLANE_DIRTY_H

#include <stdint.h>

#include <rte_atomic.h>

#include "dataplane/ring_parts.h"

/** What was written up to here can be logged from here on. */
static inline void
bf_dirty_begin(void)
{
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/** Log guest physical memory; pages that the log has no bit for are left out. */
void bf_dirty_gpa(const struct bf_ring_log *log, uint64_t gpa, uint32_t len);

/** Log memory by where it is here. */
void bf_dirty_va(const struct bf_ring *r, const void *va, uint32_t len);

/** Log frames that were put into usual buffers, and begin with that. */
void bf_dirty_frames(const struct bf_ring *r, const struct bf_buffer *b,
	struct rte_mbuf *const *pkts, uint16_t n);

/** Log a frame that was put into pieces, and begin with that. */
void bf_dirty_pieces(const struct bf_ring *r, const struct bf_pieces *p);

#endif

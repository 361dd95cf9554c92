/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The end of frames.  Every frame that a worker drops is counted here and nowhere else, so this is the
 * place to look at them.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_DROP_H
#define BF_DATAPLANE_DROP_H

#include "dataplane/lcore.h"

/** Count frames under a reason and free them. @param slot whose counter takes them. @param n >= 1. */
void bf_drop(
	struct bf_worker *w, uint16_t slot, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n);

/** The same for frames that stay the caller's, or that never were any: @p pkts may be NULL. */
void bf_drop_note(struct bf_worker *w, uint16_t slot, enum bf_drop why,
	struct rte_mbuf *const *pkts, uint16_t n);

/** Frames that a rule refuses, behind the @p pass ones that it lets pass: see rules.h. */
static inline void
bf_put_behind(struct rte_mbuf **pkts, uint16_t pass, struct rte_mbuf *const *refused, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		pkts[pass + i] = refused[i];
}

/** Give at least one frame back to its pool. */
void bf_free_burst(struct rte_mbuf **pkts, uint16_t n);

/** @return the frames' lengths together. */
uint64_t bf_bytes_of(struct rte_mbuf *const *pkts, uint16_t n);

#endif

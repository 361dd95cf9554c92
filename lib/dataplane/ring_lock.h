/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's ring has one user at any time: its lock, and the guest's notification when it is let go.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RING_LOCK_H
#define BF_DATAPLANE_RING_LOCK_H

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/lcore.h"

/** Notify the guests of all rings that were used since the last time. */
void bf_rings_tell(struct bf_worker *w);

#define BF_LOCK_TRIES 64

/** Take a ring for a burst; waits for at most some microseconds. */
static inline bool
bf_ring_lock(struct bf_worker *w, struct bf_ring *r)
{
	for (int i = 0; i < BF_LOCK_TRIES; i++) {
		if (likely(__atomic_load_n(&r->lock, __ATOMIC_RELAXED) == 0 &&
			    __atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE) == 0))
			return true;
		if (i == 0)
			w->counters->pmd.ring_contended++;
		rte_pause();
	}
	return false;
}

static inline void
bf_ring_let_go(struct bf_ring *r)
{
	__atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
}

/** Let it go; its guest is told at the end of the turn. */
static inline void
bf_ring_unlock(struct bf_worker *w, struct bf_ring *r)
{
	if (r->told != r->used_idx && w->n_touched < BF_TOUCHED &&
		(w->n_touched == 0 || w->touched[w->n_touched - 1] != r))
		w->touched[w->n_touched++] = r;
	bf_ring_let_go(r);
	if (unlikely(w->n_touched == BF_TOUCHED))
		bf_rings_tell(w);
}

/**
 * The same for a ring that frames were taken out of.  That its buffers are free is no news for a guest that
 * has others, and a driver that gets frames looks by itself: it is told within BF_FREED_US, or at the end of the
 * turn when a burst of them, or a quarter of the ring, is free.
 */
static inline void
bf_ring_unlock_freed(
	struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s, struct bf_ring *r)
{
	uint16_t untold = (uint16_t)(r->used_idx - r->told);

	if (unlikely(untold >= RTE_MIN(r->size / 4, BF_BURST) || w->n_freed == BF_FREED)) {
		bf_ring_unlock(w, r);
		return;
	}
	if (untold > 0 && !s->freed) {
		s->freed = true;
		if (w->n_freed == 0)
			w->freed_tsc = rte_rdtsc() + w->tsc_hz / 1000000 * BF_FREED_US;
		w->freed[w->n_freed++] =
			(struct bf_freed){q->guest, q->slot, q->ring, (uint16_t)(s - w->rxq_state)};
	}
	bf_ring_let_go(r);
}

/** It is time: those guests are told at the end of the turn. */
void bf_freed_touch(struct bf_worker *w);

#endif

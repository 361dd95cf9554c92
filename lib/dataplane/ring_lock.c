/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guests are notified at the end of a turn, all at once.
 *
 * Threads: worker.
 */
#include "dataplane/ring_lock.h"

#include "dataplane/ring.h"

/*
 * One fence for all of them: what was published is seen before what the guests ask for is read.  The
 * calls are made when no lock is held: a descriptor is closed only when every worker has begun another
 * turn (vhost/late.h), so it is still good.
 */
void
bf_rings_tell(struct bf_worker *w)
{
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint16_t i = 0; i < w->n_touched; i++) {
		struct bf_ring *r = w->touched[i];
		int fd = -1;

		if (!bf_ring_lock(w, r))
			continue;
		if (r->mode == BF_RING_OWN)
			fd = bf_ring_tell(r);
		bf_ring_let_go(r);
		if (fd >= 0)
			bf_calls_add(&w->calls, fd);
	}
	w->n_touched = 0;
	bf_calls_send(&w->calls);
}

/* A guest that is not in the view any more is gone: only its address is looked at. */
void
bf_freed_touch(struct bf_worker *w)
{
	for (uint16_t i = 0; i < w->n_freed; i++) {
		const struct bf_freed *f = &w->freed[i];
		struct bf_guest_dp *g = w->view->ports[f->slot].guest;

		w->rxq_state[f->queue].freed = false;
		if (g != f->guest)
			continue;
		w->touched[w->n_touched++] = &g->ring[f->ring];
		if (w->n_touched == BF_TOUCHED) /* the next ring that is let go finds room */
			bf_rings_tell(w);
	}
	w->n_freed = 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where frames go: see switch.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SWITCH_H
#define BF_DATAPLANE_SWITCH_H

#include "dataplane/lcore.h"

/** Forget all earlier decisions: what they stand on has changed. */
static inline void
bf_switch_forget(struct bf_worker *w)
{
	w->epoch_tag += BF_EPOCH_STEP;
	w->floods = false;
}

/** Forget earlier decisions that may be wrong by now; at the begin of every loop. */
static inline void
bf_switch_refresh(struct bf_worker *w)
{
	uint32_t epoch = bf_fdb_epoch(w->fdb), arrivals = bf_fdb_arrivals(w->fdb);

	if (unlikely(epoch != w->epoch || (w->floods && arrivals != w->arrivals))) {
		bf_switch_forget(w);
		w->epoch = epoch;
	}
	w->arrivals = arrivals;
}

/**
 * Switch a burst that came from one port; takes all n.
 *
 * @param pkts
 *   At most BF_BURST frames, owned; the array may be reused afterwards.
 */
void bf_switch_burst(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where frames go: see switch.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SWITCH_H
#define BF_DATAPLANE_SWITCH_H

#include "dataplane/lcore.h"

/** Clear a set of the cache. */
static inline void
bf_cache_clear(struct bf_cache_set *set)
{
	for (int i = 0; i < BF_CACHE_WAYS; i++)
		set->way[i] = (struct bf_cache_entry){.tag = BF_CACHE_NONE};
}

/**
 * Forget all earlier decisions: what they stand on has changed.
 *
 * An epoch comes again after 65536; a set of the cache is cleared each time, so that no entry lives longer
 * than BF_CACHE_SETS epochs.
 */
static inline void
bf_switch_forget(struct bf_worker *w)
{
	w->epoch_tag += BF_EPOCH_STEP;
	w->floods = false;
	w->swept = (w->swept + 1) % BF_CACHE_SETS;
	bf_cache_clear(&w->cache[w->swept]);
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
 * @param flags
 *   BF_BURST_*: what some of them may have.
 */
void bf_switch_burst(
	struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint32_t flags);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The end of a frame that is not handed on: freed, and counted under its reason when it was dropped.
 *
 * Threads: worker.
 */
#include "dataplane/drop.h"

#include "dataplane/last_words.h"
#include "dataplane/tap.h"

/*
 * A burst of whole, unshared frames of one pool, as members and guests bring them, goes back in
 * one piece.  nb_segs 1 says that next is NULL, so the mbuf's second cache line stays alone.
 */
void
bf_free_burst(struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mempool *pool = pkts[0]->pool;
	uint64_t flags = 0, odd = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];

		odd |= (rte_mbuf_refcnt_read(m) ^ 1u) | (m->nb_segs ^ 1u);
		odd |= (uintptr_t)m->pool ^ (uintptr_t)pool;
		flags |= m->ol_flags;
	}
	if (unlikely(odd != 0 || (flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)) != 0))
		rte_pktmbuf_free_bulk(pkts, n);
	else
		rte_mempool_put_bulk(pool, (void **)pkts, n);
}

uint64_t
bf_bytes_of(struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

void
bf_drop_note(struct bf_worker *w, uint16_t slot, enum bf_drop why, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	w->counters->ports[slot].drops[why] += n;
	if (pkts != NULL)
		bf_last_words_keep(w, slot, why, pkts, n);
	if (unlikely(w->view->drop_taps != 0 && pkts != NULL))
		bf_tap_frames(w, w->view->drop_taps & w->view->rules[slot].taps, BF_TAP_DROP, slot,
			(uint8_t)why, pkts, n);
}

void
bf_drop(struct bf_worker *w, uint16_t slot, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n)
{
	bf_drop_note(w, slot, why, pkts, n);
	bf_free_burst(pkts, n);
}

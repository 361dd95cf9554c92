/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See share.h.
 *
 * Threads: worker.
 */
#include "dataplane/share.h"

#include <rte_cycles.h>

#include "dataplane/stage.h"

void
bf_share_begin(const struct bf_worker *w, const struct bf_rxq *q, struct bf_share_before *before)
{
	before->bytes = w->counters->ports[q->slot].rx_bytes;
	before->bursts = w->bonds[w->view->ports[q->slot].bond].bursts;
}

void
bf_share_end(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s,
	const struct bf_share_before *before, uint16_t n)
{
	uint64_t bytes = w->counters->ports[q->slot].rx_bytes - before->bytes;

	if (rte_rdtsc() < w->tight_tsc) { /* so that a full member is known before the next poll */
		bf_stage_flush(w);
		s->contends = w->bonds[w->view->ports[q->slot].bond].bursts != before->bursts;
	}
	w->deficit[q->slot] -= (int64_t)(bytes + (uint64_t)n * BF_WIRE_OVERHEAD);
}

void
bf_share_round(struct bf_worker *w, const struct bf_worker_view *wv, const struct bf_share_turn *t,
	bool moved)
{
	if (moved || t->held || t->rounds == 0)
		return;
	for (uint16_t i = 0; i < wv->n_rxq; i++) { /* a guest's queues follow each other */
		int64_t *deficit = &w->deficit[wv->rxq[i].slot], quantum = wv->rxq[i].quantum;

		if (i == 0 || wv->rxq[i].slot != wv->rxq[i - 1].slot)
			*deficit = RTE_MIN(*deficit + (int64_t)t->rounds * quantum, quantum);
	}
}

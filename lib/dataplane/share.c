/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See share.h.
 *
 * Threads: worker.
 */
#include "dataplane/share.h"

#include <rte_cycles.h>

#include "dataplane/lead.h"
#include "dataplane/stage.h"

static inline bool
is_tight(const struct bf_worker *w)
{
	return rte_rdtsc() < w->tight_tsc;
}

void
bf_share_turn_begin(struct bf_worker *w, uint64_t now)
{
	if (unlikely(now < w->tight_tsc || w->contending != 0))
		bf_lead_look(w, now);
}

/* Frames that were sent to a bond, or wait for it, or found it full. */
static uint64_t
offered_to(const struct bf_worker *w, unsigned int bond)
{
	const struct bf_port_counters *c = &w->counters->ports[bf_bond_slot(bond)];
	uint64_t n = c->tx_frames + c->drops[BF_DROP_MEMBER_FULL];

	for (unsigned int m = 0; m < BF_MAX_MEMBERS; m++)
		n += w->hands[bond * BF_MAX_MEMBERS + m].n;
	return n;
}

void
bf_share_begin(const struct bf_worker *w, const struct bf_rxq *q, struct bf_share_before *before)
{
	before->bytes = w->counters->ports[q->slot].rx_bytes;
	before->offered = is_tight(w) ? offered_to(w, w->view->ports[q->slot].bond) : 0;
}

void
bf_share_end(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s,
	const struct bf_share_before *before, uint16_t n)
{
	uint64_t bytes = w->counters->ports[q->slot].rx_bytes - before->bytes;

	if (is_tight(w)) { /* so that a full member is known before the next poll */
		bf_stage_flush(w);
		s->contends = offered_to(w, w->view->ports[q->slot].bond) != before->offered;
	}
	w->deficit[q->slot] -= (int64_t)(bytes + (uint64_t)n * BF_WIRE_OVERHEAD);
}

/*
 * How many queues from the first one on are of its guest. @param held gets whether one of them is passed over
 * @param contends gets whether one of them sends to its bond, which is full
 */
static uint16_t
queues_of(const struct bf_worker *w, const struct bf_worker_view *wv, uint16_t first, bool *held,
	bool *contends)
{
	uint16_t n = 0;

	*held = *contends = false;
	while (first + n < wv->n_rxq && wv->rxq[first + n].slot == wv->rxq[first].slot) {
		*held |= bf_share_is_held(w, &wv->rxq[first + n], &w->rxq_state[first + n]);
		*contends |= w->rxq_state[first + n].contends;
		n++;
	}
	return n;
}

void
bf_share_round(struct bf_worker *w, const struct bf_worker_view *wv, const struct bf_share_turn *t,
	bool moved)
{
	bool held, contends;
	uint32_t bonds = 0;

	if (moved)
		return;
	if (t->rounds == 0) {
		bf_lead_withdraw(w);
		return;
	}
	for (uint16_t i = 0; i < wv->n_rxq;) {
		uint16_t slot = wv->rxq[i].slot;
		int64_t *deficit = &w->deficit[slot], quantum = wv->rxq[i].quantum;

		i = (uint16_t)(i + queues_of(w, wv, i, &held, &contends));
		if (held)
			continue;
		if (contends && *deficit <= 0)
			bonds |= 1u << w->view->ports[slot].bond;
		*deficit = RTE_MIN(*deficit + (int64_t)t->rounds * quantum, quantum);
	}
	bf_lead_advance(w, bonds, t->rounds);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From guests: their queues are polled one after the other.
 *
 * A queue that stays empty turns cold and is polled only now and then, so that idle guests cost a busy
 * one nearly nothing; the first frame makes it hot again.
 *
 * Threads: worker.
 */
#include "dataplane/rx_guest.h"

#include <rte_cycles.h>

#include "dataplane/count.h"
#include "dataplane/drop.h"
#include "dataplane/lines.h"
#include "dataplane/rate.h"
#include "dataplane/ring.h"
#include "dataplane/ring_lock.h"
#include "dataplane/rules.h"
#include "dataplane/shape.h"
#include "dataplane/share.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"

static void
count_lost(struct bf_worker *w, uint16_t slot, struct bf_ring *r, uint64_t lost)
{
	uint16_t refused = r->refused;

	r->refused = 0;
	w->counters->ports[slot].rx_frames += lost;
	if (refused > 0)
		bf_drop_note(w, slot, BF_DROP_BAD_OFFLOAD, NULL, refused);
	if (lost > refused) /* there is no frame */
		bf_drop_note(w, slot, BF_DROP_GUEST_BUFFER, NULL, (uint16_t)(lost - refused));
}

/* What the frames of a guest ask for that may ask. */
static uint32_t
stated_flags(struct bf_worker *w, uint16_t slot, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint32_t flags = bf_shape_flags(pkts, n);
	uint64_t supers = 0;

	if (flags & BF_BURST_SEGMENTS)
		for (uint16_t i = 0; i < n; i++)
			supers += bf_is_superframe(pkts[i]);
	w->counters->ports[slot].superframes_in += supers;
	return flags;
}

/* A guest that has moved here: its RARP goes the way of its own frames. */
static uint16_t
ring_announce(const struct bf_rxq *q, struct bf_ring *r, struct rte_mbuf **pkts)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(q->guest->pool);

	if (m == NULL)
		return 0;
	__atomic_store_n(&r->announces, false, __ATOMIC_RELAXED);
	bf_ring_make_rarp(m, __atomic_load_n(&r->announce, __ATOMIC_ACQUIRE));
	pkts[0] = m;
	return 1;
}

/*
 * How full a ring is, and how far away its guest's CPU: where that has written since we looked, the
 * line comes from its cache.
 */
static void
ring_look(struct bf_worker *w, struct bf_rxq_state *s, const struct bf_ring *r)
{
	uint32_t way;
	bool is_new = bf_ring_look(r, &way);

	bf_count_fill(w, BF_FILL_FROM_GUEST, bf_ring_waiting(r));
	if (!is_new)
		return;
	if (way > w->far_tsc)
		s->far = (uint8_t)RTE_MIN(s->far + 1, BF_FAR);
	else if (s->far > 0)
		s->far--;
}

/*
 * A guest that forwards sends the buffers that it got, and we write them next; one that got less
 * than half as many frames as it sent writes most of its buffers itself, and its lines are given
 * back.  Other workers are taken to give it as many frames as this one.
 */
static void
ring_judge(const struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s,
	struct bf_ring *r)
{
	uint64_t put = w->counters->ports[q->slot].tx_frames - s->put;
	uint8_t enough = r->give == BF_GIVE_FLUSH ? BF_FAR / 4 : BF_FAR * 3 / 4;

	if (put * w->view->n_workers >= s->taken / 2)
		r->give = BF_GIVE_NOT;
	else if (w->demotes)
		r->give = BF_GIVE_DEMOTE;
	else
		r->give = w->flushes && s->far > enough ? BF_GIVE_FLUSH : BF_GIVE_NOT;
	s->put += put;
	s->taken = 0;
}

static inline uint16_t
ring_rx(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s, struct bf_ring *r,
	struct rte_mbuf **pkts)
{
	uint64_t lost = 0;
	uint16_t n;

	if (unlikely(r->mode != BF_RING_OWN))
		return 0;
	if (unlikely(w->timed))
		ring_look(w, s, r);
	if (unlikely(__atomic_load_n(&r->announces, __ATOMIC_RELAXED)))
		return ring_announce(q, r, pkts);
	n = bf_ring_take(r, q->guest->pool, pkts, BF_BURST, &lost);
	if (unlikely(lost > 0))
		count_lost(w, q->slot, r, lost);
	s->taken += n;
	if (unlikely(s->taken >= BF_JUDGE_EVERY))
		ring_judge(w, q, s, r);
	return n;
}

static inline uint32_t
poll_guest(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s)
{
	bool up = __atomic_load_n(&q->guest->up, __ATOMIC_ACQUIRE);
	struct bf_ring *r = &q->guest->ring[q->ring];
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t t0 = bf_stage_begin(w);
	uint16_t n = 0, taken;
	uint32_t flags = 0, offloads = 0;

	if (unlikely(q->in & BF_RULE_BIT(RATE)) && !bf_rate_may_poll(w, q->slot))
		return 0; /* it stays hot: its credit comes soon */
	if (likely(up && bf_ring_lock(w, r))) {
		n = ring_rx(w, q, s, r, pkts);
		offloads = r->offloads;
		bf_ring_unlock_freed(w, q, s, r);
	}
	if (n == 0) {
		if (++s->empty >= BF_COLD_AFTER)
			s->cold = true;
		return 0;
	}
	bf_stage_end_rx(w, t0, n);
	s->empty = 0;
	s->cold = false;
	bf_count_burst(w, n);
	w->counters->queue_frames[q->slot][q->ring / 2] += n;
	taken = n;
	if (unlikely(q->in != 0))
		n = bf_rules_in(w, q->slot, q->in, pkts, n);
	if (unlikely(offloads != 0))
		flags = stated_flags(w, q->slot, pkts, n);
	if (likely(n > 0))
		bf_switch_burst(w, q->slot, pkts, n, flags);
	if (unlikely(flags & BF_BURST_SEGMENTS)) /* much memory: it does not wait for others */
		bf_stage_flush(w);
	return taken;
}

/*
 * How many cold queues are polled in this turn: a share of them when there is time, all when guests
 * may have woken us.  While frames are moved it is one in BF_COLD_US, however short the turns: cold
 * rings are in no cache any more, and a poll takes 0.2 us.
 */
static uint16_t
cold_polls(struct bf_worker *w, uint16_t n_rxq, uint64_t now)
{
	uint64_t interval = w->tsc_hz / 1000000 * BF_COLD_US;
	uint16_t n = 0;

	if (w->idle.asked)
		return n_rxq;
	if (w->empty_loops > 0) {
		w->cold_tsc = now;
		return (uint16_t)(BF_COLD_POLLS + n_rxq / 32);
	}
	for (; n < n_rxq && now - w->cold_tsc >= interval; n++)
		w->cold_tsc += interval;
	if (n == n_rxq) /* we have been away */
		w->cold_tsc = now;
	return n;
}

static uint32_t
poll_shared(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s)
{
	struct bf_share_before before;
	uint32_t n;

	bf_share_begin(w, q, &before);
	n = poll_guest(w, q, s);
	if (n > 0)
		bf_share_end(w, q, s, &before, (uint16_t)n);
	return n;
}

/* The same as below where guests have weights. */
static __rte_noinline uint32_t
shared_rx(struct bf_worker *w, const struct bf_worker_view *wv, uint16_t cold_budget, uint64_t now)
{
	struct bf_share_turn turn = {0};
	uint32_t total = 0;

	bf_share_turn_begin(w, now);
	for (uint16_t i = 0; i < wv->n_rxq; i++)
		if (!w->rxq_state[i].cold &&
			bf_share_is_due(w, &wv->rxq[i], &w->rxq_state[i], &turn))
			total += poll_shared(w, &wv->rxq[i], &w->rxq_state[i]);
	for (uint16_t k = 0; k < cold_budget && k < wv->n_rxq; k++) {
		uint16_t i = w->cold_next;

		w->cold_next = (uint16_t)(i + 1 < wv->n_rxq ? i + 1 : 0);
		if (w->rxq_state[i].cold)
			total += poll_shared(w, &wv->rxq[i], &w->rxq_state[i]);
	}
	bf_share_round(w, wv, &turn, total > 0);
	return total;
}

uint32_t
bf_rx_guests(struct bf_worker *w, uint64_t now)
{
	const struct bf_worker_view *wv = &w->view->workers[w->idx];
	uint16_t cold_budget = cold_polls(w, wv->n_rxq, now);
	uint32_t total = 0;

	if (unlikely(!w->view->forwarding))
		return 0;
	if (unlikely(wv->shares))
		return shared_rx(w, wv, cold_budget, now);
	for (uint16_t i = 0; i < wv->n_rxq; i++)
		if (!w->rxq_state[i].cold)
			total += poll_guest(w, &wv->rxq[i], &w->rxq_state[i]);
	for (uint16_t k = 0; k < cold_budget && k < wv->n_rxq; k++) {
		uint16_t i = w->cold_next;

		w->cold_next = (uint16_t)(i + 1 < wv->n_rxq ? i + 1 : 0);
		if (w->rxq_state[i].cold)
			total += poll_guest(w, &wv->rxq[i], &w->rxq_state[i]);
	}
	return total;
}

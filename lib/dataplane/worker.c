/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One lcore's loop.
 *
 * A guest queue that stays empty turns cold and is polled only now and then, so that idle guests
 * cost a busy one nearly nothing; the first frame makes it hot again.
 *
 * Threads: worker.
 */
#include "dataplane/worker.h"

#include <sys/prctl.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/lines.h"

const uint8_t bf_burst_bin[BF_BURST + 1] = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4,
	4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5};

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

static void
count_lost(struct bf_worker *w, uint16_t slot, uint64_t lost)
{
	w->counters->ports[slot].rx_frames += lost;
	w->counters->ports[slot].drops[BF_DROP_GUEST_BUFFER] += lost;
}

/* A guest that has moved here: its RARP goes the way of its own frames. */
static uint16_t
announce(const struct bf_rxq *q, struct bf_ring *r, struct rte_mbuf **pkts)
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
look(struct bf_worker *w, struct bf_rxq_state *s, const struct bf_ring *r)
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
 * Farther away than memory.  A guest that writes a line has to own it, which takes longer than
 * reading one, so a little less is as far.
 */
static uint32_t
far_tsc(const struct bf_worker *w)
{
	return bf_lines_memory_tsc(w->cache, BF_CACHE_SETS * sizeof(*w->cache)) / 8 * 7;
}

/*
 * A guest that forwards sends the buffers that it got, and we write them next; one that got less
 * than half as many frames as it sent writes most of its buffers itself, and its lines are given
 * back.  Other workers are taken to give it as many frames as this one.
 */
static void
judge(const struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s, struct bf_ring *r)
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
		look(w, s, r);
	if (unlikely(__atomic_load_n(&r->announces, __ATOMIC_RELAXED)))
		return announce(q, r, pkts);
	n = bf_ring_take(r, q->guest->pool, pkts, BF_BURST, &lost);
	if (unlikely(lost > 0))
		count_lost(w, q->slot, lost);
	s->taken += n;
	if (unlikely(s->taken >= BF_JUDGE_EVERY))
		judge(w, q, s, r);
	return n;
}

static inline uint32_t
poll_guest(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s)
{
	bool up = __atomic_load_n(&q->guest->up, __ATOMIC_ACQUIRE);
	struct bf_ring *r = &q->guest->ring[q->ring];
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t t0 = bf_stage_begin(w);
	uint16_t n = 0;

	if (likely(up && bf_ring_lock(w, r))) {
		n = ring_rx(w, q, s, r, pkts);
		bf_ring_unlock(w, r);
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
	bf_switch_burst(w, q->slot, pkts, n);
	return n;
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

	if (w->rest.asked)
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
poll_guests(struct bf_worker *w, uint64_t now)
{
	const struct bf_worker_view *wv = &w->view->workers[w->idx];
	uint16_t cold_budget = cold_polls(w, wv->n_rxq, now);
	uint32_t total = 0;

	if (unlikely(!w->view->forwarding))
		return 0;
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

/*
 * Queues that stay, stay as they were: another guest's change does not make all of them hot.  The view
 * before may be gone already.
 */
static void
adopt_queues(struct bf_worker *w, const struct bf_worker_view *wv)
{
	const struct bf_rxq_state *was = w->rxq_state;
	struct bf_rxq_state *is = w->rxq_spare;
	uint16_t k = 0;

	for (uint16_t i = 0; i < wv->n_rxq; i++) {
		uint16_t id = bf_rxq_id(&wv->rxq[i]);

		while (k < w->n_rxq && was[k].queue < id)
			k++;
		is[i] = k < w->n_rxq && was[k].queue == id ? was[k]
							   : (struct bf_rxq_state){.queue = id};
	}
	w->rxq_spare = w->rxq_state;
	w->rxq_state = is;
	w->n_rxq = wv->n_rxq;
	if (w->cold_next >= w->n_rxq)
		w->cold_next = 0;
}

static void
adopt_view(struct bf_worker *w, const struct bf_view *v)
{
	bf_stage_flush(w); /* staged frames belong to the view that staged them */
	bf_rest_begin_anew(&w->rest);
	bf_tx_bond_settle(w, v);
	w->view = v;
	adopt_queues(w, &v->workers[w->idx]);
}

static inline void
send_staged(struct bf_worker *w)
{
	uint64_t t0;

	if (w->n_active == 0)
		return;
	t0 = bf_stage_begin(w);
	bf_stage_flush(w);
	bf_stage_end(w, BF_STAGE_OUTPUT, t0);
}

static inline void
tell_guests(struct bf_worker *w)
{
	uint64_t t0;

	if (w->n_touched == 0)
		return;
	t0 = bf_stage_begin(w);
	bf_rings_tell(w);
	bf_stage_end(w, BF_STAGE_OUTPUT, t0);
}

static uint32_t
loop_once(struct bf_worker *w, uint64_t now)
{
	uint32_t moved = 0;

	bf_switch_refresh(w);
	if (unlikely(w->owes))
		bf_tx_bond_owed(w, now);
	if (w->view->workers[w->idx].polls_bond)
		moved += bf_rx_bond(w);
	send_staged(w); /* what the wire brought does not wait until all guests were asked */
	moved += poll_guests(w, now);
	send_staged(w);
	tell_guests(w);
	if (w->inject != NULL)
		bf_tx_bond_service(w, now);
	return moved;
}

int
bf_worker_run(void *arg)
{
	struct bf_worker *w = arg;
	struct bf_pmd_counters *pmd = &w->counters->pmd;
	uint64_t last = rte_rdtsc();

	if (w->flushes && w->far_tsc == 0)
		w->far_tsc = far_tsc(w);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* else a sleep takes 50 us longer */
	w->rest = (struct bf_rest){.set = -1};
	rte_rcu_qsbr_thread_online(w->qsbr, w->idx);
	while (!__atomic_load_n(&w->quit, __ATOMIC_RELAXED)) {
		const struct bf_view *v;
		uint32_t moved;
		uint64_t now;

		rte_rcu_qsbr_quiescent(w->qsbr, w->idx); /* the view in hand may be gone now */
		v = __atomic_load_n(w->door, __ATOMIC_ACQUIRE);
		if (unlikely(v != w->view))
			adopt_view(w, v);
		w->timed = pmd->loops % BF_TIMING_EVERY == 0;
		moved = loop_once(w, last);
		pmd->loops++;
		now = rte_rdtsc();
		if (moved > 0) {
			pmd->busy_tsc += now - last;
			w->empty_loops = 0;
			if (unlikely(w->rest.asked))
				bf_rest_end(w);
		} else {
			pmd->idle_tsc += now - last;
			pmd->idle_loops++;
			w->empty_loops++;
			bf_rest(w);
			if (v->idle[w->idx] !=
				BF_IDLE_POLL) { /* the rest is not the next loop's work */
				last = rte_rdtsc();
				pmd->idle_tsc += last - now;
				continue;
			}
		}
		last = now;
	}
	if (w->rest.asked)
		bf_rest_end(w);
	bf_rest_begin_anew(&w->rest);
	bf_tx_bond_forget(w);
	rte_rcu_qsbr_thread_offline(w->qsbr, w->idx);
	return 0;
}

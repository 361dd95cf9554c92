/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One lcore's loop.
 *
 * Threads: worker.
 */
#include "dataplane/worker.h"

#include <sys/prctl.h>

#include <rte_cycles.h>

#include "dataplane/answers.h"
#include "dataplane/count.h"
#include "dataplane/hand.h"
#include "dataplane/idle.h"
#include "dataplane/inject.h"
#include "dataplane/lead.h"
#include "dataplane/lines.h"
#include "dataplane/mirrored.h"
#include "dataplane/ring_lock.h"
#include "dataplane/rx_bond.h"
#include "dataplane/rx_guest.h"
#include "dataplane/settle.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"

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
 * What is known of a queue belongs to its port and number, wherever these stand in a view.  Queues that
 * stay, stay as they were: another guest's change does not make all of them hot.  The view
 * before may be gone already.
 */
static void
adopt_queues(struct bf_worker *w, const struct bf_worker_view *wv)
{
	const struct bf_rxq_state *was = w->rxq_state;
	struct bf_rxq_state *is = w->rxq_spare;
	uint16_t k = 0;

	for (uint16_t i = 0; i < wv->n_rxq; i++) {
		const struct bf_rxq *q = &wv->rxq[i];
		uint16_t id = bf_rxq_id(q);

		while (k < w->n_rxq && was[k].queue < id)
			k++;
		if (k < w->n_rxq && was[k].queue == id && was[k].generation == q->generation)
			is[i] = was[k];
		else
			is[i] = (struct bf_rxq_state){.queue = id,
				.generation = q->generation,
				.put = w->counters->ports[q->slot].tx_frames};
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
	/* Nothing is staged between two turns: frames never meet a view that did not decide on them. */
	bf_idle_reset(&w->idle);
	w->view = v; /* the one before may be gone already */
	bf_settle(w, v);
	bf_switch_forget(w);
	bf_lead_adopt(w);
	bf_freed_touch(w); /* before queues get other places */
	adopt_queues(w, &v->workers[w->idx]);
}

static inline void
send_staged(struct bf_worker *w)
{
	uint64_t t0;

	if (unlikely(w->n_mirrored > 0))
		bf_mirrored_send(w);
	if (w->n_active == 0)
		return;
	t0 = bf_stage_begin(w);
	bf_stage_flush(w);
	bf_stage_end(w, BF_STAGE_OUTPUT, t0);
	if (unlikely(w->n_mirrored > 0)) { /* of what was just sent; these make none */
		bf_mirrored_send(w);
		bf_stage_flush(w);
	}
}

static inline void
tell_guests(struct bf_worker *w, uint64_t now)
{
	uint64_t t0;

	if (unlikely(w->n_freed > 0) && now >= w->freed_tsc)
		bf_freed_touch(w);
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
		bf_inject_owed(w, now);
	if (unlikely(w->in_hand != 0)) /* behind what control owes */
		moved += bf_hands_send(w);
	if (unlikely(w->n_answers > 0))
		bf_answers_send(w);
	for (uint32_t left = w->view->workers[w->idx].polls; left != 0; left &= left - 1)
		moved += bf_rx_bond(w, (unsigned int)__builtin_ctz(left));
	send_staged(w); /* what the wire brought does not wait until all guests were asked */
	moved += bf_rx_guests(w, now);
	send_staged(w);
	tell_guests(w, now);
	if (w->inject != NULL)
		bf_inject_service(w, now);
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
	w->idle = (struct bf_idle_wait){.set = -1};
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
			if (unlikely(w->idle.asked))
				bf_idle_end(w);
		} else {
			pmd->idle_tsc += now - last;
			pmd->idle_loops++;
			w->empty_loops++;
			bf_idle(w);
			if (v->idle[w->idx] !=
				BF_IDLE_POLL) { /* the rest is not the next loop's work */
				last = rte_rdtsc();
				pmd->idle_tsc += last - now;
				continue;
			}
		}
		last = now;
	}
	if (w->idle.asked)
		bf_idle_end(w);
	bf_idle_reset(&w->idle);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_hands_drop(w, k);
	bf_inject_forget(w);
	bf_answers_forget(w);
	rte_rcu_qsbr_thread_offline(w->qsbr, w->idx);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Shares: whose queue is polled next where guests have weights. Deficit round robin (Shreedhar and Varghese 1995)
 * over the queues that a worker polls.
 *
 * Theory of operation.  In a round every guest may bring a quantum of bytes as they are on a wire, which goes with
 * its weight.  A turn takes one burst from each queue whose guest has something left; a burst may be more than
 * that, and is owed.  The next round begins when no such queue has frames, so a worker that is not full takes all
 * there is.  While a bond's member is full (hand.h), queues that send to that bond are passed over, and rounds are
 * those of the others. Between workers, rounds are kept together by lead.h.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SHARE_H
#define BF_DATAPLANE_SHARE_H

#include "dataplane/lcore.h"

#define BF_WIRE_OVERHEAD 24 /* of a frame on a wire: preamble, FCS and gap */

/** What a turn has found. */
struct bf_share_turn {
	uint64_t rounds; /* that the queue which owes least needs; 0: none owes */
};

/** Is the queue passed over because its bond is full, or other workers' guests are behind? */
static inline bool
bf_share_is_held(const struct bf_worker *w, const struct bf_rxq *q, const struct bf_rxq_state *s)
{
	return s->contends && ((w->in_hand | w->ahead) >> w->view->ports[q->slot].bond & 1);
}

/** A turn begins. */
void bf_share_turn_begin(struct bf_worker *w, uint64_t now);

/** May the queue be polled in this turn? */
static inline bool
bf_share_is_due(const struct bf_worker *w, const struct bf_rxq *q, const struct bf_rxq_state *s,
	struct bf_share_turn *t)
{
	uint64_t rounds;

	if (unlikely(bf_share_is_held(w, q, s)))
		return false;
	if (w->deficit[q->slot] > 0)
		return true;
	rounds = (uint64_t)-w->deficit[q->slot] / q->quantum + 1;
	t->rounds = t->rounds == 0 ? rounds : RTE_MIN(t->rounds, rounds);
	return false;
}

/** What is known of a queue before it is polled. */
struct bf_share_before {
	uint64_t bytes;
	uint64_t offered; /* frames to its bond so far */
};

void bf_share_begin(
	const struct bf_worker *w, const struct bf_rxq *q, struct bf_share_before *before);

/** @p n frames were taken from the queue: they are charged, and it is noted whether they went to its bond. */
void bf_share_end(struct bf_worker *w, const struct bf_rxq *q, struct bf_rxq_state *s,
	const struct bf_share_before *before, uint16_t n);

/** A turn is over. @param moved whether it brought frames. */
void bf_share_round(struct bf_worker *w, const struct bf_worker_view *wv,
	const struct bf_share_turn *t, bool moved);

#endif

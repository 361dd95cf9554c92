/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Leads: guests with weights whose queues different workers poll share a full member, too.
 *
 * Theory of operation.  Each worker has a transmit queue of its own at a member, and the card takes from them in
 * turn, whoever sends by them.  But a round (share.h) brings the same for each unit of weight at every worker.  So
 * workers for which the same member is full count the rounds of those of their queues that send there, and one that
 * leads by more than BF_LEAD_ROUNDS does not poll these queues until the others have come up.  Its frames stay in
 * the guests' rings, and its part of the wire goes to those behind it, who have something in hand.
 *
 * Workers write a struct of their own and read those of others, every BF_LEAD_US and only while a member is full.
 * Nobody waits for one who has had room for BF_LEAD_CALM looks.  When its member is full again it is as far behind as
 * before; but if its queues were empty meanwhile, or it has had room for BF_LEAD_QUIET looks, it begins with the one who
 * is last.  One who does not look at all, because the kernel runs something else on its CPU, is waited for
 * BF_LEAD_FRESH_US.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_LEAD_H
#define BF_DATAPLANE_LEAD_H

#include "dataplane/lcore.h"

#define BF_LEAD_ROUNDS 16 /* a burst of long frames is 12 for a weight of 1 */
#define BF_LEAD_MOST 4096 /* rounds that are made good for one who was held up */
#define BF_LEAD_US 20
#define BF_LEAD_CALM 8
#define BF_LEAD_QUIET 500 /* 10 ms at least */
#define BF_LEAD_FRESH_US 200000

/** A member is or was full: which bonds does this worker lead at? The answer is in bf_worker.ahead. */
void bf_lead_look(struct bf_worker *w, uint64_t now);

/** Queues that send to some bonds (@p bonds bit k) have got so many rounds. */
void bf_lead_advance(struct bf_worker *w, uint32_t bonds, uint64_t rounds);

/** All queues were polled, and have nothing: others need not wait for this worker, nor make good what it missed. */
void bf_lead_withdraw(struct bf_worker *w);

/** There is a new view: where this worker's guests have no weights any more, others need not wait for it. */
void bf_lead_adopt(struct bf_worker *w);

#endif

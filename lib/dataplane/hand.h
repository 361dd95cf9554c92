/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that a full member has refused, where guests have weights: they are offered again before guests are asked
 * for more.
 *
 * Theory of operation.  Without weights what a full member refuses is dropped.  With weights it stays in the worker's
 * hand, at most BF_HAND frames of a member, and the queues that send to its bond are not polled meanwhile (share.h):
 * what is not taken stays in the guests' rings.  A hand that its member does not take for BF_HAND_MS is dropped,
 * and for BF_STUCK_MS nothing is kept for this member: one that stands still stops no guest.  Frames of control do not wait behind it.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_HAND_H
#define BF_DATAPLANE_HAND_H

#include "dataplane/lcore.h"

#define BF_HAND_MS 100
#define BF_STUCK_MS 10000
#define BF_TIGHT_US 10000 /* after a hand was needed: each queue's frames are sent by themselves */

/**
 * Keep what a member did not take, behind what it has not taken before.
 *
 * @return
 *   How many were kept; the others stay the caller's.
 */
uint16_t bf_hand_keep(
	struct bf_worker *w, unsigned int bond, uint8_t member, struct rte_mbuf **pkts, uint16_t n);

/** Is something of this member in the hand? */
static inline bool
bf_hand_holds(const struct bf_worker *w, unsigned int bond, uint8_t member)
{
	return w->hands[bond * BF_MAX_MEMBERS + member].n > 0;
}

/** Offer all hands to their members once. @return frames that were sent. */
uint32_t bf_hands_send(struct bf_worker *w);

/** Empty the hand of a member: what it does not take at once is dropped. @param send false: all of it */
void bf_hand_end(struct bf_worker *w, unsigned int bond, uint8_t member, bool send);

/** Drop what is in the hands of a bond. */
void bf_hands_drop(struct bf_worker *w, unsigned int bond);

#endif

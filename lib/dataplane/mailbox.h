/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DOOR OUT: small values from workers to control.  Posting never waits and never wakes anybody;
 * a full mailbox loses the post and the poster counts it.
 *
 * Threads: one worker posts into its own mailbox, control takes.
 */
#ifndef BF_DATAPLANE_MAILBOX_H
#define BF_DATAPLANE_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

/** "Station `key` was heard behind `port`." */
struct bf_learn_mail {
	uint64_t key; /* BF_FDB_KEY */
	uint32_t port;
	uint32_t pad;
};

#define BF_LEARN_MAILBOX 1024

static inline bool
bf_mailbox_post(struct rte_ring *r, struct bf_learn_mail *m)
{
	return rte_ring_sp_enqueue_elem(r, m, sizeof(*m)) == 0;
}

static inline unsigned int
bf_mailbox_take(struct rte_ring *r, struct bf_learn_mail *m, unsigned int n)
{
	return rte_ring_sc_dequeue_burst_elem(r, m, sizeof(*m), n, NULL);
}

#endif

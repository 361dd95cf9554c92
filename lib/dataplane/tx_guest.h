/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames for guests: see tx_guest.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_TX_GUEST_H
#define BF_DATAPLANE_TX_GUEST_H

#include "dataplane/lcore.h"

/** Copy frames into a guest's ring. Takes all n. */
void bf_tx_guest(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);

/** The same for flooded frames, which stay the caller's. */
void bf_tx_guest_copy(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A member's transmit ring: what its card cannot do for a frame is done here first.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_TX_MEMBER_H
#define BF_DATAPLANE_TX_MEMBER_H

#include "dataplane/lcore.h"

/** A wire carries 60 bytes at least; a guest, or the last segment of a superframe, may be shorter. */
void bf_tx_pad(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n);

/**
 * Send frames on the worker's own queue of a member. Takes all n.
 *
 * @param bytes
 *   Their lengths together.
 */
void bf_tx_member(struct bf_worker *w, unsigned int bond, uint8_t member, struct rte_mbuf **pkts,
	uint16_t n, uint64_t bytes);

#endif

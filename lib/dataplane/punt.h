/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of the bond for control.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_PUNT_H
#define BF_DATAPLANE_PUNT_H

#include "dataplane/lcore.h"

/** Pass frames to control; what its ring has no room for is freed. Takes all n. */
void bf_punt(struct bf_worker *w, struct rte_ring *ring, enum bf_drop why, struct rte_mbuf **pkts,
	uint16_t n);

/** LACPDUs and markers of the member in hand go to control, the others are dropped. Takes all n. */
void bf_punt_slow(struct bf_worker *w, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n);

#endif

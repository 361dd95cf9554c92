/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of bonds for control.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_PUNT_H
#define BF_DATAPLANE_PUNT_H

#include "dataplane/lcore.h"

/**
 * Pass frames of a bond (its number) to control, with the port of the member in hand; what the ring has no
 * room for is freed. Takes all n.
 */
void bf_punt(struct bf_worker *w, unsigned int bond, struct rte_ring *ring, enum bf_drop why,
	struct rte_mbuf **pkts, uint16_t n);

/** LLDP frames of a member that a worker passes on in half a second: what all members bring fits into control's ring. */
#define BF_PUNT_LLDP 25

/**
 * LACPDUs, markers and LLDP frames of the member in hand go to control, the others are dropped, and so is LLDP beyond
 * BF_PUNT_LLDP. Takes all n.
 */
void bf_punt_slow(struct bf_worker *w, unsigned int bond, enum bf_drop why, struct rte_mbuf **pkts,
	uint16_t n);

#endif

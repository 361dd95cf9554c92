/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames for the bond: see tx_bond.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_TX_BOND_H
#define BF_DATAPLANE_TX_BOND_H

#include "dataplane/lcore.h"

/** Send frames on the members of bond @p k. Takes all n. */
void bf_tx_bond(struct bf_worker *w, unsigned int k, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum);

#endif

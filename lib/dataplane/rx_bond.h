/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of the bond: see rx_bond.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RX_BOND_H
#define BF_DATAPLANE_RX_BOND_H

#include "dataplane/lcore.h"

/** Read the worker's queue of every member of a bond (its number), switch what came. @return frames. */
uint32_t bf_rx_bond(struct bf_worker *w, unsigned int bond);

/** Members of a bond, by number, whose frames are switched now. ctx any reader of a view. */
uint32_t bf_rx_bond_collecting(const struct bf_view *v, unsigned int bond);

/**
 * What a member has brought: its rules, then the switch, or what control reads.
 *
 * @param take
 *   The member is one of bf_rx_bond_collecting().
 * @param pkts
 *   At most BF_BURST frames, owned.
 */
void bf_rx_bond_frames(struct bf_worker *w, unsigned int bond, uint8_t member, bool take,
	struct rte_mbuf **pkts, uint16_t n);

#endif

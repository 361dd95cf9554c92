/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a member's card does for frames: checksums, segmentation, and which received checksums are good.
 *
 * Each member does what it can; workers do the rest for the others (tx_member.c).  The PMD sets up all members
 * alike, so a member that can do something is set up and started anew (bf_bond_start_anew()).
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_CARD_OFFLOADS_H
#define BF_CONTROL_BOND_CARD_OFFLOADS_H

#include <rte_ethdev.h>

#include "control/bond/bond.h"

/**
 * Find out what a member's card is to do: what its driver says that it can, unless the member's key `offload` is
 * off or the driver is known to do it wrong.  Sets m->offloads and m->verifies.
 */
void bf_card_offloads_find(struct bf_bond *b, unsigned int i);

/** Put that into the settings that the member's device is configured with. */
void bf_card_offloads_set(const struct bf_member *m, struct rte_eth_conf *conf);

/** Is there anything that it does? */
static inline bool
bf_card_offloads_any(const struct bf_member *m)
{
	return m->offloads != 0 || m->verifies;
}

/** The device refuses: nothing is left to the card. */
static inline void
bf_card_offloads_give_up(struct bf_member *m)
{
	m->offloads = 0;
	m->verifies = false;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sizes that the fast room and the slow room agree on.
 *
 * Threads: constants and pure functions.
 */
#ifndef BF_DATAPLANE_SIZES_H
#define BF_DATAPLANE_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#define BF_MAX_GUESTS 1023
#define BF_MAX_BONDS 4 /* each is the uplink of a switch of its own */
#define BF_MAX_PORTS (BF_MAX_GUESTS + BF_MAX_BONDS) /* slots: see bf_bond_slot() */
#define BF_BOND_SLOT 0 /* of the first bond */
#define BF_MAX_MEMBERS 16 /* members of a bond */
#define BF_MAX_WORKERS 64 /* worker lcores */
#define BF_MAX_QP 8 /* queue pairs of a guest that are used */
#define BF_BURST 32 /* frames per burst */
#define BF_VLAN_IDS 4096
#define BF_MAX_MIRRORS 8
#define BF_MIRROR_IN 1u /* what comes from the port */
#define BF_MIRROR_OUT 2u /* what goes to it */
#define BF_MAX_CAPTURES 16 /* at the same time */
#define BF_MAX_EXPORTERS 4
/* Captures, the samples of each bond, exporters; of these each twice while its settings change. */
#define BF_MAX_TAPS (BF_MAX_CAPTURES + BF_MAX_BONDS + 2 * BF_MAX_EXPORTERS)
#define BF_BUCKETS 256 /* flow hash buckets of a bond */
#define BF_MIN_MTU 68
#define BF_MAX_MTU 9216
#define BF_MIN_FRAME 60 /* shortest frame on a wire, without FCS */
#define BF_FRAME_OVERHEAD 22 /* Ethernet header and two VLAN tags: frame length - MTU */
#define BF_TAG_LEN 4 /* of a VLAN tag */
#define BF_LONGEST_FRAME (BF_MAX_MTU + BF_FRAME_OVERHEAD) /* on any wire */

/* Slots of switch ports: 0 is the first bond, then come the guests, then the other bonds. */

/** The slot of bond @p k, 0 to BF_MAX_BONDS - 1. */
static inline uint16_t
bf_bond_slot(unsigned int k)
{
	return (uint16_t)(k == 0 ? BF_BOND_SLOT : BF_MAX_GUESTS + k);
}

static inline bool
bf_is_bond_slot(uint16_t slot)
{
	return (uint16_t)(slot - 1) >= BF_MAX_GUESTS;
}

/** The number of the bond that has this slot. */
static inline unsigned int
bf_bond_of_slot(uint16_t slot)
{
	return slot == BF_BOND_SLOT ? 0 : (unsigned int)(slot - BF_MAX_GUESTS);
}

#endif

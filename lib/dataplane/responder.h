/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who asks for a guest's address is answered by the switch: ARP requests and neighbour solicitations for guests
 * with neigh_suppress=on, as a port of a Linux bridge has it.
 *
 * Theory of operation.  Control knows which addresses such guests use (control/lan/neighbors.h), and puts them
 * into a table that belongs to the view.  A request that would be flooded and asks for one of them is answered
 * with what the guest would say, and ends there as `answered`: no guest is woken by it, and it does not leave.
 * Everything else goes on as before: announcements, probes for duplicate addresses, and what comes from
 * who is not known yet, or is kept apart from the guest.
 *
 * Threads: worker; control builds tables.
 */
#ifndef BF_DATAPLANE_RESPONDER_H
#define BF_DATAPLANE_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/lcore.h"

struct bf_responder_entry {
	uint8_t addr[16]; /* IPv4: the first four, zero behind */
	uint64_t station; /* BF_FDB_KEY; 0: free */
	uint16_t slot; /* of the guest */
	uint8_t v6;
	uint8_t router; /* of IPv6 */
};

struct bf_responder {
	uint64_t seed;
	uint32_t mask; /* places in the table, a power of two, less 1 */
	struct bf_responder_entry at[];
};

/** Bytes of a table for @p n addresses. */
size_t bf_responder_size(uint32_t n);
/** An empty one in so many bytes, which are zero. @param seed not to be guessed by who chooses addresses */
void bf_responder_init(struct bf_responder *r, uint32_t n, uint64_t seed);
/** Put an address in; there is room for as many as bf_responder_init() was told. */
void bf_responder_add(struct bf_responder *r, const struct bf_responder_entry *e);

/**
 * Answer what can be, of frames that are about to be flooded.
 *
 * @return
 *   How many are left, at the front and in their order; the others have been counted and freed.
 */
uint16_t bf_respond(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n);

#endif

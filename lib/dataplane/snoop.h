/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What stations say of themselves: see snoop.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SNOOP_H
#define BF_DATAPLANE_SNOOP_H

#include "dataplane/lcore.h"

/**
 * Read a frame's ARP, neighbour discovery, IGMP or MLD; changes nothing.  Of a guest everything goes to
 * control, of the bond what speaks of an address that a guest may hold.
 */
void bf_snoop(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m);

#endif

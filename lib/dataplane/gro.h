/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Coalescing: TCP segments of a burst that follow each other become one superframe.
 *
 * Only what a poll brought is coalesced: there is no timer and nothing is held back.  Frames of a connection
 * keep their order, and those of different connections keep theirs as far as the first frame of each run goes.  Two
 * segments are joined where a receiver could have had them as one: everything in their headers is equal
 * but the sequence number, which goes on, the lengths, the checksums, the IPv4 identification, and PSH or FIN,
 * which end a run.  All but the last of a run are equally long.  Superframes can be cut again exactly (gso.h).
 *
 * The checksum of each segment is partial, or known to be good (RTE_MBUF_F_RX_L4_CKSUM_GOOD), or is checked first: what is
 * not right is left alone, for the receiver to see.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_GRO_H
#define BF_DATAPLANE_GRO_H

#include "dataplane/offload.h"

/**
 * Coalesce a burst that is for one port.
 *
 * @param pkts
 *   Frames that belong to the caller; those with a reference besides are left alone.  A frame that is joined
 *   hangs behind the first of its run as further segments, without its headers, and the first one is a
 *   superframe as offload.h says.
 * @param n
 *   At most BF_STAGE_SIZE.
 * @param families
 *   BF_OFFLOAD_TSO4, BF_OFFLOAD_TSO6, BF_OFFLOAD_ECN: what the receiver takes.
 * @return
 *   How many are left, moved to the front; n less this many were joined to others.
 */
uint16_t bf_gro(struct rte_mbuf **pkts, uint16_t n, uint32_t families);

#endif

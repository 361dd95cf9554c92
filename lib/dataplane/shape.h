/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames as their receiver takes them: checksums completed, superframes cut, where it does neither itself.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SHAPE_H
#define BF_DATAPLANE_SHAPE_H

#include "dataplane/gso.h"
#include "dataplane/lcore.h"

/** A burst on its way. */
struct bf_shape {
	struct rte_mbuf **pkts;
	uint16_t n, at;
	uint16_t slot; /* of the receiver: what is made or lost is counted there */
	uint32_t takes; /* BF_OFFLOAD_* */
	bool flooded; /* as bf_burst.flooded */
	bool cuts; /* pkts[at] is being cut */
	uint16_t made; /* segments of it */
	struct bf_gso gso;
};

/** Begin with frames of the caller's, who gives them away. @param takes BF_OFFLOAD_*: 0 takes nothing. */
static inline void
bf_shape_begin(
	struct bf_shape *s, uint16_t slot, uint32_t takes, struct rte_mbuf **pkts, uint16_t n)
{
	*s = (struct bf_shape){.pkts = pkts, .n = n, .slot = slot, .takes = takes};
}

/**
 * The next frames that the receiver takes, in order.
 *
 * @param room
 *   Frames that @p out has room for, at least 1.
 * @return
 *   How many, 0: there are no more.  They are the caller's.  What there is no memory for is counted as
 *   dropped.
 */
uint16_t bf_shape_next(
	struct bf_worker *w, struct bf_shape *s, struct rte_mbuf **out, uint16_t room);

/** What a burst looks like: BF_BURST_* of its frames. */
static inline uint32_t
bf_shape_flags(struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t any = 0;

	for (uint16_t i = 0; i < n; i++)
		any |= pkts[i]->ol_flags;
	return (any & RTE_MBUF_F_TX_TCP_SEG ? BF_BURST_SEGMENTS : 0) |
		(any & RTE_MBUF_F_TX_L4_MASK ? BF_BURST_PARTIAL : 0) |
		(any & RTE_MBUF_F_RX_L4_CKSUM_GOOD ? BF_BURST_GOOD : 0);
}

/** All of a burst's summary. */
static inline void
bf_shape_sum(struct rte_mbuf *const *pkts, uint16_t n, uint32_t flags, struct bf_burst *sum)
{
	*sum = (struct bf_burst){.min_len = UINT16_MAX, .flags = flags};
	for (uint16_t i = 0; i < n; i++) {
		sum->bytes += pkts[i]->pkt_len;
		sum->max_len = RTE_MAX(sum->max_len, pkts[i]->pkt_len);
		sum->min_len = RTE_MIN(sum->min_len, pkts[i]->data_len);
	}
}

#endif

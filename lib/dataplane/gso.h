/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Segmentation in software: a superframe becomes frames that fit.
 *
 * Each segment is a whole frame with all its checksums, copied: headers as the superframe has them but for
 * lengths, the IPv4 identification (which counts up, RFC 6864), the sequence number, and the flags: FIN and
 * PSH are the last segment's only, CWR the first one's (RFC 3168 6.1.2).  It is cut to the sender's tso_segsz,
 * never to somebody's MTU.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_GSO_H
#define BF_DATAPLANE_GSO_H

#include "dataplane/offload.h"

/** How far a superframe has been cut. */
struct bf_gso {
	const struct rte_mbuf *m; /* stays the caller's */
	const struct rte_mbuf *piece; /* of it, where the next payload is */
	uint32_t piece_at; /* and where in it */
	uint32_t left; /* bytes of payload that have not been cut off yet */
	uint16_t index; /* of the next segment */
};

/** How many segments a superframe makes, at least 1.  Its tso_segsz is not 0. */
uint16_t bf_gso_count(const struct rte_mbuf *m);

/** What a frame counts for at a rate, in bytes or in frames: a superframe is what it becomes, with the headers of each. */
static inline uint32_t
bf_wire_units(const struct rte_mbuf *m, bool by_bytes)
{
	uint32_t n = unlikely(bf_is_superframe(m)) ? bf_gso_count(m) : 1;

	if (!by_bytes)
		return n;
	return m->pkt_len + (n - 1) * ((uint32_t)m->l2_len + m->l3_len + m->l4_len);
}

/** Begin with a superframe as offload.h describes it, which is not changed and stays the caller's. */
void bf_gso_begin(struct bf_gso *g, const struct rte_mbuf *m);

/**
 * The next segments, in order.
 *
 * @param pool
 *   Of the fresh frames; the headers fit one.  A segment that is longer than its buffers is chained.
 * @return
 *   How many of @p n are in @p out; fewer when that was the last (left is 0) or there is no memory (left
 *   is not 0: the call may be repeated).  Of a superframe without payload left is always 0, and index is
 *   0 until its one segment is made.
 */
uint16_t bf_gso_next(struct bf_gso *g, struct rte_mempool *pool, struct rte_mbuf **out, uint16_t n);

#endif

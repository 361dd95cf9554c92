/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a frame leaves to whoever receives it: its checksum, and to be cut.
 *
 * Theory of operation.  The state lies in the frame's mbuf, as DPDK's drivers read and write it:
 *
 *   checksum unknown   none of the flags below
 *   checksum good      RTE_MBUF_F_RX_L4_CKSUM_GOOD: a member's driver has looked at it
 *   checksum partial   RTE_MBUF_F_TX_TCP_CKSUM or RTE_MBUF_F_TX_UDP_CKSUM with RTE_MBUF_F_TX_IPV4 or _IPV6;
 *                      l2_len (with tags) and l3_len (with options and extension headers) say where the
 *                      header is, and the sum of the pseudo header stands in its checksum (virtio 1.2,
 *                      5.1.6.2), with the length
 *   superframe         RTE_MBUF_F_TX_TCP_SEG besides: to be cut behind each tso_segsz bytes of payload;
 *                      l4_len is the length of the TCP header.  Its checksum is partial.  Its CWR flag is the
 *                      first segment's only (RFC 3168)
 *
 * All of a frame's headers lie in its first segment where there is such a state.  bf_burst.flags says what
 * frames of a burst may have: ports that negotiated nothing have none, and pay nothing.
 *
 * Threads: constants and pure functions.
 */
#ifndef BF_DATAPLANE_OFFLOAD_H
#define BF_DATAPLANE_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/* What a guest takes from us, or may ask of us. */
#define BF_OFFLOAD_CSUM 1u /* partial checksums */
#define BF_OFFLOAD_TSO4 2u /* superframes, IPv4 */
#define BF_OFFLOAD_TSO6 4u
#define BF_OFFLOAD_ECN 8u /* of them, with CWR set */
#define BF_OFFLOAD_TSO (BF_OFFLOAD_TSO4 | BF_OFFLOAD_TSO6)

#define BF_SUPERFRAME_MAX 65549u /* bytes: an IP packet of 65535 behind an Ethernet header */
#define BF_SUPERFRAME_TAGS 16u /* room for tags besides, in what a guest may send */
#define BF_GSO_HEADERS_MAX 256u /* bytes of headers of a frame that is cut or coalesced */
#define BF_GSO_SEGMENTS_MAX 1400u /* of a superframe: 64 KiB in segments of 48 bytes */

static inline bool
bf_is_superframe(const struct rte_mbuf *m)
{
	return m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
}

static inline bool
bf_is_partial(const struct rte_mbuf *m)
{
	return m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
}

/** The state is gone: the frame is complete. */
static inline void
bf_offload_clear(struct rte_mbuf *m)
{
	m->ol_flags &= ~(RTE_MBUF_F_TX_OFFLOAD_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |
		RTE_MBUF_F_RX_IP_CKSUM_MASK);
	m->tx_offload = 0;
}

#endif

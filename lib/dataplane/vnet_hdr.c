/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See vnet_hdr.h.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/vnet_hdr.h"

#include <linux/virtio_net.h>

#include "dataplane/checksum.h"
#include "dataplane/frame.h"
#include "dataplane/gso.h"

#define L3_MAX 511 /* rte_mbuf.l3_len has 9 bits */

static_assert(sizeof(struct virtio_net_hdr) == BF_FORM_HEADER, "without num_buffers");

/* The IP header of a frame. */
struct ip {
	const uint8_t *at;
	uint32_t l2_len;
	bool v6;
};

static bool
find_ip(const struct rte_mbuf *m, struct ip *ip)
{
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &ip->at);

	ip->l2_len = m->data_len - len;
	ip->v6 = type == BF_ET_IPV6;
	if (type == BF_ET_IPV4)
		return len >= BF_IPV4_LEN && ip->at[0] >> 4 == 4;
	return ip->v6 && len >= BF_IPV6_LEN && ip->at[0] >> 4 == 6;
}

/*
 * Do the extension headers end where the checksum's begins? Behind a fragment's header there may be none,
 * and in a tunnel's there is a frame. @param l3_len these bytes are there
 */
static bool
is_behind_extensions(const uint8_t *ip, uint32_t l3_len, uint8_t proto)
{
	uint32_t at = BF_IPV6_LEN;
	uint8_t next = ip[6];

	while (at + 8 <= l3_len &&
		(next == BF_PROTO_HOPOPTS || next == BF_PROTO_ROUTING ||
			next == BF_PROTO_DSTOPTS)) {
		next = ip[at];
		at += (ip[at + 1] + 1u) * 8;
	}
	return at == l3_len && next == proto;
}

/* Is the checksum's header the one behind the IP header? */
static bool
is_behind_ip(const struct ip *ip, uint32_t l3_len, uint8_t proto)
{
	if (ip->v6)
		return l3_len <= L3_MAX && is_behind_extensions(ip->at, l3_len, proto);
	return l3_len >= 20 && l3_len == (ip->at[0] & 15) * 4u && ip->at[9] == proto &&
		(ip->at[6] & 0x3f) == 0 && ip->at[7] == 0; /* no fragment */
}

/* The state of a partial checksum. @return false: it is none of TCP or UDP over IP. */
static bool
set_partial(struct rte_mbuf *m, const struct virtio_net_hdr *h)
{
	bool tcp = h->csum_offset == BF_TCP_CHECKSUM_AT;
	struct ip ip;

	if ((!tcp && h->csum_offset != BF_UDP_CHECKSUM_AT) || !find_ip(m, &ip) ||
		h->csum_start <= ip.l2_len ||
		!is_behind_ip(&ip, h->csum_start - ip.l2_len, tcp ? BF_PROTO_TCP : BF_PROTO_UDP))
		return false;
	m->l2_len = ip.l2_len;
	m->l3_len = h->csum_start - ip.l2_len;
	m->ol_flags |= (tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM) |
		(ip.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	return true;
}

/* A superframe, whose checksum is known to be partial. */
static bool
set_segments(struct rte_mbuf *m, const struct virtio_net_hdr *h, uint32_t may)
{
	uint32_t tcp_at = h->csum_start, headers;
	bool v6 = (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6;
	const uint8_t *tcp = rte_pktmbuf_mtod_offset(m, const uint8_t *, tcp_at);

	if (!v6 && (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4)
		return false;
	if (!(may & (v6 ? BF_OFFLOAD_TSO6 : BF_OFFLOAD_TSO4)) ||
		(h->gso_type & VIRTIO_NET_HDR_GSO_ECN && !(may & BF_OFFLOAD_ECN)))
		return false;
	if (!bf_is_partial(m) || h->csum_offset != BF_TCP_CHECKSUM_AT || h->gso_size == 0 ||
		v6 != !(m->ol_flags & RTE_MBUF_F_TX_IPV4) || m->data_len < tcp_at + BF_TCP_LEN)
		return false;
	m->l4_len = (uint64_t)(tcp[12] >> 4) * 4;
	headers = tcp_at + m->l4_len;
	if (m->l4_len < BF_TCP_LEN || headers > m->data_len || headers > BF_GSO_HEADERS_MAX)
		return false;
	if (m->pkt_len - headers <= h->gso_size)
		return true; /* there is nothing to cut */
	if ((m->pkt_len - headers - 1) / h->gso_size >= BF_GSO_SEGMENTS_MAX)
		return false;
	m->tso_segsz = h->gso_size;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	return true;
}

bool
bf_vnet_hdr_check(struct rte_mbuf *m, const uint8_t *header, uint32_t may)
{
	struct virtio_net_hdr h;

	memcpy(&h, header, sizeof(h));
	if (!(h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || !(may & BF_OFFLOAD_CSUM))
		return false;
	if ((uint32_t)h.csum_start + h.csum_offset + 2 > m->data_len)
		return false;
	if (set_partial(m, &h))
		return h.gso_type == VIRTIO_NET_HDR_GSO_NONE || set_segments(m, &h, may);
	if (h.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return false;
	bf_checksum_put(m, h.csum_start, h.csum_offset, h.csum_offset == BF_UDP_CHECKSUM_AT);
	return true;
}

bool
bf_vnet_hdr_make(const struct rte_mbuf *m, uint32_t takes, uint8_t *header)
{
	struct virtio_net_hdr h = {.flags = 0};
	uint32_t l4_at = (uint32_t)m->l2_len + m->l3_len;

	if (!bf_offload_is_taken(m, takes))
		return false;
	if (bf_is_partial(m)) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = (uint16_t)l4_at;
		h.csum_offset = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM
			? BF_UDP_CHECKSUM_AT
			: BF_TCP_CHECKSUM_AT;
	} else if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		takes & BF_OFFLOAD_CSUM) {
		h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (bf_is_superframe(m)) {
		const uint8_t *tcp = rte_pktmbuf_mtod_offset(m, const uint8_t *, l4_at);

		h.gso_type = m->ol_flags & RTE_MBUF_F_TX_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
							      : VIRTIO_NET_HDR_GSO_TCPV6;
		h.gso_type |= tcp[BF_TCP_FLAGS_AT] & BF_TCP_CWR ? VIRTIO_NET_HDR_GSO_ECN : 0;
		h.gso_size = m->tso_segsz;
		h.hdr_len = (uint16_t)(l4_at + m->l4_len);
	}
	memcpy(header, &h, sizeof(h));
	return true;
}

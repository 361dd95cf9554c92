/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Coalescing; see gro.h for the rules.
 *
 * Theory of operation.  One pass: each frame is read as a segment, and its connection looked up
 * among the open runs.  It is joined to the run it continues; else the run is closed, so that nothing
 * of the connection passes it, and the segment may begin another one.  A frame that may be of a
 * connection, but of which the ports are not known (a fragment, options), closes all of them.  The
 * first frame of a run stays as it is until a second one comes, and is not summed before; its headers
 * are written when the run is closed.
 *
 * Threads: worker.
 */
#include "dataplane/gro.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/be.h"
#include "dataplane/checksum.h"
#include "dataplane/frame.h"

#define RUNS 8 /* open at the same time: connections that are mixed in a burst */
#define MBUFS_MAX 64 /* of a superframe */
#define TAGS_MAX 2

enum {
	TCP_ENDS = BF_TCP_FIN | BF_TCP_PSH, /* a run */
	TCP_ALONE = BF_TCP_SYN | BF_TCP_RST | BF_TCP_URG | BF_TCP_CWR, /* never in a run */
	IPV4_DF = 0x40,
};

enum kind {
	FOREIGN, /* no TCP */
	ODD, /* perhaps of a connection, but of which? */
	SEGMENT,
};

struct segment {
	struct rte_mbuf *m;
	uint8_t *ip, *tcp;
	uint32_t ports; /* as in memory */
	uint32_t padding; /* behind the IP packet */
	uint16_t l2_len, l3_len, l4_len;
	uint16_t len; /* of the payload */
	bool v6;
	bool may_join;
};

struct run {
	struct segment first;
	struct rte_mbuf *tail; /* last mbuf of the chain */
	uint32_t seq; /* of what would follow */
	uint32_t len; /* of all payload */
	uint16_t n; /* segments */
	uint16_t id, id_step; /* IPv4: of the last segment, and from one to the next */
	uint8_t ends; /* TCP_ENDS that the last segment has */
};

struct runs {
	struct run run[RUNS];
	unsigned int n, turn; /* turn: whose it is to make room */
};

/* May we write to it and hang others behind it, and is all of its payload its own? */
static bool
is_ours(const struct segment *s)
{
	const struct rte_mbuf *m = s->m, *last = m;

	if (bf_is_superframe(m) || m->nb_segs > MBUFS_MAX)
		return false;
	for (; m != NULL; last = m, m = m->next)
		if (rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m))
			return false;
	/* No mbuf is left empty when headers and padding are cut off. */
	return s->m->data_len > (uint32_t)s->l2_len + s->l3_len + s->l4_len &&
		last->data_len > s->padding;
}

/* @p len: of the IP packet. */
static enum kind
read_tcp(struct segment *s, uint32_t len)
{
	uint32_t room = s->m->data_len - (uint32_t)s->l2_len - s->l3_len;
	uint32_t headers, behind = s->m->pkt_len - s->l2_len;

	if (unlikely(room < 20 || len > behind))
		return ODD;
	s->tcp = s->ip + s->l3_len;
	s->l4_len = (uint16_t)((s->tcp[12] >> 4) * 4);
	headers = (uint32_t)s->l3_len + s->l4_len;
	if (unlikely(s->l4_len < 20 || s->l4_len > room || headers > len))
		return ODD;
	memcpy(&s->ports, s->tcp, 4);
	s->len = (uint16_t)(len - headers);
	s->padding = behind - len;
	s->may_join = s->len > 0 && (s->tcp[13] & TCP_ALONE) == 0 && is_ours(s);
	return SEGMENT;
}

static inline enum kind
read_ipv4(struct segment *s)
{
	if (unlikely(s->m->data_len < s->l2_len + (uint32_t)BF_IPV4_LEN))
		return ODD;
	if (s->ip[9] != BF_PROTO_TCP)
		return FOREIGN;
	if (unlikely(s->ip[0] != 0x45 ||
		    (bf_be16(s->ip + 6) & 0x3fff) != 0)) /* options, a fragment */
		return ODD;
	s->v6 = false;
	s->l3_len = BF_IPV4_LEN;
	return read_tcp(s, bf_be16(s->ip + 2));
}

static inline enum kind
read_ipv6(struct segment *s)
{
	if (unlikely(s->m->data_len < s->l2_len + (uint32_t)BF_IPV6_LEN))
		return ODD;
	if (s->ip[6] == BF_PROTO_UDP || s->ip[6] == BF_PROTO_ICMPV6)
		return FOREIGN;
	if (unlikely(s->ip[6] != BF_PROTO_TCP || s->ip[0] >> 4 != 6)) /* extension headers */
		return ODD;
	s->v6 = true;
	s->l3_len = BF_IPV6_LEN;
	return read_tcp(s, bf_be16(s->ip + 4) + 40u);
}

static inline enum kind
read_frame(struct rte_mbuf *m, uint32_t families, struct segment *s)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t at = 12;
	uint16_t type;

	if (unlikely(m->data_len < 14))
		return ODD;
	memcpy(&type, p + at, 2);
	for (int tags = 0; tags < TAGS_MAX && bf_frame_is_tag(type); tags++) {
		at += 4;
		if (unlikely(m->data_len < at + 2))
			return ODD;
		memcpy(&type, p + at, 2);
	}
	s->m = m;
	s->ip = p + at + 2;
	s->l2_len = (uint16_t)(at + 2);
	if (type == BF_ET_IPV4 && (families & BF_OFFLOAD_TSO4))
		return read_ipv4(s);
	if (type == BF_ET_IPV6 && (families & BF_OFFLOAD_TSO6))
		return read_ipv6(s);
	return FOREIGN;
}

/* A connection is its addresses and ports: whatever else differs ends its run. */
static inline struct run *
find_run(struct runs *rs, const struct segment *s)
{
	for (unsigned int i = 0; i < rs->n; i++) {
		const struct segment *f = &rs->run[i].first;

		if (f->ports != s->ports || f->v6 != s->v6)
			continue;
		if (s->v6 ? memcmp(f->ip + 8, s->ip + 8, 32) == 0
			  : memcmp(f->ip + 12, s->ip + 12, 8) == 0)
			return &rs->run[i];
	}
	return NULL;
}

/* Addresses and protocol are known to be equal, and that neither is a fragment. */
static bool
ip_follows(const struct run *r, const struct segment *s)
{
	const uint8_t *a = r->first.ip, *b = s->ip;
	uint16_t step;

	if (s->v6)
		return memcmp(a, b, 4) == 0 && a[7] == b[7];
	step = (uint16_t)(bf_be16(b + 4) - r->id);
	if (r->n > 1 && step != r->id_step)
		return false;
	/* What is never fragmented may have the same identification again and again (RFC 6864 4.1). */
	return (step == 1 || (step == 0 && (b[6] & IPV4_DF))) && a[1] == b[1] &&
		memcmp(a + 6, b + 6, 3) == 0;
}

static bool
tcp_follows(const struct run *r, const struct segment *s)
{
	const uint8_t *a = r->first.tcp, *b = s->tcp;

	return bf_be32(b + 4) == r->seq && memcmp(a + 8, b + 8, 5) == 0 &&
		((a[13] ^ b[13]) & ~TCP_ENDS) == 0 && memcmp(a + 14, b + 14, 2) == 0 &&
		memcmp(a + 18, b + 18, s->l4_len - 18u) == 0;
}

static bool
has_room(const struct run *r, const struct segment *s)
{
	uint32_t headers = (uint32_t)s->l2_len + s->l3_len + s->l4_len;

	return r->n < BF_GSO_SEGMENTS_MAX && headers + r->len + s->len <= BF_SUPERFRAME_MAX &&
		r->first.m->nb_segs + s->m->nb_segs <= MBUFS_MAX;
}

static bool
segment_follows(const struct run *r, const struct segment *s)
{
	return s->may_join && s->len <= r->first.len && s->l2_len == r->first.l2_len &&
		tcp_follows(r, s) && ip_follows(r, s) &&
		memcmp(rte_pktmbuf_mtod(r->first.m, void *), rte_pktmbuf_mtod(s->m, void *),
			s->l2_len) == 0 &&
		has_room(r, s);
}

static bool
is_good(const struct segment *s)
{
	uint64_t l4 = s->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint64_t l3 = s->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	if (!s->v6 && l3 != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
		(l3 == RTE_MBUF_F_RX_IP_CKSUM_BAD || bf_sum(s->m, s->l2_len, 20) != 0xffff))
		return false;
	/* A partial one is the sender's word, as in a superframe of its own. */
	return l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD || bf_is_partial(s->m) ||
		bf_checksum_is_good(s->m, s->ip, s->v6, (uint32_t)s->l2_len + s->l3_len,
			(uint32_t)s->l4_len + s->len);
}

static void
cut_padding(const struct segment *s)
{
	if (unlikely(s->padding > 0))
		rte_pktmbuf_trim(s->m, (uint16_t)s->padding);
}

static void
segment_append(struct run *r, const struct segment *s)
{
	struct rte_mbuf *m = s->m, *head = r->first.m;

	if (r->n == 1) {
		cut_padding(&r->first);
		r->tail = rte_pktmbuf_lastseg(head);
	}
	if (!s->v6) {
		r->id_step = (uint16_t)(bf_be16(s->ip + 4) - r->id);
		r->id = (uint16_t)(r->id + r->id_step);
	}
	r->ends = s->tcp[13] & TCP_ENDS;
	r->seq += s->len;
	r->len += s->len;
	r->n++;
	cut_padding(s);
	rte_pktmbuf_adj(m, (uint16_t)(s->l2_len + s->l3_len + s->l4_len));
	r->tail->next = m;
	r->tail = rte_pktmbuf_lastseg(m);
	head->nb_segs = (uint16_t)(head->nb_segs + m->nb_segs);
	head->pkt_len += m->pkt_len;
}

/* The first frame becomes what offload.h calls a superframe. */
static void
make_superframe(const struct run *r)
{
	const struct segment *s = &r->first;
	uint32_t l4 = s->l4_len + r->len;
	struct rte_mbuf *m = s->m;
	uint16_t sum;

	if (s->v6) {
		bf_put_be16(s->ip + 4, l4);
	} else {
		bf_put_be16(s->ip + 2, s->l3_len + l4);
		bf_checksum_ip(s->ip);
	}
	sum = bf_sum_pseudo(s->ip, s->v6, BF_PROTO_TCP, l4);
	memcpy(s->tcp + 16, &sum, 2);
	s->tcp[13] |= r->ends;
	bf_offload_clear(m);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		(s->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
	m->l2_len = s->l2_len;
	m->l3_len = s->l3_len;
	m->l4_len = s->l4_len;
	m->tso_segsz = s->len;
}

static inline void
close_run(struct runs *rs, struct run *r)
{
	if (r->n > 1)
		make_superframe(r);
	rs->n--;
	if (r != &rs->run[rs->n])
		*r = rs->run[rs->n];
}

static void
close_all(struct runs *rs)
{
	while (rs->n > 0)
		close_run(rs, &rs->run[rs->n - 1]);
}

static inline void
open_run(struct runs *rs, const struct segment *s)
{
	struct run *r;

	if (unlikely(rs->n == RUNS))
		close_run(rs, &rs->run[rs->turn++ % RUNS]);
	r = &rs->run[rs->n++];
	r->first = *s;
	r->seq = bf_be32(s->tcp + 4) + s->len;
	r->len = s->len;
	r->n = 1;
	r->id = bf_be16(s->ip + 4);
}

/* Is it joined to another one? */
static inline bool
segment_take(struct runs *rs, struct rte_mbuf *m, uint32_t families)
{
	struct segment s;
	enum kind kind = read_frame(m, families, &s);
	struct run *r;

	if (kind == FOREIGN)
		return false;
	if (unlikely(kind == ODD)) {
		close_all(rs);
		return false;
	}
	r = find_run(rs, &s);
	if (r != NULL) {
		if (segment_follows(r, &s) && (r->n > 1 || is_good(&r->first)) && is_good(&s)) {
			segment_append(r, &s);
			if (r->ends != 0 || s.len < r->first.len)
				close_run(rs, r);
			return true;
		}
		close_run(rs, r);
	}
	if (s.may_join && (s.tcp[13] & TCP_ENDS) == 0)
		open_run(rs, &s);
	return false;
}

uint16_t
bf_gro(struct rte_mbuf **pkts, uint16_t n, uint32_t families)
{
	struct runs rs;
	uint16_t left = 0;

	if (n <= 1 || (families & BF_OFFLOAD_TSO) == 0)
		return n;
	rs.n = rs.turn = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (!segment_take(&rs, m, families))
			pkts[left++] = m;
	}
	close_all(&rs);
	return left;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See gso.h.
 *
 * A segment is copied into fresh frames, and only when it is whole does the cut move on: what memory
 * did not suffice for is as if it had never been begun.
 *
 * Threads: worker.
 */
#include "dataplane/gso.h"

#include <string.h>

#include "base/be.h"
#include "dataplane/checksum.h"
#include "dataplane/packet.h"

enum {
	IPV4_LENGTH_AT = 2,
	IPV4_ID_AT = 4,
	IPV6_LENGTH_AT = 4,
};

static inline uint32_t
headers_len(const struct rte_mbuf *m)
{
	return (uint32_t)m->l2_len + m->l3_len + m->l4_len;
}

/* The next bytes of payload, out of whatever pieces. */
static void
copy_payload(struct bf_gso *g, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		uint32_t part = RTE_MIN(len, g->piece->data_len - g->piece_at);

		memcpy(to, rte_pktmbuf_mtod_offset(g->piece, const uint8_t *, g->piece_at), part);
		to += part;
		len -= part;
		g->left -= part;
		g->piece_at += part;
		if (g->piece_at == g->piece->data_len) {
			g->piece = g->piece->next;
			g->piece_at = 0;
		}
	}
}

/* The next bytes of payload behind the headers, in as many buffers as they need; false without memory. */
static bool
append_payload(struct bf_gso *g, struct rte_mempool *pool, struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *last = m;

	for (;;) {
		uint32_t part = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(last));

		copy_payload(g, rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), part);
		last->data_len = (uint16_t)(last->data_len + part);
		m->pkt_len += part;
		len -= part;
		if (len == 0)
			return true;
		last->next = rte_pktmbuf_alloc(pool);
		if (last->next == NULL)
			return false;
		last = last->next;
		m->nb_segs++;
	}
}

/*
 * The sum of the pseudo header with another length: its address need not be the one in the IPv6 header
 * (RFC 8200 8.1, routing headers).
 */
static void
set_pseudo(uint8_t *tcp, uint32_t was, uint32_t is)
{
	uint16_t sum;

	memcpy(&sum, tcp + BF_TCP_CHECKSUM_AT, sizeof(sum));
	sum = bf_sum_add(sum, (uint16_t)~rte_cpu_to_be_16((uint16_t)was));
	sum = bf_sum_add(sum, (uint16_t) ~(was >> 16 != 0 ? rte_cpu_to_be_16(1) : 0));
	sum = bf_sum_add(sum, rte_cpu_to_be_16((uint16_t)is));
	memcpy(tcp + BF_TCP_CHECKSUM_AT, &sum, sizeof(sum));
}

/* What differs in this segment's headers from the superframe's. */
static void
finish_headers(struct rte_mbuf *m, const struct rte_mbuf *super, uint16_t index, bool is_last)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, super->l2_len);
	uint8_t *tcp = ip + super->l3_len;
	uint32_t ip_len = m->pkt_len - super->l2_len, tcp_at = super->l2_len + super->l3_len;
	bool v6 = super->ol_flags & RTE_MBUF_F_TX_IPV6;

	if (v6) {
		bf_put_be16(ip + IPV6_LENGTH_AT, ip_len - BF_IPV6_LEN);
	} else {
		bf_put_be16(ip + IPV4_LENGTH_AT, ip_len);
		bf_put_be16(ip + IPV4_ID_AT, bf_be16(ip + IPV4_ID_AT) + (uint32_t)index);
		bf_checksum_ip(ip);
	}
	bf_put_be32(tcp + BF_TCP_SEQUENCE_AT,
		bf_be32(tcp + BF_TCP_SEQUENCE_AT) + (uint32_t)index * super->tso_segsz);
	if (index > 0)
		tcp[BF_TCP_FLAGS_AT] &= (uint8_t)~BF_TCP_CWR;
	if (!is_last)
		tcp[BF_TCP_FLAGS_AT] &= (uint8_t) ~(BF_TCP_FIN | BF_TCP_PSH);
	set_pseudo(tcp, super->pkt_len - tcp_at, m->pkt_len - tcp_at);
	bf_checksum_put(m, tcp_at, BF_TCP_CHECKSUM_AT, false);
}

static struct rte_mbuf *
next_segment(struct bf_gso *g, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint32_t headers = headers_len(g->m);
	struct bf_gso after = *g;

	if (m == NULL)
		return NULL;
	m->port = g->m->port;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_mtod(g->m, const uint8_t *), headers);
	m->data_len = (uint16_t)headers;
	m->pkt_len = headers;
	if (!append_payload(&after, pool, m, RTE_MIN(g->left, (uint32_t)g->m->tso_segsz))) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	finish_headers(m, g->m, g->index, after.left == 0);
	after.index++;
	*g = after;
	return m;
}

uint16_t
bf_gso_count(const struct rte_mbuf *m)
{
	uint32_t payload = m->pkt_len - headers_len(m);

	return payload == 0 ? 1 : (uint16_t)((payload + m->tso_segsz - 1) / m->tso_segsz);
}

void
bf_gso_begin(struct bf_gso *g, const struct rte_mbuf *m)
{
	g->m = m;
	g->piece = m;
	g->piece_at = headers_len(m);
	g->left = m->pkt_len - g->piece_at;
	g->index = 0;
}

uint16_t
bf_gso_next(struct bf_gso *g, struct rte_mempool *pool, struct rte_mbuf **out, uint16_t n)
{
	uint16_t done = 0;

	/* One without payload is one segment too. */
	while (done < n && (g->left > 0 || g->index == 0)) {
		out[done] = next_segment(g, pool);
		if (out[done] == NULL)
			break;
		done++;
	}
	return done;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: a virtio header and a frame, as a hostile guest writes them.  What is taken is told to others,
 * completed, or cut, and compared with sums that are made byte by byte.  Every piece of the frame lies in a
 * buffer of exactly its length.
 *
 *   10 bytes   the header
 *   1          what was negotiated, and in the upper half what somebody else takes
 *   1          bit 0: the TCP checksum is made what a guest should write
 *   2          bytes in the first piece
 *   2          bytes in each other one
 *   2          bytes of payload that follow those that are given
 *   the rest   the frame
 *
 * Threads: one.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_net.h>

#include "dataplane/checksum.h"
#include "dataplane/gso.h"
#include "dataplane/vnet_hdr.h"
#include "input.h"
#include "replay.h"
#include "rig.h"
#include "sums.h"

#define PIECES 64
#define SEGMENTS 64 /* that are looked at together */

static struct rte_mempool *pool;
static uint8_t before[BF_SUPERFRAME_MAX], after[BF_SUPERFRAME_MAX];

/* The frame, and what it is asked for. */
struct given {
	struct virtio_net_hdr h;
	uint32_t may, takes, len;
	struct rte_mbuf *m[PIECES];
	uint16_t n;
};

static uint16_t
word(struct input *in)
{
	return (uint16_t)(input_byte(in) | input_byte(in) << 8);
}

/* Of a checksum at `at` that was left to us: the sum of a pseudo header with the length as it is. */
static void
make_pseudo(uint32_t len, uint32_t start, uint32_t at)
{
	bool v6 = get_16(before + 12) == 0x86dd;
	uint32_t ip = 14;

	if (at + 2 <= len && start < len && ip + 40 <= len)
		put_16(before + at,
			naive_pseudo(before + ip, v6, at - start == 6 ? 17 : 6, len - start));
}

static struct rte_mbuf *
make_piece(const uint8_t *p, uint32_t len)
{
	struct rte_mbuf *m = calloc(1, sizeof(*m));

	CHECK(m != NULL);
	m->buf_addr = malloc(len);
	CHECK(m->buf_addr != NULL);
	memcpy(m->buf_addr, p, len);
	m->data_len = m->buf_len = (uint16_t)len;
	return m;
}

static bool
read_given(struct input *in, struct given *g)
{
	uint8_t header[BF_FORM_HEADER], fix;
	uint32_t first, piece, more, part;

	memset(g, 0, sizeof(*g));
	for (unsigned int i = 0; i < sizeof(header); i++)
		header[i] = input_byte(in);
	memcpy(&g->h, header, sizeof(g->h));
	g->may = input_byte(in);
	g->takes = g->may >> 4;
	g->may &= 15;
	fix = input_byte(in);
	first = 1 + word(in) % 4096;
	piece = word(in) % 8192;
	more = word(in);
	for (; in->left > 0 && g->len < 4096; g->len++)
		before[g->len] = input_byte(in);
	for (; more > 0 && g->len > 0 && g->len < BF_SUPERFRAME_MAX; more--, g->len++)
		before[g->len] = (uint8_t)(g->len * 7 + (g->len >> 8));
	if (fix & 1)
		make_pseudo(g->len, g->h.csum_start, (uint32_t)g->h.csum_start + g->h.csum_offset);
	piece = RTE_MAX(piece, g->len / (PIECES - 1) + 1);
	for (uint32_t at = 0; at < g->len; at += part) {
		part = RTE_MIN(at == 0 ? first : piece, g->len - at);
		g->m[g->n] = make_piece(before + at, part);
		if (g->n > 0)
			g->m[g->n - 1]->next = g->m[g->n];
		g->n++;
	}
	if (g->n == 0)
		return false;
	g->m[0]->nb_segs = g->n;
	g->m[0]->pkt_len = g->len;
	return true;
}

static void
flatten(const struct rte_mbuf *m)
{
	uint32_t at = 0;

	for (; m != NULL; at += m->data_len, m = m->next)
		memcpy(after + at, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
}

/* All is as it was but for a checksum, which is right. */
static void
check_completed(const struct given *g, uint32_t start, uint32_t at, bool udp)
{
	uint32_t sum = 0xffff - naive(0, before + start, g->len - start);

	flatten(g->m[0]);
	put_16(before + at, udp && sum == 0 ? 0xffff : sum);
	CHECK(memcmp(before, after, g->len) == 0);
	CHECK(g->m[0]->ol_flags == 0 && g->m[0]->tx_offload == 0);
}

/* What was not negotiated is no state, and no state leads out of the first piece. */
static void
check_state(const struct given *g)
{
	const struct rte_mbuf *m = g->m[0];
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len;
	bool v6 = m->ol_flags & RTE_MBUF_F_TX_IPV6;

	if (!bf_is_partial(m)) {
		CHECK(m->ol_flags == 0);
		return;
	}
	CHECK(g->may & BF_OFFLOAD_CSUM && l4 == g->h.csum_start && l4 + 8 <= m->data_len);
	CHECK(v6 == !(m->ol_flags & RTE_MBUF_F_TX_IPV4));
	if (!bf_is_superframe(m))
		return;
	CHECK(g->may & (v6 ? BF_OFFLOAD_TSO6 : BF_OFFLOAD_TSO4));
	CHECK(m->l4_len >= 20 && m->tso_segsz > 0 && l4 + m->l4_len <= BF_GSO_HEADERS_MAX);
	CHECK(l4 + m->l4_len <= m->data_len && l4 + m->l4_len + m->tso_segsz < m->pkt_len);
	CHECK(bf_gso_count(m) > 1 && bf_gso_count(m) <= BF_GSO_SEGMENTS_MAX);
}

static void
check_told(const struct given *g)
{
	const struct rte_mbuf *m = g->m[0];
	uint8_t told[BF_FORM_HEADER], again[BF_FORM_HEADER];
	struct virtio_net_hdr h;

	CHECK(bf_vnet_hdr_make(m, 15, again));
	CHECK(bf_vnet_hdr_make(m, g->takes, told) == bf_offload_is_taken(m, g->takes));
	if (!bf_offload_is_taken(m, g->takes))
		return;
	CHECK(memcmp(told, again, sizeof(told)) == 0);
	memcpy(&h, told, sizeof(h));
	CHECK(h.flags == 0 || g->takes & BF_OFFLOAD_CSUM);
	CHECK(h.gso_type == 0 || g->takes & BF_OFFLOAD_TSO);
	CHECK(!(h.gso_type & VIRTIO_NET_HDR_GSO_ECN) || g->takes & BF_OFFLOAD_ECN);
	if (bf_is_partial(m))
		CHECK(h.csum_start == g->h.csum_start && h.csum_offset == g->h.csum_offset);
}

/* One segment of them, whole and with right sums; @p from: its payload in the superframe. */
static void
check_segment(const struct rte_mbuf *super, const struct rte_mbuf *m, uint32_t from)
{
	uint32_t l2 = super->l2_len, l4 = l2 + super->l3_len, headers = l4 + super->l4_len;
	uint32_t part = RTE_MIN((uint32_t)super->tso_segsz, super->pkt_len - from);
	uint32_t sum = get_16(before + l4 + 16);
	const char *why;

	CHECK(rte_mbuf_check(m, 1, &why) == 0 && m->ol_flags == 0);
	CHECK(m->pkt_len == headers + part);
	flatten(m);
	CHECK(memcmp(after + headers, before + from, part) == 0);
	CHECK(memcmp(after, before, l2) == 0);
	/* The pseudo header's sum that was there, with this length in place of that one. */
	sum += 0xffff - (super->pkt_len - l4) % 0xffff + (m->pkt_len - l4);
	CHECK(naive(sum, after + l4, m->pkt_len - l4) % 0xffff == 0);
	if (super->ol_flags & RTE_MBUF_F_TX_IPV6) {
		CHECK(get_16(after + l2 + 4) == ((m->pkt_len - l2 - 40) & 0xffff));
		return;
	}
	CHECK(get_16(after + l2 + 2) == ((m->pkt_len - l2) & 0xffff));
	CHECK(naive(0, after + l2, (after[l2] & 15) * 4u) == 0xffff);
}

static void
cut(const struct rte_mbuf *super)
{
	uint32_t from = (uint32_t)super->l2_len + super->l3_len + super->l4_len, made = 0;
	struct rte_mbuf *out[SEGMENTS];
	struct bf_gso g;
	uint16_t n;

	bf_gso_begin(&g, super);
	do {
		n = bf_gso_next(&g, pool, out, SEGMENTS);
		for (uint16_t i = 0; i < n; i++, from += super->tso_segsz)
			check_segment(super, out[i], from);
		made += n;
		rte_pktmbuf_free_bulk(out, n);
	} while (n == SEGMENTS);
	CHECK(g.left == 0 && made == bf_gso_count(super) && from >= super->pkt_len);
	CHECK(rte_mempool_in_use_count(pool) == 0);
}

static void
check(struct given *g)
{
	uint8_t *header = malloc(BF_FORM_HEADER);
	struct rte_mbuf *m = g->m[0];
	uint32_t start = g->h.csum_start, at = start + g->h.csum_offset;
	bool udp = g->h.csum_offset == 6, good;

	CHECK(header != NULL);
	memcpy(header, &g->h, BF_FORM_HEADER);
	good = bf_vnet_hdr_take(m, header, g->may);
	free(header);
	if (!good)
		return;
	check_state(g);
	check_told(g);
	if (bf_is_superframe(m)) {
		cut(m);
	} else if (bf_is_partial(m)) {
		bf_checksum_complete(m);
		check_completed(g, start, at, udp);
	} else if (g->h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		check_completed(g, start, at, udp);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(rig_eal());
	pool = rte_pktmbuf_pool_create(
		"offload", 255, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	CHECK(pool != NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct given g;

	if (read_given(&in, &g))
		check(&g);
	for (uint16_t i = 0; i < g.n; i++) {
		free(g.m[i]->buf_addr);
		free(g.m[i]);
	}
	return 0;
}

int
fuzz_end(void)
{
	rte_mempool_free(pool);
	rig_eal_end();
	return 0;
}

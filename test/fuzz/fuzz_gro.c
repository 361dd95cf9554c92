/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: bytes as a burst of frames that is coalesced.  Each frame lies in memory of exactly its
 * size.  No frame is lost or seen twice; what is not joined keeps its bytes; a superframe has the payload
 * of all that were joined, in their order.
 *
 * The input: families; then for each frame how it is made, and what that asks for:
 *   GOOD     a driver says that its checksums are right
 *   PARTIAL  it has a partial checksum
 *   SHARED   it has another owner
 *   SPLIT    one byte: how many bytes are in a second mbuf
 *   NEXT     it is the frame before as the segment that follows; else two bytes length, and the bytes
 *   CHANGE   two bytes: where, and what is changed there
 *
 * Threads: one.
 */
#include <stdbool.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/gro.h"
#include "dataplane/sizes.h"
#include "input.h"
#include "replay.h"
#include "sums.h"

#define FRAMES (BF_BURST * 2)

enum {
	GOOD = 1,
	PARTIAL = 2,
	SHARED = 4,
	SPLIT = 8,
	NEXT = 16,
	CHANGE = 32,
};

struct piece {
	struct rte_mbuf *m[2];
	uint8_t *bytes; /* the whole frame once more */
	uint32_t len;
	bool seen;
};

static struct piece frames[FRAMES];
static uint16_t n_frames;

/* Where the payload of an IP and TCP frame is; false: it is none that might be joined. */
static bool
payload_of(
	const uint8_t *p, uint32_t len, uint32_t *l3, uint32_t *l4, uint32_t *from, uint32_t *end)
{
	uint32_t at = 12;

	for (int tags = 0; len >= at + 2 && tags < 2; tags++, at += 4)
		if (get_16(p + at) != 0x8100 && get_16(p + at) != 0x88a8 &&
			get_16(p + at) != 0x9100)
			break;
	*l3 = at + 2;
	if (len < *l3 + 40)
		return false;
	*l4 = *l3 + (get_16(p + at) == 0x86dd ? 40 : 20);
	*end = get_16(p + at) == 0x86dd ? *l4 + get_16(p + *l3 + 4) : *l3 + get_16(p + *l3 + 2);
	if (len < *l4 + 20)
		return false;
	*from = *l4 + (p[*l4 + 12] >> 4) * 4u;
	return *from <= *end && *end <= len;
}

static struct rte_mbuf *
make_mbuf(const uint8_t *p, uint32_t len)
{
	struct rte_mbuf *m = calloc(1, sizeof(*m));

	CHECK(m != NULL);
	m->buf_addr = malloc(len > 0 ? len : 1);
	CHECK(m->buf_addr != NULL);
	memcpy(m->buf_addr, p, len);
	m->buf_len = (uint16_t)len;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
	return m;
}

static void
take_bytes(struct input *in, uint8_t how, struct piece *f)
{
	const struct piece *last = f > frames ? f - 1 : NULL;
	uint32_t l3, l4, from, end;

	if (!(how & NEXT) || last == NULL) {
		f->len = input_byte(in);
		f->len = RTE_MIN(f->len | (input_byte(in) & 0x1fu) << 8, in->left);
		f->bytes = malloc(f->len > 0 ? f->len : 1);
		CHECK(f->bytes != NULL);
		memcpy(f->bytes, in->p, f->len);
		in->p += f->len;
		in->left -= f->len;
		return;
	}
	f->len = last->len;
	f->bytes = malloc(f->len > 0 ? f->len : 1);
	CHECK(f->bytes != NULL);
	memcpy(f->bytes, last->bytes, f->len);
	if (!payload_of(f->bytes, f->len, &l3, &l4, &from, &end))
		return;
	add_32(f->bytes + l4 + 4, end - from);
	if (l4 == l3 + 20)
		put_16(f->bytes + l3 + 4, get_16(f->bytes + l3 + 4) + 1);
}

static void
take_frame(struct input *in, struct piece *f)
{
	uint8_t how = input_byte(in);
	uint32_t behind = 0, at;

	f->seen = false;
	take_bytes(in, how, f);
	if (how & CHANGE) {
		at = input_byte(in);
		if (at < f->len)
			f->bytes[at] ^= input_byte(in);
	}
	if (how & SPLIT)
		behind = RTE_MIN((uint32_t)input_byte(in), f->len);
	f->m[0] = make_mbuf(f->bytes, f->len - behind);
	f->m[1] = behind > 0 ? make_mbuf(f->bytes + f->len - behind, behind) : NULL;
	f->m[0]->next = f->m[1];
	f->m[0]->nb_segs = behind > 0 ? 2 : 1;
	f->m[0]->pkt_len = f->len;
	if (how & GOOD)
		f->m[0]->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (how & PARTIAL)
		f->m[0]->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	if (how & SHARED)
		rte_mbuf_refcnt_set(f->m[behind > 0], 2);
}

static struct piece *
whose(const struct rte_mbuf *m)
{
	for (uint16_t i = 0; i < n_frames; i++)
		if (frames[i].m[0] == m)
			return &frames[i];
	return NULL;
}

/* @p m and what follows are these bytes; returns the mbuf behind them. */
static const struct rte_mbuf *
check_bytes(const struct rte_mbuf *m, uint32_t skip, const uint8_t *p, uint32_t len)
{
	for (; len > 0; m = m->next, skip = 0) {
		uint32_t part;

		CHECK(m != NULL && m->data_len >= skip);
		part = m->data_len - skip;
		CHECK(part <= len);
		CHECK(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, skip), p, part) == 0);
		p += part;
		len -= part;
	}
	return m;
}

static void
check_chain(const struct rte_mbuf *m)
{
	uint32_t len = 0, n = 0, total = m->pkt_len, segs = m->nb_segs;

	for (; m != NULL; m = m->next, n++)
		len += m->data_len;
	CHECK(len == total && n == segs && n <= FRAMES);
}

static void
check_superframe(const struct rte_mbuf *head)
{
	uint32_t headers = (uint32_t)head->l2_len + head->l3_len + head->l4_len, l3, l4, from, end;
	uint32_t payload = 0, n = 0;
	const struct rte_mbuf *m = head;

	CHECK(headers <= BF_GSO_HEADERS_MAX && head->data_len > headers && head->tso_segsz > 0);
	CHECK(head->pkt_len <= BF_SUPERFRAME_MAX && (head->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM));
	while (m != NULL) {
		struct piece *f = whose(m);

		CHECK(f != NULL && !f->seen);
		f->seen = true;
		CHECK(payload_of(f->bytes, f->len, &l3, &l4, &from, &end) && from == headers);
		CHECK(payload == n * head->tso_segsz); /* all before it were full */
		CHECK(end > from && end - from <= head->tso_segsz);
		m = check_bytes(m, m == head ? headers : 0, f->bytes + from, end - from);
		payload += end - from;
		n++;
	}
	CHECK(n >= 2 && head->pkt_len == headers + payload);
	CHECK(n == (payload + head->tso_segsz - 1) / head->tso_segsz);
}

static void
check_frame(const struct rte_mbuf *m)
{
	struct piece *f = whose(m);

	CHECK(f != NULL);
	check_chain(m);
	if (bf_is_superframe(m)) {
		check_superframe(m);
		return;
	}
	CHECK(!f->seen && m->pkt_len == f->len);
	f->seen = true;
	CHECK(check_bytes(m, 0, f->bytes, f->len) == NULL || f->len == 0);
}

static void
free_frames(void)
{
	for (uint16_t i = 0; i < n_frames; i++) {
		for (int k = 0; k < 2; k++)
			if (frames[i].m[k] != NULL) {
				free(frames[i].m[k]->buf_addr);
				free(frames[i].m[k]);
			}
		free(frames[i].bytes);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint32_t families = input_byte(&in);
	struct rte_mbuf *pkts[FRAMES];
	uint16_t left;

	for (n_frames = 0; n_frames < FRAMES && in.left > 0; n_frames++) {
		take_frame(&in, &frames[n_frames]);
		pkts[n_frames] = frames[n_frames].m[0];
	}
	left = bf_gro(pkts, n_frames, families);
	CHECK(left <= n_frames);
	for (uint16_t i = 0; i < left; i++)
		check_frame(pkts[i]);
	for (uint16_t i = 0; i < n_frames; i++)
		CHECK(frames[i].seen);
	free_frames();
	return 0;
}

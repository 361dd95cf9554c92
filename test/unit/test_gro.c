/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Coalescing: which segments become one superframe, what it looks like, and which stay as they are.
 * Sums, headers and the cutting back are made here once more, slowly.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_mbuf.h>

#include "dataplane/gro.h"
#include "dataplane/sizes.h"
#include "draw.h"
#include "rig.h"
#include "sums.h"

#define BOTH (BF_OFFLOAD_TSO4 | BF_OFFLOAD_TSO6)
#define STAGE (BF_BURST * 2)
#define ROUNDS 6000
#define FRAME_SIZE 9600

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
	URG = 32,
	ECE = 64,
	CWR = 128,
};

/* A frame as a test asks for it. */
struct want {
	bool v6, stamps, df;
	uint8_t flags, udp;
	uint8_t options; /* IPv4: words of them */
	uint16_t tags, id, port, len, padding, frag;
	uint32_t seq;
};

struct copy {
	uint32_t len;
	uint8_t p[FRAME_SIZE];
};

/* Where the headers of a frame are, and what is behind them. */
struct layout {
	bool v6;
	uint32_t l3, l4, payload, end;
};

static struct rte_mempool *pool;
static struct rte_mbuf *burst[STAGE];
static struct copy before[STAGE];

/* What a stream has at a place: of any two segments only the right ones fit together. */
static uint8_t
stream_byte(uint32_t seq)
{
	return (uint8_t)(seq * 2654435761u >> 21);
}

static struct layout
layout_of(const uint8_t *p)
{
	struct layout at = {.l3 = 14};

	while (get_16(p + at.l3 - 2) != 0x0800 && get_16(p + at.l3 - 2) != 0x86dd)
		at.l3 += 4;
	at.v6 = get_16(p + at.l3 - 2) == 0x86dd;
	at.l4 = at.l3 + (at.v6 ? 40 : (p[at.l3] & 15) * 4u);
	at.payload = at.l4 + (p[at.l4 + 12] >> 4) * 4u;
	at.end = at.l3 + (at.v6 ? 40 + get_16(p + at.l3 + 4) : get_16(p + at.l3 + 2));
	return at;
}

/* Both checksums of a TCP frame, with the layout it was made with. */
static void
put_sums(uint8_t *p, struct layout at)
{
	uint8_t *ip = p + at.l3, *tcp = p + at.l4;

	if (!at.v6) {
		put_16(ip + 10, 0);
		put_16(ip + 10, ~naive(0, ip, at.l4 - at.l3));
	}
	put_16(tcp + 16, 0);
	put_16(tcp + 16, ~naive(naive_pseudo(ip, at.v6, 6, at.end - at.l4), tcp, at.end - at.l4));
}

static uint32_t
put_ip(uint8_t *ip, const struct want *w, uint32_t behind)
{
	uint32_t len = w->v6 ? 40 : 20 + w->options * 4u;

	memset(ip, 1, len);
	if (w->v6) {
		put_32(ip, 0x60012345);
		put_16(ip + 4, behind);
		put_16(ip + 6, (w->udp ? 17u : 6u) << 8 | 64);
		memset(ip + 8, 0x20, 32);
		return len;
	}
	put_16(ip, 0x4500 + w->options * 256u);
	put_16(ip + 2, len + behind);
	put_16(ip + 4, w->id);
	put_16(ip + 6, (w->df ? 0x4000u : 0) | w->frag);
	put_16(ip + 8, 64 << 8 | (w->udp ? 17 : 6));
	put_32(ip + 12, 0x0a000001);
	put_32(ip + 16, 0x0a000002);
	return len;
}

static void
put_tcp(uint8_t *tcp, const struct want *w)
{
	put_16(tcp, w->port);
	put_16(tcp + 2, 443);
	put_32(tcp + 4, w->seq);
	put_32(tcp + 8, 77);
	put_16(tcp + 12, (w->stamps ? 0x8000u : 0x5000u) | w->flags);
	put_16(tcp + 14, 500);
	put_32(tcp + 16, 0);
	if (w->stamps) {
		put_32(tcp + 20, 0x0101080a);
		put_32(tcp + 24, 1000);
		put_32(tcp + 28, 2000);
	}
}

static struct rte_mbuf *
make(const struct want *w)
{
	static const uint16_t types[] = {0x88a8, 0x8100};
	uint32_t tcp_len = w->stamps ? 32 : 20, at = 12;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct layout its;
	uint8_t *p;

	assert_non_null(m);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 2, 12);
	for (uint32_t i = 0; i < w->tags; i++, at += 4) {
		put_16(p + at, types[w->tags == 2 ? i : 1]);
		put_16(p + at + 2, 100 + i);
	}
	put_16(p + at, w->v6 ? 0x86dd : 0x0800);
	at += 2;
	at += put_ip(p + at, w, tcp_len + w->len);
	put_tcp(p + at, w);
	at += tcp_len;
	for (uint32_t i = 0; i < w->len; i++)
		p[at++] = stream_byte(w->seq + i);
	memset(p + at, 0xee, w->padding);
	m->data_len = (uint16_t)(at + w->padding);
	m->pkt_len = m->data_len;
	its = layout_of(p);
	put_sums(p, its);
	return m;
}

/* The next segment of a stream into the burst. */
static void
add(uint16_t i, struct want *w)
{
	burst[i] = make(w);
	w->seq += w->len;
	w->id++;
}

static void
remember(uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		before[i].len = burst[i]->pkt_len;
		memcpy(before[i].p, rte_pktmbuf_mtod(burst[i], void *), burst[i]->data_len);
	}
}

static uint16_t
run(uint16_t n, uint32_t families)
{
	remember(n);
	return bf_gro(burst, n, families);
}

static void
assert_untouched(const struct rte_mbuf *m, uint16_t i)
{
	assert_int_equal(m->pkt_len, before[i].len);
	assert_int_equal(m->nb_segs, 1);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), before[i].p, before[i].len);
}

static void
done(uint16_t left)
{
	rte_pktmbuf_free_bulk(burst, left);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* They stay as they are, all of them. */
static void
assert_left_alone(uint16_t n)
{
	assert_int_equal(run(n, BOTH), n);
	for (uint16_t i = 0; i < n; i++)
		assert_untouched(burst[i], i);
	done(n);
}

/* A frame in one piece; its mbufs are those it says. */
static uint32_t
flatten(const struct rte_mbuf *m, uint8_t *out)
{
	uint32_t at = 0, segs = 0, total = m->pkt_len, nb = m->nb_segs;

	for (; m != NULL; m = m->next, segs++) {
		assert_true(m->data_len > 0);
		memcpy(out + at, rte_pktmbuf_mtod(m, void *), m->data_len);
		at += m->data_len;
	}
	assert_int_equal(at, total);
	assert_int_equal(segs, nb);
	return at;
}

/* What offload.h says of a superframe, whose first segment was `first`. */
static void
assert_superframe(const struct rte_mbuf *m, const struct copy *first)
{
	static uint8_t p[1 << 17];
	struct layout a = layout_of(first->p), b;
	uint32_t len = flatten(m, p);
	uint64_t flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		(a.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);

	assert_true(m->ol_flags == flags);
	assert_true(m->tx_offload ==
		rte_mbuf_tx_offload(
			a.l3, a.l4 - a.l3, a.payload - a.l4, a.end - a.payload, 0, 0, 0));
	assert_true(len <= BF_SUPERFRAME_MAX);
	b = layout_of(p);
	assert_int_equal(b.end, len);
	assert_int_equal(get_16(p + b.l4 + 16), naive_pseudo(p + b.l3, b.v6, 6, b.end - b.l4));
	if (!b.v6)
		assert_int_equal(naive(0, p + b.l3, 20), 0xffff);
	/* All else is the first one's. */
	p[b.l4 + 13] =
		(uint8_t)((p[b.l4 + 13] & ~(FIN | PSH)) | (first->p[a.l4 + 13] & (FIN | PSH)));
	memcpy(p + b.l4 + 16, first->p + a.l4 + 16, 2);
	memcpy(p + b.l3 + (b.v6 ? 4 : 2), first->p + a.l3 + (b.v6 ? 4 : 2), 2);
	if (!b.v6)
		memcpy(p + b.l3 + 10, first->p + a.l3 + 10, 2);
	assert_memory_equal(p, first->p, a.payload);
	for (uint32_t i = b.payload; i < b.end; i++)
		assert_int_equal(p[i], stream_byte(get_32(p + b.l4 + 4) + i - b.payload));
}

static uint8_t
flags_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return p[layout_of(p).l4 + 13];
}

static uint32_t
seq_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return get_32(p + layout_of(p).l4 + 4);
}

static struct want
stream(bool v6)
{
	return (struct want){.v6 = v6,
		.df = true,
		.flags = ACK,
		.port = 5000,
		.len = 100,
		.id = 40,
		.seq = 0xfffffff0};
}

static void
test_segments_in_a_row_become_one_superframe(void **state)
{
	static const uint16_t counts[] = {2, 3, 17, 44};

	(void)state;
	for (unsigned int i = 0; i < 2 * 3 * 2 * 4; i++) {
		struct want w = stream(i & 1);
		uint16_t n = counts[i / 12];

		w.stamps = i & 2;
		w.tags = (uint16_t)(i / 4 % 3);
		w.len = 1400;
		w.df = i & 8;
		w.id = 0xfffe;
		for (uint16_t k = 0; k < n; k++)
			add(k, &w);
		assert_int_equal(run(n, BOTH), 1);
		assert_int_equal(burst[0]->nb_segs, n);
		assert_superframe(burst[0], &before[0]);
		assert_int_equal(burst[0]->pkt_len, before[0].len + (n - 1u) * 1400u);
		done(1);
	}
}

/* One bit of a header of the second segment: where, and in which family (4, 6, or 0 for both). */
static const struct {
	const char *name;
	char layer; /* '2', '3', '4' */
	uint8_t family;
	uint16_t at;
	uint8_t bits;
} changes[] = {
	{"destination", '2', 0, 0, 2},
	{"source", '2', 0, 11, 1},
	{"tag", '2', 0, 12 + 3, 1},
	{"priority", '2', 0, 12 + 2, 0x20},
	{"inner tag", '2', 0, 16 + 3, 1},
	{"header length", '3', 4, 0, 3},
	{"TOS", '3', 4, 1, 0x20},
	{"ECN", '3', 4, 1, 3},
	{"total length", '3', 4, 3, 1},
	{"identification", '3', 4, 5, 2},
	{"identification, upper half", '3', 4, 4, 1},
	{"DF", '3', 4, 6, 0x40},
	{"MF", '3', 4, 6, 0x20},
	{"reserved flag", '3', 4, 6, 0x80},
	{"offset", '3', 4, 7, 1},
	{"TTL", '3', 4, 8, 1},
	{"protocol", '3', 4, 9, 0x40},
	{"source address", '3', 4, 15, 1},
	{"destination address", '3', 4, 16, 1},
	{"version", '3', 6, 0, 0x20},
	{"traffic class", '3', 6, 0, 1},
	{"ECN", '3', 6, 1, 0x30},
	{"flow label", '3', 6, 1, 8},
	{"flow label, end", '3', 6, 3, 1},
	{"next header", '3', 6, 6, 0x3a},
	{"hop limit", '3', 6, 7, 1},
	{"source address", '3', 6, 8, 1},
	{"source address, end", '3', 6, 23, 1},
	{"destination address", '3', 6, 39, 1},
	{"source port", '4', 0, 1, 1},
	{"destination port", '4', 0, 2, 1},
	{"sequence", '4', 0, 7, 1},
	{"sequence, upper half", '4', 0, 4, 1},
	{"acknowledgement", '4', 0, 11, 1},
	{"acknowledgement, upper half", '4', 0, 8, 1},
	{"data offset", '4', 0, 12, 0x10},
	{"data offset, more", '4', 0, 12, 0x30},
	{"reserved", '4', 0, 12, 2},
	{"NS", '4', 0, 12, 1},
	{"ACK", '4', 0, 13, ACK},
	{"SYN", '4', 0, 13, SYN},
	{"RST", '4', 0, 13, RST},
	{"URG", '4', 0, 13, URG},
	{"ECE", '4', 0, 13, ECE},
	{"CWR", '4', 0, 13, CWR},
	{"window", '4', 0, 15, 1},
	{"window, upper half", '4', 0, 14, 1},
	{"urgent pointer", '4', 0, 19, 1},
	{"option kind", '4', 0, 20, 3},
	{"time stamp", '4', 0, 27, 1},
	{"time stamp's echo", '4', 0, 31, 1},
};

/* @p which: the first or the second of two. */
static void
try_change(unsigned int c, bool v6, uint16_t which)
{
	struct want w = stream(v6);
	struct layout at;
	uint8_t *p;

	w.stamps = true;
	w.tags = 2;
	add(0, &w);
	add(1, &w);
	p = rte_pktmbuf_mtod(burst[which], uint8_t *);
	at = layout_of(p);
	p[changes[c].at +
		(changes[c].layer == '2'                  ? 0
				: changes[c].layer == '3' ? at.l3
							  : at.l4)] ^= changes[c].bits;
	put_sums(p, at);
	remember(2);
	if (bf_gro(burst, 2, BOTH) != 2)
		fail_msg("%s (IPv%d, frame %d): joined", changes[c].name, v6 ? 6 : 4, which);
	assert_untouched(burst[0], 0);
	assert_untouched(burst[1], 1);
	done(2);
}

static void
test_whatever_differs_in_the_headers_keeps_frames_apart(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < sizeof(changes) / sizeof(changes[0]); c++)
		for (uint16_t i = 0; i < 4; i++)
			if (changes[c].family == 0 || changes[c].family == (i & 1 ? 6 : 4))
				try_change(c, i & 1, i / 2);
}

static void
test_flags_that_stand_alone_are_never_joined_even_when_equal(void **state)
{
	static const uint8_t flags[] = {SYN, RST, URG, CWR};

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct want w = stream(i & 1);

		w.flags |= flags[i / 2];
		add(0, &w);
		add(1, &w);
		assert_left_alone(2);
	}
}

static void
test_fragments_and_foreign_versions_are_never_joined_even_when_equal(void **state)
{
	static const struct {
		bool v6;
		uint8_t at, bits;
	} equal[] = {{false, 0, 0x20}, {false, 6, 0x20}, {false, 7, 1}, {true, 0, 0x10}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(equal) / sizeof(equal[0]); i++) {
		struct want w = stream(equal[i].v6);

		for (uint16_t k = 0; k < 2; k++) {
			uint8_t *p;
			struct layout at;

			add(k, &w);
			p = rte_pktmbuf_mtod(burst[k], uint8_t *);
			at = layout_of(p);
			p[at.l3 + equal[i].at] ^= equal[i].bits;
			put_sums(p, at);
		}
		assert_left_alone(2);
	}
}

static void
test_an_equal_ece_is_joined(void **state)
{
	struct want w = stream(true);

	(void)state;
	w.flags |= ECE;
	add(0, &w);
	add(1, &w);
	assert_int_equal(run(2, BOTH), 1);
	assert_superframe(burst[0], &before[0]);
	done(1);
}

static void
try_ids(bool df, const uint16_t *ids, uint16_t left)
{
	struct want w = stream(false);

	w.df = df;
	for (uint16_t i = 0; i < 3; i++) {
		w.id = ids[i];
		add(i, &w);
	}
	assert_int_equal(run(3, BOTH), left);
	done(left);
}

static void
test_identifications_count_up_or_stay_where_there_are_no_fragments(void **state)
{
	(void)state;
	try_ids(false, (uint16_t[]){0xffff, 0, 1}, 1);
	try_ids(true, (uint16_t[]){0xffff, 0, 1}, 1);
	try_ids(true, (uint16_t[]){0, 0, 0}, 1);
	try_ids(false, (uint16_t[]){0, 0, 0}, 3);
	try_ids(true, (uint16_t[]){5, 5, 6}, 2);
	try_ids(true, (uint16_t[]){5, 6, 6}, 2);
	try_ids(true, (uint16_t[]){5, 6, 8}, 2);
	try_ids(true, (uint16_t[]){5, 7, 8}, 2);
	try_ids(true, (uint16_t[]){7, 6, 5}, 3);
}

static void
test_mixed_connections_are_joined_each_for_itself(void **state)
{
	struct want w[8];

	(void)state;
	for (uint16_t c = 0; c < 8; c++) {
		w[c] = stream(c & 1);
		w[c].port = (uint16_t)(5000 + c);
		w[c].seq = c * 100000u;
	}
	for (uint16_t i = 0; i < 64; i++)
		add(i, &w[i % 8]);
	assert_int_equal(run(64, BOTH), 8);
	for (uint16_t c = 0; c < 8; c++) {
		assert_superframe(burst[c], &before[c]);
		assert_int_equal(burst[c]->nb_segs, 8);
	}
	done(8);
}

static void
test_more_connections_than_runs_lose_nothing(void **state)
{
	struct want w[12];
	uint16_t left;

	(void)state;
	for (uint16_t c = 0; c < 12; c++) {
		w[c] = stream(c & 1);
		w[c].port = (uint16_t)(5000 + c);
	}
	for (uint16_t i = 0; i < 60; i++)
		add(i, &w[i / 2 % 12]);
	left = run(60, BOTH);
	assert_int_equal(left, 30);
	for (uint16_t i = 0; i < left; i++)
		assert_superframe(burst[i], &before[(size_t)i * 2]);
	done(left);
}

/* The stream's next two, one in between, the next two. */
static void
try_between(const struct want *between, uint16_t left)
{
	struct want w = stream(between->v6), b = *between;

	w.stamps = between->stamps;
	add(0, &w);
	add(1, &w);
	add(2, &b);
	w.id++;
	add(3, &w);
	add(4, &w);
	assert_int_equal(run(5, BOTH), left);
	assert_superframe(burst[0], &before[0]);
	assert_untouched(burst[1], 2);
	if (left == 3)
		assert_superframe(burst[2], &before[3]);
	done(left);
}

static void
test_a_frame_that_is_not_joined_is_not_passed_by_its_connection(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct want ack = stream(v6), again = stream(v6), rst = stream(v6),
			    ahead = stream(v6);

		ack.len = 0;
		try_between(&ack, 3);
		ack.padding = 6;
		try_between(&ack, 3);
		ack.stamps = true;
		try_between(&ack, 3);
		try_between(&again, 3);
		rst.len = 0;
		rst.flags = RST;
		try_between(&rst, 3);
		ahead.seq += 5000;
		try_between(&ahead, 3);
	}
}

static void
test_a_frame_whose_ports_are_not_read_is_not_passed_by_anyone(void **state)
{
	struct want w = stream(false);

	(void)state;
	w.frag = 0x2000;
	try_between(&w, 3);
	w.frag = 5;
	try_between(&w, 3);
	w.frag = 0;
	w.options = 1;
	try_between(&w, 3);
}

static void
test_others_may_be_passed(void **state)
{
	struct want w = stream(true), udp = w;

	(void)state;
	udp.udp = 1;
	add(0, &w);
	add(1, &udp);
	udp = w;
	udp.port++;
	udp.len = 0;
	add(2, &udp);
	add(3, &w);
	assert_int_equal(run(4, BOTH), 3);
	assert_superframe(burst[0], &before[0]);
	assert_untouched(burst[1], 1);
	assert_untouched(burst[2], 2);
	done(3);
}

static void
test_a_shorter_segment_is_the_last_of_its_run(void **state)
{
	struct want w = stream(false);

	(void)state;
	add(0, &w);
	add(1, &w);
	w.len = 99;
	add(2, &w);
	add(3, &w);
	add(4, &w);
	assert_int_equal(run(5, BOTH), 2);
	assert_superframe(burst[0], &before[0]);
	assert_int_equal(burst[0]->nb_segs, 3);
	assert_superframe(burst[1], &before[3]);
	done(2);
}

static void
test_a_longer_segment_begins_a_run(void **state)
{
	struct want w = stream(true);

	(void)state;
	add(0, &w);
	w.len = 101;
	add(1, &w);
	add(2, &w);
	assert_int_equal(run(3, BOTH), 2);
	assert_untouched(burst[0], 0);
	assert_superframe(burst[1], &before[1]);
	done(2);
}

static void
test_push_and_fin_end_a_run_and_are_kept(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < 4; i++) {
		uint8_t ends = (uint8_t)((i & 1 ? PSH : 0) | (i & 2 ? FIN : 0));
		struct want w = stream(i & 1);

		add(0, &w);
		add(1, &w);
		w.flags |= ends;
		add(2, &w);
		w.flags = ACK;
		add(3, &w);
		add(4, &w);
		assert_int_equal(run(5, BOTH), 2);
		assert_superframe(burst[0], &before[0]);
		assert_int_equal(flags_of(burst[0]), ACK | ends);
		assert_int_equal(seq_of(burst[1]), w.seq - 200);
		done(2);
	}
}

static void
test_a_first_frame_with_push_begins_no_run(void **state)
{
	struct want w = stream(false);

	(void)state;
	w.flags |= PSH;
	add(0, &w);
	add(1, &w);
	w.flags = ACK;
	add(2, &w);
	assert_left_alone(3);
}

/* Damage one byte of the frame i. */
static void
damage(uint16_t i, uint32_t at)
{
	rte_pktmbuf_mtod(burst[i], uint8_t *)[at] ^= 0x10;
}

static void
test_a_frame_with_a_wrong_checksum_is_left_for_the_receiver(void **state)
{
	/* Of five the first, the second, the third: those before it and those behind it are joined. */
	static const uint16_t left[] = {2, 3, 3}, its_place[] = {0, 1, 1};

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		struct want w = stream(i & 1);
		uint16_t bad = (uint16_t)(i / 4);

		for (uint16_t k = 0; k < 5; k++)
			add(k, &w);
		damage(bad, i & 2 ? (i & 1 ? 54 : 34) + 16 : burst[0]->data_len - 1u);
		assert_int_equal(run(5, BOTH), left[bad]);
		assert_untouched(burst[its_place[bad]], bad);
		assert_superframe(burst[left[bad] - 1], &before[bad + 1]);
		done(left[bad]);
	}
}

static void
test_a_wrong_ip_checksum_is_seen(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 2; i++) {
		struct want w = stream(false);

		add(0, &w);
		add(1, &w);
		damage(i, 14 + 10);
		assert_left_alone(2);
	}
}

static void
try_flags(bool v6, uint64_t flags, bool broken, uint16_t left)
{
	struct want w = stream(v6);

	add(0, &w);
	add(1, &w);
	for (uint16_t i = 0; i < 2; i++) {
		burst[i]->ol_flags |= flags;
		if (broken)
			damage(i, 14 + (v6 ? 40 : 20) + 16);
	}
	assert_int_equal(run(2, BOTH), left);
	if (left == 1)
		assert_superframe(burst[0], &before[0]);
	else
		assert_untouched(burst[1], 1);
	done(left);
}

static void
test_what_a_driver_says_of_a_checksum_is_taken(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		try_flags(v6, 0, false, 1);
		try_flags(v6, 0, true, 2);
		try_flags(v6, RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD, true, 1);
		try_flags(v6, RTE_MBUF_F_RX_L4_CKSUM_BAD, false, 2);
		try_flags(v6, RTE_MBUF_F_RX_L4_CKSUM_NONE, false, 1);
	}
	try_flags(false, RTE_MBUF_F_RX_IP_CKSUM_BAD, false, 2);
}

static void
test_padding_is_cut_off_where_frames_are_joined(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct want w = stream(v6);

		w.len = 2;
		w.padding = 4;
		add(0, &w);
		add(1, &w);
		w.padding = 0;
		add(2, &w);
		w.padding = 4;
		add(3, &w);
		assert_int_equal(run(4, BOTH), 1);
		assert_superframe(burst[0], &before[0]);
		assert_int_equal(burst[0]->pkt_len, before[2].len + 6);
		done(1);
	}
}

static void
test_padding_of_a_frame_that_is_not_joined_stays(void **state)
{
	struct want w = stream(false);

	(void)state;
	w.len = 2;
	w.padding = 4;
	add(0, &w);
	w.seq++;
	add(1, &w);
	assert_left_alone(2);
}

static void
test_a_superframe_is_at_most_64_kib(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		struct want w = stream(i & 1);
		uint32_t headers = (i & 1 ? 60 : 40), fit;
		uint16_t left;

		w.tags = (uint16_t)(i / 2);
		w.len = 8900;
		fit = (65535 - headers - w.tags * 4u) % w.len;
		for (uint16_t k = 0; k < 7; k++)
			add(k, &w);
		w.len = (uint16_t)fit;
		add(7, &w);
		left = run(8, BOTH);
		assert_int_equal(left, 1);
		assert_int_equal(burst[0]->pkt_len, BF_SUPERFRAME_MAX);
		assert_superframe(burst[0], &before[0]);
		done(1);

		w.len = 8900;
		for (uint16_t k = 0; k < 7; k++)
			add(k, &w);
		w.len = (uint16_t)(fit + 1);
		add(7, &w);
		assert_int_equal(run(8, BOTH), 2);
		assert_untouched(burst[1], 7);
		done(2);
	}
}

static void
test_families_that_the_receiver_does_not_take_are_left_alone(void **state)
{
	static const uint32_t families[] = {
		0, BF_OFFLOAD_ECN | BF_OFFLOAD_CSUM, BF_OFFLOAD_TSO4, BF_OFFLOAD_TSO6, BOTH};
	static const uint16_t left[] = {4, 4, 3, 3, 2};

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct want a = stream(false), b = stream(true);

		add(0, &a);
		add(1, &b);
		add(2, &a);
		add(3, &b);
		assert_int_equal(run(4, families[i]), left[i]);
		assert_true(bf_is_superframe(burst[0]) == ((families[i] & BF_OFFLOAD_TSO4) != 0));
		assert_true(bf_is_superframe(burst[1]) == ((families[i] & BF_OFFLOAD_TSO6) != 0));
		done(left[i]);
	}
}

static void
test_a_frame_with_another_owner_is_left_alone_and_not_passed(void **state)
{
	(void)state;
	for (uint16_t shared = 0; shared < 4; shared++) {
		struct want w = stream(shared & 1);
		struct rte_mbuf *m;

		for (uint16_t k = 0; k < 4; k++)
			add(k, &w);
		m = burst[shared];
		rte_mbuf_refcnt_update(m, 1);
		assert_int_equal(run(4, BOTH), shared == 0 || shared == 3 ? 2 : 3);
		for (uint16_t k = 0; k < 3; k++)
			if (burst[k] == m)
				assert_untouched(m, shared);
		assert_int_equal(rte_mbuf_refcnt_read(m), 2);
		rte_mbuf_refcnt_update(m, -1);
		done(shared == 0 || shared == 3 ? 2 : 3);
	}
}

static void
test_a_frame_in_foreign_memory_is_left_alone(void **state)
{
	struct want w = stream(false);
	struct rte_mbuf *m;

	(void)state;
	add(0, &w);
	add(1, &w);
	m = burst[1];
	burst[1] = rte_pktmbuf_clone(m, pool);
	assert_non_null(burst[1]);
	rte_pktmbuf_free(m);
	assert_left_alone(2);
}

static void
test_superframes_are_left_alone_and_not_passed(void **state)
{
	const uint64_t flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	struct want w = stream(false);

	(void)state;
	for (uint16_t k = 0; k < 5; k++)
		add(k, &w);
	burst[2]->ol_flags |= flags;
	assert_int_equal(run(5, BOTH), 3);
	assert_superframe(burst[0], &before[0]);
	assert_untouched(burst[1], 2);
	assert_true(burst[1]->ol_flags == flags);
	assert_superframe(burst[2], &before[3]);
	done(3);
}

/* A guest that leaves checksums to its receivers: there is nothing to check. */
static void
test_partial_frames_are_joined(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < 5; first++) {
		struct want w = stream(false);

		for (uint16_t k = 0; k < 5; k++)
			add(k, &w);
		for (unsigned int k = first; k < 5; k++) {
			uint16_t no_sum = 0x1234;

			burst[k]->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
			memcpy(rte_pktmbuf_mtod_offset(burst[k], uint8_t *, 14 + 20 + 16), &no_sum,
				2);
		}
		assert_int_equal(run(5, BOTH), 1);
		assert_superframe(burst[0], &before[0]);
		done(1);
	}
}

/* The last @p n bytes of a frame into an mbuf of their own. */
static void
split_behind(struct rte_mbuf *m, uint16_t n)
{
	struct rte_mbuf *more = rte_pktmbuf_alloc(pool);

	assert_non_null(more);
	memcpy(rte_pktmbuf_append(more, n), rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - n),
		n);
	assert_int_equal(rte_pktmbuf_trim(m, n), 0);
	assert_int_equal(rte_pktmbuf_chain(m, more), 0);
}

static void
test_frames_in_pieces_are_joined_when_their_headers_are_in_the_first(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct want w = stream(v6);

		w.padding = 6;
		for (uint16_t k = 0; k < 3; k++)
			add(k, &w);
		remember(3);
		for (uint16_t k = 0; k < 3; k++)
			split_behind(burst[k], (uint16_t)(37 + k));
		assert_int_equal(bf_gro(burst, 3, BOTH), 1);
		assert_int_equal(burst[0]->nb_segs, 6);
		assert_superframe(burst[0], &before[0]);
		done(1);

		add(0, &w);
		add(1, &w);
		split_behind(burst[1], 110); /* a part of the header */
		assert_int_equal(bf_gro(burst, 2, BOTH), 2);
		assert_int_equal(burst[1]->nb_segs, 2);
		done(2);

		add(0, &w);
		add(1, &w);
		split_behind(burst[1], 106); /* all but the headers: an mbuf would be left empty */
		assert_int_equal(bf_gro(burst, 2, BOTH), 2);
		assert_int_equal(burst[1]->nb_segs, 2);
		done(2);
	}
}

static void
test_a_superframe_has_at_most_64_pieces(void **state)
{
	struct want w = stream(true);

	(void)state;
	for (uint16_t k = 0; k < 40; k++) {
		add(k, &w);
		split_behind(burst[k], 50);
	}
	assert_int_equal(bf_gro(burst, 40, BOTH), 2);
	assert_int_equal(burst[0]->nb_segs, 64);
	assert_int_equal(burst[1]->nb_segs, 16);
	done(2);
}

static void
try_cut(bool v6, uint16_t tags)
{
	uint16_t whole = (uint16_t)(14 + tags * 4 + (v6 ? 40 : 20) + 32 + 1);

	for (uint16_t len = 0; len < whole; len++) {
		struct want w = stream(v6);

		w.tags = tags;
		w.stamps = true;
		w.len = 1;
		add(0, &w);
		add(1, &w);
		burst[1]->data_len = len;
		burst[1]->pkt_len = len;
		assert_left_alone(2);
	}
}

static void
test_cut_frames_are_left_alone(void **state)
{
	(void)state;
	for (uint16_t tags = 0; tags < 3; tags++) {
		try_cut(false, tags);
		try_cut(true, tags);
	}
}

/*
 * Random bursts.  Each superframe is cut again; what comes out is what went in, and each connection
 * has its order.
 */

static struct copy in[STAGE], out[STAGE];
static uint16_t n_in, n_out;

static void
copy_out(const uint8_t *p, uint32_t len)
{
	assert_true(n_out < STAGE && len <= FRAME_SIZE);
	memcpy(out[n_out].p, p, len);
	out[n_out++].len = len;
}

static void
cut(const struct rte_mbuf *m)
{
	static uint8_t all[1 << 17];
	uint8_t p[FRAME_SIZE];
	uint32_t total = flatten(m, all), size = m->tso_segsz, done_len = 0, left, part;
	struct layout at = layout_of(all);

	if (!bf_is_superframe(m)) {
		copy_out(all, total);
		return;
	}
	left = total - at.payload;
	for (uint32_t i = 0; left > 0; i++, left -= part, done_len += part) {
		part = left < size ? left : size;
		memcpy(p, all, at.payload);
		memcpy(p + at.payload, all + at.payload + done_len, part);
		if (at.v6)
			put_16(p + at.l3 + 4, at.payload - at.l4 + part);
		else
			put_16(p + at.l3 + 2, at.payload - at.l3 + part);
		if (!at.v6)
			put_16(p + at.l3 + 4, get_16(p + at.l3 + 4) + i);
		add_32(p + at.l4 + 4, done_len);
		if (part < left)
			p[at.l4 + 13] &= (uint8_t) ~(FIN | PSH);
		put_sums(p, layout_of(p));
		copy_out(p, at.payload + part);
	}
}

/* Equal but for padding, and for the identification where it may stay. */
static bool
is_same(struct copy a, struct copy b)
{
	struct layout at = layout_of(a.p);

	if (a.len == b.len && memcmp(a.p, b.p, a.len) == 0)
		return true;
	if (!at.v6 && (a.p[at.l3 + 6] & 0x40)) {
		memset(a.p + at.l3 + 4, 0, 2);
		memset(b.p + at.l3 + 4, 0, 2);
		memset(a.p + at.l3 + 10, 0, 2);
		memset(b.p + at.l3 + 10, 0, 2);
	}
	return b.len == at.end && memcmp(a.p, b.p, at.end) == 0;
}

static uint32_t
connection_of(const struct copy *c)
{
	struct layout at = layout_of(c->p);

	return get_16(c->p + at.l4) << 16 | c->p[at.l3 + (at.v6 ? 6 : 9)] << 1 | at.v6;
}

static void
assert_all_came_out(void)
{
	bool seen[STAGE] = {false};

	assert_int_equal(n_in, n_out);
	for (uint16_t i = 0; i < n_in; i++) {
		uint16_t k = 0;

		/* The first of the connection that has not been seen is this one. */
		while (k < n_out && (seen[k] || connection_of(&out[k]) != connection_of(&in[i])))
			k++;
		assert_true(k < n_out);
		assert_true(is_same(in[i], out[k]));
		seen[k] = true;
	}
}

/* Mostly the next segment of one of some connections, with something that differs now and then. */
static void
draw_frame(uint16_t i, struct want *w, uint64_t *seed)
{
	struct want now = *w;
	uint32_t odd = draw_below(seed, 40), at;

	now.flags |= (uint8_t)(draw_below(seed, 12) == 0 ? PSH : 0);
	if (draw_below(seed, 10) == 0)
		now.len = (uint16_t)draw_below(seed, now.len + 1u);
	if (odd < 8)
		now.flags ^= (uint8_t)(1u << odd);
	else if (odd == 8)
		now.seq += draw_below(seed, 3) - 1;
	else if (odd == 9)
		now.tags = (uint16_t)draw_below(seed, 3);
	else if (odd == 10)
		now.udp = 1;
	else if (odd == 11)
		now.id = (uint16_t)(now.id + draw_below(seed, 3));
	else if (odd == 12 && !now.v6)
		now.options = 2;
	else if (odd == 13)
		now.padding = (uint16_t)draw_below(seed, 9);
	else if (odd == 14)
		now.len = (uint16_t)(now.len + draw_below(seed, 4));
	else if (odd == 15)
		now.frag = 0x2000;
	burst[i] = make(&now);
	if (odd == 16) {
		/* Not in the ports, or it were another connection's. */
		at = layout_of(rte_pktmbuf_mtod(burst[i], uint8_t *)).l4 + 4;
		damage(i, at + draw_below(seed, burst[i]->data_len - at));
	}
	w->seq = now.seq + now.len;
	w->id = (uint16_t)(now.id + (w->df && w->port % 4 == 0 ? 0 : 1));
}

static void
test_random_bursts_can_be_cut_into_what_they_were(void **state)
{
	uint64_t seed = 20260117;
	uint64_t joined = 0;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint16_t n = (uint16_t)(1 + draw_below(&seed, STAGE)), left;
		uint32_t streams = 1 + draw_below(&seed, draw_below(&seed, 4) == 0 ? 12 : 4);
		struct want w[12];

		for (uint32_t c = 0; c < streams; c++)
			w[c] = (struct want){.v6 = draw_below(&seed, 2),
				.stamps = draw_below(&seed, 2),
				.df = draw_below(&seed, 2),
				.flags = ACK,
				.tags = (uint16_t)draw_below(&seed, 3),
				.id = (uint16_t)draw(&seed),
				.port = (uint16_t)(5000 + c),
				.len = (uint16_t)(1 + draw_below(&seed, 200)),
				.seq = (uint32_t)draw(&seed)};
		for (uint16_t i = 0; i < n; i++)
			draw_frame(i, &w[draw_below(&seed, streams)], &seed);
		left = run(n, BOTH);
		memcpy(in, before, n * sizeof(in[0]));
		n_in = n;
		n_out = 0;
		for (uint16_t i = 0; i < left; i++)
			cut(burst[i]);
		assert_all_came_out();
		joined += n - left;
		done(left);
	}
	assert_true(joined > ROUNDS * 5ull); /* else nothing was tried */
}

static int
group_set_up(void **state)
{
	(void)state;
	if (!rig_eal())
		return -1;
	pool = rte_pktmbuf_pool_create(
		"gro", 255, 0, 0, FRAME_SIZE + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test(t)
		T(test_segments_in_a_row_become_one_superframe),
		T(test_whatever_differs_in_the_headers_keeps_frames_apart),
		T(test_flags_that_stand_alone_are_never_joined_even_when_equal),
		T(test_fragments_and_foreign_versions_are_never_joined_even_when_equal),
		T(test_an_equal_ece_is_joined),
		T(test_identifications_count_up_or_stay_where_there_are_no_fragments),
		T(test_mixed_connections_are_joined_each_for_itself),
		T(test_more_connections_than_runs_lose_nothing),
		T(test_a_frame_that_is_not_joined_is_not_passed_by_its_connection),
		T(test_a_frame_whose_ports_are_not_read_is_not_passed_by_anyone),
		T(test_others_may_be_passed),
		T(test_a_shorter_segment_is_the_last_of_its_run),
		T(test_a_longer_segment_begins_a_run),
		T(test_push_and_fin_end_a_run_and_are_kept),
		T(test_a_first_frame_with_push_begins_no_run),
		T(test_a_frame_with_a_wrong_checksum_is_left_for_the_receiver),
		T(test_a_wrong_ip_checksum_is_seen),
		T(test_what_a_driver_says_of_a_checksum_is_taken),
		T(test_padding_is_cut_off_where_frames_are_joined),
		T(test_padding_of_a_frame_that_is_not_joined_stays),
		T(test_a_superframe_is_at_most_64_kib),
		T(test_families_that_the_receiver_does_not_take_are_left_alone),
		T(test_a_frame_with_another_owner_is_left_alone_and_not_passed),
		T(test_a_frame_in_foreign_memory_is_left_alone),
		T(test_superframes_are_left_alone_and_not_passed),
		T(test_partial_frames_are_joined),
		T(test_frames_in_pieces_are_joined_when_their_headers_are_in_the_first),
		T(test_a_superframe_has_at_most_64_pieces),
		T(test_cut_frames_are_left_alone),
		T(test_random_bursts_can_be_cut_into_what_they_were),
	};
	int failed = cmocka_run_group_tests(tests, group_set_up, NULL);

	rig_eal_end();
	return failed;
}

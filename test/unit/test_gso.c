/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Superframes that are cut, against headers and checksums that the test makes byte by byte.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/gso.h"
#include "draw.h"
#include "rig.h"
#include "sums.h"

#define BUF_SIZE (RTE_PKTMBUF_HEADROOM + 2048)
#define SMALL_ROOM 300 /* bytes of a small buffer: headers, and not much else */
#define N_SMALL 12
#define FLAGS_AT 13

/* What a superframe looks like; lengths in bytes. */
struct shape {
	bool v6;
	uint32_t tags, ip_more, tcp_more; /* IPv4 options or extension headers, TCP options */
	uint32_t payload;
	uint16_t segment;
	uint32_t first, piece; /* payload in the first mbuf, and in each of the others */
};

static struct rte_mempool *pool, *small;
static uint8_t super[BF_SUPERFRAME_MAX + 64], flat[BF_SUPERFRAME_MAX + 64];
static struct rte_mbuf *segments[BF_GSO_SEGMENTS_MAX];

static uint32_t
l3_at(const struct shape *s)
{
	return 14 + 4 * s->tags;
}

static uint32_t
l4_at(const struct shape *s)
{
	return l3_at(s) + (s->v6 ? 40 : 20) + s->ip_more;
}

static uint32_t
headers_of(const struct shape *s)
{
	return l4_at(s) + 20 + s->tcp_more;
}

/* A superframe's bytes by chance, with what makes it one of this shape. */
static void
draw_super(const struct shape *s, uint64_t *seed)
{
	uint32_t l3 = l3_at(s), l4 = l4_at(s), len = headers_of(s) + s->payload;
	uint8_t *ip = super + l3;

	for (uint32_t i = 0; i < len; i++)
		super[i] = (uint8_t)draw(seed);
	for (uint32_t at = 12; at + 2 < l3; at += 4)
		put_16(super + at, at + 6 < l3 ? 0x88a8 : 0x8100);
	put_16(super + l3 - 2, s->v6 ? 0x86dd : 0x0800);
	if (s->v6) {
		ip[0] = 0x60;
		put_16(ip + 4, len - l3 - 40);
		ip[6] = s->ip_more > 0 ? 60 : 6;
		if (s->ip_more > 0) {
			ip[40] = 6;
			ip[41] = (uint8_t)(s->ip_more / 8 - 1);
		}
	} else {
		ip[0] = (uint8_t)(0x40 | (20 + s->ip_more) / 4);
		put_16(ip + 2, len - l3);
		put_16(ip + 6, 0x4000);
		ip[9] = 6;
	}
	super[l4 + 12] = (uint8_t)((20 + s->tcp_more) / 4 << 4);
	put_16(super + l4 + 16, naive_pseudo(ip, s->v6, 6, len - l4));
}

/* The superframe in mbufs. */
static struct rte_mbuf *
make_super(const struct shape *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *last = m;
	uint32_t len = headers_of(s) + s->payload;

	assert_non_null(m);
	for (uint32_t at = 0, part; at < len; at += part) {
		part = RTE_MIN(at == 0 ? headers_of(s) + s->first : s->piece, len - at);
		if (at > 0) {
			last = last->next = rte_pktmbuf_alloc(pool);
			assert_non_null(last);
			m->nb_segs++;
		}
		assert_true(part <= rte_pktmbuf_tailroom(last));
		memcpy(rte_pktmbuf_mtod(last, void *), super + at, part);
		last->data_len = (uint16_t)part;
	}
	m->pkt_len = len;
	m->port = 7;
	m->l2_len = l3_at(s) & 0x7f;
	m->l3_len = (l4_at(s) - l3_at(s)) & 0x1ff;
	m->l4_len = (20 + s->tcp_more) & 0xff;
	m->tso_segsz = s->segment;
	m->ol_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		(s->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	return m;
}

/* A frame's bytes behind one another. */
static uint32_t
flatten(const struct rte_mbuf *m, uint8_t *to)
{
	uint32_t len = 0;

	for (; m != NULL; m = m->next) {
		memcpy(to + len, rte_pktmbuf_mtod(m, const void *), m->data_len);
		len += m->data_len;
	}
	return len;
}

/* The headers that a segment should have, without its TCP checksum. */
static void
expected_headers(const struct shape *s, uint32_t i, uint32_t n, uint32_t len, uint8_t *h)
{
	uint8_t *ip = h + l3_at(s), *tcp = h + l4_at(s);

	memcpy(h, super, headers_of(s));
	if (s->v6) {
		put_16(ip + 4, len - l3_at(s) - 40);
	} else {
		put_16(ip + 2, len - l3_at(s));
		put_16(ip + 4, get_16(ip + 4) + i);
		put_16(ip + 10, 0);
		put_16(ip + 10, 0xffff - naive(0, ip, 20 + s->ip_more));
	}
	add_32(tcp + 4, i * s->segment);
	if (i > 0)
		tcp[FLAGS_AT] &= 0x7f; /* CWR */
	if (i + 1 < n)
		tcp[FLAGS_AT] &= 0xf6; /* PSH, FIN */
	put_16(tcp + 16, 0);
}

static void
check_segment(const struct shape *s, const struct rte_mbuf *m, uint32_t i, uint32_t n)
{
	uint32_t l4 = l4_at(s), headers = headers_of(s), from = i * s->segment;
	uint32_t len = headers + (i + 1 < n ? s->segment : s->payload - from);
	uint8_t expected[BF_GSO_HEADERS_MAX];
	const char *why = "";

	if (rte_mbuf_check(m, 1, &why) != 0)
		fail_msg("%s", why);
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(flatten(m, flat), len);
	assert_int_equal(m->port, 7);
	assert_true(m->ol_flags == 0 && m->tx_offload == 0);
	assert_memory_equal(flat + headers, super + headers + from, len - headers);
	assert_int_equal(
		naive(naive_pseudo(flat + l3_at(s), s->v6, 6, len - l4), flat + l4, len - l4),
		0xffff);
	put_16(flat + l4 + 16, 0);
	expected_headers(s, i, n, len, expected);
	assert_memory_equal(flat, expected, headers);
}

/* Cut it, a few at a time, and look at each; the superframe is as it was. */
static void
check_cut(const struct shape *s, uint16_t at_a_time)
{
	struct rte_mbuf *m = make_super(s);
	uint32_t n = s->payload == 0 ? 1 : (s->payload + s->segment - 1) / s->segment, done = 0;
	struct rte_mbuf before = *m;
	struct bf_gso g;
	uint16_t got;

	assert_int_equal(bf_gso_count(m), n);
	bf_gso_begin(&g, m);
	do {
		uint16_t room = (uint16_t)RTE_MIN(at_a_time, BF_GSO_SEGMENTS_MAX - done);

		got = bf_gso_next(&g, pool, segments + done, room);
		done += got;
		assert_int_equal(g.left, s->payload - RTE_MIN(s->payload, done * s->segment));
	} while (got == at_a_time);
	assert_int_equal(done, n);
	assert_int_equal(bf_gso_next(&g, pool, segments, 1), 0);
	for (uint32_t i = 0; i < n; i++)
		check_segment(s, segments[i], i, n);
	assert_memory_equal(m, &before, sizeof(before));
	assert_int_equal(flatten(m, flat), headers_of(s) + s->payload);
	assert_memory_equal(flat, super, headers_of(s) + s->payload);
	rte_pktmbuf_free_bulk(segments, n);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* The next digit of a number whose digits are choices. */
static uint32_t
choice(uint32_t *x, uint32_t n)
{
	uint32_t digit = *x % n;

	*x /= n;
	return digit;
}

static void
test_every_shape_is_cut(void **state)
{
	static const uint32_t ip_more[2][3] = {{0, 4, 40}, {0, 8, 24}}, tcp_more[] = {0, 12, 40};
	static const uint32_t pieces[][2] = {{0, 2000}, {1, 1}, {5, 7}, {100, 999}, {1500, 64}};
	static const uint16_t sizes[] = {48, 99, 536, 1448};
	static const uint32_t n_segments[] = {1, 2, 5};
	uint64_t seed = 1;

	(void)state;
	for (uint32_t x = 0; x < 2 * 3 * 3 * 3 * 5 * 4 * 3 * 3; x++) {
		uint32_t left = x, layout;
		struct shape s;

		s.v6 = choice(&left, 2);
		s.tags = choice(&left, 3);
		s.ip_more = ip_more[s.v6][choice(&left, 3)];
		s.tcp_more = tcp_more[choice(&left, 3)];
		layout = choice(&left, 5);
		s.first = pieces[layout][0];
		s.piece = pieces[layout][1];
		s.segment = sizes[choice(&left, 4)];
		s.payload = s.segment * n_segments[choice(&left, 3)];
		s.payload += choice(&left, 3) - 1; /* a byte fewer, none, one more */
		draw_super(&s, &seed);
		check_cut(&s, (uint16_t)(1 + draw_below(&seed, 8)));
	}
}

static void
test_shapes_by_chance_are_cut(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		struct shape s = {.v6 = draw_below(&seed, 2), .tags = draw_below(&seed, 5)};

		s.ip_more = s.v6 ? 8 * draw_below(&seed, 10) : 4 * draw_below(&seed, 11);
		s.tcp_more = 4 * draw_below(&seed, 11);
		s.payload = draw_below(&seed, 6000);
		s.segment = (uint16_t)(48 + draw_below(&seed, 4000));
		s.first = draw_below(&seed, 1500);
		s.piece = 1 + draw_below(&seed, 2000);
		draw_super(&s, &seed);
		check_cut(&s, (uint16_t)(1 + draw_below(&seed, 60)));
	}
}

static void
test_the_longest_superframes(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (unsigned int x = 0; x < 8; x++) {
		struct shape s = {.v6 = x & 1, .tags = x & 2, .first = 600, .piece = 2048};

		s.segment = x & 4 ? 9000 : 48;
		s.payload = BF_SUPERFRAME_MAX - 14 - (s.v6 ? 40 : 20) - 20;
		draw_super(&s, &seed);
		check_cut(&s, 64);
	}
}

static void
test_without_payload_it_is_one_segment(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (unsigned int x = 0; x < 2; x++) {
		struct shape s = {.v6 = x, .segment = 1448, .piece = 1};

		draw_super(&s, &seed);
		super[l4_at(&s) + FLAGS_AT] = 0xff;
		check_cut(&s, 4);
	}
}

static void
test_flags_are_the_first_or_the_last_segments(void **state)
{
	struct shape s = {.payload = 3000, .segment = 1000, .first = 500, .piece = 500};
	struct rte_mbuf *m, *out[3];
	uint64_t seed = 5;
	struct bf_gso g;

	(void)state;
	for (unsigned int x = 0; x < 2; x++) {
		static const uint8_t expected[] = {
			0xf6, 0x76, 0x7f}; /* without FIN and PSH; none of the three; without CWR */

		s.v6 = x;
		draw_super(&s, &seed);
		super[l4_at(&s) + FLAGS_AT] = 0xff;
		m = make_super(&s);
		bf_gso_begin(&g, m);
		assert_int_equal(bf_gso_next(&g, pool, out, 3), 3);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(
				*rte_pktmbuf_mtod_offset(out[i], uint8_t *, l4_at(&s) + FLAGS_AT),
				expected[i]);
		rte_pktmbuf_free_bulk(out, 3);
		rte_pktmbuf_free(m);
	}
}

static void
test_identifications_and_sequence_numbers_wrap(void **state)
{
	struct shape s = {.payload = 4000, .segment = 1000, .first = 500, .piece = 500};
	static const uint8_t id[4] = {0xfe, 0xff, 0x00, 0x01}; /* low byte */
	uint64_t seed = 6;
	struct rte_mbuf *m, *out[4];
	struct bf_gso g;

	(void)state;
	draw_super(&s, &seed);
	put_16(super + l3_at(&s) + 4, 0xfffe);
	memset(super + l4_at(&s) + 4, 0xff, 4);
	check_cut(&s, 4);
	m = make_super(&s);
	bf_gso_begin(&g, m);
	assert_int_equal(bf_gso_next(&g, pool, out, 4), 4);
	for (unsigned int i = 0; i < 4; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(out[i], const uint8_t *);

		assert_int_equal(get_16(p + l3_at(&s) + 4), (i < 2 ? 0xff00 : 0) + id[i]);
		assert_int_equal(get_16(p + l4_at(&s) + 4), i == 0 ? 0xffff : 0);
		assert_int_equal(get_16(p + l4_at(&s) + 6), (uint16_t)(i * 1000 - 1));
	}
	rte_pktmbuf_free_bulk(out, 4);
	rte_pktmbuf_free(m);
}

/* Buffers so small that most segments take several, and so few that only some segments fit. */
static void
test_without_memory_it_stops_and_goes_on(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		struct shape s = {.v6 = round & 1, .tags = round % 3, .tcp_more = 12};
		uint32_t done = 0, n, calls = 0;
		struct rte_mbuf *m;
		struct bf_gso g;

		s.payload = 4000 + draw_below(&seed, 2000);
		s.segment = (uint16_t)(200 + draw_below(&seed, 1800));
		s.first = draw_below(&seed, 1500);
		s.piece = 1 + draw_below(&seed, 2000);
		draw_super(&s, &seed);
		m = make_super(&s);
		n = bf_gso_count(m);
		bf_gso_begin(&g, m);
		for (; done < n; calls++) {
			uint16_t got = bf_gso_next(&g, small, segments, BF_GSO_SEGMENTS_MAX);
			uint32_t held = 0;

			assert_true(got > 0 && (done + got < n) == (g.left > 0));
			for (uint16_t i = 0; i < got; i++) {
				check_segment(&s, segments[i], done + i, n);
				held += segments[i]->nb_segs;
			}
			assert_int_equal(rte_mempool_in_use_count(small), held);
			if (g.left > 0)
				assert_true(held + 8 > N_SMALL); /* it did not stop early */
			rte_pktmbuf_free_bulk(segments, got);
			done += got;
		}
		assert_true(calls > 1);
		assert_int_equal(done, n);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(rte_mempool_in_use_count(small), 0);
}

/* In a pool that is empty a call is as if there had been none. */
static void
test_without_any_memory_nothing_is_lost(void **state)
{
	struct shape s = {.payload = 0, .segment = 100, .piece = 1};
	struct rte_mbuf *all[N_SMALL], *m, *out;
	uint64_t seed = 8;
	struct bf_gso g;

	(void)state;
	for (unsigned int x = 0; x < 2; x++, s.payload = 100) {
		draw_super(&s, &seed);
		m = make_super(&s);
		assert_int_equal(rte_pktmbuf_alloc_bulk(small, all, N_SMALL), 0);
		bf_gso_begin(&g, m);
		assert_int_equal(bf_gso_next(&g, small, &out, 1), 0);
		assert_int_equal(bf_gso_next(&g, small, &out, 1), 0);
		assert_true(g.index == 0 && g.left == s.payload);
		rte_pktmbuf_free_bulk(all, N_SMALL);
		assert_int_equal(bf_gso_next(&g, small, &out, 1), 1);
		check_segment(&s, out, 0, 1);
		rte_pktmbuf_free(out);
		rte_pktmbuf_free(m);
	}
}

static int
group_set_up(void **state)
{
	(void)state;
	if (!rig_eal())
		return -1;
	pool = rte_pktmbuf_pool_create("gso", 16383, 0, 0, BUF_SIZE, SOCKET_ID_ANY);
	small = rte_pktmbuf_pool_create(
		"small", N_SMALL, 0, 0, RTE_PKTMBUF_HEADROOM + SMALL_ROOM, SOCKET_ID_ANY);
	return pool == NULL || small == NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_shape_is_cut),
		cmocka_unit_test(test_shapes_by_chance_are_cut),
		cmocka_unit_test(test_the_longest_superframes),
		cmocka_unit_test(test_without_payload_it_is_one_segment),
		cmocka_unit_test(test_flags_are_the_first_or_the_last_segments),
		cmocka_unit_test(test_identifications_and_sequence_numbers_wrap),
		cmocka_unit_test(test_without_memory_it_stops_and_goes_on),
		cmocka_unit_test(test_without_any_memory_nothing_is_lost),
	};
	int failed = cmocka_run_group_tests(tests, group_set_up, NULL);

	rte_mempool_free(small);
	rte_mempool_free(pool);
	rig_eal_end();
	return failed;
}

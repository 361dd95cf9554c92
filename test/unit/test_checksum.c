/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Internet checksums against a reference that adds byte by byte.  Every piece of a frame lies in a
 * buffer of exactly its length, so that a sanitizer sees a read beyond it.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/checksum.h"
#include "dataplane/offload.h"
#include "draw.h"
#include "sums.h"

#define PIECES_MAX 16
#define BYTES_MAX 4096
#define ROUNDS 3000

/* A frame in pieces. */
struct frame {
	struct rte_mbuf m[PIECES_MAX];
	unsigned int n;
};

static void
frame_cut(struct frame *f, const uint8_t *data, const uint32_t *lens, unsigned int n)
{
	memset(f, 0, sizeof(*f));
	f->n = n;
	f->m[0].nb_segs = (uint16_t)n;
	for (unsigned int i = 0; i < n; i++) {
		f->m[i].buf_addr = malloc(lens[i] > 0 ? lens[i] : 1);
		assert_non_null(f->m[i].buf_addr);
		memcpy(f->m[i].buf_addr, data, lens[i]);
		data += lens[i];
		f->m[i].data_len = (uint16_t)lens[i];
		f->m[i].next = i + 1 < n ? &f->m[i + 1] : NULL;
		f->m[0].pkt_len += lens[i];
	}
}

static void
frame_join(const struct frame *f, uint8_t *data)
{
	for (unsigned int i = 0; i < f->n; i++) {
		memcpy(data, f->m[i].buf_addr, f->m[i].data_len);
		data += f->m[i].data_len;
	}
}

static void
frame_free(struct frame *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		free(f->m[i].buf_addr);
}

static void
fill(uint8_t *p, uint32_t n, uint64_t *seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)draw(seed);
}

/* A sum as it lies in memory, as a number. */
static uint16_t
number(uint16_t sum)
{
	uint8_t p[2];

	memcpy(p, &sum, 2);
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
test_rfc_1071_sums(void **state)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint32_t whole[] = {8}, odd[] = {3, 5}, single[] = {1, 1, 1, 1, 1, 1, 1, 1};
	struct frame f;

	(void)state;
	frame_cut(&f, data, whole, 1);
	assert_int_equal(number(bf_sum(f.m, 0, 8)), 0xddf2);
	assert_int_equal(number(bf_sum(f.m, 0, 3)), 0xf201); /* as if a zero followed */
	assert_int_equal(number(bf_sum(f.m, 1, 1)), 0x0100);
	assert_int_equal(bf_sum(f.m, 8, 0), 0);
	frame_free(&f);
	frame_cut(&f, data, odd, 2);
	assert_int_equal(number(bf_sum(f.m, 0, 8)), 0xddf2);
	frame_free(&f);
	frame_cut(&f, data, single, 8);
	assert_int_equal(number(bf_sum(f.m, 0, 8)), 0xddf2);
	assert_int_equal(number(bf_sum(f.m, 2, 4)), 0xe6f9);
	frame_free(&f);
}

static void
test_every_length_is_summed_to_its_end(void **state)
{
	static uint8_t data[200];
	struct frame f;
	uint64_t seed = 1;

	(void)state;
	fill(data, sizeof(data), &seed);
	for (uint32_t len = 0; len <= sizeof(data); len++) {
		frame_cut(&f, data, &len, 1);
		for (uint32_t from = 0; from <= len; from++)
			assert_int_equal(number(bf_sum(f.m, from, len - from)),
				naive(0, data + from, len - from));
		frame_free(&f);
	}
}

static void
test_carries_are_not_lost(void **state)
{
	static uint8_t data[65535];
	const uint32_t len = sizeof(data);
	struct frame f;

	(void)state;
	memset(data, 0xff, len);
	frame_cut(&f, data, &len, 1);
	assert_int_equal(number(bf_sum(f.m, 0, len - 1)), 0xffff);
	assert_int_equal(number(bf_sum(f.m, 0, len)), 0xff00);
	frame_free(&f);
	assert_int_equal(bf_sum_add(0xffff, 0xffff), 0xffff);
	assert_int_equal(bf_sum_add(0xffff, 1), 1);
	assert_int_equal(bf_sum_add(0, 0), 0);
}

static void
test_a_sum_does_not_know_where_pieces_end(void **state)
{
	static uint8_t data[BYTES_MAX];
	uint32_t lens[PIECES_MAX];
	uint64_t seed = 2;
	struct frame f;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t n = 1 + draw_below(&seed, PIECES_MAX), total = 0;
		uint32_t longest = round % 2 == 0 ? 4 : 256;

		for (uint32_t i = 0; i < n; i++)
			total += lens[i] = draw_below(&seed, longest); /* empty ones too */
		fill(data, total, &seed);
		frame_cut(&f, data, lens, n);
		for (unsigned int part = 0; part < 8; part++) {
			uint32_t from = draw_below(&seed, total + 1);
			uint32_t len = draw_below(&seed, total - from + 1);

			assert_int_equal(
				number(bf_sum(f.m, from, len)), naive(0, data + from, len));
		}
		frame_free(&f);
	}
}

static void
test_pseudo_headers(void **state)
{
	/* 192.0.2.1 to 192.0.2.2, TCP, 20 bytes: c000 + 0201 + c000 + 0202 + 6 + 14. */
	static const uint8_t v4[20] = {[12] = 192, 0, 2, 1, 192, 0, 2, 2};
	uint64_t seed = 3;
	uint8_t ip[40];

	(void)state;
	assert_int_equal(number(bf_sum_pseudo(v4, false, 6, 20)), 0x841e);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t len = draw_below(&seed, round % 2 == 0 ? 1500 : 70000);
		uint8_t proto = round % 3 == 0 ? 6 : 17;

		fill(ip, sizeof(ip), &seed);
		assert_int_equal(number(bf_sum_pseudo(ip, false, proto, len)),
			naive_pseudo(ip, false, proto, len));
		assert_int_equal(number(bf_sum_pseudo(ip, true, proto, len)),
			naive_pseudo(ip, true, proto, len));
	}
}

static void
test_ipv4_headers(void **state)
{
	uint8_t ip[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xde, 0xad,
		0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	uint64_t seed = 4;

	(void)state;
	bf_checksum_ip(ip);
	assert_int_equal(get_16(ip + 10), 0xb861);
	for (uint32_t len = 20; len <= 60; len += 4) {
		uint8_t *exact = malloc(len), before[60];

		assert_non_null(exact);
		fill(exact, len, &seed);
		exact[0] = (uint8_t)(0x40 | len / 4);
		memcpy(before, exact, len);
		bf_checksum_ip(exact);
		assert_int_equal(naive(0, exact, len), 0xffff);
		memcpy(before + 10, exact + 10, 2);
		assert_memory_equal(before, exact, len);
		free(exact);
	}
}

/* TCP or UDP behind an Ethernet header with tags and an IP header with l3 bytes; its checksum is partial. */
struct packet {
	uint8_t data[BYTES_MAX];
	uint32_t l2, l3, len;
	bool v6, udp;
};

static void
packet_draw(struct packet *p, uint64_t *seed)
{
	uint32_t headers;

	p->v6 = draw_below(seed, 2) == 0;
	p->udp = draw_below(seed, 2) == 0;
	p->l2 = 14 + 4 * draw_below(seed, 3);
	p->l3 = p->v6 ? 40 + 8 * draw_below(seed, 3) : 20 + 4 * draw_below(seed, 11);
	headers = p->l2 + p->l3 + (p->udp ? 8 : 20);
	p->len = headers + draw_below(seed, 600);
	fill(p->data, p->len, seed);
	put_16(p->data + p->l2 + p->l3 + (p->udp ? 6 : 16),
		naive_pseudo(p->data + p->l2, p->v6, p->udp ? 17 : 6, p->len - p->l2 - p->l3));
}

/* The headers are in the first piece. */
static void
packet_cut(const struct packet *p, struct frame *f, uint64_t *seed)
{
	uint32_t headers = p->l2 + p->l3 + (p->udp ? 8 : 20), n = 1 + draw_below(seed, PIECES_MAX);
	uint32_t lens[PIECES_MAX], left = p->len - headers;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t part = i + 1 == n ? left : draw_below(seed, left + 1);

		lens[i] = i == 0 ? headers + part : part;
		left -= part;
	}
	frame_cut(f, p->data, lens, n);
	f->m[0].l2_len = p->l2 & 0x7f;
	f->m[0].l3_len = p->l3 & 0x1ff;
	f->m[0].ol_flags = (p->udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM) |
		(p->v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
}

/* Over the pseudo header and all: 0xffff when the checksum is right. */
static uint32_t
packet_sum(const struct packet *p, const uint8_t *data)
{
	uint32_t l4 = p->l2 + p->l3;

	return naive(naive_pseudo(data + p->l2, p->v6, p->udp ? 17 : 6, p->len - l4), data + l4,
		p->len - l4);
}

static void
test_a_partial_checksum_is_completed_and_its_state_is_gone(void **state)
{
	static uint8_t after[BYTES_MAX];
	static struct packet p;
	uint64_t seed = 5;
	struct frame f;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t at;

		packet_draw(&p, &seed);
		packet_cut(&p, &f, &seed);
		assert_true(bf_is_partial(f.m));
		f.m[0].ol_flags |= RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		bf_checksum_complete(f.m);
		assert_true(f.m[0].ol_flags == RTE_MBUF_F_RX_RSS_HASH); /* not its to clear */
		assert_true(f.m[0].tx_offload == 0);
		frame_join(&f, after);
		frame_free(&f);
		assert_int_equal(packet_sum(&p, after), 0xffff);
		at = p.l2 + p.l3 + (p.udp ? 6 : 16);
		assert_true(!p.udp || get_16(after + at) != 0);
		memcpy(p.data + at, after + at, 2);
		assert_memory_equal(p.data, after, p.len);
	}
}

/* A checksum that comes out as 0: the last two bytes make the sum 0xffff. */
static void
test_zero_is_written_as_ffff_for_udp_alone(void **state)
{
	static uint8_t after[BYTES_MAX];
	static struct packet p;
	uint64_t seed = 6;
	struct frame f;

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t l4;

		do {
			packet_draw(&p, &seed);
			l4 = p.l2 + p.l3;
		} while (p.len % 2 != 0 || p.len < l4 + 24);
		put_16(p.data + p.len - 2, 0);
		put_16(p.data + p.len - 2, 0xffffu - naive(0, p.data + l4, p.len - l4));
		packet_cut(&p, &f, &seed);
		bf_checksum_complete(f.m);
		frame_join(&f, after);
		frame_free(&f);
		assert_int_equal(get_16(after + l4 + (p.udp ? 6 : 16)), p.udp ? 0xffff : 0);
		assert_int_equal(packet_sum(&p, after), 0xffff);
	}
}

static void
test_a_checksum_goes_where_it_is_told(void **state)
{
	static uint8_t data[100], after[100];
	static const uint32_t lens[] = {61, 39};
	uint64_t seed = 7;
	struct frame f;

	(void)state;
	fill(data, sizeof(data), &seed);
	frame_cut(&f, data, lens, 2);
	bf_checksum_put(f.m, 33, 26, false);
	frame_join(&f, after);
	frame_free(&f);
	put_16(data + 59, 0xffffu - naive(0, data + 33, 67));
	assert_memory_equal(data, after, sizeof(data));
}

static void
test_a_right_checksum_is_good_and_a_changed_bit_is_not(void **state)
{
	static struct packet p;
	uint64_t seed = 8;
	struct frame f;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint32_t l4, at, padding = draw_below(&seed, 3) == 0 ? draw_below(&seed, 20) : 0;

		do {
			packet_draw(&p, &seed);
		} while (p.udp);
		l4 = p.l2 + p.l3;
		put_16(p.data + l4 + 16, 0xffffu - naive(0, p.data + l4, p.len - l4));
		fill(p.data + p.len, padding, &seed);
		p.len += padding;
		packet_cut(&p, &f, &seed);
		assert_true(
			bf_checksum_is_good(f.m, p.data + p.l2, p.v6, l4, p.len - l4 - padding));
		frame_free(&f);
		at = l4 + draw_below(&seed, p.len - padding - l4);
		p.data[at] ^= (uint8_t)(1u << draw_below(&seed, 8));
		packet_cut(&p, &f, &seed);
		assert_false(
			bf_checksum_is_good(f.m, p.data + p.l2, p.v6, l4, p.len - l4 - padding));
		frame_free(&f);
	}
}

static void
test_a_checksum_of_other_addresses_or_another_length_is_not_good(void **state)
{
	static const uint32_t n = 64;
	uint8_t ip[40] = {0x45, [12] = 10, 0, 0, 1, 10, 0, 0, 2, [39] = 9},
		data[64] = {[12] = 0x50};
	struct frame f;

	(void)state;
	put_16(data + 16, 0xffffu - naive(naive_pseudo(ip, false, 6, 60), data, 60));
	frame_cut(&f, data, &n, 1);
	assert_true(bf_checksum_is_good(f.m, ip, false, 0, 60));
	assert_false(bf_checksum_is_good(f.m, ip, false, 0, 59));
	assert_false(bf_checksum_is_good(f.m, ip, true, 0, 60));
	ip[19] = 3;
	assert_false(bf_checksum_is_good(f.m, ip, false, 0, 60));
	frame_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_1071_sums),
		cmocka_unit_test(test_every_length_is_summed_to_its_end),
		cmocka_unit_test(test_carries_are_not_lost),
		cmocka_unit_test(test_a_sum_does_not_know_where_pieces_end),
		cmocka_unit_test(test_pseudo_headers),
		cmocka_unit_test(test_ipv4_headers),
		cmocka_unit_test(test_a_partial_checksum_is_completed_and_its_state_is_gone),
		cmocka_unit_test(test_zero_is_written_as_ffff_for_udp_alone),
		cmocka_unit_test(test_a_checksum_goes_where_it_is_told),
		cmocka_unit_test(test_a_right_checksum_is_good_and_a_changed_bit_is_not),
		cmocka_unit_test(test_a_checksum_of_other_addresses_or_another_length_is_not_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

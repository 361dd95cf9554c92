/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The flow hash against its slow model.  Every frame lies in a buffer of exactly its length, so
 * that a sanitizer sees a read beyond it.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_byteorder.h>

#include "draw.h"
#include "flow_model.h"

#define ROUNDS 60000
#define FRAME_MAX 300

static uint32_t
put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

static void
fill(uint8_t *p, uint32_t n, uint64_t *seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)draw(seed);
}

static uint32_t put_ip(uint8_t *p, uint64_t *seed, int depth, bool six);

static uint32_t
put_ethernet(uint8_t *p, uint64_t *seed, int depth)
{
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100};
	uint32_t at = 12, kind = draw_below(seed, 8);

	fill(p, 12, seed);
	for (uint32_t n = draw_below(seed, 6); n > 2 && at < 24; n--) {
		at += put16(p + at, tags[draw_below(seed, 3)]);
		at += put16(p + at, (unsigned int)draw(seed));
	}
	if (kind == 0)
		return at + put16(p + at, (unsigned int)draw(seed));
	at += put16(p + at, kind < 5 ? 0x0800 : 0x86dd);
	return at + put_ip(p + at, seed, depth, kind >= 5);
}

static uint32_t
put_udp(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t kind = depth > 0 ? draw_below(seed, 3) : 0;

	fill(p, 16, seed);
	if (kind == 0)
		return 8;
	put16(p + 2, kind == 1 ? 4789 : 6081);
	p[8] = kind == 1 ? 8 : (uint8_t)draw_below(seed, 3);
	if (kind == 1)
		return 16 + put_ethernet(p + 16, seed, depth - 1);
	put16(p + 10, draw_below(seed, 4) == 0 ? 0x0800 : 0x6558);
	if (p[10] == 0x08)
		return 16 + p[8] * 4u + put_ip(p + 16 + p[8] * 4u, seed, depth - 1, false);
	return 16 + p[8] * 4u + put_ethernet(p + 16 + p[8] * 4u, seed, depth - 1);
}

static uint32_t
put_gre(uint8_t *p, uint64_t *seed, int depth)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x6558, 0x1234};
	uint32_t at = 4, type = draw_below(seed, 4);

	fill(p, 16, seed);
	p[0] = (uint8_t)(draw(seed) & 0xb0);
	p[1] = draw_below(seed, 8) == 0 ? 1 : 0;
	put16(p + 2, types[type]);
	at += (p[0] & 0x80 ? 4u : 0) + (p[0] & 0x20 ? 4u : 0) + (p[0] & 0x10 ? 4u : 0);
	if (type == 2)
		return at + put_ethernet(p + at, seed, depth - 1);
	return at + (type == 3 ? 0 : put_ip(p + at, seed, depth - 1, type == 1));
}

static uint32_t
put_transport(uint8_t *p, uint64_t *seed, int depth, unsigned int proto)
{
	if (depth > 0 && proto == 47)
		return put_gre(p, seed, depth);
	if (depth > 0 && (proto == 4 || proto == 41))
		return put_ip(p, seed, depth - 1, proto == 41);
	if (proto == 17)
		return put_udp(p, seed, depth);
	fill(p, 8, seed);
	return 8;
}

static unsigned int
some_proto(uint64_t *seed)
{
	static const uint8_t protos[] = {6, 17, 132, 1, 58, 47, 4, 41, 50, 17, 6};

	return protos[draw_below(seed, sizeof(protos))];
}

static uint32_t
put_ipv6(uint8_t *p, uint64_t *seed, int depth)
{
	static const uint8_t ext[] = {0, 43, 60, 51, 44};
	unsigned int proto = some_proto(seed);
	uint8_t *next = p + 6;
	uint32_t at = 40;

	fill(p, 40, seed);
	p[0] = 0x60;
	for (uint32_t n = draw_below(seed, 4) == 0 ? draw_below(seed, 10) : 0; n > 0; n--) {
		*next = ext[draw_below(seed, draw_below(seed, 6) == 0 ? 5 : 4)];
		fill(p + at, 16, seed);
		p[at + 1] = (uint8_t)(draw_below(seed, 12) == 0 ? draw(seed) : *next == 51);
		next = p + at;
		at += p[at + 1] == 1 ? 12 : 8;
		if (at > 140)
			break;
	}
	*next = (uint8_t)proto;
	return at + put_transport(p + at, seed, depth, proto);
}

static uint32_t
put_ip(uint8_t *p, uint64_t *seed, int depth, bool six)
{
	unsigned int proto = some_proto(seed);
	uint32_t header = draw_below(seed, 6) == 0 ? draw_below(seed, 16) * 4 : 20;

	if (six)
		return put_ipv6(p, seed, depth);
	fill(p, 60, seed);
	p[0] = (uint8_t)(0x40 | header / 4);
	p[6] = draw_below(seed, 5) == 0 ? (uint8_t)draw(seed) : 0x40;
	p[7] = p[6] == 0x40 ? 0 : p[7];
	p[9] = (uint8_t)proto;
	header = header < 20 ? 20 : header;
	return header + put_transport(p + header, seed, depth, proto);
}

/* One frame through product and model; the buffer ends with the frame. */
static void
compare(const uint8_t *frame, uint32_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	memcpy(exact, frame, len);
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++) {
		struct bf_flow_key k;
		struct flow_model m;
		struct rte_mbuf mb, *pkts = &mb;
		uint32_t hash;

		memset(&mb, 0, sizeof(mb));
		mb.buf_addr = exact;
		mb.data_len = (uint16_t)len;
		bf_flow_key(exact, len, (enum bf_policy)p, &k);
		flow_model_read(exact, len, (enum bf_policy)p, &m);
		bf_flow_hash_burst(&pkts, 1, (enum bf_policy)p, 7, &hash);
		assert_int_equal(hash, bf_flow_hash_key(&k, 7));
		if (!flow_model_agrees(&m, &k))
			fail_msg("policy %u, %u bytes: key differs from the model", p, len);
	}
	free(exact);
}

static void
test_keys_are_the_models_for_random_frames(void **state)
{
	uint8_t *frame = malloc(4096);
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t len = put_ethernet(frame, &seed, 2);

		fill(frame + len, 64, &seed);
		compare(frame, len + draw_below(&seed, 64));
	}
	free(frame);
}

static void
test_frames_cut_at_any_byte_are_read_no_further(void **state)
{
	uint8_t *frame = malloc(4096);
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint32_t len = put_ethernet(frame, &seed, 2);

		for (uint32_t cut = 0; cut <= len && cut < FRAME_MAX; cut++)
			compare(frame, cut);
	}
	free(frame);
}

static void
test_random_bytes_are_frames_too(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		fill(frame, sizeof(frame), &seed);
		compare(frame, draw_below(&seed, sizeof(frame)));
	}
}

static uint32_t
hash_of(const uint8_t *frame, uint32_t len, enum bf_policy p)
{
	struct bf_flow_key k;

	bf_flow_key(frame, len, p, &k);
	return bf_flow_hash_key(&k, 42);
}

/* An IPv4 UDP frame; flags and offset as they stand in the header. */
static uint32_t
udp4(uint8_t *f, unsigned int fragment, unsigned int ports)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0,
		9, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};

	memset(f, 0, 60);
	memcpy(f, head, sizeof(head));
	put16(f + 20, fragment);
	put16(f + 34, ports);
	put16(f + 36, ports + 1);
	return 60;
}

static void
test_fragments_of_one_datagram_stay_together(void **state)
{
	static const unsigned int fragments[] = {0x2000, 0x2001, 0x20b9, 0x0172};
	uint8_t f[64];

	(void)state;
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++) {
		uint32_t first = hash_of(f, udp4(f, 0x2000, 1000), (enum bf_policy)p);

		/* Behind the first fragment, payload stands where ports would. */
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(
				hash_of(f, udp4(f, fragments[i], i * 777), (enum bf_policy)p),
				first);
	}
	/* The reserved and the don't-fragment bit make no fragment. */
	assert_int_equal(hash_of(f, udp4(f, 0x4000, 5), BF_POLICY_L34),
		hash_of(f, udp4(f, 0x0000, 5), BF_POLICY_L34));
	assert_int_not_equal(hash_of(f, udp4(f, 0x4000, 5), BF_POLICY_L34),
		hash_of(f, udp4(f, 0x4000, 6), BF_POLICY_L34));
}

static void
test_ipv6_fragments_of_one_datagram_stay_together(void **state)
{
	uint8_t f[128];

	(void)state;
	for (unsigned int p = 0; p < BF_POLICY_COUNT; p++) {
		uint32_t hash[3];

		for (unsigned int i = 0; i < 3; i++) {
			memset(f, 0, sizeof(f));
			f[0] = 2;
			put16(f + 12, 0x86dd);
			f[14] = 0x60;
			f[20] = 44;
			f[22] = 0x20;
			f[54] = 17; /* next header of the fragment header */
			put16(f + 56, i * 8 | (i < 2)); /* offset, more */
			put16(f + 62, 1000 + i); /* where ports would stand */
			hash[i] = hash_of(f, 100, (enum bf_policy)p);
		}
		assert_true(hash[0] == hash[1] && hash[1] == hash[2]);
	}
}

static void
test_policies_look_at_their_fields_only(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	udp4(a, 0, 5);
	udp4(b, 0, 6);
	assert_int_equal(hash_of(a, 60, BF_POLICY_L2), hash_of(b, 60, BF_POLICY_L2));
	assert_int_equal(hash_of(a, 60, BF_POLICY_L23), hash_of(b, 60, BF_POLICY_L23));
	assert_int_equal(
		hash_of(a, 60, BF_POLICY_VLAN_SRCMAC), hash_of(b, 60, BF_POLICY_VLAN_SRCMAC));
	assert_int_not_equal(hash_of(a, 60, BF_POLICY_L34), hash_of(b, 60, BF_POLICY_L34));
	udp4(b, 0, 5);
	b[5] ^= 1; /* another destination station */
	assert_int_not_equal(hash_of(a, 60, BF_POLICY_L2), hash_of(b, 60, BF_POLICY_L2));
	assert_int_equal(hash_of(a, 60, BF_POLICY_L34), hash_of(b, 60, BF_POLICY_L34));
	assert_int_equal(
		hash_of(a, 60, BF_POLICY_VLAN_SRCMAC), hash_of(b, 60, BF_POLICY_VLAN_SRCMAC));
}

static void
test_seeds_change_the_spread_and_256_buckets_are_filled_evenly(void **state)
{
	unsigned int n[256] = {0}, moved = 0, most = 0, least = 1u << 30;
	struct bf_flow_key k;
	uint8_t f[64];

	(void)state;
	for (uint32_t i = 0; i < 25600; i++) {
		udp4(f, 0, 1000);
		memcpy(f + 26, &i, 4);
		bf_flow_key(f, 60, BF_POLICY_L34, &k);
		n[bf_flow_hash_key(&k, 1) % 256]++;
		moved += bf_flow_hash_key(&k, 1) % 256 != bf_flow_hash_key(&k, 2) % 256;
	}
	for (unsigned int i = 0; i < 256; i++) {
		most = n[i] > most ? n[i] : most;
		least = n[i] < least ? n[i] : least;
	}
	assert_in_range(most, 100, 160);
	assert_in_range(least, 50, 100);
	assert_true(moved > 25000);
}

/* VXLAN whose inner IPv4 header is cut off by the end of the first segment. */
static void
test_a_cut_inner_header_falls_back_to_the_outer_one(void **state)
{
	static const uint64_t zero[4];
	uint8_t f[128];
	struct bf_flow_key k;

	(void)state;
	memset(f, 0, sizeof(f));
	udp4(f, 0, 1000);
	put16(f + 36, 4789);
	put16(f + 62, 0x0800); /* behind UDP, VXLAN and the inner addresses */
	bf_flow_key(f, 70, BF_POLICY_ENCAP23, &k);
	/* Absent fields are zero; and l3 is there to fall back to. */
	if (!k.has_l3)
		assert_memory_equal(k.l3, zero, sizeof(zero));
	assert_int_equal(k.has_l3, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_the_models_for_random_frames),
		cmocka_unit_test(test_frames_cut_at_any_byte_are_read_no_further),
		cmocka_unit_test(test_random_bytes_are_frames_too),
		cmocka_unit_test(test_fragments_of_one_datagram_stay_together),
		cmocka_unit_test(test_ipv6_fragments_of_one_datagram_stay_together),
		cmocka_unit_test(test_policies_look_at_their_fields_only),
		cmocka_unit_test(test_seeds_change_the_spread_and_256_buckets_are_filled_evenly),
		cmocka_unit_test(test_a_cut_inner_header_falls_back_to_the_outer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

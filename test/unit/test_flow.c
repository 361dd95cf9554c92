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
put_ppp(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t at = 0, kind = draw_below(seed, 5);

	if (draw_below(seed, 2) == 0)
		at = put16(p, 0xff03);
	if (kind == 0)
		return at + put16(p + at, (unsigned int)draw(seed));
	if (draw_below(seed, 3) == 0)
		p[at++] = kind == 1 ? 0x57 : 0x21;
	else
		at += put16(p + at, kind == 1 ? 0x57 : 0x21);
	return at + put_ip(p + at, seed, depth, kind == 1);
}

static uint32_t
put_labels(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t at = 0,
		 n = draw_below(seed, 12) == 0 ? draw_below(seed, 20) : 1 + draw_below(seed, 3);

	for (uint32_t i = 0; i < n; i++, at += 4) {
		fill(p + at, 4, seed);
		p[at + 2] = (uint8_t)((p[at + 2] & 0xfe) | (i + 1 == n));
	}
	return at + put_ip(p + at, seed, depth, draw_below(seed, 3) == 0);
}

static uint32_t
put_pppoe(uint8_t *p, uint64_t *seed, int depth)
{
	fill(p, 6, seed);
	put16(p, draw_below(seed, 6) == 0 ? (unsigned int)draw(seed) : 0x1100);
	return 6 + put_ppp(p + 6, seed, depth);
}

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
	if (kind == 1 && draw_below(seed, 2) == 0) {
		at += put16(p + at, 0x8864);
		return at + put_pppoe(p + at, seed, depth);
	}
	if (kind == 1) {
		at += put16(p + at, 0x8847 + draw_below(seed, 2));
		return at + put_labels(p + at, seed, depth);
	}
	at += put16(p + at, kind < 5 ? 0x0800 : 0x86dd);
	return at + put_ip(p + at, seed, depth, kind >= 5);
}

static uint32_t
put_l2tp_session(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t at = 4 + 4 * draw_below(seed, 4);

	fill(p, at, seed);
	if (draw_below(seed, 8) == 0)
		memset(p, 0, 4);
	return at + put_ethernet(p + at, seed, depth);
}

static uint32_t
put_l2tp(uint8_t *p, uint64_t *seed, int depth)
{
	unsigned int flags =
		(unsigned int)draw(seed) & (draw_below(seed, 8) == 0 ? 0xcb00 : 0x4b00);
	uint32_t at = 6, version = draw_below(seed, 8) == 0 ? 3 : 2;

	fill(p, 32, seed);
	put16(p, flags | version);
	if (version == 3)
		return 4 + put_l2tp_session(p + 4, seed, depth);
	at += (flags & 0x4000 ? 2u : 0) + (flags & 0x0800 ? 4u : 0);
	if (flags & 0x0200) {
		put16(p + at, draw_below(seed, 5));
		at += 2 + p[at + 1];
	}
	return at + put_ppp(p + at, seed, depth);
}

static uint32_t
put_gtpu(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t at = 8,
		 ext = draw_below(seed, 10) == 0 ? draw_below(seed, 11) : draw_below(seed, 3);
	uint8_t *next = p + 11;

	fill(p, 12, seed);
	p[0] = (uint8_t)(0x30 | (ext > 0 ? 4 : 0) | (draw(seed) & 3));
	p[1] = draw_below(seed, 8) == 0 ? 26 : 255;
	at += (p[0] & 7) ? 4u : 0;
	*next = 0;
	for (; ext > 0; ext--) {
		*next = 0x85;
		fill(p + at, 8, seed);
		p[at] = (uint8_t)(draw_below(seed, 12) == 0 ? 0 : 1 + draw_below(seed, 2));
		at += p[at] * 4u;
		next = p + at - 1;
		*next = 0;
	}
	return at + put_ip(p + at, seed, depth, draw_below(seed, 3) == 0);
}

/* The tunnels that newer ports name; behind the UDP header. */
static uint32_t
put_named(uint8_t *p, uint64_t *seed, int depth)
{
	static const uint16_t ports[] = {1701, 2152, 4500, 6635};
	uint32_t kind = draw_below(seed, 4);

	put16(p + (kind % 2 == 0 && draw_below(seed, 3) == 0 ? 0 : 2), ports[kind]);
	if (kind == 0)
		return 8 + put_l2tp(p + 8, seed, depth);
	if (kind == 1)
		return 8 + put_gtpu(p + 8, seed, depth);
	if (kind == 3)
		return 8 + put_labels(p + 8, seed, depth);
	if (draw_below(seed, 4) == 0)
		memset(p + 8, 0, 4);
	return 16;
}

static uint32_t
put_udp(uint8_t *p, uint64_t *seed, int depth)
{
	uint32_t kind = depth > 0 ? draw_below(seed, 5) : 0;

	fill(p, 16, seed);
	if (kind == 0)
		return 8;
	if (kind > 2)
		return put_named(p, seed, depth - 1);
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
	static const uint16_t types[] = {0x0800, 0x86dd, 0x6558, 0x1234, 0x880b, 0x8847};
	uint32_t at = 4, type = draw_below(seed, 6);

	fill(p, 16, seed);
	p[0] = (uint8_t)(draw(seed) & 0xb0);
	p[1] = draw_below(seed, 4) == 0 ? (uint8_t)(1 | (draw(seed) & 0x80)) : 0;
	put16(p + 2, types[type]);
	at += (p[0] & 0x80 ? 4u : 0) + (p[0] & 0x20 ? 4u : 0) + (p[0] & 0x10 ? 4u : 0);
	at += p[1] == 0x81 ? 4 : 0;
	if (type == 4)
		return at + put_ppp(p + at, seed, depth - 1);
	if (type == 5)
		return at + put_labels(p + at, seed, depth - 1);
	if (type == 2)
		return at + put_ethernet(p + at, seed, depth - 1);
	return at + (type == 3 ? 0 : put_ip(p + at, seed, depth - 1, type == 1));
}

static uint32_t
put_transport(uint8_t *p, uint64_t *seed, int depth, unsigned int proto)
{
	if (depth > 0 && proto == 47)
		return put_gre(p, seed, depth);
	if (depth > 0 && proto == 115)
		return put_l2tp_session(p, seed, depth - 1);
	if (depth > 0 && proto == 137)
		return put_labels(p, seed, depth - 1);
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
	static const uint8_t protos[] = {6, 17, 132, 1, 58, 47, 4, 41, 50, 17, 6, 115, 137, 17};

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

/* What stands before an inner IPv4 packet, from the outer Ethernet header on. */
struct wrapping {
	const char *name;
	uint32_t ethertype;
	uint8_t proto; /* of an outer IPv4 header; 0: there is none */
	uint16_t port; /* of a UDP header behind it; 0: there is none */
	uint32_t len; /* of what is left */
	uint8_t bytes[40];
};

#define ETHERNET 2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 8, 8, 0

static const struct wrapping wrappings[] = {
	{"PPPoE", 0x8864, 0, 0, 8, {0x11, 0, 0, 9, 0, 48, 0, 0x21}},
	{"PPPoE, short protocol", 0x8864, 0, 0, 7, {0x11, 0, 0, 9, 0, 47, 0x21}},
	{"MPLS", 0x8847, 0, 0, 4, {0, 1, 1, 64}},
	{"MPLS, three labels", 0x8847, 0, 0, 12, {0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 0xff, 64}},
	{"L2TPv2", 0x0800, 17, 1701, 10, {0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21}},
	{"L2TPv2, all fields", 0x0800, 17, 1701, 21,
		{0x4a, 2, 0, 99, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 1, 1, 1, 0xff, 3, 0, 0x21}},
	{"L2TPv3", 0x0800, 115, 0, 18, {0, 0, 0, 5, ETHERNET}},
	{"L2TPv3, cookie", 0x0800, 115, 0, 26, {0, 0, 0, 5, 9, 8, 7, 6, 5, 4, 3, 2, ETHERNET}},
	{"L2TPv3, cookie and sublayer", 0x0800, 115, 0, 30,
		{0, 0, 0, 5, 9, 8, 7, 6, 5, 4, 3, 2, 0x40, 0, 0, 1, ETHERNET}},
	{"L2TPv3 in UDP", 0x0800, 17, 1701, 26, {0, 3, 0, 0, 0, 0, 0, 5, 9, 8, 7, 6, ETHERNET}},
	{"GTP-U", 0x0800, 17, 2152, 8, {0x30, 255, 0, 46, 0, 0, 0, 1}},
	{"GTP-U, sequence", 0x0800, 17, 2152, 12, {0x32, 255, 0, 50, 0, 0, 0, 1, 0, 1, 0, 0}},
	{"GTP-U, extension", 0x0800, 17, 2152, 16,
		{0x34, 255, 0, 54, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0}},
	{"GRE", 0x0800, 47, 0, 4, {0, 0, 8, 0}},
	{"PPTP", 0x0800, 47, 0, 18,
		{0x30, 0x81, 0x88, 0x0b, 0, 50, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x21}},
	{"MPLS in GRE", 0x0800, 47, 0, 8, {0, 0, 0x88, 0x47, 0, 1, 1, 64}},
	{"MPLS in UDP", 0x0800, 17, 6635, 4, {0, 1, 1, 64}},
	{"MPLS in IP", 0x0800, 137, 0, 4, {0, 1, 1, 64}},
	{"VXLAN", 0x0800, 17, 4789, 22, {8, 0, 0, 0, 0, 0, 1, 0, ETHERNET}},
	{"IP in IP", 0x0800, 4, 0, 0, {0}},
};

/* The wrapping, with or without a VLAN tag, and a UDP packet in it that is a fragment or not. */
static uint32_t
wrapped(uint8_t *f, const struct wrapping *w, bool tag, unsigned int fragment, unsigned int ports)
{
	uint8_t inner[64];
	uint32_t at = 12;

	memset(f, 0, 256);
	udp4(inner, fragment, ports);
	inner[29] = 77; /* other addresses than the outer ones */
	f[0] = f[6] = 2;
	if (tag)
		at += put16(f + at, 0x8100) + put16(f + at + 2, 5);
	at += put16(f + at, w->ethertype);
	if (w->proto != 0) {
		memcpy(f + at, inner + 14, 20);
		put16(f + at + 6, 0);
		f[at + 9] = w->proto;
		f[at + 15] = 66;
		at += 20;
	}
	if (w->port != 0) {
		put16(f + at, 40000);
		put16(f + at + 2, w->port);
		at += 8;
	}
	memcpy(f + at, w->bytes, w->len);
	at += w->len;
	memcpy(f + at, inner + 14, 46);
	return at + 46;
}

static void
test_tunnels_spread_by_what_they_carry_and_fragments_stay_together(void **state)
{
	uint8_t f[256], inner[64];
	struct bf_flow_key k, plain;

	(void)state;
	udp4(inner, 0, 1000);
	inner[29] = 77;
	bf_flow_key(inner, 60, BF_POLICY_L34, &plain);
	for (unsigned int i = 0; i < sizeof(wrappings) / sizeof(wrappings[0]) * 2; i++) {
		const struct wrapping *w = &wrappings[i / 2];
		bool tag = i % 2 == 1;
		uint32_t n = wrapped(f, w, tag, 0, 1000), first;

		bf_flow_key(f, n, BF_POLICY_ENCAP34, &k);
		if (memcmp(&k, &plain, sizeof(k)) != 0)
			fail_msg("%s: encap34 does not see the inner flow", w->name);
		bf_flow_key(f, n, BF_POLICY_ENCAP23, &k);
		if (memcmp(k.l3, plain.l3, sizeof(k.l3)) != 0 || k.has_l4 || k.l2[0] == 0)
			fail_msg("%s: encap23 does not see the inner addresses", w->name);
		first = hash_of(f, n, BF_POLICY_L34);
		wrapped(f, w, tag, 0, 2000);
		if (hash_of(f, n, BF_POLICY_L34) != first && w->proto != 115)
			fail_msg("%s: l34 looks into a tunnel", w->name);
		n = wrapped(f, w, tag, 0x2000, 1000);
		first = hash_of(f, n, BF_POLICY_ENCAP34);
		n = wrapped(f, w, tag, 0x00b9, 3333); /* a later fragment */
		if (hash_of(f, n, BF_POLICY_ENCAP34) != first)
			fail_msg("%s: fragments part", w->name);
		compare(f, n);
		while (n-- > 0)
			compare(f, n);
	}
}

static void
test_esp_goes_by_its_spi(void **state)
{
	static const enum bf_policy with[] = {BF_POLICY_L34, BF_POLICY_ENCAP34};
	uint8_t f[64];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t a, fragment;

		udp4(f, 0, 1000);
		f[23] = 50;
		a = hash_of(f, 60, with[i]);
		f[39] = 7; /* the sequence number */
		assert_int_equal(hash_of(f, 60, with[i]), a);
		f[37] ^= 1; /* the SPI */
		assert_int_not_equal(hash_of(f, 60, with[i]), a);
		put16(f + 20, 0x2000);
		fragment = hash_of(f, 60, with[i]);
		f[37] ^= 1;
		assert_int_equal(hash_of(f, 60, with[i]), fragment);
	}
	assert_int_equal(hash_of(f, 60, BF_POLICY_L23), hash_of(f, 60, BF_POLICY_L23));
	/* In UDP, RFC 3948: behind a zero marker it is IKE, which stays with its ports. */
	udp4(f, 0, 4500);
	f[45] = 1;
	assert_int_equal(hash_of(f, 60, BF_POLICY_ENCAP34) == hash_of(f, 60, BF_POLICY_L34), false);
	f[45] = 0;
	assert_int_equal(hash_of(f, 60, BF_POLICY_ENCAP34), hash_of(f, 60, BF_POLICY_L34));
}

/* What is no data, or not IP, leaves the outer headers. */
static void
test_what_a_tunnel_does_not_carry_as_ip_goes_by_the_outer_headers(void **state)
{
	static const struct wrapping others[] = {
		{"PPPoE, LCP", 0x8864, 0, 0, 8, {0x11, 0, 0, 9, 0, 48, 0xc0, 0x21}},
		{"PPPoE, code", 0x8864, 0, 0, 8, {0x11, 9, 0, 9, 0, 48, 0, 0x21}},
		{"MPLS, Ethernet", 0x8847, 0, 0, 8, {0, 1, 1, 64, 0, 0, 0, 0}},
		{"L2TPv2, control", 0x0800, 17, 1701, 10, {0xc8, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21}},
		{"GTP-U, echo", 0x0800, 17, 2152, 8, {0x30, 1, 0, 46, 0, 0, 0, 1}},
		{"GTP', version", 0x0800, 17, 2152, 8, {0x50, 255, 0, 46, 0, 0, 0, 1}},
		{"GTP-U, endless extension", 0x0800, 17, 2152, 13,
			{0x34, 255, 0, 54, 0, 0, 0, 1, 0, 0, 0, 0x85, 0}},
	};
	uint8_t f[256];

	(void)state;
	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint32_t n = wrapped(f, &others[i], false, 0, 1000);

		if (hash_of(f, n, BF_POLICY_ENCAP34) != hash_of(f, n, BF_POLICY_L34))
			fail_msg("%s: something was read", others[i].name);
		compare(f, n);
	}
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
		cmocka_unit_test(
			test_tunnels_spread_by_what_they_carry_and_fragments_stay_together),
		cmocka_unit_test(test_esp_goes_by_its_spi),
		cmocka_unit_test(test_what_a_tunnel_does_not_carry_as_ip_goes_by_the_outer_headers),
		cmocka_unit_test(test_policies_look_at_their_fields_only),
		cmocka_unit_test(test_seeds_change_the_spread_and_256_buckets_are_filled_evenly),
		cmocka_unit_test(test_a_cut_inner_header_falls_back_to_the_outer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The parse of a frame: addresses, tags, slow protocols at every tag depth, reserved addresses,
 * runts.  Frames lie in buffers of exactly their length.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/frame.h"

/* A frame in memory that ends where it ends, in an mbuf that ends nowhere else. */
static enum bf_drop
look(const uint8_t *data, uint16_t len, struct bf_frame *f)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	struct rte_mbuf m;
	enum bf_drop why = BF_DROP_COUNT;

	memcpy(exact, data, len);
	memset(&m, 0, sizeof(m));
	m.buf_addr = exact;
	m.data_len = len;
	m.pkt_len = len;
	memset(f, 0, sizeof(*f));
	if (len >= 14)
		bf_frame_load(exact, f);
	if (bf_frame_is_special(&m, f->type))
		why = bf_frame_special(&m, f);
	free(exact);
	return why;
}

/* `tags` tags of these types, then an ethertype. */
static uint16_t
tagged(uint8_t *buf, const uint16_t *types, unsigned int tags, uint16_t vlan, uint16_t type)
{
	static const uint8_t addr[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint16_t at = 12;

	memset(buf, 0, 128);
	memcpy(buf, addr, 12);
	for (unsigned int i = 0; i < tags; i++, at = (uint16_t)(at + 4)) {
		buf[at] = (uint8_t)(types[i] >> 8);
		buf[at + 1] = (uint8_t)types[i];
		buf[at + 2] = (uint8_t)((vlan + i) >> 8);
		buf[at + 3] = (uint8_t)(vlan + i);
	}
	buf[at] = (uint8_t)(type >> 8);
	buf[at + 1] = (uint8_t)type;
	return (uint16_t)(at + 2);
}

static const uint16_t any_tag[3] = {0x8100, 0x88a8, 0x9100};

static void
test_addresses_and_type_are_loaded(void **state)
{
	static const uint8_t data[14] = {
		0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x06, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0x08, 0x06};
	struct bf_frame f;

	(void)state;
	assert_int_equal(look(data, sizeof(data), &f), BF_DROP_COUNT);
	assert_true(f.dst == 0x554433221102ULL);
	assert_true(f.src == 0xeeddccbbaa06ULL);
	assert_true(f.type == BF_ET_ARP);
}

static void
test_slow_protocols_are_dropped_at_every_tag_depth(void **state)
{
	uint16_t types[4];
	uint8_t buf[128];
	struct bf_frame f;

	(void)state;
	for (unsigned int depth = 0; depth <= 4; depth++) {
		for (unsigned int mix = 0; mix < 81; mix++) {
			unsigned int x = mix;
			uint16_t len;

			for (unsigned int i = 0; i < 4; i++, x /= 3)
				types[i] = any_tag[x % 3];
			len = tagged(buf, types, depth, 5, 0x8809);
			assert_int_equal(look(buf, len, &f), BF_DROP_SLOW_PROTOCOL);
			assert_int_equal(look(buf, 60, &f), BF_DROP_SLOW_PROTOCOL);
		}
	}
}

static void
test_the_outer_tag_alone_is_the_vlan(void **state)
{
	static const uint16_t two[2] = {0x88a8, 0x8100};
	uint8_t buf[128];
	struct bf_frame f;
	uint16_t len;

	(void)state;
	for (unsigned int t = 0; t < 3; t++) {
		len = tagged(buf, &any_tag[t], 1, 0xf123, 0x0800); /* priority bits are no VLAN */
		assert_int_equal(look(buf, len, &f), BF_DROP_COUNT);
		assert_int_equal(BF_FDB_VLAN_OF(f.dst), 0x123);
		assert_true(f.dst >> 48 == f.src >> 48);
		assert_int_equal((f.dst & BF_FDB_SERVICE) != 0, any_tag[t] == 0x88a8);
	}
	len = tagged(buf, two, 2, 100, 0x0800);
	assert_int_equal(look(buf, len, &f), BF_DROP_COUNT);
	assert_true(BF_FDB_VLAN_OF(f.dst) == 100 && f.dst >> 48 == f.src >> 48);
	assert_true((f.src & BF_FDB_MAC_MASK) == 0x020000000002ULL);
}

static void
test_a_priority_tag_is_no_vlan(void **state)
{
	uint8_t buf[128];
	struct bf_frame f;
	uint16_t len = tagged(buf, any_tag, 1, 0xe000, 0x0800);

	(void)state;
	assert_int_equal(look(buf, len, &f), BF_DROP_COUNT);
	assert_true(f.dst >> 48 == 0);
}

static void
test_a_frame_that_ends_within_its_header_is_a_runt(void **state)
{
	static const uint16_t types[4] = {0x8100, 0x8100, 0x9100, 0x88a8};
	uint8_t buf[128];
	struct bf_frame f;

	(void)state;
	for (unsigned int depth = 0; depth <= 4; depth++) {
		uint16_t whole = tagged(buf, types, depth, 1, 0x0800);

		for (uint16_t len = 0; len < whole; len++)
			assert_int_equal(look(buf, len, &f), BF_DROP_RUNT);
		assert_int_equal(look(buf, whole, &f), BF_DROP_COUNT);
	}
}

static void
test_untagged_frames_without_news_are_not_special(void **state)
{
	static const uint16_t plain[] = {
		0x0800, 0x86dd, 0x0806, 0x8035, 0x88cc, 0x0000, 0x05dc, 0xffff};
	static const uint16_t special[] = {0x8100, 0x88a8, 0x9100, 0x8809};
	struct rte_mbuf m;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.data_len = 14;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_false(bf_frame_is_special(&m, rte_cpu_to_be_16(plain[i])));
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		assert_true(bf_frame_is_special(&m, rte_cpu_to_be_16(special[i])));
	m.data_len = 13;
	assert_true(bf_frame_is_special(&m, rte_cpu_to_be_16(0x0800)));
}

static void
test_exactly_the_sixteen_reserved_addresses_are_reserved(void **state)
{
	uint8_t buf[14] = {0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 2, 8, 0};
	struct bf_frame f;

	(void)state;
	for (unsigned int last = 0; last < 256; last++) {
		buf[5] = (uint8_t)last;
		bf_frame_load(buf, &f);
		assert_int_equal(bf_frame_is_reserved(f.dst), last < 16);
		assert_int_equal(bf_frame_is_reserved(f.dst | 100ULL << 48), last < 16);
	}
	for (int i = 0; i < 5; i++) {
		uint8_t other[14];

		memcpy(other, buf, sizeof(other));
		other[5] = 0;
		other[i] ^= 0x10;
		bf_frame_load(other, &f);
		assert_false(bf_frame_is_reserved(f.dst));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_and_type_are_loaded),
		cmocka_unit_test(test_slow_protocols_are_dropped_at_every_tag_depth),
		cmocka_unit_test(test_the_outer_tag_alone_is_the_vlan),
		cmocka_unit_test(test_a_priority_tag_is_no_vlan),
		cmocka_unit_test(test_a_frame_that_ends_within_its_header_is_a_runt),
		cmocka_unit_test(test_untagged_frames_without_news_are_not_special),
		cmocka_unit_test(test_exactly_the_sixteen_reserved_addresses_are_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

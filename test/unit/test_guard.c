/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Guards: prefixes of addresses, and the protocols of switches.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/guard.h"

static uint64_t
mac(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e, uint8_t f)
{
	const uint8_t bytes[6] = {a, b, c, d, e, f};
	uint64_t m = 0;

	memcpy(&m, bytes, sizeof(bytes));
	return m;
}

static void
test_a_prefix_is_the_first_bits_as_they_stand_in_the_frame(void **state)
{
	uint64_t all = mac(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

	(void)state;
	assert_int_equal(bf_guard_mask(48), all);
	assert_int_equal(bf_guard_mask(8), mac(0xff, 0, 0, 0, 0, 0));
	assert_int_equal(bf_guard_mask(1), mac(0x80, 0, 0, 0, 0, 0));
	assert_int_equal(bf_guard_mask(42), mac(0xff, 0xff, 0xff, 0xff, 0xff, 0xc0));
	for (unsigned int bits = 1; bits <= 48; bits++)
		assert_int_equal(__builtin_popcountll(bf_guard_mask(bits)), bits);
}

static void
test_a_guard_permits_its_addresses_and_prefixes_and_no_other(void **state)
{
	static struct bf_guard g;

	(void)state;
	assert_false(bf_guard_permits(&g, mac(2, 0, 0, 0, 0, 1)));
	g.mac[0] = BF_GUARD_WORD(mac(2, 0, 0, 0, 0, 1), 48);
	g.mac[1] = BF_GUARD_WORD(mac(0, 0, 0x5e, 0, 1, 0), 40);
	g.n = 2;
	assert_true(bf_guard_permits(&g, mac(2, 0, 0, 0, 0, 1)));
	assert_false(bf_guard_permits(&g, mac(2, 0, 0, 0, 0, 2)));
	for (unsigned int i = 0; i < 256; i++) {
		assert_true(bf_guard_permits(&g, mac(0, 0, 0x5e, 0, 1, (uint8_t)i)));
		assert_false(bf_guard_permits(&g, mac(0, 0, 0x5e, 0, 2, (uint8_t)i)));
	}
	g.n = 1;
	assert_false(bf_guard_permits(&g, mac(0, 0, 0x5e, 0, 1, 7)));
}

static void
test_protocols_of_switches_are_known_by_address_and_by_type(void **state)
{
	static const uint16_t types[] = {0x88cc, 0x8808, 0x88f5, 0x22ea, 0x8902, 0x88e3};
	struct bf_frame f = {.type = BF_ET_IPV4};

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		f.dst = mac(1, 0x80, 0xc2, 0, 0, (uint8_t)i);
		assert_int_equal(bf_guard_is_control(&f), i < 0x40);
		f.dst = mac(1, 0, 0x0c, 0xcc, 0xcc, (uint8_t)i) | BF_FDB_BOND(1);
		assert_int_equal(bf_guard_is_control(&f), i >= 0xc0 && i < 0xd0);
		f.dst = mac(0, 0xe0, 0x2b, 0, 0, (uint8_t)i);
		assert_int_equal(bf_guard_is_control(&f), i < 8);
	}
	f.dst = mac(2, 0, 0, 0, 0, 1);
	assert_false(bf_guard_is_control(&f));
	for (unsigned int i = 0; i < RTE_DIM(types); i++) {
		f.type = rte_cpu_to_be_16(types[i]);
		assert_true(bf_guard_is_control(&f));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_prefix_is_the_first_bits_as_they_stand_in_the_frame),
		cmocka_unit_test(test_a_guard_permits_its_addresses_and_prefixes_and_no_other),
		cmocka_unit_test(test_protocols_of_switches_are_known_by_address_and_by_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

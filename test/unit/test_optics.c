/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memories of modules, byte by byte as SFF-8472 and SFF-8636 lay them out.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>
#include <math.h>

#include <rte_common.h>
#include <rte_dev_info.h>

#include "control/bond/optics.h"

static uint8_t memory[640];

static void
put_text(size_t at, const char *text)
{
	memset(memory + at, ' ', 16);
	memcpy(memory + at, text, strlen(text));
}

static void
put_word(size_t at, int value)
{
	memory[at] = (uint8_t)(value >> 8);
	memory[at + 1] = (uint8_t)value;
}

static bool
is_about(double a, double b)
{
	return fabs(a - b) < 1e-4;
}

static int
clear(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	return 0;
}

static void
make_sfp(void)
{
	put_text(20, "ACME OPTICS");
	put_text(40, "SFP-10G-SR");
	put_text(68, "A1B2C3D4E5F6G7H8");
	memory[92] = 0x60;
	put_word(256 + 96, 0x1f80); /* 31.5 degrees */
	put_word(256 + 98, 33012);
	put_word(256 + 100, 3500);
	put_word(256 + 102, 5623);
	put_word(256 + 104, 10000);
}

static void
test_an_sfp_tells_maker_and_values(void **state)
{
	struct bf_optics o;

	(void)state;
	make_sfp();
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8472, memory, 512, &o), 0);
	assert_string_equal(o.kind, "SFP");
	assert_string_equal(o.vendor, "ACME OPTICS");
	assert_string_equal(o.part, "SFP-10G-SR");
	assert_string_equal(o.serial, "A1B2C3D4E5F6G7H8");
	assert_true(o.has_values);
	assert_int_equal(o.n_lanes, 1);
	assert_true(is_about(o.celsius, 31.5) && is_about(o.volts, 3.3012));
	assert_true(is_about(o.bias_ma[0], 7.0));
	assert_true(is_about(o.tx_mw[0], 0.5623) && is_about(o.rx_mw[0], 1.0));
	assert_true(fabs(bf_optics_dbm(o.tx_mw[0]) + 2.5) < 0.01);
	assert_true(is_about(bf_optics_dbm(o.rx_mw[0]), 0));
}

static void
test_below_zero_is_below_zero(void **state)
{
	struct bf_optics o;

	(void)state;
	make_sfp();
	put_word(256 + 96, -5 * 256);
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8472, memory, 512, &o), 0);
	assert_true(is_about(o.celsius, -5));
}

/* Values that need constants of the module, none at all, or a memory without the second half. */
static void
test_an_sfp_without_calibrated_values_has_none(void **state)
{
	static const struct {
		uint8_t can;
		size_t len;
	} cases[] = {{0x50, 512}, {0x00, 512}, {0x60, 256}};

	(void)state;
	make_sfp();
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct bf_optics o;

		memory[92] = cases[i].can;
		assert_int_equal(
			bf_optics_read(RTE_ETH_MODULE_SFF_8472, memory, cases[i].len, &o), 0);
		assert_false(o.has_values);
		assert_string_equal(o.vendor, "ACME OPTICS");
	}
}

static void
test_a_qsfp_has_four_lanes(void **state)
{
	struct bf_optics o;

	(void)state;
	put_text(148, "ACME");
	put_text(168, "QSFP-40G-SR4");
	put_text(196, "X1");
	put_word(22, 45 * 256);
	put_word(26, 33000);
	for (size_t lane = 0; lane < 4; lane++) {
		put_word(34 + 2 * lane, (int)(1000 * (lane + 1)));
		put_word(42 + 2 * lane, (int)(500 * (lane + 1)));
		put_word(50 + 2 * lane, (int)(2000 * (lane + 1)));
	}
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8636, memory, 256, &o), 0);
	assert_string_equal(o.kind, "QSFP");
	assert_string_equal(o.part, "QSFP-40G-SR4");
	assert_int_equal(o.n_lanes, 4);
	assert_true(is_about(o.celsius, 45));
	for (size_t lane = 0; lane < 4; lane++) {
		assert_true(is_about(o.rx_mw[lane], 0.1 * (double)(lane + 1)));
		assert_true(is_about(o.bias_ma[lane], (double)(lane + 1)));
		assert_true(is_about(o.tx_mw[lane], 0.2 * (double)(lane + 1)));
	}
}

static void
test_what_is_too_short_or_unknown_is_refused(void **state)
{
	struct bf_optics o;

	(void)state;
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8472, memory, 95, &o), -EINVAL);
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8636, memory, 128, &o), -EINVAL);
	assert_int_equal(bf_optics_read(77, memory, sizeof(memory), &o), -ENOTSUP);
}

static void
test_other_bytes_than_text_do_not_reach_a_terminal(void **state)
{
	struct bf_optics o;

	(void)state;
	make_sfp();
	memcpy(memory + 20, "\x1b[2J\xff", 5);
	assert_int_equal(bf_optics_read(RTE_ETH_MODULE_SFF_8472, memory, 512, &o), 0);
	assert_string_equal(o.vendor, "?[2J?OPTICS");
}

static void
test_no_light_is_minus_forty(void **state)
{
	(void)state;
	assert_true(is_about(bf_optics_dbm(0), -40));
	assert_true(is_about(bf_optics_dbm(0.00005), -40));
	assert_true(is_about(bf_optics_dbm(10), 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_an_sfp_tells_maker_and_values, clear),
		cmocka_unit_test_setup(test_below_zero_is_below_zero, clear),
		cmocka_unit_test_setup(test_an_sfp_without_calibrated_values_has_none, clear),
		cmocka_unit_test_setup(test_a_qsfp_has_four_lanes, clear),
		cmocka_unit_test_setup(test_what_is_too_short_or_unknown_is_refused, clear),
		cmocka_unit_test_setup(test_other_bytes_than_text_do_not_reach_a_terminal, clear),
		cmocka_unit_test(test_no_light_is_minus_forty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

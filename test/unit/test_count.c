/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bins of what workers count.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/count.h"

static void
test_a_fill_is_in_the_first_bin_that_takes_it(void **state)
{
	static const uint32_t upper[BF_FILL_BINS - 1] = {0, 1, 4, 16, 64, 256, 1024};

	(void)state;
	for (uint32_t n = 0; n < 2000; n++) {
		unsigned int bin = 0;

		while (bin < BF_FILL_BINS - 1 && n > upper[bin])
			bin++;
		assert_int_equal(bf_fill_bin(n), bin);
	}
	assert_int_equal(bf_fill_bin(UINT32_MAX), BF_FILL_BINS - 1);
}

static void
test_a_burst_is_in_the_first_bin_that_takes_it(void **state)
{
	static const uint16_t upper[BF_BURST_BINS] = {1, 4, 8, 16, 31, 32};

	(void)state;
	for (uint16_t n = 1; n <= BF_BURST; n++) {
		unsigned int bin = 0;

		while (n > upper[bin])
			bin++;
		assert_int_equal(bf_burst_bin[n], bin);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fill_is_in_the_first_bin_that_takes_it),
		cmocka_unit_test(test_a_burst_is_in_the_first_bin_that_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers in network order are read and written at any address.
 *
 * Threads: one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/be.h"

static void
test_the_first_byte_is_the_highest(void **state)
{
	static const uint8_t p[] = {0x00, 0xfe, 0xdc, 0xba, 0x98};

	(void)state;
	assert_int_equal(bf_be16(p + 1), 0xfedc);
	assert_int_equal(bf_be32(p + 1), 0xfedcba98);
	assert_int_equal(bf_be32(p), 0x00fedcba);
}

static void
test_what_is_written_is_read_and_nothing_around_it_changes(void **state)
{
	(void)state;
	for (unsigned int at = 1; at < 8; at++) {
		uint8_t p[16], want[16];

		memset(p, 0x55, sizeof(p));
		memset(want, 0x55, sizeof(want));
		bf_put_be16(p + at, 0x7fedc);
		memcpy(want + at, "\xfe\xdc", 2);
		assert_memory_equal(p, want, sizeof(p));
		assert_int_equal(bf_be16(p + at), 0xfedc);
		bf_put_be32(p + at, 0x89abcdef);
		memcpy(want + at, "\x89\xab\xcd\xef", 4);
		assert_memory_equal(p, want, sizeof(p));
		assert_int_equal(bf_be32(p + at), 0x89abcdef);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_byte_is_the_highest),
		cmocka_unit_test(test_what_is_written_is_read_and_nothing_around_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

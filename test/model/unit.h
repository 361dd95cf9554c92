/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * cmocka with what its header needs before it.
 *
 * Threads: one.
 */
#ifndef BF_TEST_UNIT_H
#define BF_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** For what an emulator of the CPU cannot do that this test is about; scripts/accept arm64 sets the variable. */
#define skip_emulated(why) \
	do { \
		if (getenv("BONDFWD_EMULATED") != NULL) { \
			print_message("skipped: emulated: %s\n", (why)); \
			skip(); \
		} \
	} while (0)

/** A message holds a word; shows the message when it does not. */
#define assert_has(text, word) \
	do { \
		if (strstr((text), (word)) == NULL) \
			fail_msg("\"%s\" does not hold \"%s\"", (text), (word)); \
	} while (0)

#endif

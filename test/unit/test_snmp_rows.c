/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * OIDs in SNMP's order: what is read, what is refused, what comes next.
 *
 * Threads: one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "snmp_rows.h"

static void
test_numbers_with_dots_are_an_oid_and_nothing_else_is(void **state)
{
	static const char *const bad[] = {"", ".", "1.", "1..2", "x", "1.x", "1 ", " 1", "-1", "+1",
		"1.4294967296", "1.99999999999999999999999", "..1"};
	char longest[4 * BF_OID_MAX + 4] = "1";
	struct bf_oid oid;

	(void)state;
	assert_true(bf_oid_read(".1.3.4294967295", &oid));
	assert_int_equal(oid.n, 3);
	assert_int_equal(oid.id[2], UINT32_MAX);
	assert_true(bf_oid_read("7", &oid));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bf_oid_read(bad[i], &oid))
			fail_msg("\"%s\" was taken", bad[i]);
	for (unsigned int i = 1; i < BF_OID_MAX; i++)
		strcat(longest, ".1");
	assert_true(bf_oid_read(longest, &oid));
	assert_int_equal(oid.n, BF_OID_MAX);
	strcat(longest, ".1");
	assert_false(bf_oid_read(longest, &oid));
}

static struct bf_oid_rows
rows_of(const char *text)
{
	struct bf_err err = {""};
	struct bf_oid_rows rows;

	if (!bf_oid_rows_read(&rows, strdup(text), &err))
		fail_msg("%s", err.text);
	return rows;
}

static const char *
value_at(const struct bf_oid_rows *rows, const char *text, bool next)
{
	const struct bf_oid_row *row;
	struct bf_oid oid;

	assert_true(bf_oid_read(text, &oid));
	row = next ? bf_oid_rows_next(rows, &oid) : bf_oid_rows_get(rows, &oid);
	return row == NULL ? "none" : row->value;
}

static void
test_rows_are_found_and_follow_each_other_by_number(void **state)
{
	struct bf_oid_rows rows =
		rows_of("1.10 integer ten\n1.9.1 string nine one\n1.9 string nine\n"
			"1.2 octet \n1.100 integer hundred\n");

	(void)state;
	assert_int_equal(rows.n, 5);
	assert_string_equal(value_at(&rows, "1.9.1", false), "nine one");
	assert_string_equal(value_at(&rows, ".1.2", false), "");
	assert_string_equal(value_at(&rows, "1.3", false), "none");
	assert_string_equal(value_at(&rows, "1", true), "");
	assert_string_equal(value_at(&rows, "1.2", true), "nine");
	assert_string_equal(value_at(&rows, "1.9", true), "nine one");
	assert_string_equal(value_at(&rows, "1.9.1", true), "ten");
	assert_string_equal(value_at(&rows, "1.11", true), "hundred");
	assert_string_equal(value_at(&rows, "1.100", true), "none");
	assert_string_equal(value_at(&rows, "0", true), "");
	assert_string_equal(value_at(&rows, "2", true), "none");
	bf_oid_rows_release(&rows);
}

static void
test_of_no_rows_there_is_none(void **state)
{
	struct bf_oid_rows rows = rows_of(""), zero = {.list = NULL};

	(void)state;
	assert_string_equal(value_at(&rows, "1", true), "none");
	assert_string_equal(value_at(&zero, "1", true), "none");
	assert_string_equal(value_at(&zero, "1", false), "none");
	bf_oid_rows_release(&rows);
}

static void
test_a_line_that_is_no_row_spoils_the_answer_and_is_named(void **state)
{
	static const char *const bad[] = {
		"1.2\n", "1.2 integer\n", "1.x integer 1\n", "foo bar baz\n"};
	struct bf_oid_rows rows;
	struct bf_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), "1.1 integer 1\n%s", bad[i]);
		err.text[0] = '\0';
		assert_false(bf_oid_rows_read(&rows, strdup(text), &err));
		assert_non_null(strstr(err.text, "expected OID TYPE VALUE"));
		assert_int_equal(rows.n, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_with_dots_are_an_oid_and_nothing_else_is),
		cmocka_unit_test(test_rows_are_found_and_follow_each_other_by_number),
		cmocka_unit_test(test_of_no_rows_there_is_none),
		cmocka_unit_test(test_a_line_that_is_no_row_spoils_the_answer_and_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

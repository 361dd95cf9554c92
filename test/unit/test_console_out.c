/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Output writer: text, JSON, errors, bounds.
 *
 * Threads: one.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/out.h"

static struct bf_out *
create(enum bf_out_format format, size_t max)
{
	struct bf_out *out = bf_out_create(format, max);

	assert_non_null(out);
	return out;
}

/* The output is exactly this; releases it. */
static void
assert_output(struct bf_out *out, enum bf_out_status status, const char *expected)
{
	size_t len;

	assert_string_equal(bf_out_data(out, &len), expected);
	assert_int_equal(len, strlen(expected));
	assert_int_equal(bf_out_status(out), status);
	bf_out_destroy(out);
}

static void
test_text_is_written_and_json_calls_are_ignored(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 0);

	(void)state;
	assert_false(bf_out_is_json(out));
	bf_out_obj_begin(out, NULL);
	bf_out_printf(out, "port %d\n", 7);
	bf_out_u64(out, "id", 7);
	bf_out_obj_end(out);
	bf_out_write(out, "end\n", 4);
	assert_output(out, BF_OUT_OK, "port 7\nend\n");
}

static void
test_text_longer_than_any_small_buffer_is_whole(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 0);
	size_t len;

	(void)state;
	bf_out_printf(out, "%*s", 100000, "x");
	assert_int_equal(bf_out_data(out, &len)[99999], 'x');
	assert_int_equal(len, 100000);
	bf_out_destroy(out);
}

static void
test_json_nests_with_commas_and_all_types(void **state)
{
	struct bf_out *out = create(BF_OUT_JSON, 0);

	(void)state;
	assert_true(bf_out_is_json(out));
	bf_out_printf(out, "ignored");
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, "u", UINT64_MAX);
	bf_out_i64(out, "i", INT64_MIN);
	bf_out_arr_begin(out, "a");
	bf_out_bool(out, NULL, true);
	bf_out_null(out, NULL);
	bf_out_obj_begin(out, NULL);
	bf_out_obj_end(out);
	bf_out_arr_end(out);
	bf_out_str(out, "s", NULL);
	bf_out_strf(out, "f", "%d-%s", 1, "x");
	bf_out_obj_end(out);
	assert_output(out, BF_OUT_OK,
		"{\"u\": 18446744073709551615, \"i\": -9223372036854775808, "
		"\"a\": [true, null, {}], \"s\": null, \"f\": \"1-x\"}\n");
}

static void
test_json_numbers_keep_their_type_and_infinity_is_null(void **state)
{
	struct bf_out *out = create(BF_OUT_JSON, 0);

	(void)state;
	bf_out_arr_begin(out, NULL);
	bf_out_f64(out, NULL, 0.1);
	bf_out_f64(out, NULL, 1.0 / 3.0);
	bf_out_f64(out, NULL, -2.0);
	bf_out_f64(out, NULL, INFINITY);
	bf_out_f64(out, NULL, NAN);
	assert_output(out, BF_OUT_OK, "[0.1, 0.333333333333333, -2.0, null, null]\n");
}

static void
test_json_strings_escape_controls_quotes_and_bad_utf8(void **state)
{
	struct bf_out *out = create(BF_OUT_JSON, 0);

	(void)state;
	bf_out_arr_begin(out, NULL);
	bf_out_str(out, NULL, "a\"b\\c\n\r\t\x01\x1b\x7f");
	bf_out_str(out, NULL, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	/* Lone tail, overlong, surrogate, cut, beyond U+10FFFF. */
	bf_out_str(out, NULL, "\x80|\xc0\xaf|\xed\xa0\x80|\xe2\x82|\xf5\x80");
	assert_output(out, BF_OUT_OK,
		"[\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001b\\u007f\", "
		"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\", "
		"\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\"]"
		"\n");
}

static void
test_json_levels_left_open_are_closed(void **state)
{
	struct bf_out *out = create(BF_OUT_JSON, 0);

	(void)state;
	bf_out_obj_begin(out, NULL);
	bf_out_arr_begin(out, "a");
	bf_out_obj_begin(out, NULL);
	assert_output(out, BF_OUT_OK, "{\"a\": [{}]}\n");
}

static void
test_json_of_a_command_without_output_is_an_empty_object(void **state)
{
	(void)state;
	assert_output(create(BF_OUT_JSON, 0), BF_OUT_OK, "{}\n");
	assert_output(create(BF_OUT_TEXT, 0), BF_OUT_OK, "");
}

static void
test_json_nested_wrongly_is_an_error(void **state)
{
	static const char expected[] =
		"{\"error\": \"output: JSON nesting: expected one value\"}\n";
	struct bf_out *out = create(BF_OUT_JSON, 0);
	unsigned int i;

	(void)state;
	bf_out_obj_begin(out, NULL);
	bf_out_u64(out, NULL, 1);
	assert_output(out, BF_OUT_FAILED, expected);
	out = create(BF_OUT_JSON, 0);
	bf_out_u64(out, NULL, 1);
	bf_out_u64(out, NULL, 2);
	assert_output(out, BF_OUT_FAILED, expected);
	out = create(BF_OUT_JSON, 0);
	bf_out_arr_begin(out, NULL);
	bf_out_obj_end(out);
	assert_output(out, BF_OUT_FAILED, expected);
	out = create(BF_OUT_JSON, 0);
	for (i = 0; i <= BF_OUT_DEPTH_MAX; i++)
		bf_out_arr_begin(out, NULL);
	assert_output(out, BF_OUT_FAILED, expected);
}

static void
test_text_errors_follow_what_was_written(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 0);

	(void)state;
	bf_out_printf(out, "half\n");
	bf_out_error(out, "port: \"%s\": expected 0 to 3", "9\n\x1b[2J");
	bf_out_usage(out, "mode: expected a number");
	bf_out_error(out, "third");
	assert_output(out, BF_OUT_USAGE,
		"half\nport: \"9??[2J\": expected 0 to 3\nmode: expected a number\nthird\n");
}

static void
test_json_errors_replace_what_was_written(void **state)
{
	struct bf_out *out = create(BF_OUT_JSON, 0);

	(void)state;
	bf_out_obj_begin(out, NULL);
	bf_out_error(out, "one \"quoted\"");
	assert_output(out, BF_OUT_FAILED, "{\"error\": \"one \\\"quoted\\\"\"}\n");
	out = create(BF_OUT_JSON, 0);
	bf_out_error(out, "one");
	bf_out_error(out, "two");
	assert_output(out, BF_OUT_FAILED, "{\"error\": \"one\", \"errors\": [\"one\", \"two\"]}\n");
}

static void
test_output_over_its_bound_is_an_error_and_never_cut(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 8);

	(void)state;
	bf_out_printf(out, "12345678");
	assert_int_equal(bf_out_status(out), BF_OUT_OK);
	bf_out_printf(out, "9");
	assert_int_equal(bf_out_status(out), BF_OUT_FAILED);
	bf_out_printf(out, "0");
	assert_output(out, BF_OUT_FAILED, "output: too large: expected at most 8 bytes\n");
	out = create(BF_OUT_JSON, 8);
	bf_out_str(out, NULL, "123456789");
	assert_output(out, BF_OUT_FAILED,
		"{\"error\": \"output: too large: expected at most 8 bytes\"}\n");
}

static void
test_reset_makes_it_empty_and_good_again(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 4);

	(void)state;
	bf_out_printf(out, "12345");
	(void)bf_out_data(out, NULL);
	bf_out_reset(out);
	assert_int_equal(bf_out_status(out), BF_OUT_OK);
	bf_out_printf(out, "ok");
	assert_string_equal(bf_out_data(out, NULL), "ok");
	assert_output(out, BF_OUT_OK, "ok");
	bf_out_destroy(NULL);
}

static void
test_data_may_be_asked_for_twice(void **state)
{
	struct bf_out *out = create(BF_OUT_TEXT, 0);

	(void)state;
	bf_out_error(out, "once");
	assert_string_equal(bf_out_data(out, NULL), "once\n");
	assert_output(out, BF_OUT_FAILED, "once\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_written_and_json_calls_are_ignored),
		cmocka_unit_test(test_text_longer_than_any_small_buffer_is_whole),
		cmocka_unit_test(test_json_nests_with_commas_and_all_types),
		cmocka_unit_test(test_json_numbers_keep_their_type_and_infinity_is_null),
		cmocka_unit_test(test_json_strings_escape_controls_quotes_and_bad_utf8),
		cmocka_unit_test(test_json_levels_left_open_are_closed),
		cmocka_unit_test(test_json_of_a_command_without_output_is_an_empty_object),
		cmocka_unit_test(test_json_nested_wrongly_is_an_error),
		cmocka_unit_test(test_text_errors_follow_what_was_written),
		cmocka_unit_test(test_json_errors_replace_what_was_written),
		cmocka_unit_test(test_output_over_its_bound_is_an_error_and_never_cut),
		cmocka_unit_test(test_reset_makes_it_empty_and_good_again),
		cmocka_unit_test(test_data_may_be_asked_for_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

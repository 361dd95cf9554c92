/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Config scripts: lines, limits, hostile files.
 *
 * Threads: one.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "console/command.h"
#include "console/script.h"

/* Lines seen, as "number:text;". */
struct seen {
	char text[512];
	int stop_at;
};

static int
on_line(void *arg, const char *file, unsigned int line_no, const char *line)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	assert_non_null(file);
	snprintf(seen->text + len, sizeof(seen->text) - len, "%u:%.20s;", line_no, line);
	return (int)line_no == seen->stop_at ? 77 : 0;
}

static int
parse(struct seen *seen, const char *data, size_t len, struct bf_err *err)
{
	return bf_script_parse("a.conf", data, len, on_line, seen, err);
}

static void
test_lines_are_given_with_their_numbers_but_not_blank_ones(void **state)
{
	static const char data[] = "# head\n\nstart\r\n  \t# x\n stop # why\nlast";
	struct seen seen = {0};
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&seen, data, sizeof(data) - 1, &err), 0);
	assert_string_equal(seen.text, "3:start;5: stop # why;6:last;");
	assert_string_equal(err.text, "");
}

static void
test_an_empty_script_is_good(void **state)
{
	struct seen seen = {0};
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&seen, NULL, 0, &err), 0);
	assert_string_equal(seen.text, "");
}

static void
test_the_line_function_stops_the_script(void **state)
{
	struct seen seen = {.stop_at = 2};
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&seen, "a\nb\nc\n", 6, &err), 77);
	assert_string_equal(seen.text, "1:a;2:b;");
}

static void
test_a_nul_byte_anywhere_means_no_line_is_given(void **state)
{
	struct seen seen = {0};
	struct bf_err err;

	(void)state;
	assert_int_equal(parse(&seen, "a\nb\0c\n", 6, &err), -EINVAL);
	assert_string_equal(seen.text, "");
	assert_string_equal(err.text, "a.conf:2: NUL byte: expected text");
}

static void
test_a_line_of_the_limit_is_taken_and_a_longer_one_refused(void **state)
{
	struct seen seen = {0};
	char data[BF_CMD_LINE_MAX + 4];
	struct bf_err err;

	(void)state;
	memset(data, 'x', sizeof(data));
	data[BF_CMD_LINE_MAX] = '\n';
	assert_int_equal(parse(&seen, data, BF_CMD_LINE_MAX + 1, &err), 0);
	data[BF_CMD_LINE_MAX] = 'x';
	assert_int_equal(parse(&seen, data, BF_CMD_LINE_MAX + 1, &err), -EINVAL);
	assert_string_equal(err.text, "a.conf:1: line of 4097 bytes: expected at most 4096");
}

static void
test_a_script_over_its_limit_is_refused(void **state)
{
	char *data = malloc(BF_SCRIPT_SIZE_MAX + 1);
	struct seen seen = {0};
	struct bf_err err;

	(void)state;
	assert_non_null(data);
	memset(data, '\n', BF_SCRIPT_SIZE_MAX + 1);
	assert_int_equal(parse(&seen, data, BF_SCRIPT_SIZE_MAX, &err), 0);
	assert_int_equal(parse(&seen, data, BF_SCRIPT_SIZE_MAX + 1, &err), -EFBIG);
	assert_string_equal(err.text, "a.conf: more than 1048576 bytes: expected at most that");
	free(data);
}

/* Make a file of its own name, which goes to path; the caller removes it. */
static char *
make_file(char *path, const char *text, mode_t mode)
{
	int fd;

	(void)strcpy(path, "/tmp/bf-script-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
	return path;
}

static void
test_a_file_is_loaded(void **state)
{
	struct seen seen = {0};
	char path[64];
	struct bf_err err;

	(void)state;
	make_file(path, "one\ntwo\n", 0640);
	assert_int_equal(bf_script_load(path, on_line, &seen, &err), 0);
	assert_string_equal(seen.text, "1:one;2:two;");
	assert_int_equal(unlink(path), 0);
}

static void
test_missing_files_directories_and_fifos_are_refused_without_waiting(void **state)
{
	struct seen seen = {0};
	char dir[] = "/tmp/bf-script-XXXXXX", path[64];
	struct bf_err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(bf_script_load(path, on_line, &seen, &err), -ENOENT);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(bf_script_load(dir, on_line, &seen, &err), -EINVAL);
	assert_non_null(strstr(err.text, "expected a regular file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bf_script_load(path, on_line, &seen, &err), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_an_error_of_a_line_names_file_and_line_and_is_cut_to_its_room(void **state)
{
	struct bf_err err;
	char long_text[2000];

	(void)state;
	assert_int_equal(bf_script_err_set(&err, EINVAL, "f", 3, "%s", "abc"), -EINVAL);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(err.text, "f:3: abc");
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	bf_script_err_set(&err, EINVAL, "f", 3, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(bf_script_err_set(NULL, EPERM, "f", 3, "%s", "x"), -EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_given_with_their_numbers_but_not_blank_ones),
		cmocka_unit_test(test_an_empty_script_is_good),
		cmocka_unit_test(test_the_line_function_stops_the_script),
		cmocka_unit_test(test_a_nul_byte_anywhere_means_no_line_is_given),
		cmocka_unit_test(test_a_line_of_the_limit_is_taken_and_a_longer_one_refused),
		cmocka_unit_test(test_a_script_over_its_limit_is_refused),
		cmocka_unit_test(test_a_file_is_loaded),
		cmocka_unit_test(
			test_missing_files_directories_and_fifos_are_refused_without_waiting),
		cmocka_unit_test(
			test_an_error_of_a_line_names_file_and_line_and_is_cut_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

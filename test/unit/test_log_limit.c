/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The log: the token bucket of messages that outsiders can cause, levels, and lines that stay
 * lines.
 *
 * Threads: one.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static void
test_five_messages_per_window_pass(void **state)
{
	struct bf_log_limit l = {0};
	uint32_t lost = 99;

	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_true(bf_log_allow(&l, 50000, &lost));
		assert_int_equal(lost, 0);
	}
	assert_false(bf_log_allow(&l, 50000, &lost));
	assert_false(bf_log_allow(&l, 59999, &lost));
}

static void
test_a_limit_may_have_a_number_of_its_own(void **state)
{
	struct bf_log_limit l = {.most = 2};
	uint32_t lost;

	(void)state;
	assert_true(bf_log_allow(&l, 50000, &lost));
	assert_true(bf_log_allow(&l, 50000, &lost));
	assert_false(bf_log_allow(&l, 50000, &lost));
}

static void
test_the_first_message_after_silence_says_how_many_were_lost(void **state)
{
	struct bf_log_limit l = {0};
	uint32_t lost = 0;

	(void)state;
	for (int i = 0; i < 5 + 1000; i++)
		(void)bf_log_allow(&l, 50000, &lost);
	assert_true(bf_log_allow(&l, 60000, &lost));
	assert_int_equal(lost, 1000);
	assert_true(bf_log_allow(&l, 60001, &lost));
	assert_int_equal(lost, 0);
}

static void
test_a_fresh_limit_passes_at_any_time_of_day(void **state)
{
	static const uint64_t at[] = {0, 1, 9999, 10000, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct bf_log_limit l = {0};
		uint32_t lost;

		assert_true(bf_log_allow(&l, at[i], &lost));
	}
}

/* Run with standard error in a pipe; what was written. */
static size_t
written_by(void (*say)(void), char *buf, size_t size)
{
	int saved = dup(STDERR_FILENO), fd[2];
	ssize_t n;

	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], STDERR_FILENO);
	say();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fd[1]);
	n = read(fd[0], buf, size - 1);
	close(fd[0]);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void
say_evil(void)
{
	BF_NOTICE("guest", "%s", "a\nERR: fake\x1b[2J\x7f");
}

static void
say_long(void)
{
	char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	BF_ERR("guest", "%s", text);
}

/* Standard error as it is now is the journal. */
static void
say_to_journal(void)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	BF_WARN("guest", "w");
}

static void
say_debug(void)
{
	BF_DEBUG("guest", "hidden");
}

static void
test_a_message_is_one_line_whatever_it_holds(void **state)
{
	char buf[8192];

	(void)state;
	assert_true(written_by(say_evil, buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "NOTICE: guest: a?ERR: fake?[2J?\n");
}

static void
test_the_journal_gets_priorities_and_others_do_not(void **state)
{
	char buf[8192], stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	written_by(say_evil, buf, sizeof(buf)); /* another file than the journal says */
	assert_memory_equal(buf, "NOTICE: ", 8);
	written_by(say_to_journal, buf, sizeof(buf));
	unsetenv("JOURNAL_STREAM");
	assert_memory_equal(buf, "<4>WARNING: guest: w\n", 21);
}

static void
test_a_long_message_is_cut_and_still_ends_its_line(void **state)
{
	char buf[8192];
	size_t n = written_by(say_long, buf, sizeof(buf));

	(void)state;
	assert_in_range(n, 1000, 1024);
	assert_true(buf[n - 1] == '\n');
}

static void
test_levels_above_the_limit_are_silent(void **state)
{
	char buf[8192];

	(void)state;
	assert_int_equal(written_by(say_debug, buf, sizeof(buf)), 0);
	bf_log_set_level(BF_LOG_DEBUG);
	assert_true(written_by(say_debug, buf, sizeof(buf)) > 0);
	bf_log_set_level(BF_LOG_NOTICE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_five_messages_per_window_pass),
		cmocka_unit_test(test_a_limit_may_have_a_number_of_its_own),
		cmocka_unit_test(test_the_first_message_after_silence_says_how_many_were_lost),
		cmocka_unit_test(test_a_fresh_limit_passes_at_any_time_of_day),
		cmocka_unit_test(test_a_message_is_one_line_whatever_it_holds),
		cmocka_unit_test(test_the_journal_gets_priorities_and_others_do_not),
		cmocka_unit_test(test_a_long_message_is_cut_and_still_ends_its_line),
		cmocka_unit_test(test_levels_above_the_limit_are_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

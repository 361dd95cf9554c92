/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls: they arrive, and neither a full nor a wrong descriptor holds the caller or the others up.
 *
 * Threads: one; a call that waited would never end, and an alarm ends the test then.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/call.h"

#define LIMIT_S 20

static struct bf_calls calls;

static int
set_up(void **state)
{
	(void)state;
	alarm(LIMIT_S);
	bf_calls_open(&calls);
	return 0;
}

/* As where asynchronous I/O is forbidden. */
static int
set_up_without_aio(void **state)
{
	struct rlimit was, none;

	(void)state;
	alarm(LIMIT_S);
	if (getrlimit(RLIMIT_NOFILE, &was) != 0)
		return -1;
	none = was;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none); /* no descriptor is left for a context */
	bf_calls_open(&calls);
	return setrlimit(RLIMIT_NOFILE, &was);
}

static int
tear_down(void **state)
{
	(void)state;
	bf_calls_close(&calls);
	alarm(0);
	return 0;
}

static uint64_t
count_of(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	eventfd_t n = 0;

	return poll(&p, 1, 0) == 1 && eventfd_read(fd, &n) == 0 ? n : 0;
}

static void
test_this_kernel_calls_safely(void **state)
{
	(void)state;
	skip_emulated("QEMU's user mode has no io_setup()");
	assert_true(bf_calls_are_safe());
}

static void
test_nothing_is_called_before_it_is_sent(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	(void)state;
	bf_calls_send(&calls);
	bf_calls_add(&calls, fd);
	bf_calls_add(&calls, -1);
	assert_int_equal(count_of(fd), 0);
	bf_calls_send(&calls);
	assert_int_equal(count_of(fd), 1);
	bf_calls_send(&calls);
	assert_int_equal(count_of(fd), 0);
	assert_int_equal(calls.sent, 1);
	assert_int_equal(calls.refused, 0);
	close(fd);
}

/* A whole batch goes by itself.  Batch after batch: nobody reads what has been completed. */
static void
test_as_many_as_there_are_arrive(void **state)
{
	int fd[BF_CALLS];

	(void)state;
	for (unsigned int i = 0; i < BF_CALLS; i++)
		fd[i] = eventfd(0, EFD_NONBLOCK);
	for (unsigned int turn = 0; turn < 50; turn++) {
		for (unsigned int i = 0; i < BF_CALLS; i++)
			bf_calls_add(&calls, fd[i]);
		for (unsigned int i = 0; i < BF_CALLS; i++)
			assert_int_equal(count_of(fd[i]), 1);
		for (unsigned int i = 0; i < turn; i++)
			bf_calls_add(&calls, fd[i]);
		bf_calls_send(&calls);
		for (unsigned int i = 0; i < BF_CALLS; i++)
			assert_int_equal(count_of(fd[i]), i < turn);
	}
	for (unsigned int i = 0; i < BF_CALLS; i++)
		close(fd[i]);
}

/* The kernel is asked for no other one, and what was not sent is forgotten. */
static void
test_who_opens_again_has_the_context_of_the_one_before(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	aio_context_t before = calls.aio;

	(void)state;
	skip_emulated("QEMU's user mode has no io_setup()");
	for (int i = 0; i < 100; i++) {
		bf_calls_add(&calls, fd);
		bf_calls_close(&calls);
		bf_calls_close(&calls);
		bf_calls_open(&calls);
		assert_true(calls.aio == before && bf_calls_are_safe());
	}
	bf_calls_add(&calls, fd);
	bf_calls_send(&calls);
	assert_int_equal(count_of(fd), 1);
	close(fd);
}

/* Blocking and full: a write() to it waits for a reader. */
static void
test_one_that_is_full_holds_nobody_up(void **state)
{
	int full = eventfd(0, 0), other = eventfd(0, EFD_NONBLOCK);

	(void)state;
	skip_emulated("QEMU's user mode has no io_setup()");
	assert_int_equal(eventfd_write(full, UINT64_MAX - 1), 0);
	for (int i = 0; i < 3; i++) {
		bf_calls_add(&calls, full);
		bf_calls_add(&calls, other);
		bf_calls_add(&calls, full);
		bf_calls_send(&calls);
		assert_int_equal(count_of(other), 1);
	}
	close(full);
	close(other);
}

/* What no eventfd is: a full blocking pipe, a file, a closed one. */
static void
test_what_is_no_eventfd_is_skipped(void **state)
{
	int bad[4], good[5], ends[2];
	char byte = 0;

	(void)state;
	skip_emulated("QEMU's user mode has no io_setup()");
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	while (write(ends[1], &byte, 1) == 1)
		;
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	bad[0] = ends[1];
	bad[1] = open("/dev/null", O_WRONLY);
	bad[2] = dup(bad[1]);
	close(bad[2]);
	bad[3] = memfd_create("call", 0);
	for (int i = 0; i < 5; i++)
		good[i] = eventfd(0, EFD_NONBLOCK);
	for (int i = 0; i < 5; i++) {
		bf_calls_add(&calls, good[i]);
		if (i < 4)
			bf_calls_add(&calls, bad[i]);
	}
	bf_calls_send(&calls);
	for (int i = 0; i < 5; i++)
		assert_int_equal(count_of(good[i]), 1);
	assert_int_equal(calls.sent, 5);
	assert_int_equal(calls.refused, 4);
	for (int i = 0; i < 5; i++)
		close(good[i]);
	close(ends[0]);
	close(ends[1]);
	close(bad[1]);
	close(bad[3]);
}

static void
test_without_asynchronous_io_our_own_are_called(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	(void)state;
	assert_false(bf_calls_are_safe());
	for (int i = 0; i < 3; i++)
		bf_calls_add(&calls, fd);
	bf_calls_send(&calls);
	assert_int_equal(count_of(fd), 3);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	bf_calls_add(&calls, fd);
	bf_calls_send(&calls);
	assert_int_equal(calls.sent, 4);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(test_this_kernel_calls_safely),
		T(test_nothing_is_called_before_it_is_sent),
		T(test_as_many_as_there_are_arrive),
		T(test_who_opens_again_has_the_context_of_the_one_before),
		T(test_one_that_is_full_holds_nobody_up),
		T(test_what_is_no_eventfd_is_skipped),
		cmocka_unit_test_setup_teardown(test_without_asynchronous_io_our_own_are_called,
			set_up_without_aio, tear_down),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}

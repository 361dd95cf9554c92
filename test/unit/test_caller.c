/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls through a thread of their own.
 *
 * Threads: the test, which is the owner, and those of callers.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhost/caller.h"

#define ROUNDS 20
#define LATE_MS 20
#define SETTLE_MS 10000

static int late_end = -1; /* the owner loses its CPU until nobody can call this one any more */
static unsigned int n_lost; /* what was written to a descriptor that was closed */

/* In place of libc's. */
int
eventfd_write(int fd, eventfd_t n)
{
	struct pollfd gone = {.fd = late_end};
	int ret;

	poll(&gone, 1, late_end >= 0 ? LATE_MS : 0);
	ret = write(fd, &n, sizeof(n)) == sizeof(n) ? 0 : -1;
	n_lost += ret != 0;
	return ret;
}

struct line { /* a guest that is called through a pipe */
	struct bf_waste_bin *bin;
	struct bf_caller *caller;
	int end; /* the guest's */
};

static void
line_open(struct line *l)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	l->end = ends[0];
	l->caller = bf_caller_new(
		l->bin, &(struct bf_vhost_fd){.fd = ends[1], .kind = BF_VHOST_FD_PIPE});
	assert_non_null(l->caller);
}

/* Whether the guest was called, or the last who could call it is gone. */
static short
line_wait(const struct line *l)
{
	struct pollfd p = {.fd = l->end, .events = POLLIN};

	assert_int_equal(poll(&p, 1, SETTLE_MS), 1);
	return p.revents;
}

static void
test_what_is_said_is_passed_on(void **state)
{
	struct line l = {.bin = bf_waste_bin_new()};
	uint64_t n = 0;

	(void)state;
	line_open(&l);
	assert_int_equal(eventfd_write(bf_caller_fd(l.caller), 1), 0);
	assert_true(line_wait(&l) & POLLIN);
	assert_int_equal(read(l.end, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	bf_caller_free(l.caller);
	assert_true(line_wait(&l) & POLLHUP);
	bf_waste_settle(l.bin, SETTLE_MS);
	assert_int_equal(bf_waste_pending(l.bin), 0);
	close(l.end);
	bf_waste_bin_leave(l.bin);
}

/* A worker without asynchronous I/O writes to it. */
static void
test_to_say_never_waits(void **state)
{
	struct line l = {.bin = bf_waste_bin_new()};

	(void)state;
	line_open(&l);
	assert_true(fcntl(bf_caller_fd(l.caller), F_GETFL) & O_NONBLOCK);
	bf_caller_free(l.caller);
	assert_true(line_wait(&l) & POLLHUP);
	close(l.end);
	bf_waste_settle(l.bin, SETTLE_MS);
	bf_waste_bin_leave(l.bin);
}

/* The thread may have ended before the owner has woken it: nothing that is freed is touched. */
static void
test_a_caller_that_was_just_told_can_be_freed(void **state)
{
	struct line l = {.bin = bf_waste_bin_new()};
	int before = dup(0), after;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		line_open(&l);
		assert_int_equal(eventfd_write(bf_caller_fd(l.caller), 1), 0);
		late_end = l.end;
		bf_caller_free(l.caller);
		late_end = -1;
		close(l.end);
	}
	assert_int_equal(n_lost, 0);
	bf_waste_settle(l.bin, SETTLE_MS);
	assert_int_equal(bf_waste_pending(l.bin), 0);
	bf_waste_bin_leave(l.bin);
	close(before);
	after = dup(0); /* every descriptor is closed */
	assert_int_equal(after, before);
	close(after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_said_is_passed_on),
		cmocka_unit_test(test_to_say_never_waits),
		cmocka_unit_test(test_a_caller_that_was_just_told_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

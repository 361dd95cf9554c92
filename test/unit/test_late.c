/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Descriptors that workers may be about to signal are closed when they are done, and not before.
 *
 * Threads: one; the workers are numbers.
 */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhost/caller.h"
#include "vhost/late.h"

#define SETTLE_MS 10000

static uint64_t begun, over; /* grace periods */

static uint64_t
on_begin(void *arg)
{
	assert_ptr_equal(arg, &begun);
	return __atomic_add_fetch(
		&begun, 1, __ATOMIC_RELEASE); /* a caller's thread may be the one */
}

static bool
on_is_over(void *arg, uint64_t token)
{
	assert_ptr_equal(arg, &begun);
	return token <= over;
}

static int
set_up(void **state)
{
	(void)state;
	bf_late_open(&(struct bf_late_grace){on_begin, on_is_over, &begun});
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_late_close();
	return 0;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
give(struct bf_waste_bin *bin, bool lent)
{
	struct bf_vhost_fd f = {
		.fd = eventfd(0, EFD_CLOEXEC), .kind = BF_VHOST_FD_EVENT, .lent = lent};

	assert_true(f.fd >= 0);
	bf_waste_fd(bin, &f);
	return f.fd;
}

static void
test_a_descriptor_that_was_lent_is_closed_after_a_grace_period(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();
	int first = give(bin, true), second = give(bin, true);

	(void)state;
	bf_waste_collect();
	assert_true(is_open(first) && is_open(second));
	over = begun - 1;
	bf_waste_collect();
	assert_true(!is_open(first) && is_open(second));
	over = begun;
	bf_waste_collect();
	assert_false(is_open(second));
	bf_waste_bin_leave(bin);
}

static void
test_one_that_no_ring_ran_with_is_closed_at_once(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();

	(void)state;
	assert_false(is_open(give(bin, false)));
	bf_waste_bin_leave(bin);
}

static void
test_a_port_has_to_wait_for_workers_that_are_not_done(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();

	(void)state;
	for (int i = 0; i < BF_WASTE_QUEUED; i++) {
		assert_false(bf_waste_is_full(bin));
		give(bin, true);
	}
	assert_true(bf_waste_is_full(bin));
	over = begun;
	bf_waste_collect();
	assert_false(bf_waste_is_full(bin));
	bf_waste_bin_leave(bin);
}

/* What a worker writes to where there is no asynchronous I/O. */
static void
test_a_caller_can_be_told_until_workers_are_done(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();
	struct pollfd p = {0};
	struct bf_caller *c;
	int ends[2], say;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	c = bf_caller_new(bin, &(struct bf_vhost_fd){.fd = ends[1], .kind = BF_VHOST_FD_PIPE});
	assert_non_null(c);
	say = bf_caller_fd(c);
	bf_caller_free(c);
	p.fd = ends[0];
	assert_int_equal(poll(&p, 1, SETTLE_MS), 1); /* its thread has ended */
	bf_waste_settle(bin, SETTLE_MS);
	assert_int_equal(eventfd_write(say, 1), 0);
	while (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) == over) /* or is about to */
		poll(NULL, 0, 1);
	over = begun;
	bf_waste_collect();
	assert_false(is_open(say));
	close(ends[0]);
	bf_waste_bin_leave(bin);
}

static void
test_without_workers_everything_is_closed(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();
	int fd = give(bin, true);

	(void)state;
	assert_true(is_open(fd));
	bf_late_close();
	assert_false(is_open(fd));
	assert_false(is_open(give(bin, true)));
	bf_waste_bin_leave(bin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_descriptor_that_was_lent_is_closed_after_a_grace_period, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_one_that_no_ring_ran_with_is_closed_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_port_has_to_wait_for_workers_that_are_not_done, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_caller_can_be_told_until_workers_are_done, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_without_workers_everything_is_closed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

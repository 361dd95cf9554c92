/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a worker waits: whom it asks to be woken, by what it is, and when it asks no longer.
 *
 * Threads: one.
 */
#include "unit.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/idle.h"
#include "driver.h"
#include "rig.h"

#define LONG_IDLE 100000 /* empty loops behind it */

static struct rig *r;
static struct driver *d;
static struct bf_rxq rxq;
static int kick;

/* A worker with one guest's ring to poll, and members when there are any. */
static void
begin(unsigned int n_members, bool packed)
{
	r = rig_new(n_members, 1);
	d = packed ? driver_new_packed(64, true) : driver_new(64, true);
	kick = eventfd(0, EFD_NONBLOCK);
	r->dp[1].ring[1] = d->ring;
	r->dp[1].kick_fd[0] = kick;
	rxq = (struct bf_rxq){.slot = 1, .ring = 1, .guest = &r->dp[1]};
	r->view->workers[0] =
		(struct bf_worker_view){.polls = n_members > 0, .n_rxq = 1, .rxq = &rxq};
	r->view->idle[0] = BF_IDLE_SLEEP;
	r->w->idle = (struct bf_idle_wait){.set = -1};
	r->w->empty_loops = LONG_IDLE;
}

static int
set_up(void **state)
{
	(void)state;
	begin(0, false);
	return 0;
}

static int
set_up_packed(void **state)
{
	(void)state;
	begin(0, true);
	return 0;
}

static int
set_up_with_members(void **state)
{
	(void)state;
	begin(2, false);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_idle_reset(&r->w->idle);
	driver_free(d);
	close(kick);
	return rig_end(r);
}

static bool
is_asked(void)
{
	if (d->ring.packed)
		return d->ring.device->flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	return !(d->ring.used->flags & VRING_USED_F_NO_NOTIFY);
}

/* As a worker that polls leaves it. */
static void
ask_nobody(void)
{
	bf_ring_want_kicks(&d->ring, false);
	assert_false(is_asked());
}

/* @return whether something woke it. */
static bool
slept_and_was_woken(void)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;
	uint64_t sleeps = pmd->sleeps, woken = pmd->woken;

	bf_idle(r->w);
	assert_int_equal(pmd->sleeps, sleeps + 1);
	return pmd->woken > woken;
}

/* Between asking and sleeping is a turn that looks for what came before. */
static void
asks(void)
{
	uint64_t sleeps = r->w->counters->pmd.sleeps;

	bf_idle(r->w);
	assert_int_equal(r->w->counters->pmd.sleeps, sleeps);
	assert_true(is_asked());
}

static void
test_who_has_just_had_work_does_not_wait(void **state)
{
	(void)state;
	ask_nobody();
	r->w->empty_loops = 100;
	bf_idle(r->w);
	assert_false(is_asked());
	assert_int_equal(r->w->counters->pmd.sleeps, 0);
}

static void
test_a_sleeper_is_woken_once_by_each_kick(void **state)
{
	(void)state;
	ask_nobody();
	asks();
	assert_false(r->w->idle.needs_timer);
	assert_false(slept_and_was_woken());
	for (int i = 0; i < 3; i++) { /* nobody reads the descriptor */
		eventfd_write(kick, 1);
		assert_true(slept_and_was_woken());
		assert_false(slept_and_was_woken());
	}
	bf_idle_end(r->w);
	assert_false(is_asked());
	asks();
	eventfd_write(kick, 1);
	assert_true(slept_and_was_woken());
}

static void
test_a_ring_that_is_set_up_again_is_asked_and_watched_anew(void **state)
{
	int old = kick;

	(void)state;
	asks();
	kick = eventfd(0, EFD_NONBLOCK);
	ask_nobody();
	r->dp[1].kick_fd[0] = kick;
	r->dp[1].changes++;
	asks();
	eventfd_write(old, 1);
	assert_false(slept_and_was_woken());
	eventfd_write(kick, 1);
	assert_true(slept_and_was_woken());
	close(old);
}

/* Another worker may have asked for what is this one's now. */
static void
test_with_another_view_it_asks_anew_and_ends_what_others_asked(void **state)
{
	(void)state;
	asks();
	assert_false(slept_and_was_woken());
	bf_idle_reset(&r->w->idle);
	asks();
	assert_false(slept_and_was_woken());
	bf_idle_reset(&r->w->idle);
	assert_true(r->w->idle.asked);
	bf_idle_end(r->w);
	assert_false(is_asked());
}

static void
test_other_ways_to_be_idle_ask_nobody(void **state)
{
	(void)state;
	for (int how = BF_IDLE_POLL; how <= BF_IDLE_PAUSE; how++) {
		r->view->idle[0] = BF_IDLE_SLEEP;
		asks();
		r->view->idle[0] = (uint8_t)how;
		bf_idle(r->w);
		assert_false(is_asked());
		assert_int_equal(r->w->counters->pmd.sleeps, 0);
	}
}

static void
test_frames_of_control_are_sent_first(void **state)
{
	struct rte_ring *inject =
		rte_ring_create("inject", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	void *frame = &inject;

	(void)state;
	assert_non_null(inject);
	r->w->inject = inject;
	asks();
	rte_ring_sp_enqueue(inject, frame);
	bf_idle(r->w);
	assert_int_equal(r->w->counters->pmd.sleeps, 0);
	rte_ring_sc_dequeue(inject, &frame);
	assert_false(slept_and_was_woken());
	r->w->inject = NULL;
	rte_ring_free(inject);
}

static void
test_a_driver_that_never_kicks_needs_the_timer(void **state)
{
	(void)state;
	r->dp[1].kick_fd[0] = -1;
	asks();
	assert_true(r->w->idle.needs_timer);
	assert_false(slept_and_was_woken());
}

/* Ring ports have no interrupts.  The guest's kick wakes the worker all the same. */
static void
test_a_member_without_interrupts_needs_the_timer(void **state)
{
	(void)state;
	asks();
	assert_true(r->w->idle.needs_timer);
	eventfd_write(kick, 1);
	assert_true(slept_and_was_woken());
}

/* A timer is never early; what a machine adds is more than nothing and less than a second. */
static void
test_sleeps_that_a_timer_ends_are_counted_by_how_late_they_end(void **state)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;
	uint64_t timed = 0;

	(void)state;
	r->w->tsc_hz = rte_get_tsc_hz();
	asks();
	for (int i = 0; i < 10; i++)
		assert_false(slept_and_was_woken());
	eventfd_write(kick, 1);
	assert_true(slept_and_was_woken());
	for (int i = 0; i < BF_LATE_BINS; i++)
		timed += pmd->late[i];
	assert_int_equal(timed, 10);
	assert_true(pmd->late_tsc > 0 && pmd->late_tsc < 10 * rte_get_tsc_hz());
}

static void
test_a_stopped_switch_is_not_woken_by_guests(void **state)
{
	(void)state;
	ask_nobody();
	r->view->forwarding = false;
	bf_idle(r->w);
	assert_false(is_asked());
	eventfd_write(kick, 1);
	assert_false(slept_and_was_woken());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define PACKED(f) {#f ", packed", f, set_up_packed, tear_down, NULL}
		T(test_who_has_just_had_work_does_not_wait),
		T(test_a_sleeper_is_woken_once_by_each_kick),
		T(test_a_ring_that_is_set_up_again_is_asked_and_watched_anew),
		T(test_with_another_view_it_asks_anew_and_ends_what_others_asked),
		T(test_other_ways_to_be_idle_ask_nobody),
		T(test_frames_of_control_are_sent_first),
		T(test_a_driver_that_never_kicks_needs_the_timer),
		cmocka_unit_test_setup_teardown(test_a_member_without_interrupts_needs_the_timer,
			set_up_with_members, tear_down),
		T(test_sleeps_that_a_timer_ends_are_counted_by_how_late_they_end),
		T(test_a_stopped_switch_is_not_woken_by_guests),
		PACKED(test_who_has_just_had_work_does_not_wait),
		PACKED(test_a_sleeper_is_woken_once_by_each_kick),
		PACKED(test_a_ring_that_is_set_up_again_is_asked_and_watched_anew),
		PACKED(test_other_ways_to_be_idle_ask_nobody),
		PACKED(test_a_stopped_switch_is_not_woken_by_guests),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who writes what per frame must not share a cache line with what others read per frame: the
 * layout of the structures that workers, control and foreign threads have in common.
 *
 * Threads: one.
 */
#include "unit.h"

#include "control/workers/lcores.h"
#include "dataplane/fdb.h"
#include "dataplane/lcore.h"
#include "dataplane/view.h"

#define LINE(type, field) (offsetof(type, field) / RTE_CACHE_LINE_SIZE)
#define assert_apart(type, a, b) assert_int_not_equal(LINE(type, a), LINE(type, b))
#define assert_own_lines(type) assert_int_equal(sizeof(type) % RTE_CACHE_LINE_SIZE, 0)

/* Each worker writes its own block of counters; blocks and ports in it do not touch. */
static void
test_counters_of_two_workers_share_no_line(void **state)
{
	(void)state;
	assert_own_lines(struct bf_counters);
	assert_own_lines(struct bf_port_counters);
	assert_true(_Alignof(struct bf_counters) % RTE_CACHE_LINE_SIZE == 0);
}

/* What a worker writes per frame is apart from what control set before the launch. */
static void
test_a_workers_own_fields_are_apart_from_what_it_only_reads(void **state)
{
	(void)state;
	assert_apart(struct bf_worker, quit, view);
	assert_apart(struct bf_worker, inject, epoch_tag);
	assert_true(LINE(struct bf_worker, view) > LINE(struct bf_worker, fdb));
}

/* The door is loaded by every worker in every loop: nothing beside it may change often. */
static void
test_the_doors_neighbours_do_not_change_while_workers_run(void **state)
{
	(void)state;
	assert_apart(struct bf_lcores, view, n_retired);
}

/* Workers read the buckets' place per frame, the epoch per loop; control counts as it learns. */
static void
test_fdb_readers_and_its_writer_are_apart(void **state)
{
	(void)state;
	assert_apart(struct bf_fdb, buckets, epoch);
	assert_apart(struct bf_fdb, epoch, count);
	assert_apart(struct bf_fdb, buckets, count);
	assert_apart(struct bf_fdb, now_s, learned);
	assert_int_equal(sizeof(struct bf_fdb_bucket), RTE_CACHE_LINE_MIN_SIZE);
}

/* Carrier bits are read per burst and written by the interrupt thread. */
static void
test_carrier_bits_have_their_line(void **state)
{
	(void)state;
	assert_own_lines(struct bf_carrier);
	assert_int_equal(sizeof(struct bf_carrier), RTE_CACHE_LINE_SIZE);
}

/* Workers that share a guest's ring write its lock; all of them read whether it is up per burst. */
static void
test_a_guests_ring_locks_are_apart_from_whether_it_is_up(void **state)
{
	(void)state;
	assert_own_lines(struct bf_guest_dp);
	assert_apart(struct bf_guest_dp, up, ring);
	assert_apart(struct bf_guest_dp, pool, ring);
	assert_apart(struct bf_guest_dp, memory, ring);
	assert_own_lines(struct bf_ring);
	assert_int_equal(LINE(struct bf_ring, lock), LINE(struct bf_ring, memory));
}

/* A set of the decision cache and the FDB's bucket cost one line each. */
static void
test_lookups_touch_one_line(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct bf_cache_set), RTE_CACHE_LINE_MIN_SIZE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters_of_two_workers_share_no_line),
		cmocka_unit_test(test_a_workers_own_fields_are_apart_from_what_it_only_reads),
		cmocka_unit_test(test_the_doors_neighbours_do_not_change_while_workers_run),
		cmocka_unit_test(test_fdb_readers_and_its_writer_are_apart),
		cmocka_unit_test(test_carrier_bits_have_their_line),
		cmocka_unit_test(test_a_guests_ring_locks_are_apart_from_whether_it_is_up),
		cmocka_unit_test(test_lookups_touch_one_line),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}

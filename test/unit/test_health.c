/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What health is judged by: ratios of counters over ten seconds, and round trips of probes.
 *
 * Threads: one.
 */
#include "unit.h"

#include <math.h>

#include "control/bond/round_trips.h"
#include "control/observe/ratio.h"

#define MS 1000000ULL

static bool
is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void
test_a_ratio_is_that_of_the_last_ten_seconds(void **state)
{
	struct bf_ratio r = {0};

	(void)state;
	assert_true(is_near(bf_ratio_of(&r), 0));
	bf_ratio_note(&r, 5, 50);
	assert_true(is_near(bf_ratio_of(&r), 0)); /* one note says nothing */
	for (unsigned int s = 1; s <= 10; s++)
		bf_ratio_note(&r, 5 + s, 50 + 10 * s);
	assert_true(is_near(bf_ratio_of(&r), 0.1));
	for (unsigned int s = 1; s <= 10; s++)
		bf_ratio_note(&r, 15, 150 + 10 * s);
	assert_true(is_near(bf_ratio_of(&r), 0));
	assert_int_equal(bf_ratio_whole(&r), 100);
	for (unsigned int s = 1; s <= 1000; s++)
		bf_ratio_note(&r, 15 + 5 * s, 250 + 10 * s);
	assert_true(is_near(bf_ratio_of(&r), 0.5));
	assert_int_equal(bf_ratio_whole(&r), 100);
}

static void
test_counters_that_were_cleared_begin_again(void **state)
{
	struct bf_ratio r = {0};

	(void)state;
	bf_ratio_note(&r, 100, 1000);
	bf_ratio_note(&r, 200, 1100);
	bf_ratio_note(&r, 0, 3);
	assert_true(is_near(bf_ratio_of(&r), 0));
	bf_ratio_note(&r, 1, 13);
	assert_true(is_near(bf_ratio_of(&r), 0.1));
}

static void
test_errors_while_a_ring_is_full_are_no_fault(void **state)
{
	struct bf_sent_errors e = {0};

	(void)state;
	assert_int_equal(bf_sent_errors_note(&e, 3, 0), 3);
	assert_int_equal(bf_sent_errors_note(&e, 203, 100), 3); /* each frame was offered twice */
	assert_int_equal(bf_sent_errors_note(&e, 203, 100), 3);
	assert_int_equal(bf_sent_errors_note(&e, 205, 100), 5);
	assert_int_equal(
		bf_sent_errors_note(&e, 1, 100), 5); /* the device's counters were cleared */
	assert_int_equal(bf_sent_errors_note(&e, 2, 100), 6);
}

static void
test_a_round_trip_is_counted_in_its_bin(void **state)
{
	struct bf_round_trips t = {0};

	(void)state;
	bf_trip_ask(&t, 10 * MS);
	bf_trip_answer(&t, 10 * MS + 50000); /* 50 us: the bin's upper end */
	bf_trip_ask(&t, 20 * MS);
	bf_trip_answer(&t, 20 * MS + 51000);
	bf_trip_ask(&t, 30 * MS);
	bf_trip_answer(&t, 30 * MS + 5000 * MS);
	assert_int_equal(t.bins[0], 1);
	assert_int_equal(t.bins[1], 1);
	assert_int_equal(t.bins[BF_TRIP_BINS - 1], 1);
	assert_int_equal(t.sent, 3);
	assert_int_equal(t.answered, 3);
	assert_true(is_near(t.min_us, 50));
	assert_true(is_near(t.max_us, 5e6));
	assert_true(is_near(t.last_us, 5e6));
}

static void
test_an_answer_that_nobody_waits_for_has_no_time(void **state)
{
	struct bf_round_trips t = {0};

	(void)state;
	bf_trip_ask(&t, MS);
	bf_trip_answer(&t, 2 * MS);
	bf_trip_answer(&t, 9 * MS); /* two stations have the address */
	assert_int_equal(t.answered, 2);
	assert_true(is_near(t.max_us, 1000));
	assert_true(is_near(t.sum_us, 1000));
}

static void
test_jitter_is_smoothed_as_in_rfc_3550(void **state)
{
	struct bf_round_trips t = {0};
	double want = 0, before = 0;

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		double us = i % 2 == 0 ? 100 : 900;

		bf_trip_ask(&t, (i + 1) * 1000 * MS);
		bf_trip_answer(&t, (i + 1) * 1000 * MS + (uint64_t)us * 1000);
		if (i > 0)
			want += (fabs(us - before) - want) / 16;
		before = us;
	}
	assert_true(fabs(t.jitter_us - want) < 1e-6);
	assert_true(t.jitter_us > 790 && t.jitter_us < 801);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ratio_is_that_of_the_last_ten_seconds),
		cmocka_unit_test(test_counters_that_were_cleared_begin_again),
		cmocka_unit_test(test_errors_while_a_ring_is_full_are_no_fault),
		cmocka_unit_test(test_a_round_trip_is_counted_in_its_bin),
		cmocka_unit_test(test_an_answer_that_nobody_waits_for_has_no_time),
		cmocka_unit_test(test_jitter_is_smoothed_as_in_rfc_3550),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

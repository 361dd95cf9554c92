/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bucket of storms by a clock of the test's own: what passes is the rate, whatever the rate, the size of
 * frames and the number of workers that share it.
 *
 * Threads: one, and four in the last test.
 */
#include "unit.h"

#include <pthread.h>

#include <rte_common.h>

#include "dataplane/storm.h"

#define HZ 2600000000ULL
#define SECOND (HZ * BF_STORM_STEPS)
#define WORKERS 4

static uint64_t
offer(struct bf_storm_budget *b, uint64_t now, uint32_t unit, uint16_t n)
{
	uint32_t units[32];

	for (uint16_t i = 0; i < n; i++)
		units[i] = unit;
	return (uint64_t)bf_storm_take(b, now, units, n) * unit;
}

/* What passes from @p from on in @p seconds, of bursts that bring three times the rate. */
static uint64_t
passes(struct bf_storm_budget *b, uint64_t rate, uint32_t unit, uint64_t from, unsigned int seconds)
{
	/* Often enough, too, that no allowance is lost. */
	uint64_t step = RTE_MAX((uint64_t)((double)SECOND * unit * 8 / ((double)rate * 3)), 1u);
	uint64_t sum = 0;

	step = RTE_MIN(step, SECOND / 100);
	for (uint64_t now = from; now < from + seconds * SECOND; now += step)
		sum += offer(b, now, unit, 8);
	return sum;
}

static void
assert_near(uint64_t is, double should, double room)
{
	if ((double)is < should * (1 - room) || (double)is > should * (1 + room))
		fail_msg("%llu, expected %.0f", (unsigned long long)is, should);
}

static void
test_frames_pass_at_their_rate(void **state)
{
	static const uint64_t rates[] = {100, 333, 1000, 2000, 5000, 50000, 1000000, 3000000};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		struct bf_storm_budget b;

		bf_storm_budget_init(&b, HZ, rates[i], 0);
		passes(&b, rates[i], 1, SECOND, 1);
		assert_near(passes(&b, rates[i], 1, 2 * SECOND, 2), 2.0 * (double)rates[i], 0.01);
	}
}

static void
test_bytes_pass_at_their_rate(void **state)
{
	static const uint64_t rates[] = {12500, 125000, 1250000, 12500000, 1250000000};
	static const uint32_t sizes[] = {60, 590, 1514, 9014};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		for (size_t k = 0; k < RTE_DIM(sizes); k++) {
			struct bf_storm_budget b;

			bf_storm_budget_init(&b, HZ, 0, rates[i]);
			passes(&b, rates[i], sizes[k], SECOND, 1);
			assert_near(passes(&b, rates[i], sizes[k], 2 * SECOND, 20),
				20.0 * (double)rates[i], 0.05);
		}
	}
}

/* After silence a second brings the rate and the allowance: 5 %. */
static void
test_no_second_passes_more_than_five_percent_beyond(void **state)
{
	struct bf_storm_budget b;

	(void)state;
	bf_storm_budget_init(&b, HZ, 1000, 0);
	assert_in_range(passes(&b, 1000, 1, 7 * SECOND, 1), 1000, 1051);
	assert_in_range(passes(&b, 1000, 1, 70 * SECOND, 1), 1000, 1051);
}

/* A rate of less than a frame in the allowance is a rate all the same. */
static void
test_a_slow_rate_passes_single_frames(void **state)
{
	struct bf_storm_budget b;

	(void)state;
	bf_storm_budget_init(&b, HZ, 2, 0);
	assert_in_range(passes(&b, 2, 1, SECOND, 10), 20, 21);
	bf_storm_budget_init(&b, HZ, 0, 125); /* 1 kbit/s: a long frame takes 12 s */
	assert_int_equal(offer(&b, SECOND, 1500, 2), 1500);
	assert_int_equal(offer(&b, 12 * SECOND, 1500, 1), 0);
	assert_int_equal(offer(&b, 13 * SECOND, 1500, 1), 1500);
}

/* The program is held up now and then: what came meanwhile, at the rate, passes afterwards. */
static void
test_workers_that_are_held_up_lose_nothing_of_the_rate(void **state)
{
	struct bf_storm_budget b;
	uint64_t sum = 0;

	(void)state;
	bf_storm_budget_init(&b, HZ, 1000, 0);
	for (unsigned int i = 0; i < 100; i++)
		for (unsigned int k = 0; k < 2; k++)
			sum += offer(&b, SECOND + i * SECOND / 20, 1, 32);
	assert_near(sum, 5000, 0.02);
}

static void
test_what_was_offered_and_what_passed_is_counted(void **state)
{
	struct bf_storm_budget b;

	(void)state;
	bf_storm_budget_init(&b, HZ, 100, 0);
	assert_int_equal(offer(&b, SECOND, 1, 32), 6);
	assert_int_equal(offer(&b, SECOND, 1, 32), 0);
	assert_int_equal(b.offered, 64);
	assert_int_equal(b.passed, 6);
}

struct shared {
	struct bf_storm_budget b;
	uint64_t now;
	uint64_t passed[WORKERS];
};

struct worker {
	struct shared *s;
	unsigned int i;
};

/* Time goes on while all of them take. */
static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	uint64_t now;

	do {
		now = __atomic_fetch_add(&w->s->now, SECOND / 20000, __ATOMIC_RELAXED);
		w->s->passed[w->i] += offer(&w->s->b, now, 1, 8);
	} while (now < 4 * SECOND);
	return NULL;
}

static void
test_workers_share_one_budget(void **state)
{
	struct shared s = {.now = SECOND};
	struct worker w[WORKERS];
	pthread_t t[WORKERS];
	uint64_t sum = 0;

	(void)state;
	bf_storm_budget_init(&s.b, HZ, 10000, 0);
	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i] = (struct worker){&s, i};
		assert_int_equal(pthread_create(&t[i], NULL, worker_main, &w[i]), 0);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(t[i], NULL);
		sum += s.passed[i];
	}
	assert_near(sum, 30000, 0.05);
	assert_int_equal(s.b.passed, sum);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_pass_at_their_rate),
		cmocka_unit_test(test_bytes_pass_at_their_rate),
		cmocka_unit_test(test_no_second_passes_more_than_five_percent_beyond),
		cmocka_unit_test(test_a_slow_rate_passes_single_frames),
		cmocka_unit_test(test_workers_that_are_held_up_lose_nothing_of_the_rate),
		cmocka_unit_test(test_what_was_offered_and_what_passed_is_counted),
		cmocka_unit_test(test_workers_share_one_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Colours of meters: those of rte_meter for the same arrivals, whatever the rates; the rate that they hold
 * in the long run, with one worker and with four.
 *
 * Threads: one, and four in one test.
 */
#include "unit.h"

#include <pthread.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_meter.h>

#include "dataplane/meter.h"
#include "draw.h"
#include "rig.h"

#define HZ 2600000000ULL
#define WORKERS 4
#define FRAMES 1000000

/* Colours of the same frames by both. */
struct tally {
	uint64_t same, other;
	uint64_t of[2][3]; /* bytes by colour: of rte_meter, of ours */
};

static void
tally_add(struct tally *t, enum rte_color theirs, enum bf_colour ours, uint32_t len)
{
	static const enum bf_colour as[] = {[RTE_COLOR_GREEN] = BF_GREEN,
		[RTE_COLOR_YELLOW] = BF_YELLOW,
		[RTE_COLOR_RED] = BF_RED};

	t->same += as[theirs] == ours;
	t->other += as[theirs] != ours;
	t->of[0][as[theirs]] += len;
	t->of[1][ours] += len;
}

/* rte_meter fills its buckets in periods, so a frame may come a period early. */
static void
assert_alike(const struct tally *t)
{
	if (t->other > (t->same + t->other) / 50)
		fail_msg("%llu of %llu frames have another colour", (unsigned long long)t->other,
			(unsigned long long)(t->same + t->other));
	for (unsigned int c = 0; c < 3; c++) {
		double a = (double)t->of[0][c], b = (double)t->of[1][c];

		assert_true(a > 0);
		if (b < a * 0.99 || b > a * 1.01)
			fail_msg("colour %u: %.0f bytes, rte_meter %.0f", c, b, a);
	}
}

/* rte_meter's periods are 100 cycles at least: with a slow clock, as arm64 has, it is no measure of fast rates. */
static bool
is_coarse(uint64_t rate)
{
	return rte_get_tsc_hz() * 700 / rate < 7000;
}

/* What rte_meter makes of a rate: whole bytes in whole cycles. */
static uint64_t
rate_of(uint64_t bytes, uint64_t cycles)
{
	return (uint64_t)((double)rte_get_tsc_hz() * (double)bytes / (double)cycles);
}

/* Bursts and gaps: now beyond the rates, now below them. */
static uint64_t
gap(uint64_t *seed, uint64_t rate)
{
	uint64_t mean = HZ * 700 / rate;

	return draw(seed) % 64 == 0 ? draw(seed) % (mean * 60) : draw(seed) % RTE_MAX(mean, 1u);
}

static void
test_two_rates_have_the_colours_of_rte_meter(void **state)
{
	static const uint64_t rates[] = {125000, 12500000, 125000000};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates) && !is_coarse(rates[i]); i++) {
		struct bf_meter_rates r = {.by_bytes = true,
			.rate = rates[i],
			.burst = 20000,
			.peak = rates[i] * 3 / 2,
			.peak_burst = 30000};
		struct rte_meter_trtcm_params params = {
			.cir = r.rate, .pir = r.peak, .cbs = r.burst, .pbs = r.peak_burst};
		struct rte_meter_trtcm_profile profile;
		struct rte_meter_trtcm theirs;
		uint64_t seed = 7 + i, now;
		struct tally t = {0};
		struct bf_meter m;

		assert_int_equal(rte_meter_trtcm_profile_config(&profile, &params), 0);
		assert_int_equal(rte_meter_trtcm_config(&theirs, &profile), 0);
		r.rate = rate_of(profile.cir_bytes_per_period, profile.cir_period);
		r.peak = rate_of(profile.pir_bytes_per_period, profile.pir_period);
		bf_meter_init(&m, rte_get_tsc_hz(), &r);
		now = theirs.time_tc;
		for (unsigned int n = 0; n < FRAMES; n++) {
			uint32_t len = 60 + (uint32_t)(draw(&seed) % 1455);

			now += gap(&seed, r.rate) * rte_get_tsc_hz() / HZ;
			tally_add(&t,
				rte_meter_trtcm_color_blind_check(&theirs, &profile, now, len),
				bf_meter_judge(&m, now * BF_METER_STEPS, len), len);
		}
		assert_alike(&t);
	}
}

static void
test_two_bursts_have_the_colours_of_rte_meter(void **state)
{
	static const uint64_t rates[] = {125000, 12500000, 125000000};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rates) && !is_coarse(rates[i]); i++) {
		struct bf_meter_rates r = {
			.by_bytes = true, .rate = rates[i], .burst = 15000, .excess = 40000};
		struct rte_meter_srtcm_params params = {
			.cir = r.rate, .cbs = r.burst, .ebs = r.excess};
		struct rte_meter_srtcm_profile profile;
		struct rte_meter_srtcm theirs;
		uint64_t seed = 11 + i, now;
		struct tally t = {0};
		struct bf_meter m;

		assert_int_equal(rte_meter_srtcm_profile_config(&profile, &params), 0);
		assert_int_equal(rte_meter_srtcm_config(&theirs, &profile), 0);
		r.rate = rate_of(profile.cir_bytes_per_period, profile.cir_period);
		bf_meter_init(&m, rte_get_tsc_hz(), &r);
		now = theirs.time;
		for (unsigned int n = 0; n < FRAMES; n++) {
			uint32_t len = 60 + (uint32_t)(draw(&seed) % 1455);

			now += gap(&seed, r.rate) * rte_get_tsc_hz() / HZ;
			tally_add(&t,
				rte_meter_srtcm_color_blind_check(&theirs, &profile, now, len),
				bf_meter_judge(&m, now * BF_METER_STEPS, len), len);
		}
		assert_alike(&t);
	}
}

/* Units that are green of bursts that bring three times the rate for 4 s. */
static uint64_t
greens(struct bf_meter *m, uint64_t rate, uint32_t unit)
{
	uint64_t step = (uint64_t)((double)HZ * BF_METER_STEPS * unit / ((double)rate * 3)),
		 sum = 0;

	for (uint64_t now = HZ; now < HZ + 4 * HZ * BF_METER_STEPS; now += RTE_MAX(step, 1u))
		sum += bf_meter_judge(m, now, unit) == BF_GREEN ? unit : 0;
	return sum;
}

static void
test_what_is_green_is_the_rate_and_a_burst(void **state)
{
	static const uint32_t units[] = {64, 1518, 66000};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(units); i++) {
		struct bf_meter_rates r = {.by_bytes = true, .rate = 12500000, .burst = 200000};
		struct bf_meter m;
		uint64_t sum;

		bf_meter_init(&m, HZ, &r);
		sum = greens(&m, r.rate, units[i]);
		assert_in_range(sum, 4 * r.rate - units[i], 4 * r.rate + r.burst + units[i]);
	}
}

/* Such a frame passes when nothing is owed, so the rate is not reached but never exceeded. */
static void
test_a_frame_longer_than_the_burst_passes_when_nothing_is_owed(void **state)
{
	struct bf_meter_rates r = {.by_bytes = true, .rate = 12500000, .burst = 200000};
	struct bf_meter m;

	(void)state;
	bf_meter_init(&m, HZ, &r);
	assert_in_range(greens(&m, r.rate, 1000000), 2 * r.rate, 4 * r.rate + 1000000);
}

static void
test_a_rate_in_frames_counts_frames(void **state)
{
	struct bf_meter_rates r = {.by_bytes = false, .rate = 1000, .burst = 10};
	struct bf_meter m;

	(void)state;
	bf_meter_init(&m, HZ, &r);
	assert_in_range(greens(&m, r.rate, 1), 4000, 4011);
}

/* Within the burst none, in the part behind it a few. */
static void
test_some_frames_beyond_the_burst_are_dropped_early(void **state)
{
	struct bf_meter_rates r = {
		.by_bytes = true, .soft = true, .rate = 1000000, .burst = 100000};
	unsigned int early = 0, n = 0;
	struct bf_meter m;

	(void)state;
	bf_meter_init(&m, HZ, &r);
	for (; n < 100; n++) {
		assert_false(bf_meter_is_early(&m, HZ));
		assert_int_equal(bf_meter_judge(&m, HZ, 1000), BF_GREEN);
	}
	for (; n < 125; n++) {
		early += bf_meter_is_early(&m, HZ);
		assert_int_equal(bf_meter_judge(&m, HZ, 1000), BF_GREEN);
	}
	assert_in_range(early, 1, 25 / BF_METER_EARLY);
	assert_int_equal(bf_meter_judge(&m, HZ, 1000), BF_RED);
}

static void
test_what_waits_owes(void **state)
{
	struct bf_meter_rates r = {.by_bytes = true, .rate = 1000000, .burst = 10000};
	const uint64_t ms = HZ * BF_METER_STEPS / 1000;
	struct bf_meter m;

	(void)state;
	bf_meter_init(&m, HZ, &r);
	assert_true(bf_meter_has_credit(&m, ms));
	bf_meter_charge(&m, ms, 110000); /* 10 ms worth of a burst, 100 ms are owed */
	assert_false(bf_meter_has_credit(&m, 2 * ms));
	assert_false(bf_meter_has_credit(&m, 100 * ms));
	assert_true(bf_meter_has_credit(&m, 102 * ms));
}

struct sharing {
	struct bf_meter *m;
	uint64_t green;
};

static void *
share(void *arg)
{
	struct sharing *s = arg;
	uint64_t now = HZ;

	/* All at the same times: only one of them gets a token. */
	for (; now < HZ + HZ * BF_METER_STEPS; now += HZ * BF_METER_STEPS / 50000)
		s->green += bf_meter_judge(s->m, now, 100) == BF_GREEN ? 100 : 0;
	return NULL;
}

static void
test_workers_share_a_budget(void **state)
{
	struct bf_meter_rates r = {.by_bytes = true, .rate = 1000000, .burst = 50000};
	struct sharing s[WORKERS];
	pthread_t thread[WORKERS];
	struct bf_meter m;
	uint64_t sum = 0;

	(void)state;
	bf_meter_init(&m, HZ, &r);
	for (unsigned int i = 0; i < WORKERS; i++) {
		s[i] = (struct sharing){.m = &m};
		assert_int_equal(pthread_create(&thread[i], NULL, share, &s[i]), 0);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		sum += s[i].green;
	}
	/* A worker that runs ahead in its time fills the bucket for all: never more than the time itself. */
	assert_in_range(sum, r.rate * 9 / 10, r.rate + r.burst + 100);
}

static int
group_set_up(void **state)
{
	(void)state;
	return rig_eal() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_rates_have_the_colours_of_rte_meter),
		cmocka_unit_test(test_two_bursts_have_the_colours_of_rte_meter),
		cmocka_unit_test(test_what_is_green_is_the_rate_and_a_burst),
		cmocka_unit_test(test_a_frame_longer_than_the_burst_passes_when_nothing_is_owed),
		cmocka_unit_test(test_a_rate_in_frames_counts_frames),
		cmocka_unit_test(test_some_frames_beyond_the_burst_are_dropped_early),
		cmocka_unit_test(test_what_waits_owes),
		cmocka_unit_test(test_workers_share_a_budget),
	};
	int failed = cmocka_run_group_tests(tests, group_set_up, NULL);

	rig_eal_end();
	return failed;
}

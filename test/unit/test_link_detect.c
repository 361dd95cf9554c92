/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The PMD asks for links from another thread, but never while a member is stopped and started.
 *
 * Threads: one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "control/bond/link_detect.h"

void __wrap_rte_delay_us_sleep(unsigned int us);
int __wrap_rte_eth_bond_link_monitoring_set(uint16_t port, uint32_t ms);
uint64_t __wrap_bf_clock_ms(void);

/* The PMD: it asks, and sets its alarm by the period that is in force then. */
static struct {
	uint64_t now_ms, alarm_ms, slept_ms;
	uint32_t period_ms;
	unsigned int asked;
} pmd;

static void
pass(uint64_t ms)
{
	for (uint64_t end = pmd.now_ms + ms; pmd.now_ms < end; pmd.now_ms++) {
		if (pmd.now_ms != pmd.alarm_ms)
			continue;
		pmd.asked++;
		pmd.alarm_ms += pmd.period_ms;
	}
}

void
__wrap_rte_delay_us_sleep(unsigned int us)
{
	pmd.slept_ms += us / 1000;
	pass(us / 1000);
}

int
__wrap_rte_eth_bond_link_monitoring_set(uint16_t port, uint32_t ms)
{
	(void)port;
	pmd.period_ms = ms;
	return 0;
}

uint64_t
__wrap_bf_clock_ms(void)
{
	return pmd.now_ms;
}

static void
start_members(struct bf_bond *b, unsigned int n, uint64_t start_ms, uint64_t between_ms)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int before;

		bf_link_detect_pause(b);
		before = pmd.asked;
		pass(start_ms);
		assert_int_equal(pmd.asked, before);
		bf_link_detect_set_period(b);
		pass(between_ms);
	}
}

static void
test_nobody_asks_while_a_member_starts(void **state)
{
	static const uint64_t between_ms[] = {0, 1, 40, 333, 700, 2500, 2990, 3100, 20000};

	(void)state;
	for (uint64_t phase = 1; phase <= BF_LINK_LOOK_MS; phase += 7)
		for (uint64_t start_ms = 1; start_ms < 1000; start_ms += 83)
			for (unsigned int k = 0; k < RTE_DIM(between_ms); k++) {
				struct bf_bond b = {.open = true};

				pmd.now_ms = 100000;
				bf_link_detect_set_period(&b);
				pmd.alarm_ms = pmd.now_ms + phase;
				start_members(&b, 8, start_ms, between_ms[k]);
				pass(4000);
				pmd.asked = 0;
				pass(10 * BF_LINK_LOOK_MS);
				assert_int_equal(pmd.asked, 10); /* and afterwards as before */
			}
}

static void
test_nobody_asks_while_members_of_a_new_bond_start(void **state)
{
	(void)state;
	for (uint64_t start_ms = 1; start_ms < 1000; start_ms += 41) {
		struct bf_bond b = {.open = false, .asks = {.period_ms = 77, .until_ms = 1}};

		pmd.now_ms = 5000;
		bf_link_detect_begin(&b, true);
		pass(2000); /* the PMD starts all members, and then to ask */
		pmd.alarm_ms = pmd.now_ms + pmd.period_ms;
		start_members(&b, 16, start_ms, 0);
	}
}

static void
test_a_shorter_period_begins_when_the_longer_one_ends(void **state)
{
	struct bf_bond b = {.open = true};

	(void)state;
	pmd.now_ms = 100000;
	bf_link_detect_set_period(&b);
	pmd.alarm_ms = pmd.now_ms + BF_LINK_LOOK_MS;
	b.n_members = 1;
	b.members[0].detect = BF_LINK_POLL;
	b.cfg.mon_period_ms = 10;
	bf_link_detect_set_period(&b);
	pass(5);
	start_members(&b, 4, 500, 0);
}

static void
test_members_in_a_row_wait_now_and_then(void **state)
{
	struct bf_bond b = {.open = true};

	(void)state;
	pmd.now_ms = 100000;
	bf_link_detect_set_period(&b);
	pmd.alarm_ms = pmd.now_ms + 1;
	pmd.slept_ms = 0;
	start_members(&b, 8, 100, 0);
	assert_in_range(pmd.slept_ms, BF_LINK_LOOK_MS, BF_LINK_LOOK_MS + 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_asks_while_a_member_starts),
		cmocka_unit_test(test_nobody_asks_while_members_of_a_new_bond_start),
		cmocka_unit_test(test_a_shorter_period_begins_when_the_longer_one_ends),
		cmocka_unit_test(test_members_in_a_row_wait_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

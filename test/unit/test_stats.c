/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures for people: sums over workers, clearing, the ledger, rates.
 *
 * Threads: one.
 */
#include "unit.h"

#include "control/bridge.h"
#include "control/observe/stats.h"

static struct bf_bridge br;
static struct bf_worker worker[2];

static int
set_up(void **state)
{
	(void)state;
	memset(&br, 0, sizeof(br));
	br.base = bf_stats_base_new();
	br.lcores.n = 2;
	for (unsigned int i = 0; i < 2; i++) {
		worker[i].counters = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(struct bf_counters));
		memset(worker[i].counters, 0, sizeof(struct bf_counters));
		br.lcores.workers[i] = &worker[i];
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		free(worker[i].counters);
	free(br.base);
	return 0;
}

static void
test_a_port_is_the_sum_over_workers(void **state)
{
	struct bf_port_counters c;

	(void)state;
	worker[0].counters->ports[3].rx_frames = 10;
	worker[1].counters->ports[3].rx_frames = 32;
	worker[1].counters->ports[3].drops[BF_DROP_COUNT - 1] = 7;
	worker[1].counters->ports[4].rx_frames = 1000;
	bf_stats_port(&br, 3, &c);
	assert_int_equal(c.rx_frames, 42);
	assert_int_equal(c.drops[BF_DROP_COUNT - 1], 7);
}

static void
test_clearing_one_port_leaves_the_others_and_the_ledger(void **state)
{
	struct bf_port_counters c;
	struct bf_ledger l;

	(void)state;
	worker[0].counters->ports[3].rx_frames = 10;
	worker[0].counters->ports[4].rx_frames = 20;
	bf_stats_clear_port(&br, 3);
	bf_stats_port(&br, 3, &c);
	assert_int_equal(c.rx_frames, 0);
	bf_stats_port(&br, 4, &c);
	assert_int_equal(c.rx_frames, 20);
	worker[1].counters->ports[3].rx_frames = 5;
	bf_stats_port(&br, 3, &c);
	assert_int_equal(c.rx_frames, 5);
	bf_stats_ledger(&br, &l);
	assert_int_equal(l.rx, 35);
}

static void
test_the_ledger_knows_every_reason(void **state)
{
	struct bf_ledger l;
	uint64_t want = 0;

	(void)state;
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		worker[d & 1].counters->ports[d].drops[d] = d + 1;
		want += d + 1;
	}
	worker[0].counters->ports[0].copies = 3;
	worker[1].counters->ports[BF_MAX_PORTS - 1].tx_frames = 9;
	bf_stats_ledger(&br, &l);
	assert_int_equal(l.drops, want);
	assert_int_equal(l.copies, 3);
	assert_int_equal(l.tx, 9);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		assert_int_equal(l.by_reason[d], d + 1);
}

static void
test_a_members_figures_are_the_sum_over_workers(void **state)
{
	struct bf_member_counters c;

	(void)state;
	worker[0].counters->members[0][15] = (struct bf_member_counters){1, 60, 2};
	worker[1].counters->members[0][15] = (struct bf_member_counters){10, 600, 20};
	bf_stats_member(&br, 0, 15, &c);
	assert_int_equal(c.tx_frames, 11);
	assert_int_equal(c.tx_bytes, 660);
	assert_int_equal(c.tx_full, 22);
}

static void
test_a_rate_is_the_difference_over_time(void **state)
{
	struct bf_rate last = {0}, a = {.ns = 5000000000, .rx_frames = 100, .rx_bytes = 6000};
	struct bf_rate b = {.ns = 7000000000,
		.rx_frames = 300,
		.rx_bytes = 18000,
		.tx_frames = 50,
		.tx_bytes = 5000};
	struct bf_rates r;

	(void)state;
	bf_rate_step(&last, &a, &r);
	assert_true(r.rx_pps == 0 && r.rx_bps == 0); /* nothing to compare with yet */
	bf_rate_step(&last, &b, &r);
	assert_true(r.rx_pps == 100 && r.rx_bps == 48000);
	assert_true(r.tx_pps == 25 && r.tx_bps == 20000);
}

static void
test_two_readings_at_once_make_no_rate(void **state)
{
	struct bf_rate last = {.ns = 10, .rx_frames = 1};
	struct bf_rate now = {.ns = 10, .rx_frames = 100};
	struct bf_rates r;

	(void)state;
	bf_rate_step(&last, &now, &r);
	assert_true(r.rx_pps == 0);
}

static void
test_a_clear_in_between_makes_no_rate(void **state)
{
	struct bf_rate last = {.ns = 1000000000, .rx_frames = 100, .rx_bytes = 900000};
	struct bf_rate now = {.ns = 2000000000, .rx_frames = 5, .rx_bytes = 300};
	struct bf_rates r;

	(void)state;
	bf_rate_step(&last, &now, &r);
	assert_true(r.rx_pps == 0 && r.rx_bps == 0);
	assert_int_equal(last.rx_frames, 5);
}

/* Cleared, then more but smaller frames than before: only the bytes tell. */
static void
test_a_clear_that_only_the_bytes_show_makes_no_rate(void **state)
{
	struct bf_rate last = {.ns = 1000000000, .rx_frames = 100, .rx_bytes = 900000};
	struct bf_rate now = {.ns = 2000000000, .rx_frames = 200, .rx_bytes = 12000};
	struct bf_rates r;

	(void)state;
	bf_rate_step(&last, &now, &r);
	assert_true(r.rx_bps >= 0 && r.rx_bps < 1e12);
}

/* Whatever its place in the list, a reason counts where its column says; what was read is no error. */
static void
test_errors_are_the_drops_by_their_column(void **state)
{
	struct bf_port_counters c;
	uint64_t in, out;

	(void)state;
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++) {
		bool is_read = d == BF_DROP_LACP || d == BF_DROP_LLDP || d == BF_DROP_FOR_US;

		memset(&c, 0, sizeof(c));
		c.drops[d] = 5;
		bf_stats_errors(&c, &in, &out);
		assert_int_equal(in, !is_read && strcmp(bf_drop_info[d].at, "in") == 0 ? 5 : 0);
		assert_int_equal(out, strcmp(bf_drop_info[d].at, "out") == 0 ? 5 : 0);
	}
}

static void
test_own_frames_are_cleared_with_the_bond(void **state)
{
	(void)state;
	worker[0].bonds[0].own_frames = 3;
	worker[1].bonds[0].own_frames = 4;
	worker[1].bonds[0].own_bytes = 400;
	assert_int_equal(bf_stats_own(&br, 0).frames, 7);
	bf_stats_clear_port(&br, 5);
	assert_int_equal(bf_stats_own(&br, 0).bytes, 400);
	bf_stats_clear_port(&br, BF_BOND_SLOT);
	assert_int_equal(bf_stats_own(&br, 0).frames, 0);
	assert_int_equal(bf_stats_own(&br, 0).bytes, 0);
}

static void
note(struct bf_rate_notes **n, uint64_t s, uint64_t frames)
{
	struct bf_rate r = {.ns = s * 1000000000, .rx_frames = frames, .rx_bytes = frames * 100};

	assert_int_equal(bf_rates_note(n, &r), 0);
}

static void
test_windows_are_the_last_second_and_the_last_ten(void **state)
{
	struct bf_rate_notes *n = NULL;
	struct bf_rates r;

	(void)state;
	bf_rates_of(n, 1, &r);
	assert_true(r.rx_pps == 0);
	note(&n, 1, 0);
	bf_rates_of(n, 10, &r);
	assert_true(r.rx_pps == 0); /* one note is none */
	for (uint64_t s = 2; s <= 30; s++)
		note(&n, s, s <= 29 ? 0 : 50);
	bf_rates_of(n, 1, &r);
	assert_true(r.rx_pps == 50 && r.rx_bps == 50 * 100 * 8);
	bf_rates_of(n, 10, &r);
	assert_true(r.rx_pps == 5);
	note(&n, 31, 3); /* cleared in between */
	bf_rates_of(n, 1, &r);
	assert_true(r.rx_pps == 0);
	bf_rates_forget(&n);
	assert_null(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_port_is_the_sum_over_workers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_clearing_one_port_leaves_the_others_and_the_ledger, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_ledger_knows_every_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_members_figures_are_the_sum_over_workers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_own_frames_are_cleared_with_the_bond, set_up, tear_down),
		cmocka_unit_test(test_errors_are_the_drops_by_their_column),
		cmocka_unit_test(test_windows_are_the_last_second_and_the_last_ten),
		cmocka_unit_test(test_a_rate_is_the_difference_over_time),
		cmocka_unit_test(test_two_readings_at_once_make_no_rate),
		cmocka_unit_test(test_a_clear_in_between_makes_no_rate),
		cmocka_unit_test(test_a_clear_that_only_the_bytes_show_makes_no_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

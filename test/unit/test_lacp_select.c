/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Selection: which members belong together, which aggregator is active, and what the others say.
 *
 * Threads: one.
 */
#include "test_lacp_rig.h"

static struct rig rig;

#define A (&rig.nodes[0])
#define B (&rig.nodes[1])

static void
start(enum bf_lacp_select policy, unsigned int n)
{
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.select = policy;
	rig_start(A, n);
}

static void
up(unsigned int id, uint32_t speed_mbps)
{
	assert_int_equal(bf_lacp_link(A->l, id, true, speed_mbps, true, rig.now_ms), 0);
}

/* A scripted partner on one member: system, key, willingness to aggregate; system 0 is silence. */
struct script {
	uint8_t sys_last;
	uint16_t key;
	uint8_t state;
};

static void
run(const struct script *s, unsigned int n, uint64_t ms)
{
	for (uint64_t passed_ms = 0; passed_ms < ms; passed_ms += 500) {
		for (unsigned int i = 0; i < n; i++) {
			struct bf_lacp_pdu pdu = rig_reply(A, i, s[i].sys_last, s[i].state);

			pdu.actor.key = s[i].key;
			if (s[i].sys_last != 0)
				rig_inject(A, i, &pdu);
		}
		rig_run_ms(&rig, 500);
	}
}

/* The members that forward, as a bit mask; no member may half forward. */
static unsigned int
forwarding(unsigned int n)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(A->ports[i].collect, A->ports[i].distribute);
		mask |= rig_forwards(A, i) ? 1u << i : 0;
	}
	return mask;
}

/* Members 0 and 1 at 1 Gbit/s to system 9, member 2 at 10 Gbit/s to system 10. */
static const struct script split[] = {
	{9, 7, RIG_FORWARDS}, {9, 7, RIG_FORWARDS}, {10, 7, RIG_FORWARDS}};

static void
start_split(enum bf_lacp_select policy)
{
	start(policy, 3);
	up(0, 1000);
	up(1, 1000);
	up(2, 10000);
}

static void
test_bandwidth_prefers_the_faster_aggregator(void **state)
{
	(void)state;
	start_split(BF_LACP_SELECT_BANDWIDTH);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 4);
	assert_int_equal(rig_info(A, 0).selected, BF_LACP_STANDBY);
	assert_int_equal(rig_info(A, 2).selected, BF_LACP_SELECTED);
	rig_fini(&rig);
}

static void
test_count_prefers_the_larger_aggregator(void **state)
{
	(void)state;
	start_split(BF_LACP_SELECT_COUNT);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 3);
	/* It shrinks to one: now they tie in count and bandwidth decides. */
	assert_int_equal(bf_lacp_link(A->l, 0, false, 0, true, rig.now_ms), 0);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 4);
	rig_fini(&rig);
}

static void
test_stable_keeps_the_active_aggregator_while_a_better_one_appears(void **state)
{
	(void)state;
	start(BF_LACP_SELECT_STABLE, 3);
	up(0, 1000);
	up(1, 1000);
	run(split, 2, 5000);
	assert_int_equal(forwarding(3), 3);
	up(2, 10000);
	run(split, 3, 10000);
	assert_int_equal(forwarding(3), 3);
	/* One member left is enough to keep it. */
	assert_int_equal(bf_lacp_link(A->l, 0, false, 0, true, rig.now_ms), 0);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 2);
	/* None left: over to the other at once, it has waited long enough already. */
	assert_int_equal(bf_lacp_link(A->l, 1, false, 0, true, rig.now_ms), 0);
	assert_int_equal(forwarding(3), 4);
	/* And no way back by itself. */
	up(0, 1000);
	up(1, 1000);
	run(split, 3, 10000);
	assert_int_equal(forwarding(3), 4);
	rig_fini(&rig);
}

static void
test_stable_leaves_an_aggregator_whose_partner_went_silent(void **state)
{
	static const struct script dead[] = {{0, 0, 0}, {0, 0, 0}, {10, 7, RIG_FORWARDS}};

	(void)state;
	start(BF_LACP_SELECT_STABLE, 3);
	up(0, 1000);
	up(1, 1000);
	run(split, 2, 5000);
	up(2, 10000);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 3);
	run(dead, 3, 3500);
	assert_int_equal(forwarding(3), 4);
	rig_fini(&rig);
}

static void
test_priority_prefers_the_highest_sum_and_follows_changes_at_once(void **state)
{
	struct bf_lacp_member_config mc;

	(void)state;
	start_split(BF_LACP_SELECT_PRIORITY);
	run(split, 3, 5000);
	assert_int_equal(forwarding(3), 3); /* 255 + 255 against 255 */
	mc = rig_info(A, 2).config;
	mc.port_priority = 511;
	assert_int_equal(bf_lacp_member_configure(A->l, 2, &mc, rig.now_ms), 0);
	run(split, 3, 2000);
	assert_int_equal(forwarding(3), 4);
	rig_fini(&rig);
}

static void
test_policy_change_at_run_time_moves_only_when_the_choice_differs(void **state)
{
	unsigned int sets;

	(void)state;
	start_split(BF_LACP_SELECT_BANDWIDTH);
	run(split, 3, 5000);
	sets = A->ports[2].n_sets;
	A->cfg.select = BF_LACP_SELECT_STABLE;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	run(split, 3, 5000);
	assert_int_equal(A->ports[2].n_sets, sets);
	A->cfg.select = BF_LACP_SELECT_COUNT;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	run(split, 3, 2000);
	assert_int_equal(forwarding(3), 3);
	rig_fini(&rig);
}

static void
test_partner_key_that_differs_keeps_a_member_out_with_the_reason(void **state)
{
	static const struct script s[] = {
		{9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}, {9, 7, RIG_FORWARDS}};

	(void)state;
	start(BF_LACP_SELECT_STABLE, 3);
	for (unsigned int i = 0; i < 3; i++)
		up(i, 10000);
	run(s, 3, 5000);
	assert_int_equal(forwarding(3), 3);
	assert_string_equal(rig_info(A, 2).reason,
		"partner key 7 differs from the active aggregator's partner key 5");
	assert_non_null(strstr(A->ports[2].last_event[BF_LACP_EV_OUT], "partner key 7 differs"));
	rig_fini(&rig);
}

static void
test_speed_that_differs_keeps_a_member_out_even_with_one_admin_key(void **state)
{
	static const struct script s[] = {
		{9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}};

	(void)state;
	for (uint16_t key = 0; key < 20; key += 19) {
		rig_init(&rig);
		rig_node(&rig, 0)->cfg.key = key;
		rig_start(A, 3);
		up(0, 10000);
		up(1, 10000);
		up(2, 1000);
		run(s, 3, 5000);
		assert_int_equal(forwarding(3), 3);
		assert_string_equal(rig_info(A, 2).reason,
			"speed 1000 Mbit/s differs from the active aggregator's 10000 Mbit/s");
		assert_int_equal(rig_info(A, 2).actor.key == rig_info(A, 0).actor.key, key != 0);
		rig_fini(&rig);
	}
}

static void
test_derived_keys_differ_between_speeds_and_duplex(void **state)
{
	static const uint32_t speed[] = {0, 10, 100, 1000, 2500, 5000, 10000, 20000, 25000, 40000,
		50000, 100000, 200000, 400000, 800000, 123};
	enum {
		N = sizeof(speed) / sizeof(speed[0])
	};
	uint16_t key[2 * N];

	(void)state;
	start(BF_LACP_SELECT_STABLE, 1);
	for (unsigned int i = 0; i < 2 * N; i++) {
		assert_int_equal(
			bf_lacp_link(A->l, 0, true, speed[i / 2], i % 2 == 0, rig.now_ms), 0);
		key[i] = rig_info(A, 0).actor.key;
		assert_int_not_equal(key[i], 0);
		for (unsigned int k = 0; k < i; k++)
			assert_int_not_equal(key[i], key[k]);
	}
	rig_fini(&rig);
}

static void
test_key_survives_a_link_that_goes_down(void **state)
{
	uint16_t key;

	(void)state;
	start(BF_LACP_SELECT_STABLE, 1);
	up(0, 25000);
	key = rig_info(A, 0).actor.key;
	assert_int_equal(bf_lacp_link(A->l, 0, false, 0, false, rig.now_ms), 0);
	assert_int_equal(rig_info(A, 0).actor.key, key);
	rig_fini(&rig);
}

static void
test_speed_change_of_a_live_link_moves_it_to_another_aggregator(void **state)
{
	static const struct script s[] = {{9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}};

	(void)state;
	start(BF_LACP_SELECT_STABLE, 2);
	up(0, 10000);
	up(1, 10000);
	run(s, 2, 5000);
	assert_int_equal(forwarding(2), 3);
	up(1, 1000);
	assert_true(rig_is_out(A, 1));
	run(s, 2, 5000);
	assert_int_equal(forwarding(2), 1);
	assert_int_equal(rig_info(A, 1).why, BF_LACP_WHY_SPEED);
	rig_fini(&rig);
}

static void
test_individual_partner_aggregates_alone(void **state)
{
	static const struct script s[] = {{9, 5, RIG_FORWARDS & ~BF_LACP_AGGREGATION},
		{9, 5, RIG_FORWARDS & ~BF_LACP_AGGREGATION}};

	(void)state;
	start(BF_LACP_SELECT_STABLE, 2);
	up(0, 10000);
	up(1, 10000);
	run(s, 2, 5000);
	assert_int_equal(forwarding(2), 1);
	assert_int_equal(rig_info(A, 1).why, BF_LACP_WHY_INDIVIDUAL);
	assert_int_not_equal(rig_info(A, 0).aggregator_id, rig_info(A, 1).aggregator_id);
	rig_fini(&rig);
}

static void
test_aggregatable_members_are_preferred_to_an_individual_one(void **state)
{
	static const struct script s[] = {
		{9, 5, RIG_FORWARDS & ~BF_LACP_AGGREGATION}, {9, 5, RIG_FORWARDS}};

	(void)state;
	start(BF_LACP_SELECT_BANDWIDTH, 2);
	up(0, 100000);
	up(1, 1000);
	run(s, 2, 5000);
	assert_int_equal(forwarding(2), 2);
	rig_fini(&rig);
}

static void
test_silent_members_never_win_against_live_ones(void **state)
{
	static const struct script s[] = {{0, 0, 0}, {0, 0, 0}, {9, 5, RIG_FORWARDS}};

	(void)state;
	start(BF_LACP_SELECT_COUNT, 3);
	up(0, 100000);
	up(1, 100000);
	up(2, 10);
	run(s, 3, 5000);
	assert_int_equal(forwarding(3), 4);
	assert_string_equal(rig_info(A, 0).reason, "no partner");
	rig_fini(&rig);
}

static void
test_partner_that_changes_its_system_on_all_members_costs_one_interruption(void **state)
{
	static const struct script before[] = {{9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}};
	static const struct script after[] = {{10, 5, RIG_FORWARDS}, {10, 5, RIG_FORWARDS}};
	unsigned int sets[2];

	(void)state;
	start(BF_LACP_SELECT_STABLE, 2);
	up(0, 10000);
	up(1, 10000);
	run(before, 2, 5000);
	for (unsigned int i = 0; i < 2; i++)
		sets[i] = A->ports[i].n_sets;
	run(after, 2, 5000);
	assert_int_equal(forwarding(2), 3);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(A->ports[i].n_sets, sets[i] + 2);
	rig_fini(&rig);
}

static void
test_own_key_that_changes_regroups_all_members_with_one_interruption(void **state)
{
	static const struct script s[] = {{9, 5, RIG_FORWARDS}, {9, 5, RIG_FORWARDS}};
	unsigned int sets;

	(void)state;
	start(BF_LACP_SELECT_STABLE, 2);
	up(0, 10000);
	up(1, 10000);
	run(s, 2, 5000);
	sets = A->ports[0].n_sets;
	A->cfg.key = 77;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	assert_int_equal(forwarding(2), 0);
	run(s, 2, 5000);
	assert_int_equal(forwarding(2), 3);
	assert_int_equal(A->ports[0].n_sets, sets + 2);
	assert_int_equal(rig_bond(A).active_key, 77);
	/* The same for the speed of the only member there is. */
	assert_int_equal(bf_lacp_member_remove(A->l, 1, rig.now_ms), 0);
	up(0, 1000);
	assert_int_equal(forwarding(1), 0);
	run(s, 1, 5000);
	assert_int_equal(forwarding(1), 1);
	rig_fini(&rig);
}

static void
test_two_engines_that_prefer_different_aggregators_agree_in_the_end(void **state)
{
	(void)state;
	/* Two slow links and a fast one between the same two systems; A counts, B weighs. */
	for (int low = 0; low < 2; low++) {
		rig_init(&rig);
		rig_node(&rig, 0)->cfg.select = BF_LACP_SELECT_COUNT;
		rig_node(&rig, 1)->cfg.select = BF_LACP_SELECT_BANDWIDTH;
		A->cfg.system_priority = low == 0 ? 1 : 2;
		B->cfg.system_priority = low == 0 ? 2 : 1;
		rig_start(A, 3);
		rig_start(B, 3);
		for (unsigned int i = 0; i < 3; i++) {
			uint32_t speed = i < 2 ? 1000 : 10000;

			rig_wire(A, i, B, i);
			up(i, speed);
			assert_int_equal(bf_lacp_link(B->l, i, true, speed, true, rig.now_ms), 0);
		}
		rig_run_ms(&rig, 15000);
		/* The system with the lower identifier has its way. */
		assert_int_equal(forwarding(3), low == 0 ? 3 : 4);
		assert_true(rig_forwards(B, low == 0 ? 0 : 2));
		rig_run_ms(&rig, 60000);
		assert_int_equal(forwarding(3), low == 0 ? 3 : 4);
		rig_fini(&rig);
	}
}

static void
test_aggregator_change_is_reported_with_its_partner(void **state)
{
	unsigned int before;

	(void)state;
	start_split(BF_LACP_SELECT_STABLE);
	run(split, 3, 5000);
	before = A->n_bond_events[BF_LACP_EV_AGGREGATOR];
	A->cfg.select = BF_LACP_SELECT_COUNT;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	assert_int_equal(A->n_bond_events[BF_LACP_EV_AGGREGATOR], before + 1);
	assert_int_equal(rig_bond(A).partner_system_id[5], 9);
	assert_int_equal(rig_bond(A).partner_key, 7);
	assert_int_equal(rig_bond(A).last_aggregator_change_ms, rig.now_ms);
	rig_fini(&rig);
}

static void
test_fallback_takes_the_lowest_priority_then_the_lowest_port(void **state)
{
	struct bf_lacp_member_config mc;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 3);
	for (unsigned int i = 0; i < 3; i++)
		up(i, 10000);
	rig_run_ms(&rig, 2900);
	assert_int_equal(forwarding(3), 0);
	rig_run_ms(&rig, 200);
	assert_int_equal(forwarding(3), 1);
	mc = rig_info(A, 2).config;
	mc.port_priority = 1;
	assert_int_equal(bf_lacp_member_configure(A->l, 2, &mc, rig.now_ms), 0);
	assert_int_equal(forwarding(3), 4);
	/* Its link fails: the next one takes over in the same call. */
	assert_int_equal(bf_lacp_link(A->l, 2, false, 0, true, rig.now_ms), 0);
	assert_int_equal(forwarding(3), 1);
	/* A flap elsewhere does not touch it. */
	assert_int_equal(bf_lacp_link(A->l, 1, false, 0, true, rig.now_ms), 0);
	up(1, 10000);
	rig_run_ms(&rig, 100);
	assert_int_equal(forwarding(3), 1);
	rig_fini(&rig);
}

static void
test_a_fallback_member_that_works_is_kept(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 2);
	up(0, 10000);
	up(1, 10000);
	rig_run_ms(&rig, 4000);
	assert_int_equal(forwarding(2), 1);
	assert_int_equal(bf_lacp_link(A->l, 0, false, 0, true, rig.now_ms), 0);
	assert_int_equal(forwarding(2), 2);
	up(0, 10000); /* the cable is back: no reason to move again */
	rig_run_ms(&rig, 10000);
	assert_int_equal(forwarding(2), 2);
	rig_fini(&rig);
}

static void
test_fallback_begins_only_when_the_last_partner_is_forgotten(void **state)
{
	static const struct script s[] = {{9, 5, RIG_FORWARDS}, {0, 0, 0}};

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 2);
	up(0, 10000);
	up(1, 10000);
	run(s, 2, 6000);
	assert_int_equal(forwarding(2), 1);
	rig_run_ms(&rig, 3000);
	assert_int_equal(forwarding(2), 0); /* expired: it may come back */
	rig_run_ms(&rig, 3000);
	assert_int_equal(forwarding(2), 1); /* forgotten: fallback, on the lowest port */
	assert_true(rig_bond(A).fallback);
	assert_int_equal(A->n_bond_events[BF_LACP_EV_FALLBACK], 1);
	rig_fini(&rig);
}

static void
test_fallback_is_one_link_whatever_min_links_says(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	A->cfg.min_links = 2;
	rig_start(A, 2);
	up(0, 10000);
	up(1, 10000);
	rig_run_ms(&rig, 4000);
	assert_int_equal(forwarding(2), 1);
	assert_true(rig_bond(A).carrier);
	rig_fini(&rig);
}

static void
test_fallback_turned_off_at_run_time_stops_at_once(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 1);
	up(0, 10000);
	rig_run_ms(&rig, 4000);
	assert_int_equal(forwarding(1), 1);
	A->cfg.fallback = false;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	assert_int_equal(forwarding(1), 0);
	rig_fini(&rig);
}

static void
test_min_links_counts_members_of_the_active_aggregator_only(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.min_links = 2;
	rig_start(A, 3);
	up(0, 1000);
	up(1, 1000);
	up(2, 10000);
	run(split, 3, 5000);
	assert_int_equal(rig_bond(A).n_operational, 0);
	assert_int_equal(rig_bond(A).n_distributing, 0);
	assert_false(rig_bond(A).carrier);
	rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bandwidth_prefers_the_faster_aggregator),
		cmocka_unit_test(test_count_prefers_the_larger_aggregator),
		cmocka_unit_test(
			test_stable_keeps_the_active_aggregator_while_a_better_one_appears),
		cmocka_unit_test(test_stable_leaves_an_aggregator_whose_partner_went_silent),
		cmocka_unit_test(test_priority_prefers_the_highest_sum_and_follows_changes_at_once),
		cmocka_unit_test(test_policy_change_at_run_time_moves_only_when_the_choice_differs),
		cmocka_unit_test(test_partner_key_that_differs_keeps_a_member_out_with_the_reason),
		cmocka_unit_test(
			test_speed_that_differs_keeps_a_member_out_even_with_one_admin_key),
		cmocka_unit_test(test_derived_keys_differ_between_speeds_and_duplex),
		cmocka_unit_test(test_key_survives_a_link_that_goes_down),
		cmocka_unit_test(test_speed_change_of_a_live_link_moves_it_to_another_aggregator),
		cmocka_unit_test(test_individual_partner_aggregates_alone),
		cmocka_unit_test(test_aggregatable_members_are_preferred_to_an_individual_one),
		cmocka_unit_test(test_silent_members_never_win_against_live_ones),
		cmocka_unit_test(
			test_partner_that_changes_its_system_on_all_members_costs_one_interruption),
		cmocka_unit_test(
			test_own_key_that_changes_regroups_all_members_with_one_interruption),
		cmocka_unit_test(
			test_two_engines_that_prefer_different_aggregators_agree_in_the_end),
		cmocka_unit_test(test_aggregator_change_is_reported_with_its_partner),
		cmocka_unit_test(test_fallback_takes_the_lowest_priority_then_the_lowest_port),
		cmocka_unit_test(test_a_fallback_member_that_works_is_kept),
		cmocka_unit_test(test_fallback_begins_only_when_the_last_partner_is_forgotten),
		cmocka_unit_test(test_fallback_is_one_link_whatever_min_links_says),
		cmocka_unit_test(test_fallback_turned_off_at_run_time_stops_at_once),
		cmocka_unit_test(test_min_links_counts_members_of_the_active_aggregator_only),
	};

	return cmocka_run_group_tests_name("lacp_select", tests, NULL, NULL);
}

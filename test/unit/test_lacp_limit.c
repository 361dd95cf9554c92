/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * max_links and spares: both sides let in the same members, and a member that leaves or comes back
 * costs nothing that another could carry.
 *
 * Threads: one.
 */
#include "test_lacp_rig.h"

static struct rig rig;

#define A (&rig.nodes[0])
#define B (&rig.nodes[1])

/* Two systems; the first has the better identifier unless `second` is to choose. */
static void
nodes(bool second)
{
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.system_priority = second ? 200 : 100;
	rig_node(&rig, 1)->cfg.system_priority = second ? 100 : 200;
}

static void
set_member(struct rig_node *n, unsigned int id, uint16_t priority, enum bf_lacp_rank rank)
{
	struct bf_lacp_member_config mc = rig_info(n, id).config;

	mc.port_priority = priority;
	mc.rank = (uint8_t)rank;
	assert_int_equal(bf_lacp_member_configure(n->l, id, &mc, rig.now_ms), 0);
}

static void
set_limit(struct rig_node *n, uint16_t max_links)
{
	n->cfg.max_links = max_links;
	assert_int_equal(bf_lacp_reconfigure(n->l, &n->cfg, rig.now_ms), 0);
}

/* Members that forward, as a bit mask; at rest no member may half forward. */
static unsigned int
forwarding(const struct rig_node *n, unsigned int n_members)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < n_members; i++) {
		assert_int_equal(n->ports[i].collect, n->ports[i].distribute);
		mask |= rig_forwards(n, i) ? 1u << i : 0;
	}
	return mask;
}

static void
assert_both(unsigned int n_members, unsigned int mask)
{
	assert_int_equal(forwarding(A, n_members), mask);
	assert_int_equal(forwarding(B, n_members), mask);
}

static void
assert_stands_by(const struct rig_node *n, unsigned int id, const char *reason)
{
	struct bf_lacp_member_info info = rig_info(n, id);

	assert_int_equal(info.selected, BF_LACP_STANDBY);
	assert_int_equal(info.mux, BF_LACP_MUX_WAITING);
	assert_int_equal(
		info.actor.state & (BF_LACP_SYNC | BF_LACP_COLLECTING | BF_LACP_DISTRIBUTING), 0);
	assert_int_equal(info.why, BF_LACP_WHY_STANDBY);
	assert_string_equal(info.reason, reason);
}

static void
test_at_most_max_links_members_serve_and_the_others_say_that_they_stand_by(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 2;
	rig_pair(&rig, A, B, 4);
	rig_run_ms(&rig, 10000);
	assert_both(4, 3);
	assert_stands_by(A, 2, "standby (max_links): 2 of 2 members in service");
	assert_stands_by(A, 3, "standby (max_links): 2 of 2 members in service");
	assert_int_equal(rig_info(B, 2).why, BF_LACP_WHY_PARTNER_SYNC);
	assert_int_equal(A->ports[2].seen_states & BF_LACP_SYNC, 0);
	assert_string_equal(bf_lacp_why_name(BF_LACP_WHY_STANDBY), "standby");
	rig_fini(&rig);
}

/* The ports of the system that chooses count, whichever side has the limit (6.7.1). */
static void
one_side_chooses(bool second, bool limit_first, bool limit_second, unsigned int expected)
{
	nodes(second);
	A->cfg.max_links = limit_first ? 2 : 0;
	B->cfg.max_links = limit_second ? 2 : 0;
	rig_start(A, 4);
	rig_start(B, 4);
	for (unsigned int i = 0; i < 4; i++) {
		set_member(A, i, (uint16_t)(10 + i), BF_LACP_RANK_REGULAR);
		set_member(B, i, (uint16_t)(20 - i), BF_LACP_RANK_REGULAR);
		rig_wire(A, i, B, i);
		rig_carrier(A, i, true);
	}
	rig_run_ms(&rig, 15000);
	assert_both(4, expected);
	rig_fini(&rig);
}

static void
test_the_port_priorities_of_the_better_system_order_the_members_on_both_sides(void **state)
{
	(void)state;
	one_side_chooses(false, true, false, 3);
	one_side_chooses(false, false, true, 3);
	one_side_chooses(false, true, true, 3);
	one_side_chooses(true, true, false, 12);
	one_side_chooses(true, false, true, 12);
	one_side_chooses(true, true, true, 12);
}

static void
test_a_lost_member_is_replaced_within_a_round_trip(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 2;
	rig_pair(&rig, A, B, 3);
	rig_run_ms(&rig, 10000);
	assert_both(3, 3);
	rig_carrier(A, 0, false);
	rig_run_ms(&rig, 10);
	assert_both(3, 6);
	rig_fini(&rig);
}

static void
test_a_silent_member_is_replaced_when_its_time_is_over(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 10000);
	assert_both(2, 1);
	rig_cut(A, 0, true);
	rig_run_ms(&rig, 4500);
	assert_both(2, 2);
	rig_fini(&rig);
}

/* Does a frame get from one side to the other?  Who has just stopped collecting still takes frames. */
static bool
gets_through(const struct rig_node *from, const struct rig_node *to, unsigned int n_members)
{
	for (unsigned int i = 0; i < n_members; i++) {
		bool takes = to->ports[i].collect ||
			(to->ports[i].out_ms != 0 && rig.now_ms - to->ports[i].out_ms < 1000 &&
				rig_info(to, i).link_up);

		if (from->ports[i].distribute && takes)
			return true;
	}
	return false;
}

/* Run until member `to` forwards on both sides; frames get through at each step. */
static void
hand_over(unsigned int n_members, unsigned int to, uint64_t limit_ms)
{
	uint64_t end_ms = rig.now_ms + limit_ms;

	while (!rig_forwards(A, to) || !rig_forwards(B, to)) {
		assert_true(rig.now_ms < end_ms);
		rig_run_ms(&rig, 1);
		assert_true(gets_through(A, B, n_members));
		assert_true(gets_through(B, A, n_members));
	}
}

static void
test_a_better_member_that_comes_back_serves_before_its_stand_in_leaves(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	B->cfg.max_links = 1;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 10000);
	rig_carrier(A, 0, false);
	rig_run_ms(&rig, 5000);
	assert_both(2, 2);
	rig_carrier(A, 0, true);
	hand_over(2, 0, 5000);
	rig_run_ms(&rig, 2000);
	assert_both(2, 1);
	assert_stands_by(A, 1, "standby (max_links): 1 of 1 members in service");
	rig_fini(&rig);
}

static void
test_a_spare_serves_only_in_place_of_another_whatever_its_port_priority(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 2;
	rig_pair(&rig, A, B, 3);
	set_member(A, 0, 1, BF_LACP_RANK_SPARE);
	rig_run_ms(&rig, 10000);
	assert_both(3, 6);
	assert_stands_by(A, 0, "standby (spare): 2 of 2 members in service");
	rig_carrier(A, 2, false);
	rig_run_ms(&rig, 10);
	assert_both(3, 3);
	rig_carrier(A, 2, true);
	hand_over(3, 2, 5000);
	rig_run_ms(&rig, 2000);
	assert_both(3, 6);
	rig_fini(&rig);
}

static void
test_a_member_about_to_leave_is_replaced_before_it_stands_by(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 10000);
	assert_both(2, 1);
	set_member(A, 0, 255, BF_LACP_RANK_LEAVING);
	hand_over(2, 1, 100);
	rig_run_ms(&rig, 2000);
	assert_both(2, 2);
	rig_fini(&rig);
}

static void
test_a_limit_that_changes_moves_only_the_members_that_it_concerns(void **state)
{
	(void)state;
	nodes(false);
	rig_pair(&rig, A, B, 3);
	rig_run_ms(&rig, 10000);
	assert_both(3, 7);
	set_limit(A, 2);
	rig_run_ms(&rig, 2000);
	assert_both(3, 3);
	set_limit(A, 0);
	rig_run_ms(&rig, 5000);
	assert_both(3, 7);
	assert_int_equal(A->ports[0].out_ms, 0);
	assert_int_equal(A->ports[1].out_ms, 0);
	rig_fini(&rig);
}

static void
test_a_faster_spare_does_not_become_the_aggregator_of_a_bond_that_works(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 2;
	rig_pair(&rig, A, B, 3);
	set_member(A, 2, 255, BF_LACP_RANK_SPARE);
	for (unsigned int i = 0; i < 3; i++) {
		uint32_t mbps = i == 2 ? 100000 : 10000;

		assert_int_equal(bf_lacp_link(A->l, i, true, mbps, true, rig.now_ms), 0);
		assert_int_equal(bf_lacp_link(B->l, i, true, mbps, true, rig.now_ms), 0);
	}
	rig_run_ms(&rig, 15000);
	assert_both(3, 3);
	rig_carrier(A, 0, false);
	rig_carrier(A, 1, false);
	assert_int_equal(bf_lacp_link(A->l, 2, true, 100000, true, rig.now_ms), 0);
	rig_run_ms(&rig, 15000);
	assert_both(3, 4);
	rig_carrier(A, 0, true);
	rig_run_ms(&rig, 15000);
	assert_both(3, 1);
	rig_fini(&rig);
}

/* Two limits that cannot agree: one side calls member 0 a spare, the other wants it first. */
static void
test_sides_that_want_different_members_find_one_that_both_serve_on(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		nodes(second != 0);
		A->cfg.max_links = 1;
		B->cfg.max_links = 1;
		rig_pair(&rig, A, B, 2);
		set_member(A, 0, 255, BF_LACP_RANK_SPARE);
		rig_run_ms(&rig, 15000);
		assert_both(2, second != 0 ? 1 : 2); /* the system that chooses has its way */
		rig_fini(&rig);
	}
}

/* A partner that takes a member out of sync, with its link up. */
static void
test_a_member_that_the_partner_no_longer_takes_is_replaced_at_once(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 10000);
	assert_both(2, 1);
	assert_int_equal(bf_lacp_member_hold(B->l, 0, true, rig.now_ms), 0);
	rig_run_ms(&rig, 10);
	assert_true(rig_forwards(A, 1) && rig_forwards(B, 1));
	assert_int_equal(bf_lacp_member_hold(B->l, 0, false, rig.now_ms), 0);
	rig_run_ms(&rig, 5000);
	assert_both(2, 1);
	rig_fini(&rig);
}

static void
test_a_partner_that_never_takes_the_first_member_gets_the_next_one(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	rig_start(A, 2);
	rig_start(B, 2);
	assert_int_equal(bf_lacp_member_hold(B->l, 0, true, rig.now_ms), 0);
	for (unsigned int i = 0; i < 2; i++) {
		rig_wire(A, i, B, i);
		rig_carrier(A, i, true);
	}
	rig_run_ms(&rig, 12000);
	assert_true(rig_forwards(A, 1) && rig_forwards(B, 1));
	rig_fini(&rig);
}

static void
test_who_stands_by_is_no_churn(void **state)
{
	(void)state;
	nodes(false);
	A->cfg.max_links = 1;
	B->cfg.max_links = 1;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 130000);
	assert_int_equal(rig_info(A, 1).counters.actor_churn, 0);
	assert_int_equal(rig_info(A, 1).counters.partner_churn, 0);
	assert_int_equal(rig_info(B, 1).counters.actor_churn, 0);
	rig_fini(&rig);
}

static void
test_max_links_below_min_links_is_refused(void **state)
{
	struct bf_lacp_config cfg;

	(void)state;
	nodes(false);
	A->cfg.min_links = 2;
	A->cfg.max_links = 2;
	rig_pair(&rig, A, B, 3);
	rig_run_ms(&rig, 10000);
	assert_both(3, 3);
	cfg = A->cfg;
	cfg.max_links = 1;
	assert_int_equal(bf_lacp_reconfigure(A->l, &cfg, rig.now_ms), -EINVAL);
	rig_carrier(A, 1, false);
	rig_run_ms(&rig, 10);
	assert_both(3, 5);
	assert_true(rig_bond(A).carrier);
	rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_at_most_max_links_members_serve_and_the_others_say_that_they_stand_by),
		cmocka_unit_test(
			test_the_port_priorities_of_the_better_system_order_the_members_on_both_sides),
		cmocka_unit_test(test_a_lost_member_is_replaced_within_a_round_trip),
		cmocka_unit_test(test_a_silent_member_is_replaced_when_its_time_is_over),
		cmocka_unit_test(
			test_a_better_member_that_comes_back_serves_before_its_stand_in_leaves),
		cmocka_unit_test(
			test_a_spare_serves_only_in_place_of_another_whatever_its_port_priority),
		cmocka_unit_test(test_a_member_about_to_leave_is_replaced_before_it_stands_by),
		cmocka_unit_test(test_a_limit_that_changes_moves_only_the_members_that_it_concerns),
		cmocka_unit_test(
			test_a_faster_spare_does_not_become_the_aggregator_of_a_bond_that_works),
		cmocka_unit_test(
			test_sides_that_want_different_members_find_one_that_both_serve_on),
		cmocka_unit_test(
			test_a_member_that_the_partner_no_longer_takes_is_replaced_at_once),
		cmocka_unit_test(
			test_a_partner_that_never_takes_the_first_member_gets_the_next_one),
		cmocka_unit_test(test_who_stands_by_is_no_churn),
		cmocka_unit_test(test_max_links_below_min_links_is_refused),
	};

	return cmocka_run_group_tests_name("lacp_limit", tests, NULL, NULL);
}

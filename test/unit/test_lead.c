/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Workers that share a full member by the weights of their guests, by a clock of the test's own: a card takes a
 * frame from each worker's ring in turn, workers fill their rings by bursts.
 *
 * Threads: one.
 */
#include "unit.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/hand.h"
#include "dataplane/lead.h"

#define HZ 1000000000ULL /* a step of the TSC is a nanosecond */
#define US 1000ULL
#define MS (1000 * US)
#define MOST 3 /* workers */
#define RING 512
#define FRAME 1542 /* bytes on the wire */
#define FRAME_TSC (12336 * US / 1000) /* at 1 Gbit/s */
#define TURN_TSC (10 * US)
#define ROUND 4096 /* bytes for a weight of 1 */

static struct bf_worker workers[MOST];
static struct bf_hand hands[MOST][BF_MAX_BONDS * BF_MAX_MEMBERS];
static struct bf_worker *const all[MOST] = {&workers[0], &workers[1], &workers[2]};
static struct bf_view view;

/* What happens beside the workers' own state. */
static struct {
	uint64_t now, card_tsc, idle_tsc;
	uint32_t weight[MOST]; /* 0: its guest has nothing */
	bool away[MOST]; /* the kernel runs something else */
	bool elsewhere[MOST]; /* what its guest sends does not go to the bond */
	uint16_t ring[MOST];
	uint64_t bytes[MOST]; /* that are not a round yet */
	uint64_t sent[MOST];
	unsigned int turn;
} sim;

static void
sim_begin(unsigned int n)
{
	memset(&sim, 0, sizeof(sim));
	memset(workers, 0, sizeof(workers));
	memset(hands, 0, sizeof(hands));
	view.n_workers = (uint8_t)n;
	view.ports[bf_bond_slot(0)].kind = BF_PORT_BOND;
	sim.now = sim.card_tsc = HZ;
	for (unsigned int i = 0; i < n; i++) {
		workers[i].idx = (uint16_t)i;
		workers[i].tsc_hz = HZ;
		workers[i].view = &view;
		workers[i].hands = hands[i];
		workers[i].all = all;
	}
}

static void
worker_turn(unsigned int i)
{
	struct bf_worker *w = &workers[i];
	uint16_t room = (uint16_t)(RING - sim.ring[i]);

	hands[i][0].n = sim.weight[i] != 0 && !sim.elsewhere[i] && room == 0 ? BF_BURST : 0;
	w->in_hand = hands[i][0].n > 0 ? 1 : 0;
	if (w->in_hand)
		w->tight_tsc = sim.now + HZ / 1000000 * BF_TIGHT_US;
	if (sim.now < w->tight_tsc || w->contending)
		bf_lead_look(w, sim.now);
	if (sim.weight[i] == 0)
		bf_lead_withdraw(w);
	if (sim.weight[i] == 0 || sim.elsewhere[i] || w->in_hand || w->ahead)
		return;
	sim.ring[i] = (uint16_t)(sim.ring[i] + RTE_MIN(room, BF_BURST));
	sim.bytes[i] += (uint64_t)RTE_MIN(room, BF_BURST) * FRAME;
	bf_lead_advance(w, 1, sim.bytes[i] / (ROUND * sim.weight[i]));
	sim.bytes[i] %= (uint64_t)ROUND * sim.weight[i];
}

/* The card sends the next frame of the next ring that has one. */
static void
card_turn(void)
{
	for (unsigned int k = 0; k < view.n_workers; k++) {
		unsigned int i = (sim.turn + k) % view.n_workers;

		if (sim.ring[i] == 0)
			continue;
		sim.ring[i]--;
		sim.sent[i]++;
		sim.turn = i + 1;
		sim.card_tsc += FRAME_TSC;
		return;
	}
	sim.idle_tsc += sim.now - sim.card_tsc;
	sim.card_tsc = sim.now;
}

static void
sim_run(uint64_t ms)
{
	memset(sim.sent, 0, sizeof(sim.sent));
	sim.idle_tsc = 0;
	for (uint64_t end = sim.now + ms * MS; sim.now < end; sim.now += TURN_TSC) {
		for (unsigned int i = 0; i < view.n_workers; i++)
			if (!sim.away[i])
				worker_turn(i);
		while (sim.card_tsc < sim.now) {
			uint64_t was = sim.card_tsc;

			card_turn();
			if (was == sim.card_tsc || sim.card_tsc >= sim.now)
				break;
		}
	}
}

static void
assert_ratio(uint64_t many, uint64_t few, double ratio)
{
	double is = (double)many / (double)RTE_MAX(few, 1u);

	if (is < ratio * 0.95 || is > ratio * 1.05)
		fail_msg("%llu to %llu is %.2f, expected %.2f", (unsigned long long)many,
			(unsigned long long)few, is, ratio);
}

static void
test_workers_share_a_full_member_by_weight(void **state)
{
	static const uint32_t weights[][2] = {{1, 1}, {1, 3}, {3, 1}, {1, 10}, {100, 33}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(weights); i++) {
		sim_begin(2);
		sim.weight[0] = weights[i][0];
		sim.weight[1] = weights[i][1];
		sim_run(100);
		sim_run(2000);
		assert_ratio(sim.sent[1], sim.sent[0], (double)weights[i][1] / weights[i][0]);
		assert_int_equal(sim.idle_tsc, 0);
	}
}

static void
test_three_workers_share_it_too(void **state)
{
	(void)state;
	sim_begin(3);
	for (unsigned int i = 0; i < 3; i++)
		sim.weight[i] = i + 1;
	sim_run(100);
	sim_run(2000);
	assert_ratio(sim.sent[1], sim.sent[0], 2);
	assert_ratio(sim.sent[2], sim.sent[0], 3);
	assert_int_equal(sim.idle_tsc, 0);
}

static void
test_a_guest_that_has_nothing_leaves_its_part_to_others(void **state)
{
	(void)state;
	sim_begin(2);
	sim.weight[0] = 1;
	sim.weight[1] = 3;
	sim_run(100);
	sim.weight[1] = 0;
	sim_run(100);
	assert_true(sim.idle_tsc < 100 * US);
	/* One that comes back does not get what it did not want meanwhile. */
	sim_run(1000);
	sim.weight[1] = 3;
	sim_run(40);
	sim_run(2000);
	assert_ratio(sim.sent[1], sim.sent[0], 3);
}

static void
test_a_worker_that_stands_still_holds_others_up_for_a_moment_only(void **state)
{
	(void)state;
	sim_begin(2);
	sim.weight[0] = 1;
	sim.weight[1] = 3;
	sim_run(100);
	sim.away[1] = true;
	sim_run(500);
	assert_true(sim.idle_tsc < BF_LEAD_FRESH_US * US);
	sim.away[1] = false;
	sim_run(600); /* what it missed is made good */
	sim_run(2000);
	assert_ratio(sim.sent[1], sim.sent[0], 3);
}

/* It has much to do all the time, but did not want the wire. */
static void
test_what_a_guest_sent_elsewhere_is_not_made_good(void **state)
{
	(void)state;
	sim_begin(2);
	sim.weight[0] = 1;
	sim.weight[1] = 10;
	sim_run(100);
	sim.elsewhere[1] = true;
	sim_run(1000);
	assert_true(sim.idle_tsc < MS);
	assert_int_equal(workers[1].contending, 0);
	sim.elsewhere[1] = false;
	sim_run(40);
	sim_run(1000);
	assert_ratio(sim.sent[1], sim.sent[0], 10);
}

static void
test_a_worker_whose_guests_have_no_weights_any_more_is_not_waited_for(void **state)
{
	(void)state;
	sim_begin(2);
	sim.weight[0] = sim.weight[1] = 1;
	sim_run(100);
	assert_int_not_equal(workers[1].lead.full_tsc[0][0], 0);
	view.workers[1].shares = true;
	bf_lead_adopt(&workers[1]);
	assert_int_not_equal(workers[1].lead.full_tsc[0][0], 0);
	view.workers[1].shares = false;
	bf_lead_adopt(&workers[1]);
	assert_int_equal(workers[1].lead.full_tsc[0][0], 0);
	assert_int_equal(workers[1].contending | workers[1].ahead, 0);
}

static void
test_one_worker_alone_is_never_ahead(void **state)
{
	(void)state;
	sim_begin(1);
	sim.weight[0] = 1;
	sim_run(100);
	assert_int_equal(workers[0].ahead, 0);
	assert_int_equal(workers[0].lead.full_tsc[0][0], 0);
	assert_int_equal(sim.idle_tsc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_share_a_full_member_by_weight),
		cmocka_unit_test(test_three_workers_share_it_too),
		cmocka_unit_test(test_a_guest_that_has_nothing_leaves_its_part_to_others),
		cmocka_unit_test(test_a_worker_that_stands_still_holds_others_up_for_a_moment_only),
		cmocka_unit_test(test_what_a_guest_sent_elsewhere_is_not_made_good),
		cmocka_unit_test(
			test_a_worker_whose_guests_have_no_weights_any_more_is_not_waited_for),
		cmocka_unit_test(test_one_worker_alone_is_never_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The machines of the LACP engine one by one: receive, periodic, mux, transmit, churn, marker,
 * the refusals in front of them, run-time settings and the carrier verdict.
 *
 * Threads: one.
 */
#include "test_lacp_rig.h"

static struct rig rig;

#define A (&rig.nodes[0])
#define B (&rig.nodes[1])

/* One engine, n members with link up, partners to be scripted. */
static void
alone(unsigned int n)
{
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_start(A, n);
	for (unsigned int i = 0; i < n; i++)
		rig_link(A, i, true);
}

static void
pair(unsigned int n)
{
	rig_init(&rig);
	rig_pair(&rig, rig_node(&rig, 0), rig_node(&rig, 1), n);
	rig_run_ms(&rig, 5000);
}

static void
reconfigure(struct rig_node *n)
{
	assert_int_equal(bf_lacp_reconfigure(n->l, &n->cfg, rig.now_ms), 0);
}

static void
say(unsigned int id, uint8_t sys_last, uint8_t st)
{
	struct bf_lacp_pdu pdu = rig_reply(A, id, sys_last, st);

	rig_inject(A, id, &pdu);
}

static void
test_create_refuses_a_configuration_that_cannot_work(void **state)
{
	static const struct bf_lacp_ops ops = {rig_send_cb, rig_set_cb, rig_event_cb};
	static const struct bf_lacp_ops hollow = {rig_send_cb, NULL, rig_event_cb};
	struct bf_lacp_config cfg;

	(void)state;
	bf_lacp_config_default(&cfg);
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1)); /* system id zero */
	assert_int_equal(errno, EINVAL);
	cfg.system_id[0] = 0x03;
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1)); /* multicast */
	cfg.system_id[0] = 0x02;
	cfg.min_links = BF_LACP_MAX_MEMBERS + 1;
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1));
	cfg.min_links = 1;
	cfg.select = BF_LACP_SELECT_POLICY_COUNT;
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1));
	cfg.select = BF_LACP_SELECT_STABLE;
	cfg.pin_partner = true;
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1)); /* pin zero */
	memcpy(cfg.partner_pin, cfg.system_id, 6);
	assert_null(bf_lacp_create(&cfg, &ops, NULL, 1)); /* pin on ourselves */
	cfg.pin_partner = false;
	assert_null(bf_lacp_create(&cfg, &hollow, NULL, 1));
	bf_lacp_destroy(NULL);
}

static void
test_members_need_a_free_id_and_a_free_port_number(void **state)
{
	struct bf_lacp_member_config mc = {.mac = {2}, .port_number = 1, .port_priority = 1};

	(void)state;
	alone(1);
	assert_int_equal(bf_lacp_member_add(A->l, 0, &mc, rig.now_ms), -EEXIST);
	assert_int_equal(bf_lacp_member_add(A->l, 5, &mc, rig.now_ms), -EEXIST);
	mc.port_number = 0;
	assert_int_equal(bf_lacp_member_add(A->l, 5, &mc, rig.now_ms), -EINVAL);
	mc.port_number = 9;
	assert_int_equal(bf_lacp_member_add(A->l, BF_LACP_BOND, &mc, rig.now_ms), -EINVAL);
	for (unsigned int i = 1; i < BF_LACP_MAX_MEMBERS; i++) {
		mc.port_number = (uint16_t)(100 + i);
		assert_int_equal(bf_lacp_member_add(A->l, i, &mc, rig.now_ms), 0);
	}
	mc.port_number = 200;
	assert_int_equal(bf_lacp_member_add(A->l, 99, &mc, rig.now_ms), -ENOSPC);
	mc.port_number = 1;
	assert_int_equal(bf_lacp_member_configure(A->l, 1, &mc, rig.now_ms), -EEXIST);
	assert_int_equal(bf_lacp_member_configure(A->l, 0, &mc, rig.now_ms), 0);
	mc.port_number = 0;
	assert_int_equal(bf_lacp_member_configure(A->l, 0, &mc, rig.now_ms), -EINVAL);
	assert_int_equal(bf_lacp_member_configure(A->l, 99, &mc, rig.now_ms), -ENOENT);
	rig_fini(&rig);
}

static void
test_zeros_in_a_configuration_mean_the_defaults(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.min_links = 0;
	A->cfg.max_pdu_rate = 0;
	rig_start(A, 0);
	assert_int_equal(bf_lacp_config(A->l)->min_links, 1);
	assert_int_equal(bf_lacp_config(A->l)->max_pdu_rate, 20);
	rig_fini(&rig);
}

static void
test_members_are_listed_in_the_order_added_also_when_down(void **state)
{
	struct bf_lacp_member_info info;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_start(A, 3);
	assert_int_equal(bf_lacp_member_remove(A->l, 0, rig.now_ms), 0);
	rig_member(A, 7);
	assert_int_equal(bf_lacp_member_info_at(A->l, 0, &info), 0);
	assert_int_equal(info.id, 1);
	assert_int_equal(bf_lacp_member_info_at(A->l, 2, &info), 0);
	assert_int_equal(info.id, 7);
	assert_string_equal(info.reason, "link down");
	assert_int_equal(bf_lacp_member_info_at(A->l, 3, &info), -ENOENT);
	rig_fini(&rig);
}

static void
test_receive_link_up_asks_fast_then_defaults_after_3s(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fast = false;
	rig_start(A, 1);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_PORT_DISABLED);
	rig_link(A, 0, true);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_EXPIRED);
	assert_int_equal(A->ports[0].n_lacp, 1);
	assert_int_equal(A->ports[0].last_lacp.actor.state,
		BF_LACP_ACTIVITY | BF_LACP_AGGREGATION | BF_LACP_DEFAULTED | BF_LACP_EXPIRED);
	rig_run_ms(&rig, 2999);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_EXPIRED);
	rig_run_ms(&rig, 1);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_DEFAULTED);
	assert_int_equal(rig_info(A, 0).periodic, BF_LACP_PERIODIC_FAST);
	assert_int_equal(rig_info(A, 0).counters.timeouts, 0);
	A->ports[0].n_lacp = 0;
	rig_run_ms(&rig, 600000); /* ten minutes later it still looks for a partner each second */
	assert_in_range(A->ports[0].n_lacp, 599, 603);
	rig_fini(&rig);
}

static void
test_receive_link_down_keeps_the_partner_and_drops_sync_at_once(void **state)
{
	struct bf_lacp_member_info info;

	(void)state;
	pair(2);
	rig_link(A, 0, false);
	info = rig_info(A, 0);
	assert_true(rig_is_out(A, 0));
	assert_int_equal(info.rx, BF_LACP_RX_PORT_DISABLED);
	assert_int_equal(info.mux, BF_LACP_MUX_DETACHED);
	assert_int_equal(info.partner.system_id[5], 2);
	assert_int_equal(info.partner.state & BF_LACP_SYNC, 0);
	/* PDUs that were on their way do not revive it. */
	say(0, 2, RIG_FORWARDS);
	assert_int_equal(rig_info(A, 0).counters.rx_disabled, 1);
	assert_true(rig_is_out(A, 0));
	rig_fini(&rig);
}

static void
test_receive_sync_is_believed_only_when_the_partner_means_us(void **state)
{
	struct bf_lacp_pdu pdu;

	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_ASKS, 3000);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_ATTACHED);
	pdu = rig_reply(A, 0, 9, RIG_FORWARDS);
	pdu.partner.key++;
	rig_inject(A, 0, &pdu);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_ATTACHED);
	assert_string_equal(rig_info(A, 0).reason, "partner is not in sync");
	/* A passive partner that does not know that we are active may stop sending. */
	pdu = rig_reply(A, 0, 9, RIG_FORWARDS & ~BF_LACP_ACTIVITY);
	pdu.partner.state &= (uint8_t)~BF_LACP_ACTIVITY;
	rig_inject(A, 0, &pdu);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_ATTACHED);
	say(0, 9, RIG_FORWARDS & ~BF_LACP_ACTIVITY);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_receive_partner_change_detaches_and_attaches_again_once(void **state)
{
	unsigned int sets;

	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	assert_true(rig_forwards(A, 0));
	sets = A->ports[0].n_sets;
	say(0, 10, RIG_FORWARDS);
	assert_true(rig_is_out(A, 0));
	rig_run_scripted_ms(A, 0, 10, RIG_FORWARDS, 4000);
	assert_true(rig_forwards(A, 0));
	assert_int_equal(A->ports[0].n_sets, sets + 2);
	assert_int_equal(rig_info(A, 0).counters.partner_changes, 1);
	rig_fini(&rig);
}

static void
test_receive_partner_port_that_moved_is_forgotten_where_it_was(void **state)
{
	struct bf_lacp_pdu pdu;

	(void)state;
	alone(2);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	rig_link(A, 0, false);
	assert_int_equal(rig_info(A, 0).partner.system_id[5], 9);
	pdu = rig_reply(A, 1, 9, RIG_FORWARDS);
	pdu.actor.port_number = 100; /* what member 0 remembers */
	rig_inject(A, 1, &pdu);
	assert_int_equal(rig_info(A, 0).partner.system_id[5], 0);
	assert_int_equal(rig_info(A, 1).partner.port_number, 100);
	rig_fini(&rig);
}

static void
test_receive_recovery_from_expired_needs_no_new_wait(void **state)
{
	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	rig_run_ms(&rig, 3200);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_EXPIRED);
	assert_true(rig_is_out(A, 0));
	say(0, 9, RIG_FORWARDS);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_receive_pdu_that_waited_while_the_caller_slept_counts_as_in_time(void **state)
{
	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	rig.now_ms += 20000;
	say(0, 9, RIG_FORWARDS);
	assert_true(rig_forwards(A, 0));
	assert_int_equal(rig_info(A, 0).counters.timeouts, 0);
	rig_fini(&rig);
}

static void
test_receive_time_that_goes_back_changes_nothing(void **state)
{
	uint64_t deadline_ms;

	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	deadline_ms = bf_lacp_deadline_ms(A->l);
	assert_true(bf_lacp_tick(A->l, 5) >= deadline_ms);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_bad_frames_are_counted_and_ignored(void **state)
{
	uint8_t frame[BF_LACP_FRAME_LEN];

	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	memcpy(frame, A->ports[0].last_frame, sizeof(frame));
	bf_lacp_receive(A->l, 0, frame, 60, rig.now_ms);
	frame[17] = 19;
	bf_lacp_receive(A->l, 0, frame, sizeof(frame), rig.now_ms);
	assert_int_equal(rig_info(A, 0).counters.rx_errors, 2);
	frame[14] = 3;
	bf_lacp_receive(A->l, 0, frame, sizeof(frame), rig.now_ms);
	assert_int_equal(rig_info(A, 0).counters.rx_unknown, 1);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_rate_limit_drops_the_excess_and_says_so_once(void **state)
{
	(void)state;
	alone(1);
	for (unsigned int i = 0; i < 1000; i++) {
		say(0, 9, RIG_ASKS);
		rig_run_ms(&rig, 1);
	}
	/* A burst of 20 and 20 more in the second; the first PDU made the partner known. */
	assert_in_range(rig_info(A, 0).counters.rx_limited, 955, 962);
	assert_int_equal(rig_info(A, 0).counters.pdu_rx, 1000);
	assert_int_equal(A->ports[0].n_events[BF_LACP_EV_RATE], 1);
	rig_fini(&rig);
}

static void
test_pin_keeps_another_partner_out_with_the_reason(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.pin_partner = true;
	A->cfg.partner_pin[0] = 0x02;
	A->cfg.partner_pin[5] = 9;
	rig_start(A, 1);
	rig_link(A, 0, true);
	rig_run_scripted_ms(A, 0, 10, RIG_FORWARDS, 8000);
	assert_int_equal(A->ports[0].n_sets, 0);
	assert_string_equal(rig_info(A, 0).reason,
		"partner 02:00:00:00:00:0a is not the expected partner 02:00:00:00:00:09");
	assert_int_equal(rig_info(A, 0).counters.rx_pin_refused, 16);
	/* What was refused is named for a while after it stopped, then there is just no partner. */
	rig_run_ms(&rig, 90000);
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_PIN);
	rig_run_ms(&rig, 6000);
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_NO_PARTNER);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_pinned_session_is_unaffected_by_a_thousand_forged_pdus_per_second(void **state)
{
	unsigned int sets;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.pin_partner = true;
	A->cfg.partner_pin[0] = 0x02;
	A->cfg.partner_pin[5] = 9;
	rig_start(A, 1);
	rig_link(A, 0, true);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	sets = A->ports[0].n_sets;
	for (unsigned int i = 0; i < 10000; i++) {
		say(0, 66, RIG_ASKS);
		if (i % 1000 == 0)
			say(0, 9, RIG_FORWARDS);
		rig_run_ms(&rig, 1);
	}
	assert_true(rig_forwards(A, 0));
	assert_int_equal(A->ports[0].n_sets, sets);
	assert_int_equal(rig_info(A, 0).counters.rx_pin_refused, 10000);
	rig_fini(&rig);
}

static void
test_pin_set_at_run_time_drops_the_wrong_partner_at_once(void **state)
{
	(void)state;
	pair(2);
	A->cfg.pin_partner = true;
	A->cfg.partner_pin[0] = 0x02;
	A->cfg.partner_pin[5] = 2;
	reconfigure(A);
	assert_true(rig_forwards(A, 0) && rig_forwards(A, 1));
	A->cfg.partner_pin[5] = 3;
	reconfigure(A);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_PIN);
	rig_fini(&rig);
}

static void
test_loop_on_a_live_member_takes_it_out_until_our_pdus_stay_away(void **state)
{
	(void)state;
	pair(2);
	say(0, 1, RIG_FORWARDS);
	assert_true(rig_is_out(A, 0));
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_LOOP);
	assert_int_equal(A->ports[0].n_events[BF_LACP_EV_LOOP], 1);
	rig_run_ms(&rig, 3400);
	assert_true(rig_info(A, 0).loop);
	rig_run_ms(&rig, 3600);
	assert_true(rig_forwards(A, 0));
	/* Again within the minute: out again, but no second event. */
	say(0, 1, RIG_FORWARDS);
	assert_true(rig_is_out(A, 0));
	assert_int_equal(A->ports[0].n_events[BF_LACP_EV_LOOP], 1);
	rig_fini(&rig);
}

static void
test_periodic_follows_the_partners_timeout_bit(void **state)
{
	(void)state;
	alone(1);
	say(0, 9, RIG_ASKS);
	assert_int_equal(rig_info(A, 0).periodic, BF_LACP_PERIODIC_FAST);
	say(0, 9, RIG_ASKS & ~BF_LACP_TIMEOUT);
	assert_int_equal(rig_info(A, 0).periodic, BF_LACP_PERIODIC_SLOW);
	rig_link(A, 0, false);
	assert_int_equal(rig_info(A, 0).periodic, BF_LACP_PERIODIC_NONE);
	rig_fini(&rig);
}

static void
test_periodic_partner_that_turns_fast_is_answered_at_once(void **state)
{
	unsigned int sent;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fast = false;
	rig_node(&rig, 1)->cfg.fast = false;
	rig_pair(&rig, A, B, 1);
	rig_run_ms(&rig, 20000);
	sent = A->ports[0].n_lacp;
	B->cfg.fast = true;
	reconfigure(B);
	rig_run_ms(&rig, 2);
	assert_int_equal(A->ports[0].n_lacp, sent + 1);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 0));
	rig_fini(&rig);
}

static void
test_periodic_late_ticks_do_not_add_up(void **state)
{
	unsigned int sent;

	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 5000);
	sent = A->ports[0].n_lacp;
	for (unsigned int i = 0; i < 1000; i++) {
		rig.now_ms += 70;
		if (i % 10 == 0)
			say(0, 9, RIG_FORWARDS);
		bf_lacp_tick(A->l, rig.now_ms);
	}
	assert_in_range(A->ports[0].n_lacp - sent, 69, 71);
	rig_fini(&rig);
}

static void
test_mux_waits_then_collects_before_it_distributes(void **state)
{
	(void)state;
	alone(1);
	say(0, 9, RIG_SYNCS);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_WAITING);
	assert_string_equal(rig_info(A, 0).reason, "waiting to attach");
	rig_run_ms(&rig, 1999);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_WAITING);
	rig_run_ms(&rig, 1);
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_COLLECTING);
	assert_true(A->ports[0].collect && !A->ports[0].distribute);
	assert_string_equal(rig_info(A, 0).reason, "partner does not collect");
	say(0, 9, RIG_COLLECTS);
	assert_true(rig_forwards(A, 0));
	/* The partner stops collecting: keep collecting, stop distributing. */
	say(0, 9, RIG_SYNCS);
	assert_true(A->ports[0].collect && !A->ports[0].distribute);
	/* The partner leaves: nothing, but stay attached. */
	say(0, 9, RIG_ASKS);
	assert_true(rig_is_out(A, 0));
	assert_int_equal(rig_info(A, 0).mux, BF_LACP_MUX_ATTACHED);
	rig_fini(&rig);
}

static void
test_mux_wait_of_zero_attaches_at_once(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.aggregate_wait_ms = 0;
	rig_node(&rig, 1)->cfg.aggregate_wait_ms = 0;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 1200);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 1));
	rig_fini(&rig);
}

static void
test_mux_flapping_member_does_not_hold_up_the_others(void **state)
{
	uint64_t end_ms;

	(void)state;
	rig_init(&rig);
	rig_pair(&rig, rig_node(&rig, 0), rig_node(&rig, 1), 3);
	end_ms = rig.now_ms + 5000;
	while (rig.now_ms < end_ms) {
		rig_carrier(A, 2, false);
		rig_run_ms(&rig, 250);
		rig_carrier(A, 2, true);
		rig_run_ms(&rig, 250);
	}
	assert_true(rig_forwards(A, 0) && rig_forwards(A, 1));
	assert_false(rig_forwards(A, 2));
	rig_fini(&rig);
}

static void
test_first_frame_may_flow_within_500ms_of_both_sides_in_sync(void **state)
{
	uint64_t sync_ms = 0;

	(void)state;
	rig_init(&rig);
	rig_pair(&rig, rig_node(&rig, 0), rig_node(&rig, 1), 2);
	while (rig.now_ms < 10000 && !(rig_forwards(A, 0) && rig_forwards(B, 0))) {
		rig_run_ms(&rig, 1);
		if (sync_ms == 0 && (rig_info(A, 0).actor.state & BF_LACP_SYNC) != 0 &&
			(rig_info(B, 0).actor.state & BF_LACP_SYNC) != 0)
			sync_ms = rig.now_ms;
	}
	assert_true(sync_ms != 0);
	assert_true(rig.now_ms - sync_ms <= 500);
	rig_fini(&rig);
}

static void
test_transmit_never_sends_more_than_three_pdus_in_any_second(void **state)
{
	const struct rig_port *p;

	(void)state;
	alone(1);
	p = &A->ports[0];
	for (unsigned int i = 0; i < 4000; i++) {
		/* Every PDU is wrong about us, so every one asks for an answer. */
		struct bf_lacp_pdu pdu = rig_reply(A, 0, 9, RIG_ASKS);

		pdu.partner.port_number++;
		rig_inject(A, 0, &pdu);
		rig_run_ms(&rig, 5);
	}
	assert_in_range(p->n_lacp, 55, 66);
	for (unsigned int i = 3; i < p->n_lacp; i++)
		assert_true(p->sent_ms[i] - p->sent_ms[i - 3] >= 1000);
	rig_fini(&rig);
}

static void
test_transmit_held_back_pdu_carries_the_latest_state(void **state)
{
	(void)state;
	alone(1);
	for (unsigned int i = 0; i < 8; i++) {
		struct bf_lacp_member_config mc = rig_info(A, 0).config;

		mc.port_priority = (uint16_t)(1000 + i);
		assert_int_equal(bf_lacp_member_configure(A->l, 0, &mc, rig.now_ms), 0);
	}
	assert_int_equal(A->ports[0].n_lacp, 3);
	rig_run_ms(&rig, 1000);
	assert_int_equal(A->ports[0].n_lacp, 4);
	assert_int_equal(A->ports[0].last_lacp.actor.port_priority, 1007);
	rig_fini(&rig);
}

static void
test_churn_is_reported_after_60s_out_of_sync_and_when_it_ends(void **state)
{
	(void)state;
	alone(1);
	rig_run_scripted_ms(A, 0, 9, RIG_ASKS, 59500);
	assert_int_equal(rig_info(A, 0).partner_churn, BF_LACP_CHURN_MONITOR);
	rig_run_scripted_ms(A, 0, 9, RIG_ASKS, 1000);
	assert_int_equal(rig_info(A, 0).actor_churn, BF_LACP_CHURN_NONE);
	assert_int_equal(rig_info(A, 0).partner_churn, BF_LACP_CHURN_CHURN);
	assert_int_equal(rig_info(A, 0).counters.partner_churn, 1);
	assert_int_equal(rig_info(A, 0).counters.actor_churn, 0);
	assert_string_equal(
		A->ports[0].last_event[BF_LACP_EV_CHURN], "partner churn: not in sync for 60 s");
	say(0, 9, RIG_FORWARDS);
	assert_int_equal(rig_info(A, 0).partner_churn, BF_LACP_CHURN_NONE);
	assert_string_equal(A->ports[0].last_event[BF_LACP_EV_CHURN], "partner churn ended");
	rig_fini(&rig);
}

static void
test_churn_counts_the_actor_too_and_not_a_link_that_is_down(void **state)
{
	(void)state;
	alone(2);
	rig_link(A, 1, false);
	rig_run_ms(&rig, 61000);
	assert_int_equal(rig_info(A, 0).counters.actor_churn, 1);
	assert_int_equal(rig_info(A, 0).counters.partner_churn, 1);
	assert_int_equal(rig_info(A, 1).counters.actor_churn, 0);
	rig_fini(&rig);
}

static void
test_reconfigure_rate_and_identity_move_no_traffic(void **state)
{
	unsigned int sets;

	(void)state;
	pair(2);
	sets = A->ports[0].n_sets + B->ports[0].n_sets;
	for (unsigned int i = 0; i < 6; i++) {
		A->cfg.fast = !A->cfg.fast;
		A->cfg.strict = !A->cfg.strict;
		A->cfg.fallback = !A->cfg.fallback;
		A->cfg.active = i != 2;
		A->cfg.select = (enum bf_lacp_select)(i % 4);
		reconfigure(A);
		rig_run_ms(&rig, 100000);
		assert_true(rig_forwards(A, 0) && rig_forwards(A, 1));
	}
	assert_int_equal(A->ports[0].n_sets + B->ports[0].n_sets, sets);
	assert_int_equal(rig_info(A, 0).counters.timeouts, 0);
	assert_int_equal(rig_info(B, 0).counters.timeouts, 0);
	rig_fini(&rig);
}

static void
test_reconfigure_tells_the_partner_at_once_and_refuses_nonsense(void **state)
{
	struct bf_lacp_config bad;

	(void)state;
	pair(1);
	rig_run_ms(&rig, 1500);
	A->cfg.fast = false;
	reconfigure(A);
	assert_int_equal(A->ports[0].last_lacp.actor.state & BF_LACP_TIMEOUT, 0);
	bad = A->cfg;
	memset(bad.system_id, 0, 6);
	assert_int_equal(bf_lacp_reconfigure(A->l, &bad, rig.now_ms), -EINVAL);
	assert_memory_equal(bf_lacp_config(A->l)->system_id, A->cfg.system_id, 6);
	rig_fini(&rig);
}

static void
test_reconfigure_rate_mismatch_is_named_and_harmless(void **state)
{
	(void)state;
	pair(1);
	assert_false(rig_info(A, 0).rate_mismatch);
	B->cfg.fast = false;
	reconfigure(B);
	rig_run_ms(&rig, 2000);
	assert_true(rig_info(A, 0).rate_mismatch);
	assert_string_equal(A->ports[0].last_event[BF_LACP_EV_PARTNER],
		"rates differ: we ask for fast PDUs, the partner for slow ones");
	rig_run_ms(&rig, 100000);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 0));
	rig_fini(&rig);
}

static void
test_reconfigure_system_id_costs_one_renegotiation(void **state)
{
	(void)state;
	pair(2);
	A->cfg.system_id[5] = 0x77;
	reconfigure(A);
	rig_run_ms(&rig, 8000);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 1));
	assert_int_equal(rig_info(B, 0).partner.system_id[5], 0x77);
	/* The id of the partner is no id to take: what it says now is our own voice. */
	A->cfg.system_id[5] = 2;
	reconfigure(A);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_LOOP);
	rig_fini(&rig);
}

static void
test_slow_silent_partner_is_out_after_90s_and_before_95s(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fast = false;
	rig_start(A, 1);
	rig_link(A, 0, true);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 4000);
	rig_run_ms(&rig, 89000);
	assert_true(rig_forwards(A, 0));
	rig_run_ms(&rig, 1500);
	assert_true(rig_is_out(A, 0));
	rig_fini(&rig);
}

static void
test_removed_member_stops_tells_the_partner_and_frees_its_names(void **state)
{
	unsigned int sent;

	(void)state;
	pair(2);
	rig_run_ms(&rig, 1500);
	sent = A->ports[1].n_lacp;
	assert_int_equal(bf_lacp_member_remove(A->l, 1, rig.now_ms), 0);
	assert_true(rig_is_out(A, 1));
	assert_int_equal(A->ports[1].n_lacp, sent + 1);
	assert_int_equal(A->ports[1].last_lacp.actor.state & BF_LACP_SYNC, 0);
	rig_run_ms(&rig, 2);
	assert_true(rig_is_out(B, 1));
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 0));
	rig_member(A, 1);
	rig_link(A, 1, true);
	rig_run_ms(&rig, 5000);
	assert_true(rig_forwards(A, 1) && rig_forwards(B, 1));
	rig_fini(&rig);
}

static void
test_half_duplex_member_stays_out_and_does_not_offer_aggregation(void **state)
{
	(void)state;
	pair(2);
	assert_int_equal(bf_lacp_link(A->l, 1, true, 10000, false, rig.now_ms), 0);
	assert_true(rig_is_out(A, 1));
	assert_string_equal(rig_info(A, 1).reason, "half duplex");
	assert_string_equal(
		A->ports[1].last_event[BF_LACP_EV_OUT], "not distributing: half duplex");
	assert_int_equal(rig_info(A, 1).actor.state & BF_LACP_AGGREGATION, 0);
	assert_true(rig_forwards(A, 0));
	rig_run_ms(&rig, 5000);
	assert_true(rig_is_out(A, 1));
	rig_fini(&rig);
}

static void
test_carrier_does_not_blink_when_a_partner_appears_and_not_strict(void **state)
{
	unsigned int changes;

	(void)state;
	rig_init(&rig);
	rig_pair(&rig, rig_node(&rig, 0), rig_node(&rig, 1), 1);
	rig_cut(A, 0, true);
	rig_run_ms(&rig, 20000);
	assert_true(rig_bond(A).carrier);
	changes = A->n_bond_events[BF_LACP_EV_CARRIER];
	rig_cut(A, 0, false);
	rig_run_ms(&rig, 40000);
	assert_true(rig_forwards(A, 0));
	assert_int_equal(A->n_bond_events[BF_LACP_EV_CARRIER], changes);
	rig_fini(&rig);
}

static void
test_carrier_follows_operational_members_once_a_partner_is_live(void **state)
{
	(void)state;
	alone(1);
	assert_true(rig_bond(A).carrier);
	rig_run_scripted_ms(A, 0, 9, RIG_ASKS, 8000);
	/* A partner that talks but refuses us is worse than none: carrier goes down. */
	assert_false(rig_bond(A).carrier);
	say(0, 9, RIG_FORWARDS);
	assert_true(rig_bond(A).carrier);
	assert_true(rig_bond(A).last_carrier_change_ms == rig.now_ms);
	rig_fini(&rig);
}

static void
test_events_of_a_partner_gone_mad_are_held_back_and_counted(void **state)
{
	unsigned int n = 0;

	(void)state;
	alone(1);
	for (unsigned int i = 0; i < 2000; i++) {
		say(0, (uint8_t)(9 + i % 2), RIG_FORWARDS);
		rig_run_ms(&rig, 50);
	}
	for (int ev = 0; ev < BF_LACP_EV_COUNT; ev++)
		n += A->ports[0].n_events[ev] + A->n_bond_events[ev];
	/* 100 s at two per second and two bursts of thirty, for the member and for the bond. */
	assert_true(n <= 2 * (200 + 30) + 4);
	assert_true(rig_info(A, 0).counters.events_suppressed > 1000);
	assert_int_equal(A->ports[0].n_sets, 0);
	rig_fini(&rig);
}

static void
test_tick_at_its_own_deadline_is_all_the_engine_needs(void **state)
{
	uint64_t t;
	unsigned int calls = 0;

	(void)state;
	alone(2);
	for (t = rig.now_ms; t < 121000; calls++) {
		uint64_t next_ms = bf_lacp_tick(A->l, t);

		assert_true(next_ms > t && next_ms <= t + 1000);
		rig.now_ms = t = next_ms;
	}
	assert_true(calls < 300);
	rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_refuses_a_configuration_that_cannot_work),
		cmocka_unit_test(test_members_need_a_free_id_and_a_free_port_number),
		cmocka_unit_test(test_zeros_in_a_configuration_mean_the_defaults),
		cmocka_unit_test(test_members_are_listed_in_the_order_added_also_when_down),
		cmocka_unit_test(test_receive_link_up_asks_fast_then_defaults_after_3s),
		cmocka_unit_test(test_receive_link_down_keeps_the_partner_and_drops_sync_at_once),
		cmocka_unit_test(test_receive_sync_is_believed_only_when_the_partner_means_us),
		cmocka_unit_test(test_receive_partner_change_detaches_and_attaches_again_once),
		cmocka_unit_test(test_receive_partner_port_that_moved_is_forgotten_where_it_was),
		cmocka_unit_test(test_receive_recovery_from_expired_needs_no_new_wait),
		cmocka_unit_test(
			test_receive_pdu_that_waited_while_the_caller_slept_counts_as_in_time),
		cmocka_unit_test(test_receive_time_that_goes_back_changes_nothing),
		cmocka_unit_test(test_bad_frames_are_counted_and_ignored),
		cmocka_unit_test(test_rate_limit_drops_the_excess_and_says_so_once),
		cmocka_unit_test(test_pin_keeps_another_partner_out_with_the_reason),
		cmocka_unit_test(
			test_pinned_session_is_unaffected_by_a_thousand_forged_pdus_per_second),
		cmocka_unit_test(test_pin_set_at_run_time_drops_the_wrong_partner_at_once),
		cmocka_unit_test(test_loop_on_a_live_member_takes_it_out_until_our_pdus_stay_away),
		cmocka_unit_test(test_periodic_follows_the_partners_timeout_bit),
		cmocka_unit_test(test_periodic_partner_that_turns_fast_is_answered_at_once),
		cmocka_unit_test(test_periodic_late_ticks_do_not_add_up),
		cmocka_unit_test(test_mux_waits_then_collects_before_it_distributes),
		cmocka_unit_test(test_mux_wait_of_zero_attaches_at_once),
		cmocka_unit_test(test_mux_flapping_member_does_not_hold_up_the_others),
		cmocka_unit_test(test_first_frame_may_flow_within_500ms_of_both_sides_in_sync),
		cmocka_unit_test(test_transmit_never_sends_more_than_three_pdus_in_any_second),
		cmocka_unit_test(test_transmit_held_back_pdu_carries_the_latest_state),
		cmocka_unit_test(test_churn_is_reported_after_60s_out_of_sync_and_when_it_ends),
		cmocka_unit_test(test_churn_counts_the_actor_too_and_not_a_link_that_is_down),
		cmocka_unit_test(test_reconfigure_rate_and_identity_move_no_traffic),
		cmocka_unit_test(test_reconfigure_tells_the_partner_at_once_and_refuses_nonsense),
		cmocka_unit_test(test_reconfigure_rate_mismatch_is_named_and_harmless),
		cmocka_unit_test(test_reconfigure_system_id_costs_one_renegotiation),
		cmocka_unit_test(test_slow_silent_partner_is_out_after_90s_and_before_95s),
		cmocka_unit_test(test_removed_member_stops_tells_the_partner_and_frees_its_names),
		cmocka_unit_test(test_half_duplex_member_stays_out_and_does_not_offer_aggregation),
		cmocka_unit_test(test_carrier_does_not_blink_when_a_partner_appears_and_not_strict),
		cmocka_unit_test(test_carrier_follows_operational_members_once_a_partner_is_live),
		cmocka_unit_test(test_events_of_a_partner_gone_mad_are_held_back_and_counted),
		cmocka_unit_test(test_tick_at_its_own_deadline_is_all_the_engine_needs),
	};

	return cmocka_run_group_tests_name("lacp_machines", tests, NULL, NULL);
}

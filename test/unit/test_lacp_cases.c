/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * LACP cases that others wrote (OVS, Linux selftests, DPDK, VPP, SONiC, UNH-IOL), as far as they
 * concern the pure engine; the number in a name is the one in the project's case table.
 *
 * Threads: one.
 */
#include "test_lacp_rig.h"

static struct rig rig;

/* Actor state of a member in full service, as `show` prints it in OVS. */
enum {
	IN_SERVICE = RIG_FORWARDS
};

static void
pair(unsigned int n)
{
	rig_init(&rig);
	rig_pair(&rig, rig_node(&rig, 0), rig_node(&rig, 1), n);
}

#define A (&rig.nodes[0])
#define B (&rig.nodes[1])
#define C (&rig.nodes[2])

static void
test_L01_both_ends_are_in_service_within_5000ms(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.key = 5;
	rig_node(&rig, 1)->cfg.key = 6;
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 5000);
	for (unsigned int i = 0; i < 2; i++) {
		struct bf_lacp_member_info a = rig_info(A, i);
		struct bf_lacp_member_info b = rig_info(B, i);

		assert_int_equal(a.rx, BF_LACP_RX_CURRENT);
		assert_int_equal(a.selected, BF_LACP_SELECTED);
		assert_int_equal(a.actor.state, IN_SERVICE);
		assert_int_equal(a.partner.state, IN_SERVICE);
		assert_int_equal(b.actor.state, IN_SERVICE);
		assert_true(rig_forwards(A, i) && rig_forwards(B, i));
		assert_int_equal(a.actor.key, 5);
		assert_int_equal(a.partner.key, 6);
		assert_int_equal(b.partner.key, 5);
		assert_int_equal(a.partner.port_number, i + 1);
		assert_int_equal(a.partner.system_id[5], 2);
		assert_string_equal(a.reason, "");
	}
	assert_true(rig_bond(A).carrier);
	assert_int_equal(rig_bond(A).n_distributing, 2);
	rig_fini(&rig);
}

static void
cut_member_1(void)
{
	pair(2);
	rig_run_ms(&rig, 5000);
	rig_cut(A, 1, true);
}

static void
test_L02_silent_member_expires_within_4100ms(void **state)
{
	uint64_t last_ms;

	(void)state;
	cut_member_1();
	last_ms = rig_info(A, 1).last_rx_ms;
	rig_run_ms(&rig, 4100);
	assert_int_equal(rig_info(A, 1).rx, BF_LACP_RX_EXPIRED);
	assert_true(rig_is_out(A, 1));
	assert_true(A->ports[1].out_ms - last_ms <= 3500);
	assert_string_equal(rig_info(A, 1).reason, "partner 02:00:00:00:00:02 is silent");
	assert_int_equal(rig_info(A, 1).counters.timeouts, 1);
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_CURRENT);
	assert_true(rig_forwards(A, 0));
	assert_true(rig_bond(A).carrier);
	rig_fini(&rig);
}

static void
test_L03_silent_member_forgets_its_partner_after_8200ms(void **state)
{
	static const uint8_t nobody[6];
	struct bf_lacp_member_info info;

	(void)state;
	cut_member_1();
	rig_run_ms(&rig, 8200);
	info = rig_info(A, 1);
	assert_int_equal(info.rx, BF_LACP_RX_DEFAULTED);
	assert_memory_equal(info.partner.system_id, nobody, sizeof(nobody));
	assert_int_equal(info.partner.key | info.partner.port_number | info.partner.state, 0);
	assert_int_equal(info.actor.state & BF_LACP_DEFAULTED, BF_LACP_DEFAULTED);
	assert_int_equal(info.selected, BF_LACP_UNSELECTED);
	assert_string_equal(info.reason, "no partner");
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_L04_restored_member_is_current_within_1100ms_and_forwards_within_3000ms(void **state)
{
	(void)state;
	cut_member_1();
	rig_run_ms(&rig, 8200);
	rig_cut(A, 1, false);
	rig_run_ms(&rig, 1100);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_info(A, i).rx, BF_LACP_RX_CURRENT);
		assert_int_equal(rig_info(B, i).rx, BF_LACP_RX_CURRENT);
	}
	rig_run_ms(&rig, 1900);
	assert_true(rig_forwards(A, 1) && rig_forwards(B, 1));
	rig_fini(&rig);
}

/* One line of Linux bond_lacp_strict.sh: what is done to the wires, and what must follow. */
enum step_op {
	NOTHING,
	PARTNER_DOWN,
	PARTNER_UP,
	LACP_OFF,
	LACP_ON,
	STRICT_ON,
	STRICT_OFF,
};

struct strict_step {
	enum step_op op;
	unsigned int member;
	bool forwards[2];
	bool carrier;
	uint64_t within_ms;
};

static void
apply_step(const struct strict_step *s)
{
	switch (s->op) {
	case PARTNER_DOWN:
	case PARTNER_UP:
		rig_carrier(A, s->member, s->op == PARTNER_UP);
		break;
	case LACP_OFF:
	case LACP_ON:
		rig_cut(A, s->member, s->op == LACP_OFF);
		break;
	case STRICT_ON:
	case STRICT_OFF:
		A->cfg.strict = s->op == STRICT_ON;
		assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
		break;
	case NOTHING:
		break;
	}
}

static bool
step_holds(const struct strict_step *s)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t bits = rig_info(A, i).actor.state & 0x30;

		if (bits != (s->forwards[i] ? 0x30 : 0) || rig_forwards(A, i) != s->forwards[i])
			return false;
	}
	return rig_bond(A).carrier == s->carrier;
}

static void
test_L05_linux_lacp_strict_step_table(void **state)
{
	static const struct strict_step steps[] = {
		{NOTHING, 0, {true, true}, true, 5000},
		{PARTNER_DOWN, 0, {false, true}, true, 0},
		{PARTNER_DOWN, 1, {false, false}, false, 0},
		{PARTNER_UP, 0, {true, false}, true, 60000},
		{PARTNER_UP, 1, {true, true}, true, 60000},
		{LACP_OFF, 0, {false, true}, true, 5000},
		{LACP_OFF, 1, {false, false}, true, 5000},
		{STRICT_ON, 0, {false, false}, false, 0},
		{STRICT_OFF, 0, {false, false}, true, 0},
		{LACP_ON, 0, {true, false}, true, 60000},
		{LACP_ON, 1, {true, true}, true, 60000},
		{STRICT_ON, 0, {true, true}, true, 0},
		{PARTNER_DOWN, 0, {false, true}, true, 0},
		{PARTNER_DOWN, 1, {false, false}, false, 0},
		{PARTNER_UP, 0, {true, false}, true, 60000},
		{PARTNER_UP, 1, {true, true}, true, 60000},
		{LACP_OFF, 0, {false, true}, true, 5000},
		{LACP_OFF, 1, {false, false}, false, 5000},
		{LACP_ON, 0, {true, false}, true, 60000},
		{LACP_ON, 1, {true, true}, true, 60000},
	};

	(void)state;
	pair(2);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t end_ms = rig.now_ms + steps[i].within_ms;

		apply_step(&steps[i]);
		while (!step_holds(&steps[i]) && rig.now_ms < end_ms)
			rig_run_ms(&rig, 100);
		if (!step_holds(&steps[i]))
			fail_msg("step %zu: states %02x %02x, carrier %d", i,
				rig_info(A, 0).actor.state, rig_info(A, 1).actor.state,
				rig_bond(A).carrier);
	}
	rig_fini(&rig);
}

static void
set_priority(struct rig_node *n, unsigned int id, uint16_t priority)
{
	struct bf_lacp_member_config mc = rig_info(n, id).config;

	mc.port_priority = priority;
	assert_int_equal(bf_lacp_member_configure(n->l, id, &mc, rig.now_ms), 0);
	assert_int_equal(rig_info(n, id).actor.port_priority, priority);
}

/* Members 0 and 1 to switch B, 2 and 3 to switch C. */
static void
two_switches(enum bf_lacp_select policy)
{
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.select = policy;
	rig_node(&rig, 1);
	rig_node(&rig, 2);
	rig_start(A, 4);
	rig_start(B, 2);
	rig_start(C, 2);
	for (unsigned int i = 0; i < 2; i++) {
		rig_wire(A, i, B, i);
		rig_wire(A, 2 + i, C, i);
	}
	for (unsigned int i = 0; i < 4; i++)
		rig_carrier(A, i, true);
}

static void
assert_only_switch(bool b, bool c)
{
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig_forwards(A, i), b);
		assert_int_equal(rig_forwards(A, 2 + i), c);
		if (!b)
			assert_true(rig_is_out(A, i));
		if (!c)
			assert_true(rig_is_out(A, 2 + i));
	}
}

static void
test_L06_linux_lacp_prio_one_aggregator_that_follows_the_priorities(void **state)
{
	(void)state;
	two_switches(BF_LACP_SELECT_PRIORITY);
	set_priority(A, 0, 1000);
	set_priority(A, 2, 10);
	rig_run_ms(&rig, 6000);
	assert_only_switch(true, false);
	/* The other switch gets nothing and is told so. */
	assert_false(C->ports[0].distribute || C->ports[1].distribute);
	assert_int_equal(rig_info(A, 2).why, BF_LACP_WHY_PARTNER_SYSTEM);
	assert_non_null(strstr(rig_info(A, 2).reason,
		"partner 02:00:00:00:00:03 priority 32768 differs from the active aggregator's "
		"partner 02:00:00:00:00:02"));
	assert_int_equal(rig_bond(A).active_aggregator_id, rig_info(A, 0).aggregator_id);
	/* The script flaps eth1 to make Linux select again. */
	set_priority(A, 0, 10);
	set_priority(A, 2, 1000);
	rig_carrier(A, 1, false);
	rig_run_ms(&rig, 500);
	rig_carrier(A, 1, true);
	rig_run_ms(&rig, 6000);
	assert_only_switch(false, true);
	assert_int_equal(rig_bond(A).active_aggregator_id, rig_info(A, 2).aggregator_id);
	rig_fini(&rig);
}

static void
test_L07_handshake_with_a_scripted_partner_in_every_selection_mode(void **state)
{
	struct bf_lacp_config cfg;

	(void)state;
	bf_lacp_config_default(&cfg);
	assert_int_equal(cfg.select, BF_LACP_SELECT_STABLE);
	for (int policy = 0; policy < BF_LACP_SELECT_POLICY_COUNT; policy++) {
		rig_init(&rig);
		rig_node(&rig, 0)->cfg.select = (enum bf_lacp_select)policy;
		rig_start(A, 4);
		assert_int_equal(bf_lacp_config(A->l)->select, policy);
		for (unsigned int i = 0; i < 4; i++)
			rig_link(A, i, true);
		for (unsigned int step = 0; step < 8; step++) {
			for (unsigned int i = 0; i < 4; i++) {
				struct bf_lacp_pdu pdu = rig_reply(A, i, 9, RIG_FORWARDS);

				rig_inject(A, i, &pdu);
			}
			rig_run_ms(&rig, 500);
		}
		for (unsigned int i = 0; i < 4; i++)
			assert_true(rig_forwards(A, i));
		rig_fini(&rig);
	}
}

static void
test_L08_member_whose_link_fails_stops_at_once_and_rejoins_within_5_pdus(void **state)
{
	unsigned int sent;

	(void)state;
	pair(2);
	rig_run_ms(&rig, 5000);
	rig_carrier(A, 1, false);
	/* No time has passed. */
	assert_true(rig_is_out(A, 1));
	assert_true(rig_forwards(A, 0));
	assert_string_equal(rig_info(A, 1).reason, "link down");
	rig_run_ms(&rig, 5000);
	rig_carrier(A, 1, true);
	sent = A->ports[1].n_lacp;
	while (!rig_forwards(A, 1) && A->ports[1].n_lacp - sent < 6)
		rig_run_ms(&rig, 10);
	assert_true(rig_forwards(A, 1));
	assert_true(A->ports[1].n_lacp - sent <= 5);
	rig_fini(&rig);
}

static void
test_L09_losing_one_member_leaves_the_others_untouched(void **state)
{
	unsigned int sets[4];

	(void)state;
	pair(4);
	rig_run_ms(&rig, 5000);
	for (unsigned int i = 0; i < 4; i++)
		sets[i] = A->ports[i].n_sets;
	rig_carrier(A, 2, false);
	rig_run_ms(&rig, 60000);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(rig_forwards(A, i), i != 2);
		if (i != 2)
			assert_int_equal(A->ports[i].n_sets, sets[i]);
	}
	assert_int_equal(rig_bond(A).n_distributing, 3);
	rig_fini(&rig);
}

static void
inject_marker(unsigned int id, uint32_t transaction, uint8_t tlv)
{
	struct bf_lacp_marker mk = {
		.port = 3, .system_id = {2, 0, 0, 0, 0, 9}, .transaction = transaction};
	static const uint8_t mac[6] = {0x02, 0xee, 0, 0, 0, 1};
	uint8_t frame[BF_LACP_FRAME_LEN];

	bf_lacp_marker_encode(frame, mac, &mk, false);
	frame[16] = tlv;
	bf_lacp_receive(A->l, id, frame, sizeof(frame), rig.now_ms);
}

static void
test_L10_marker_is_answered_on_its_member_and_a_flood_once_per_2s(void **state)
{
	struct bf_lacp_pdu pdu;

	(void)state;
	pair(2);
	rig_run_ms(&rig, 5000);
	inject_marker(1, 0xcafe0001, 1);
	assert_int_equal(A->ports[1].n_other, 1);
	assert_int_equal(A->ports[0].n_other, 0);
	assert_int_equal(bf_lacp_pdu_decode(A->ports[1].last_frame, BF_LACP_FRAME_LEN, &pdu),
		BF_LACP_PDU_MARKER_RESPONSE);
	assert_int_equal(pdu.marker.transaction, 0xcafe0001);
	assert_int_equal(pdu.marker.port, 3);
	for (uint32_t i = 0; i < 10000; i++) {
		inject_marker(1, i, 1);
		rig_run_ms(&rig, 1);
	}
	assert_true(A->ports[1].n_other >= 5 && A->ports[1].n_other <= 6);
	assert_int_equal(rig_info(A, 1).counters.marker_rx, 10001);
	assert_int_equal(rig_info(A, 1).counters.marker_response_tx, A->ports[1].n_other);
	assert_int_equal(rig_info(A, 1).counters.marker_limited, 10001 - A->ports[1].n_other);
	/* An unknown marker type is counted, not answered. */
	rig_run_ms(&rig, 5000);
	inject_marker(0, 1, 9);
	assert_int_equal(A->ports[0].n_other, 0);
	assert_int_equal(rig_info(A, 0).counters.rx_unknown, 1);
	assert_true(rig_forwards(A, 1));
	rig_fini(&rig);
}

static void
test_L11_only_the_member_whose_partner_stops_expires(void **state)
{
	(void)state;
	pair(4);
	rig_run_ms(&rig, 5000);
	A->ports[2].cut = true;
	rig_run_ms(&rig, 3500);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(
			rig_info(A, i).rx, i == 2 ? BF_LACP_RX_EXPIRED : BF_LACP_RX_CURRENT);
		assert_int_equal(rig_forwards(A, i), i != 2);
	}
	/* The partner hears us say so and stops sending there too. */
	assert_false(B->ports[2].distribute);
	rig_fini(&rig);
}

static void
test_L12_each_pdu_is_counted_once_and_unknown_members_are_harmless(void **state)
{
	struct bf_lacp_pdu pdu;
	uint64_t before;

	(void)state;
	pair(2);
	/* Long enough after the last PDU that none is on its way. */
	rig_run_ms(&rig, 5500);
	before = rig_info(A, 0).counters.pdu_rx;
	pdu = B->ports[0].last_lacp;
	rig_inject(A, 0, &pdu);
	assert_int_equal(rig_info(A, 0).counters.pdu_rx, before + 1);
	rig_inject(A, 77, &pdu);
	assert_int_equal(bf_lacp_link(A->l, 77, true, 10000, true, rig.now_ms), -ENOENT);
	assert_int_equal(bf_lacp_member_remove(A->l, 77, rig.now_ms), -ENOENT);
	assert_int_equal(A->ports[0].n_lacp, rig_info(A, 0).counters.pdu_tx);
	assert_int_equal(B->ports[0].n_lacp + 1, rig_info(A, 0).counters.pdu_rx);
	rig_fini(&rig);
}

/* Gaps of the last n PDUs of A's member 0, each within 100 ms of the period. */
static void
assert_gaps(unsigned int n, uint64_t period_ms)
{
	const struct rig_port *p = &A->ports[0];

	assert_true(p->n_lacp > n);
	for (unsigned int i = p->n_lacp - n; i < p->n_lacp; i++) {
		uint64_t gap_ms = p->sent_ms[i % RIG_SENDS] - p->sent_ms[(i - 1) % RIG_SENDS];

		assert_in_range(gap_ms, period_ms - 100, period_ms + 100);
	}
}

static void
test_L13_pdus_leave_at_the_partners_rate_within_100ms(void **state)
{
	(void)state;
	pair(2);
	rig_run_ms(&rig, 15000);
	assert_gaps(3, 1000);
	B->cfg.fast = false;
	assert_int_equal(bf_lacp_reconfigure(B->l, &B->cfg, rig.now_ms), 0);
	rig_run_ms(&rig, 150000);
	assert_gaps(3, 30000);
	assert_true(rig_forwards(A, 0) && rig_forwards(A, 1));
	rig_fini(&rig);
}

static void
run_min_links(bool silent, uint64_t limit_ms, bool fast)
{
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.min_links = 2;
	A->cfg.fast = fast;
	rig_node(&rig, 1)->cfg.fast = fast;
	rig_pair(&rig, A, B, 4);
	rig_run_ms(&rig, 8000);
	assert_int_equal(rig_bond(A).n_distributing, 4);
	for (unsigned int gone = 0; gone < 3; gone++) {
		if (silent)
			rig_cut(A, gone, true);
		else
			rig_carrier(A, gone, false);
		rig_run_ms(&rig, limit_ms);
		assert_true(rig_is_out(A, gone) || (gone < 2 && !rig_forwards(A, gone)));
		assert_int_equal(rig_bond(A).carrier, gone < 2);
		assert_int_equal(rig_bond(A).n_distributing, gone < 2 ? 3 - gone : 0);
	}
	/* The last link is fine in itself, says what is missing, and the partner has left as well. */
	rig_run_ms(&rig, 2 * RIG_LATENCY_MS);
	assert_string_equal(rig_info(A, 3).reason, "min_links: 1 of 2 members ready");
	assert_true(rig_is_out(A, 3));
	assert_int_equal(A->ports[3].last_lacp.actor.state & ~RIG_ASKS, 0);
	assert_false(B->ports[3].distribute);
	/* One more is enough for both to come up again by themselves. */
	if (silent)
		rig_cut(A, 2, false);
	else
		rig_carrier(A, 2, true);
	for (unsigned int i = 0; i < (silent ? 33000 : 5000) && !rig_forwards(B, 3); i++) {
		rig_run_ms(&rig, 1);
		assert_true(rig_is_out(A, 3) || rig_info(A, 2).mux > BF_LACP_MUX_WAITING);
	}
	rig_run_ms(&rig, 10);
	assert_int_equal(rig_bond(A).n_distributing, 2);
	assert_int_equal(rig_bond(B).n_distributing, 2);
	assert_true(rig_bond(A).carrier);
	rig_fini(&rig);
}

static void
test_L14_two_ends_that_both_wait_for_min_links_find_each_other(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.min_links = 2;
	rig_node(&rig, 1)->cfg.min_links = 3;
	rig_pair(&rig, A, B, 3);
	rig_run_ms(&rig, 8000);
	assert_int_equal(rig_bond(B).n_distributing, 3);
	rig_carrier(A, 0, false);
	rig_run_ms(&rig, 60000); /* enough for A, not for B: neither is in sync in the end */
	for (unsigned int i = 1; i < 3; i++) {
		assert_true(rig_is_out(A, i) && rig_is_out(B, i));
		assert_int_equal(A->ports[i].last_lacp.actor.state & BF_LACP_SYNC, 0);
	}
	rig_carrier(A, 0, true);
	rig_run_ms(&rig, 6000);
	assert_int_equal(rig_bond(A).n_distributing, 3);
	assert_int_equal(rig_bond(B).n_distributing, 3);
	rig_fini(&rig);
}

static void
run_scripted_pair(uint8_t state0, uint8_t state1, unsigned int seconds)
{
	for (unsigned int i = 0; i < 2 * seconds; i++) {
		rig_run_scripted_ms(A, 0, 0x70, state0, 1);
		rig_run_scripted_ms(A, 1, 0x70, state1, 499);
	}
}

static void
test_L14_a_partner_that_keeps_one_port_out_of_sync_is_left(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.min_links = 2;
	rig_start(A, 2);
	rig_link(A, 0, true);
	rig_link(A, 1, true);
	run_scripted_pair(RIG_FORWARDS, RIG_ASKS, 10);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	assert_int_equal(A->ports[0].last_lacp.actor.state & ~RIG_ASKS, 0);
	assert_string_equal(rig_info(A, 0).reason, "min_links: 1 of 2 members ready");
	run_scripted_pair(RIG_FORWARDS, RIG_FORWARDS, 4);
	assert_true(rig_forwards(A, 0) && rig_forwards(A, 1));
	run_scripted_pair(RIG_FORWARDS, RIG_ASKS, 1);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	rig_fini(&rig);
}

/* ---- a priority of our own changes while a PDU of the partner is under way ---- */

static void
test_a_pdu_that_names_an_older_priority_of_ours_moves_nothing_for_3_s(void **state)
{
	unsigned int sets;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_node(&rig, 1);
	A->cfg.fast = true;
	B->cfg.fast = false; /* no timeout of its own in the way */
	rig_pair(&rig, A, B, 1);
	rig_run_ms(&rig, 8000);
	assert_true(rig_forwards(A, 0));
	sets = A->ports[0].n_sets;
	B->ports[0].cut = true; /* it never hears of the new priority */
	A->cfg.system_priority ^= 1;
	bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms);
	rig_run_ms(&rig, 2900);
	assert_int_equal(A->ports[0].n_sets, sets);
	assert_true(rig_forwards(A, 0));
	rig_run_ms(&rig, 1200); /* a partner that goes on with it does not mean us */
	assert_true(rig_is_out(A, 0));
	rig_fini(&rig);
}

/* ---- taken out by order ---- */

static void
test_a_held_member_tells_its_partner_at_once_and_comes_back(void **state)
{
	unsigned int before;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_node(&rig, 1);
	rig_pair(&rig, A, B, 2);
	rig_run_ms(&rig, 8000);
	/* Also when three PDUs have left within the second. */
	for (int i = 0; i < 8; i++) {
		A->cfg.system_priority ^= 1;
		bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms);
		rig_run_ms(&rig, 4);
	}
	before = A->ports[0].n_lacp;
	assert_int_equal(bf_lacp_member_hold(A->l, 0, true, rig.now_ms), 0);
	assert_int_equal(A->ports[0].n_lacp, before + 1);
	assert_int_equal(A->ports[0].last_lacp.actor.state & ~RIG_ASKS, 0);
	assert_true(rig_is_out(A, 0));
	assert_int_equal(rig_info(A, 0).why, BF_LACP_WHY_HELD);
	rig_run_ms(&rig, 10);
	assert_false(B->ports[0].distribute);
	rig_run_ms(&rig, 20000); /* it hears and speaks on */
	assert_int_equal(rig_info(A, 0).rx, BF_LACP_RX_CURRENT);
	assert_true(rig_forwards(A, 1) && rig_forwards(B, 1));
	assert_int_equal(bf_lacp_member_hold(A->l, 0, false, rig.now_ms), 0);
	rig_run_ms(&rig, 2100);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 0));
	before = A->ports[0].n_lacp;
	assert_int_equal(bf_lacp_member_remove(A->l, 0, rig.now_ms), 0);
	assert_int_equal(A->ports[0].n_lacp, before + 1);
	assert_int_equal(A->ports[0].last_lacp.actor.state & ~RIG_ASKS, 0);
	assert_int_equal(bf_lacp_member_hold(A->l, 0, true, rig.now_ms), -ENOENT);
	rig_fini(&rig);
}

static void
test_a_held_member_is_no_fallback(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 2);
	rig_link(A, 0, true);
	rig_link(A, 1, true);
	rig_run_ms(&rig, 4000);
	assert_true(rig_forwards(A, 0));
	bf_lacp_member_hold(A->l, 0, true, rig.now_ms);
	assert_true(rig_is_out(A, 0) && rig_forwards(A, 1));
	bf_lacp_member_hold(A->l, 1, true, rig.now_ms);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	rig_fini(&rig);
}

static void
test_L14_min_links_by_carrier_within_5s(void **state)
{
	(void)state;
	run_min_links(false, 5000, true);
	run_min_links(false, 1, false);
}

static void
test_L14_min_links_by_silence_within_95s_slow_and_3500ms_fast(void **state)
{
	(void)state;
	run_min_links(true, 95000, false);
	run_min_links(true, 3500, true);
}

static void
test_L15_fallback_forwards_on_one_member_until_lacp_appears(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_node(&rig, 1);
	rig_start(A, 3);
	for (unsigned int i = 0; i < 3; i++)
		rig_link(A, i, true);
	set_priority(A, 1, 10);
	rig_run_ms(&rig, 5000);
	assert_true(rig_is_out(A, 0) && rig_forwards(A, 1) && rig_is_out(A, 2));
	assert_true(rig_bond(A).carrier && rig_bond(A).fallback);
	/* LACP appears on another member and takes over; the fallback member stands back. */
	rig_start(B, 3);
	rig_wire(A, 0, B, 0);
	rig_link(B, 0, true);
	rig_run_ms(&rig, 6000);
	assert_true(rig_forwards(A, 0) && rig_is_out(A, 1) && rig_is_out(A, 2));
	assert_false(rig_bond(A).fallback);
	/* And goes again: fallback returns. */
	rig_cut(A, 0, true);
	rig_run_ms(&rig, 10000);
	assert_true(rig_is_out(A, 0) && rig_forwards(A, 1) && rig_is_out(A, 2));
	rig_fini(&rig);
}

static void
test_L15_without_fallback_nothing_forwards_without_partner(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.strict = true;
	rig_start(A, 2);
	rig_link(A, 0, true);
	rig_link(A, 1, true);
	rig_run_ms(&rig, 120000);
	assert_true(rig_is_out(A, 0) && rig_is_out(A, 1));
	assert_int_equal(A->ports[0].n_sets, 0);
	assert_false(rig_bond(A).carrier);
	rig_fini(&rig);
}

static void
test_L16_version_f1_with_extra_tlvs_is_accepted_without_a_flap(void **state)
{
	static const uint8_t mac[6] = {0x02, 0xee, 0, 0, 0, 1};
	static const uint8_t extra[] = {0x80, 4, 5, 0, 0x81, 4, 5, 0};
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_member_info info;
	unsigned int sets;

	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_start(A, 1);
	rig_link(A, 0, true);
	rig_run_scripted_ms(A, 0, 9, RIG_FORWARDS, 5000);
	assert_true(rig_forwards(A, 0));
	sets = A->ports[0].n_sets;
	for (unsigned int i = 0; i < 20; i++) {
		struct bf_lacp_pdu pdu = rig_reply(A, 0, 9, RIG_FORWARDS);

		bf_lacp_pdu_encode(frame, mac, &pdu.actor, &pdu.partner);
		frame[15] = (i & 1) != 0 ? 0xf1 : 1;
		if ((i & 1) != 0)
			memcpy(frame + 74, extra, sizeof(extra));
		bf_lacp_receive(A->l, 0, frame, sizeof(frame), rig.now_ms);
		rig_run_ms(&rig, 1000);
	}
	info = rig_info(A, 0);
	assert_true(rig_forwards(A, 0));
	assert_int_equal(A->ports[0].n_sets, sets);
	assert_int_equal(info.counters.rx_errors, 0);
	assert_int_equal(info.counters.partner_changes, 0);
	rig_fini(&rig);
}

static void
test_L17_all_sixteen_members_collect_and_distribute_on_both_ends(void **state)
{
	(void)state;
	pair(16);
	rig_run_ms(&rig, 5000);
	for (unsigned int i = 0; i < 16; i++)
		assert_true(rig_forwards(A, i) && rig_forwards(B, i));
	assert_int_equal(rig_bond(A).n_distributing, 16);
	rig_fini(&rig);
}

static void
test_L18_status_never_contradicts_what_was_ordered(void **state)
{
	(void)state;
	pair(4);
	for (unsigned int round = 0; round < 200; round++) {
		unsigned int id = round % 4;
		unsigned int n_out = 0;

		if (round % 20 == 3)
			rig_carrier(A, id, false);
		if (round % 20 == 11)
			rig_carrier(A, (round - 8) % 4, true);
		rig_run_ms(&rig, 250);
		for (unsigned int i = 0; i < 4; i++) {
			struct bf_lacp_member_info info = rig_info(A, i);

			assert_int_equal(info.collecting, A->ports[i].collect);
			assert_int_equal(info.distributing, A->ports[i].distribute);
			assert_int_equal((info.actor.state & BF_LACP_DISTRIBUTING) != 0,
				A->ports[i].distribute);
			assert_int_equal(info.reason[0] == '\0', A->ports[i].distribute);
			n_out += A->ports[i].distribute ? 0 : 1;
		}
		assert_int_equal(rig_bond(A).n_distributing, 4 - n_out);
	}
	rig_fini(&rig);
}

static void
test_L24_member_looped_to_itself_is_refused_with_one_event(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0);
	rig_start(A, 2);
	rig_wire(A, 0, A, 0);
	rig_link(A, 0, true);
	rig_run_ms(&rig, 600000);
	assert_int_equal(A->ports[0].n_sets, 0);
	assert_true(rig_info(A, 0).loop);
	assert_string_equal(rig_info(A, 0).reason, "own PDU came back: loop");
	assert_int_equal(A->ports[0].n_events[BF_LACP_EV_LOOP], 1);
	/* No storm: about one PDU per second, all of them seen again and none answered. */
	assert_in_range(A->ports[0].n_lacp, 590, 610);
	rig_run_ms(&rig, 2);
	assert_int_equal(rig_info(A, 0).counters.rx_loop, A->ports[0].n_lacp);
	/* The loop is opened without the link going down, and then the member works. */
	rig_node(&rig, 1);
	rig_start(B, 1);
	rig_wire(A, 0, B, 0);
	rig_link(B, 0, true);
	rig_run_ms(&rig, 9000);
	assert_true(rig_forwards(A, 0));
	rig_fini(&rig);
}

static void
test_L24_two_members_cabled_together_are_both_refused(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.fallback = true;
	rig_start(A, 2);
	rig_wire(A, 0, A, 1);
	rig_link(A, 0, true);
	rig_link(A, 1, true);
	rig_run_ms(&rig, 300000);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(A->ports[i].n_sets, 0);
		assert_int_equal(rig_info(A, i).why, BF_LACP_WHY_LOOP);
		assert_int_equal(A->ports[i].n_events[BF_LACP_EV_LOOP], 1);
		assert_in_range(A->ports[i].n_lacp, 290, 310);
	}
	assert_false(rig_bond(A).carrier);
	rig_fini(&rig);
}

static void
test_L25_hundred_seconds_without_a_gap_above_3s_or_an_expiry(void **state)
{
	const struct rig_port *p;

	(void)state;
	pair(2);
	rig_run_ms(&rig, 5000);
	B->ports[0].seen_states = 0;
	rig_run_ms(&rig, 100000);
	p = &A->ports[0];
	assert_gaps(95, 1000);
	assert_in_range(p->n_lacp, 98, 112);
	assert_int_equal(B->ports[0].seen_states & BF_LACP_EXPIRED, 0);
	assert_int_equal(rig_info(B, 0).counters.timeouts, 0);
	rig_fini(&rig);
}

static void
test_L26_passive_against_passive_stays_down_and_silent(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_node(&rig, 0)->cfg.active = false;
	rig_node(&rig, 1)->cfg.active = false;
	rig_pair(&rig, A, B, 1);
	rig_run_ms(&rig, 120000);
	assert_int_equal(A->ports[0].n_lacp + B->ports[0].n_lacp, 0);
	assert_true(rig_is_out(A, 0));
	/* One side turns active at run time: both come up. */
	A->cfg.active = true;
	assert_int_equal(bf_lacp_reconfigure(A->l, &A->cfg, rig.now_ms), 0);
	rig_run_ms(&rig, 6000);
	assert_true(rig_forwards(A, 0) && rig_forwards(B, 0));
	rig_fini(&rig);
}

static void
test_L27_ten_idle_minutes_without_a_flap(void **state)
{
	unsigned int sets;

	(void)state;
	pair(4);
	rig_run_ms(&rig, 5000);
	sets = A->ports[0].n_sets;
	rig_run_ms(&rig, 600000);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(A->ports[i].n_sets, sets);
		assert_true(rig_forwards(A, i) && rig_forwards(B, i));
		assert_int_equal(rig_info(A, i).counters.timeouts, 0);
	}
	assert_int_equal(A->n_bond_events[BF_LACP_EV_AGGREGATOR], 1);
	rig_fini(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_L01_both_ends_are_in_service_within_5000ms),
		cmocka_unit_test(test_L02_silent_member_expires_within_4100ms),
		cmocka_unit_test(test_L03_silent_member_forgets_its_partner_after_8200ms),
		cmocka_unit_test(
			test_L04_restored_member_is_current_within_1100ms_and_forwards_within_3000ms),
		cmocka_unit_test(test_L05_linux_lacp_strict_step_table),
		cmocka_unit_test(
			test_L06_linux_lacp_prio_one_aggregator_that_follows_the_priorities),
		cmocka_unit_test(
			test_L07_handshake_with_a_scripted_partner_in_every_selection_mode),
		cmocka_unit_test(
			test_L08_member_whose_link_fails_stops_at_once_and_rejoins_within_5_pdus),
		cmocka_unit_test(test_L09_losing_one_member_leaves_the_others_untouched),
		cmocka_unit_test(test_L10_marker_is_answered_on_its_member_and_a_flood_once_per_2s),
		cmocka_unit_test(test_L11_only_the_member_whose_partner_stops_expires),
		cmocka_unit_test(
			test_L12_each_pdu_is_counted_once_and_unknown_members_are_harmless),
		cmocka_unit_test(test_L13_pdus_leave_at_the_partners_rate_within_100ms),
		cmocka_unit_test(test_L14_two_ends_that_both_wait_for_min_links_find_each_other),
		cmocka_unit_test(test_L14_a_partner_that_keeps_one_port_out_of_sync_is_left),
		cmocka_unit_test(
			test_a_pdu_that_names_an_older_priority_of_ours_moves_nothing_for_3_s),
		cmocka_unit_test(test_a_held_member_tells_its_partner_at_once_and_comes_back),
		cmocka_unit_test(test_a_held_member_is_no_fallback),
		cmocka_unit_test(test_L14_min_links_by_carrier_within_5s),
		cmocka_unit_test(test_L14_min_links_by_silence_within_95s_slow_and_3500ms_fast),
		cmocka_unit_test(test_L15_fallback_forwards_on_one_member_until_lacp_appears),
		cmocka_unit_test(test_L15_without_fallback_nothing_forwards_without_partner),
		cmocka_unit_test(test_L16_version_f1_with_extra_tlvs_is_accepted_without_a_flap),
		cmocka_unit_test(test_L17_all_sixteen_members_collect_and_distribute_on_both_ends),
		cmocka_unit_test(test_L18_status_never_contradicts_what_was_ordered),
		cmocka_unit_test(test_L24_member_looped_to_itself_is_refused_with_one_event),
		cmocka_unit_test(test_L24_two_members_cabled_together_are_both_refused),
		cmocka_unit_test(test_L25_hundred_seconds_without_a_gap_above_3s_or_an_expiry),
		cmocka_unit_test(test_L26_passive_against_passive_stays_down_and_silent),
		cmocka_unit_test(test_L27_ten_idle_minutes_without_a_flap),
	};

	return cmocka_run_group_tests_name("lacp_cases", tests, NULL, NULL);
}

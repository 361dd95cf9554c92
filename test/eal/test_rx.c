/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reception from the bond: real ring ports as members, read member by member.
 *
 * Threads: one.
 */
#include "unit.h"

#include "rig.h"

#define MEMBERS 3

static struct rig *r;
static uint8_t data_frame[64], lacpdu[124];
static uint32_t data_len;

static int
set_up(void **state)
{
	static const uint8_t slow[6] = {0x01, 0x80, 0xc2, 0, 0, 2};
	uint8_t from[6], to[6];

	(void)state;
	r = rig_new(MEMBERS, 1);
	rig_mac(from, 33);
	rig_mac(to, 11);
	data_len = rig_udp(data_frame, to, from, 1);
	memset(lacpdu, 0, sizeof(lacpdu));
	memcpy(lacpdu, slow, 6);
	memcpy(lacpdu + 6, from, 6);
	lacpdu[12] = 0x88;
	lacpdu[13] = 0x09;
	lacpdu[14] = 1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return rig_end(r);
}

static uint64_t
bond_drops(enum bf_drop why)
{
	return rig_drops(r, BF_BOND_SLOT, why);
}

static void
test_only_members_that_collect_are_switched(void **state)
{
	(void)state;
	r->carrier.collect = 1u << 1;
	for (unsigned int m = 0; m < MEMBERS; m++)
		rig_wire(r, m, data_frame, data_len, 5);
	assert_int_equal(rig_poll_bond(r), 15);
	assert_int_equal(rig_got(r, 1), 5);
	assert_int_equal(bond_drops(BF_DROP_INACTIVE_MEMBER), 10);
	assert_int_equal(r->w->counters->ports[0].rx_frames, 15);
	assert_int_equal(r->w->counters->ports[0].rx_bytes, 15 * data_len);
}

static void
test_a_backups_ring_does_not_keep_old_frames(void **state)
{
	(void)state;
	r->view->bonds[0].tx = BF_TX_ORDER;
	r->carrier.collect = 1;
	rig_wire(r, 1, data_frame, data_len, 3);
	rig_poll_bond(r);
	r->carrier.collect = 2;
	r->view->bonds[0].order[0] = 1;
	assert_int_equal(rig_poll_bond(r), 0);
	assert_int_equal(rig_got(r, 1), 0);
}

static void
test_the_next_member_is_heard_at_the_burst_after_a_loss(void **state)
{
	(void)state;
	r->view->bonds[0].tx = BF_TX_ORDER;
	r->view->bonds[0].order[0] = 2;
	r->view->bonds[0].order[1] = 1;
	r->view->bonds[0].order[2] = 0;
	r->view->bonds[0].lag = false;
	r->view->bonds[0].designated = 2;
	r->carrier.collect = 1u << 2;
	r->carrier.bits = 3; /* member 2 is gone, nobody has decided anything yet */
	for (unsigned int m = 0; m < MEMBERS; m++)
		rig_wire(r, m, data_frame, data_len, 1);
	rig_poll_bond(r);
	assert_int_equal(rig_got(r, 1), 2); /* what the lost one still had, and the next one's */
	assert_int_equal(bond_drops(BF_DROP_INACTIVE_MEMBER), 1);
	assert_int_equal(bond_drops(BF_DROP_DUPLICATE), 0);
}

static void
test_lacpdus_and_markers_of_every_member_reach_control(void **state)
{
	(void)state;
	r->carrier.collect = 1;
	for (unsigned int m = 0; m < MEMBERS; m++) {
		for (lacpdu[14] = 1; lacpdu[14] <= 2; lacpdu[14]++) {
			uint32_t before = r->n_slow;

			rig_wire(r, m, lacpdu, sizeof(lacpdu), 1);
			rig_poll_bond(r);
			rig_collect(r);
			assert_int_equal(r->n_slow, before + 1);
			assert_int_equal(r->slow_port, r->port[m]);
		}
	}
	assert_int_equal(bond_drops(BF_DROP_LACP), 2 * MEMBERS);
	assert_int_equal(rig_got(r, 1), 0);
}

static void
test_frames_to_the_bond_itself_say_their_member(void **state)
{
	uint8_t frame[sizeof(data_frame)];

	(void)state;
	memcpy(frame, data_frame, sizeof(frame));
	memcpy(frame, rig_bond_mac, 6);
	for (unsigned int m = 0; m < MEMBERS; m++) {
		r->for_us_port = UINT16_MAX;
		rig_wire(r, m, frame, data_len, 1); /* the ring driver leaves no port in it */
		rig_poll_bond(r);
		rig_collect(r);
		assert_int_equal(r->n_for_us, m + 1);
		assert_int_equal(r->for_us_port, r->port[m]);
	}
}

static void
test_a_priority_tagged_lacpdu_is_one(void **state)
{
	static const uint16_t types[] = {0x8100, 0x88a8};
	uint8_t tagged[sizeof(lacpdu) + 4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		r->carrier.collect =
			i / 2 != 0 ? 3 : 0; /* read from members that do not collect, too */
		memcpy(tagged, lacpdu, sizeof(lacpdu));
		rig_wire(r, 1, tagged, rig_tag(tagged, sizeof(lacpdu), types[i % 2], 0xe000), 1);
		rig_poll_bond(r);
		rig_collect(r);
		assert_int_equal(r->n_slow, i + 1);
		assert_int_equal(r->slow_len, sizeof(lacpdu));
		assert_memory_equal(r->slow_head, lacpdu, 15);
	}
	assert_int_equal(rig_drops(r, 0, BF_DROP_LACP), 4);
	assert_int_equal(rig_drops(r, 0, BF_DROP_INACTIVE_MEMBER), 0);
}

static void
test_lldp_of_every_member_reaches_control_without_a_priority_tag(void **state)
{
	uint8_t frame[64], tagged[68];

	(void)state;
	memset(frame, 0, sizeof(frame));
	memcpy(frame, "\x01\x80\xc2\x00\x00\x0e\x02\x00\x00\x00\x00\x01\x88\xcc", 14);
	for (unsigned int i = 0; i < 4; i++) {
		memcpy(tagged, frame, sizeof(frame));
		r->carrier.collect = i / 2 != 0 ? 3 : 0;
		if (i % 2 == 0)
			rig_wire(r, 1, frame, sizeof(frame), 1);
		else
			rig_wire(r, 1, tagged, rig_tag(tagged, sizeof(frame), 0x8100, 0xe000), 1);
		rig_poll_bond(r);
		rig_collect(r);
		assert_int_equal(r->n_lldp, i + 1);
		assert_int_equal(r->lldp_port, r->port[1]);
		assert_int_equal(r->lldp_len, sizeof(frame));
		assert_memory_equal(r->lldp_head, frame, 16);
	}
	assert_int_equal(bond_drops(BF_DROP_LLDP), 4);
	memcpy(tagged, frame, sizeof(frame)); /* of a VLAN */
	rig_wire(r, 0, tagged, rig_tag(tagged, sizeof(frame), 0x8100, 5), 1);
	rig_poll_bond(r);
	rig_collect(r);
	assert_int_equal(r->n_lldp, 4);
	assert_int_equal(bond_drops(BF_DROP_RESERVED), 1);
}

static void
test_other_slow_protocols_and_tagged_lacpdus_do_not(void **state)
{
	uint8_t tagged[sizeof(lacpdu) + 4];

	(void)state;
	lacpdu[14] = 3; /* OAM */
	rig_wire(r, 0, lacpdu, sizeof(lacpdu), 1);
	lacpdu[14] = 1;
	memcpy(tagged, lacpdu, sizeof(lacpdu));
	rig_wire(r, 0, tagged, rig_tag(tagged, sizeof(lacpdu), 0x8100, 5), 1);
	rig_poll_bond(r);
	rig_collect(r);
	assert_int_equal(r->n_slow, 0);
	assert_int_equal(bond_drops(BF_DROP_SLOW_PROTOCOL), 2);
}

static void
test_lacp_lives_on_while_forwarding_is_stopped(void **state)
{
	(void)state;
	r->view->forwarding = false;
	rig_wire(r, 0, data_frame, data_len, 4);
	rig_wire(r, 1, lacpdu, sizeof(lacpdu), 1);
	rig_poll_bond(r);
	rig_collect(r);
	assert_int_equal(r->n_slow, 1);
	assert_int_equal(bond_drops(BF_DROP_STOPPED), 4);
	assert_int_equal(rig_got(r, 1), 0);
}

static void
test_more_lacpdus_than_control_reads_are_lost_and_counted(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		rig_wire(r, 0, lacpdu, sizeof(lacpdu), 100);
		while (rig_poll_bond(r) > 0)
			;
	}
	rig_collect(r);
	assert_in_range(r->n_slow, 64, 999);
	assert_int_equal(bond_drops(BF_DROP_LACP), 1000);
}

static void
test_members_that_stand_full_take_turns_and_leave_guests_theirs(void **state)
{
	uint64_t was = 0;

	(void)state;
	for (unsigned int m = 0; m < 2; m++)
		rig_wire(r, m, data_frame, data_len, 10 * BF_BURST);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(rig_poll_bond(r), BF_BURST);
	assert_int_equal(rig_got(r, 1), 20 * BF_BURST);
	for (unsigned int m = 0; m < 2; m++)
		was += rte_ring_count(r->wire[m]);
	assert_int_equal(was, 0);
}

static void
test_a_quiet_member_does_not_wait_for_a_loud_one(void **state)
{
	unsigned int turns = 0;

	(void)state;
	rig_wire(r, 0, data_frame, data_len, 20 * BF_BURST);
	rig_wire(r, 1, data_frame, data_len, 1);
	while (rte_ring_count(r->wire[1]) > 0) {
		rig_poll_bond(r);
		turns++;
	}
	assert_in_range(turns, 1, 2);
}

static void
test_a_member_out_of_the_view_is_not_touched(void **state)
{
	(void)state;
	r->view->bonds[0].polled = 1;
	rig_wire(r, 1, data_frame, data_len, 3);
	assert_int_equal(rig_poll_bond(r), 0);
	assert_int_equal(rte_ring_count(r->wire[1]), 3);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(test_only_members_that_collect_are_switched),
		T(test_a_backups_ring_does_not_keep_old_frames),
		T(test_the_next_member_is_heard_at_the_burst_after_a_loss),
		T(test_lacpdus_and_markers_of_every_member_reach_control),
		T(test_frames_to_the_bond_itself_say_their_member),
		T(test_a_priority_tagged_lacpdu_is_one),
		T(test_lldp_of_every_member_reaches_control_without_a_priority_tag),
		T(test_other_slow_protocols_and_tagged_lacpdus_do_not),
		T(test_lacp_lives_on_while_forwarding_is_stopped),
		T(test_more_lacpdus_than_control_reads_are_lost_and_counted),
		T(test_members_that_stand_full_take_turns_and_leave_guests_theirs),
		T(test_a_quiet_member_does_not_wait_for_a_loud_one),
		T(test_a_member_out_of_the_view_is_not_touched),
	};

	return cmocka_run_group_tests_name("rx", tests, rig_group_set_up, rig_group_tear_down);
}

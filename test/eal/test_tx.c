/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Transmission: every tx function takes all frames, sends what it can, counts and frees the rest.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_ethdev.h>

#include "dataplane/flow.h"
#include "dataplane/hand.h"
#include "dataplane/inject.h"
#include "dataplane/member.h"
#include "dataplane/settle.h"
#include "dataplane/stage.h"
#include "dataplane/tx_bond.h"
#include "dataplane/tx_guest.h"
#include "draw.h"
#include "rig.h"

static struct rig *r;
static struct bf_bond_view *bond;

static int
set_up(void **state)
{
	(void)state;
	r = rig_new(3, 2);
	bond = &r->view->bonds[0];
	return 0;
}

static int
tear_down(void **state)
{
	unsigned int missing = rig_free(r);

	(void)state;
	if (missing != 0)
		print_error("frames missing: %u\n", missing);
	return missing == 0 ? 0 : -1;
}

static struct rte_mbuf *
frame(uint32_t flow, uint32_t len, uint32_t id)
{
	uint8_t buf[2048] = {0}, a[6], b[6];

	rig_mac(a, 1);
	rig_mac(b, 2);
	rig_udp(buf, a, b, flow);
	return rig_frame(r, buf, len, id, 0);
}

static struct bf_burst
sum_of(struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_burst s = {.min_len = UINT16_MAX};

	for (uint16_t i = 0; i < n; i++) {
		s.bytes += pkts[i]->pkt_len;
		s.max_len = RTE_MAX(s.max_len, pkts[i]->pkt_len);
		s.min_len = RTE_MIN(s.min_len, pkts[i]->data_len);
	}
	return s;
}

static void
to_bond(struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_burst s = sum_of(pkts, n);

	bf_tx_bond(r->w, 0, pkts, n, &s);
}

static void
send_flows(uint32_t first, uint16_t n)
{
	struct rte_mbuf *pkts[BF_STAGE_SIZE];

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = frame(first + i, 60, first + i);
	to_bond(pkts, n);
}

static const struct bf_port_counters *
bond_counters(void)
{
	return &r->w->counters->ports[BF_BOND_SLOT];
}

static void
test_a_flow_keeps_to_the_member_of_its_bucket(void **state)
{
	struct bf_flow_key k;
	struct rte_mbuf *m;

	(void)state;
	for (uint32_t flow = 0; flow < 200; flow++) {
		uint8_t want;

		m = frame(flow, 60, flow);
		bf_flow_key(rte_pktmbuf_mtod(m, uint8_t *), 60, BF_POLICY_L34, &k);
		want = bond->bucket[bf_flow_hash_key(&k, bond->seed) % BF_BUCKETS];
		to_bond(&m, 1);
		rig_collect(r);
		assert_int_equal(r->n_log, 1);
		assert_int_equal(r->log[0].member, want);
		rig_forget(r);
	}
}

static void
test_round_robin_gives_each_member_the_same(void **state)
{
	(void)state;
	bond->tx = BF_TX_RR;
	for (int i = 0; i < 30; i++)
		send_flows(7, 30);
	rig_collect(r);
	for (uint16_t m = 0; m < 3; m++)
		assert_int_equal(rig_got_member(r, m), 300);
}

static void
test_order_uses_the_first_member_that_may_send(void **state)
{
	(void)state;
	bond->tx = BF_TX_ORDER;
	bond->order[0] = 2;
	bond->order[1] = 0;
	bond->order[2] = 1;
	send_flows(0, 20);
	rig_collect(r);
	assert_int_equal(rig_got_member(r, 2), 20);
	rig_forget(r);
	r->carrier.bits = 3;
	send_flows(0, 20);
	rig_collect(r);
	assert_int_equal(rig_got_member(r, 0), 20);
}

static void
test_a_member_without_carrier_is_left_at_the_next_burst(void **state)
{
	uint8_t before[200];

	(void)state;
	send_flows(0, 64);
	send_flows(64, 64);
	send_flows(128, 64);
	rig_collect(r);
	for (uint32_t i = 0; i < r->n_log; i++)
		before[r->log[i].id] = (uint8_t)r->log[i].member;
	rig_forget(r);
	r->carrier.bits &= ~2u;
	send_flows(0, 64);
	send_flows(64, 64);
	send_flows(128, 64);
	rig_collect(r);
	assert_int_equal(r->n_log, 192);
	for (uint32_t i = 0; i < r->n_log; i++) {
		assert_int_not_equal(r->log[i].member, 1);
		if (before[r->log[i].id] != 1) /* the others' flows stay */
			assert_int_equal(r->log[i].member, before[r->log[i].id]);
	}
	assert_in_range(rig_got_member(r, 0), 64, 128);
}

static void
test_a_held_member_is_used_without_carrier(void **state)
{
	(void)state;
	r->carrier.bits = 0;
	bond->hold = 2;
	send_flows(0, 20);
	rig_collect(r);
	assert_int_equal(rig_got_member(r, 1), 20);
}

static void
test_a_spare_is_used_at_once_while_no_eligible_member_has_a_carrier(void **state)
{
	(void)state;
	bond->eligible &= ~4u;
	bond->standby = 4;
	send_flows(0, 20);
	rig_collect(r);
	assert_int_equal(rig_got_member(r, 2), 0);
	rig_forget(r);
	r->carrier.bits = 4;
	send_flows(0, 20);
	rig_collect(r);
	assert_int_equal(rig_got_member(r, 2), 20);
}

static void
test_without_any_member_every_frame_is_counted(void **state)
{
	(void)state;
	for (unsigned int tx = BF_TX_ORDER; tx <= BF_TX_BROADCAST; tx++) {
		bond->tx = (uint8_t)tx;
		r->carrier.bits = 0;
		send_flows(0, 20);
	}
	assert_int_equal(rig_drops(r, 0, BF_DROP_NO_MEMBER), 80);
	assert_int_equal(bond_counters()->tx_frames, 0);
}

static void
test_a_full_member_frees_and_counts_the_rest(void **state)
{
	(void)state;
	bond->tx = BF_TX_ORDER;
	for (int i = 0; i < 20; i++)
		send_flows(0, 64);
	assert_int_equal(bond_counters()->tx_frames, RIG_RING);
	assert_int_equal(rig_drops(r, 0, BF_DROP_MEMBER_FULL), 20 * 64 - RIG_RING);
	assert_int_equal(r->w->counters->members[0][0].tx_full, 20 * 64 - RIG_RING);
	assert_int_equal(r->w->counters->members[0][0].tx_bytes, RIG_RING * 60);
	assert_int_equal(bond_counters()->tx_bytes, RIG_RING * 60);
	rig_collect(r);
	assert_int_equal(rig_got(r, 0), RIG_RING);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

/* With weights what a full member refuses waits in the hand, in its order, and only so much of it. */
static void
test_with_weights_a_full_member_keeps_some_frames_for_the_next_turn(void **state)
{
	(void)state;
	r->view->workers[0].shares = true;
	r->w->tsc_hz = rte_get_tsc_hz();
	bond->tx = BF_TX_ORDER;
	for (int i = 0; i < 20; i++)
		send_flows((uint32_t)i * 64, 64);
	assert_int_equal(bond_counters()->tx_frames, RIG_RING);
	assert_int_equal(r->w->in_hand, 1);
	assert_int_equal(rig_drops(r, 0, BF_DROP_MEMBER_FULL), 20 * 64 - RIG_RING - BF_HAND);
	assert_int_equal(bf_hands_send(r->w), 0); /* it is full yet */
	rig_collect(r);
	assert_int_equal(rig_got(r, 0), RIG_RING);
	assert_int_equal(bf_hands_send(r->w), BF_HAND);
	assert_int_equal(r->w->in_hand, 0);
	rig_collect(r);
	for (uint32_t i = 0; i < RIG_RING + BF_HAND; i++) {
		assert_int_equal(r->log[i].id, i);
		assert_int_equal(r->log[i].member, 0);
	}
	assert_int_equal(bond_counters()->tx_frames, RIG_RING + BF_HAND);
	assert_int_equal(bond_counters()->tx_bytes, (RIG_RING + BF_HAND) * 60);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_frames_do_not_overtake_those_in_the_hand(void **state)
{
	(void)state;
	r->view->workers[0].shares = true;
	r->w->tsc_hz = rte_get_tsc_hz();
	bond->tx = BF_TX_ORDER;
	for (int i = 0; i < RIG_RING / 64 + 1; i++)
		send_flows((uint32_t)i * 64, 64);
	rig_collect(r);
	send_flows(RIG_RING + 64, 1); /* there is room, but not before the others */
	assert_int_equal(bf_hands_send(r->w), 65);
	rig_collect(r);
	for (uint32_t i = 0; i < RIG_RING + 65; i++)
		assert_int_equal(r->log[i].id, i);
	assert_int_equal(rig_drops(r, 0, BF_DROP_MEMBER_FULL), 0);
}

static void
test_the_hand_of_a_member_that_stands_still_is_dropped(void **state)
{
	(void)state;
	r->view->workers[0].shares = true;
	r->w->tsc_hz = rte_get_tsc_hz();
	bond->tx = BF_TX_ORDER;
	for (int i = 0; i < RIG_RING / 64 + 1; i++)
		send_flows(0, 64);
	assert_int_equal(r->w->in_hand, 1);
	r->w->tsc_hz = 0; /* its time is over at once */
	r->w->hands[0].until_tsc = 0;
	assert_int_equal(bf_hands_send(r->w), 0);
	assert_int_equal(r->w->in_hand, 0);
	assert_int_equal(rig_drops(r, 0, BF_DROP_MEMBER_FULL), 64);
	rig_collect(r);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

/* A frame of control for a member: an LACPDU that is repeated, or one that is sent once. */
static void
inject(unsigned int member, uint32_t repeat_ms, uint32_t id)
{
	uint8_t buf[124] = {0x01, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0x09, 1};
	struct rte_mbuf *m = rig_frame(r, buf, sizeof(buf), id, member);

	m->port = r->port[member];
	m->hash.usr = repeat_ms;
	m->vlan_tci_outer = (uint16_t)member;
	assert_int_equal(rte_ring_sp_enqueue(r->w->inject, m), 0);
	bf_inject_service(r->w, rte_rdtsc());
}

static void
begin_inject(void)
{
	r->w->tsc_hz = rte_get_tsc_hz();
	r->w->inject = rte_ring_create("inject", 64, SOCKET_ID_ANY, 0);
	assert_non_null(r->w->inject);
}

static void
end_inject(void)
{
	bf_inject_forget(r->w);
	rte_ring_free(r->w->inject);
	r->w->inject = NULL;
}

/* The wire's next frame is gone: its number of bytes. */
static uint32_t
pull(unsigned int member)
{
	struct rte_mbuf *m = NULL;
	uint32_t len;

	assert_int_equal(rte_ring_dequeue(r->wire[member], (void **)&m), 0);
	len = m->pkt_len;
	rte_pktmbuf_free(m);
	return len;
}

static void
fill(void)
{
	bond->tx = BF_TX_ORDER;
	for (int i = 0; i < RIG_RING / 64; i++)
		send_flows(0, 64);
	assert_int_equal(rte_ring_free_count(r->wire[0]), 0);
}

static void
test_an_lacpdu_that_a_full_ring_refuses_leaves_before_data(void **state)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;

	(void)state;
	begin_inject();
	fill();
	inject(0, 1000, 1);
	assert_int_equal(pmd->lacp_late, 1);
	bf_inject_owed(r->w, rte_rdtsc()); /* still full: it waits on */
	assert_true(r->w->owes);
	inject(0, 1000, 2); /* a newer one takes its place */
	r->view->workers[0].shares = true;
	send_flows(0, 1); /* a guest's frame that waits in the hand waits for it too */
	pull(0);
	bf_inject_owed(r->w, rte_rdtsc());
	assert_false(r->w->owes);
	assert_int_equal(bf_hands_send(r->w), 0);
	bf_hands_drop(r->w, 0);
	r->view->workers[0].shares = false;
	send_flows(0, 1); /* data that comes later finds no room */
	assert_int_equal(rig_drops(r, 0, BF_DROP_MEMBER_FULL), 2);
	for (int i = 1; i < RIG_RING; i++)
		assert_int_equal(pull(0), 60);
	assert_int_equal(pull(0), 124);
	assert_int_equal(rte_ring_count(r->wire[0]), 0);
	end_inject();
}

static void
test_a_repeated_lacpdu_that_is_refused_is_tried_each_loop_not_each_period(void **state)
{
	uint64_t second = rte_get_tsc_hz(), now;

	(void)state;
	begin_inject();
	inject(0, 1000, 1);
	assert_int_equal(pull(0), 124);
	fill();
	now = rte_rdtsc() + 2 * second;
	bf_inject_service(r->w, now);
	assert_int_equal(r->w->counters->pmd.lacp_repeated, 1);
	assert_true(r->w->owes);
	pull(0);
	bf_inject_owed(r->w, now + 1);
	assert_false(r->w->owes);
	for (int i = 1; i < RIG_RING; i++)
		pull(0);
	assert_int_equal(pull(0), 124);
	end_inject();
}

static void
test_other_frames_of_control_wait_for_room_too_but_not_for_ever(void **state)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;

	(void)state;
	begin_inject();
	fill();
	for (unsigned int i = 0; i < BF_LATE + 3; i++)
		inject(0, 0, i);
	inject(1, 0, 99); /* another member waits for nobody: it leaves in the next turn */
	assert_int_equal(pmd->control_lost, 3 + 1);
	pull(0);
	bf_inject_owed(r->w, rte_rdtsc());
	inject(1, 0, 100);
	bf_inject_owed(r->w, rte_rdtsc());
	assert_int_equal(pull(1), 124);
	assert_int_equal(r->w->n_late, BF_LATE - 1);
	bf_inject_owed(r->w, rte_rdtsc() + 3 * rte_get_tsc_hz());
	assert_int_equal(r->w->n_late, 0);
	assert_false(r->w->owes);
	assert_int_equal(pmd->control_lost, 4 + BF_LATE - 1);
	assert_int_equal(pmd->lacp_late, 0);
	rig_collect(r);
	end_inject();
}

static void
test_nothing_is_put_into_the_rings_of_a_member_that_left(void **state)
{
	(void)state;
	begin_inject();
	bond->polled &= ~1u;
	inject(0, 1000, 1);
	inject(0, 0, 2);
	assert_int_equal(rte_ring_count(r->wire[0]), 0);
	bond->polled |= 1u; /* it is announced: what waited for that leaves */
	bf_inject_owed(r->w, rte_rdtsc());
	assert_int_equal(rte_ring_count(r->wire[0]), 2);
	rig_collect(r);
	end_inject();
}

static int busy_for; /* how often a member's ring is still busy when asked, below 0: always */
static unsigned int asked;

static int
ring_status(void *queue, uint16_t offset)
{
	(void)queue;
	assert_int_equal(offset, RIG_RING - 1);
	asked++;
	return busy_for != 0 && busy_for-- != 0 ? RTE_ETH_TX_DESC_FULL : RTE_ETH_TX_DESC_DONE;
}

/* A NIC's transmit ring: what net_ring has not, and from 24.11 on says with a function. */
static void
have_nic_rings(bool on)
{
	static eth_tx_descriptor_status_t without = ring_status;

	if (without == ring_status)
		without = rte_eth_fp_ops[r->port[0]].tx_descriptor_status;
	for (unsigned int m = 0; m < 3; m++) {
		rte_eth_fp_ops[r->port[m]].tx_descriptor_status = on ? ring_status : without;
		bond->tx_desc[m] = RIG_RING;
	}
	asked = 0;
	r->w->tsc_hz = rte_get_tsc_hz();
	r->w->bonds[0].was = *bond;
}

/* Over such rings: a view as it is, to be changed by the test. */
static struct bf_view *
next_view(void)
{
	struct bf_view *next = malloc(sizeof(*next));

	assert_non_null(next);
	have_nic_rings(true);
	memcpy(next, r->view, sizeof(*next));
	return next;
}

static void
test_flows_move_when_the_members_rings_have_emptied(void **state)
{
	struct bf_view *next = next_view();

	(void)state;
	r->w->tsc_hz *=
		1000; /* the limit is not what is tested: 2 ms pass soon on a busy machine */
	busy_for = 5;
	bf_settle(r->w, next);
	assert_int_equal(asked, 0); /* nothing moves: a guest came, say */
	next->bonds[0].bucket[7] ^= 1;
	bf_settle(r->w, next);
	assert_int_equal(asked, 5 + 3); /* the first one until it was empty, then each once */
	asked = 0;
	bf_settle(r->w, next);
	assert_int_equal(asked, 0); /* once is enough */
	next->bonds[0].seed ^= 1;
	next->bonds[0].polled &= ~1u; /* a member that leaves is no longer touched */
	bf_settle(r->w, next);
	assert_int_equal(asked, 2);
	asked = 0;
	busy_for = 1;
	next->bonds[0].tx = BF_TX_RR; /* which promises no order */
	bf_settle(r->w, next);
	assert_int_equal(asked, 0);
	have_nic_rings(false);
	next->bonds[0].tx = BF_TX_BUCKET;
	bf_settle(r->w, next); /* a driver that cannot tell */
	free(next);
}

static void
test_a_stuck_ring_holds_nobody_up(void **state)
{
	struct bf_view *next = next_view();

	(void)state;
	next->bonds[0].seed ^= 1;
	busy_for = -1;
	bf_settle(r->w, next); /* comes back */
	assert_true(asked > 1);
	have_nic_rings(true);
	r->carrier.bits = 0; /* without a link nothing leaves: it is not waited for */
	bf_settle(r->w, next);
	assert_int_equal(asked, 0);
	have_nic_rings(false);
	free(next);
}

static void
test_broadcast_reaches_every_member_and_comes_home_once(void **state)
{
	(void)state;
	bond->tx = BF_TX_BROADCAST;
	for (int i = 0; i < 10; i++)
		send_flows(0, 32);
	assert_int_equal(bond_counters()->copies, 640);
	assert_int_equal(bond_counters()->tx_frames, 960);
	rig_collect(r);
	for (uint16_t m = 0; m < 3; m++)
		assert_int_equal(rig_got_member(r, m), 320);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_broadcast_on_full_members_leaks_nothing(void **state)
{
	(void)state;
	bond->tx = BF_TX_BROADCAST;
	for (int i = 0; i < 40; i++)
		send_flows(0, 32);
	assert_int_equal(bond_counters()->tx_frames, 3 * RIG_RING);
	assert_int_equal(
		bond_counters()->tx_frames + rig_drops(r, 0, BF_DROP_MEMBER_FULL), 3 * 40 * 32);
	rig_collect(r);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_broadcast_of_chains_counts_every_piece(void **state)
{
	uint8_t data[1500] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
	struct rte_mbuf *m = rig_chain(r, data, 1500, 200, 5);

	(void)state;
	bond->tx = BF_TX_BROADCAST;
	to_bond(&m, 1);
	rig_collect(r);
	assert_int_equal(rig_got(r, 0), 3);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_short_frames_leave_with_sixty_bytes_of_which_the_rest_is_zero(void **state)
{
	struct rte_mbuf *m = frame(1, 60, 1), *got = NULL;

	(void)state;
	memset(rte_pktmbuf_mtod_offset(m, char *, 42), 0xee, 18);
	rte_pktmbuf_trim(m, 18);
	bond->tx = BF_TX_ORDER;
	to_bond(&m, 1);
	assert_int_equal(rte_ring_dequeue(r->wire[0], (void **)&got), 0);
	assert_int_equal(got->pkt_len, 60);
	for (int i = 42; i < 60; i++)
		assert_int_equal(*rte_pktmbuf_mtod_offset(got, uint8_t *, i), 0);
	assert_int_equal(r->w->counters->pmd.padded, 1);
	assert_int_equal(bond_counters()->tx_bytes, 60);
	rte_pktmbuf_free(got);
}

static void
test_what_the_bond_does_not_take_is_oversize(void **state)
{
	struct rte_mbuf *pkts[4] = {
		frame(1, 1518, 0), frame(2, 1519, 1), frame(3, 60, 2), frame(4, 1600, 3)};

	(void)state;
	to_bond(pkts, 4);
	rig_collect(r);
	assert_int_equal(rig_got(r, 0), 2);
	assert_int_equal(rig_drops(r, 0, BF_DROP_OVERSIZE), 2);
	assert_int_equal(bond_counters()->tx_bytes, 1578);
}

/* A superframe is as long as the segments that are made of it. */
static void
test_a_frame_that_is_to_be_cut_is_measured_by_its_segments(void **state)
{
	struct rte_mbuf *pkts[3] = {frame(1, 1900, 0), frame(2, 1900, 1), frame(3, 1900, 2)};
	struct bf_burst sum = {.bytes = 3 * 1900, .max_len = 1900, .min_len = 1900};
	struct bf_ring *ring = &r->dp[1].ring[0];

	(void)state;
	for (int i = 0; i < 2; i++) {
		pkts[i]->ol_flags |=
			RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4;
		pkts[i]->l2_len = 14;
		pkts[i]->l3_len = 20;
		pkts[i]->l4_len = 20;
		pkts[i]->tso_segsz = i == 0 ? 1464 : 1465;
	}
	assert_int_equal(bf_wire_len(pkts[0], 0), 1900); /* nobody has said that there are any */
	sum.flags = BF_BURST_SEGMENTS;
	ring->offloads = BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO4 | BF_OFFLOAD_ECN;
	bf_tx_guest_copy(r->w, 1, pkts, 3, &sum);
	ring->offloads = 0;
	assert_int_equal(rig_got(r, 1), 1);
	assert_int_equal(rig_drops(r, 1, BF_DROP_OVERSIZE), 2);
	rig_forget(r);
	bf_tx_bond(r->w, 0, pkts, 3, &sum);
	rig_collect(r);
	assert_int_equal(rig_got(r, 0), 2);
	assert_int_equal(bond_counters()->segments, 1);
	assert_int_equal(rig_drops(r, 0, BF_DROP_OVERSIZE), 2);
	r->w->counters->ports[1].copies += 3; /* no flood */
}

/* A burst's flags go with it through the stages, and no farther. */
static void
test_flags_are_those_of_the_frames_that_wait(void **state)
{
	struct bf_burst plain = {.bytes = 60, .max_len = 60, .min_len = 60}, cut = plain;
	struct rte_mbuf *m;

	(void)state;
	cut.flags = BF_BURST_SEGMENTS;
	m = frame(1, 60, 0);
	bf_stage_add(r->w, 1, &m, 1, &plain);
	m = frame(2, 60, 1);
	bf_stage_add(r->w, 2, &m, 1, &cut);
	assert_int_equal(r->w->staged_flags, BF_BURST_SEGMENTS);
	bf_stage_flush(r->w);
	m = frame(3, 60, 2);
	bf_stage_add(r->w, 1, &m, 1, &plain);
	assert_int_equal(r->w->staged_flags, 0);
	bf_stage_flush(r->w);
}

static void
to_guest(struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_burst s = sum_of(pkts, n);

	bf_tx_guest(r->w, 1, pkts, n, &s);
}

static void
guest_flows(uint16_t n)
{
	struct rte_mbuf *pkts[BF_STAGE_SIZE];

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = frame(i, 60, i);
	to_guest(pkts, n);
}

static void
test_a_guest_that_does_not_read_loses_its_own_frames(void **state)
{
	(void)state;
	rig_guest_room(1, 10);
	guest_flows(64);
	assert_int_equal(rig_got(r, 1), 10);
	assert_int_equal(rig_drops(r, 1, BF_DROP_GUEST_RING_FULL), 54);
	assert_int_equal(r->w->counters->ports[1].tx_bytes, 600);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_a_guest_that_has_never_read_is_told_from_one_that_has(void **state)
{
	(void)state;
	rig_guest_room(1, 0);
	guest_flows(64);
	assert_int_equal(rig_drops(r, 1, BF_DROP_GUEST_RING_UNREAD), 64);
	assert_int_equal(rig_drops(r, 1, BF_DROP_GUEST_RING_FULL), 0);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_a_guest_that_is_down_or_has_no_ring_is_named(void **state)
{
	(void)state;
	r->dp[1].rx_rings = 0;
	guest_flows(5);
	assert_int_equal(rig_drops(r, 1, BF_DROP_GUEST_RING_OFF), 5);
	r->dp[1].up = 0;
	guest_flows(6);
	assert_int_equal(rig_drops(r, 1, BF_DROP_GUEST_DOWN), 6);
	r->dp[1].up = 1;
	r->dp[1].rx_rings = 1;
	r->dp[1].ring[0].lock = 1;
	r->view->n_workers = 2; /* the ring is shared, and somebody else has it */
	guest_flows(7);
	assert_int_equal(rig_drops(r, 1, BF_DROP_RING_BUSY), 7);
	r->dp[1].ring[0].lock = 0;
	guest_flows(8);
	assert_int_equal(rig_got(r, 1), 8);
	assert_int_equal(r->dp[1].ring[0].lock, 0);
}

static void
test_what_a_guest_does_not_take_is_oversize_and_harms_no_other_frame(void **state)
{
	struct rte_mbuf *pkts[3] = {frame(1, 60, 0), frame(2, 1519, 1), frame(3, 1518, 2)};

	(void)state;
	to_guest(pkts, 3);
	assert_int_equal(rig_got(r, 1), 2);
	assert_int_equal(rig_drops(r, 1, BF_DROP_OVERSIZE), 1);
	assert_int_equal(r->w->counters->ports[1].tx_bytes, 1578);
}

static void
test_a_flow_keeps_to_one_ring_of_a_guest(void **state)
{
	uint16_t ring_of[64];
	bool several = false;

	(void)state;
	r->view->ports[1].n_rings = 4;
	r->dp[1].rx_rings = 15;
	guest_flows(64);
	for (uint32_t i = 0; i < 64; i++)
		ring_of[r->log[i].id] = r->log[i].ring;
	rig_forget(r);
	guest_flows(64);
	for (uint32_t i = 0; i < 64; i++) {
		assert_int_equal(r->log[i].ring, ring_of[r->log[i].id]);
		assert_int_equal(r->log[i].ring % 2, 0); /* towards the guest */
		several = several || r->log[i].ring != r->log[0].ring;
	}
	assert_true(several);
}

/* With as many rings as workers or more, no ring has two writers and none is left out. */
static void
test_rings_are_shared_out_to_workers_without_overlap(void **state)
{
	uint32_t seen = 0;

	(void)state;
	r->view->ports[1].n_rings = 5;
	r->dp[1].rx_rings = 31;
	r->view->n_workers = 2;
	for (uint16_t w = 0; w < 2; w++) {
		uint32_t mine = 0;

		r->w->idx = w;
		rig_forget(r);
		guest_flows(64);
		for (uint32_t i = 0; i < r->n_log; i++)
			mine |= 1u << r->log[i].ring / 2;
		assert_int_equal(mine & seen, 0);
		seen |= mine;
	}
	r->w->idx = 0;
	assert_int_equal(seen, 31);
}

static void
test_copies_leave_the_frames_with_their_owner(void **state)
{
	struct rte_mbuf *pkts[2] = {frame(1, 60, 0), frame(2, 60, 1)};
	struct bf_burst s = sum_of(pkts, 2);

	(void)state;
	bf_tx_guest_copy(r->w, 1, pkts, 2, &s);
	assert_int_equal(rig_got(r, 1), 2);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
}

static void
test_stages_send_at_a_full_burst_and_at_the_flush(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];
	struct bf_burst s;

	(void)state;
	for (int round = 0; round < 5; round++) {
		for (uint16_t i = 0; i < 7; i++)
			pkts[i] = frame(i, 60, i);
		s = sum_of(pkts, 7);
		bf_stage_add(r->w, 1, pkts, 7, &s);
		assert_int_equal(rig_got(r, 1), round < 4 ? 0 : 35);
	}
	pkts[0] = frame(1, 60, 1);
	s = sum_of(pkts, 1);
	bf_stage_add(r->w, 2, pkts, 1, &s);
	bf_stage_flush(r->w);
	assert_int_equal(rig_got(r, 2), 1);
	assert_int_equal(r->w->n_active, 0);
	assert_int_equal(rte_mempool_in_use_count(r->pool), 0);
}

static void
test_stand_ins_are_usable_and_spread_a_dead_members_buckets(void **state)
{
	(void)state;
	for (uint32_t usable = 1; usable < 16; usable++) {
		unsigned int n[4] = {0};
		unsigned int share = BF_BUCKETS / (unsigned int)__builtin_popcount(usable);

		for (unsigned int k = 0; k < BF_BUCKETS; k++) {
			uint8_t m = bf_bond_stand_in(usable, (uint8_t)k);

			assert_true(usable & 1u << m);
			n[m]++;
		}
		for (unsigned int m = 0; m < 4; m++)
			if (usable & 1u << m)
				assert_in_range(n[m], share - share / 4, share + share / 4 + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_a_flow_keeps_to_the_member_of_its_bucket),
		T(test_round_robin_gives_each_member_the_same),
		T(test_order_uses_the_first_member_that_may_send),
		T(test_a_member_without_carrier_is_left_at_the_next_burst),
		T(test_a_spare_is_used_at_once_while_no_eligible_member_has_a_carrier),
		T(test_a_held_member_is_used_without_carrier),
		T(test_without_any_member_every_frame_is_counted),
		T(test_a_full_member_frees_and_counts_the_rest),
		T(test_with_weights_a_full_member_keeps_some_frames_for_the_next_turn),
		T(test_frames_do_not_overtake_those_in_the_hand),
		T(test_the_hand_of_a_member_that_stands_still_is_dropped),
		T(test_an_lacpdu_that_a_full_ring_refuses_leaves_before_data),
		T(test_a_repeated_lacpdu_that_is_refused_is_tried_each_loop_not_each_period),
		T(test_other_frames_of_control_wait_for_room_too_but_not_for_ever),
		T(test_nothing_is_put_into_the_rings_of_a_member_that_left),
		T(test_flows_move_when_the_members_rings_have_emptied),
		T(test_a_stuck_ring_holds_nobody_up),
		T(test_broadcast_reaches_every_member_and_comes_home_once),
		T(test_broadcast_on_full_members_leaks_nothing),
		T(test_broadcast_of_chains_counts_every_piece),
		T(test_short_frames_leave_with_sixty_bytes_of_which_the_rest_is_zero),
		T(test_what_the_bond_does_not_take_is_oversize),
		T(test_a_frame_that_is_to_be_cut_is_measured_by_its_segments),
		T(test_flags_are_those_of_the_frames_that_wait),
		T(test_a_guest_that_does_not_read_loses_its_own_frames),
		T(test_a_guest_that_has_never_read_is_told_from_one_that_has),
		T(test_a_guest_that_is_down_or_has_no_ring_is_named),
		T(test_what_a_guest_does_not_take_is_oversize_and_harms_no_other_frame),
		T(test_a_flow_keeps_to_one_ring_of_a_guest),
		T(test_rings_are_shared_out_to_workers_without_overlap),
		T(test_copies_leave_the_frames_with_their_owner),
		T(test_stages_send_at_a_full_burst_and_at_the_flush),
		T(test_stand_ins_are_usable_and_spread_a_dead_members_buckets),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

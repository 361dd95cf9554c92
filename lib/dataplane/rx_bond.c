/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From a bond: each member's queue is read directly, because the valve of a member, the reason
 * why a frame is not taken and the way of an LACPDU are ours to decide.
 *
 * Frames of members that collect are switched.  The others are emptied all the same: what lay in
 * a ring would be delivered when the member comes into use, long after it was sent.  LACPDUs and
 * markers of every member go to control.
 *
 * Threads: worker.
 */
#include "dataplane/rx_bond.h"

#include <rte_ethdev.h>

#include "dataplane/count.h"
#include "dataplane/drop.h"
#include "dataplane/member.h"
#include "dataplane/punt.h"
#include "dataplane/rules.h"
#include "dataplane/switch.h"

/* Frames that are not switched. */
static void
set_aside(struct bf_worker *w, unsigned int bond, enum bf_drop why, struct rte_mbuf **pkts,
	uint16_t n)
{
	struct bf_port_counters *c = &w->counters->ports[bf_bond_slot(bond)];

	c->rx_frames += n;
	c->rx_bytes += bf_bytes_of(pkts, n) - w->pushed;
	w->pushed = 0;
	bf_punt_slow(w, bond, why, pkts, n);
}

/*
 * Members whose frames are taken now.  active-backup: when the active one is lost, the next
 * one's frames count from this burst on, as ours leave by it.
 */
static inline uint32_t
members_collecting(const struct bf_bond_view *b)
{
	uint32_t collect = __atomic_load_n(&b->carrier->collect, __ATOMIC_RELAXED), usable;

	if (b->tx != BF_TX_ORDER)
		return collect;
	usable = bf_bond_usable(b);
	if (likely(usable & collect) || usable == 0)
		return collect;
	return collect | 1u << bf_bond_first(b, usable);
}

uint32_t
bf_rx_bond_collecting(const struct bf_view *v, unsigned int bond)
{
	return likely(v->forwarding) ? members_collecting(&v->bonds[bond]) : 0;
}

/* Not of a member without carrier: net_vhost complains in the log when nobody is connected. */
static void
look_at_ring(struct bf_worker *w, const struct bf_bond_view *b, uint8_t member)
{
	int waiting;

	if (!(__atomic_load_n(&b->carrier->bits, __ATOMIC_RELAXED) >> member & 1))
		return;
	waiting = rte_eth_rx_queue_count(b->member[member], w->idx);
	if (waiting >= 0)
		bf_count_fill(w, BF_FILL_MEMBER, (uint32_t)waiting);
}

void
bf_rx_bond_frames(struct bf_worker *w, unsigned int bond, uint8_t member, bool take,
	struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bonds[bond];
	uint16_t slot = bf_bond_slot(bond);

	w->bonds[bond].rx_member = member;
	if (unlikely(b->in != 0)) /* copies are of what is switched */
		n = bf_rules_in(w, slot, take ? b->in : b->in & ~BF_RULE_BIT(MIRROR), pkts, n);
	if (unlikely(n == 0))
		return;
	if (likely(take))
		bf_switch_burst(w, slot, pkts, n, b->verifies >> member & 1 ? BF_BURST_GOOD : 0);
	else
		set_aside(w, bond, w->view->forwarding ? BF_DROP_INACTIVE_MEMBER : BF_DROP_STOPPED,
			pkts, n);
}

static uint16_t
rx_member(struct bf_worker *w, unsigned int bond, uint8_t member, bool take)
{
	const struct bf_bond_view *b = &w->view->bonds[bond];
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t t0 = bf_stage_begin(w);
	uint16_t n;

	if (unlikely(w->timed))
		look_at_ring(w, b, member);
	n = rte_eth_rx_burst(b->member[member], w->idx, pkts, BF_BURST);
	if (n == 0)
		return 0;
	bf_stage_end_rx(w, t0, n);
	bf_count_burst(w, n);
	bf_rx_bond_frames(w, bond, member, take, pkts, n);
	return n;
}

static inline uint8_t
next_member(uint32_t set, uint8_t from)
{
	uint32_t ahead = set >> from << from;

	return (uint8_t)__builtin_ctz(ahead != 0 ? ahead : set);
}

/*
 * One burst's worth from all members together, so that they do not crowd out the guests; more
 * only while it fills the bursts of several waiting ports.  The next turn goes on behind the
 * member that ended this one.
 */
uint32_t
bf_rx_bond(struct bf_worker *w, unsigned int bond)
{
	const struct bf_bond_view *b = &w->view->bonds[bond];
	uint8_t *turn = &w->bonds[bond].rx_turn;
	uint32_t take = bf_rx_bond_collecting(w->view, bond);
	uint32_t left = b->polled, taken = 0, aside = 0;

	while (left != 0) {
		uint8_t m = next_member(left, *turn);
		bool good = take >> m & 1;
		uint16_t n = rx_member(w, bond, m, good);

		if (!good)
			aside += n;
		else
			taken += n;
		if (n < BF_BURST || !good)
			left &= ~(1u << m);
		*turn = (uint8_t)(m + 1);
		if (taken >= (uint32_t)BF_BURST * RTE_MAX(1, RTE_MIN(w->n_active, BF_BOND_ROUNDS)))
			break;
	}
	return taken + aside;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Before flows move to another member, what was sent on the one before must have left.
 *
 * Threads: worker.
 */
#include "dataplane/settle.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "dataplane/hand.h"
#include "dataplane/member.h"

#define SETTLE_US 2000 /* how long members' rings may take to empty */

/* Does some flow leave by another member from now on, with its order kept? */
static bool
moves_flows(const struct bf_bond_view *a, const struct bf_bond_view *b)
{
	if (b->tx == BF_TX_RR)
		return false;
	return a->tx != b->tx || a->policy != b->policy || a->seed != b->seed ||
		a->eligible != b->eligible || memcmp(a->order, b->order, sizeof(a->order)) != 0 ||
		memcmp(a->bucket, b->bucket, sizeof(a->bucket)) != 0;
}

/* The descriptor behind the newest one: what lies before it in the ring has left. */
static bool
ring_is_busy(const struct bf_worker *w, const struct bf_bond_view *b, uint8_t member)
{
	return b->tx_desc[member] != 0 && (bf_bond_usable(b) & 1u << member) &&
		rte_eth_tx_descriptor_status(b->member[member], w->idx,
			(uint16_t)(b->tx_desc[member] - 1)) == RTE_ETH_TX_DESC_FULL;
}

/* What waits for a member leaves before others' frames do, or not at all. */
static void
settle_hand(
	struct bf_worker *w, unsigned int k, uint8_t m, bool moves, const struct bf_bond_view *next)
{
	const struct bf_bond_view *b = &w->bonds[k].was;
	bool stays = (next->eligible & next->polled) >> m & 1 && b->member[m] == next->member[m];

	if (bf_hand_holds(w, k, m) && (moves || !stays))
		bf_hand_end(w, k, m, stays);
}

static void
settle_bond(struct bf_worker *w, unsigned int k, const struct bf_bond_view *next)
{
	const struct bf_bond_view *b = &w->bonds[k].was;
	uint64_t end = rte_rdtsc() + w->tsc_hz / 1000000 * SETTLE_US;
	bool moves = moves_flows(b, next);
	uint32_t left = moves ? b->eligible & next->polled : 0;

	for (; left != 0; left &= left - 1) {
		uint8_t m = (uint8_t)__builtin_ctz(left);

		while (b->member[m] == next->member[m] && ring_is_busy(w, b, m) &&
			rte_rdtsc() < end)
			rte_pause();
	}
	for (uint8_t m = 0; unlikely(w->in_hand != 0) && m < BF_MAX_MEMBERS; m++)
		settle_hand(w, k, m, moves, next);
}

void
bf_settle(struct bf_worker *w, const struct bf_view *next)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		settle_bond(w, k, &next->bonds[k]);
		w->bonds[k].was = next->bonds[k];
	}
}

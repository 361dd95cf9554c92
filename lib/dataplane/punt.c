/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of bonds that control reads: LACPDUs and markers, LLDP, answers to probes.
 *
 * Threads: worker.
 */
#include "dataplane/punt.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>

#include "dataplane/drop.h"
#include "dataplane/frame.h"

void
bf_punt(struct bf_worker *w, unsigned int bond, struct rte_ring *ring, enum bf_drop why,
	struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t port = w->view->bonds[bond].member[w->bonds[bond].rx_member];
	unsigned int kept;

	bf_drop_note(w, bf_bond_slot(bond), why, pkts, n);
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->port = port; /* not every driver says so */
	kept = rte_ring_mp_enqueue_burst(ring, (void **)pkts, n, NULL);
	rte_pktmbuf_free_bulk(&pkts[kept], n - kept);
}

/* Control reads it as the standard has it, without a priority tag. */
static void
frame_untag(struct rte_mbuf *m)
{
	uint8_t addresses[12], *p = rte_pktmbuf_mtod(m, uint8_t *);

	memcpy(addresses, p, sizeof(addresses));
	memcpy(p + 4, addresses, sizeof(addresses));
	rte_pktmbuf_adj(m, 4);
}

/* One member that floods must not take the place of the others' frames. */
static bool
lldp_may_pass(struct bf_worker *w, unsigned int bond)
{
	struct bf_bond_lcore *b = &w->bonds[bond];
	uint64_t now = rte_rdtsc();

	if (now - b->lldp_since_tsc > w->tsc_hz / 2) {
		b->lldp_since_tsc = now;
		memset(b->lldp_n, 0, sizeof(b->lldp_n));
	}
	if (b->lldp_n[b->rx_member] == BF_PUNT_LLDP)
		return false;
	b->lldp_n[b->rx_member]++;
	return true;
}

/* @return false: control does not want it, and it is the caller's still. */
static bool
frame_punt(struct bf_worker *w, unsigned int bond, struct rte_mbuf *m)
{
	uint16_t own = rte_cpu_to_be_16(w->view->rules[bf_bond_slot(bond)].vlan.own);
	enum bf_drop why = BF_DROP_LACP;
	uint32_t header = bf_frame_lacp_at(m);

	if (header == 0) {
		header = bf_frame_lldp_at(m, own);
		why = BF_DROP_LLDP;
	}
	if (header == 0)
		return false;
	if (why == BF_DROP_LLDP && !lldp_may_pass(w, bond)) {
		bf_drop(w, bf_bond_slot(bond), BF_DROP_LLDP_FLOOD, &m, 1);
		return true;
	}
	if (unlikely(header > RTE_ETHER_HDR_LEN))
		frame_untag(m);
	bf_punt(w, bond, why == BF_DROP_LACP ? w->slow : w->lldp, why, &m, 1);
	return true;
}

void
bf_punt_slow(struct bf_worker *w, unsigned int bond, enum bf_drop why, struct rte_mbuf **pkts,
	uint16_t n)
{
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++)
		if (!frame_punt(w, bond, pkts[i]))
			pkts[keep++] = pkts[i];
	if (keep > 0)
		bf_drop(w, bf_bond_slot(bond), why, pkts, keep);
}

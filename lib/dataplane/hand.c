/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See hand.h.
 *
 * Threads: worker.
 */
#include "dataplane/hand.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dataplane/drop.h"

static struct bf_hand *
hand_of(const struct bf_worker *w, unsigned int bond, uint8_t member)
{
	return &w->hands[bond * BF_MAX_MEMBERS + member];
}

uint16_t
bf_hand_keep(
	struct bf_worker *w, unsigned int bond, uint8_t member, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_hand *h = hand_of(w, bond, member);
	uint64_t now = rte_rdtsc();

	if (now < h->stuck_tsc)
		return 0;
	n = RTE_MIN(n, (uint16_t)(BF_HAND - h->n));
	if (h->n == 0)
		h->until_tsc = now + w->tsc_hz / 1000 * BF_HAND_MS;
	for (uint16_t i = 0; i < n; i++)
		h->pkts[h->n++] = pkts[i];
	w->in_hand |= 1u << bond;
	w->tight_tsc = now + w->tsc_hz / 1000000 * BF_TIGHT_US;
	return n;
}

static void
hand_cut(struct bf_hand *h, uint16_t n)
{
	h->n = (uint16_t)(h->n - n);
	for (uint16_t i = 0; i < h->n; i++)
		h->pkts[i] = h->pkts[i + n];
}

static void
hand_drop(struct bf_worker *w, unsigned int bond, uint8_t member)
{
	struct bf_hand *h = hand_of(w, bond, member);

	if (h->n == 0)
		return;
	w->counters->members[bond][member].tx_full += h->n;
	w->bonds[bond].full_member = member;
	bf_drop(w, bf_bond_slot(bond), BF_DROP_MEMBER_FULL, h->pkts, h->n);
	h->n = 0;
}

static uint16_t
hand_send(struct bf_worker *w, unsigned int bond, uint8_t member)
{
	struct bf_port_counters *c = &w->counters->ports[bf_bond_slot(bond)];
	struct bf_member_counters *mc = &w->counters->members[bond][member];
	struct bf_hand *h = hand_of(w, bond, member);
	uint64_t bytes = bf_bytes_of(h->pkts, h->n), supers = 0;
	uint16_t sent;

	for (uint16_t i = 0; i < h->n; i++)
		supers += bf_is_superframe(h->pkts[i]);
	sent = rte_eth_tx_burst(w->view->bonds[bond].member[member], w->idx, h->pkts, h->n);
	for (uint16_t i = sent; i < h->n; i++) {
		bytes -= h->pkts[i]->pkt_len;
		supers -= bf_is_superframe(h->pkts[i]);
	}
	mc->tx_frames += sent;
	mc->tx_bytes += bytes;
	c->tx_frames += sent;
	c->tx_bytes += bytes;
	c->superframes_out += supers;
	hand_cut(h, sent);
	return sent;
}

static void
hand_give_up(struct bf_worker *w, unsigned int bond, uint8_t member, uint64_t now)
{
	hand_of(w, bond, member)->stuck_tsc = now + w->tsc_hz / 1000 * BF_STUCK_MS;
	hand_drop(w, bond, member);
}

static bool
bond_holds(const struct bf_worker *w, unsigned int bond)
{
	for (uint8_t m = 0; m < BF_MAX_MEMBERS; m++)
		if (hand_of(w, bond, m)->n > 0)
			return true;
	return false;
}

void
bf_hand_end(struct bf_worker *w, unsigned int bond, uint8_t member, bool send)
{
	if (send)
		hand_send(w, bond, member);
	hand_drop(w, bond, member);
	if (!bond_holds(w, bond))
		w->in_hand &= ~(1u << bond);
}

uint32_t
bf_hands_send(struct bf_worker *w)
{
	uint64_t now = rte_rdtsc();
	uint32_t total = 0, held = 0;

	for (uint32_t left = w->in_hand; left != 0; left &= left - 1) {
		unsigned int k = (unsigned int)__builtin_ctz(left);

		for (uint8_t m = 0; m < BF_MAX_MEMBERS; m++) {
			struct bf_hand *h = hand_of(w, k, m);
			uint16_t sent = h->n > 0 ? hand_send(w, k, m) : 0;

			total += sent;
			if (sent > 0)
				h->until_tsc = now + w->tsc_hz / 1000 * BF_HAND_MS;
			else if (h->n > 0 && now >= h->until_tsc)
				hand_give_up(w, k, m, now);
			held |= h->n > 0 ? 1u << k : 0;
		}
	}
	w->in_hand = held;
	if (held != 0)
		w->tight_tsc = now + w->tsc_hz / 1000000 * BF_TIGHT_US;
	return total;
}

void
bf_hands_drop(struct bf_worker *w, unsigned int bond)
{
	if (!(w->in_hand >> bond & 1))
		return;
	for (uint8_t m = 0; m < BF_MAX_MEMBERS; m++)
		hand_drop(w, bond, m);
	w->in_hand &= ~(1u << bond);
}

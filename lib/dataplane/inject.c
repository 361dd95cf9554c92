/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of control on the wire, and LACPDUs repeated while control is late.
 *
 * Threads: worker 0.
 */
#include "dataplane/inject.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dataplane/rules.h"
#include "dataplane/tap.h"

#define INJECT_PER_LOOP 16
#define KEEPALIVE_MS 5 /* how often LACPDUs are looked at for repetition */
#define LATE_MS 2000 /* how long other frames of control wait for room in a member's ring */

/* Does the view show this frame's member at this port? A member is announced by the view, not before. */
static bool
is_member(const struct bf_worker *w, const struct rte_mbuf *m)
{
	unsigned int bond = BF_INJECT_BOND(m), bit = BF_INJECT_MEMBER(m);
	const struct bf_bond_view *b = &w->view->bonds[bond];

	return w->view->ports[bf_bond_slot(bond)].kind == BF_PORT_BOND && (b->polled >> bit & 1) &&
		b->member[bit] == m->port;
}

/* @return whether the member took it */
static bool
own_send(struct bf_worker *w, struct rte_mbuf *m)
{
	return rte_eth_tx_burst(m->port, w->idx, &m, 1) == 1;
}

/* The same where taps look at what members send: not at what one refuses, as that is offered again. */
static __rte_noinline bool
own_send_watched(struct bf_worker *w, struct rte_mbuf *m)
{
	unsigned int k = BF_INJECT_BOND(m);
	uint8_t member = BF_INJECT_MEMBER(m);
	bool sent;

	rte_mbuf_refcnt_update(
		m, 1); /* what it says beside the frame is the driver's from then on */
	sent = own_send(w, m);
	if (sent)
		bf_tap_member_out(w, k, member, &m, 1);
	rte_pktmbuf_free(m);
	return sent;
}

/* A frame of our own. @return false: it is the caller's still. */
static bool
own_put(struct bf_worker *w, struct rte_mbuf *m)
{
	unsigned int k = BF_INJECT_BOND(m);
	struct bf_bond_lcore *b = &w->bonds[k];
	uint32_t len = m->pkt_len;
	bool watched = w->view->ports[bf_bond_slot(k)].out & BF_RULE_BIT(WATCH);

	if (!is_member(w, m) || !(watched ? own_send_watched(w, m) : own_send(w, m)))
		return false;
	b->own_frames++;
	b->own_bytes += len;
	return true;
}

/* The newest LACPDU of a member; what a full ring refuses is owed, and goes before data. */
static void
keepalive_put(struct bf_worker *w, struct bf_keepalive *k)
{
	rte_mbuf_refcnt_update(k->pdu, 1);
	if (own_put(w, k->pdu)) {
		k->owed = false;
		return;
	}
	rte_mbuf_refcnt_update(k->pdu, -1);
	w->counters->pmd.lacp_late += k->owed ? 0 : 1;
	k->owed = w->owes = true;
}

static void
keepalive_set(struct bf_worker *w, struct rte_mbuf *m, uint64_t now_tsc)
{
	struct bf_keepalive *k = &w->bonds[BF_INJECT_BOND(m)].keepalive[BF_INJECT_MEMBER(m)];

	rte_pktmbuf_free(k->pdu);
	k->pdu = NULL;
	if (m->port == BF_INJECT_NONE) {
		k->owed = false;
		rte_pktmbuf_free(m);
		return;
	}
	k->pdu = m;
	k->period_tsc = w->tsc_hz / 1000 * m->hash.usr;
	k->due_tsc = now_tsc + k->period_tsc + w->tsc_hz / 1000 * BF_KEEPALIVE_GRACE_MS;
	keepalive_put(w, k);
}

static void
keepalive_run(struct bf_worker *w, struct bf_bond_lcore *b, uint64_t now_tsc)
{
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++) {
		struct bf_keepalive *k = &b->keepalive[i];

		if (k->pdu == NULL || now_tsc < k->due_tsc)
			continue;
		k->due_tsc = now_tsc + k->period_tsc;
		if (!k->owed)
			keepalive_put(w, k);
		w->counters->pmd.lacp_repeated++;
	}
}

static void
late_add(struct bf_worker *w, struct rte_mbuf *m, uint64_t now_tsc)
{
	if (w->n_late == BF_LATE) {
		rte_pktmbuf_free(m);
		w->counters->pmd.control_lost++;
		return;
	}
	w->late[w->n_late] = m;
	w->late_until_tsc[w->n_late++] = now_tsc + w->tsc_hz / 1000 * LATE_MS;
	w->owes = true;
}

/* In order; behind one that its member refuses, no other of that member is tried. */
static void
late_run(struct bf_worker *w, uint64_t now_tsc)
{
	uint32_t full[BF_MAX_BONDS] = {0};
	uint16_t keep = 0;

	for (uint16_t i = 0; i < w->n_late; i++) {
		struct rte_mbuf *m = w->late[i];
		uint32_t bit = 1u << BF_INJECT_MEMBER(m), *of = &full[BF_INJECT_BOND(m)];

		if (!(*of & bit) && own_put(w, m))
			continue;
		*of |= bit;
		if (now_tsc >= w->late_until_tsc[i]) {
			rte_pktmbuf_free(m);
			w->counters->pmd.control_lost++;
			continue;
		}
		w->late[keep] = m;
		w->late_until_tsc[keep++] = w->late_until_tsc[i];
	}
	w->n_late = keep;
}

void
bf_inject_owed(struct bf_worker *w, uint64_t now_tsc)
{
	w->owes = false;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
			if (w->bonds[k].keepalive[i].owed)
				keepalive_put(w, &w->bonds[k].keepalive[i]);
	late_run(w, now_tsc);
	w->owes = w->owes || w->n_late > 0;
}

static void
keepalive_forget(struct bf_keepalive *k)
{
	rte_pktmbuf_free(k->pdu);
	k->pdu = NULL;
	k->owed = false;
}

void
bf_inject_forget(struct bf_worker *w)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
			keepalive_forget(&w->bonds[k].keepalive[i]);
	while (w->n_late > 0)
		rte_pktmbuf_free(w->late[--w->n_late]);
	w->owes = false;
}

void
bf_inject_service(struct bf_worker *w, uint64_t now_tsc)
{
	struct rte_mbuf *m;

	for (int i = 0; i < INJECT_PER_LOOP; i++) { /* announcements do not hold traffic up */
		if (likely(rte_ring_sc_dequeue(w->inject, (void **)&m) != 0))
			break;
		if (m->hash.usr != 0 || m->port == BF_INJECT_NONE)
			keepalive_set(w, m, now_tsc);
		else if (w->n_late > 0 || !own_put(w, m))
			late_add(w, m, now_tsc);
	}
	if (now_tsc < w->next_keepalive)
		return;
	w->next_keepalive = now_tsc + w->tsc_hz / 1000 * KEEPALIVE_MS;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (w->view->ports[bf_bond_slot(k)].kind == BF_PORT_BOND)
			keepalive_run(w, &w->bonds[k], now_tsc);
}

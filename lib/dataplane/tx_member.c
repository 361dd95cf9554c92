/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See tx_member.h.
 *
 * Threads: worker.
 */
#include "dataplane/tx_member.h"

#include <string.h>

#include <rte_ethdev.h>

#include "dataplane/drop.h"
#include "dataplane/frame.h"
#include "dataplane/hand.h"
#include "dataplane/shape.h"
#include "dataplane/tap.h"

/* A card is asked to cut to this at least: below it some refuse, and some stop their queue (i40e, iavf). */
#define CARD_SEGMENT_MIN 256
#define TX_TRIES 2 /* a refused rest is offered once more: tx rings are reclaimed by the call */

void
bf_tx_pad(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint32_t need;
		char *tail;

		if (pkts[i]->pkt_len >= BF_MIN_FRAME || unlikely(bf_is_superframe(pkts[i])))
			continue;
		need = BF_MIN_FRAME - pkts[i]->pkt_len;
		tail = rte_pktmbuf_append(pkts[i], (uint16_t)need);
		if (tail == NULL)
			continue; /* the last of several segments is full: leave it as it is */
		memset(tail, 0, need);
		w->counters->pmd.padded++;
	}
}

/*
 * What the member refuses is kept for the next turn where guests have weights, else dropped.
 *
 * @return bytes of it
 */
static __rte_noinline uint64_t
rest_end(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t bytes = bf_bytes_of(pkts, n);
	uint16_t kept = 0;

	if (w->view->workers[w->idx].shares)
		kept = bf_hand_keep(w, k, member, pkts, n);
	if (kept < n) {
		w->counters->members[k][member].tx_full += (uint64_t)n - kept;
		w->bonds[k].full_member = member;
		bf_drop(w, bf_bond_slot(k), BF_DROP_MEMBER_FULL, &pkts[kept], (uint16_t)(n - kept));
	}
	return bytes;
}

/* @return how many the member took; the rest is kept or dropped. */
static uint16_t
plain_tx(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n,
	uint64_t bytes)
{
	struct bf_port_counters *c = &w->counters->ports[bf_bond_slot(k)];
	struct bf_member_counters *mc = &w->counters->members[k][member];
	uint16_t port = w->view->bonds[k].member[member], sent = 0;

	for (int i = 0; i < TX_TRIES && sent < n; i++)
		sent = (uint16_t)(sent +
			rte_eth_tx_burst(port, w->idx, &pkts[sent], (uint16_t)(n - sent)));
	if (unlikely(sent < n))
		bytes -= rest_end(w, k, member, &pkts[sent], (uint16_t)(n - sent));
	mc->tx_frames += sent;
	mc->tx_bytes += bytes;
	c->tx_frames += sent;
	c->tx_bytes += bytes;
	return sent;
}

/* The same where a tap looks at the member's frames, or something may wait for it: frames go behind that. */
static uint16_t
orderly_tx(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n,
	uint64_t bytes)
{
	if (unlikely(w->bonds[k].stated & BF_STATED_WATCHED))
		bf_tap_member_out(w, k, member, pkts, n);
	if (likely(w->in_hand == 0) || !bf_hand_holds(w, k, member))
		return plain_tx(w, k, member, pkts, n, bytes);
	rest_end(w, k, member, pkts, n);
	return 0;
}

/*
 * A frame that leaves work to the card, as its driver wants it. @return false: the card cannot do it.
 *
 * Drivers write the sum of the pseudo header anew, and know it only where nothing stands between the IPv6
 * header and the other one (rte_ipv6_phdr_cksum()).
 */
static bool
is_prepared(const struct bf_worker *w, uint16_t port, struct rte_mbuf *m)
{
	uint64_t was = m->ol_flags;

	if (m->ol_flags & RTE_MBUF_F_TX_IPV6 && m->l3_len != BF_IPV6_LEN)
		return false;
	if (bf_is_superframe(m) && m->tso_segsz < CARD_SEGMENT_MIN)
		return false;
	if (bf_is_superframe(m) && m->ol_flags & RTE_MBUF_F_TX_IPV4)
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (rte_eth_tx_prepare(port, w->idx, &m, 1) == 1)
		return true;
	m->ol_flags = was;
	return false;
}

static void
complete_tx(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *out[BF_STAGE_SIZE];
	struct bf_shape s;

	bf_shape_begin(&s, bf_bond_slot(k), 0, pkts, n);
	while ((n = bf_shape_next(w, &s, out, BF_STAGE_SIZE)) > 0) {
		bf_tx_pad(w, out, n);
		orderly_tx(w, k, member, out, n, bf_bytes_of(out, n));
	}
}

/* Up to the next frame that the card cannot do. */
static uint16_t
card_tx(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t port = w->view->bonds[k].member[member], good = 0, sent;
	uint16_t supers[BF_STAGE_SIZE + 1] = {0}; /* among the first so many */

	for (; good < n; good++) {
		struct rte_mbuf *m = pkts[good];

		if (bf_is_partial(m) && !is_prepared(w, port, m))
			break;
		supers[good + 1] = (uint16_t)(supers[good] + bf_is_superframe(m));
	}
	if (good == 0)
		return 0;
	sent = orderly_tx(w, k, member, pkts, good, bf_bytes_of(pkts, good));
	w->counters->ports[bf_bond_slot(k)].superframes_out += supers[sent];
	return good;
}

/* Frames that leave something undone: the card does what it can, we do the rest. */
static __rte_noinline void
stated_tx(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *out[BF_STAGE_SIZE];
	struct bf_shape s;

	bf_shape_begin(&s, bf_bond_slot(k), w->view->bonds[k].offloads[member], pkts, n);
	while ((n = bf_shape_next(w, &s, out, BF_STAGE_SIZE)) > 0) {
		bf_tx_pad(w, out, n);
		for (uint16_t i = 0; i < n; i++) {
			i = (uint16_t)(i + card_tx(w, k, member, &out[i], (uint16_t)(n - i)));
			if (i < n)
				complete_tx(w, k, member, &out[i], 1);
		}
	}
}

void
bf_tx_member(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf **pkts,
	uint16_t n, uint64_t bytes)
{
	if (unlikely(w->bonds[k].stated))
		stated_tx(w, k, member, pkts, n);
	else
		plain_tx(w, k, member, pkts, n, bytes);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Towards a bond (k: its number): frames are dealt out to members, and sent on the worker's own queue of each.
 *
 * Threads: worker.
 */
#include "dataplane/tx_bond.h"

#include <string.h>

#include <rte_cycles.h>

#include "dataplane/drop.h"
#include "dataplane/flow.h"
#include "dataplane/member.h"
#include "dataplane/rules.h"
#include "dataplane/tap.h"
#include "dataplane/too_big.h"
#include "dataplane/tx_member.h"

static void
order_tx(struct bf_worker *w, unsigned int k, uint32_t usable, struct rte_mbuf **pkts, uint16_t n,
	uint64_t bytes)
{
	bf_tx_member(w, k, bf_bond_first(&w->view->bonds[k], usable), pkts, n, bytes);
}

/* A burst on its way to several members. */
struct parts {
	uint32_t used;
	uint16_t n[BF_MAX_MEMBERS];
	uint32_t bytes[BF_MAX_MEMBERS];
	struct rte_mbuf *pkts[BF_MAX_MEMBERS][BF_STAGE_SIZE];
};

static inline void
parts_init(struct parts *p)
{
	p->used = 0;
	memset(p->n, 0, sizeof(p->n));
	memset(p->bytes, 0, sizeof(p->bytes));
}

static inline void
parts_add(struct parts *p, uint8_t member, struct rte_mbuf *m)
{
	p->pkts[member][p->n[member]++] = m;
	p->bytes[member] += m->pkt_len;
	p->used |= 1u << member;
}

static inline void
parts_tx(struct bf_worker *w, unsigned int k, struct parts *p)
{
	for (uint32_t left = p->used; left != 0; left &= left - 1) {
		uint8_t m = (uint8_t)__builtin_ctz(left);

		bf_tx_member(w, k, m, p->pkts[m], p->n[m], p->bytes[m]);
	}
}

static void
bucket_tx(struct bf_worker *w, unsigned int k, uint32_t usable, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bonds[k];
	uint32_t hash[BF_STAGE_SIZE];
	struct parts p;

	parts_init(&p);
	bf_flow_hash_burst(pkts, n, (enum bf_policy)b->policy, b->seed, hash);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t bucket = (uint8_t)(hash[i] % BF_BUCKETS);

		w->bonds[k].bucket_bytes[bucket] += pkts[i]->pkt_len;
		parts_add(&p, bf_bond_of_bucket(usable, b->bucket[bucket], bucket), pkts[i]);
	}
	parts_tx(w, k, &p);
}

static void
rr_tx(struct bf_worker *w, unsigned int k, uint32_t usable, struct rte_mbuf **pkts, uint16_t n)
{
	uint8_t turn[BF_MAX_MEMBERS] = {0};
	uint32_t n_turn = 0;
	struct parts p;

	parts_init(&p);
	for (uint32_t u = usable; u != 0; u &= u - 1)
		turn[n_turn++] = (uint8_t)__builtin_ctz(u);
	for (uint16_t i = 0; i < n; i++)
		parts_add(&p, turn[w->bonds[k].rr++ % n_turn], pkts[i]);
	parts_tx(w, k, &p);
}

/* Every usable member by reference; the frames are read-only from here on. */
static void
broadcast_tx(struct bf_worker *w, unsigned int k, uint32_t usable, struct rte_mbuf **pkts,
	uint16_t n, uint64_t bytes)
{
	struct bf_port_counters *c = &w->counters->ports[bf_bond_slot(k)];
	uint16_t copies = (uint16_t)(__builtin_popcount(usable) - 1);
	struct rte_mbuf *dup[BF_STAGE_SIZE];

	for (uint16_t i = 0; i < n && copies > 0; i++)
		for (struct rte_mbuf *s = pkts[i]; s != NULL; s = s->next)
			rte_mbuf_refcnt_update(s, (int16_t)copies);
	c->copies += (uint64_t)n * copies;
	for (uint32_t u = usable; u != 0; u &= u - 1) {
		for (uint16_t i = 0; i < n; i++)
			dup[i] = pkts[i];
		bf_tx_member(w, k, (uint8_t)__builtin_ctz(u), dup, n, bytes);
	}
}

static void
too_long(struct bf_worker *w, uint16_t slot, struct rte_mbuf *m, bool flooded)
{
	if (!flooded)
		bf_too_big_note(w, slot, m);
	bf_drop(w, slot, BF_DROP_OVERSIZE, &m, 1);
}

static uint16_t
drop_oversize(struct bf_worker *w, unsigned int k, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	uint32_t limit = w->view->ports[bf_bond_slot(k)].max_len;
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (bf_wire_len(pkts[i], sum->flags) <= limit)
			pkts[keep++] = pkts[i];
		else
			too_long(w, bf_bond_slot(k), pkts[i], sum->flooded);
	}
	return keep;
}

/* The frames that need a change before they leave: short ones, too long ones. */
static uint16_t
frames_fit(struct bf_worker *w, unsigned int k, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum, uint64_t *bytes)
{
	if (sum->min_len < BF_MIN_FRAME)
		bf_tx_pad(w, pkts, n);
	if (sum->max_len > w->view->ports[bf_bond_slot(k)].max_len)
		n = drop_oversize(w, k, pkts, n, sum);
	*bytes = 0;
	for (uint16_t i = 0; i < n; i++)
		*bytes += pkts[i]->pkt_len;
	return n;
}

/* The bond's rules; what they refuse is freed. */
static uint16_t
pass_rules(struct bf_worker *w, unsigned int k, uint32_t set, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *bytes)
{
	uint16_t slot = bf_bond_slot(k), pass;

	if (likely(set == BF_RULE_BIT(TAP))) { /* samples of its flows, always */
		bf_tap_frames(w, w->view->rules[slot].taps, BF_TAP_OUT, slot, 0, pkts, n);
		return n;
	}
	pass = bf_rules_out(w, slot, set, pkts, n);
	if (pass < n)
		bf_free_burst(&pkts[pass], (uint16_t)(n - pass));
	if (set & BF_RULE_BIT(VLAN)) /* some are shorter now */
		bf_tx_pad(w, pkts, pass);
	*bytes = bf_bytes_of(pkts, pass);
	return pass;
}

static void
frames_dispatch(struct bf_worker *w, unsigned int k, uint32_t usable, struct rte_mbuf **pkts,
	uint16_t n, uint64_t bytes)
{
	switch (w->view->bonds[k].tx) {
	case BF_TX_ORDER:
		order_tx(w, k, usable, pkts, n, bytes);
		break;
	case BF_TX_BUCKET:
		bucket_tx(w, k, usable, pkts, n);
		break;
	case BF_TX_RR:
		rr_tx(w, k, usable, pkts, n);
		break;
	default:
		broadcast_tx(w, k, usable, pkts, n, bytes);
		break;
	}
}

void
bf_tx_bond(struct bf_worker *w, unsigned int k, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	const struct bf_bond_view *b = &w->view->bonds[k];
	const struct bf_port_view *pv = &w->view->ports[bf_bond_slot(k)];
	/* Losses first: a loss seen here has already taken its bit away. */
	uint32_t losses = __atomic_load_n(&b->carrier->losses, __ATOMIC_ACQUIRE);
	uint32_t usable = bf_bond_usable(b);
	uint64_t bytes = sum->bytes;

	if (unlikely(usable == 0)) {
		bf_drop(w, bf_bond_slot(k), BF_DROP_NO_MEMBER, pkts, n);
		return;
	}
	if (unlikely(sum->min_len < BF_MIN_FRAME || sum->max_len > pv->max_len))
		n = frames_fit(w, k, pkts, n, sum, &bytes);
	if (n > 0 && pv->out != 0)
		n = pass_rules(w, k, pv->out, pkts, n, &bytes);
	if (unlikely(n == 0))
		return;
	w->bonds[k].stated = (sum->flags & (BF_BURST_SEGMENTS | BF_BURST_PARTIAL)) | w->in_hand |
		(pv->out & BF_RULE_BIT(WATCH) ? BF_STATED_WATCHED : 0);
	frames_dispatch(w, k, usable, pkts, n, bytes);
	if (unlikely(losses != w->bonds[k].losses_seen)) {
		w->bonds[k].first_tx_tsc = rte_rdtsc();
		__atomic_store_n(&w->bonds[k].losses_seen, losses, __ATOMIC_RELEASE);
	}
}

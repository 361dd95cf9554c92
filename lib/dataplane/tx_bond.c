/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Towards the bond: which member carries a frame, and its transmission on the worker's own
 * queue of that member.
 *
 * A member without carrier is left at the next burst: its bit is read here.  Its buckets stand
 * in on the others by the same rule that control uses for the next view, so that no
 * flow moves twice.
 *
 * Threads: worker.
 */
#include "dataplane/worker.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "dataplane/flow.h"
#include "dataplane/inject.h"
#include "dataplane/mailbox.h"

#define INJECT_PER_LOOP 16
#define TX_TRIES 2 /* a refused rest is offered once more: tx rings are reclaimed by the call */

uint32_t
bf_tx_bond_usable(const struct bf_bond_view *b)
{
	return b->eligible & (__atomic_load_n(&b->carrier->bits, __ATOMIC_RELAXED) | b->hold);
}

uint8_t
bf_bond_first(const struct bf_bond_view *b, uint32_t usable)
{
	uint8_t i = 0;

	while (!(usable & 1u << b->order[i]))
		i++;
	return b->order[i];
}

uint8_t
bf_bond_stand_in(uint32_t usable, uint8_t bucket)
{
	uint32_t n = (uint32_t)__builtin_popcount(usable);

	/* A multiplicative step keeps a dead member's neighbouring buckets apart. */
	for (uint32_t skip = (bucket * 167u >> 3) % n; skip > 0; skip--)
		usable &= usable - 1;
	return (uint8_t)__builtin_ctz(usable);
}

static void
member_tx(struct bf_worker *w, uint8_t member, struct rte_mbuf **pkts, uint16_t n, uint64_t bytes)
{
	struct bf_port_counters *c = &w->counters->ports[BF_BOND_SLOT];
	struct bf_member_counters *mc = &w->counters->members[member];
	uint16_t port = w->view->bond.member[member], sent = 0;

	for (int i = 0; i < TX_TRIES && sent < n; i++)
		sent = (uint16_t)(sent +
			rte_eth_tx_burst(port, w->idx, &pkts[sent], (uint16_t)(n - sent)));
	if (unlikely(sent < n)) {
		for (uint16_t i = sent; i < n; i++)
			bytes -= pkts[i]->pkt_len;
		mc->tx_full += (uint64_t)n - sent;
		bf_drop(w, BF_BOND_SLOT, BF_DROP_MEMBER_FULL, &pkts[sent], (uint16_t)(n - sent));
	}
	mc->tx_frames += sent;
	mc->tx_bytes += bytes;
	c->tx_frames += sent;
	c->tx_bytes += bytes;
}

static void
order_tx(struct bf_worker *w, uint32_t usable, struct rte_mbuf **pkts, uint16_t n, uint64_t bytes)
{
	member_tx(w, bf_bond_first(&w->view->bond, usable), pkts, n, bytes);
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
parts_tx(struct bf_worker *w, struct parts *p)
{
	for (uint32_t left = p->used; left != 0; left &= left - 1) {
		uint8_t m = (uint8_t)__builtin_ctz(left);

		member_tx(w, m, p->pkts[m], p->n[m], p->bytes[m]);
	}
}

static void
bucket_tx(struct bf_worker *w, uint32_t usable, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bond;
	uint32_t hash[BF_STAGE_SIZE];
	struct parts p;

	parts_init(&p);
	bf_flow_hash_burst(pkts, n, (enum bf_policy)b->policy, b->seed, hash);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t bucket = (uint8_t)(hash[i] % BF_BUCKETS);
		uint8_t m = b->bucket[bucket];

		w->bucket_bytes[bucket] += pkts[i]->pkt_len;
		parts_add(&p, likely(usable & 1u << m) ? m : bf_bond_stand_in(usable, bucket),
			pkts[i]);
	}
	parts_tx(w, &p);
}

static void
rr_tx(struct bf_worker *w, uint32_t usable, struct rte_mbuf **pkts, uint16_t n)
{
	uint8_t turn[BF_MAX_MEMBERS] = {0};
	uint32_t n_turn = 0;
	struct parts p;

	parts_init(&p);
	for (uint32_t u = usable; u != 0; u &= u - 1)
		turn[n_turn++] = (uint8_t)__builtin_ctz(u);
	for (uint16_t i = 0; i < n; i++)
		parts_add(&p, turn[w->rr++ % n_turn], pkts[i]);
	parts_tx(w, &p);
}

/* Every usable member by reference; the frames are read-only from here on. */
static void
broadcast_tx(
	struct bf_worker *w, uint32_t usable, struct rte_mbuf **pkts, uint16_t n, uint64_t bytes)
{
	struct bf_port_counters *c = &w->counters->ports[BF_BOND_SLOT];
	uint16_t copies = (uint16_t)(__builtin_popcount(usable) - 1);
	struct rte_mbuf *dup[BF_STAGE_SIZE];

	for (uint16_t i = 0; i < n && copies > 0; i++)
		for (struct rte_mbuf *s = pkts[i]; s != NULL; s = s->next)
			rte_mbuf_refcnt_update(s, (int16_t)copies);
	c->copies += (uint64_t)n * copies;
	for (uint32_t u = usable; u != 0; u &= u - 1) {
		for (uint16_t i = 0; i < n; i++)
			dup[i] = pkts[i];
		member_tx(w, (uint8_t)__builtin_ctz(u), dup, n, bytes);
	}
}

/* A wire carries 60 bytes at least; a guest may send less. */
static void
pad(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint32_t need;
		char *tail;

		if (pkts[i]->pkt_len >= BF_MIN_FRAME)
			continue;
		need = BF_MIN_FRAME - pkts[i]->pkt_len;
		tail = rte_pktmbuf_append(pkts[i], (uint16_t)need);
		if (tail == NULL)
			continue; /* the last of several segments is full: leave it as it is */
		memset(tail, 0, need);
		w->counters->pmd.padded++;
	}
}

static uint16_t
drop_oversize(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t limit = w->view->ports[BF_BOND_SLOT].max_len;
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i]->pkt_len <= limit)
			pkts[keep++] = pkts[i];
		else
			bf_drop(w, BF_BOND_SLOT, BF_DROP_OVERSIZE, &pkts[i], 1);
	}
	return keep;
}

/* The frames that need a change before they leave: short ones, too long ones. */
static uint16_t
fit(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, const struct bf_burst *sum,
	uint64_t *bytes)
{
	if (sum->min_len < BF_MIN_FRAME)
		pad(w, pkts, n);
	if (sum->max_len > w->view->ports[BF_BOND_SLOT].max_len)
		n = drop_oversize(w, pkts, n);
	*bytes = 0;
	for (uint16_t i = 0; i < n; i++)
		*bytes += pkts[i]->pkt_len;
	return n;
}

/* The head of one frame in BF_SAMPLE_EVERY; a full ring loses the sample, nothing else. */
static void
sample(struct bf_worker *w, const struct rte_mbuf *m)
{
	struct bf_sample s = {.weight = BF_SAMPLE_EVERY, .pkt_len = (uint16_t)m->pkt_len};

	w->sample_left += BF_SAMPLE_EVERY;
	s.head_len = (uint8_t)RTE_MIN((uint16_t)BF_SAMPLE_HEAD, m->data_len);
	memcpy(s.head, rte_pktmbuf_mtod(m, const uint8_t *), s.head_len);
	rte_ring_sp_enqueue_elem(w->samples, &s, sizeof(s));
}

static void
dispatch(struct bf_worker *w, uint32_t usable, struct rte_mbuf **pkts, uint16_t n, uint64_t bytes)
{
	switch (w->view->bond.tx) {
	case BF_TX_ORDER:
		order_tx(w, usable, pkts, n, bytes);
		break;
	case BF_TX_BUCKET:
		bucket_tx(w, usable, pkts, n);
		break;
	case BF_TX_RR:
		rr_tx(w, usable, pkts, n);
		break;
	default:
		broadcast_tx(w, usable, pkts, n, bytes);
		break;
	}
}

void
bf_tx_bond(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, const struct bf_burst *sum)
{
	const struct bf_bond_view *b = &w->view->bond;
	/* Losses first: a loss seen here has already taken its bit away. */
	uint32_t losses = __atomic_load_n(&b->carrier->losses, __ATOMIC_ACQUIRE);
	uint32_t usable = bf_tx_bond_usable(b);
	uint64_t bytes = sum->bytes;

	if (unlikely(usable == 0)) {
		bf_drop(w, BF_BOND_SLOT, BF_DROP_NO_MEMBER, pkts, n);
		return;
	}
	if (unlikely(sum->min_len < BF_MIN_FRAME ||
		    sum->max_len > w->view->ports[BF_BOND_SLOT].max_len))
		n = fit(w, pkts, n, sum, &bytes);
	if (unlikely(n == 0))
		return;
	w->sample_left -= n;
	if (unlikely(w->sample_left < 0))
		sample(w, pkts[0]);
	dispatch(w, usable, pkts, n, bytes);
	if (unlikely(losses != w->losses_seen)) {
		w->first_tx_tsc = rte_rdtsc();
		__atomic_store_n(&w->losses_seen, losses, __ATOMIC_RELEASE);
	}
}

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
	return b->tx_desc[member] != 0 && (bf_tx_bond_usable(b) & 1u << member) &&
		rte_eth_tx_descriptor_status(b->member[member], w->idx,
			(uint16_t)(b->tx_desc[member] - 1)) == RTE_ETH_TX_DESC_FULL;
}

void
bf_tx_bond_settle(struct bf_worker *w, const struct bf_view *next)
{
	const struct bf_bond_view *b = &w->bond_was;
	uint64_t end = rte_rdtsc() + w->tsc_hz / 1000000 * BF_SETTLE_US;
	uint32_t left = moves_flows(b, &next->bond) ? b->eligible & next->bond.polled : 0;

	for (; left != 0; left &= left - 1) {
		uint8_t m = (uint8_t)__builtin_ctz(left);

		while (b->member[m] == next->bond.member[m] && ring_is_busy(w, b, m) &&
			rte_rdtsc() < end)
			rte_pause();
	}
	w->bond_was = next->bond;
}

/* Does the view show this frame's member at this port? A member is announced by the view, not before. */
static bool
is_member(const struct bf_worker *w, const struct rte_mbuf *m)
{
	const struct bf_bond_view *b = &w->view->bond;
	unsigned int bit = m->vlan_tci_outer % BF_MAX_MEMBERS;

	return w->view->ports[BF_BOND_SLOT].kind == BF_PORT_BOND && (b->polled >> bit & 1) &&
		b->member[bit] == m->port;
}

/* A frame of our own. @return false: it is the caller's still. */
static bool
put(struct bf_worker *w, struct rte_mbuf *m)
{
	uint32_t len = m->pkt_len;

	if (!is_member(w, m) || rte_eth_tx_burst(m->port, w->idx, &m, 1) == 0)
		return false;
	w->counters->pmd.own_frames++;
	w->counters->pmd.own_bytes += len;
	return true;
}

/* The newest LACPDU of a member; what a full ring refuses is owed, and goes before data. */
static void
keepalive_put(struct bf_worker *w, struct bf_keepalive *k)
{
	rte_mbuf_refcnt_update(k->pdu, 1);
	if (put(w, k->pdu)) {
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
	struct bf_keepalive *k = &w->keepalive[m->vlan_tci_outer % BF_MAX_MEMBERS];

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
keepalive_run(struct bf_worker *w, uint64_t now_tsc)
{
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++) {
		struct bf_keepalive *k = &w->keepalive[i];

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
	w->late_until_tsc[w->n_late++] = now_tsc + w->tsc_hz / 1000 * BF_LATE_MS;
	w->owes = true;
}

/* In order; behind one that its member refuses, no other of that member is tried. */
static void
late_run(struct bf_worker *w, uint64_t now_tsc)
{
	uint32_t full = 0;
	uint16_t keep = 0;

	for (uint16_t i = 0; i < w->n_late; i++) {
		struct rte_mbuf *m = w->late[i];
		uint32_t bit = 1u << m->vlan_tci_outer % BF_MAX_MEMBERS;

		if (!(full & bit) && put(w, m))
			continue;
		full |= bit;
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
bf_tx_bond_owed(struct bf_worker *w, uint64_t now_tsc)
{
	w->owes = false;
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
		if (w->keepalive[i].owed)
			keepalive_put(w, &w->keepalive[i]);
	late_run(w, now_tsc);
	w->owes = w->owes || w->n_late > 0;
}

void
bf_tx_bond_forget(struct bf_worker *w)
{
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++) {
		rte_pktmbuf_free(w->keepalive[i].pdu);
		w->keepalive[i].pdu = NULL;
		w->keepalive[i].owed = false;
	}
	while (w->n_late > 0)
		rte_pktmbuf_free(w->late[--w->n_late]);
	w->owes = false;
}

void
bf_tx_bond_service(struct bf_worker *w, uint64_t now_tsc)
{
	bool has_bond = w->view->ports[BF_BOND_SLOT].kind == BF_PORT_BOND;
	struct rte_mbuf *m;

	for (int i = 0; i < INJECT_PER_LOOP; i++) { /* announcements do not hold traffic up */
		if (likely(rte_ring_sc_dequeue(w->inject, (void **)&m) != 0))
			break;
		if (m->hash.usr != 0 || m->port == BF_INJECT_NONE)
			keepalive_set(w, m, now_tsc);
		else if (w->n_late > 0 || !put(w, m))
			late_add(w, m, now_tsc);
	}
	if (now_tsc < w->next_keepalive)
		return;
	w->next_keepalive = now_tsc + w->tsc_hz / 1000 * BF_KEEPALIVE_MS;
	if (has_bond)
		keepalive_run(w, now_tsc);
}

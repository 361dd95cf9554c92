/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Towards a guest: frames are copied into its receive rings.
 *
 * A ring has one writer at any time.  With at least as many rings as workers, worker w owns the rings r with r % workers == w; with fewer, workers share
 * a ring and try its lock, never waiting for long.
 *
 * Threads: worker.
 */
#include "dataplane/tx_guest.h"

#include <rte_pause.h>

#include "dataplane/count.h"
#include "dataplane/drop.h"
#include "dataplane/flow.h"
#include "dataplane/gro.h"
#include "dataplane/mark.h"
#include "dataplane/ring.h"
#include "dataplane/ring_lock.h"
#include "dataplane/rules.h"
#include "dataplane/shape.h"
#include "dataplane/tags.h"
#include "dataplane/too_big.h"
#include "dataplane/vnet_hdr.h"

/* The rings of a worker: first, first + step, ... `count` of them. */
struct rings {
	uint16_t first, step, count;
};

static inline struct rings
rings_of(const struct bf_worker *w, uint16_t n_rings)
{
	uint16_t nw = w->view->n_workers;

	if (likely(n_rings >= nw))
		return (struct rings){w->idx, nw, (uint16_t)((n_rings - w->idx + nw - 1) / nw)};
	return (struct rings){(uint16_t)(w->idx % n_rings), 1, 1};
}

/* Frames that have a state: never one that the guest does not take. */
static uint16_t
put_stated(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint8_t header[BF_BURST][BF_FORM_HEADER];
	const struct bf_form form = {.header = (const uint8_t(*)[BF_FORM_HEADER])header};
	uint16_t k = 0;

	while (k < n && bf_vnet_hdr_make(pkts[k], r->offloads, header[k]))
		k++;
	return k > 0 ? bf_ring_put_formed(r, pkts, k, &form) : 0;
}

static uint16_t
enqueue_all(struct bf_ring *r, struct rte_mbuf **pkts, uint16_t n, uint8_t retries, uint32_t flags)
{
	uint16_t done = 0;

	if (flags == BF_BURST_GOOD && r->offloads == 0) /* there is no header to say it by */
		flags = 0;
	r->spent = false;
	while (done < n) {
		uint16_t want = RTE_MIN((uint16_t)(n - done), (uint16_t)BF_BURST);
		uint16_t got = likely(flags == 0) ? bf_ring_put(r, &pkts[done], want)
						  : put_stated(r, &pkts[done], want);

		done = (uint16_t)(done + got);
		if (unlikely(got < want)) {
			if (retries-- == 0 || r->spent)
				break;
			rte_pause();
		}
	}
	return done;
}

/* Count what one ring took; `sum_bytes` is used when it took everything. */
static void
frames_account(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	uint16_t sent, enum bf_drop why, uint64_t sum_bytes)
{
	struct bf_port_counters *c = &w->counters->ports[slot];

	c->tx_frames += sent;
	if (likely(sent == n)) {
		c->tx_bytes += sum_bytes;
		return;
	}
	c->tx_bytes += bf_bytes_of(pkts, sent);
	bf_drop_note(w, slot, why, &pkts[sent], (uint16_t)(n - sent));
}

static void
ring_tx(struct bf_worker *w, uint16_t slot, uint16_t ring, struct rte_mbuf **pkts, uint16_t n,
	uint64_t bytes, uint32_t flags)
{
	const struct bf_port_view *pv = &w->view->ports[slot];
	struct bf_guest_dp *g = pv->guest;
	bool up = __atomic_load_n(&g->up, __ATOMIC_ACQUIRE);
	struct bf_ring *r = &g->ring[(uint16_t)(2 * ring)];
	enum bf_drop why = BF_DROP_GUEST_RING_FULL;
	uint16_t sent = 0;

	if (unlikely(!up))
		why = BF_DROP_GUEST_DOWN;
	else if (unlikely(!(__atomic_load_n(&g->rx_rings, __ATOMIC_RELAXED) & 1u << ring)))
		why = BF_DROP_GUEST_RING_OFF;
	else if (unlikely(!bf_ring_lock(w, r)))
		why = BF_DROP_RING_BUSY;
	else {
		if (unlikely(r->mode == BF_RING_OFF)) {
			why = BF_DROP_GUEST_RING_OFF;
		} else {
			if (unlikely(w->timed))
				bf_count_fill(w, BF_FILL_TO_GUEST, bf_ring_waiting(r));
			sent = enqueue_all(r, pkts, n, pv->retries, flags);
			if (unlikely(sent < n && !bf_ring_was_refilled(r)))
				why = BF_DROP_GUEST_RING_UNREAD;
		}
		bf_ring_unlock(w, r);
	}
	if (unlikely(flags != 0) && sent < n && !bf_offload_is_taken(pkts[sent], r->offloads))
		why = BF_DROP_GUEST_DOWN; /* it was meant for the front end before */
	frames_account(w, slot, pkts, n, sent, why, bytes);
	if (unlikely(flags & BF_BURST_SEGMENTS))
		for (uint16_t i = 0; i < sent; i++)
			w->counters->ports[slot].superframes_out += bf_is_superframe(pkts[i]);
}

/* Several rings: a flow keeps to one of them. */
static void
spread_tx(struct bf_worker *w, uint16_t slot, struct rings r, struct rte_mbuf **pkts, uint16_t n,
	uint32_t flags)
{
	struct rte_mbuf *part[BF_STAGE_SIZE];
	uint32_t hash[BF_STAGE_SIZE];

	bf_flow_hash_burst(pkts, n, BF_POLICY_L34, 0, hash);
	for (uint16_t k = 0; k < r.count; k++) {
		uint16_t n_part = 0;

		for (uint16_t i = 0; i < n; i++)
			if (hash[i] % r.count == k)
				part[n_part++] = pkts[i];
		if (n_part > 0)
			ring_tx(w, slot, (uint16_t)(r.first + k * r.step), part, n_part,
				bf_bytes_of(part, n_part), flags);
	}
}

static inline void
frames_tx(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n, uint64_t bytes,
	uint32_t flags)
{
	const struct bf_port_view *pv = &w->view->ports[slot];
	struct rings r = rings_of(w, pv->n_rings);

	if (likely(r.count == 1))
		ring_tx(w, slot, r.first, pkts, n, bytes, flags);
	else
		spread_tx(w, slot, r, pkts, n, flags);
}

/* Split off what the port does not take; the fitting ones keep their order. */
static uint16_t
take_fitting(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum, struct rte_mbuf **fit)
{
	uint32_t limit = w->view->ports[slot].max_len;
	uint16_t n_fit = 0;

	for (uint16_t i = 0; i < n; i++)
		if (bf_wire_len(pkts[i], sum->flags) <= limit)
			fit[n_fit++] = pkts[i];
		else {
			if (!sum->flooded)
				bf_too_big_note(w, slot, pkts[i]);
			bf_drop_note(w, slot, BF_DROP_OVERSIZE, &pkts[i], 1);
		}
	return n_fit;
}

/* A frame that others get as well. */
struct lent {
	struct rte_mbuf *m;
	uint16_t at;
	struct bf_mark_was mark;
};

static void
lent_keep(struct lent *l, struct rte_mbuf *m, bool marks)
{
	l->m = m;
	l->at = m->data_off;
	if (unlikely(marks))
		bf_mark_save(m, &l->mark);
}

static void
lent_undo(struct lent *l, bool marks)
{
	if (l->m->data_off != l->at)
		bf_tags_restore(l->m);
	if (unlikely(marks))
		bf_mark_restore(l->m, &l->mark);
}

/* Frames that others get as well: what the rules change is undone. */
static void
lent_tx(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n,
	uint32_t flags)
{
	bool marks = (set & BF_RULES_QOS) != 0;
	struct lent lent[BF_STAGE_SIZE];
	uint16_t pass;

	for (uint16_t i = 0; i < n; i++)
		lent_keep(&lent[i], pkts[i], marks);
	pass = bf_rules_out(w, slot, set, pkts, n);
	if (pass > 0)
		frames_tx(w, slot, pkts, pass, bf_bytes_of(pkts, pass), flags);
	for (uint16_t i = 0; i < n; i++)
		lent_undo(&lent[i], marks);
}

static inline void
copy_tx(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	struct rte_mbuf *fit[BF_STAGE_SIZE];

	if (likely(sum->max_len <= w->view->ports[slot].max_len && set == 0)) {
		frames_tx(w, slot, pkts, n, sum->bytes, sum->flags);
		return;
	}
	n = take_fitting(w, slot, pkts, n, sum, fit);
	if (n > 0)
		lent_tx(w, slot, set, fit, n, sum->flags);
}

void
bf_tx_guest_copy(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	copy_tx(w, slot, w->view->ports[slot].out, pkts, n, sum);
}

/* Frames that are only for it, and are freed by the caller. @param set the port's rules that are left */
static inline void
own_tx(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	const struct bf_port_view *pv = &w->view->ports[slot];

	if (likely(set == 0 || sum->max_len > pv->max_len)) {
		copy_tx(w, slot, set, pkts, n, sum);
		return;
	}
	n = set == BF_RULE_BIT(VLAN) ? bf_tags_out(w, slot, pkts, n)
				     : bf_rules_out(w, slot, set, pkts, n);
	if (likely(n > 0))
		frames_tx(w, slot, pkts, n, bf_bytes_of(pkts, n), sum->flags);
}

/* Where there is a rate, segments meet the rules before they become one: to lose many at once holds TCP up for long. */
static uint16_t
rules_first(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t pass = bf_rules_out(w, slot, w->view->ports[slot].out, pkts, n);

	if (pass < n)
		bf_free_burst(&pkts[pass], (uint16_t)(n - pass));
	return pass;
}

/* What is too long goes first: it is judged, and answered, with the tag that it has. @return how many are left */
static uint16_t
fitting_keep(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	struct rte_mbuf *fit[BF_STAGE_SIZE];
	uint16_t n_fit, k = 0;

	if (likely(sum->max_len <= w->view->ports[slot].max_len))
		return n;
	n_fit = take_fitting(w, slot, pkts, n, sum, fit);
	for (uint16_t i = 0; i < n; i++) {
		if (k < n_fit && pkts[i] == fit[k])
			k++;
		else
			bf_free_burst(&pkts[i], 1);
	}
	memcpy(pkts, fit, n_fit * sizeof(fit[0]));
	return n_fit;
}

/* As the guest takes them: segments that follow each other as one, others' superframes cut. */
static __rte_noinline void
shaped_tx(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *all, uint32_t takes)
{
	struct bf_port_counters *c = &w->counters->ports[slot];
	struct rte_mbuf *out[BF_STAGE_SIZE];
	struct bf_shape s;
	uint32_t set = w->view->ports[slot].out;
	struct bf_burst sum;
	uint16_t left;

	if (unlikely(set & BF_RULE_BIT(RATE))) {
		n = fitting_keep(w, slot, pkts, n, all);
		if (n > 0)
			n = rules_first(w, slot, pkts, n);
		set = 0;
		if (n == 0)
			return;
	}
	left = takes & BF_OFFLOAD_TSO ? bf_gro(pkts, n, takes) : n;
	c->coalesced += (uint64_t)n - left;
	bf_shape_begin(&s, slot, takes, pkts, left);
	while ((n = bf_shape_next(w, &s, out, BF_STAGE_SIZE)) > 0) {
		bf_shape_sum(out, n, bf_shape_flags(out, n), &sum);
		own_tx(w, slot, set, out, n, &sum);
		bf_free_burst(out, n);
	}
}

void
bf_tx_guest(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	uint32_t takes = __atomic_load_n(&w->view->ports[slot].guest->offloads, __ATOMIC_RELAXED);

	if (unlikely(takes != 0 || sum->flags & (BF_BURST_SEGMENTS | BF_BURST_PARTIAL))) {
		shaped_tx(w, slot, pkts, n, sum, takes);
		return;
	}
	own_tx(w, slot, w->view->ports[slot].out, pkts, n, sum);
	bf_free_burst(pkts, n);
}

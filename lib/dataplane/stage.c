/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of several bursts come together here per destination, because a burst of 32 costs a
 * guest's ring little more than a burst of 4.
 *
 * Threads: worker.
 */
#include "dataplane/stage.h"

#include "dataplane/drop.h"
#include "dataplane/tx_bond.h"
#include "dataplane/tx_guest.h"

static inline void
port_tx(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	switch (w->view->ports[slot].kind) {
	case BF_PORT_GUEST:
		bf_tx_guest(w, slot, pkts, n, sum);
		break;
	case BF_PORT_BOND:
		bf_tx_bond(w, bf_bond_of_slot(slot), pkts, n, sum);
		break;
	default:
		bf_drop(w, slot, BF_DROP_PORT_GONE, pkts, n);
		break;
	}
}

static void
stage_send(struct bf_worker *w, uint16_t slot, struct bf_stage *s)
{
	struct bf_burst sum = {
		bf_bytes_of(s->pkts, s->n), w->staged_max, w->staged_min, w->staged_flags, false};
	uint16_t n = s->n;

	s->n = 0;
	port_tx(w, slot, s->pkts, n, &sum);
}

static inline void
stage_open(struct bf_worker *w, uint16_t slot, struct bf_stage *s)
{
	if (s->active)
		return;
	s->active = true;
	w->active[w->n_active++] = slot;
}

/* Bounds for all ports together, from the first burst after a flush on: nothing per frame. */
static inline void
widen_bounds(struct bf_worker *w, const struct bf_burst *sum)
{
	bool first = w->n_active == 0;

	w->staged_max = first ? sum->max_len : RTE_MAX(w->staged_max, sum->max_len);
	w->staged_min = first ? sum->min_len : RTE_MIN(w->staged_min, sum->min_len);
	w->staged_flags = first ? sum->flags : w->staged_flags | sum->flags;
}

void
bf_stage_add(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *sum)
{
	struct bf_stage *s = &w->stages[slot];

	widen_bounds(w, sum);
	if (s->n == 0) {
		if (n >= BF_BURST / 2) { /* a worthwhile burst of its own: no copy of pointers */
			port_tx(w, slot, pkts, n, sum);
			return;
		}
		stage_open(w, slot, s);
	}
	for (uint16_t i = 0; i < n; i++)
		s->pkts[s->n + i] = pkts[i];
	s->n = (uint16_t)(s->n + n);
	if (s->n >= BF_BURST)
		stage_send(w, slot, s);
}

uint16_t
bf_stage_scatter(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	const struct bf_burst *sum)
{
	uint16_t rest = 0;

	widen_bounds(w, sum);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct bf_stage *s;

		if (unlikely(out[i] >= BF_MAX_PORTS)) {
			pkts[rest] = m;
			out[rest++] = out[i];
			continue;
		}
		s = &w->stages[out[i]];
		if (s->n == 0)
			stage_open(w, out[i], s);
		s->pkts[s->n++] = m;
		if (s->n >= BF_BURST)
			stage_send(w, out[i], s);
	}
	return rest;
}

void
bf_stage_flush(struct bf_worker *w)
{
	for (uint16_t i = 0; i < w->n_active; i++) {
		struct bf_stage *s = &w->stages[w->active[i]];

		s->active = false;
		if (s->n > 0)
			stage_send(w, w->active[i], s);
	}
	w->n_active = 0;
}

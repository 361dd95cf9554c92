/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See walk.h.
 *
 * Threads: ctx control.
 */
#include "control/trace/walk.h"

#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/count.h"
#include "dataplane/rate.h"
#include "dataplane/rx_bond.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"

/* A few bytes of a frame that any change of it changes: headers are at its begin. */
struct look {
	uint32_t len;
	uint8_t head[64];
};

static void
look_at(const struct rte_mbuf *m, struct look *l)
{
	memset(l, 0, sizeof(*l));
	l->len = m->pkt_len;
	memcpy(l->head, rte_pktmbuf_mtod(m, const uint8_t *),
		RTE_MIN(m->data_len, sizeof(l->head)));
}

/* Why a port dropped something, BF_DROP_COUNT: it has not. */
static enum bf_drop
drop_reason(const struct bf_trace_world *world, uint16_t slot)
{
	const uint64_t *drops = world->counters.ports[slot].drops;
	unsigned int why = 0;

	while (why < BF_DROP_COUNT && drops[why] == 0)
		why++;
	return (enum bf_drop)why;
}

/* @return whether the frame is still there */
static bool
rules_walk(struct bf_trace_world *world, const struct bf_trace_ask *ask, struct rte_mbuf *m,
	struct bf_trace *t)
{
	uint32_t set = ask->rules & ~BF_RULE_BIT(TAP);

	if (set & BF_RULE_BIT(RATE) && !bf_rate_may_poll(&world->w, ask->in))
		t->waits = true;
	for (; set != 0; set &= set - 1) {
		struct bf_trace_rule *r = &t->rule[t->n_rules++];
		struct look before, after;

		r->rule = (uint8_t)__builtin_ctz(set);
		look_at(m, &before);
		if (bf_rules_in(&world->w, ask->in, set & -set, &m, 1) == 0) {
			r->why = (uint8_t)drop_reason(world, ask->in);
			return false;
		}
		r->why = BF_DROP_COUNT;
		look_at(m, &after);
		r->changed = memcmp(&before, &after, sizeof(before)) != 0;
	}
	return true;
}

static uint16_t
port_of(const struct bf_trace_world *world, uint64_t key)
{
	uint16_t port = BF_TRACE_NOWHERE;

	return bf_fdb_find(&world->fdb, key, &port) != NULL ? port : BF_TRACE_NOWHERE;
}

/* What the switch reads from it, and decides on what it reads; the frame stays as it is. */
static void
frame_judge(struct bf_trace_world *world, uint16_t in, const struct rte_mbuf *m, struct bf_trace *t)
{
	const struct bf_verdict_ground ground = {&world->view, &world->fdb, &world->echoes};

	t->len = m->pkt_len;
	t->is_parsed = bf_frame_parse(m, world->view.ports[in].bond, &t->frame);
	t->src_port = t->dst_port = BF_TRACE_NOWHERE;
	if (!t->is_parsed)
		return;
	bf_trace_world_know(world, &t->frame);
	t->src_port = port_of(world, t->frame.src);
	t->dst_port = port_of(world, t->frame.dst);
	t->verdict = bf_verdict(ground, in, m, &t->frame);
}

/* The same as a worker's turn from where the frame has come in. */
static void
frame_switch(
	struct bf_trace_world *world, const struct bf_trace_ask *ask, struct rte_mbuf *m, bool take)
{
	unsigned int k = bf_bond_of_slot(ask->in);

	if (!bf_is_bond_slot(ask->in)) {
		bf_switch_burst(&world->w, ask->in, &m, 1, 0);
	} else {
		world->view.bonds[k].in = 0; /* its rules have been run */
		bf_rx_bond_frames(&world->w, k, ask->member, take, &m, 1);
	}
	bf_stage_flush(&world->w);
}

static void
bond_end(const struct bf_trace_world *world, struct bf_trace *t, struct bf_trace_end *e)
{
	unsigned int k = bf_bond_of_slot(e->slot);

	for (unsigned int m = 0; m < BF_MAX_MEMBERS; m++)
		if (world->counters.members[k][m].tx_frames > 0)
			e->members |= 1u << m;
	for (int b = 0; b < BF_BUCKETS; b++)
		if (world->w.bonds[k].bucket_bytes[b] > 0)
			t->bucket = b;
}

static void
guest_end(const struct bf_trace_world *world, struct bf_trace_end *e)
{
	const struct bf_guest_dp *g = world->view.ports[e->slot].guest;

	for (uint8_t q = 0; q < BF_MAX_QP; q++) {
		const struct bf_ring *r = &g->ring[(uint16_t)(2 * q)];

		if (r->used_idx == 0)
			continue;
		e->ring = q;
		e->formed = r->offloads != 0;
	}
}

/* What a worker has counted at a port, which is one frame or none. */
static void
ends_read(const struct bf_trace_world *world, struct bf_trace *t)
{
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++) {
		const struct bf_port_counters *c = &world->counters.ports[s];
		struct bf_trace_end *e = &t->end[t->n_ends];

		if (world->view.ports[s].kind == BF_PORT_NONE)
			continue;
		t->sums += c->sums;
		t->segments += c->segments;
		t->flooded = t->flooded || c->flooded > 0;
		*e = (struct bf_trace_end){.slot = s, .bytes = c->tx_bytes};
		e->why = (uint8_t)(c->tx_frames > 0 ? BF_DROP_COUNT : drop_reason(world, s));
		if (c->tx_frames == 0 && e->why == BF_DROP_COUNT)
			continue;
		t->n_ends++;
		if (c->tx_frames > 0 && bf_is_bond_slot(s))
			bond_end(world, t, e);
		else if (c->tx_frames > 0)
			guest_end(world, e);
	}
	t->padded = world->counters.pmd.padded > 0;
}

int
bf_trace_walk(struct bf_trace_world *world, const struct bf_trace_ask *ask, struct bf_trace *t)
{
	bool is_bond = bf_is_bond_slot(ask->in);
	struct rte_mbuf *m;

	memset(t, 0, sizeof(*t));
	t->bucket = -1;
	t->is_read = world->ground.view->forwarding || is_bond;
	if (!t->is_read)
		return 0;
	bf_trace_world_renew(world, ask->in);
	t->collects = is_bond &&
		bf_rx_bond_collecting(&world->view, bf_bond_of_slot(ask->in)) >> ask->member & 1;
	m = bf_trace_world_frame(world, ask->data, ask->len);
	if (m == NULL)
		return -ENOMEM;
	if (rules_walk(world, ask, m, t)) {
		t->is_switched = true;
		frame_judge(world, ask->in, m, t);
		frame_switch(world, ask, m, t->collects);
	}
	ends_read(world, t);
	bf_trace_world_hear(world, &t->said);
	return 0;
}

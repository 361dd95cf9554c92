/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rig for the LACP tests: engines as nodes, wires between their members, a clock that jumps.
 *
 * Frames travel in a queue with 1 ms of latency, so an engine is never entered from its own
 * callback.  rig_run_ms() moves the clock from deadline to deadline; nothing sleeps.
 *
 * Threads: one.
 */
#ifndef TEST_LACP_RIG_H
#define TEST_LACP_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lacp/lacp.h"
#include "lacp/pdu.h"

enum {
	RIG_NODES = 4,
	RIG_MEMBERS = BF_LACP_MAX_MEMBERS,
	RIG_QUEUE = 1024,
	RIG_SENDS = 1024,
	RIG_LATENCY_MS = 1,
	RIG_NOWHERE = -1,
};

struct rig_port {
	int peer_node; /* RIG_NOWHERE: frames are lost */
	unsigned int peer_member;
	bool cut; /* nothing arrives here */
	bool collect;
	bool distribute;
	unsigned int n_sets;
	unsigned int n_events[BF_LACP_EV_COUNT];
	char last_event[BF_LACP_EV_COUNT][320];
	unsigned int n_lacp;
	unsigned int n_other;
	uint64_t sent_ms[RIG_SENDS];
	uint64_t out_ms; /* when distributing ended last */
	uint64_t in_ms; /* when distributing began last */
	uint8_t last_frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_pdu last_lacp;
	uint8_t seen_states; /* union of actor states sent */
};

struct rig_frame {
	uint64_t at_ms;
	int node;
	unsigned int member;
	uint8_t bytes[BF_LACP_FRAME_LEN];
};

struct rig;

struct rig_node {
	struct rig *rig;
	int idx;
	struct bf_lacp *l;
	struct bf_lacp_config cfg;
	struct rig_port ports[RIG_MEMBERS];
	unsigned int n_bond_events[BF_LACP_EV_COUNT];
	char last_bond_event[320];
};

struct rig {
	uint64_t now_ms;
	struct rig_node nodes[RIG_NODES];
	struct rig_frame queue[RIG_QUEUE];
	unsigned int n_queue;
};

static inline void
rig_send_cb(void *arg, unsigned int member, const uint8_t *frame, size_t len)
{
	struct rig_node *n = arg;
	struct rig *r = n->rig;
	struct rig_port *p = &n->ports[member];
	struct rig_frame *f = &r->queue[r->n_queue];
	struct bf_lacp_pdu pdu;

	assert_int_equal(len, BF_LACP_FRAME_LEN);
	memcpy(p->last_frame, frame, len);
	if (bf_lacp_pdu_decode(frame, len, &pdu) == BF_LACP_PDU_LACP) {
		p->sent_ms[p->n_lacp % RIG_SENDS] = r->now_ms;
		p->n_lacp++;
		p->last_lacp = pdu;
		p->seen_states |= pdu.actor.state;
	} else {
		p->n_other++;
	}
	if (p->peer_node == RIG_NOWHERE)
		return;
	assert_true(r->n_queue < RIG_QUEUE);
	f->at_ms = r->now_ms + RIG_LATENCY_MS;
	f->node = p->peer_node;
	f->member = p->peer_member;
	memcpy(f->bytes, frame, len);
	r->n_queue++;
}

static inline void
rig_set_cb(void *arg, unsigned int member, bool collect, bool distribute)
{
	struct rig_node *n = arg;
	struct rig_port *p = &n->ports[member];

	assert_true(collect || !distribute);
	if (p->distribute && !distribute)
		p->out_ms = n->rig->now_ms;
	if (!p->distribute && distribute)
		p->in_ms = n->rig->now_ms;
	p->collect = collect;
	p->distribute = distribute;
	p->n_sets++;
}

static inline void
rig_event_cb(void *arg, unsigned int member, enum bf_lacp_event ev, const char *text)
{
	struct rig_node *n = arg;

	assert_true(text[0] != '\0');
	if (member == BF_LACP_BOND) {
		n->n_bond_events[ev]++;
		snprintf(n->last_bond_event, sizeof(n->last_bond_event), "%s", text);
		return;
	}
	n->ports[member].n_events[ev]++;
	snprintf(n->ports[member].last_event[ev], sizeof(n->ports[member].last_event[ev]), "%s",
		text);
}

static inline void
rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->now_ms = 1000;
}

/** Node @p idx with defaults: fast, active, system 02:00:00:00:00:<idx + 1>, n members 0..n-1. */
static inline struct rig_node *
rig_node(struct rig *r, int idx)
{
	struct rig_node *n = &r->nodes[idx];
	static const uint8_t id[6] = {0x02, 0, 0, 0, 0, 0};

	n->rig = r;
	n->idx = idx;
	bf_lacp_config_default(&n->cfg);
	memcpy(n->cfg.system_id, id, 6);
	n->cfg.system_id[5] = (uint8_t)(idx + 1);
	n->cfg.fast = true;
	for (unsigned int i = 0; i < RIG_MEMBERS; i++)
		n->ports[i].peer_node = RIG_NOWHERE;
	return n;
}

static inline void
rig_member(struct rig_node *n, unsigned int id)
{
	struct bf_lacp_member_config mc = {
		.mac = {0x02, 0x10, (uint8_t)n->idx, 0, 0, (uint8_t)id},
		.port_number = (uint16_t)(id + 1),
		.port_priority = 255,
	};

	assert_int_equal(bf_lacp_member_add(n->l, id, &mc, n->rig->now_ms), 0);
}

/** Create the engine from n->cfg and add members 0 to n_members - 1, links still down. */
static inline void
rig_start(struct rig_node *n, unsigned int n_members)
{
	static const struct bf_lacp_ops ops = {rig_send_cb, rig_set_cb, rig_event_cb};

	n->l = bf_lacp_create(&n->cfg, &ops, n, n->rig->now_ms);
	assert_non_null(n->l);
	for (unsigned int i = 0; i < n_members; i++)
		rig_member(n, i);
}

static inline void
rig_link(struct rig_node *n, unsigned int id, bool up)
{
	assert_int_equal(bf_lacp_link(n->l, id, up, 10000, true, n->rig->now_ms), 0);
}

static inline void
rig_wire(struct rig_node *a, unsigned int am, struct rig_node *b, unsigned int bm)
{
	a->ports[am].peer_node = b->idx;
	a->ports[am].peer_member = bm;
	b->ports[bm].peer_node = a->idx;
	b->ports[bm].peer_member = am;
}

/** Cut or mend a wire in both directions; the links stay up. */
static inline void
rig_cut(struct rig_node *a, unsigned int am, bool cut)
{
	struct rig_port *p = &a->ports[am];

	p->cut = cut;
	a->rig->nodes[p->peer_node].ports[p->peer_member].cut = cut;
}

/** Both ends of a wire lose or get carrier. */
static inline void
rig_carrier(struct rig_node *a, unsigned int am, bool up)
{
	struct rig_port *p = &a->ports[am];

	rig_link(a, am, up);
	rig_link(&a->rig->nodes[p->peer_node], p->peer_member, up);
}

static inline void
rig_deliver_due(struct rig *r)
{
	/* Delivery may append; due frames are taken out one by one from the front. */
	while (r->n_queue > 0 && r->queue[0].at_ms <= r->now_ms) {
		struct rig_frame f = r->queue[0];
		struct rig_node *n = &r->nodes[f.node];

		r->n_queue--;
		memmove(r->queue, r->queue + 1, r->n_queue * sizeof(r->queue[0]));
		if (n->l != NULL && !n->ports[f.member].cut)
			bf_lacp_receive(n->l, f.member, f.bytes, sizeof(f.bytes), r->now_ms);
	}
}

static inline void
rig_run_until_ms(struct rig *r, uint64_t end_ms)
{
	while (r->now_ms < end_ms) {
		uint64_t next_ms = end_ms;

		if (r->n_queue > 0 && r->queue[0].at_ms < next_ms)
			next_ms = r->queue[0].at_ms;
		for (int i = 0; i < RIG_NODES; i++) {
			if (r->nodes[i].l != NULL && bf_lacp_deadline_ms(r->nodes[i].l) < next_ms)
				next_ms = bf_lacp_deadline_ms(r->nodes[i].l);
		}
		if (next_ms > r->now_ms)
			r->now_ms = next_ms;
		rig_deliver_due(r);
		for (int i = 0; i < RIG_NODES; i++) {
			if (r->nodes[i].l != NULL)
				assert_true(bf_lacp_tick(r->nodes[i].l, r->now_ms) > r->now_ms);
		}
	}
}

static inline void
rig_run_ms(struct rig *r, uint64_t ms)
{
	rig_run_until_ms(r, r->now_ms + ms);
}

static inline void
rig_fini(struct rig *r)
{
	for (int i = 0; i < RIG_NODES; i++)
		bf_lacp_destroy(r->nodes[i].l);
}

static inline struct bf_lacp_member_info
rig_info(const struct rig_node *n, unsigned int id)
{
	struct bf_lacp_member_info info;

	assert_int_equal(bf_lacp_member_info(n->l, id, &info), 0);
	return info;
}

static inline struct bf_lacp_info
rig_bond(const struct rig_node *n)
{
	struct bf_lacp_info info;

	bf_lacp_info(n->l, &info);
	return info;
}

static inline bool
rig_forwards(const struct rig_node *n, unsigned int id)
{
	return n->ports[id].collect && n->ports[id].distribute;
}

static inline bool
rig_is_out(const struct rig_node *n, unsigned int id)
{
	return !n->ports[id].collect && !n->ports[id].distribute;
}

/** Two nodes, n members each, straight wires, links up at time 0 of the rig. */
static inline void
rig_pair(struct rig *r, struct rig_node *a, struct rig_node *b, unsigned int n)
{
	rig_start(a, n);
	rig_start(b, n);
	for (unsigned int i = 0; i < n; i++) {
		rig_wire(a, i, b, i);
		rig_carrier(a, i, true);
	}
	assert_ptr_equal(a->rig, r);
}

/** A scripted PDU from system @p sys_last that agrees with all member @p id said last. */
static inline struct bf_lacp_pdu
rig_reply(const struct rig_node *n, unsigned int id, uint8_t sys_last, uint8_t state)
{
	struct bf_lacp_pdu pdu;
	struct bf_lacp_member_info info = rig_info(n, id);

	memset(&pdu, 0, sizeof(pdu));
	pdu.actor.system_priority = 32768;
	pdu.actor.system_id[0] = 0x02;
	pdu.actor.system_id[5] = sys_last;
	pdu.actor.key = 7;
	pdu.actor.port_priority = 255;
	pdu.actor.port_number = (uint16_t)(100 + id);
	pdu.actor.state = state;
	pdu.partner = info.actor;
	return pdu;
}

static inline void
rig_inject(struct rig_node *n, unsigned int id, const struct bf_lacp_pdu *pdu)
{
	static const uint8_t mac[6] = {0x02, 0xee, 0, 0, 0, 1};
	uint8_t frame[BF_LACP_FRAME_LEN];

	bf_lacp_pdu_encode(frame, mac, &pdu->actor, &pdu->partner);
	bf_lacp_receive(n->l, id, frame, sizeof(frame), n->rig->now_ms);
}

/** State octets of a scripted partner. */
enum {
	RIG_ASKS = BF_LACP_ACTIVITY | BF_LACP_TIMEOUT | BF_LACP_AGGREGATION,
	RIG_SYNCS = RIG_ASKS | BF_LACP_SYNC,
	RIG_COLLECTS = RIG_SYNCS | BF_LACP_COLLECTING,
	RIG_FORWARDS = RIG_COLLECTS | BF_LACP_DISTRIBUTING,
};

/** Run for @p ms with a scripted partner that repeats itself every 500 ms. */
static inline void
rig_run_scripted_ms(
	struct rig_node *n, unsigned int id, uint8_t sys_last, uint8_t state, uint64_t ms)
{
	uint64_t end_ms = n->rig->now_ms + ms;

	while (n->rig->now_ms < end_ms) {
		struct bf_lacp_pdu pdu = rig_reply(n, id, sys_last, state);

		rig_inject(n, id, &pdu);
		rig_run_ms(n->rig, end_ms - n->rig->now_ms < 500 ? end_ms - n->rig->now_ms : 500);
	}
}

#endif

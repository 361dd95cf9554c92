/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target for the LACP engine: the input is a script of two-byte orders.
 *
 * Engine A is under test.  Its members are wired to engine B, a real partner, and can also be
 * given scripted PDUs that agree with A but for a few bytes, or raw bytes.  Orders change links,
 * members, settings and wires and let time pass, in small steps or in jumps.  After every call
 * into A the invariants are checked: one aggregator at most distributes, nobody distributes
 * without a partner in sync (fallback aside), stops are ordered before starts, never more than
 * three LACPDUs per second and member, and a second call at the same time changes nothing.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "lacp/lacp.h"
#include "lacp/pdu.h"
#include "replay.h"

enum {
	MEMBERS = 6,
	QUEUE = 64,
	MAX_ORDERS = 400,
};

struct frame {
	bool to_a;
	unsigned int member;
	uint8_t bytes[BF_LACP_FRAME_LEN];
};

struct world {
	const uint8_t *in;
	size_t n_in;
	uint64_t now_ms;
	struct bf_lacp *a;
	struct bf_lacp *b;
	struct bf_lacp_config cfg_a;
	struct bf_lacp_config cfg_b;
	bool cut[MEMBERS];
	bool distribute[MEMBERS];
	bool collect[MEMBERS];
	bool leaves; /* a member is taken out by order: its last PDU need not wait */
	bool started; /* a start was ordered in the call that runs */
	unsigned int n_calls; /* callbacks other than events in the call that runs */
	uint64_t sent_ms[MEMBERS][BF_LACP_TX_MAX_PER_S];
	unsigned int n_sent[MEMBERS];
	struct frame queue[QUEUE];
	unsigned int n_queue;
};

static void
enqueue(struct world *w, bool to_a, unsigned int member, const uint8_t *frame)
{
	struct frame *f;

	if (w->n_queue == QUEUE || w->cut[member])
		return;
	f = &w->queue[w->n_queue++];
	f->to_a = to_a;
	f->member = member;
	memcpy(f->bytes, frame, sizeof(f->bytes));
}

static void
send_a(void *arg, unsigned int member, const uint8_t *frame, size_t len)
{
	struct world *w = arg;
	struct bf_lacp_pdu pdu;

	CHECK(member < MEMBERS && len == BF_LACP_FRAME_LEN);
	w->n_calls++;
	bf_lacp_pdu_decode(frame, len, &pdu);
	CHECK(pdu.kind == BF_LACP_PDU_LACP || pdu.kind == BF_LACP_PDU_MARKER_RESPONSE);
	if (pdu.kind == BF_LACP_PDU_LACP) {
		unsigned int i = w->n_sent[member]++ % BF_LACP_TX_MAX_PER_S;

		CHECK(w->leaves || w->n_sent[member] <= BF_LACP_TX_MAX_PER_S ||
			w->now_ms - w->sent_ms[member][i] >= 1000);
		w->sent_ms[member][i] = w->now_ms;
		CHECK(((pdu.actor.state & BF_LACP_DISTRIBUTING) != 0) == w->distribute[member]);
		CHECK(((pdu.actor.state & BF_LACP_COLLECTING) != 0) == w->collect[member]);
	}
	enqueue(w, false, member, frame);
}

static void
send_b(void *arg, unsigned int member, const uint8_t *frame, size_t len)
{
	(void)len;
	enqueue(arg, true, member, frame);
}

static void
set_a(void *arg, unsigned int member, bool collect, bool distribute)
{
	struct world *w = arg;

	CHECK(member < MEMBERS && (collect || !distribute));
	CHECK(collect != w->collect[member] || distribute != w->distribute[member]);
	if (w->distribute[member] && !distribute)
		CHECK(!w->started);
	if (!w->distribute[member] && distribute)
		w->started = true;
	w->collect[member] = collect;
	w->distribute[member] = distribute;
	w->n_calls++;
}

static void
set_b(void *arg, unsigned int member, bool collect, bool distribute)
{
	(void)arg;
	(void)member;
	CHECK(collect || !distribute);
}

static void
event(void *arg, unsigned int member, enum bf_lacp_event ev, const char *text)
{
	(void)arg;
	CHECK(member < MEMBERS || member == BF_LACP_BOND);
	CHECK(ev < BF_LACP_EV_COUNT && text[0] != '\0');
}

static void
check_collecting(
	const struct world *w, const struct bf_lacp_member_info *m, const struct bf_lacp_info *bond)
{
	CHECK(m->link_up && m->full_duplex && !m->loop);
	CHECK(m->in_active_aggregator && m->aggregator_id == bond->active_aggregator_id);
	if (m->fallback) {
		CHECK(w->cfg_a.fallback && bond->n_live == 0 && bond->n_distributing == 1);
		return;
	}
	CHECK(m->rx == BF_LACP_RX_CURRENT && (m->partner.state & BF_LACP_SYNC) != 0);
	CHECK(memcmp(m->partner.system_id, bond->partner_system_id, 6) == 0);
	CHECK(m->partner.key == bond->partner_key && m->actor.key == bond->active_key);
	CHECK(!w->cfg_a.pin_partner || memcmp(m->partner.system_id, w->cfg_a.partner_pin, 6) == 0);
	CHECK(!m->distributing || (m->partner.state & BF_LACP_COLLECTING) != 0);
}

static void
check_member(
	const struct world *w, const struct bf_lacp_member_info *m, const struct bf_lacp_info *bond)
{
	CHECK(m->distributing == w->distribute[m->id] && m->collecting == w->collect[m->id]);
	CHECK((m->reason[0] == '\0') == m->distributing);
	CHECK((m->mux == BF_LACP_MUX_DISTRIBUTING) == m->distributing);
	if (m->collecting)
		check_collecting(w, m, bond);
	CHECK(!m->held || !m->collecting);
	CHECK(!m->standby || !m->collecting);
}

static void
check(struct world *w)
{
	struct bf_lacp_member_info m;
	struct bf_lacp_info bond;
	uint64_t deadline_ms;
	unsigned int calls;

	bf_lacp_info(w->a, &bond);
	for (unsigned int i = 0; bf_lacp_member_info_at(w->a, i, &m) == 0; i++)
		check_member(w, &m, &bond);
	CHECK(bond.n_distributing == 0 || bond.fallback ||
		bond.n_distributing >= w->cfg_a.min_links);
	CHECK(bond.n_distributing == 0 || bond.carrier);
	CHECK(bond.n_distributing <= bond.n_operational && bond.n_operational <= bond.n_up);
	calls = w->n_calls;
	deadline_ms = bf_lacp_tick(w->a, w->now_ms);
	CHECK(w->n_calls == calls);
	CHECK(deadline_ms > w->now_ms && deadline_ms <= w->now_ms + 1000);
	w->started = false;
}

static uint8_t
next(struct world *w)
{
	if (w->n_in == 0)
		return 0;
	w->n_in--;
	return *w->in++;
}

static void
deliver(struct world *w)
{
	/* What is sent in answer waits for the next round: engines are not entered recursively. */
	for (unsigned int n = w->n_queue; n > 0; n--) {
		struct frame f = w->queue[0];

		w->n_queue--;
		memmove(w->queue, w->queue + 1, w->n_queue * sizeof(f));
		if (f.to_a) {
			bf_lacp_receive(w->a, f.member, f.bytes, sizeof(f.bytes), w->now_ms);
			check(w);
		} else {
			bf_lacp_receive(w->b, f.member, f.bytes, sizeof(f.bytes), w->now_ms);
		}
	}
}

static void
pass(struct world *w, uint64_t ms)
{
	w->now_ms += ms;
	deliver(w);
	bf_lacp_tick(w->b, w->now_ms);
	bf_lacp_tick(w->a, w->now_ms);
	check(w);
}

/* Let both engines work for a while, each time at the earlier deadline. */
static void
work(struct world *w, uint64_t ms)
{
	uint64_t end_ms = w->now_ms + ms;

	while (w->now_ms < end_ms) {
		uint64_t a_ms = bf_lacp_deadline_ms(w->a);
		uint64_t b_ms = bf_lacp_deadline_ms(w->b);
		uint64_t t = a_ms < b_ms ? a_ms : b_ms;

		if (w->n_queue > 0 || t <= w->now_ms)
			t = w->now_ms + 1;
		pass(w, t - w->now_ms);
	}
}

static void
add(struct world *w, unsigned int id)
{
	struct bf_lacp_member_config mc = {.mac = {0x02, 0, 0, 0, 1, (uint8_t)id},
		.port_number = (uint16_t)(id + 1),
		.port_priority = 255};

	if (bf_lacp_member_add(w->a, id, &mc, w->now_ms) == 0)
		w->n_sent[id] = 0;
}

static void
link_order(struct world *w, unsigned int id, uint8_t arg)
{
	static const uint32_t speeds[] = {10000, 10000, 10000, 1000, 25000, 0, 123, UINT32_MAX};
	bool up = (arg & 1) != 0;
	uint32_t speed = speeds[arg >> 1 & 7];

	if ((arg & 0x10) != 0)
		bf_lacp_link(w->b, id, up, speed, (arg & 0xe0) != 0xe0, w->now_ms);
	else
		bf_lacp_link(w->a, id, up, speed, (arg & 0xe0) != 0xe0, w->now_ms);
}

/* A PDU from a partner that knows A, with up to three bytes changed by the input. */
static void
inject_pdu(struct world *w, unsigned int id, uint8_t arg)
{
	uint8_t frame[BF_LACP_FRAME_LEN];
	struct bf_lacp_member_info m;
	struct bf_lacp_port p;

	if (bf_lacp_member_info(w->a, id, &m) != 0)
		return;
	p = m.actor;
	p.system_id[5] = (uint8_t)(0x10 + (arg & 3)); /* 0x10 is A itself: a loop */
	p.key = (arg & 4) != 0 ? 2 : 1;
	p.state = (uint8_t)((arg & 0xf8) | 0x05);
	if ((arg & 8) != 0)
		p.state |= BF_LACP_SYNC | BF_LACP_COLLECTING | BF_LACP_DISTRIBUTING;
	bf_lacp_pdu_encode(frame, m.config.mac, &p, &m.actor);
	for (uint8_t n = next(w) & 3; n > 0; n--) {
		uint8_t at = next(w);

		frame[at % sizeof(frame)] = next(w);
	}
	bf_lacp_receive(w->a, id, frame, sizeof(frame), w->now_ms);
}

static void
inject_raw(struct world *w, unsigned int id, uint8_t arg)
{
	static const uint8_t head[] = {1, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 9};
	size_t len = arg < 160 ? arg : 0;
	uint8_t *frame = malloc(len != 0 ? len : 1);

	CHECK(frame != NULL);
	for (size_t i = 0; i < len; i++)
		frame[i] = i < sizeof(head) && (arg & 1) != 0 ? head[i] : next(w);
	bf_lacp_receive(w->a, id, frame, len, w->now_ms);
	free(frame);
}

static void
inject_marker(struct world *w, unsigned int id, uint8_t arg)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
	struct bf_lacp_marker mk = {.port = arg, .transaction = arg};
	uint8_t frame[BF_LACP_FRAME_LEN];

	bf_lacp_marker_encode(frame, mac, &mk, (arg & 0x80) != 0);
	bf_lacp_receive(w->a, id, frame, sizeof(frame), w->now_ms);
}

static void
reconfigure_a(struct world *w, uint8_t arg)
{
	struct bf_lacp_config *c = &w->cfg_a;

	c->fast = (arg & 1) != 0;
	c->active = (arg & 2) == 0;
	c->fallback = (arg & 4) != 0;
	c->strict = (arg & 8) != 0;
	c->select = (enum bf_lacp_select)(arg >> 4 & 3);
	c->min_links = (uint16_t)(1 + (arg >> 6));
	arg = next(w);
	c->key = arg & 3;
	c->max_links = c->key == 3 ? c->min_links : 0;
	c->pin_partner = (arg & 4) != 0;
	c->partner_pin[5] = (uint8_t)(0x11 + (arg >> 3 & 1));
	c->aggregate_wait_ms = (arg & 0x10) != 0 ? 0 : 2000;
	c->system_priority = (arg & 0x20) != 0 ? 1 : 32768;
	c->system_id[5] = (arg & 0xc0) == 0xc0 ? 0x12 : 0x10;
	if (c->partner_pin[5] == c->system_id[5])
		c->pin_partner = false;
	CHECK(bf_lacp_reconfigure(w->a, c, w->now_ms) == 0);
}

static void
reconfigure_b(struct world *w, uint8_t arg)
{
	struct bf_lacp_config *c = &w->cfg_b;

	c->fast = (arg & 1) != 0;
	c->active = (arg & 2) == 0;
	c->key = arg >> 2 & 3;
	c->select = (enum bf_lacp_select)(arg >> 4 & 3);
	c->system_id[5] = (arg & 0x40) != 0 ? 0x12 : 0x11;
	c->min_links = (arg & 0x80) != 0 ? 2 : 1;
	c->max_links = c->key == 3 ? 2 : 0;
	CHECK(bf_lacp_reconfigure(w->b, c, w->now_ms) == 0);
}

static void
member_order(struct world *w, unsigned int id, uint8_t arg)
{
	struct bf_lacp_member_config mc = {.mac = {0x02, 0, 0, 0, 2, arg},
		.port_number = (uint16_t)((arg & 7) + 1),
		.port_priority = (uint16_t)(arg << 3),
		.rank = (arg & 0x10) != 0 ? BF_LACP_RANK_SPARE : BF_LACP_RANK_REGULAR};

	if ((arg & 0xc0) == 0) {
		w->leaves = true;
		if (bf_lacp_member_remove(w->a, id, w->now_ms) == 0)
			CHECK(!w->distribute[id] && !w->collect[id]);
		w->leaves = false;
	} else if ((arg & 0xc0) == 0x40) {
		add(w, id);
	} else {
		(void)bf_lacp_member_configure(w->a, id, &mc, w->now_ms);
	}
}

static void
hold_order(struct world *w, unsigned int id, uint8_t arg)
{
	bool hold = (arg & 1) != 0;

	w->leaves = hold;
	if (bf_lacp_member_hold(w->a, id, hold, w->now_ms) == 0 && hold)
		CHECK(!w->distribute[id] && !w->collect[id]);
	w->leaves = false;
}

static void
order(struct world *w)
{
	uint8_t op = next(w);
	uint8_t arg = next(w);
	unsigned int id = (op >> 4) % MEMBERS;

	switch (op & 0xf) {
	case 0:
	case 1:
		pass(w, arg);
		break;
	case 2:
		pass(w, (uint64_t)arg * 997);
		break;
	case 3:
	case 4:
		work(w, (uint64_t)arg * 40);
		break;
	case 5:
		link_order(w, id, arg);
		break;
	case 6:
	case 7:
	case 8:
		inject_pdu(w, id, arg);
		break;
	case 9:
		inject_raw(w, id, arg);
		break;
	case 10:
		inject_marker(w, id, arg);
		break;
	case 11:
		w->cut[id] = (arg & 1) != 0;
		break;
	case 12:
		reconfigure_a(w, arg);
		break;
	case 13:
		reconfigure_b(w, arg);
		break;
	case 14:
		member_order(w, id, arg);
		break;
	default:
		hold_order(w, id, arg);
		break;
	}
	check(w);
}

static void
begin(struct world *w, const uint8_t *data, size_t size)
{
	static const struct bf_lacp_ops ops_a = {send_a, set_a, event};
	static const struct bf_lacp_ops ops_b = {send_b, set_b, event};

	memset(w, 0, sizeof(*w));
	w->in = data;
	w->n_in = size;
	w->now_ms = 1;
	bf_lacp_config_default(&w->cfg_a);
	w->cfg_a.system_id[0] = 2;
	w->cfg_a.partner_pin[0] = 2;
	w->cfg_a.fast = true;
	w->cfg_b = w->cfg_a;
	w->cfg_a.system_id[5] = 0x10;
	w->cfg_b.system_id[5] = 0x11;
	w->a = bf_lacp_create(&w->cfg_a, &ops_a, w, w->now_ms);
	w->b = bf_lacp_create(&w->cfg_b, &ops_b, w, w->now_ms);
	CHECK(w->a != NULL && w->b != NULL);
	for (unsigned int id = 0; id < MEMBERS; id++) {
		struct bf_lacp_member_config mc = {.mac = {0x02, 0, 0, 0, 3, (uint8_t)id},
			.port_number = (uint16_t)(id + 11),
			.port_priority = 255};

		add(w, id);
		CHECK(bf_lacp_member_add(w->b, id, &mc, w->now_ms) == 0);
		bf_lacp_link(w->b, id, true, 10000, true, w->now_ms);
		bf_lacp_link(w->a, id, id < 3, 10000, true, w->now_ms);
	}
	check(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	begin(&w, data, size);
	for (unsigned int n = 0; n < MAX_ORDERS && w.n_in > 0; n++)
		order(&w);
	bf_lacp_destroy(w.a);
	bf_lacp_destroy(w.b);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The LACP object: life, members, and the run that follows every input.
 *
 * Every public entry notes the time, applies its input and ends in run(): timers of the receive
 * machine, selection and mux until nothing moves, orders to the outside (stops before starts),
 * the verdict about the bond, events, and last the PDUs.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

#include <errno.h>
#include <stdlib.h>

static int
config_fail(int code)
{
	errno = code;
	return -code;
}

bool
bf_lacp_bucket_take(struct bf_lacp_bucket *b, uint32_t per_s, uint32_t burst, uint64_t now_ms)
{
	uint64_t full = (uint64_t)burst * 1000;
	uint64_t passed_ms = now_ms - b->last_ms;

	/* last_ms is 0 in a new bucket: that much time has passed that it starts full. */
	if (b->last_ms == 0 || passed_ms >= full)
		b->millitokens = full;
	else
		b->millitokens += passed_ms * per_s;
	if (b->millitokens > full)
		b->millitokens = full;
	b->last_ms = now_ms;
	if (b->millitokens < 1000)
		return false;
	b->millitokens -= 1000;
	return true;
}

/* Keys of unequal speeds must differ and must not change between releases. */
static uint16_t
speed_key(uint32_t speed_mbps, bool full_duplex)
{
	static const uint32_t known[] = {0, 10, 100, 1000, 2500, 5000, 10000, 14000, 20000, 25000,
		40000, 50000, 56000, 100000, 200000, 400000, 800000};
	uint16_t n = (uint16_t)(0x2000 | (speed_mbps & 0x1fff));

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i] == speed_mbps)
			n = (uint16_t)(i + 1);
	}
	return (uint16_t)(n << 1 | (full_duplex ? 1 : 0));
}

void
bf_lacp_actor_refresh(const struct bf_lacp *l, struct lacp_member *m)
{
	uint8_t mine = BF_LACP_ACTIVITY | BF_LACP_TIMEOUT | BF_LACP_AGGREGATION;
	struct bf_lacp_port a = {.system_priority = l->cfg.system_priority};

	memcpy(a.system_id, l->cfg.system_id, sizeof(a.system_id));
	a.key = l->cfg.key != 0 ? l->cfg.key : speed_key(m->speed_mbps, m->full_duplex);
	a.port_priority = m->mc.port_priority;
	a.port_number = m->mc.port_number;
	a.state = (uint8_t)(m->actor.state & ~mine);
	if (l->cfg.active)
		a.state |= BF_LACP_ACTIVITY;
	if (l->cfg.fast)
		a.state |= BF_LACP_TIMEOUT;
	if (m->full_duplex)
		a.state |= BF_LACP_AGGREGATION;
	if (!bf_lacp_same_port(&a, &m->actor) || a.state != m->actor.state)
		m->ntt = true;
	if (a.system_priority != m->actor.system_priority ||
		a.port_priority != m->actor.port_priority)
		m->repriced_until_ms = l->now_ms + SHORT_TIMEOUT_MS;
	m->actor = a;
}

static void
engine_settle(struct bf_lacp *l)
{
	bool moved = true;

	/* Each round moves at least one mux along a path without cycles: this bound is generous. */
	for (unsigned int round = 0; moved && round < 8 * BF_LACP_MAX_MEMBERS; round++) {
		moved = false;
		bf_lacp_select_run(l);
		for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
			moved |= bf_lacp_mux_step(l, m);
	}
}

static void
user_tell(struct bf_lacp *l, struct lacp_member *m, bool collect, bool distribute)
{
	if (m->told_collect == collect && m->told_distribute == distribute)
		return;
	m->told_collect = collect;
	m->told_distribute = distribute;
	l->ops.set(l->arg, m->id, collect, distribute);
}

static void
tell_all(struct bf_lacp *l)
{
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		user_tell(l, m, m->told_collect && m->mux >= BF_LACP_MUX_COLLECTING,
			m->told_distribute && m->mux == BF_LACP_MUX_DISTRIBUTING);
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		user_tell(
			l, m, m->mux >= BF_LACP_MUX_COLLECTING, m->mux == BF_LACP_MUX_DISTRIBUTING);
}

static void
report_member(struct bf_lacp *l, struct lacp_member *m)
{
	enum bf_lacp_why why = bf_lacp_why(l, m);
	char text[BF_LACP_REASON_SIZE];

	if (why == m->told_why)
		return;
	m->told_why = why;
	bf_lacp_why_text(l, m, why, text, sizeof(text));
	if (why == BF_LACP_WHY_DISTRIBUTING) {
		bf_lacp_event_member(l, m, BF_LACP_EV_DISTRIBUTING, "distributing%s",
			m->fallback ? " as fallback, without partner" : "");
	} else if (why != BF_LACP_WHY_LOOP) {
		bf_lacp_event_member(l, m, BF_LACP_EV_OUT, "not distributing: %s", text);
	} else if (m->loop_event_ms == 0 || l->now_ms - m->loop_event_ms >= QUIET_EVENT_MS) {
		m->loop_event_ms = l->now_ms;
		bf_lacp_event_member(l, m, BF_LACP_EV_LOOP, "not distributing: %s", text);
	}
}

static void
report_rate(struct bf_lacp *l, struct lacp_member *m)
{
	bool mismatch = bf_lacp_rate_mismatch(m);

	if (mismatch == m->told_rate_mismatch)
		return;
	m->told_rate_mismatch = mismatch;
	if (mismatch)
		bf_lacp_event_member(l, m, BF_LACP_EV_PARTNER,
			"rates differ: we ask for %s PDUs, the partner for %s ones",
			l->cfg.fast ? "fast" : "slow", l->cfg.fast ? "slow" : "fast");
}

static uint64_t
earliest_ms(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
set_deadline(struct bf_lacp *l)
{
	uint64_t t = earliest_ms(l->now_ms + IDLE_TICK_MS, bf_lacp_hope_deadline(l));

	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		t = earliest_ms(t, bf_lacp_rx_deadline(m));
		t = earliest_ms(t, bf_lacp_periodic_deadline(m));
		t = earliest_ms(t, bf_lacp_mux_deadline(l, m));
		t = earliest_ms(t, bf_lacp_limit_deadline(l, m));
		t = earliest_ms(t, bf_lacp_tx_deadline(m));
		t = earliest_ms(t, bf_lacp_churn_deadline(m));
	}
	l->deadline_ms = t > l->now_ms ? t : l->now_ms + 1;
}

static void
machines_run(struct bf_lacp *l)
{
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		bf_lacp_rx_run(l, m);
	engine_settle(l);
	tell_all(l);
	bf_lacp_carrier_run(l);
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		report_member(l, m);
		report_rate(l, m);
		bf_lacp_churn_run(l, m);
		bf_lacp_periodic_run(l, m);
		bf_lacp_tx_run(l, m);
	}
	set_deadline(l);
}

static void
engine_enter(struct bf_lacp *l, uint64_t now_ms)
{
	if (now_ms > l->now_ms)
		l->now_ms = now_ms;
}

static struct lacp_member *
member_find(struct bf_lacp *l, unsigned int id)
{
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (m->id == id)
			return m;
	}
	return NULL;
}

static bool
port_number_taken(struct bf_lacp *l, const struct lacp_member *self, uint16_t port_number)
{
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (m != self && m->mc.port_number == port_number)
			return true;
	}
	return false;
}

struct bf_lacp *
bf_lacp_create(
	const struct bf_lacp_config *cfg, const struct bf_lacp_ops *ops, void *arg, uint64_t now_ms)
{
	struct bf_lacp_config checked = *cfg;
	struct bf_lacp *l;

	if (bf_lacp_config_check(&checked) != 0 || ops->send == NULL || ops->set == NULL ||
		ops->event == NULL) {
		errno = EINVAL;
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->cfg = checked;
	l->ops = *ops;
	l->arg = arg;
	l->active = NO_LAG;
	l->told_fallback = BF_LACP_BOND;
	/* 0 means "never" in every stored time. */
	l->now_ms = now_ms != 0 ? now_ms : 1;
	set_deadline(l);
	return l;
}

void
bf_lacp_destroy(struct bf_lacp *l)
{
	free(l);
}

int
bf_lacp_reconfigure(struct bf_lacp *l, const struct bf_lacp_config *cfg, uint64_t now_ms)
{
	struct bf_lacp_config checked = *cfg;
	bool rate_changed;

	if (bf_lacp_config_check(&checked) != 0)
		return config_fail(EINVAL);
	engine_enter(l, now_ms);
	rate_changed = checked.fast != l->cfg.fast;
	l->cfg = checked;
	bf_lacp_hope(l);
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		bf_lacp_actor_refresh(l, m);
		if (rate_changed)
			bf_lacp_rx_rate_changed(l, m);
	}
	machines_run(l);
	return 0;
}

static struct lacp_member *
member_slot(struct bf_lacp *l)
{
	for (unsigned int i = 0; i < BF_LACP_MAX_MEMBERS; i++) {
		if (!l->members[i].used)
			return &l->members[i];
	}
	return NULL;
}

int
bf_lacp_member_add(
	struct bf_lacp *l, unsigned int id, const struct bf_lacp_member_config *mc, uint64_t now_ms)
{
	struct lacp_member *m;

	engine_enter(l, now_ms);
	if (id == BF_LACP_BOND || mc->port_number == 0)
		return config_fail(EINVAL);
	if (member_find(l, id) != NULL || port_number_taken(l, NULL, mc->port_number))
		return config_fail(EEXIST);
	m = member_slot(l);
	if (m == NULL)
		return config_fail(ENOSPC);
	memset(m, 0, sizeof(*m));
	m->used = true;
	m->id = id;
	m->order = l->next_order++;
	m->mc = *mc;
	m->told_why = BF_LACP_WHY_COUNT;
	bf_lacp_rx_init(m);
	bf_lacp_mux_init(m);
	bf_lacp_actor_refresh(l, m);
	bf_lacp_churn_restart(l, m);
	machines_run(l);
	return 0;
}

int
bf_lacp_member_remove(struct bf_lacp *l, unsigned int id, uint64_t now_ms)
{
	struct lacp_member *m = member_find(l, id);

	engine_enter(l, now_ms);
	if (m == NULL)
		return config_fail(ENOENT);
	/* Leave in order: out of the mux, then tell the partner. */
	m->selected = BF_LACP_UNSELECTED;
	while (bf_lacp_mux_step(l, m))
		;
	user_tell(l, m, false, false);
	m->farewell = true;
	bf_lacp_tx_run(l, m);
	m->used = false;
	machines_run(l);
	return 0;
}

int
bf_lacp_member_hold(struct bf_lacp *l, unsigned int id, bool hold, uint64_t now_ms)
{
	struct lacp_member *m = member_find(l, id);

	engine_enter(l, now_ms);
	if (m == NULL)
		return config_fail(ENOENT);
	if (m->held == hold)
		return 0;
	m->held = hold;
	m->farewell = hold;
	machines_run(l);
	return 0;
}

int
bf_lacp_member_configure(
	struct bf_lacp *l, unsigned int id, const struct bf_lacp_member_config *mc, uint64_t now_ms)
{
	struct lacp_member *m = member_find(l, id);

	engine_enter(l, now_ms);
	if (m == NULL)
		return config_fail(ENOENT);
	if (mc->port_number == 0)
		return config_fail(EINVAL);
	if (port_number_taken(l, m, mc->port_number))
		return config_fail(EEXIST);
	l->choose_fallback = l->choose_fallback || mc->port_priority != m->mc.port_priority;
	m->mc = *mc;
	bf_lacp_actor_refresh(l, m);
	machines_run(l);
	return 0;
}

int
bf_lacp_link(struct bf_lacp *l, unsigned int id, bool up, uint32_t speed_mbps, bool full_duplex,
	uint64_t now_ms)
{
	struct lacp_member *m = member_find(l, id);

	engine_enter(l, now_ms);
	if (m == NULL)
		return config_fail(ENOENT);
	/* A link that is down has no speed of its own; keep the last one, and the key with it. */
	if (up) {
		m->speed_mbps = speed_mbps;
		m->full_duplex = full_duplex;
		bf_lacp_actor_refresh(l, m);
	}
	if (up != m->link_up) {
		m->link_up = up;
		m->last_link_ms = l->now_ms;
		bf_lacp_rx_link(l, m);
		bf_lacp_churn_restart(l, m);
	}
	machines_run(l);
	return 0;
}

void
bf_lacp_queue(struct bf_lacp *l, unsigned int id, const uint8_t *frame, size_t len, uint64_t now_ms)
{
	struct lacp_member *m = member_find(l, id);
	struct bf_lacp_pdu pdu;

	engine_enter(l, now_ms);
	if (m != NULL) {
		switch (bf_lacp_pdu_decode(frame, len, &pdu)) {
		case BF_LACP_PDU_BAD:
			m->n.rx_errors++;
			break;
		case BF_LACP_PDU_UNKNOWN:
			m->n.rx_unknown++;
			break;
		case BF_LACP_PDU_LACP:
			bf_lacp_rx_pdu(l, m, &pdu);
			break;
		case BF_LACP_PDU_MARKER:
			bf_lacp_marker_rx(l, m, &pdu.marker);
			break;
		case BF_LACP_PDU_MARKER_RESPONSE:
			m->n.marker_response_rx++;
			break;
		}
	}
	l->deadline_ms = now_ms; /* the machines run at the next tick, which is due at once */
}

void
bf_lacp_receive(
	struct bf_lacp *l, unsigned int id, const uint8_t *frame, size_t len, uint64_t now_ms)
{
	bf_lacp_queue(l, id, frame, len, now_ms);
	machines_run(l);
}

uint64_t
bf_lacp_tick(struct bf_lacp *l, uint64_t now_ms)
{
	engine_enter(l, now_ms);
	machines_run(l);
	return l->deadline_ms;
}

uint64_t
bf_lacp_deadline_ms(const struct bf_lacp *l)
{
	return l->deadline_ms;
}

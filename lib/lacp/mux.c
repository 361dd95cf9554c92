/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mux machine with independent control, IEEE 802.1AX-2020 6.4.15: collect, then distribute.
 *
 * DETACHED, WAITING (let things calm down), ATTACHED (we are in sync), COLLECTING (the partner is
 * too), DISTRIBUTING (the partner collects).  A member whose aggregator changed is unselected for
 * this machine until it has been through DETACHED.
 *
 * Below min_links nobody attaches: a partner that sees us in sync would send, and what comes back
 * would have no way.  What counts is what the members could do, not what they do, so that the bond
 * comes up again by itself.  A partner that is not in sync does not count, except for a while some time
 * after a change: it may be waiting for us in the same way.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

void
bf_lacp_mux_init(struct lacp_member *m)
{
	m->mux = BF_LACP_MUX_DETACHED;
	m->lag = NO_LAG;
	m->mux_lag = NO_LAG;
	m->wait_until_ms = BF_LACP_NEVER;
	m->ntt = true;
}

/* May stay where it is attached. */
static bool
member_belongs(const struct lacp_member *m)
{
	return m->selected != BF_LACP_UNSELECTED && !m->detach && m->lag == m->mux_lag;
}

bool
bf_lacp_mux_selected(const struct lacp_member *m)
{
	return m->selected == BF_LACP_SELECTED && member_belongs(m);
}

bool
bf_lacp_partner_in_sync(const struct lacp_member *m)
{
	return m->fallback ||
		(m->rx == BF_LACP_RX_CURRENT && (m->partner.state & BF_LACP_SYNC) != 0);
}

bool
bf_lacp_partner_collects(const struct lacp_member *m)
{
	return m->fallback || (m->partner.state & BF_LACP_COLLECTING) != 0;
}

bool
bf_lacp_is_operational(const struct lacp_member *m)
{
	return m->mux >= BF_LACP_MUX_COLLECTING && bf_lacp_mux_selected(m) &&
		bf_lacp_partner_in_sync(m) && bf_lacp_partner_collects(m);
}

unsigned int
bf_lacp_count(
	const struct bf_lacp *l, bool (*is)(const struct bf_lacp *, const struct lacp_member *))
{
	const struct lacp_member *m;
	unsigned int n = 0;

	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m))
		n += is(l, m);
	return n;
}

static bool
is_operational(const struct bf_lacp *l, const struct lacp_member *m)
{
	(void)l;
	return bf_lacp_is_operational(m);
}

unsigned int
bf_lacp_n_operational(const struct bf_lacp *l)
{
	return bf_lacp_count(l, is_operational);
}

bool
bf_lacp_min_links_met(const struct bf_lacp *l)
{
	const struct lacp_member *m;

	if (bf_lacp_n_operational(l) >= l->cfg.min_links)
		return true;
	/* Fallback is one member by definition; more links than one cannot be asked of it. */
	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		if (m->fallback && bf_lacp_is_operational(m))
			return true;
	}
	return false;
}

static bool
bond_hopes(const struct bf_lacp *l)
{
	return l->hope_ms != 0 && l->now_ms >= l->hope_ms + HOPE_FROM_MS &&
		l->now_ms < l->hope_ms + HOPE_UNTIL_MS;
}

static bool
is_able(const struct bf_lacp *l, const struct lacp_member *m)
{
	return m->selected == BF_LACP_SELECTED && m->rx == BF_LACP_RX_CURRENT &&
		(bf_lacp_partner_in_sync(m) || (bond_hopes(l) && !m->was_synced));
}

unsigned int
bf_lacp_n_able(const struct bf_lacp *l)
{
	return bf_lacp_count(l, is_able);
}

/* All attach together: who has not waited yet does not count. */
static bool
may_attach(const struct bf_lacp *l, const struct lacp_member *m)
{
	const struct lacp_member *o;
	unsigned int n = 0;

	if (m->fallback || l->cfg.min_links <= 1)
		return true;
	for (o = bf_lacp_next_const(l, NULL); o; o = bf_lacp_next_const(l, o)) {
		bool waited = o->mux >= BF_LACP_MUX_ATTACHED ||
			(o->mux == BF_LACP_MUX_WAITING && l->now_ms >= o->wait_until_ms);

		n += waited && bf_lacp_mux_selected(o) && is_able(l, o) ? 1 : 0;
	}
	return n >= l->cfg.min_links;
}

void
bf_lacp_hope(struct bf_lacp *l)
{
	l->hope_ms = l->now_ms;
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		m->was_synced = false;
}

uint64_t
bf_lacp_hope_deadline(const struct bf_lacp *l)
{
	if (l->hope_ms == 0 || l->now_ms >= l->hope_ms + HOPE_UNTIL_MS)
		return BF_LACP_NEVER;
	return l->hope_ms + (l->now_ms < l->hope_ms + HOPE_FROM_MS ? HOPE_FROM_MS : HOPE_UNTIL_MS);
}

void
bf_lacp_note_candidates(struct bf_lacp *l)
{
	uint32_t now = 0;

	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (m->selected == BF_LACP_SELECTED && m->rx == BF_LACP_RX_CURRENT)
			now |= 1u << (m - l->members);
	}
	if ((now & ~l->candidates) != 0)
		bf_lacp_hope(l);
	l->candidates = now;
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		m->was_synced = m->was_synced || bf_lacp_partner_in_sync(m);
}

/* A link that has been up for long has nothing to calm down; others may still follow. */
static uint64_t
wait_ms(const struct bf_lacp *l, const struct lacp_member *m)
{
	if (m->fallback)
		return 0;
	return l->now_ms - m->last_link_ms >= STEADY_MS ? l->cfg.aggregate_wait_ms / 2
							: l->cfg.aggregate_wait_ms;
}

/* Begin to wait, together with whoever waits for the same aggregator already. */
static void
start_wait(struct bf_lacp *l, struct lacp_member *m)
{
	m->wait_until_ms = l->now_ms + wait_ms(l, m);
	for (struct lacp_member *o = bf_lacp_next(l, NULL); o; o = bf_lacp_next(l, o)) {
		if (o != m && o->mux == BF_LACP_MUX_WAITING && o->mux_lag == m->lag &&
			o->wait_until_ms > l->now_ms && o->wait_until_ms < m->wait_until_ms)
			m->wait_until_ms = o->wait_until_ms;
	}
}

static enum bf_lacp_mux_state
next_state(const struct bf_lacp *l, const struct lacp_member *m)
{
	bool selected = bf_lacp_mux_selected(m);
	bool may = selected && may_attach(l, m);
	bool synced = may && bf_lacp_partner_in_sync(m);

	switch (m->mux) {
	case BF_LACP_MUX_DETACHED:
		return m->selected != BF_LACP_UNSELECTED ? BF_LACP_MUX_WAITING : m->mux;
	case BF_LACP_MUX_WAITING:
		if (!member_belongs(m))
			return BF_LACP_MUX_DETACHED;
		return may && l->now_ms >= m->wait_until_ms ? BF_LACP_MUX_ATTACHED : m->mux;
	case BF_LACP_MUX_ATTACHED:
		if (!may)
			return BF_LACP_MUX_DETACHED;
		return synced ? BF_LACP_MUX_COLLECTING : m->mux;
	case BF_LACP_MUX_COLLECTING:
		if (!synced)
			return BF_LACP_MUX_ATTACHED;
		return bf_lacp_partner_collects(m) && bf_lacp_min_links_met(l)
			? BF_LACP_MUX_DISTRIBUTING
			: m->mux;
	case BF_LACP_MUX_DISTRIBUTING:
	case BF_LACP_MUX_COUNT:
		break;
	}
	return synced && bf_lacp_partner_collects(m) && bf_lacp_min_links_met(l)
		? BF_LACP_MUX_DISTRIBUTING
		: BF_LACP_MUX_COLLECTING;
}

static void
enter_state(struct bf_lacp *l, struct lacp_member *m, enum bf_lacp_mux_state to)
{
	static const uint8_t bits[BF_LACP_MUX_COUNT] = {
		[BF_LACP_MUX_DETACHED] = 0,
		[BF_LACP_MUX_WAITING] = 0,
		[BF_LACP_MUX_ATTACHED] = BF_LACP_SYNC,
		[BF_LACP_MUX_COLLECTING] = BF_LACP_SYNC | BF_LACP_COLLECTING,
		[BF_LACP_MUX_DISTRIBUTING] =
			BF_LACP_SYNC | BF_LACP_COLLECTING | BF_LACP_DISTRIBUTING,
	};
	uint8_t mine = bits[BF_LACP_MUX_DISTRIBUTING];

	if (to == BF_LACP_MUX_DETACHED)
		m->detach = false;
	if (to == BF_LACP_MUX_WAITING) {
		m->detach = false;
		m->mux_lag = m->lag;
		start_wait(l, m);
	}
	if ((m->actor.state & mine) != bits[to])
		m->ntt = true;
	m->actor.state = (uint8_t)((m->actor.state & ~mine) | bits[to]);
	m->mux = to;
	m->last_mux_ms = l->now_ms;
	m->n.transitions++;
}

bool
bf_lacp_mux_step(struct bf_lacp *l, struct lacp_member *m)
{
	enum bf_lacp_mux_state to = next_state(l, m);

	if (to == m->mux)
		return false;
	enter_state(l, m, to);
	return true;
}

uint64_t
bf_lacp_mux_deadline(const struct bf_lacp *l, const struct lacp_member *m)
{
	/* Who has waited and may not attach waits for others now. */
	if (m->mux != BF_LACP_MUX_WAITING || !bf_lacp_mux_selected(m) ||
		m->wait_until_ms <= l->now_ms)
		return BF_LACP_NEVER;
	return m->wait_until_ms;
}

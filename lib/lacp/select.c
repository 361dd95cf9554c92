/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Selection logic, IEEE 802.1AX-2020 6.4.14: who may attach.
 *
 * In this order: judge every member on its own, pick the fallback member if there is to be one,
 * sort members into aggregators, choose the active aggregator, hand out SELECTED and STANDBY: in the
 * active aggregator to those that max_links lets in.
 * It is run after every input and has no memory but the active aggregator.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

static enum bf_lacp_why
member_judge(const struct bf_lacp *l, const struct lacp_member *m)
{
	if (!m->link_up)
		return BF_LACP_WHY_LINK_DOWN;
	if (!m->full_duplex)
		return BF_LACP_WHY_HALF_DUPLEX;
	if (m->loop)
		return BF_LACP_WHY_LOOP;
	/* The partner may have been heard before it was pinned away. */
	if (l->cfg.pin_partner && bf_lacp_has_partner(m) &&
		!bf_lacp_same_mac(m->partner.system_id, l->cfg.partner_pin))
		return BF_LACP_WHY_PIN;
	if (m->pin_refused && m->rx != BF_LACP_RX_CURRENT)
		return BF_LACP_WHY_PIN;
	if (!bf_lacp_has_partner(m))
		return BF_LACP_WHY_NO_PARTNER;
	/* What the system id was changed to may be what the partner always had. */
	if (bf_lacp_same_mac(m->partner.system_id, l->cfg.system_id))
		return BF_LACP_WHY_LOOP;
	return m->held ? BF_LACP_WHY_HELD : BF_LACP_WHY_DISTRIBUTING;
}

static bool
is_before(const struct lacp_member *a, const struct lacp_member *b)
{
	if (b != NULL && a->mc.rank != b->mc.rank)
		return a->mc.rank < b->mc.rank;
	if (b == NULL || a->mc.port_priority != b->mc.port_priority)
		return b == NULL || a->mc.port_priority < b->mc.port_priority;
	return a->mc.port_number < b->mc.port_number;
}

/*
 * The member that forwards while nobody speaks LACP to us, or NULL.  A late partner (EXPIRED) gets
 * the time to come back before fallback begins, but does not end a fallback that runs.  One that
 * works is kept until priorities are changed: the switch would learn all stations anew.
 */
static struct lacp_member *
choose_fallback(struct bf_lacp *l)
{
	struct lacp_member *best = NULL, *works = NULL;
	bool running = false;
	bool late = false;

	if (!l->cfg.fallback)
		return NULL;
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (bf_lacp_is_live(m) || (m->held && m->rx == BF_LACP_RX_CURRENT))
			return NULL;
		running |= m->fallback;
		late |= bf_lacp_is_fit(m);
		if (m->verdict != BF_LACP_WHY_NO_PARTNER || m->held ||
			m->rx != BF_LACP_RX_DEFAULTED)
			continue;
		if (m->fallback)
			works = m;
		if (is_before(m, best))
			best = m;
	}
	if (works != NULL && !l->choose_fallback)
		return works;
	l->choose_fallback = false;
	return late && !running ? NULL : best;
}

static void
report_fallback(struct bf_lacp *l, const struct lacp_member *fallback)
{
	unsigned int id = fallback == NULL ? BF_LACP_BOND : fallback->id;

	if (id == l->told_fallback)
		return;
	l->told_fallback = id;
	if (fallback == NULL)
		bf_lacp_event_bond(l, BF_LACP_EV_FALLBACK, "fallback ended");
	else
		bf_lacp_event_bond(l, BF_LACP_EV_FALLBACK,
			"no partner on any member: member %u forwards as fallback", id);
}

static void
choose_active(struct bf_lacp *l)
{
	uint64_t before = l->active == NO_LAG ? 0 : l->lags[l->active].serial;
	uint64_t after;
	const struct lacp_lag *g;
	char mac[BF_MAC_TEXT_SIZE];

	l->active = bf_lacp_lag_best(l);
	after = l->active == NO_LAG ? 0 : l->lags[l->active].serial;
	if (after == l->active_serial)
		return;
	l->active_serial = after;
	l->active_since_ms = l->now_ms;
	if (after == 0) {
		bf_lacp_event_bond(l, BF_LACP_EV_AGGREGATOR, "no aggregator is active");
		return;
	}
	g = &l->lags[l->active];
	bf_lacp_event_bond(l, BF_LACP_EV_AGGREGATOR,
		"aggregator %d is active: partner %s key %u, %u member(s)%s", l->active + 1,
		bf_mac_text(g->partner_system, mac), g->partner_key, g->n_live,
		before == 0 ? "" : ", in place of another");
}

static void
member_select(struct bf_lacp *l, struct lacp_member *m, enum bf_lacp_selected to)
{
	m->selected = to;
	bf_lacp_limit_note(l, m);
}

static void
members_select(struct bf_lacp *l)
{
	uint32_t let_in = bf_lacp_limit(l);

	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		if (m->lag == NO_LAG)
			member_select(l, m, BF_LACP_UNSELECTED);
		else if (m->lag == l->active && (let_in >> (m - l->members) & 1) != 0)
			member_select(l, m, BF_LACP_SELECTED);
		else
			member_select(l, m, BF_LACP_STANDBY);
	}
}

void
bf_lacp_select_run(struct bf_lacp *l)
{
	struct lacp_member *fallback;

	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m))
		m->verdict = member_judge(l, m);
	fallback = choose_fallback(l);
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		m->fallback = m == fallback;
		m->lag = bf_lacp_is_fit(m) || m->fallback ? bf_lacp_lag_find(l, m) : NO_LAG;
	}
	bf_lacp_lag_sums(l);
	report_fallback(l, fallback);
	choose_active(l);
	members_select(l);
	bf_lacp_note_candidates(l);
}

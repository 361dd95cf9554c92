/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * max_links, IEEE 802.1AX-2020 6.4.14 and 6.7.1: an aggregator that could have more members than it
 * may.
 *
 * Theory of operation.  Both systems order the members by the port identifiers of the one that
 * chooses, so both let in the same ones.  The first max_links are wanted.  A member in service that
 * is no longer wanted stays until a wanted one is in service in its place: nothing is lost when a
 * better member comes back.  A wanted one that the partner does not take does not count, and the next
 * one is let in as well; if it is taken later, the next one leaves again.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

struct member_order {
	const struct lacp_member *m[BF_LACP_MAX_MEMBERS];
	unsigned int n;
};

static bool
is_refused(const struct bf_lacp *l, const struct lacp_member *m)
{
	return m->refused_from_ms != 0 && l->now_ms >= m->refused_from_ms;
}

static bool
member_counts(const struct bf_lacp *l, const struct lacp_member *m)
{
	return bf_lacp_is_live(m) && !is_refused(l, m);
}

/* Priority, then number. */
static uint32_t
port_identifier(const struct bf_lacp_port *p)
{
	return (uint32_t)p->port_priority << 16 | p->port_number;
}

static bool
goes_before(const struct bf_lacp *l, const struct lacp_member *a, const struct lacp_member *b)
{
	bool partner = bf_lacp_partner_chooses(l, &l->lags[l->active]);

	if (bf_lacp_is_live(a) != bf_lacp_is_live(b))
		return bf_lacp_is_live(a);
	/* Whoever does not choose follows what the other accepts, or both would wait for ever. */
	if (partner && bf_lacp_partner_in_sync(a) != bf_lacp_partner_in_sync(b))
		return bf_lacp_partner_in_sync(a);
	if (a->mc.rank != b->mc.rank)
		return a->mc.rank < b->mc.rank;
	return port_identifier(partner ? &a->partner : &a->actor) <
		port_identifier(partner ? &b->partner : &b->actor);
}

static void
order_members(const struct bf_lacp *l, struct member_order *o)
{
	const struct lacp_member *m;

	o->n = 0;
	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		unsigned int at = o->n;

		if (m->lag == NO_LAG || m->lag != l->active)
			continue;
		for (; at > 0 && goes_before(l, m, o->m[at - 1]); at--)
			o->m[at] = o->m[at - 1];
		o->m[at] = m;
		o->n++;
	}
}

uint32_t
bf_lacp_limit(const struct bf_lacp *l)
{
	unsigned int n_counted = 0, n_serve = 0;
	struct member_order o;
	uint32_t wanted = 0;

	if (l->cfg.max_links == 0 || l->active == NO_LAG)
		return UINT32_MAX;
	order_members(l, &o);
	for (unsigned int i = 0; i < o.n && n_counted < l->cfg.max_links; i++) {
		wanted |= 1u << (o.m[i] - l->members);
		n_counted += member_counts(l, o.m[i]) ? 1 : 0;
		n_serve += bf_lacp_is_operational(o.m[i]) ? 1 : 0;
	}
	for (unsigned int i = 0; i < o.n && n_serve < l->cfg.max_links; i++) {
		uint32_t bit = 1u << (o.m[i] - l->members);

		if ((wanted & bit) != 0 || !bf_lacp_is_operational(o.m[i]))
			continue;
		wanted |= bit;
		n_serve++;
	}
	return wanted;
}

void
bf_lacp_limit_note(struct bf_lacp *l, struct lacp_member *m)
{
	if (m->selected != BF_LACP_SELECTED) {
		m->accepted = false;
		m->refused_from_ms = 0;
	} else if (bf_lacp_partner_in_sync(m)) {
		m->accepted = true;
		m->refused_from_ms = 0;
	} else if (m->refused_from_ms == 0) {
		/* One that was taken and is no longer is replaced at once. */
		m->refused_from_ms = l->now_ms + (m->accepted ? 0 : REFUSED_MS);
	}
}

uint64_t
bf_lacp_limit_deadline(const struct bf_lacp *l, const struct lacp_member *m)
{
	return l->cfg.max_links != 0 && m->refused_from_ms > l->now_ms ? m->refused_from_ms
								       : BF_LACP_NEVER;
}

bool
bf_lacp_stands_by(const struct bf_lacp *l, const struct lacp_member *m)
{
	return m->selected == BF_LACP_STANDBY && m->lag != NO_LAG && m->lag == l->active;
}

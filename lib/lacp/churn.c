/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Churn detection, IEEE 802.1AX-2020 6.4.17: a link that is up but does not get in sync within
 * 60 s has a problem that no timer will solve; say so once.
 *
 * The same machine runs twice: on our own SYNC bit and on the partner's.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

static bool
in_sync(const struct lacp_member *m, int side)
{
	return ((side == 0 ? m->actor.state : m->partner.state) & BF_LACP_SYNC) != 0;
}

/* It ends, if it is there, whatever follows. */
static void
churn_end(struct bf_lacp *l, struct lacp_member *m, int side)
{
	if (m->churn[side] == BF_LACP_CHURN_CHURN)
		bf_lacp_event_member(
			l, m, BF_LACP_EV_CHURN, "%s churn ended", side == 0 ? "actor" : "partner");
	m->churn[side] = BF_LACP_CHURN_NONE;
}

void
bf_lacp_churn_restart(struct bf_lacp *l, struct lacp_member *m)
{
	for (int side = 0; side < 2; side++) {
		churn_end(l, m, side);
		m->churn[side] = BF_LACP_CHURN_MONITOR;
		m->churn_until_ms[side] = m->link_up ? l->now_ms + CHURN_MS : BF_LACP_NEVER;
	}
}

static void
run_side(struct bf_lacp *l, struct lacp_member *m, int side)
{
	const char *who = side == 0 ? "actor" : "partner";

	if (in_sync(m, side)) {
		churn_end(l, m, side);
	} else if (m->churn[side] == BF_LACP_CHURN_NONE) {
		m->churn[side] = BF_LACP_CHURN_MONITOR;
		m->churn_until_ms[side] = m->link_up ? l->now_ms + CHURN_MS : BF_LACP_NEVER;
	} else if (m->churn[side] == BF_LACP_CHURN_MONITOR &&
		l->now_ms >= m->churn_until_ms[side]) {
		m->churn[side] = BF_LACP_CHURN_CHURN;
		if (side == 0)
			m->n.actor_churn++;
		else
			m->n.partner_churn++;
		bf_lacp_event_member(l, m, BF_LACP_EV_CHURN, "%s churn: not in sync for 60 s", who);
	}
}

void
bf_lacp_churn_run(struct bf_lacp *l, struct lacp_member *m)
{
	/* Whoever stands by is out of sync on purpose; the 60 s begin when it is to serve. */
	if (bf_lacp_stands_by(l, m)) {
		churn_end(l, m, 0);
		churn_end(l, m, 1);
		return;
	}
	run_side(l, m, 0);
	run_side(l, m, 1);
}

uint64_t
bf_lacp_churn_deadline(const struct lacp_member *m)
{
	uint64_t t = BF_LACP_NEVER;

	for (int side = 0; side < 2; side++) {
		if (m->churn[side] == BF_LACP_CHURN_MONITOR && m->churn_until_ms[side] < t)
			t = m->churn_until_ms[side];
	}
	return t;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Aggregators, IEEE 802.1AX-2020 6.4.14: which members belong together, and which group is best.
 *
 * The table has two entries per member, one for where selection wants it and one for where the mux
 * still holds it, so finding an entry cannot fail.  An entry keeps its number as long as somebody
 * refers to it.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

static unsigned int
slot_of(const struct bf_lacp *l, const struct lacp_member *m)
{
	return (unsigned int)(m - l->members);
}

static bool
is_individual(const struct lacp_member *m)
{
	return m->fallback || (m->actor.state & m->partner.state & BF_LACP_AGGREGATION) == 0;
}

static struct lacp_lag
member_identity(const struct bf_lacp *l, const struct lacp_member *m)
{
	struct lacp_lag id;

	memset(&id, 0, sizeof(id));
	id.individual = is_individual(m);
	id.owner = id.individual ? slot_of(l, m) : 0;
	id.partner_priority = m->partner.system_priority;
	memcpy(id.partner_system, m->partner.system_id, sizeof(id.partner_system));
	id.partner_key = m->partner.key;
	id.own_key = m->actor.key;
	id.speed_mbps = m->speed_mbps;
	return id;
}

static bool
same_partner(const struct lacp_lag *a, const struct lacp_lag *b)
{
	return a->partner_priority == b->partner_priority &&
		bf_lacp_same_mac(a->partner_system, b->partner_system);
}

static bool
same_identity(const struct lacp_lag *a, const struct lacp_lag *b)
{
	return a->individual == b->individual && a->owner == b->owner && same_partner(a, b) &&
		a->partner_key == b->partner_key && a->own_key == b->own_key &&
		a->speed_mbps == b->speed_mbps;
}

/* Does anybody need entry i?  The wish of `except` does not count: it is about to change. */
static bool
is_referenced(const struct bf_lacp *l, int i, const struct lacp_member *except)
{
	const struct lacp_member *m;

	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		if ((m != except && m->lag == i) ||
			(m->mux != BF_LACP_MUX_DETACHED && m->mux_lag == i))
			return true;
	}
	return false;
}

int
bf_lacp_lag_find(struct bf_lacp *l, const struct lacp_member *m)
{
	struct lacp_lag id = member_identity(l, m);
	int i;

	for (i = 0; i < MAX_LAGS; i++) {
		if (l->lags[i].used && same_identity(&l->lags[i], &id))
			return i;
	}
	/* At most one wish and one hold per member, less the wish that changes: one is free. */
	for (i = 0; i < MAX_LAGS - 1; i++) {
		if (!l->lags[i].used || !is_referenced(l, i, m))
			break;
	}
	if (i == l->active)
		l->active = NO_LAG;
	id.used = true;
	id.serial = ++l->next_serial;
	l->lags[i] = id;
	return i;
}

void
bf_lacp_lag_sums(struct bf_lacp *l)
{
	for (int i = 0; i < MAX_LAGS; i++) {
		struct lacp_lag *g = &l->lags[i];

		g->used = g->used && is_referenced(l, i, NULL);
		g->n_members = 0;
		g->n_attached = 0;
		g->n_live = 0;
		g->n_regular = 0;
		g->n_synced = 0;
		g->bandwidth_mbps = 0;
		g->priority = 0;
	}
	for (struct lacp_member *m = bf_lacp_next(l, NULL); m; m = bf_lacp_next(l, m)) {
		struct lacp_lag *g = m->lag == NO_LAG ? NULL : &l->lags[m->lag];

		if (g == NULL)
			continue;
		g->n_members++;
		if (m->mux >= BF_LACP_MUX_ATTACHED && m->mux_lag == m->lag)
			g->n_attached++;
		if (!m->fallback && !bf_lacp_is_live(m))
			continue;
		g->n_live++;
		g->n_regular += m->mc.rank == BF_LACP_RANK_REGULAR ? 1 : 0;
		g->bandwidth_mbps += m->speed_mbps;
		g->priority += m->mc.port_priority;
		if ((m->partner.state & BF_LACP_SYNC) != 0) {
			g->n_synced++;
			g->synced_ms = l->now_ms;
		}
	}
	if (l->active != NO_LAG && !l->lags[l->active].used)
		l->active = NO_LAG;
}

bool
bf_lacp_partner_chooses(const struct bf_lacp *l, const struct lacp_lag *g)
{
	if (g->partner_priority != l->cfg.system_priority)
		return g->partner_priority < l->cfg.system_priority;
	return memcmp(g->partner_system, l->cfg.system_id, 6) < 0;
}

/* Is the partner in sync here, or was it a moment ago, or has it had no time to be? */
static bool
partner_accepted(const struct bf_lacp *l, const struct lacp_lag *g)
{
	uint64_t since_ms = g->synced_ms;

	if (g->n_synced > 0)
		return true;
	if (g != &l->lags[l->active])
		return false;
	if (since_ms < l->active_since_ms)
		since_ms = l->active_since_ms;
	return l->now_ms - since_ms < l->cfg.aggregate_wait_ms + YIELD_MS;
}

/*
 * Two aggregators towards the same partner: when each side chose another one, neither would ever
 * come up.  The side with the lower rank follows what the other accepts.
 *
 * Positive: a, negative: b, 0: no opinion.
 */
static int
partner_prefers(const struct bf_lacp *l, const struct lacp_lag *a, const struct lacp_lag *b)
{
	if (l->active == NO_LAG || !same_partner(a, b) || !bf_lacp_partner_chooses(l, a))
		return 0;
	return (int)partner_accepted(l, a) - (int)partner_accepted(l, b);
}

static int
lag_compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static bool
is_better(const struct bf_lacp *l, const struct lacp_lag *a, const struct lacp_lag *b)
{
	int d = partner_prefers(l, a, b);

	if (d == 0)
		d = (int)b->individual - (int)a->individual;
	if (d == 0) /* spares of another speed do not win by it */
		d = (int)(a->n_regular > 0) - (int)(b->n_regular > 0);
	if (d == 0 && l->cfg.select == BF_LACP_SELECT_COUNT)
		d = lag_compare(a->n_live, b->n_live);
	if (d == 0 && l->cfg.select == BF_LACP_SELECT_PRIORITY)
		d = lag_compare(a->priority, b->priority);
	if (d == 0)
		d = lag_compare(a->bandwidth_mbps, b->bandwidth_mbps);
	if (d == 0)
		d = lag_compare(a->n_live, b->n_live);
	if (d == 0 && l->active != NO_LAG)
		d = (int)(a == &l->lags[l->active]) - (int)(b == &l->lags[l->active]);
	return d > 0;
}

/* May g take the place of best?  What is to be kept yields to the partner's choice only. */
static bool
lag_replaces(
	const struct bf_lacp *l, const struct lacp_lag *g, const struct lacp_lag *best, bool keep)
{
	if (best == NULL)
		return true;
	return keep ? partner_prefers(l, g, best) > 0 : is_better(l, g, best);
}

/* Only spares are in it, and others could be. */
static bool
is_makeshift(const struct bf_lacp *l, const struct lacp_lag *active)
{
	for (const struct lacp_lag *g = l->lags; g < l->lags + MAX_LAGS; g++) {
		if (g->used && g->n_regular > 0)
			return active->n_regular == 0;
	}
	return false;
}

int
bf_lacp_lag_best(const struct bf_lacp *l)
{
	const struct lacp_lag *active = l->active == NO_LAG ? NULL : &l->lags[l->active];
	const struct lacp_lag *best = NULL;
	bool keep = false;

	if (l->cfg.select == BF_LACP_SELECT_STABLE && active != NULL && active->n_live > 0 &&
		active->n_attached > 0 && !is_makeshift(l, active)) {
		keep = true;
		best = active;
	}
	for (const struct lacp_lag *g = l->lags; g < l->lags + MAX_LAGS; g++) {
		if (g->used && g->n_live > 0 && lag_replaces(l, g, best, keep))
			best = g;
	}
	/* Nobody is heard: stay with those that were heard last, they may come back. */
	if (best == NULL && active != NULL && active->n_members > 0)
		best = active;
	return best == NULL ? NO_LAG : (int)(best - l->lags);
}

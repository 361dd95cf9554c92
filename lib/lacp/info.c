/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What show commands read: copies of the state, and names for its values.
 *
 * Threads: ctx control; the names ctx any.
 */
#include "lacp/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const char *
name_of(const char *const *table, size_t n, unsigned int value)
{
	return value < n && table[value] != NULL ? table[value] : "?";
}

const char *
bf_lacp_rx_name(enum bf_lacp_rx_state s)
{
	static const char *const name[] = {"port-disabled", "expired", "defaulted", "current"};

	static_assert(N(name) == BF_LACP_RX_COUNT, "one name per state");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_periodic_name(enum bf_lacp_periodic_state s)
{
	static const char *const name[] = {"none", "fast", "slow"};

	static_assert(N(name) == BF_LACP_PERIODIC_COUNT, "one name per state");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_mux_name(enum bf_lacp_mux_state s)
{
	static const char *const name[] = {
		"detached", "waiting", "attached", "collecting", "distributing"};

	static_assert(N(name) == BF_LACP_MUX_COUNT, "one name per state");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_churn_name(enum bf_lacp_churn_state s)
{
	static const char *const name[] = {"monitor", "none", "churn"};

	static_assert(N(name) == BF_LACP_CHURN_COUNT, "one name per state");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_selected_name(enum bf_lacp_selected s)
{
	static const char *const name[] = {"unselected", "standby", "selected"};

	static_assert(N(name) == BF_LACP_SELECTED_COUNT, "one name per state");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_select_name(enum bf_lacp_select s)
{
	static const char *const name[] = {"stable", "bandwidth", "count", "priority"};

	static_assert(N(name) == BF_LACP_SELECT_POLICY_COUNT, "one name per policy");
	return name_of(name, N(name), s);
}

const char *
bf_lacp_event_name(enum bf_lacp_event ev)
{
	static const char *const name[] = {"carrier", "aggregator", "fallback", "distributing",
		"not-distributing", "loop", "partner", "churn", "rate-limit"};

	static_assert(N(name) == BF_LACP_EV_COUNT, "one name per event");
	return name_of(name, N(name), ev);
}

const char *
bf_lacp_why_name(enum bf_lacp_why why)
{
	static const char *const name[] = {"distributing", "link-down", "half-duplex", "loop",
		"partner-pinned", "no-partner", "held", "partner-silent", "individual",
		"partner-differs", "partner-key-differs", "speed-differs", "no-aggregator",
		"standby", "waiting", "partner-not-in-sync", "partner-not-collecting", "min-links"};

	static_assert(N(name) == BF_LACP_WHY_COUNT, "one name per reason");
	return name_of(name, N(name), why);
}

void
bf_lacp_state_text(uint8_t state, char *buf, size_t size)
{
	static const char *const bit[8] = {"ACTIVE", "SHORT_TIMEOUT", "AGGREGATION", "SYNC",
		"COLLECTING", "DISTRIBUTING", "DEFAULTED", "EXPIRED"};
	size_t used = 0;

	snprintf(buf, size, "%s", state == 0 ? "-" : "");
	for (unsigned int i = 0; i < 8 && used < size; i++) {
		if ((state & 1u << i) != 0)
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s", used == 0 ? "" : " ", bit[i]);
	}
}

void
bf_lacp_info(const struct bf_lacp *l, struct bf_lacp_info *info)
{
	const struct lacp_member *m;

	memset(info, 0, sizeof(*info));
	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		info->n_members++;
		info->n_up += m->link_up ? 1 : 0;
		info->n_live += bf_lacp_is_live(m) ? 1 : 0;
		info->n_distributing += m->told_distribute ? 1 : 0;
		info->fallback |= m->fallback;
	}
	info->n_operational = bf_lacp_n_operational(l);
	info->carrier = l->carrier;
	info->last_carrier_change_ms = l->carrier_ms;
	info->last_aggregator_change_ms = l->active_since_ms;
	if (l->active != NO_LAG) {
		const struct lacp_lag *g = &l->lags[l->active];

		info->active_aggregator_id = (unsigned int)l->active + 1;
		info->active_key = g->own_key;
		info->partner_system_priority = g->partner_priority;
		memcpy(info->partner_system_id, g->partner_system, 6);
		info->partner_key = g->partner_key;
	}
}

static void
member_fill(const struct bf_lacp *l, const struct lacp_member *m, struct bf_lacp_member_info *info)
{
	memset(info, 0, sizeof(*info));
	info->id = m->id;
	info->config = m->mc;
	info->link_up = m->link_up;
	info->speed_mbps = m->speed_mbps;
	info->full_duplex = m->full_duplex;
	info->actor = m->actor;
	info->partner = m->partner;
	info->rx = m->rx;
	info->periodic = m->periodic;
	info->mux = m->mux;
	info->actor_churn = m->churn[0];
	info->partner_churn = m->churn[1];
	info->selected = m->selected;
	info->aggregator_id = m->lag == NO_LAG ? 0 : (unsigned int)m->lag + 1;
	info->in_active_aggregator = m->lag != NO_LAG && m->lag == l->active;
	info->collecting = m->told_collect;
	info->distributing = m->told_distribute;
	info->fallback = m->fallback;
	info->held = m->held;
	info->standby = bf_lacp_stands_by(l, m);
	info->loop = m->verdict == BF_LACP_WHY_LOOP;
	info->rate_mismatch = bf_lacp_rate_mismatch(m);
	info->why = bf_lacp_why(l, m);
	bf_lacp_why_text(l, m, info->why, info->reason, sizeof(info->reason));
	info->counters = m->n;
	info->last_rx_ms = m->last_rx_ms;
	info->last_tx_ms = m->last_tx_ms;
	info->last_mux_change_ms = m->last_mux_ms;
	info->last_partner_change_ms = m->last_partner_ms;
	info->last_link_change_ms = m->last_link_ms;
}

/* Slots are reused, so the order of adding is looked up: how many were added before? */
static unsigned int
member_rank(const struct bf_lacp *l, const struct lacp_member *m)
{
	const struct lacp_member *o;
	unsigned int n = 0;

	for (o = bf_lacp_next_const(l, NULL); o; o = bf_lacp_next_const(l, o))
		n += o->order < m->order ? 1 : 0;
	return n;
}

int
bf_lacp_member_info_at(const struct bf_lacp *l, unsigned int idx, struct bf_lacp_member_info *info)
{
	const struct lacp_member *m;

	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		if (member_rank(l, m) == idx) {
			member_fill(l, m, info);
			return 0;
		}
	}
	errno = ENOENT;
	return -ENOENT;
}

int
bf_lacp_member_info(const struct bf_lacp *l, unsigned int id, struct bf_lacp_member_info *info)
{
	const struct lacp_member *m;

	for (m = bf_lacp_next_const(l, NULL); m; m = bf_lacp_next_const(l, m)) {
		if (m->id == id) {
			member_fill(l, m, info);
			return 0;
		}
	}
	errno = ENOENT;
	return -ENOENT;
}

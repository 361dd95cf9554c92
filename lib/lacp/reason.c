/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Why a member does not distribute, as a code and in words.
 *
 * Derived from the state when asked; nothing is stored, so it cannot contradict the machines.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

#include <stdio.h>

/* How aggregator b differs from the active one a. */
static enum bf_lacp_why
partner_difference(const struct lacp_lag *a, const struct lacp_lag *b)
{
	if (a->partner_priority != b->partner_priority ||
		!bf_lacp_same_mac(a->partner_system, b->partner_system))
		return BF_LACP_WHY_PARTNER_SYSTEM;
	if (a->partner_key != b->partner_key)
		return BF_LACP_WHY_PARTNER_KEY;
	if (a->speed_mbps != b->speed_mbps)
		return BF_LACP_WHY_SPEED;
	return BF_LACP_WHY_INDIVIDUAL;
}

enum bf_lacp_why
bf_lacp_why(const struct bf_lacp *l, const struct lacp_member *m)
{
	if (m->mux == BF_LACP_MUX_DISTRIBUTING)
		return BF_LACP_WHY_DISTRIBUTING;
	if (!bf_lacp_is_fit(m) && !m->fallback)
		return m->verdict;
	if (!m->fallback && m->rx != BF_LACP_RX_CURRENT)
		return BF_LACP_WHY_SILENT;
	if (l->active == NO_LAG || m->lag == NO_LAG)
		return BF_LACP_WHY_NO_AGGREGATOR;
	if (m->lag != l->active)
		return partner_difference(&l->lags[l->active], &l->lags[m->lag]);
	if (bf_lacp_stands_by(l, m))
		return BF_LACP_WHY_STANDBY;
	if (m->mux <= BF_LACP_MUX_WAITING && !m->fallback && l->cfg.min_links > 1 &&
		bf_lacp_n_able(l) < l->cfg.min_links)
		return BF_LACP_WHY_MIN_LINKS;
	if (m->mux <= BF_LACP_MUX_WAITING)
		return BF_LACP_WHY_WAITING;
	if (!bf_lacp_partner_in_sync(m))
		return BF_LACP_WHY_PARTNER_SYNC;
	if (!bf_lacp_partner_collects(m))
		return BF_LACP_WHY_PARTNER_COLLECTING;
	return BF_LACP_WHY_MIN_LINKS;
}

/* Reasons that compare the member with the active aggregator. */
static int
difference_text(const struct bf_lacp *l, const struct lacp_member *m, enum bf_lacp_why why,
	char *buf, size_t size)
{
	const struct lacp_lag *a = &l->lags[l->active];
	const struct lacp_lag *b = &l->lags[m->lag];
	char mine[BF_MAC_TEXT_SIZE];
	char theirs[BF_MAC_TEXT_SIZE];

	if (why == BF_LACP_WHY_PARTNER_KEY)
		return snprintf(buf, size,
			"partner key %u differs from the active aggregator's partner key %u",
			b->partner_key, a->partner_key);
	if (why == BF_LACP_WHY_SPEED)
		return snprintf(buf, size,
			"speed %u Mbit/s differs from the active aggregator's %u Mbit/s",
			b->speed_mbps, a->speed_mbps);
	return snprintf(buf, size,
		"partner %s priority %u differs from the active aggregator's "
		"partner %s priority %u",
		bf_mac_text(b->partner_system, mine), b->partner_priority,
		bf_mac_text(a->partner_system, theirs), a->partner_priority);
}

static const char *
fixed_text(enum bf_lacp_why why)
{
	static const char *const text[BF_LACP_WHY_COUNT] = {
		[BF_LACP_WHY_DISTRIBUTING] = "",
		[BF_LACP_WHY_LINK_DOWN] = "link down",
		[BF_LACP_WHY_HALF_DUPLEX] = "half duplex",
		[BF_LACP_WHY_LOOP] = "own PDU came back: loop",
		[BF_LACP_WHY_NO_PARTNER] = "no partner",
		[BF_LACP_WHY_HELD] = "taken out by order: drained or switched off",
		[BF_LACP_WHY_INDIVIDUAL] =
			"individual link (no AGGREGATION bit): cannot share an aggregator",
		[BF_LACP_WHY_NO_AGGREGATOR] = "no aggregator is active",
		[BF_LACP_WHY_WAITING] = "waiting to attach",
		[BF_LACP_WHY_PARTNER_SYNC] = "partner is not in sync",
		[BF_LACP_WHY_PARTNER_COLLECTING] = "partner does not collect",
	};

	return why < BF_LACP_WHY_COUNT && text[why] != NULL ? text[why] : "?";
}

void
bf_lacp_why_text(const struct bf_lacp *l, const struct lacp_member *m, enum bf_lacp_why why,
	char *buf, size_t size)
{
	bool remembered = bf_lacp_has_partner(m) &&
		!bf_lacp_same_mac(m->partner.system_id, l->cfg.partner_pin);
	char a[BF_MAC_TEXT_SIZE];
	char b[BF_MAC_TEXT_SIZE];

	switch (why) {
	case BF_LACP_WHY_PARTNER_SYSTEM:
	case BF_LACP_WHY_PARTNER_KEY:
	case BF_LACP_WHY_SPEED:
		(void)difference_text(l, m, why, buf, size);
		break;
	case BF_LACP_WHY_PIN:
		snprintf(buf, size, "partner %s is not the expected partner %s",
			bf_mac_text(remembered ? m->partner.system_id : m->pin_refused_system, a),
			bf_mac_text(l->cfg.partner_pin, b));
		break;
	case BF_LACP_WHY_SILENT:
		snprintf(buf, size, "partner %s is silent", bf_mac_text(m->partner.system_id, a));
		break;
	case BF_LACP_WHY_MIN_LINKS:
		snprintf(buf, size, "min_links: %u of %u members ready", bf_lacp_n_able(l),
			l->cfg.min_links);
		break;
	case BF_LACP_WHY_STANDBY:
		snprintf(buf, size, "standby (%s): %u of %u members in service",
			m->mc.rank == BF_LACP_RANK_SPARE ? "spare" : "max_links",
			bf_lacp_n_operational(l), l->cfg.max_links);
		break;
	default:
		snprintf(buf, size, "%s", fixed_text(why));
		break;
	}
}

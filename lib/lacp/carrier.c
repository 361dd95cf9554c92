/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The verdict about the bond as a whole: carrier.
 *
 * Up when at least min_links members are operational, or a fallback member is.  While no member
 * hears a partner, strict decides: on, carrier is down; off, carrier follows the links, as Linux
 * bonding does.  A partner that appears then gets a few seconds to negotiate before the lack of
 * operational members counts, so that its coming back does not look like an outage.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

/* A member that lacks a partner at most. */
static bool
has_usable_link(const struct bf_lacp *l, const struct lacp_member *m)
{
	(void)l;
	return bf_lacp_is_fit(m) || m->verdict == BF_LACP_WHY_NO_PARTNER;
}

static bool
is_live(const struct bf_lacp *l, const struct lacp_member *m)
{
	(void)l;
	return bf_lacp_is_live(m);
}

static bool
carrier_verdict(const struct bf_lacp *l)
{
	if (bf_lacp_min_links_met(l))
		return true;
	if (l->cfg.strict || bf_lacp_count(l, has_usable_link) < l->cfg.min_links)
		return false;
	if (l->live_since_ms == 0)
		return true;
	return l->carrier && !l->in_sync_since_live &&
		l->now_ms - l->live_since_ms < CARRIER_HOLD_MS;
}

void
bf_lacp_carrier_run(struct bf_lacp *l)
{
	unsigned int n_op = bf_lacp_n_operational(l);
	bool up;

	if (bf_lacp_count(l, is_live) == 0) {
		l->live_since_ms = 0;
		l->in_sync_since_live = false;
	} else if (l->live_since_ms == 0) {
		l->live_since_ms = l->now_ms;
	}
	if (l->live_since_ms != 0 && n_op > 0)
		l->in_sync_since_live = true;
	up = carrier_verdict(l);
	if (up == l->carrier)
		return;
	l->carrier = up;
	l->carrier_ms = l->now_ms;
	bf_lacp_event_bond(l, BF_LACP_EV_CARRIER,
		"carrier %s: %u operational member(s), %u needed%s", up ? "up" : "down", n_op,
		l->cfg.min_links, up && n_op == 0 ? ", no partner heard and not strict" : "");
}

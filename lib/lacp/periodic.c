/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Periodic transmission machine, IEEE 802.1AX-2020 6.4.13: when a PDU is due for no other reason.
 *
 * The partner's TIMEOUT bit decides between 1 s and 30 s.  While there is no partner it is 1 s: one
 * that comes back over a link that never failed is found at once.  The next PDU is due one period after
 * the last was due, not after it was sent, so late ticks do not add up.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

static enum bf_lacp_periodic_state
period_wanted(const struct lacp_member *m)
{
	if (!m->link_up || ((m->actor.state | m->partner.state) & BF_LACP_ACTIVITY) == 0)
		return BF_LACP_PERIODIC_NONE;
	/* In a loop our own PDUs are the only news about whether it is still there. */
	if (m->loop || !bf_lacp_has_partner(m) || (m->partner.state & BF_LACP_TIMEOUT) != 0)
		return BF_LACP_PERIODIC_FAST;
	return BF_LACP_PERIODIC_SLOW;
}

static uint64_t
period_ms(enum bf_lacp_periodic_state s)
{
	return s == BF_LACP_PERIODIC_FAST ? FAST_PERIODIC_MS : SLOW_PERIODIC_MS;
}

void
bf_lacp_periodic_run(struct bf_lacp *l, struct lacp_member *m)
{
	enum bf_lacp_periodic_state want = period_wanted(m);

	if (want != m->periodic) {
		/* The partner now wants us often: do not let it wait for what is left of 30 s. */
		if (want == BF_LACP_PERIODIC_FAST)
			m->ntt = true;
		m->periodic = want;
		m->periodic_ms =
			want == BF_LACP_PERIODIC_NONE ? BF_LACP_NEVER : l->now_ms + period_ms(want);
	}
	if (want == BF_LACP_PERIODIC_NONE || l->now_ms < m->periodic_ms)
		return;
	m->ntt = true;
	m->periodic_ms += period_ms(want);
	if (m->periodic_ms <= l->now_ms)
		m->periodic_ms = l->now_ms + period_ms(want);
}

uint64_t
bf_lacp_periodic_deadline(const struct lacp_member *m)
{
	return m->periodic == BF_LACP_PERIODIC_NONE ? BF_LACP_NEVER : m->periodic_ms;
}

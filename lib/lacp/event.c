/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Events in words, at a bearable rate.
 *
 * What the wire can provoke without end is limited, per member and for the bond: thirty at once,
 * two per second on average.  What was held back is counted and the next event says how many.
 *
 * Threads: ctx control.
 */
#include "lacp/internal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	EVENT_SIZE = 320,
	EVENTS_PER_S = 2,
	EVENTS_BURST = 30,
};

const char *
bf_lacp_mac_text(const uint8_t mac[6], char buf[BF_LACP_MAC_TEXT])
{
	(void)snprintf(buf, BF_LACP_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

static void
append_held(char text[EVENT_SIZE], int used, unsigned int *n_held)
{
	bool has_room = used >= 0 && used < EVENT_SIZE;

	if (has_room && *n_held > 0)
		(void)snprintf(
			text + used, EVENT_SIZE - (size_t)used, " (%u events held back)", *n_held);
	*n_held = 0;
}

void
bf_lacp_event_member(
	struct bf_lacp *l, struct lacp_member *m, enum bf_lacp_event ev, const char *fmt, ...)
{
	char text[EVENT_SIZE];
	va_list ap;
	int n;

	if (!bf_lacp_bucket_take(&m->event_bucket, EVENTS_PER_S, EVENTS_BURST, l->now_ms)) {
		m->n_events_held++;
		m->n.events_suppressed++;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append_held(text, n, &m->n_events_held);
	l->ops.event(l->arg, m->id, ev, text);
}

void
bf_lacp_event_bond(struct bf_lacp *l, enum bf_lacp_event ev, const char *fmt, ...)
{
	char text[EVENT_SIZE];
	va_list ap;
	int n;

	/* A change of carrier is never held back: it cannot come faster than members attach. */
	if (ev != BF_LACP_EV_CARRIER &&
		!bf_lacp_bucket_take(&l->event_bucket, EVENTS_PER_S, EVENTS_BURST, l->now_ms)) {
		l->n_events_held++;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append_held(text, n, &l->n_events_held);
	l->ops.event(l->arg, BF_LACP_BOND, ev, text);
}

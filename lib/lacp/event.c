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

static void
append_held(char text[EVENT_SIZE], int used, unsigned int *n_held)
{
	bool has_room = used >= 0 && used < EVENT_SIZE;

	if (has_room && *n_held > 0)
		snprintf(text + used, EVENT_SIZE - (size_t)used, " (%u events held back)", *n_held);
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

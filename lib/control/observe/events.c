/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The journal.
 *
 * Threads: ctx control.
 */
#include "control/observe/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

void
bf_event(struct bf_events *ev, enum bf_log_level level, const char *what, const char *object,
	const char *fmt, ...)
{
	struct bf_event *e = &ev->ring[ev->next_seq % BF_EVENTS_MAX];
	struct timespec ts;
	va_list ap;

	clock_gettime(CLOCK_REALTIME, &ts);
	e->seq = ++ev->next_seq;
	e->wall_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	e->mono_ms = bf_clock_ms();
	e->level = level;
	snprintf(e->what, sizeof(e->what), "%s", what);
	snprintf(e->object, sizeof(e->object), "%s", object);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	bf_text_sanitize(e->text); /* a name in it may be cut within a character */
	bf_log_about(level, what, e->object, e->text);
}

void
bf_event_when(int64_t wall_ms, char *buf, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(buf, size, "%s.%03d", when, (int)(wall_ms % 1000));
}

void
bf_events_visit(const struct bf_events *ev, bf_event_cb *cb, void *arg)
{
	uint64_t first = ev->next_seq > BF_EVENTS_MAX ? ev->next_seq - BF_EVENTS_MAX : 0;

	for (uint64_t s = first; s < ev->next_seq; s++)
		cb(arg, &ev->ring[s % BF_EVENTS_MAX]);
}

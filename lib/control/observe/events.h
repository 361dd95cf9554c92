/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The journal: what happened, when, to what; the newest BF_EVENTS_MAX are kept.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_EVENTS_H
#define BF_CONTROL_OBSERVE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

#define BF_EVENTS_MAX 1024

struct bf_event {
	uint64_t seq; /* from 1 */
	int64_t wall_ms; /* Unix time, for people */
	uint64_t mono_ms; /* bf_clock_ms() */
	enum bf_log_level level;
	char what[24]; /* kind, e.g. "member_down" */
	char object[64]; /* port or guest */
	char text[256];
};

struct bf_events {
	uint64_t next_seq;
	struct bf_event ring[BF_EVENTS_MAX];
};

/** Note something, and log it. */
void bf_event(struct bf_events *ev, enum bf_log_level level, const char *what, const char *object,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** A time as people read it, UTC with milliseconds. */
void bf_event_when(int64_t wall_ms, char *buf, size_t size);

/** Oldest to newest. */
typedef void bf_event_cb(void *arg, const struct bf_event *e);
void bf_events_visit(const struct bf_events *ev, bf_event_cb *cb, void *arg);

#endif

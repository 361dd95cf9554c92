/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show events: the newest events, or those after one.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <stdlib.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct event_row {
	uint64_t seq, mono_ms;
	int64_t time_ms;
	char when[40], what[24], object[64], text[256];
	const char *level;
};

#define ROW struct event_row

static const struct bf_field event_fields[] = {
	BF_FIELD(ROW, seq),
	BF_FIELD(ROW, time_ms),
	BF_FIELD(ROW, when, .text_only = true),
	BF_FIELD(ROW, mono_ms),
	BF_FIELD(ROW, level),
	BF_FIELD(ROW, what),
	BF_FIELD(ROW, object),
	BF_FIELD(ROW, text),
};

static const struct bf_table event_table = BF_TABLE("event", ROW, event_fields,
	.text = "{seq:6}  {when}  {level:-7}  {what:-16} {object:-16} {text}\n");

struct after {
	struct bf_snapshot *s;
	uint64_t seq;
};

static void
add_event(void *arg, const struct bf_event *e)
{
	const struct after *after = arg;
	ROW *row =
		e->seq <= after->seq ? NULL : bf_rows_add(after->s, &after->s->rows, sizeof(*row));

	if (row == NULL)
		return;
	bf_event_when(e->wall_ms, row->when, sizeof(row->when));
	row->seq = e->seq;
	row->time_ms = e->wall_ms;
	row->mono_ms = e->mono_ms;
	row->level = bf_log_level_names[e->level];
	BF_ROW_TEXT(row->what, e->what);
	BF_ROW_TEXT(row->object, e->object);
	BF_ROW_TEXT(row->text, e->text);
}

static void
gather_events(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct after after = {.s = s, .seq = only == NULL ? 0 : strtoull(only, NULL, 10)};

	bf_events_visit(&br->events, add_event, &after);
}

const struct bf_show bf_show_events = {
	.table = &event_table, .gather = gather_events, .endpoint = "events"};

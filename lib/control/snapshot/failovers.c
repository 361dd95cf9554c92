/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show bonding failover: the latest failovers, timed.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct failover_row {
	char bond[BF_NAME_MAX];
	bool has_title; /* the first of its bond, where several are shown */
	uint64_t seq, announcements, lost;
	int64_t time_ms;
	bool open, test, has_first_frame;
	char cause[96], from[64], to[64];
	double first_frame_us, detect_us, announced_ms, first_frame_ms, detect_ms;
};

#define ROW struct failover_row

static const struct bf_field failover_fields[] = {
	BF_FIELD(ROW, bond),
	BF_FIELD(ROW, has_title, .text_only = true),
	BF_FIELD(ROW, seq),
	BF_FIELD(ROW, time_ms),
	BF_FIELD(ROW, open),
	BF_FIELD(ROW, test),
	BF_FIELD(ROW, cause),
	BF_FIELD(ROW, from),
	BF_FIELD(ROW, to),
	BF_FIELD(ROW, has_first_frame),
	BF_FIELD(ROW, first_frame_us),
	BF_FIELD(ROW, first_frame_ms, .text_only = true),
	BF_FIELD(ROW, detect_us),
	BF_FIELD(ROW, detect_ms, .text_only = true),
	BF_FIELD(ROW, announcements),
	BF_FIELD(ROW, announced_ms),
	BF_FIELD(ROW, lost),
};

static const struct bf_table failover_table = BF_TABLE("failover", ROW, failover_fields,
	.head = "No    From                     To                       First frame  Known        "
		"Announced            Lost     Cause\n",
	.text = "{#has_title}{bond}:\n{/has_title}{seq:-5} {from:-24} {to:-24} "
		"{#has_first_frame}{first_frame_ms:9.3} ms {/has_first_frame}"
		"{^has_first_frame}{#open}waiting      {/open}{^open}no traffic   {/open}"
		"{/has_first_frame}{detect_ms:9.3} ms {announcements:6} in {announced_ms:7.1} ms "
		"{lost:-8} {cause}\n");

static void
gather_failover(const struct bf_uplink *u, const struct bf_failover *f, ROW *row)
{
	BF_ROW_TEXT(row->bond, u->name);
	row->seq = f->seq;
	row->time_ms = f->wall_ms;
	row->open = f->open;
	row->test = f->test;
	BF_ROW_TEXT(row->cause, f->cause);
	BF_ROW_TEXT(row->from, f->from);
	BF_ROW_TEXT(row->to, f->to);
	row->has_first_frame = f->has_first;
	row->first_frame_us = f->first_frame_us;
	row->first_frame_ms = f->first_frame_us / 1000;
	row->detect_us = f->detect_us;
	row->detect_ms = f->detect_us / 1000;
	row->announcements = f->announced;
	row->announced_ms = f->announced_ms;
	row->lost = f->lost;
}

static void
gather_failovers(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	bool has_titles = only == NULL && br->running->n_bonds > 1;
	const struct bf_failover *f;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_uplink *u = &br->up[k];

		if (only != NULL && strcmp(u->name, only) != 0)
			continue;
		for (unsigned int i = 0; (f = bf_failover_at(&u->failovers, i)) != NULL; i++) {
			ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

			gather_failover(u, f, row);
			row->has_title = has_titles && i == 0;
		}
	}
}

const struct bf_show bf_show_failovers = {.table = &failover_table, .gather = gather_failovers};

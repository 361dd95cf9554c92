/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show bonding probes: round trips by member and target.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct probe_row {
	const char *bond, *member, *target;
	uint64_t sent, answered;
	bool is_timed;
	double last_us, min_us, avg_us, max_us, jitter_us;
	struct bf_histogram round_trip;
};

#define ROW struct probe_row
#define TIMED BF_WHEN(ROW, is_timed)

static const struct bf_field probe_fields[] = {
	BF_FIELD(ROW, bond, .label = "bond"),
	BF_FIELD(ROW, member, .label = "member"),
	BF_FIELD(ROW, target, .label = "target"),
	BF_FIELD(ROW, sent,
		BF_COUNTER("bondfwd_probe_sent", NULL, "Probes sent to a target by a member.")),
	BF_FIELD(ROW, answered,
		BF_COUNTER("bondfwd_probe_answered", NULL, "Answers of a target to a member.")),
	BF_FIELD(ROW, last_us, TIMED),
	BF_FIELD(ROW, min_us, TIMED),
	BF_FIELD(ROW, avg_us, TIMED),
	BF_FIELD(ROW, max_us, TIMED),
	BF_FIELD(ROW, jitter_us, TIMED),
	BF_FIELD(ROW, round_trip,
		BF_HISTOGRAM("bondfwd_probe_round_trip", "seconds",
			"From a probe to its answer, with the time that bondfwd takes.")),
};

static const struct bf_table probe_table = BF_TABLE("probe", ROW, probe_fields,
	.head = "Member           Target                   Sent   Answered    Last us     Min us     Avg us"
		"     Max us  Jitter us\n",
	.text = "{member:-16} {target:-18} {sent:10} {answered:10} {#last_us}{last_us:10.0}"
		" {min_us:10.0} {avg_us:10.0} {max_us:10.0} {jitter_us:10.0}{/last_us}\n");

static void
gather_trips(const struct bf_uplink *u, const struct bf_member *m, uint32_t target,
	struct bf_snapshot *s)
{
	const struct bf_round_trips *t = &m->trips[target];
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	uint64_t timed = 0;

	for (unsigned int i = 0; i < BF_TRIP_BINS; i++)
		timed += t->bins[i];
	row->bond = bf_snapshot_copy(s, u->name);
	row->member = bf_snapshot_copy(s, m->name);
	row->target = bf_snapshot_copy(s, u->bond.cfg.probe_targets.text[target]);
	row->sent = t->sent;
	row->answered = t->answered;
	row->is_timed = timed > 0;
	row->last_us = t->last_us;
	row->min_us = t->min_us;
	row->avg_us = timed > 0 ? t->sum_us / (double)timed : 0;
	row->max_us = t->max_us;
	row->jitter_us = t->jitter_us;
	row->round_trip.upper = bf_trip_bin_s;
	row->round_trip.n_bins = BF_TRIP_BINS - 1;
	memcpy(row->round_trip.bins, t->bins, sizeof(t->bins));
	row->round_trip.count = timed;
	row->round_trip.sum = t->sum_us / 1e6;
}

static void
gather_probes(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_uplink *u = &br->up[k];

		if (u->name[0] == '\0' || !u->bond.open ||
			(only != NULL && strcmp(u->name, only) != 0))
			continue;
		for (unsigned int i = 0; i < u->bond.n_members; i++)
			for (uint32_t t = 0; t < u->bond.cfg.probe_targets.n; t++)
				gather_trips(u, &u->bond.members[i], t, s);
	}
}

const struct bf_show bf_show_probes = {
	.table = &probe_table, .gather = gather_probes, .metrics = true, .endpoint = "probes"};

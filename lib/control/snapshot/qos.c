/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show qos: rates, marks and filters of guests, and what they did; show qos map: classes and DSCPs.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "control/bridge.h"
#include "control/config/filter_text.h"
#include "control/observe/stats.h"
#include "control/snapshot/snapshot.h"

struct class_row {
	uint8_t class;
	uint64_t frames, bytes;
};

#define CLASS struct class_row

static const struct bf_field class_fields[] = {
	BF_FIELD(CLASS, class, .label = "class"),
	BF_FIELD(CLASS, frames,
		BF_COUNTER("bondfwd_class_frames", NULL,
			"Frames of a class that a guest sent or got.")),
	BF_FIELD(CLASS, bytes, BF_COUNTER("bondfwd_class", "bytes", "Bytes of these frames.")),
};

static const struct bf_table class_table = BF_TABLE("guest class", CLASS, class_fields,
	.text = "      class {class}  {frames:14} frames {bytes:16} bytes\n");

struct rule_row {
	uint16_t rule;
	const char *action;
	char class[4]; /* of mark */
	char name[BF_FILTER_NAME_MAX]; /* of count */
	char expression[BF_FILTER_TEXT_MAX];
	uint64_t frames, bytes;
};

#define RULE struct rule_row

static const struct bf_field rule_fields[] = {
	BF_FIELD(RULE, rule, .label = "rule"),
	BF_FIELD(RULE, action, .label = "action"),
	BF_FIELD(RULE, class),
	BF_FIELD(RULE, name, .label = "name"),
	BF_FIELD(RULE, expression),
	BF_FIELD(RULE, frames,
		BF_COUNTER("bondfwd_filter_frames", NULL, "Frames that a rule of a filter took.")),
	BF_FIELD(RULE, bytes, BF_COUNTER("bondfwd_filter", "bytes", "Bytes of these frames.")),
};

static const struct bf_table rule_table = BF_TABLE("guest filter rule", RULE, rule_fields,
	.text = "      {rule:2} {frames:14} frames  {action}{#class} {class}{/class}"
		"{#name} {name}{/name}{#expression} {expression}{/expression}\n");

struct dir_row {
	const char *direction;
	bool limited, by_bytes;
	char rate[96], peak[96], over[8];
	const char *mark, *unit;
	uint64_t passed, marked, dropped, waits, filtered;
	struct bf_rows classes, rules;
};

#define DIR struct dir_row

static const struct bf_field dir_fields[] = {
	BF_FIELD(DIR, direction, .label = "direction"),
	BF_FIELD(DIR, rate),
	BF_FIELD(DIR, peak),
	BF_FIELD(DIR, over),
	BF_FIELD(DIR, by_bytes),
	BF_FIELD(DIR, passed,
		BF_COUNTER("bondfwd_rate_passed", NULL,
			"Bytes within a guest's rate, or frames where that is in frames.")),
	BF_FIELD(DIR, marked,
		BF_COUNTER("bondfwd_rate_marked_frames", NULL,
			"Frames beyond a guest's rate that got another class.")),
	BF_FIELD(DIR, dropped,
		BF_COUNTER("bondfwd_rate_dropped_frames", NULL,
			"Frames that were dropped because they were beyond a guest's rate or peak.")),
	BF_FIELD(DIR, waits,
		BF_COUNTER("bondfwd_rate_waits", NULL,
			"Times that a guest's queue was not read because of its rate.")),
	BF_FIELD(DIR, filtered,
		BF_COUNTER("bondfwd_filter_dropped_frames", NULL,
			"Frames that a guest's filter dropped.")),
	BF_FIELD(DIR, mark),
	BF_FIELD(DIR, classes, .table = &class_table),
	BF_FIELD(DIR, rules, .table = &rule_table),
	BF_FIELD(DIR, limited, .text_only = true),
	BF_FIELD(DIR, unit, .text_only = true),
};

static const struct bf_table dir_table = BF_TABLE("guest direction", DIR, dir_fields,
	.text = "  {direction:-3} rate {rate}, peak {peak}, over {over}, mark {mark}\n"
		"{#limited}      passed {passed} {unit}, marked {marked} frames, dropped {dropped} frames, "
		"{waits} waits\n{/limited}"
		"{classes}{rules}");

struct qos_row {
	char name[BF_NAME_MAX];
	struct bf_rows directions;
};

static const struct bf_field qos_fields[] = {
	BF_FIELD(struct qos_row, name, .label = "port"),
	BF_FIELD(struct qos_row, directions, .table = &dir_table),
};

static const struct bf_table qos_table =
	BF_TABLE("qos", struct qos_row, qos_fields, .text = "{name}:\n{directions}");

static void
gather_classes(const struct bf_qos_counts *sum, unsigned int dir, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	for (unsigned int c = 0; c < BF_CLASSES; c++) {
		CLASS *row;

		if (sum->dir[dir].class_frames[c] == 0)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		row->class = (uint8_t)c;
		row->frames = sum->dir[dir].class_frames[c];
		row->bytes = sum->dir[dir].class_bytes[c];
	}
}

static void
gather_rules(const struct bf_guest *g, const struct bf_qos_counts *sum, unsigned int dir,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	struct bf_filter_line line[BF_FILTER_RULES];
	int n = g->cfg.filter[dir][0] == '\0'
		? 0
		: bf_filter_text_read("filter", g->cfg.filter[dir], line, NULL);

	for (int i = 0; i < n; i++) {
		RULE *row = bf_rows_add(s, rows, sizeof(*row));

		row->rule = (uint16_t)i;
		row->action = bf_filter_actions[line[i].action];
		if (line[i].action == BF_FILTER_MARK)
			snprintf(row->class, sizeof(row->class), "%u", line[i].class);
		BF_ROW_TEXT(row->name, line[i].name);
		BF_ROW_TEXT(row->expression, line[i].expression);
		row->frames = sum->dir[dir].rule_frames[i];
		row->bytes = sum->dir[dir].rule_bytes[i];
	}
}

static void
gather_dir(const struct bf_bridge *br, const struct bf_guest *g, enum bf_qos_dir dir, DIR *row,
	struct bf_snapshot *s)
{
	static const char *const marks[] = {
		"0", "1", "2", "3", "4", "5", "6", "7", "keep", "pcp", "dscp"};
	uint32_t over = g->cfg.over[dir];
	bool in = dir == BF_QOS_IN;
	struct bf_qos_counts sum;

	bf_qos_sum(&g->qos, &sum);
	row->direction = in ? "in" : "out";
	row->limited = !bf_rate_burst_is_off(&g->cfg.rate[dir]);
	row->by_bytes = g->cfg.rate[dir].rate.frames_per_s == 0;
	row->unit = row->by_bytes ? "bytes" : "frames";
	bf_rate_burst_print(&g->cfg.rate[dir], row->rate, sizeof(row->rate));
	bf_rate_burst_print(&g->cfg.peak[dir], row->peak, sizeof(row->peak));
	if (over < BF_CLASSES)
		snprintf(row->over, sizeof(row->over), "%u", over);
	else
		BF_ROW_TEXT(row->over, over == BF_GUEST_OVER_WAIT ? "wait" : "drop");
	row->mark = marks[g->cfg.mark[dir]];
	row->passed = sum.dir[dir].passed;
	row->marked = sum.dir[dir].over;
	row->waits = sum.dir[dir].waits;
	row->dropped = bf_stats_dropped(br, g->slot, in ? BF_DROP_RATE_IN : BF_DROP_RATE_OUT);
	row->filtered = bf_stats_dropped(br, g->slot, in ? BF_DROP_FILTER_IN : BF_DROP_FILTER_OUT);
	gather_classes(&sum, dir, &row->classes, s);
	gather_rules(g, &sum, dir, &row->rules, s);
}

static void
gather_qos(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];
		struct qos_row *row;

		if (g == NULL || (only != NULL && strcmp(g->cfg.name, only) != 0) ||
			(only == NULL && !g->qos.in_force))
			continue;
		row = bf_rows_add(s, &s->rows, sizeof(*row));
		BF_ROW_TEXT(row->name, g->cfg.name);
		for (unsigned int dir = 0; dir < BF_QOS_DIRS; dir++)
			gather_dir(br, g, (enum bf_qos_dir)dir,
				bf_rows_add(s, &row->directions, sizeof(DIR)), s);
	}
}

const struct bf_show bf_show_qos = {.table = &qos_table,
	.gather = gather_qos,
	.named_is_one = true,
	.metrics = true,
	.endpoint = "qos"};

struct map_row {
	uint8_t class;
	char dscps[160]; /* "0-7,46" */
	uint8_t dscp;
};

static const struct bf_field map_fields[] = {
	BF_FIELD(struct map_row, class),
	BF_FIELD(struct map_row, dscps),
	BF_FIELD(struct map_row, dscp),
};

static const struct bf_table map_table = BF_TABLE("qos map", struct map_row, map_fields,
	.head = "Class  DSCP written  DSCPs that are of it\n",
	.text = "{class:5}  {dscp:12}  {dscps}\n");

/* The DSCPs of a class, as ranges. */
static void
dscps_print(const struct bf_qos_map *map, unsigned int class, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int d = 0, end; d < BF_DSCPS; d = end) {
		char range[16];

		for (end = d + 1; end < BF_DSCPS && map->class_of[end] == map->class_of[d]; end++)
			;
		if (map->class_of[d] != class)
			continue;
		if (end == d + 1)
			snprintf(range, sizeof(range), "%u", d);
		else
			snprintf(range, sizeof(range), "%u-%u", d, end - 1);
		bf_words_add(buf, size, ",", range);
	}
}

static void
gather_map(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_qos_map *map = &br->running->qos_map;

	(void)only;
	for (unsigned int c = 0; c < BF_CLASSES; c++) {
		struct map_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

		row->class = (uint8_t)c;
		row->dscp = map->dscp_of[c];
		dscps_print(map, c, row->dscps, sizeof(row->dscps));
	}
}

const struct bf_show bf_show_qos_map = {
	.table = &map_table, .gather = gather_map, .endpoint = "qos/map"};

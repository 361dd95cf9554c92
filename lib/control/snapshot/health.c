/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show health: what an operator should look at.
 *
 * Threads: ctx control.
 */
#include "control/observe/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct finding_row {
	const char *level, *rule, *unit;
	char object[64];
	double value, limit;
	bool has_value, found;
	uint64_t for_s;
	char text[160];
};

#define ROW struct finding_row

static const struct bf_field finding_fields[] = {
	BF_FIELD(ROW, level, .label = "level"),
	BF_FIELD(ROW, rule, .label = "rule"),
	BF_FIELD(ROW, object, .label = "object"),
	BF_FIELD(ROW, found,
		BF_GAUGE("bondfwd_health_finding", NULL,
			"1 while a rule of show health finds something."),
		.text_only = true),
	BF_FIELD(ROW, value, BF_WHEN(ROW, has_value),
		BF_GAUGE("bondfwd_health_value", NULL,
			"What a rule with a limit has found, in the rule's unit.")),
	BF_FIELD(ROW, limit, BF_WHEN(ROW, has_value),
		BF_GAUGE("bondfwd_health_limit", NULL, "The limit of that rule.")),
	BF_FIELD(ROW, unit, BF_WHEN(ROW, has_value)),
	BF_FIELD(ROW, for_s),
	BF_FIELD(ROW, text),
};

static const struct bf_table finding_table = BF_TABLE("finding", ROW, finding_fields,
	.text = "{#.first}Level    Rule             Object               Seconds  What\n{/.first}"
		"{level:-8} {rule:-16} {object:-20} {for_s:7}  {text}\n");

struct state_row {
	const char *bond, *state;
	uint32_t number;
};

static const struct bf_field state_fields[] = {
	BF_FIELD(struct state_row, bond, .label = "bond"),
	BF_FIELD(struct state_row, state),
	BF_FIELD(struct state_row, number,
		BF_GAUGE("bondfwd_bond_state", NULL,
			"How redundant the bond is: 2 redundant, 1 degraded, 0 down."),
		.text_only = true),
};

static const struct bf_table state_table =
	BF_TABLE("bond state", struct state_row, state_fields, .text = "Bond {bond}: {state}\n");

struct health_row {
	const char *level;
	struct bf_rows bonds, findings;
	uint32_t more;
};

static const struct bf_field health_fields[] = {
	BF_FIELD(struct health_row, level),
	BF_FIELD(struct health_row, bonds, .table = &state_table, .apart = true),
	BF_FIELD(struct health_row, findings, .table = &finding_table, .apart = true),
	BF_FIELD(struct health_row, more),
};

static const struct bf_table health_table = BF_TABLE("health", struct health_row, health_fields,
	.text = "{bonds}{findings}{^findings}No rule has found anything.\n{/findings}"
		"{#more}... and {more} more\n{/more}");

static const char *
level_name(enum bf_log_level level)
{
	return level == BF_LOG_ERR ? "error" : level == BF_LOG_WARNING ? "warning" : "ok";
}

static void
gather_findings(const struct bf_health *h, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < h->now.n; i++) {
		const struct bf_finding *f = &h->now.list[i];
		const struct bf_health_rule_info *r = &bf_health_rules[f->rule];
		ROW *row = bf_rows_add(s, rows, sizeof(*row));

		row->level = level_name(r->level);
		row->rule = r->name;
		BF_ROW_TEXT(row->object, f->object);
		row->found = true;
		row->has_value = r->limit > 0;
		row->value = f->value;
		row->limit = r->limit;
		row->unit = r->unit;
		row->for_s = (bf_clock_ms() - f->since_ms) / 1000;
		BF_ROW_TEXT(row->text, f->text);
	}
}

static void
gather_states(const struct bf_bridge *br, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		enum bf_bond_state state = br->health.state[k];
		struct state_row *row;

		if (state == BF_BOND_NONE)
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		row->bond = bf_snapshot_copy(s, br->up[k].name);
		row->state = bf_bond_state_names[state];
		row->number = BF_BOND_DOWN - state;
	}
}

static void
gather_health(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct health_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

	(void)only;
	row->level = level_name(bf_health_level(&br->health));
	row->more = br->health.now.n_more;
	if (!s->in_full)
		return;
	gather_states(br, &row->bonds, s);
	gather_findings(&br->health, &row->findings, s);
}

static void
gather_findings_alone(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	gather_findings(&br->health, &s->rows, s);
}

static void
gather_states_alone(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	(void)only;
	gather_states(br, &s->rows, s);
}

const struct bf_show bf_show_health = {
	.table = &health_table, .gather = gather_health, .one = true, .endpoint = "health"};
const struct bf_show bf_show_findings = {.table = &finding_table,
	.gather = gather_findings_alone,
	.metrics = true,
	.endpoint = "findings"};
const struct bf_show bf_show_bond_states = {.table = &state_table,
	.gather = gather_states_alone,
	.metrics = true,
	.endpoint = "bond_states"};

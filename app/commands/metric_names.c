/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What there is in metrics: of each family its samples' name, and where the same figure stands in `bondctl -j show`
 * and telemetry.  Made from the tables, so it is complete without a running switch.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "commands/show.h"
#include "console/render.h"
#include "control/snapshot/snapshot.h"

#define DEPTH_MAX 4

struct name_row {
	char name[96], labels[128], field[96];
	const char *type, *unit, *help, *endpoint;
	bool has_field;
};

#define ROW struct name_row

static const struct bf_field name_fields[] = {
	BF_FIELD(ROW, name),
	BF_FIELD(ROW, type),
	BF_FIELD(ROW, unit),
	BF_FIELD(ROW, labels),
	BF_FIELD(ROW, help),
	BF_FIELD(ROW, endpoint),
	BF_FIELD(ROW, field, BF_WHEN(ROW, has_field)),
};

const struct bf_table bf_app_metric_name_table = BF_TABLE(
	"metric name", ROW, name_fields, .text = "{name:-46} {type:-9} {labels:-24} {help}\n");

/** The tables from that of a show to that of the field in hand. */
struct path {
	const struct bf_show *show;
	const struct bf_table *tables[DEPTH_MAX];
	const struct bf_field *way[DEPTH_MAX]; /* way[i] leads from tables[i] to tables[i + 1] */
	unsigned int depth;
};

static void
word_append(char *text, size_t size, const char *word, const char *between)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len > 0 ? between : "", word);
}

static bool
are_one_info(const struct bf_field *a, const struct bf_field *b)
{
	return a->kind == BF_METRIC_INFO && b->kind == BF_METRIC_INFO &&
		strcmp(a->metric, b->metric) == 0;
}

static void
labels_write(ROW *row, const struct path *p, const struct bf_field *f)
{
	for (unsigned int d = 0; d <= p->depth; d++) {
		const struct bf_table *t = p->tables[d];

		for (unsigned int i = 0; i < t->n_fields; i++) {
			const struct bf_field *other = &t->fields[i];

			if (other->label != NULL)
				word_append(row->labels, sizeof(row->labels), other->label, ",");
			else if (d == p->depth && other->metric != NULL && are_one_info(other, f))
				word_append(row->labels, sizeof(row->labels), other->name, ",");
		}
	}
	if (f->kind == BF_METRIC_HISTOGRAM)
		word_append(row->labels, sizeof(row->labels), "le", ",");
}

static void
family_add(struct bf_snapshot *s, const struct path *p, const struct bf_field *f)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

	bf_metric_name(f, row->name, sizeof(row->name));
	row->type = bf_metric_type(f);
	row->unit = f->unit;
	row->help = f->help;
	row->endpoint = p->show->endpoint;
	row->has_field = !f->text_only;
	for (unsigned int d = 0; d < p->depth; d++)
		word_append(row->field, sizeof(row->field), p->way[d]->name, ".");
	word_append(row->field, sizeof(row->field), f->name, ".");
	labels_write(row, p, f);
}

/* The fields of an info are one family. */
static bool
is_repeated(const struct bf_table *t, unsigned int i)
{
	for (unsigned int before = 0; before < i; before++)
		if (t->fields[before].metric != NULL &&
			are_one_info(&t->fields[before], &t->fields[i]))
			return true;
	return false;
}

static void
families_add(struct bf_snapshot *s, struct path *p)
{
	const struct bf_table *t = p->tables[p->depth];

	for (unsigned int i = 0; i < t->n_fields; i++) {
		const struct bf_field *f = &t->fields[i];

		if (f->metric != NULL && !is_repeated(t, i))
			family_add(s, p, f);
		if (f->table == NULL || f->apart || p->depth + 1 == DEPTH_MAX)
			continue;
		p->way[p->depth] = f;
		p->tables[++p->depth] = f->table;
		families_add(s, p);
		p->depth--;
	}
}

void
bf_app_metric_names(struct bf_cmd_ctx *ctx)
{
	struct bf_snapshot s = {.ret = 0};

	for (unsigned int i = 0; i < bf_n_shows; i++) {
		struct path p = {.show = bf_shows[i], .tables = {bf_shows[i]->table}};

		if (bf_shows[i]->metrics)
			families_add(&s, &p);
	}
	bf_app_render(ctx->out, &bf_app_metric_name_table, &s, false);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Metrics of rows: Prometheus' text format, OpenMetrics, JSON.
 *
 * The samples of a family stand together, so each field that is a metric goes once through all rows.
 *
 * Threads: none of its own.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "console/render_parts.h"

#define LABELS_MAX 8
#define DEPTH_MAX 4
#define NAME_SIZE 128

/** Labels of the sample in hand, those of the outer rows first. */
struct labels {
	unsigned int n;
	const char *name[LABELS_MAX];
	struct bf_value value[LABELS_MAX];
};

/** A family in hand: its field, and the lists and parts that lead to it. */
struct family {
	const struct bf_field *field;
	const struct bf_table *table; /* that the field is of */
	const struct bf_field *way[DEPTH_MAX];
	unsigned int depth;
	char name[NAME_SIZE]; /* without _total and _info */
	enum bf_metrics_form form;
	bool has_head;
	struct bf_out *out;
};

const char *
bf_metric_type(const struct bf_field *f)
{
	switch ((enum bf_metric_kind)f->kind) {
	case BF_METRIC_COUNTER:
		return "counter";
	case BF_METRIC_HISTOGRAM:
		return "histogram";
	case BF_METRIC_INFO:
	case BF_METRIC_GAUGE:
	case BF_METRIC_NONE:
		break;
	}
	return "gauge";
}

static const char *
type_name(const struct family *fam)
{
	bool is_info = fam->field->kind == BF_METRIC_INFO && fam->form == BF_METRICS_OPEN;

	return is_info ? "info" : bf_metric_type(fam->field);
}

static const char *
sample_suffix(const struct bf_field *f)
{
	return f->kind == BF_METRIC_COUNTER ? "_total" : f->kind == BF_METRIC_INFO ? "_info" : "";
}

/* Without the samples' suffix. */
static void
family_name(const struct bf_field *f, char *name, size_t size)
{
	snprintf(name, size, "%s%s%s", f->metric, f->unit != NULL ? "_" : "",
		f->unit != NULL ? f->unit : "");
}

void
bf_metric_name(const struct bf_field *f, char *name, size_t size)
{
	size_t len;

	family_name(f, name, size);
	len = strlen(name);
	snprintf(name + len, size - len, "%s", sample_suffix(f));
}

/* In OpenMetrics a family has its name without the samples' suffix. */
static void
write_head(struct family *fam)
{
	const struct bf_field *f = fam->field;
	const char *suffix = fam->form == BF_METRICS_OPEN ? "" : sample_suffix(f);

	if (fam->has_head)
		return;
	fam->has_head = true;
	bf_out_printf(fam->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", fam->name, suffix, f->help,
		fam->name, suffix, type_name(fam));
	if (fam->form == BF_METRICS_OPEN && f->unit != NULL)
		bf_out_printf(fam->out, "# UNIT %s %s\n", fam->name, f->unit);
}

/* A thousand guests are 30000 samples, and each has some pieces: bf_out_printf() would take most of the time. */
static void
write_text(const char *text, struct bf_out *out)
{
	bf_out_write(out, text, strlen(text));
}

static void
write_escaped(const char *text, struct bf_out *out)
{
	size_t plain = strcspn(text, "\n\"\\");

	bf_out_write(out, text, plain);
	for (text += plain; *text != '\0'; text += plain) {
		write_text(*text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\", out);
		plain = strcspn(++text, "\n\"\\");
		bf_out_write(out, text, plain);
	}
}

static void
write_labels(const struct labels *l, struct bf_out *out)
{
	for (unsigned int i = 0; i < l->n; i++) {
		write_text(i == 0 ? "{" : ",", out);
		write_text(l->name[i], out);
		write_text("=\"", out);
		write_escaped(l->value[i].text, out);
		write_text("\"", out);
	}
	write_text(l->n > 0 ? "} " : " ", out);
}

static void
write_number(const struct bf_value *v, struct bf_out *out)
{
	if (v->kind == BF_VALUE_UNSIGNED)
		bf_out_printf(out, "%" PRIu64 "\n", v->u);
	else if (v->kind == BF_VALUE_SIGNED)
		bf_out_printf(out, "%" PRId64 "\n", v->i);
	else if (v->kind == BF_VALUE_REAL && isnan(v->d))
		bf_out_printf(out, "NaN\n");
	else
		bf_out_printf(out, "%.15g\n", bf_value_number(v));
}

static void
write_json(const struct family *fam, const char *suffix, const struct labels *l,
	const struct bf_value *v)
{
	struct bf_out *out = fam->out;

	bf_out_obj_begin(out, NULL);
	bf_out_strf(out, "name", "%s%s", fam->name, suffix);
	bf_out_obj_begin(out, "labels");
	for (unsigned int i = 0; i < l->n; i++)
		bf_out_str(out, l->name[i], l->value[i].text);
	bf_out_obj_end(out);
	bf_out_f64(out, "value", bf_value_number(v));
	bf_out_obj_end(out);
}

static void
write_sample(struct family *fam, const char *suffix, const struct labels *l, struct bf_value *v)
{
	if (bf_out_is_json(fam->out)) {
		write_json(fam, suffix, l, v);
		return;
	}
	write_head(fam);
	write_text(fam->name, fam->out);
	write_text(suffix, fam->out);
	write_labels(l, fam->out);
	write_number(v, fam->out);
}

/* A label's value as text. */
static void
add_label(struct labels *l, const char *name, const struct bf_value *v)
{
	struct bf_value *to;

	if (l->n == LABELS_MAX)
		return;
	l->name[l->n] = name;
	to = &l->value[l->n++];
	*to = *v;
	if (v->kind == BF_VALUE_UNSIGNED)
		snprintf(to->buf, sizeof(to->buf), "%" PRIu64, v->u);
	else if (v->kind == BF_VALUE_SIGNED)
		snprintf(to->buf, sizeof(to->buf), "%" PRId64, v->i);
	else if (v->kind == BF_VALUE_BOOL)
		snprintf(to->buf, sizeof(to->buf), "%s", v->b ? "true" : "false");
	if (v->kind != BF_VALUE_TEXT || v->text == v->buf)
		to->text = to->buf;
}

/* The upper end of a bin; in OpenMetrics 1 is 1.0. */
static void
add_le(const struct family *fam, struct labels *l, double upper)
{
	struct bf_value v = {.kind = BF_VALUE_TEXT, .text = v.buf};

	if (isinf(upper))
		snprintf(v.buf, sizeof(v.buf), "+Inf");
	else
		snprintf(v.buf, sizeof(v.buf), "%g", upper);
	if (fam->form == BF_METRICS_OPEN && strspn(v.buf, "0123456789") == strlen(v.buf))
		snprintf(v.buf + strlen(v.buf), sizeof(v.buf) - strlen(v.buf), ".0");
	add_label(l, "le", &v);
}

static void
write_histogram(struct family *fam, const struct bf_histogram *h, struct labels *l)
{
	struct bf_value v = {.kind = BF_VALUE_UNSIGNED};
	unsigned int n = l->n;

	for (uint32_t i = 0; i <= h->n_bins; i++) {
		v.u = i < h->n_bins ? v.u + h->bins[i] : h->count;
		add_le(fam, l, i < h->n_bins ? h->upper[i] : INFINITY);
		write_sample(fam, "_bucket", l, &v);
		l->n = n;
	}
	v.u = h->count;
	write_sample(fam, "_count", l, &v);
	v = (struct bf_value){.kind = BF_VALUE_REAL, .d = h->sum};
	write_sample(fam, "_sum", l, &v);
}

static bool
are_one_info(const struct bf_field *a, const struct bf_field *b)
{
	return a->kind == BF_METRIC_INFO && b->kind == BF_METRIC_INFO && a->metric != NULL &&
		b->metric != NULL && strcmp(a->metric, b->metric) == 0;
}

/* One sample whose labels are all fields of the metric. */
static void
write_info(struct family *fam, const void *row, struct labels *l)
{
	struct bf_value one = {.kind = BF_VALUE_UNSIGNED, .u = 1}, v;
	unsigned int n = l->n;

	for (unsigned int i = 0; i < fam->table->n_fields; i++) {
		const struct bf_field *f = &fam->table->fields[i];

		if (!are_one_info(f, fam->field))
			continue;
		bf_value_of(f, row, &v);
		add_label(l, f->name, &v);
	}
	write_sample(fam, sample_suffix(fam->field), l, &one);
	l->n = n;
}

static void
write_samples(struct family *fam, const void *row, struct labels *l)
{
	const struct bf_field *f = fam->field;
	struct bf_value v;

	if (!bf_field_is_there(f, row))
		return;
	bf_value_of(f, row, &v);
	if (f->kind == BF_METRIC_HISTOGRAM)
		write_histogram(fam, (const void *)((const char *)row + f->offset), l);
	else if (f->kind == BF_METRIC_INFO)
		write_info(fam, row, l);
	else
		write_sample(fam, sample_suffix(f), l, &v);
}

static void
write_row(struct family *fam, unsigned int depth, const struct bf_table *t, const void *row,
	struct labels *l)
{
	const struct bf_field *to = depth < fam->depth ? fam->way[depth] : NULL;
	unsigned int n = l->n;
	struct bf_value v;

	for (unsigned int i = 0; i < t->n_fields; i++) {
		if (t->fields[i].label == NULL)
			continue;
		bf_value_of(&t->fields[i], row, &v);
		add_label(l, t->fields[i].label, &v);
	}
	if (to == NULL) {
		write_samples(fam, row, l);
	} else if (bf_field_is_there(to, row)) {
		const void *at = (const char *)row + to->offset;
		const struct bf_rows *rows = at;

		if (to->type == BF_FIELD_PART)
			write_row(fam, depth + 1, to->table, at, l);
		for (uint32_t i = 0; to->type == BF_FIELD_ROWS && i < rows->n; i++)
			write_row(fam, depth + 1, to->table,
				bf_rows_at(rows, i, to->table->row_size), l);
	}
	l->n = n;
}

/* An info has several fields: its first one stands for all. */
static bool
is_first(const struct bf_table *t, const struct bf_field *f)
{
	for (const struct bf_field *before = t->fields; before < f; before++)
		if (are_one_info(before, f))
			return false;
	return true;
}

static void
write_family(struct family *fam, const struct bf_shown *s, const struct bf_field *f)
{
	struct labels l = {.n = 0};

	fam->field = f;
	fam->has_head = false;
	family_name(f, fam->name, sizeof(fam->name));
	for (uint32_t i = 0; i < s->rows->n; i++)
		write_row(fam, 0, s->table, bf_rows_at(s->rows, i, s->table->row_size), &l);
}

/* The families of a table, and of those below it that have no place of their own. */
static void
write_table(struct family *fam, const struct bf_shown *s, const struct bf_table *t)
{
	for (unsigned int i = 0; i < t->n_fields; i++) {
		const struct bf_field *f = &t->fields[i];

		fam->table = t;
		if (f->metric != NULL && is_first(t, f))
			write_family(fam, s, f);
		if (f->table == NULL || f->apart || fam->depth == DEPTH_MAX)
			continue;
		fam->way[fam->depth++] = f;
		write_table(fam, s, f->table);
		fam->depth--;
	}
}

void
bf_render_metrics(
	const struct bf_shown *shown, unsigned int n, enum bf_metrics_form form, struct bf_out *out)
{
	struct family fam = {.form = form, .out = out};

	bf_out_arr_begin(out, NULL);
	for (unsigned int i = 0; i < n; i++)
		write_table(&fam, &shown[i], shown[i].table);
	bf_out_arr_end(out);
	if (form == BF_METRICS_OPEN)
		bf_out_printf(out, "# EOF\n");
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows as JSON.
 *
 * Threads: none of its own.
 */
#include <stdio.h>

#include "console/render_parts.h"

static void write_rows(
	const struct bf_table *t, const struct bf_rows *rows, const char *key, struct bf_out *out);

static void
write_value(const struct bf_value *v, const char *key, struct bf_out *out)
{
	switch (v->kind) {
	case BF_VALUE_UNSIGNED:
		bf_out_u64(out, key, v->u);
		break;
	case BF_VALUE_SIGNED:
		bf_out_i64(out, key, v->i);
		break;
	case BF_VALUE_REAL:
		bf_out_f64(out, key, v->d);
		break;
	case BF_VALUE_BOOL:
		bf_out_bool(out, key, v->b);
		break;
	case BF_VALUE_TEXT:
		bf_out_str(out, key, v->text);
		break;
	case BF_VALUE_NONE:
		bf_out_null(out, key);
		break;
	}
}

static void
write_histogram(const struct bf_histogram *h, const char *key, struct bf_out *out)
{
	uint64_t below = 0;
	char le[BF_LE_SIZE];

	bf_out_obj_begin(out, key);
	bf_out_u64(out, "count", h->count);
	bf_out_f64(out, "sum", h->sum);
	bf_out_obj_begin(out, "at_most");
	for (uint32_t i = 0; i < h->n_bins; i++) {
		below += h->bins[i];
		snprintf(le, sizeof(le), "%g", h->upper[i]);
		bf_out_u64(out, le, below);
	}
	bf_out_obj_end(out);
	bf_out_obj_end(out);
}

static void
write_row(const struct bf_table *t, const void *row, const char *key, struct bf_out *out)
{
	bf_out_obj_begin(out, key);
	for (unsigned int i = 0; i < t->n_fields; i++) {
		const struct bf_field *f = &t->fields[i];
		const void *at = (const char *)row + f->offset;
		struct bf_value v;

		if (f->text_only || !bf_field_is_there(f, row))
			continue;
		bf_value_of(f, row, &v);
		if (f->type == BF_FIELD_ROWS)
			write_rows(f->table, at, f->name, out);
		else if (f->type == BF_FIELD_PART)
			write_row(f->table, at, f->name, out);
		else if (f->type == BF_FIELD_HISTOGRAM)
			write_histogram(at, f->name, out);
		else
			write_value(&v, f->name, out);
	}
	bf_out_obj_end(out);
}

/* A row of a map or of a list of values. */
static void
write_flat(const struct bf_table *t, const void *row, struct bf_out *out)
{
	struct bf_value key, v;

	bf_value_of(&t->fields[0], row, &key);
	if (t->shape == BF_SHAPE_VALUES) {
		write_value(&key, NULL, out);
		return;
	}
	bf_value_of(&t->fields[1], row, &v);
	write_value(&v, key.text == NULL ? "" : key.text, out);
}

static void
write_rows(
	const struct bf_table *t, const struct bf_rows *rows, const char *key, struct bf_out *out)
{
	bool is_map = t->shape == BF_SHAPE_MAP;

	if (is_map)
		bf_out_obj_begin(out, key);
	else
		bf_out_arr_begin(out, key);
	for (uint32_t i = 0; i < rows->n; i++) {
		const void *row = bf_rows_at(rows, i, t->row_size);

		if (t->shape == BF_SHAPE_OBJECTS)
			write_row(t, row, NULL, out);
		else
			write_flat(t, row, out);
	}
	if (is_map)
		bf_out_obj_end(out);
	else
		bf_out_arr_end(out);
}

void
bf_render_json(const struct bf_table *t, const struct bf_rows *rows, bool one, struct bf_out *out)
{
	if (!one)
		write_rows(t, rows, NULL, out);
	else if (rows->n > 0)
		write_row(t, rows->at, NULL, out);
}

void
bf_render(const struct bf_table *t, const struct bf_rows *rows, bool one, struct bf_out *out)
{
	if (bf_out_is_json(out))
		bf_render_json(t, rows, one, out);
	else
		bf_render_text(t, rows, out);
}

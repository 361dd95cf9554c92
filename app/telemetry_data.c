/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows for telemetry.
 *
 * The library leaves out without a word what does not fit into its answer of 16 KiB, so we count ourselves: a row is
 * as long as our JSON of it, which has the same fields and wider separators.
 *
 * Threads: any.
 */
#include "telemetry_data.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/render.h"
#include "control/compat.h"

#define ANSWER_MAX 15000 /* bytes; the rest is for the command's name and what is around */
#define NAME_SIZE 64

static struct rte_tel_data *make_row(const struct bf_table *t, const void *row);

/* Names of the library's have letters, digits, _ and /. */
static void
clean_name(const char *name, char buf[NAME_SIZE])
{
	snprintf(buf, NAME_SIZE, "%s", name);
	for (char *p = buf; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '/')
			*p = '_';
}

static void
add_value(struct rte_tel_data *d, const char *name, const struct bf_value *v)
{
	char text[32];

	switch (v->kind) {
	case BF_VALUE_UNSIGNED:
		rte_tel_data_add_dict_uint(d, name, v->u);
		break;
	case BF_VALUE_SIGNED:
		if (v->i >= 0)
			rte_tel_data_add_dict_uint(d, name, (uint64_t)v->i);
		else
			rte_tel_data_add_dict_int(d, name, (int)v->i);
		break;
	case BF_VALUE_BOOL:
		rte_tel_data_add_dict_int(d, name, v->b);
		break;
	case BF_VALUE_REAL:
		snprintf(text, sizeof(text), "%.12g", v->d);
		rte_tel_data_add_dict_string(d, name, text);
		break;
	case BF_VALUE_TEXT:
	case BF_VALUE_NONE:
		rte_tel_data_add_dict_string(d, name, v->text == NULL ? "" : v->text);
		break;
	}
}

/* @p inner is given away, NULL: there was no memory for it. */
static int
add_inner(struct rte_tel_data *d, const char *name, struct rte_tel_data *inner)
{
	int ret = inner == NULL ? -ENOMEM : rte_tel_data_add_dict_container(d, name, inner, 0);

	if (ret < 0)
		rte_tel_data_free(inner);
	return ret < 0 ? ret : 0;
}

/* A row of a list: a value under its number, a pair of a map, or a dictionary under its number. */
static int
add_row(struct rte_tel_data *d, const struct bf_table *t, const void *row, uint32_t i)
{
	struct bf_value key, v;
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%u", i);
	bf_value_of(&t->fields[0], row, &key);
	if (t->shape == BF_SHAPE_VALUES) {
		add_value(d, name, &key);
		return 0;
	}
	if (t->shape == BF_SHAPE_MAP) {
		clean_name(key.text == NULL ? "" : key.text, name);
		bf_value_of(&t->fields[1], row, &v);
		add_value(d, name, &v);
		return 0;
	}
	return add_inner(d, name, make_row(t, row));
}

/* A list as a dictionary, as much of it as that takes. @return NULL when out of memory */
static struct rte_tel_data *
make_list(const struct bf_table *t, const struct bf_rows *rows)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d == NULL)
		return NULL;
	rte_tel_data_start_dict(d);
	for (uint32_t i = 0; i < rows->n && i < RTE_TEL_MAX_DICT_ENTRIES; i++)
		if (add_row(d, t, bf_rows_at(rows, i, t->row_size), i) != 0)
			break;
	return d;
}

static int
add_below(struct rte_tel_data *d, const struct bf_field *f, const void *row)
{
	const void *at = (const char *)row + f->offset;
	const struct bf_rows *rows = at;

	if (f->type == BF_FIELD_ROWS && rows->n == 0)
		return 0;
	return add_inner(d, f->name,
		f->type == BF_FIELD_ROWS ? make_list(f->table, rows) : make_row(f->table, at));
}

static void
add_histogram(struct rte_tel_data *d, const char *name, const struct bf_histogram *h)
{
	struct bf_value v = {.kind = BF_VALUE_UNSIGNED, .u = h->count};
	char of[NAME_SIZE];

	snprintf(of, sizeof(of), "%.50s_count", name);
	add_value(d, of, &v);
	v = (struct bf_value){.kind = BF_VALUE_REAL, .d = h->sum};
	snprintf(of, sizeof(of), "%.50s_sum", name);
	add_value(d, of, &v);
}

static int
fill_row(struct rte_tel_data *d, const struct bf_table *t, const void *row)
{
	int ret = 0;

	rte_tel_data_start_dict(d);
	for (unsigned int i = 0; i < t->n_fields && ret == 0; i++) {
		const struct bf_field *f = &t->fields[i];
		struct bf_value v;

		if (f->text_only || f->apart || !bf_field_is_there(f, row))
			continue;
		bf_value_of(f, row, &v);
		if (f->table != NULL)
			ret = add_below(d, f, row);
		else if (f->type == BF_FIELD_HISTOGRAM)
			add_histogram(d, f->name, (const void *)((const char *)row + f->offset));
		else
			add_value(d, f->name, &v);
	}
	return ret;
}

/* A row by itself. @return NULL when out of memory */
static struct rte_tel_data *
make_row(const struct bf_table *t, const void *row)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (d != NULL && fill_row(d, t, row) != 0) {
		rte_tel_data_free(d);
		return NULL;
	}
	return d;
}

static size_t
length_of(const struct bf_table *t, void *row, struct bf_out *out)
{
	struct bf_rows rows = {row, 1, 1};
	size_t len;

	bf_out_reset(out);
	bf_render(t, &rows, true, out);
	bf_out_data(out, &len);
	return len;
}

/* As many rows as fit, each under its number. */
static int
fill_rows(struct rte_tel_data *d, const struct bf_table *t, const struct bf_rows *rows,
	uint32_t from, struct bf_out *out)
{
	size_t len = 0;
	char more[16];
	int ret = 0;

	for (uint32_t i = from; i < rows->n && ret == 0; i++) {
		void *row = bf_rows_at(rows, i, t->row_size);

		len += length_of(t, row, out);
		if (i > from && (len > ANSWER_MAX || i - from == RTE_TEL_MAX_DICT_ENTRIES - 1)) {
			snprintf(more, sizeof(more), "+%u", i);
			ret = rte_tel_data_add_dict_string(d, "more", more);
			return ret < 0 ? ret : 1;
		}
		ret = add_row(d, t, row, i);
	}
	return ret;
}

int
bf_telemetry_fill(struct rte_tel_data *d, const struct bf_table *t, const struct bf_rows *rows,
	bool one, uint32_t from)
{
	struct bf_out *out;
	int ret;

	rte_tel_data_start_dict(d);
	if (one)
		return rows->n == 0 ? 0 : fill_row(d, t, rows->at);
	out = bf_out_create(BF_OUT_JSON, 0);
	if (out == NULL)
		return -ENOMEM;
	ret = fill_rows(d, t, rows, from, out);
	bf_out_destroy(out);
	return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows of tables (base/table.h) as text, JSON and OpenMetrics.
 *
 * Threads: none of its own; ctx control in bondfwd, bf_value_of() any.
 */

#ifndef BF_CONSOLE_RENDER_H
#define BF_CONSOLE_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/table.h"
#include "console/out.h"

/** What a field of a row holds; lists and parts have no value. */
enum bf_value_kind {
	BF_VALUE_NONE, /* null, or no value at all */
	BF_VALUE_UNSIGNED,
	BF_VALUE_SIGNED,
	BF_VALUE_REAL,
	BF_VALUE_BOOL,
	BF_VALUE_TEXT,
};

struct bf_value {
	enum bf_value_kind kind;
	uint64_t u;
	int64_t i;
	double d;
	bool b;
	const char *text; /* in the row, or in buf */
	char buf[24];
};

/** ctx any. */
void bf_value_of(const struct bf_field *f, const void *row, struct bf_value *v);

/** A number of any kind, bool as 0 or 1; 0 for a text.  ctx any. */
double bf_value_number(const struct bf_value *v);

/** Is the field there, in this row?  ctx any. */
bool bf_field_is_there(const struct bf_field *f, const void *row);

/** Field of a name, or NULL.  ctx any. */
const struct bf_field *bf_table_field(const struct bf_table *t, const char *name, size_t len);

/**
 * Write rows into an output, in its format.
 *
 * @param one
 *   JSON is the first row instead of an array; text is the same.
 */
void bf_render(const struct bf_table *t, const struct bf_rows *rows, bool one, struct bf_out *out);

/** A table with its rows, for metrics. */
struct bf_shown {
	const struct bf_table *table;
	const struct bf_rows *rows;
};

/** The two forms of metrics in text; in JSON they are the same. */
enum bf_metrics_form {
	BF_METRICS_PROMETHEUS, /* text format 0.0.4: node_exporter, promtool */
	BF_METRICS_OPEN, /* OpenMetrics 1.0 */
};

/** The name of a metric's samples, without _bucket, _sum and _count of a histogram.  ctx any. */
void bf_metric_name(const struct bf_field *f, char *name, size_t size);

/** Its type, in the words of Prometheus' text format.  ctx any. */
const char *bf_metric_type(const struct bf_field *f);

/**
 * Write the metrics of tables: text, or a JSON array of samples.
 *
 * A family is written where its first sample is; one without samples is left out.
 */
void bf_render_metrics(const struct bf_shown *shown, unsigned int n, enum bf_metrics_form form,
	struct bf_out *out);

/**
 * Is a table, with those below it, well made: names, templates, metrics?  For tests.
 *
 * @return
 *   0, or -EINVAL with the table, what is wrong and what was expected.
 */
int bf_table_check(const struct bf_table *t, struct bf_err *err);

#endif

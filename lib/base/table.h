/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is shown, as tables: a row is a plain struct, a field says what stands where in it.  Text, JSON,
 * OpenMetrics and DPDK's telemetry are made from the same rows by the same fields (console/render.h).
 *
 * Theory of operation.  Whoever shows something fills rows from the live state, in one go and in the
 * control loop (control/snapshot); from then on nothing refers to the live state.  A field has one
 * name: it is the key in JSON and telemetry and the word in templates.  A row that is a list of rows
 * holds a struct bf_rows, one that is part of a row is a struct in it; both have a table of their own.
 *
 * Templates (text of a row):
 *
 *   {name}  {name:-10}  {name:9.3}   the value; behind the colon width, digits behind the point and x
 *                                    as in printf; a list or a part is shown by its own templates
 *   {#name}...{/name}                once per row of a list; of a part, if it is there; of a value, if it
 *                                    is neither 0 nor "" nor false
 *   {^name}...{/name}                if that is not so, or the list is empty
 *   {list.n}                         number of rows
 *   {.first}                         true in the first row of a list, and in `each` in the first field
 *   {.}                              the first field of the row
 *   {.name} {.value} {.help}         in `each`: of the field in hand
 *
 * A name that the row has not is looked for in the row around it.
 *
 * Threads: any (types); a snapshot belongs to one thread at a time.
 */
#ifndef BF_BASE_TABLE_H
#define BF_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_ROW_MAX 8192 /* bytes of a row at most */
#define BF_HISTOGRAM_BINS 16

/** Rows of one table; zero is empty. */
struct bf_rows {
	void *at;
	uint32_t n, room;
};

/** How often a value was at most so much. */
struct bf_histogram {
	const double *upper; /* ends of the bins, ascending; the last bin has none */
	uint64_t bins[BF_HISTOGRAM_BINS]; /* each by itself */
	uint32_t n_bins; /* those with an upper end */
	uint64_t count;
	double sum;
};

enum bf_field_type {
	BF_FIELD_U64,
	BF_FIELD_U32,
	BF_FIELD_U16,
	BF_FIELD_U8,
	BF_FIELD_I64,
	BF_FIELD_INT,
	BF_FIELD_F64,
	BF_FIELD_BOOL,
	BF_FIELD_TEXT, /* const char *, which outlives the snapshot; NULL is null in JSON */
	BF_FIELD_CHARS, /* char[] */
	BF_FIELD_MAC, /* uint8_t[6] */
	BF_FIELD_HISTOGRAM,
	BF_FIELD_ROWS, /* struct bf_rows of `table` */
	BF_FIELD_PART, /* a struct that is a row of `table` */
	BF_FIELD_TYPE_COUNT,
};

enum bf_metric_kind {
	BF_METRIC_NONE,
	BF_METRIC_COUNTER,
	BF_METRIC_GAUGE,
	BF_METRIC_HISTOGRAM,
	BF_METRIC_INFO, /* the texts of all fields with this `metric` are labels of one sample */
};

/** What a list is in JSON. */
enum bf_shape {
	BF_SHAPE_OBJECTS, /* an array of objects */
	BF_SHAPE_MAP, /* an object: first field the name, second the value */
	BF_SHAPE_VALUES, /* an array of the first field's values */
};

struct bf_table;

struct bf_field {
	const char *name;
	const char *metric; /* without unit, _total and _info; NULL: none */
	const char *unit; /* "bytes", "seconds": the end of the metric's name; NULL */
	const char *help; /* of a metric, one sentence */
	const char *
		label; /* metrics of the row and of what is below it carry the value as this label */
	const struct bf_table *table;
	uint16_t offset;
	uint16_t
		when; /* offset + 1 of the bool without which the field is not there; 0: always there */
	uint8_t type; /* enum bf_field_type */
	uint8_t kind; /* enum bf_metric_kind */
	bool hex; /* text 0x... also in JSON */
	bool text_only; /* for templates; another field has it in JSON and metrics */
	bool apart; /* a list that is gathered in full only: metrics and telemetry have a table of its own */
};

struct bf_table {
	const char *name; /* what its rows are; unique among the tables of metrics */
	const struct bf_field *fields;
	uint16_t n_fields;
	uint16_t row_size;
	uint8_t shape; /* enum bf_shape */
	const char *head; /* text in front of the rows; NULL */
	const char *text; /* of a row; NULL */
	const char *each; /* of each field that is there, behind that; NULL */
};

#define BF_FIELD_TYPE_OF(what) \
	_Generic((what), uint64_t : BF_FIELD_U64, uint32_t : BF_FIELD_U32, uint16_t : BF_FIELD_U16, \
		uint8_t : BF_FIELD_U8, int64_t : BF_FIELD_I64, int : BF_FIELD_INT, \
		double : BF_FIELD_F64, bool : BF_FIELD_BOOL, const char * : BF_FIELD_TEXT, \
		char * : BF_FIELD_CHARS, uint8_t * : BF_FIELD_MAC, \
		struct bf_histogram : BF_FIELD_HISTOGRAM, struct bf_rows : BF_FIELD_ROWS, \
		default : BF_FIELD_PART)

/** A field whose name is the member's: BF_FIELD(struct guest_row, rx_frames, .text_only = true). */
#define BF_FIELD(row, member, ...) BF_FIELD_AS(row, member, #member, ##__VA_ARGS__)
/** The same under another name. */
#define BF_FIELD_AS(row, member, as, ...) \
	{ \
		.name = (as), .type = BF_FIELD_TYPE_OF(((row *)0)->member), \
		.offset = offsetof(row, member), ##__VA_ARGS__ \
	}
/** For the end of a field: it is there only while the bool @p flag of the row is set. */
#define BF_WHEN(row, flag) .when = (offsetof(row, flag) + 1)
/** For the end of a field: a metric of it. @p unit_ may be NULL */
#define BF_COUNTER(metric_, unit_, help_) \
	.metric = (metric_), .unit = (unit_), .help = (help_), .kind = BF_METRIC_COUNTER
#define BF_GAUGE(metric_, unit_, help_) \
	.metric = (metric_), .unit = (unit_), .help = (help_), .kind = BF_METRIC_GAUGE
#define BF_INFO(metric_, help_) .metric = (metric_), .help = (help_), .kind = BF_METRIC_INFO
#define BF_HISTOGRAM(metric_, unit_, help_) \
	.metric = (metric_), .unit = (unit_), .help = (help_), .kind = BF_METRIC_HISTOGRAM

/** A table of rows of this struct; shape and templates follow as designated initialisers. */
#define BF_TABLE(name_, row, fields_, ...) \
	{ \
		.name = (name_), .fields = (fields_), \
		.n_fields = sizeof(fields_) / sizeof((fields_)[0]), .row_size = sizeof(row), \
		##__VA_ARGS__ \
	}

/** Row @p i. */
static inline void *
bf_rows_at(const struct bf_rows *r, uint32_t i, size_t row_size)
{
	return (char *)r->at + i * row_size;
}

/** Rows with the memory that they and all that they refer to lie in. */
struct bf_snapshot {
	struct bf_rows rows;
	bool is_short; /* memory was: rows are added nowhere from then on */
	bool in_full; /* asked for: also what costs system calls or much room */
	int ret; /* 0, or -errno: something could not be read, err says what; the rest is good */
	struct bf_err err;
	struct bf_snapshot_block *blocks;
};

/** Empty: zero is a snapshot too. */
void bf_snapshot_fini(struct bf_snapshot *s);

/**
 * Add a row to @p rows, all zero.
 *
 * @return
 *   The row, valid until the next one is added to the same rows.  Never NULL: when memory is short it
 *   is one that nobody shows, and @p s fails with ENOMEM.
 */
void *bf_rows_add(struct bf_snapshot *s, struct bf_rows *rows, size_t row_size);

/** A copy of a text that lives as long as @p s; "" when memory is short, and @p s fails. */
const char *bf_snapshot_copy(struct bf_snapshot *s, const char *text);

/** Note what could not be read; the first one counts. */
void bf_snapshot_fail(struct bf_snapshot *s, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Copy a text into an array of a row. */
#define BF_ROW_TEXT(to, from) ((void)snprintf((to), sizeof(to), "%s", (from)))

#endif

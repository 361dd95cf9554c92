/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Output of a console command, collected in memory.
 *
 * Two growing buffers: `data` takes what the command writes and is bounded; `errors` takes one
 * line per error.  bf_out_data() joins them.  After a failure (no memory, over the bound, wrong
 * nesting) writes are ignored and the output ends as that error.
 *
 * Threads: none of its own.
 */

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "console/buffer.h"
#include "console/out.h"

/* Bytes of errors that are kept; what comes later still counts as a failure. */
#define ERRORS_MAX ((size_t)256 << 10)

#define ERROR_LINE_MAX 4096

/* A reset gives memory back above this. */
#define KEEP_MAX ((size_t)1 << 20)

struct level {
	/* '{' or '[' */
	char kind;
	bool has_items;
};

struct bf_out {
	enum bf_out_format format;
	enum bf_out_status status;
	size_t max_size;
	struct bf_buffer data;
	struct bf_buffer errors;
	unsigned int n_errors;
	struct level levels[BF_OUT_DEPTH_MAX];
	unsigned int depth;
	bool has_top;
	/* The output is lost for one of these reasons. */
	bool is_oversize;
	bool is_nomem;
	bool is_unbalanced;
	bool is_finished;
};

static bool
is_lost(const struct bf_out *out)
{
	return out->is_oversize || out->is_nomem || out->is_unbalanced || out->is_finished;
}

static void
out_fail(struct bf_out *out, bool *reason)
{
	*reason = true;
	if (out->status < BF_OUT_FAILED)
		out->status = BF_OUT_FAILED;
}

static void
out_add(struct bf_out *out, const char *data, size_t len)
{
	if (is_lost(out))
		return;
	if (len > out->max_size - out->data.len)
		out_fail(out, &out->is_oversize);
	else if (!bf_buffer_add(&out->data, data, len))
		out_fail(out, &out->is_nomem);
}

static void
add_text(struct bf_out *out, const char *text)
{
	out_add(out, text, strlen(text));
}

struct bf_out *
bf_out_create(enum bf_out_format format, size_t max_size)
{
	struct bf_out *out = calloc(1, sizeof(*out));

	if (out == NULL)
		return NULL;
	out->format = format;
	out->max_size = max_size == 0 ? BF_OUT_MAX_DEFAULT : max_size;
	return out;
}

void
bf_out_destroy(struct bf_out *out)
{
	if (out == NULL)
		return;
	free(out->data.data);
	free(out->errors.data);
	free(out);
}

void
bf_out_reset(struct bf_out *out)
{
	bf_buffer_reset(&out->data, KEEP_MAX);
	bf_buffer_reset(&out->errors, KEEP_MAX);
	out->n_errors = 0;
	out->status = BF_OUT_OK;
	out->depth = 0;
	out->has_top = false;
	out->is_oversize = false;
	out->is_nomem = false;
	out->is_unbalanced = false;
	out->is_finished = false;
}

bool
bf_out_is_json(const struct bf_out *out)
{
	return out->format == BF_OUT_JSON;
}

enum bf_out_status
bf_out_status(const struct bf_out *out)
{
	return out->status;
}

enum bf_out_status
bf_out_swap_status(struct bf_out *out, enum bf_out_status status)
{
	enum bf_out_status before = out->status;

	out->status = status;
	return before;
}

void
bf_out_write(struct bf_out *out, const char *data, size_t len)
{
	if (out->format == BF_OUT_TEXT)
		out_add(out, data, len);
}

void
bf_out_printf(struct bf_out *out, const char *fmt, ...)
{
	char small[512];
	char *big;
	va_list ap;
	int len;

	if (out->format != BF_OUT_TEXT || is_lost(out))
		return;
	va_start(ap, fmt);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (len < 0) {
		out_fail(out, &out->is_nomem);
		return;
	}
	if ((size_t)len < sizeof(small)) {
		out_add(out, small, (size_t)len);
		return;
	}
	va_start(ap, fmt);
	len = vasprintf(&big, fmt, ap);
	va_end(ap);
	if (len < 0) {
		out_fail(out, &out->is_nomem);
		return;
	}
	out_add(out, big, (size_t)len);
	free(big);
}

static void
add_escape(struct bf_out *out, unsigned char c)
{
	char esc[8];

	switch (c) {
	case '"':
		add_text(out, "\\\"");
		return;
	case '\\':
		add_text(out, "\\\\");
		return;
	case '\n':
		add_text(out, "\\n");
		return;
	case '\r':
		add_text(out, "\\r");
		return;
	case '\t':
		add_text(out, "\\t");
		return;
	default:
		snprintf(esc, sizeof(esc), "\\u%04x", c);
		add_text(out, esc);
	}
}

static void
add_quoted(struct bf_out *out, const char *s, size_t len)
{
	size_t i, n, plain = 0;

	add_text(out, "\"");
	for (i = 0; i < len; i += n) {
		unsigned char c = (unsigned char)s[i];

		n = bf_text_utf8_len(s + i, len - i);
		if (n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f))
			continue;
		out_add(out, s + plain, i - plain);
		if (n == 0) {
			add_text(out, "\\ufffd");
			n = 1;
		} else {
			add_escape(out, c);
		}
		plain = i + 1;
	}
	out_add(out, s + plain, len - plain);
	add_text(out, "\"");
}

/* Comma, line break and key in front of a value; false when no value belongs here. */
static bool
begin_value(struct bf_out *out, const char *key)
{
	struct level *level;

	if (out->format != BF_OUT_JSON || is_lost(out))
		return false;
	if (out->depth == 0) {
		if (out->has_top || key != NULL) {
			out_fail(out, &out->is_unbalanced);
			return false;
		}
		out->has_top = true;
		return true;
	}
	level = &out->levels[out->depth - 1];
	if ((level->kind == '{') != (key != NULL)) {
		out_fail(out, &out->is_unbalanced);
		return false;
	}
	if (level->has_items)
		add_text(out, ", ");
	level->has_items = true;
	if (key != NULL) {
		add_quoted(out, key, strlen(key));
		add_text(out, ": ");
	}
	return true;
}

static void
open_level(struct bf_out *out, const char *key, char kind)
{
	if (!begin_value(out, key))
		return;
	if (out->depth == BF_OUT_DEPTH_MAX) {
		out_fail(out, &out->is_unbalanced);
		return;
	}
	out->levels[out->depth].kind = kind;
	out->levels[out->depth].has_items = false;
	out->depth++;
	out_add(out, &kind, 1);
}

static void
close_level(struct bf_out *out, char kind)
{
	if (out->format != BF_OUT_JSON || is_lost(out))
		return;
	if (out->depth == 0 || out->levels[out->depth - 1].kind != kind) {
		out_fail(out, &out->is_unbalanced);
		return;
	}
	out->depth--;
	add_text(out, kind == '{' ? "}" : "]");
}

void
bf_out_obj_begin(struct bf_out *out, const char *key)
{
	open_level(out, key, '{');
}

void
bf_out_obj_end(struct bf_out *out)
{
	close_level(out, '{');
}

void
bf_out_arr_begin(struct bf_out *out, const char *key)
{
	open_level(out, key, '[');
}

void
bf_out_arr_end(struct bf_out *out)
{
	close_level(out, '[');
}

void
bf_out_str(struct bf_out *out, const char *key, const char *value)
{
	if (value == NULL)
		bf_out_null(out, key);
	else if (begin_value(out, key))
		add_quoted(out, value, strlen(value));
}

void
bf_out_strf(struct bf_out *out, const char *key, const char *fmt, ...)
{
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(value, sizeof(value), fmt, ap) < 0)
		value[0] = '\0';
	va_end(ap);
	bf_out_str(out, key, value);
}

static void
add_number(struct bf_out *out, const char *key, const char *text)
{
	if (begin_value(out, key))
		add_text(out, text);
}

void
bf_out_u64(struct bf_out *out, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_number(out, key, text);
}

void
bf_out_i64(struct bf_out *out, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	add_number(out, key, text);
}

void
bf_out_f64(struct bf_out *out, const char *key, double value)
{
	char text[40];
	char *comma;

	if (!isfinite(value)) {
		bf_out_null(out, key);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	/* Some locales write a comma. */
	comma = strchr(text, ',');
	if (comma != NULL)
		*comma = '.';
	if (strpbrk(text, ".e") == NULL) /* a program that reads it decides on its type by this */
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ".0");
	add_number(out, key, text);
}

void
bf_out_bool(struct bf_out *out, const char *key, bool value)
{
	add_number(out, key, value ? "true" : "false");
}

void
bf_out_null(struct bf_out *out, const char *key)
{
	add_number(out, key, "null");
}

static void
add_error(struct bf_out *out, enum bf_out_status status, const char *line)
{
	size_t len = strlen(line);

	if (status > out->status)
		out->status = status;
	if (out->is_nomem || out->is_finished || len >= ERRORS_MAX - out->errors.len)
		return;
	if (!bf_buffer_add(&out->errors, line, len) || !bf_buffer_add(&out->errors, "\n", 1))
		out_fail(out, &out->is_nomem);
	else
		out->n_errors++;
}

static void add_errorv(struct bf_out *out, enum bf_out_status status, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void
add_errorv(struct bf_out *out, enum bf_out_status status, const char *fmt, va_list ap)
{
	char line[ERROR_LINE_MAX];

	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		line[0] = '\0';
	bf_text_sanitize(line);
	add_error(out, status, line);
}

void
bf_out_error(struct bf_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_errorv(out, BF_OUT_FAILED, fmt, ap);
	va_end(ap);
}

void
bf_out_usage(struct bf_out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_errorv(out, BF_OUT_USAGE, fmt, ap);
	va_end(ap);
}

/* Turn the reasons for which an output is lost into its only content, an error. */
static void
explain_loss(struct bf_out *out)
{
	char line[128];

	if (!out->is_oversize && !out->is_unbalanced)
		return;
	if (out->is_oversize)
		snprintf(line, sizeof(line), "output: too large: expected at most %zu bytes",
			out->max_size);
	else
		snprintf(line, sizeof(line), "output: JSON nesting: expected one value");
	out->is_oversize = false;
	out->is_unbalanced = false;
	bf_buffer_reset(&out->data, KEEP_MAX);
	add_error(out, BF_OUT_FAILED, line);
}

static void
render_json_errors(struct bf_out *out)
{
	const char *line = out->errors.data;
	const char *end = strchr(line, '\n');
	unsigned int i;

	bf_buffer_reset(&out->data, KEEP_MAX);
	add_text(out, "{\"error\": ");
	add_quoted(out, line, (size_t)(end - line));
	if (out->n_errors > 1) {
		add_text(out, ", \"errors\": [");
		for (i = 0; i < out->n_errors; i++) {
			end = strchr(line, '\n');
			add_text(out, i == 0 ? "" : ", ");
			add_quoted(out, line, (size_t)(end - line));
			line = end + 1;
		}
		add_text(out, "]");
	}
	add_text(out, "}\n");
}

static void
out_finish(struct bf_out *out)
{
	explain_loss(out);
	/* Errors may go beyond the bound: they are bounded themselves. */
	out->max_size += 8 * ERRORS_MAX;
	if (out->format == BF_OUT_TEXT) {
		if (out->n_errors > 0)
			out_add(out, out->errors.data, out->errors.len);
	} else if (out->n_errors > 0) {
		render_json_errors(out);
	} else {
		while (out->depth > 0)
			close_level(out, out->levels[out->depth - 1].kind);
		add_text(out, out->has_top ? "\n" : "{}\n");
	}
	out->max_size -= 8 * ERRORS_MAX;
	out->is_finished = true;
}

const char *
bf_out_data(struct bf_out *out, size_t *len)
{
	const char *data;

	if (!out->is_finished)
		out_finish(out);
	if (out->is_nomem)
		data = out->format == BF_OUT_JSON ? "{\"error\": \"output: out of memory\"}\n"
						  : "output: out of memory\n";
	else
		data = out->data.data == NULL ? "" : out->data.data;
	if (len != NULL)
		*len = out->is_nomem || out->data.data == NULL ? strlen(data) : out->data.len;
	return data;
}

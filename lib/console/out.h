/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Output of a console command: text for people or JSON for programs, collected in memory.
 *
 * A command writes both forms: text with bf_out_printf(), JSON with the typed calls.  Each call
 * is ignored in the other format, so a command that has one loop over its data may call both
 * without asking, or ask with bf_out_is_json() where the two layouts differ much.  The text is
 * collected completely before anybody reads it: a slow reader never holds up a command.
 *
 * Threads: none of its own; an object is used by one thread at a time (in bondfwd: ctx control).
 */

#ifndef BF_CONSOLE_OUT_H
#define BF_CONSOLE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Largest output by default, in bytes. */
#define BF_OUT_MAX_DEFAULT ((size_t)64 << 20)

/** Deepest nesting of JSON objects and arrays. */
#define BF_OUT_DEPTH_MAX 32

/** The two forms of an output. */
enum bf_out_format {
	BF_OUT_TEXT,
	BF_OUT_JSON,
};

/** How a command ended; the numbers are exit statuses of bondctl. */
enum bf_out_status {
	/** Done. */
	BF_OUT_OK = 0,
	/** Understood, but it failed. */
	BF_OUT_FAILED = 1,
	/** Not understood: bad usage or a value out of range. */
	BF_OUT_USAGE = 2,
};

struct bf_out;

/**
 * Create an empty output.
 *
 * @param max_size
 *   Largest output in bytes; 0 means BF_OUT_MAX_DEFAULT.  What does not fit turns the whole
 *   output into an error, it is never cut.
 * @return
 *   The output, to be released with bf_out_destroy(); NULL with errno ENOMEM.
 */
struct bf_out *bf_out_create(enum bf_out_format format, size_t max_size);

/** Release an output and its text.  NULL is allowed. */
void bf_out_destroy(struct bf_out *out);

/** Empty the output and set its status back to BF_OUT_OK, keeping memory and format. */
void bf_out_reset(struct bf_out *out);

/** True when the reader asked for JSON. */
bool bf_out_is_json(const struct bf_out *out);

/** Append formatted text.  Ignored in JSON. */
void bf_out_printf(struct bf_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Append @p len bytes of text as they are.  Ignored in JSON. */
void bf_out_write(struct bf_out *out, const char *data, size_t len);

/**
 * Open a JSON object.
 *
 * Of this and every JSON call below: ignored in text; @p key is the member's name when the
 * enclosing value is an object, and NULL inside an array or at the top.  Exactly one value stands
 * at the top.  Levels still open at the end are closed.  A mistake in the nesting turns the whole
 * output into an error.  Strings are copied.
 */
void bf_out_obj_begin(struct bf_out *out, const char *key);

/** Close the innermost JSON object. */
void bf_out_obj_end(struct bf_out *out);

/** Open a JSON array. */
void bf_out_arr_begin(struct bf_out *out, const char *key);

/** Close the innermost JSON array. */
void bf_out_arr_end(struct bf_out *out);

/**
 * Write a JSON string.
 *
 * @param value
 *   Any bytes: control bytes are escaped, bytes that are no UTF-8 become U+FFFD.  NULL writes
 *   the JSON null.
 */
void bf_out_str(struct bf_out *out, const char *key, const char *value);

/** Write a JSON string from a format; at most 1023 bytes of it. */
void bf_out_strf(struct bf_out *out, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Write an unsigned JSON number, all 64 bits of it. */
void bf_out_u64(struct bf_out *out, const char *key, uint64_t value);

/** Write a signed JSON number. */
void bf_out_i64(struct bf_out *out, const char *key, int64_t value);

/**
 * Write a JSON number of at most 15 digits, always with a point or an exponent, so that its type
 * does not change with its value; not a number and infinity are null.
 */
void bf_out_f64(struct bf_out *out, const char *key, double value);

/** Write a JSON true or false. */
void bf_out_bool(struct bf_out *out, const char *key, bool value);

/** Write a JSON null. */
void bf_out_null(struct bf_out *out, const char *key);

/**
 * Report that the command failed (BF_OUT_FAILED), in both formats.
 *
 * Text: the line is appended to what was written before.  JSON: the output becomes
 * `{"error": "first line"}`, with `"errors": [...]` beside it when there are several.
 *
 * @param fmt
 *   One line without newline, `what: expected what`; control bytes become '?'.  At most 4095
 *   bytes.
 */
void bf_out_error(struct bf_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Report a value or a line that is not understood (BF_OUT_USAGE); as bf_out_error(). */
void bf_out_usage(struct bf_out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** The gravest status reported so far. */
enum bf_out_status bf_out_status(const struct bf_out *out);

/** Set the status and return what it was, to tell the status of one part of an output. */
enum bf_out_status bf_out_swap_status(struct bf_out *out, enum bf_out_status status);

/**
 * The complete output, finished: JSON closed and ended with a newline ("{}" when a successful
 * command wrote no JSON), errors rendered.
 *
 * May be called again; more writing afterwards needs bf_out_reset() first.
 *
 * @param len
 *   Gets the length in bytes; may be NULL.
 * @return
 *   The bytes, NUL terminated, owned by @p out, valid until the next call that changes it.
 *   Never NULL.
 */
const char *bf_out_data(struct bf_out *out, size_t *len);

#endif

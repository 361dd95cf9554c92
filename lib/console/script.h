/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Config scripts: a file of console commands, one per line, with comments and blank lines.
 *
 * The file is read and checked as a whole before the first line is given away, so a file that is
 * too large, cut short by NUL bytes or has an overlong line has no effect at all.  Every error is
 * one line, `file:line: what: expected what`.
 *
 * Threads: none of its own; reading blocks on the disk (in bondfwd: ctx control, at start and on
 * `load`).
 */

#ifndef BF_CONSOLE_SCRIPT_H
#define BF_CONSOLE_SCRIPT_H

#include <stddef.h>

#include "base/err.h"

/** Largest script in bytes. */
#define BF_SCRIPT_SIZE_MAX ((size_t)1 << 20)

/**
 * Take one line of a script.
 *
 * @param file
 *   Name of the script as given by the caller.
 * @param line_no
 *   From 1.
 * @param line
 *   Without newline, at most BF_CMD_LINE_MAX bytes; never blank or only a comment.  Valid until
 *   the function returns.
 * @return
 *   0 to go on; anything else stops the script and becomes its result.
 */
typedef int bf_script_line_fn(void *arg, const char *file, unsigned int line_no, const char *line);

/**
 * Read a script file and give its lines to a function.
 *
 * @param path
 *   A regular file of at most BF_SCRIPT_SIZE_MAX bytes; a symbolic link to one is followed.
 * @param err
 *   Gets one line when the file cannot be read or breaks a limit, else the empty string: what the
 *   line function refuses, it reports itself (bf_script_err_set() gives the form).
 * @return
 *   0; -errno of opening or reading (errno set); -EINVAL not a regular file, NUL byte or overlong
 *   line; -EFBIG too large; or what the line function returned.
 */
int bf_script_load(const char *path, bf_script_line_fn *line_fn, void *arg, struct bf_err *err);

/** The same for a script in memory; @p data need not be NUL terminated. */
int bf_script_parse(const char *name, const char *data, size_t len, bf_script_line_fn *line_fn,
	void *arg, struct bf_err *err);

/** An error of a line: `file:line: message`. @return -code, with errno set to code. */
int bf_script_err_set(struct bf_err *err, int code, const char *file, unsigned int line_no,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif

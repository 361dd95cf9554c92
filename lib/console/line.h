/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A console line, split into words.
 *
 * Private to lib/console.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_LINE_H
#define BF_CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "console/command.h"

/** Words of a line, quotes removed. */
struct bf_line {
	const char *words[BF_CMD_WORDS_MAX];
	unsigned int n_words;
	/* The words' text; every word ends with a NUL. */
	char text[BF_CMD_LINE_MAX + 2];
};

/**
 * Split a line.
 *
 * @param err
 *   On failure gets one line.
 * @return
 *   False when the line is too long, has too many words, bytes that cannot be shown or a quote
 *   without end.
 */
bool bf_line_split(struct bf_line *line, const char *text, struct bf_err *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lines that were typed: the newest BF_HISTORY_MAX of them.
 *
 * Private to lib/console.
 *
 * Threads: none of its own; a history belongs to its caller.
 */

#ifndef BF_CONSOLE_HISTORY_H
#define BF_CONSOLE_HISTORY_H

#include <stdbool.h>

#define BF_HISTORY_MAX 500

/** Zero is empty. */
struct bf_history {
	char *lines[BF_HISTORY_MAX]; /* oldest first */
	unsigned int n;
};

/** Add a line, unless it is blank or the newest one again; true when it was added. */
bool bf_history_add(struct bf_history *h, const char *line);

/** The newest line before place @p before that has a text in it; its place, or -1. */
int bf_history_find(const struct bf_history *h, unsigned int before, const char *text);

/** Release the lines. */
void bf_history_fini(struct bf_history *h);

#endif

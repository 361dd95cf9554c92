/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Long output on a terminal, a screen at a time.
 *
 * Private to lib/console.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_PAGER_H
#define BF_CONSOLE_PAGER_H

#include "console/buffer.h"
#include "console/strokes.h"

/** Zero shows nothing. */
struct bf_pager {
	struct bf_buffer text;
	size_t at; /* of what has been written */
	unsigned int rows, columns;
	bool is_asking; /* a text to look for is being typed */
	char sought[64];
};

/** True when a text has more rows than the screen. */
bool bf_pager_wants(const char *text, size_t len, unsigned int rows, unsigned int columns);

/** Keep a copy of a text and write its first screen to @p out; false without memory. */
bool bf_pager_begin(struct bf_pager *p, const char *text, size_t len, unsigned int rows,
	unsigned int columns, struct bf_buffer *out);

/** A stroke: more of it, or its end. @return false at its end; the row is empty then */
bool bf_pager_take(struct bf_pager *p, enum bf_stroke stroke, char byte, struct bf_buffer *out);

/** Forget the text. */
void bf_pager_end(struct bf_pager *p);

#endif

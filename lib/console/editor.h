/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A line that is being typed: strokes in, bytes for the terminal out.
 *
 * The line stands in one row of the terminal and scrolls sideways when it is longer.  Nothing here waits, and nothing
 * knows what the line means.
 *
 * Private to lib/console.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_EDITOR_H
#define BF_CONSOLE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "console/buffer.h"
#include "console/command.h"
#include "console/history.h"
#include "console/strokes.h"

/** Columns of a terminal of which nothing is known. */
#define BF_EDITOR_COLUMNS 80

/** What the one who drives the editor has to do. */
enum bf_edit {
	BF_EDIT_GOES_ON,
	BF_EDIT_LINE, /* it is whole: take line, then bf_editor_begin() */
	BF_EDIT_COMPLETE, /* Tab */
	BF_EDIT_HELP, /* ? */
	BF_EDIT_EOF, /* Ctrl-D on an empty line */
	BF_EDIT_SUSPEND, /* Ctrl-Z */
};

/** Zero, with a prompt and columns, is an editor. */
struct bf_editor {
	/** The caller's; may change between lines. */
	const char *prompt;
	unsigned int columns;
	char line[BF_CMD_LINE_MAX + 1];
	size_t len;
	size_t at; /* the cursor, in bytes */
	size_t first; /* of the bytes that are shown */
	struct bf_history history;
	unsigned int past; /* which line of it is shown; n: none */
	char draft[BF_CMD_LINE_MAX + 1]; /* what was typed before it */
	char killed[BF_CMD_LINE_MAX + 1];
	bool is_searching;
	char sought[64];
	int found; /* place in the history, or -1 */
	/** What is to be written to the terminal; the caller empties it. */
	struct bf_buffer out;
};

/** Release what it holds; not the editor. */
void bf_editor_fini(struct bf_editor *e);

/** A new, empty line behind the prompt. */
void bf_editor_begin(struct bf_editor *e);

/** A stroke; @p byte is that of BF_STROKE_TEXT. */
enum bf_edit bf_editor_take(struct bf_editor *e, enum bf_stroke stroke, char byte);

/** Put text in at the cursor; what does not fit is left out whole. */
void bf_editor_insert(struct bf_editor *e, const char *text, size_t len);

/** Write the row again. */
void bf_editor_show(struct bf_editor *e);

/** Wipe the row, for text that comes in between; bf_editor_show() brings it back. */
void bf_editor_hide(struct bf_editor *e);

#endif

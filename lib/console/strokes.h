/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes of a terminal as strokes: a letter, an arrow, Ctrl-R.
 *
 * Besides what is typed, two sequences carry what a client says of its terminal: CSI 8;ROWS;COLUMNS t, as terminals
 * themselves report their size, and APC TEXT ST, which every terminal passes over: a line of the client's history.
 *
 * Private to lib/console.
 *
 * Threads: none of its own.
 */

#ifndef BF_CONSOLE_STROKES_H
#define BF_CONSOLE_STROKES_H

#include <stddef.h>

#include "console/command.h"

enum bf_stroke {
	BF_STROKE_NONE, /* more of a sequence is to come, or it means nothing */
	BF_STROKE_TEXT, /* a byte of text */
	BF_STROKE_ENTER,
	BF_STROKE_TAB,
	BF_STROKE_LEFT,
	BF_STROKE_RIGHT,
	BF_STROKE_WORD_LEFT,
	BF_STROKE_WORD_RIGHT,
	BF_STROKE_HOME,
	BF_STROKE_END,
	BF_STROKE_UP,
	BF_STROKE_DOWN,
	BF_STROKE_PAGE_UP,
	BF_STROKE_PAGE_DOWN,
	BF_STROKE_BACKSPACE,
	BF_STROKE_DELETE,
	BF_STROKE_KILL_TO_START,
	BF_STROKE_KILL_TO_END,
	BF_STROKE_KILL_WORD, /* to its left, up to a blank */
	BF_STROKE_KILL_WORD_RIGHT,
	BF_STROKE_YANK,
	BF_STROKE_CLEAR, /* the screen */
	BF_STROKE_SEARCH,
	BF_STROKE_CANCEL, /* Ctrl-C */
	BF_STROKE_ABORT, /* Ctrl-G */
	BF_STROKE_EOF, /* Ctrl-D */
	BF_STROKE_SUSPEND, /* Ctrl-Z */
	BF_STROKE_SIZE, /* rows and columns are in numbers */
	BF_STROKE_PAST, /* a line of the history is in text */
};

/** Where in a sequence we are.  Zero is the beginning. */
struct bf_strokes {
	enum {
		BF_STROKES_PLAIN,
		BF_STROKES_ESCAPE,
		BF_STROKES_CSI,
		BF_STROKES_SS3,
		BF_STROKES_APC,
		BF_STROKES_APC_ESCAPE,
	} state;
	unsigned int numbers[3];
	unsigned int n_numbers;
	char text[BF_CMD_LINE_MAX + 1];
	size_t len;
};

/** Take a byte; what it is a stroke of. */
enum bf_stroke bf_strokes_take(struct bf_strokes *s, char byte);

#endif

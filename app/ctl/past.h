/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The history of sessions, in a file: $XDG_STATE_HOME/bondfwd_history, else ~/.bondfwd_history; for its owner only.
 *
 * The daemon's line editor has the history of one session.  It gets the lines of the file at the beginning, and each
 * new line comes back among the bytes for the terminal: as APC LINE ST, both ways.
 *
 * Threads: one.
 */
#ifndef BF_APP_CTL_PAST_H
#define BF_APP_CTL_PAST_H

#include <stddef.h>
#include <stdio.h>

/** Lines that the file keeps. */
#define BF_PAST_LINES 500

/** The file, and the sequence that is being taken out of the bytes for the terminal. */
struct bf_past {
	FILE *file; /* to append to; NULL: there is none */
	enum {
		BF_PAST_PLAIN,
		BF_PAST_ESCAPE,
		BF_PAST_LINE,
		BF_PAST_LINE_ESCAPE
	} state;
	char line[4097];
	size_t len;
};

/**
 * Open the file, cut it to its newest lines, and make the sequences that tell them.
 *
 * @return
 *   On the heap, *len bytes; NULL: there are none.
 */
char *bf_past_open(struct bf_past *p, size_t *len);

/**
 * Take sequences out of bytes from the daemon, and keep their lines.
 *
 * @param out
 *   Gets what is for the terminal; room for @p len + 1.
 * @return
 *   Its bytes.
 */
size_t bf_past_take(struct bf_past *p, const char *data, size_t len, char *out);

void bf_past_close(struct bf_past *p);

#endif

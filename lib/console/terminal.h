/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The local terminal: descriptors that never block, and raw mode that is undone.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_TERMINAL_H
#define BF_CONSOLE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/err.h"

/** A terminal, or the pipes and files that stand for it. */
struct bf_terminal {
	/** Ours, not blocking; handed to the peer, which closes them. */
	int in_fd;
	int out_fd;
	/** Both are terminals and in raw mode. */
	bool is_tty;
	/** The caller's descriptors, and their flags where those had to be changed. */
	int user_in_fd;
	int user_out_fd;
	int user_in_flags;
	int user_out_flags;
	struct termios saved;
};

/**
 * Open descriptors of our own on the caller's and set raw mode.
 *
 * @return
 *   0, or -errno with one line in @p err.
 */
int bf_terminal_open(struct bf_terminal *t, int user_in_fd, int user_out_fd, struct bf_err *err);

/** Restore mode and flags; the descriptors in_fd and out_fd are not touched. */
void bf_terminal_restore(struct bf_terminal *t);

#endif

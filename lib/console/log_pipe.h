/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Standard error of a program whose terminal is also its console: what is written there goes through a pipe, so that
 * it does not tear what is being typed.
 *
 * Writers never wait: a line that finds the pipe full is lost.  At the end of the process, also by an abort or a
 * fault, what is left in the pipe goes where it was meant to.
 *
 * Private to lib/console.
 *
 * Threads: ctx control; any may write.
 */

#ifndef BF_CONSOLE_LOG_PIPE_H
#define BF_CONSOLE_LOG_PIPE_H

#include <stddef.h>

/** A pipe, or none: fd is -1. */
struct bf_log_pipe {
	/** To be watched for input. */
	int fd;
	int user_fd; /* what standard error was */
	size_t len;
	char part[2048]; /* a line that has not ended */
};

/** Take a line, with its newline and the time in front. */
typedef void bf_log_pipe_cb(void *arg, const char *line, size_t len);

/** Open one when standard error is the terminal @p tty_fd; otherwise, or when it fails, there is none. */
void bf_log_pipe_open(struct bf_log_pipe *p, int tty_fd);

/** Take the lines that are there, a bounded number. */
void bf_log_pipe_read(struct bf_log_pipe *p, bf_log_pipe_cb *cb, void *arg);

/** Give standard error back. */
void bf_log_pipe_close(struct bf_log_pipe *p);

#endif

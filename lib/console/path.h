/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The file of a socket that we listen on: made without harm to anything that is not ours, and removed so.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_PATH_H
#define BF_CONSOLE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/** A listening socket and the file that belongs to it. */
struct bf_path {
	int fd;
	/** Owned; NULL when there is no socket. */
	char *path;
	dev_t dev;
	ino_t ino;
};

/**
 * Listen on a unix socket, not blocking, mode 0660; see bf_console_open() for the rules.
 *
 * @param what
 *   Whose socket it is, for errors: "console".
 * @param group
 *   Group for the socket and a directory made for it; NULL leaves it.
 * @return
 *   0, or -errno with one line in @p err.
 */
int bf_path_listen(struct bf_path *p, const char *what, const char *path, const gid_t *group,
	struct bf_err *err);

/** Stop listening; the file is removed when it still is the socket we made. */
void bf_path_close(struct bf_path *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One interactive session: bytes of a terminal in, bytes for it out.
 *
 * librte_cmdline does the editing; it writes to a descriptor, so it gets a memory file, which is
 * emptied into the session's output after every byte.  Nothing here waits or touches the terminal.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_SESSION_H
#define BF_CONSOLE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "console/command.h"

struct bf_session;

/** Take output of a session, in order; copied by the callee. */
typedef void bf_session_write_fn(void *arg, const char *data, size_t len);

/**
 * Start a session and write its first prompt.
 *
 * @param prompt
 *   Must outlive the session; its text may change, and is read after every line.
 * @param out_max
 *   Largest output of one command.
 * @return
 *   NULL with errno when there is no memory or descriptor.
 */
struct bf_session *bf_session_create(const struct bf_cmd_set *set, void *app, const char *prompt,
	size_t out_max, bf_session_write_fn *write_fn, void *arg);

/** End a session.  NULL is allowed. */
void bf_session_destroy(struct bf_session *s);

/**
 * Give typed bytes to a session, up to the first that runs a command.
 *
 * @return
 *   Number of bytes taken, at least 1 when @p len is.
 */
size_t bf_session_in(struct bf_session *s, const char *data, size_t len);

/** True after `quit` or an end of file typed by the user. */
bool bf_session_is_over(const struct bf_session *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One interactive session: bytes of a terminal in, bytes for it out.
 *
 * It edits the line, completes it and runs it; shows long output a screen at a time; repeats a command (`watch`) or
 * follows one (`monitor`) until a key is pressed.  Nothing here waits or touches the terminal.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_SESSION_H
#define BF_CONSOLE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/command.h"

/** An end of file asks before it ends the session. */
#define BF_SESSION_ASKS (1u << 0)

/** The other end keeps the history: each new line goes there as APC LINE ST. */
#define BF_SESSION_TELLS_HISTORY (1u << 1)

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
 *   NULL with errno when there is no memory.
 */
struct bf_session *bf_session_create(const struct bf_cmd_set *set, void *app, const char *prompt,
	size_t out_max, bf_session_write_fn *write_fn, void *arg);

/** End a session.  NULL is allowed. */
void bf_session_destroy(struct bf_session *s);

/** Say what the terminal is: BF_SESSION_... */
void bf_session_set_flags(struct bf_session *s, unsigned int flags);

/** Its size; 0: not known, and nothing is paged. */
void bf_session_set_size(struct bf_session *s, unsigned int rows, unsigned int columns);

/**
 * Give typed bytes to a session, up to the first that runs, completes or explains a command.
 *
 * @return
 *   Number of bytes taken, at least 1 when @p len is.
 */
size_t bf_session_in(struct bf_session *s, const char *data, size_t len);

/** Show text that comes from elsewhere, whole lines, without tearing what is being typed. */
void bf_session_say(struct bf_session *s, const char *text, size_t len);

/** What time it is, and what is due is done. */
void bf_session_tick(struct bf_session *s, uint64_t now_ms);

/** When it wants the next tick; UINT64_MAX for never. */
uint64_t bf_session_due_ms(const struct bf_session *s);

/** Give the screen back as it was, before the other end is told that this is the end. */
void bf_session_leave(struct bf_session *s);

/** True after `quit` or an end of file typed by the user. */
bool bf_session_is_over(const struct bf_session *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The command set as librte_cmdline sees it: completion, and lines handed over whole.
 *
 * librte_cmdline edits, remembers and completes; matching a line stays with command.c, so that a
 * typed line and a line of a file mean the same.
 *
 * Private to lib/console.
 *
 * Threads: ctx control.
 */

#ifndef BF_CONSOLE_COMPLETE_H
#define BF_CONSOLE_COMPLETE_H

#include <cmdline_parse.h>

#include "console/set.h"

struct bf_completer;

/** Take a line that was typed; without newline. */
typedef void bf_completer_line_fn(void *arg, const char *line);

/** Create the instructions for one line editor; NULL with errno ENOMEM. */
struct bf_completer *bf_completer_create(
	const struct bf_cmd_set *set, bf_completer_line_fn *line_fn, void *arg);

/** Release them, after the line editor.  NULL is allowed. */
void bf_completer_destroy(struct bf_completer *c);

/** Context for cmdline_new(). */
cmdline_parse_ctx_t *bf_completer_ctx(struct bf_completer *c);

/** Forget the values found; to be called before every byte that is given to the line editor. */
void bf_completer_forget(struct bf_completer *c);

#endif

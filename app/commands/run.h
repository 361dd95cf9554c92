/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What load and diff do, for other commands that have a file.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_COMMANDS_RUN_H
#define BF_APP_COMMANDS_RUN_H

#include <stdbool.h>

#include "console/command.h"

/** Load a file; merge, force and confirm are words of the command. */
void bf_run_load(struct bf_cmd_ctx *ctx, const char *path);

/** Show what that would change. */
void bf_run_diff(struct bf_cmd_ctx *ctx, const char *path, bool merge);

#endif

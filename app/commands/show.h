/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Show commands: what control gathers, rendered for whoever asks.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_COMMANDS_SHOW_H
#define BF_APP_COMMANDS_SHOW_H

#include "console/command.h"
#include "control/snapshot/snapshot.h"

/**
 * Gather and write it, in the format that was asked for.
 *
 * @param only
 *   As for bf_gather_fn.
 * @param in_full
 *   As in struct bf_snapshot.
 */
void bf_app_show(
	struct bf_cmd_ctx *ctx, const struct bf_show *show, const char *only, bool in_full);

/** Write rows, with what could not be read, and release them. @param one as in bf_render() */
void bf_app_render(struct bf_out *out, const struct bf_table *t, struct bf_snapshot *s, bool one);

/** Rows of `show bonding path` and `show metrics names`. */
extern const struct bf_table bf_app_path_table, bf_app_metric_name_table;

/** The names of all fields of tables in JSON, as programs read them: --help-json. */
void bf_app_json_names(struct bf_out *out);

/** The command `show metrics names`. */
void bf_app_metric_names(struct bf_cmd_ctx *ctx);

/** A command that shows all of something. */
#define BF_CMD_SHOW(name, show) \
	static void name(struct bf_cmd_ctx *ctx) \
	{ \
		bf_app_show(ctx, &(show), NULL, true); \
	}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys and values that may stand in KEY=VALUE,...
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_COMMANDS_PAIRS_H
#define BF_APP_COMMANDS_PAIRS_H

#include "console/command.h"

/** For bf_cmd_set_pairs(). */
int bf_app_pairs(void *app, const struct bf_cmd *cmd, const char *arg_name, const char *key,
	unsigned int idx, struct bf_pair_choice *choice);

#endif

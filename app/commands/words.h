/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands of other programs, and what does their work here.
 *
 * Threads: constants.
 */
#ifndef BF_APP_COMMANDS_WORDS_H
#define BF_APP_COMMANDS_WORDS_H

#include "console/command.h"

/** For bf_cmd_set_foreign(). */
extern const struct bf_cmd_foreign bf_app_foreign[];
extern const unsigned int bf_app_n_foreign;

#endif

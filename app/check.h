/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * --check: every problem of the options and the config file, and what would be done.
 *
 * Threads: ctx control.
 */
#ifndef BF_CHECK_H
#define BF_CHECK_H

#include "app.h"
#include "options.h"

/** Print the verdict. @return exit status: 0 good, 2 not. */
int bf_check_run(struct bf_app *app, const struct bf_options *o, int n_eal, char **argv);

#endif

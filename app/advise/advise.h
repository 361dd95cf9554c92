/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * bondfwd --advise: what this host should give to bondfwd, as commands and settings with their reasons.
 *
 * Reads the host, changes nothing; needs no privilege, no huge pages and no EAL.
 *
 * Threads: one.
 */
#ifndef BF_APP_ADVISE_ADVISE_H
#define BF_APP_ADVISE_ADVISE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/table.h"

/** Of the one row that it prints; for tests. */
extern const struct bf_table bf_advise_table;

/**
 * Print it on standard output.
 *
 * @param wish
 *   As for bf_advise_wish_parse(); NULL: none.
 * @return
 *   0, or -errno with the reason: -EINVAL for a wish that is wrong, or cannot be had here.
 */
int bf_advise_run(const char *wish, bool as_json, struct bf_err *err);

#endif

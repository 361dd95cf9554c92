/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What guests have negotiated, over a restart: a line for each guest, in a small file beside the console's socket.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_NEGOTIATIONS_H
#define BF_APP_CONFIG_NEGOTIATIONS_H

#include "control/bridge.h"

/**
 * Read them; before the first config is applied, or for --check.  A line that makes no sense is left out with a
 * warning.
 *
 * @param console
 *   Path of the console's socket; NULL: nothing is kept.
 */
void bf_negotiations_load(const char *console, struct bf_negotiated_book *b);

/** Write them when they have changed, at most once a second. @return absolute ms when it wants to be called */
uint64_t bf_negotiations_save(const char *console, const struct bf_bridge *br, uint64_t now_ms);

#endif

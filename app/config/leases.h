/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Leases of guests, over a restart: a line for each guest, in a small file beside the console's socket.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_LEASES_H
#define BF_APP_CONFIG_LEASES_H

#include "control/bridge.h"

/**
 * Read the leases that have not ended; before the first config is applied.  Lines that make no sense are left
 * out.
 *
 * @param console
 *   Path of the console's socket; NULL: nothing is kept.
 */
void bf_leases_load(const char *console, struct bf_bridge *br);

/** Write them when they have changed, at most once a second. @return absolute ms when it wants to be called */
uint64_t bf_leases_save(const char *console, const struct bf_bridge *br, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which addresses are bound to which guest, over a restart: a line for each guest, in a small file beside
 * the console's socket.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_BINDINGS_H
#define BF_APP_CONFIG_BINDINGS_H

#include "control/bridge.h"

/**
 * Read what was bound; before the first config is applied.  Lines that make no sense are left out.
 *
 * @param console
 *   Path of the console's socket; NULL: nothing is kept.
 */
void bf_bindings_load(const char *console, struct bf_bridge *br);

/** Write it when it has changed, at most once a second. @return absolute ms when it wants to be called */
uint64_t bf_bindings_save(const char *console, const struct bf_bridge *br, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is remembered over a restart: the active member of each bond, in a small file beside the console's
 * socket.  Nothing else: the configuration is the operator's, stations are learned again.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_REMEMBER_H
#define BF_APP_CONFIG_REMEMBER_H

#include "control/bridge.h"

/**
 * Read what was remembered; before the first config is applied.
 *
 * @param console
 *   Path of the console's socket; NULL: nothing is remembered.
 * @param want
 *   The configuration that will be applied.
 */
void bf_remember_load(const char *console, struct bf_bridge *br, const struct bf_config *want);

/**
 * Write it when it has changed. A file that cannot be written is reported once, and tried again every 10 s.
 *
 * @return
 *   Absolute ms when it wants to be called, or BF_TASK_NEVER.
 */
uint64_t bf_remember_save(const char *console, const struct bf_bridge *br, uint64_t now_ms);

#endif

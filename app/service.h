/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the service manager is told, if one started the program: when it is ready, reloads and stops, how it is, and
 * that it lives. It lives while control goes round and every worker has made a turn since it said so last.
 *
 * Without a manager none of this does anything.
 *
 * Threads: ctx control.
 */
#ifndef BF_SERVICE_H
#define BF_SERVICE_H

#include <stdint.h>

#include "control/bridge.h"

/** Find the manager; before anything is told. */
void bf_service_open(void);
void bf_service_close(void);

/** The EAL and the switch are being started. */
void bf_service_starting(void);
/** Workers run and the console answers; told until it is taken, by bf_service_tick(). */
void bf_service_ready(void);
/** Between the two the configuration changes. */
void bf_service_reload_begin(void);
void bf_service_reload_end(void);
/** The end, @p why NULL; or why there was no start. */
void bf_service_stopping(const char *why);

/** A task's tick. */
uint64_t bf_service_tick(const struct bf_bridge *br, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Words to the service manager that started the program: systemd's notification protocol (sd_notify(3)), datagrams
 * of lines NAME=value to the socket that $NOTIFY_SOCKET names. Nothing here waits. Without such a socket nothing
 * is sent.
 *
 * Threads: ctx control.
 */
#ifndef BF_BASE_SUPERVISOR_H
#define BF_BASE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Find the manager's socket: a path, or "@" and a name in the abstract namespace.
 *
 * @return
 *   Whether there is one.
 */
bool bf_supervisor_open(void);
void bf_supervisor_close(void);
bool bf_supervisor_is_open(void);

/**
 * Send lines such as "READY=1".
 *
 * @return
 *   False: there is no manager, or it took nothing; say it again later.
 */
bool bf_supervisor_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * How often "WATCHDOG=1" is expected at least, as $WATCHDOG_USEC says.
 *
 * @return
 *   Milliseconds, 1 or more; 0: never, or from another process.
 */
uint64_t bf_supervisor_watchdog_ms(void);

#endif

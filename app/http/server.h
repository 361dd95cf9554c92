/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Metrics over HTTP, by libmicrohttpd in a thread of its own: `--metrics ADDRESS`.
 *
 * The thread shares the CPU of control, as those of the front door do.  It waits for control, never control for it:
 * a client that does not read has its connection, some kilobytes in the kernel and a reference to a text, for ten
 * seconds; one that is slow on purpose for twenty.  There are sixteen connections at most; who comes later waits in the kernel.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_HTTP_SERVER_H
#define BF_APP_HTTP_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "http/address.h"

/**
 * Listen and serve; once per process, behind bf_mailbox_open().
 *
 * @param text
 *   The address as it was given, for messages.
 * @param group
 *   Of a unix socket, whose mode is 0660; NULL leaves it.
 * @return
 *   0, or -errno with the address and what is wrong: nobody may listen there already.
 */
int bf_http_open(
	const char *text, const struct bf_http_address *at, const gid_t *group, struct bf_err *err);

/** End connections whose request takes too long. A task's tick. */
uint64_t bf_http_tick(uint64_t now_ms);

/** Stop, and remove the socket's file; behind bf_mailbox_close().  Also without bf_http_open(). */
void bf_http_close(void);

#endif

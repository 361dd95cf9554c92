/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The other end of the console's socket: what bondctl and the programs for SNMP share.
 *
 * A connection is for one command: it is closed with the answer, so that nobody holds a place of the console.
 * Nothing waits longer than its deadline, whatever the daemon does.
 *
 * Threads: one.
 */
#ifndef BF_APP_CLIENT_H
#define BF_APP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_CLIENT_SOCKET "/run/bondfwd/console.sock"

/** An answer of the daemon. */
struct bf_answer {
	int status;
	char *text; /* for the caller to free; terminated */
	size_t len;
};

/** Milliseconds of a clock that does not jump. */
int64_t bf_client_now_ms(void);

/** @return a descriptor, or -1 with the reason. */
int bf_client_connect(const char *path, int64_t deadline_ms, struct bf_err *err);

/** Wait until the socket is readable (POLLIN) or writable (POLLOUT). @return false: with the reason */
bool bf_client_wait(int fd, short events, int64_t deadline_ms, struct bf_err *err);

/**
 * Send everything.
 *
 * A daemon that hangs up has usually said why, so that is no failure here: the answer is read next.
 *
 * @return
 *   false with the reason.
 */
bool bf_client_send(int fd, const char *data, size_t len, int64_t deadline_ms, struct bf_err *err);

/** Read a whole answer. @return false with the reason; there is nothing to free then */
bool bf_client_receive(int fd, struct bf_answer *a, int64_t deadline_ms, struct bf_err *err);

/**
 * Connect, run a line and read its answer, all within @p timeout_ms.
 *
 * @return
 *   false with the reason; there is nothing to free then.
 */
bool bf_client_ask(const char *path, const char *line, bool json, int64_t timeout_ms,
	struct bf_answer *a, struct bf_err *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DPDK's telemetry: /bondfwd/guests and others, from the same tables as `show`.
 *
 * The library calls back in a thread of its own, which must not touch the switch.  The thread puts a request
 * into a mailbox, which wakes the control loop; control gathers the rows, and the thread makes its answer of
 * them.  It waits at most a second for control to begin.  So an answer is current, and nothing is done while
 * nobody asks.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_TELEMETRY_H
#define BF_APP_TELEMETRY_H

struct bf_bridge;

/** Offer the endpoints; once per process. @return 0 or -errno. */
int bf_telemetry_open(void);

/** Readable while requests wait. */
int bf_telemetry_fd(void);

/** Gather the rows for the requests that are waiting. */
void bf_telemetry_serve(struct bf_bridge *br);

/** Let all requests fail from now on, and those that are waiting at once. */
void bf_telemetry_close(void);

#endif

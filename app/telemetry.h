/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DPDK's telemetry: /bondfwd/guests and others, from the same tables as `show`.
 *
 * The library calls back in a thread of its own, which must not touch the switch: it asks control by the mailbox
 * (mailbox.h) and makes its answer of the rows.  It waits at most a second for control to begin.  So an answer is
 * current, and nothing is done while nobody asks.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_TELEMETRY_H
#define BF_APP_TELEMETRY_H

/** Offer the endpoints; once per process, behind bf_mailbox_open(). @return 0 or -errno. */
int bf_telemetry_open(void);

/** Forget what is kept; behind bf_mailbox_close(). */
void bf_telemetry_close(void);

#endif

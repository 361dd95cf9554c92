/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What threads that must not touch the switch ask of control: telemetry's and the one that serves metrics.
 *
 * A thread puts a request into the mailbox, which wakes the control loop; control does the work, and the thread
 * goes on with what it brought.  Nothing is done while nobody asks.
 *
 * Threads: ctx control, but for bf_mailbox_ask().
 */
#ifndef BF_APP_MAILBOX_H
#define BF_APP_MAILBOX_H

#include <stdbool.h>

struct bf_bridge;

/** The work, done by control. @param arg belongs to the thread that asked, which waits meanwhile */
typedef void bf_mailbox_work_fn(struct bf_bridge *br, void *arg);

/** Once per process, before anybody asks. @return 0 or -errno */
int bf_mailbox_open(void);

/** Readable while requests wait. */
int bf_mailbox_fd(void);

/** Do what the longest waiting request asks for, if there is one. */
void bf_mailbox_serve(struct bf_bridge *br);

/** Let all requests fail from now on, and those that are waiting at once. */
void bf_mailbox_close(void);

/**
 * Let control do something, and wait for it.  ctx any but control and worker.
 *
 * @param wait_ms
 *   For control to begin; what it has begun it ends, however long that takes.
 * @return
 *   false: control did not begin in time, or the mailbox is closed; @p work was not and will not be done.
 */
bool bf_mailbox_ask(bf_mailbox_work_fn *work, void *arg, unsigned int wait_ms);

#endif

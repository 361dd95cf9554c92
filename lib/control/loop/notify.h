/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Post from foreign threads (the front door's, the EAL's interrupt thread) to control: a small
 * value by copy and a wake-up, never a wait.
 *
 * Threads: bf_notify_post() ctx vhost or intr; the rest ctx control.
 */
#ifndef BF_CONTROL_LOOP_NOTIFY_H
#define BF_CONTROL_LOOP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum bf_notice_kind {
	BF_NOTICE_GUEST, /* a: slot whose guest came, went or changed its rings */
	BF_NOTICE_GUEST_REFUSED, /* a: slot whose front end was refused something */
	BF_NOTICE_LINK, /* a: ethdev port */
};

struct bf_notice {
	uint32_t kind;
	uint32_t a;
};

/** Open the queue; once per process. @return 0 or -errno. */
int bf_notify_open(void);
void bf_notify_close(void);

/** Readable when something waits. */
int bf_notify_fd(void);

/** @return false when the queue is full. */
bool bf_notify_post(const struct bf_notice *n);

/** Take one. @return false when nothing waits. */
bool bf_notify_take(struct bf_notice *n);

#endif

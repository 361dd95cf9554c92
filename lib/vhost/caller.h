/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Calls to a guest through a descriptor that is no eventfd of a kind that never waits.
 *
 * A front end may give a pipe or a socket to be called by (User Mode Linux does), and to write to those
 * can wait for the other end whatever their flags say at the moment.  So a thread of its own writes to it, when an
 * eventfd of ours says so; only that guest waits for that thread.  The same serves eventfds where
 * the kernel has no other way to signal one without waiting (base/call.h).
 *
 * Threads: new and free ctx vhost.
 */
#ifndef BF_VHOST_CALLER_H
#define BF_VHOST_CALLER_H

#include "vhost/waste.h"

struct bf_caller;

/**
 * Start to pass calls on to @p to, which belongs to the caller from now on when this succeeds.
 *
 * @return NULL with errno.
 */
struct bf_caller *bf_caller_new(struct bf_waste_bin *bin, const struct bf_vhost_fd *to);

/**
 * Where to say that the guest is to be called: an eventfd of ours, non-blocking.  It is closed after
 * bf_caller_free(), when workers are done with it (late.h).
 */
int bf_caller_fd(const struct bf_caller *c);

/** No more calls. Never waits; what the thread holds is closed when it can be. */
void bf_caller_free(struct bf_caller *c);

#endif

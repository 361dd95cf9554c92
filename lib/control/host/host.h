/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A host port's other end: an interface of the host's kernel, and a thread that moves frames between it
 * and the rings of a guest port.
 *
 * Theory of operation.  The switch knows a host port as a guest.  Its front end (front.h) is here: a thread
 * of its own reads the interface and writes into it, a system call a frame, so that no worker makes
 * any.  It sleeps until the interface, the switch or control has something.  Headers are the same on
 * both sides, so superframes and checksums that are left undone go through as they are.
 *
 * The door asks for a connection (bf_host_connect()) whenever the port has none; the thread gets the
 * other end of it.  While the interface is down the ring towards it is disabled, so that frames are
 * dropped by the switch under guest_ring_off.
 *
 * Threads: ctx control, but for what says otherwise.
 */
#ifndef BF_CONTROL_HOST_HOST_H
#define BF_CONTROL_HOST_HOST_H

#include <stdbool.h>

#include "base/err.h"
#include "control/config/config.h"

struct bf_host;

/** Make the interface and start the thread. @return NULL with errno and the reason. */
struct bf_host *bf_host_open(const struct bf_guest_config *cfg, struct bf_err *err);

/** End the thread; the interface stays. The door must not ask any more. @p h may be NULL. */
void bf_host_close(struct bf_host *h);

/** The interface goes away with bf_host_close(). */
void bf_host_forget(struct bf_host *h);

/** A connection to the port's front end, for the door. @param arg the struct bf_host. ctx vhost. */
int bf_host_connect(void *arg);

/** Take over what changed: address, MTU, carrier. */
void bf_host_reconfigure(
	struct bf_host *h, const struct bf_guest_config *from, const struct bf_guest_config *to);

/** Was the interface deleted by somebody else? */
bool bf_host_is_gone(const struct bf_host *h);

#endif

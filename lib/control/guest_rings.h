/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who moves the frames of a guest's rings, and where the rings are: keeps struct bf_ring true while
 * librte_vhost talks to the guest's driver.
 *
 * Theory of operation.  librte_vhost changes rings and maps memory inside its message handler.
 * Its hooks before and after a message are where the workers' own view is taken down and put up
 * again: before, the locks of the rings in question are taken, their indices given back to the library
 * and they are off; after, everything is read anew.  Before runs with the library's locks held, so it waits
 * only for rings that no worker can be waiting in the library for: those in mode BF_RING_OWN.  A
 * ring that the library moves therefore stays with it until the device is gone.
 *
 * A message that the library refuses has no after: its rings stay off until the next one.
 *
 * Threads: ctx vhost.
 */
#ifndef BF_CONTROL_GUEST_RINGS_H
#define BF_CONTROL_GUEST_RINGS_H

#include "dataplane/view.h"

/** Requests of the vhost-user protocol that the hooks know. */
enum bf_vhost_request {
	BF_VHOST_SET_FEATURES = 2,
	BF_VHOST_RESET_OWNER = 4,
	BF_VHOST_SET_MEM_TABLE = 5,
	BF_VHOST_SET_LOG_BASE = 6,
	BF_VHOST_SET_VRING_NUM = 8,
	BF_VHOST_SET_VRING_ADDR = 9,
	BF_VHOST_SET_VRING_BASE = 10,
	BF_VHOST_GET_VRING_BASE = 11,
	BF_VHOST_SET_VRING_KICK = 12,
	BF_VHOST_SET_VRING_CALL = 13,
	BF_VHOST_SET_VRING_ENABLE = 18,
	BF_VHOST_SEND_RARP = 19,
	BF_VHOST_ADD_MEM_REG = 37,
	BF_VHOST_REM_MEM_REG = 38,
};

/** Names of enum bf_ring_mode. */
extern const char *const bf_ring_mode_name[];
/** What each of enum bf_ring_fault means, in words about the guest's driver. */
extern const char *const bf_ring_fault_help[];

/** A message is about to be handled. @param msg as in the protocol: request, flags, size, payload. */
void bf_guest_rings_before(struct bf_guest_dp *g, int vid, const void *msg);
/** It was handled, and was right. */
void bf_guest_rings_after(struct bf_guest_dp *g, int vid, const void *msg);
/** Ring @p q was enabled or disabled. The library's ring locks are held. */
void bf_guest_ring_state(struct bf_guest_dp *g, int vid, uint16_t q, bool enable);
/** The device runs: workers may move frames. */
void bf_guest_rings_on(struct bf_guest_dp *g, int vid);
/** It is gone; they may not any more. */
void bf_guest_rings_off(struct bf_guest_dp *g);

#endif

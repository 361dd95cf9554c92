/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a guest's front end has brought up, as workers see it: rings, memory, the dirty log.
 *
 * The front door (vhost/door.h) calls these.  A ring is the workers' while it is on; it is taken from
 * them under its lock, which a worker holds for one burst.
 *
 * Threads: ctx vhost, but where another one is named.
 */
#ifndef BF_CONTROL_GUESTS_RINGS_H
#define BF_CONTROL_GUESTS_RINGS_H

#include "control/guests/guest.h"
#include "vhost/door.h"

extern const char *const bf_ring_mode_name[]; /* by enum bf_ring_mode */
extern const char *const bf_ring_fault_help[]; /* by enum bf_ring_fault */

/** What the door calls; arg is a struct bf_guest. */
extern const struct bf_door_ops bf_guest_rings_ops;

/** What signals guests from the door's thread. ctx control. */
void bf_guest_rings_open(void);
void bf_guest_rings_close(void);

#endif

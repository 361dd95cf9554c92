/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that a guest puts into a ring which its front end has disabled are thrown away, and counted.
 *
 * vhost-user, "Ring states": a back end goes on to process what is transmitted on a ring that is
 * started and disabled, and discards it.  A guest that went from two queues to one would else wait for
 * ever for the frames that were left in the other: TCP does not send a segment again while the device
 * still has it.
 *
 * Threads: ctx control, but where another one is named.
 */
#ifndef BF_CONTROL_GUESTS_DISCARD_H
#define BF_CONTROL_GUESTS_DISCARD_H

#include <stdint.h>

#include "dataplane/sizes.h"

struct bf_discards {
	uint64_t next_ms;
	unsigned int from; /* the slot that had the last turn */
	uint64_t frames[BF_MAX_PORTS]; /* thrown away since the start, by slot: in the ledger */
};

/** A ring is in mode BF_RING_DISCARD from now on, or is not any more. ctx vhost. */
void bf_discard_count(int change);

/** Get ready, before the first guest; and give everything back. */
void bf_discard_open(void);
void bf_discard_close(void);

/** Look at the rings that are disabled; costs nothing while there is none. A task's tick. */
uint64_t bf_discard_tick(void *bridge, uint64_t now_ms);

#endif

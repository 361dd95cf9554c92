/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Eventfds that a worker may still be about to signal.
 *
 * A worker notes the number of a ring's call descriptor under the ring's lock and signals it at the end of
 * its turn, without the lock.  Were the descriptor closed in between, the number could be another guest's by
 * then, or a file's.  So it is closed after a grace period: when every worker has begun another turn.
 * Nobody waits for that: what is over is closed when the next one comes, and now and then.
 *
 * Threads: any, but where another one is named.
 */
#ifndef BF_VHOST_LATE_H
#define BF_VHOST_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "vhost/waste.h"

/** Who knows the workers.  Neither function may wait; both are called by any thread. */
struct bf_late_grace {
	/** A grace period begins. @return by what to ask for it; later ones are not over before. */
	uint64_t (*begin)(void *arg);
	bool (*is_over)(void *arg, uint64_t token);
	void *arg;
};

/** There are workers from now on. ctx control. */
void bf_late_open(const struct bf_late_grace *grace);

/** There are none any more: everything is closed, and from now on at once. ctx control; idempotent. */
void bf_late_close(void);

/** Close @p fd after a grace period; until then it counts as queued in the bin. Never waits. */
void bf_late_fd(struct bf_waste_bin *bin, int fd);

/** Close what nobody can be using any more. Never waits. */
void bf_late_collect(void);

#endif

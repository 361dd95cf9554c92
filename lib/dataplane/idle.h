/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a worker does while nothing comes: see idle.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_IDLE_H
#define BF_DATAPLANE_IDLE_H

#include "dataplane/lcore.h"

/** After a turn without frames: wait as the view says. */
void bf_idle(struct bf_worker *w);

/** Frames came: ask nobody to be woken any more. */
void bf_idle_end(struct bf_worker *w);

/** Another view; the one before may be gone, and its guests may have been asked by other workers. */
void bf_idle_reset(struct bf_idle_wait *s);

#endif

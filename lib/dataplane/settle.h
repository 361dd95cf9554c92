/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The order of frames when flows move: see settle.c.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SETTLE_H
#define BF_DATAPLANE_SETTLE_H

#include "dataplane/lcore.h"

/**
 * Before @p next is taken up: when it moves flows between members, wait until what the worker has
 * put into their rings has left, 2 ms at most, so that no frame is overtaken by the next one of its
 * flow.  Drivers that cannot tell are not waited for, nor members that are leaving.
 */
void bf_settle(struct bf_worker *w, const struct bf_view *next);

#endif

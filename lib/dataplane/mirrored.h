/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Copies that mirrors made (mirror.h), on their way to the guests that get them.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_MIRRORED_H
#define BF_DATAPLANE_MIRRORED_H

#include "dataplane/lcore.h"

/** Stage all copies that wait, which makes no more of them. */
void bf_mirrored_send(struct bf_worker *w);

#endif

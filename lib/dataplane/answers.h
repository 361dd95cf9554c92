/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that a worker has made itself, as answers to what it dropped: bf_worker.answers.  They wait for its next
 * turn, because a frame is dropped in the middle of sending others.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_ANSWERS_H
#define BF_DATAPLANE_ANSWERS_H

#include "dataplane/lcore.h"

/**
 * Stage the answers that wait, each for the port where the FDB has its destination; it is not flooded.  When
 * bf_worker.n_answers.
 */
void bf_answers_send(struct bf_worker *w);

/** Free them: at the end. */
void bf_answers_forget(struct bf_worker *w);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DOOR OUT, a worker's side: see mailbox.h.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_POST_H
#define BF_DATAPLANE_POST_H

#include "dataplane/lcore.h"
#include "dataplane/mailbox.h"

/**
 * Post to control, unless the same mark was posted within @p repeat_ms by this worker.
 *
 * @return
 *   Whether the mark is a new one; a full mailbox may have lost it.
 */
bool bf_post(struct bf_worker *w, struct bf_mail *mail, uint64_t mark, uint32_t repeat_ms);

#endif

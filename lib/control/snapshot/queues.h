/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show rxq info and show txq info: a queue of a port, as its driver or its guest has it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_QUEUES_H
#define BF_CONTROL_SNAPSHOT_QUEUES_H

#include "base/table.h"
#include "control/snapshot/port_ref.h"

extern const struct bf_table bf_queue_table;

/** Queues that a port has in a direction. */
unsigned int bf_queues_of(const struct bf_port_ref *r, bool rx);

/** One row, of queue @p q. */
void bf_gather_queue(const struct bf_port_ref *r, bool rx, uint16_t q, struct bf_snapshot *s);

#endif

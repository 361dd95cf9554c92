/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker lcore: polls its queues, switches what it got, reports a quiescent state, again.
 *
 *   rx_bond.c ---\                                                            /--> tx_bond.c
 *                 +-> switch.c (parse, learn, decide) --> stage.c (by port) --+
 *   rx_guest.c --/                                                            \--> tx_guest.c
 *
 * Contract of every tx function: it takes all n frames, sends what it can, frees and counts the
 * rest; after the call the array is dead.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_WORKER_H
#define BF_DATAPLANE_WORKER_H

/** The worker's loop. ctx worker. @param arg struct bf_worker. @return 0 after `quit`. */
int bf_worker_run(void *arg);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rates of a guest: what it may send, and what it gets, in a second.
 *
 * Theory of operation.  Beyond the rate frames are dropped, or get a class (meter.h).  Of what a guest sends
 * they may wait instead: its rings are not polled while the meter has no credit, so nothing is lost and the guest's
 * own queue holds it up.  What a poll brings is charged as a whole, and owed where it is more than the credit.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RATE_H
#define BF_DATAPLANE_RATE_H

#include "dataplane/lcore.h"

/** The rule RATE of a port: see rules.h. */
uint16_t bf_rate_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);
uint16_t bf_rate_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

/** May the rings of a guest with a rate be polled now? */
bool bf_rate_may_poll(struct bf_worker *w, uint16_t slot);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Multicast on the switches whose bond has mcast_snooping=on: what workers hear of IGMP and MLD comes to the
 * database (mdb.h), and what follows from it into a view, at most one in BF_MCAST_VIEW_MS.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_MCAST_H
#define BF_CONTROL_LAN_MCAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "control/lan/mdb.h"
#include "dataplane/sizes.h"

#define BF_MCAST_VIEW_MS 100

struct bf_bridge;

struct bf_mcast_watch {
	struct bf_mdb *mdb;
	uint8_t on; /* bit k: switch k listened at the last look */
	uint64_t viewed_ms; /* when a view was asked for last */
	struct bf_log_limit events, full, queriers;
	uint8_t limited[BF_MAX_PORTS]; /* the port has reached its limit, and an event said so */
};

/** Make the database of a switch. @return false when out of memory. */
bool bf_mcast_open(struct bf_bridge *br);

/** The switches that listen now, a bit for each. */
uint8_t bf_mcast_switches(const struct bf_bridge *br);

/** Take a message that a worker heard. */
void bf_mcast_hear(struct bf_bridge *br, const struct bf_report *r, uint64_t now_ms);
/** Forget a port. */
void bf_mcast_forget(struct bf_bridge *br, uint16_t slot);
/** Forget all, of one switch or of all: -1. Until a querier is heard again, multicast floods. */
void bf_mcast_clear(struct bf_bridge *br, int bond);

/** What is too old is forgotten; a view when something has changed. A task's tick. */
uint64_t bf_mcast_tick(void *bridge, uint64_t now_ms);

#endif

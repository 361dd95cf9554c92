/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What follows when other members carry an uplink's traffic: the stopwatch, announcements, balance.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_PATHS_H
#define BF_CONTROL_BOND_PATHS_H

#include <stdint.h>

#include "control/config/config.h"
#include "dataplane/sizes.h"

struct bf_bridge;
struct bf_uplink;

/** At the last look. */
struct bf_paths {
	uint32_t carrying; /* members that carried, by number */
	uint32_t mode; /* in force */
	char member_names[BF_MAX_MEMBERS][BF_DEV_NAME_MAX]; /* by number */
	struct {
		uint64_t last; /* as the driver counts */
		uint32_t port; /* + 1, whose they are; 0: nobody's yet */
	} sent_errors[BF_MAX_MEMBERS]; /* by number */
	uint64_t errors; /* that were sent, of all members that there were; only grows */
};

/** Look whether other members carry an uplink's traffic now; call after a view was published. */
void bf_paths_check(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms);

/** Announcements, stopwatch, balance, LAG check of all uplinks. A task's tick. */
uint64_t bf_paths_tick(void *bridge, uint64_t now_ms);

/** Announcements are counted by slot, from zero for the next guest. A task's hook. */
void bf_paths_slot_gone(void *bridge, uint16_t slot);

#endif

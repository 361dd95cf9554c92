/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports with more stations than they may have: said in words, or frames to the forgotten ones are
 * flooded, those of a guarded guest's new ones dropped, and nobody knows why.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_CROWD_H
#define BF_CONTROL_GUESTS_CROWD_H

#include <stdint.h>

#include "dataplane/sizes.h"

struct bf_crowd {
	uint32_t looked_s;
	uint32_t told_s[BF_MAX_PORTS]; /* 0: not yet */
	uint64_t seen[BF_MAX_PORTS]; /* stations that had been pushed out at the last event */
	uint64_t refused[BF_MAX_PORTS]; /* frames that a guard had dropped for the limit then */
};

/** Look once a second; an event for each such port, every 30 s at most. A task's tick. */
uint64_t bf_crowd_tick(void *bridge, uint64_t now_ms);

/** What the last guest in a slot had too many of is not the next one's. A task's hook. */
void bf_crowd_slot_gone(void *bridge, uint16_t slot);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What was dropped in the last moments, by port and reason: what was noted 5 to 10 s ago is subtracted from the counters.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_RECENT_H
#define BF_CONTROL_OBSERVE_RECENT_H

#include <stdint.h>

#include "dataplane/drop_list.h"
#include "dataplane/sizes.h"

#define BF_RECENT_MS 5000 /* between two notes */

struct bf_recent_note {
	uint64_t drops[BF_MAX_PORTS][BF_DROP_COUNT];
};

/** Zero is empty. */
struct bf_recent {
	uint64_t next_ms;
	uint64_t begin_ms; /* of what is recent */
	uint64_t newer_ms;
	struct bf_recent_note *older, *newer; /* NULL: nothing has been noted */
};

struct bf_bridge;

/** Frames of a port that were dropped for a reason since @c begin_ms. */
uint64_t bf_recent_drops(const struct bf_bridge *br, uint16_t slot, enum bf_drop why);

/** Since when, in whole seconds, at least 1. */
uint32_t bf_recent_s(const struct bf_bridge *br, uint64_t now_ms);

/** Note the counters, now and then. A task's tick. */
uint64_t bf_recent_tick(void *bridge, uint64_t now_ms);
/** What the guest before has dropped is none of the next one. A task's hook. */
void bf_recent_slot_gone(void *bridge, uint16_t slot);
void bf_recent_fini(struct bf_recent *r);

#endif

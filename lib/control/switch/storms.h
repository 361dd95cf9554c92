/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Limits of what ports send into flooding: put before the workers, watched, and reported when a storm begins
 * and ends.  What workers do with them is in dataplane/storm.h.
 *
 * Theory of operation.  A port has two sets of budgets.  The view names one of them; a change fills the
 * other one, for the next view.  So a limit comes into force with its view, in one piece, and what was owed
 * under another limit is void.
 *
 * Threads: ctx control; workers use the budgets that their view names.
 */
#ifndef BF_CONTROL_SWITCH_STORMS_H
#define BF_CONTROL_SWITCH_STORMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "base/rate_limit.h"
#include "dataplane/sizes.h"
#include "dataplane/storm.h"

extern const char *const bf_storm_names[BF_STORM_COUNT];

/** What is seen of one class at a port. */
struct bf_storm_watch {
	uint64_t offered; /* of the budget, at the last look */
	uint64_t seen; /* frames that had been dropped then */
	uint64_t rate; /* frames or bytes in the second before that */
	bool active; /* more came than the limit, a moment ago */
	bool told; /* an event has said so */
	uint64_t began_ms, lost_ms; /* when it did so first and last */
	uint64_t dropped; /* frames that had been dropped when it began */
};

struct bf_storm_port {
	struct bf_rate_limit limit[BF_STORM_COUNT]; /* as the budgets have them */
	uint8_t current; /* of the two */
	bool limited;
	struct bf_storm_limits budgets[2];
	struct bf_storm_watch watch[BF_STORM_COUNT];
};

struct bf_storms {
	uint64_t looked_ms;
	struct bf_log_limit events;
	struct bf_storm_port port[BF_MAX_PORTS];
};

struct bf_bridge;
struct bf_view;

/** @return NULL when out of memory; free() it when no worker runs. */
struct bf_storms *bf_storms_new(void);

/** Make the limits those of the ports' configuration; a view is built next. */
void bf_storms_arrange(struct bf_bridge *br);
/** The budgets of a new view. */
void bf_storms_fill_view(const struct bf_bridge *br, struct bf_view *v);

/** Look once a second; events when a storm begins, and when it is over. A task's tick. */
uint64_t bf_storms_tick(void *bridge, uint64_t now_ms);
/** The next guest in a slot begins anew. A task's hook. */
void bf_storms_slot_gone(void *bridge, uint16_t slot);

/** Frames of a class that were dropped at a port since the start. */
uint64_t bf_storms_dropped(const struct bf_bridge *br, uint16_t slot, enum bf_storm_class class);

#endif

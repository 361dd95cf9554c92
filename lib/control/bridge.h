/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The switch as a whole: owns the bond, the guests, the FDB and the views, and makes the running
 * state equal to a config.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BRIDGE_H
#define BF_CONTROL_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "control/bond/balance.h"
#include "control/bond/bond.h"
#include "control/bond/failover.h"
#include "control/bond/lag_check.h"
#include "control/bond/missing.h"
#include "control/bond/paths.h"
#include "control/bond/spares.h"
#include "control/config/config.h"
#include "control/export/exporter.h"
#include "control/guests/changes.h"
#include "control/guests/crowd.h"
#include "control/guests/discard.h"
#include "control/guests/guards.h"
#include "control/guests/guest.h"
#include "control/guests/negotiated.h"
#include "control/lan/announce.h"
#include "control/lan/hear.h"
#include "control/lan/mcast.h"
#include "control/lan/neighbors.h"
#include "control/lan/responder.h"
#include "control/memory/crossing.h"
#include "control/memory/frames.h"
#include "control/observe/capture.h"
#include "control/observe/events.h"
#include "control/observe/flight.h"
#include "control/observe/health.h"
#include "control/observe/mirrors.h"
#include "control/observe/rates.h"
#include "control/observe/recent.h"
#include "control/observe/taps.h"
#include "control/observe/watchdog.h"
#include "control/switch/damping.h"
#include "control/switch/fdb.h"
#include "control/switch/moves.h"
#include "control/switch/storms.h"
#include "control/workers/lcores.h"
#include "control/workers/plan.h"

struct bf_bridge_options {
	uint32_t fdb_capacity; /* stations, 0 = 16384 */
	int gid; /* group of guests' sockets that we listen on, -1 = ours */
	const char *console; /* names this instance's files; NULL: there are none */
};

/** A bond as the uplink of a switch, and what control keeps about it. */
struct bf_uplink {
	char name[BF_NAME_MAX]; /* of the bond that is wanted; "": none */
	struct bf_bond bond;
	struct bf_frames frames;
	struct bf_missing missing; /* members whose devices are not there */
	uint64_t next_ms; /* when the bond is looked at again */
	struct bf_paths paths;
	struct bf_lag_check lag_check;
	struct bf_announcer *announcer;
	struct bf_failovers failovers;
	struct bf_balance balance;
};

struct bf_bridge {
	struct bf_bridge_options opt;
	struct bf_config *running; /* what is in force */
	struct bf_lcores lcores;
	struct bf_fdb *fdb;
	struct bf_uplink up[BF_MAX_BONDS];
	struct bf_guest_ground ground;
	struct bf_guest *guests[BF_MAX_PORTS]; /* by slot */
	bool dirty; /* a new view is due */
	struct bf_view *spare_view; /* for when memory is short; any size fits */
	struct bf_events events;
	struct bf_rate_windows rates;
	struct bf_recent recent;
	struct bf_neighbors *neighbors;
	struct bf_groups *groups;
	struct bf_mcast_watch mcast;
	struct bf_moves moves;
	struct bf_damping damping;
	struct bf_storms *storms;
	struct bf_plan plan;
	struct bf_crossings crossings;
	struct bf_taps taps;
	struct bf_captures captures;
	struct bf_exporters exporters;
	struct bf_mirrors mirrors;
	uint16_t generation; /* goes up with every guest port that is made */
	struct bf_crowd crowd;
	uint64_t started_ms;
	struct bf_health health;
	struct bf_flights flights;
	struct bf_watchdog watchdog;
	struct bf_hearing hearing;
	struct bf_uplink_watch uplink_watch;
	struct bf_guest_changes guest_changes;
	struct bf_guards guards;
	struct bf_lease_book leases;
	struct bf_negotiated_book negotiated;
	struct bf_responder_state responder;
	struct bf_discards discards;
	struct bf_stats_base *base;
	uint64_t slot_since_tsc
		[BF_MAX_PORTS]; /* when the port before left the slot; 0: there was none */
};

/**
 * Build the switch: memory, workers' state, no port yet.
 *
 * @return NULL with the reason.
 */
struct bf_bridge *bf_bridge_create(const struct bf_bridge_options *opt, struct bf_err *err);

/** Launch the workers. */
int bf_bridge_start(struct bf_bridge *br, struct bf_err *err);

/** Stop everything and free it; guests see a disconnection. NULL is allowed. */
void bf_bridge_destroy(struct bf_bridge *br);

/** Everything that could be wrong with a config on this host. Changes nothing. */
int bf_bridge_check(const struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/**
 * Make the running state equal to @p want, touching only what differs; when a step fails, go
 * back to what ran before.
 *
 * @return 0, or -errno with the reason; then nothing has changed.
 */
int bf_bridge_apply(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/** A turn of the control loop: every task of turn.c. @return absolute ms when the next one is due. */
uint64_t bf_bridge_tick(struct bf_bridge *br, uint64_t now_ms);

/**
 * A guest has left a slot and the workers' view: every task of turn.c forgets what it kept by the slot's
 * number.
 */
void bf_bridge_slot_gone(struct bf_bridge *br, uint16_t slot);

/** The uplink of the bond that is wanted under a name, or NULL. */
struct bf_uplink *bf_bridge_uplink(struct bf_bridge *br, const char *bond);

/** Guest by name, or NULL. */
struct bf_guest *bf_bridge_guest(struct bf_bridge *br, const char *name);

/** Name of a switch port: the bond's or a guest's; "?" when there is none. */
const char *bf_bridge_port_name(const struct bf_bridge *br, uint16_t slot);

/** Forget the stations that were learned at a port, and what they said. @param port -1: all */
void bf_bridge_forget(struct bf_bridge *br, int port);

/** Port ids of the console: ethdev ports keep theirs, guests follow from this on, by slot. */
#define BF_GUEST_ID_BASE 100
static inline unsigned int
bf_guest_id(const struct bf_guest *g)
{
	return BF_GUEST_ID_BASE + g->slot - 1u;
}

/* ---- publish.c ---- */

/**
 * Publish a view; after this no worker touches what it does not name.
 *
 * @return
 *   0, or -ENOMEM: then the old view is still in force.
 */
int bf_bridge_publish_and_wait(struct bf_bridge *br);

/** A view, when something has changed since the last one. A task's tick. */
uint64_t bf_publish_tick(void *bridge, uint64_t now_ms);
/** Free what nobody uses any more: views, pools, guests' memory. A task's tick. */
uint64_t bf_collect_tick(void *bridge, uint64_t now_ms);

/* ---- view.c ---- */

/**
 * Build the view of the present state.
 *
 * @param room
 *   From bf_view_spare(), or NULL to allocate.
 * @return
 *   NULL when out of memory.
 */
struct bf_view *bf_view_build(const struct bf_bridge *br, struct bf_view *room);
/** Memory that any view fits into. */
struct bf_view *bf_view_spare(void);
/** The rules that a view has for what comes from a guest's port, also while nothing is polled there. */
uint16_t bf_view_rules_in(const struct bf_view *v, uint16_t slot);

#endif

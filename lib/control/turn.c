/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A turn of the control loop: everybody in turn.
 *
 * Threads: ctx control.
 */
#include "control/bond/lldp.h"
#include "control/bond/paths.h"
#include "control/bridge.h"
#include "control/guests/changes.h"
#include "control/guests/discard.h"
#include "control/guests/guards.h"
#include "control/guests/uplink_loss.h"
#include "control/lan/hear.h"
#include "control/lan/mcast.h"
#include "control/loop/notify.h"
#include "control/loop/task.h"
#include "control/observe/stats.h"
#include "control/uplinks.h"

#define NOTICES_PER_TICK 1024
#define AGE_TURN_MS 1000 /* the whole FDB is looked at once in this time */

static uint64_t
notices_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_notice n;

	for (unsigned int i = 0; i < NOTICES_PER_TICK && bf_notify_take(&n); i++) {
		if (n.kind == BF_NOTICE_LINK)
			bf_uplinks_on_link(br, (uint16_t)n.a, now_ms);
		else if (n.a < BF_MAX_PORTS && br->guests[n.a] != NULL)
			bf_guest_changes_note(br, br->guests[n.a], n.kind, now_ms);
	}
	return BF_TASK_NEVER; /* they wake the loop */
}

/* Stations that were not heard for too long: a part of the table in each turn. */
static uint64_t
fdb_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;

	bf_fdb_age(br->fdb, 1 + bf_fdb_n_buckets(br->fdb) / (AGE_TURN_MS / BF_TURN_MS));
	bf_fdb_commit(br->fdb);
	return now_ms + BF_TURN_MS;
}

/*
 * In this order: what happened to guests and members; the view that follows from it; what stations
 * have said, by that view; then what is done now and then, and the view that follows from that.
 */
static const struct bf_task tasks[] = {
	{"notices", notices_tick, NULL},
	{"guest-changes", bf_guest_changes_tick, NULL},
	{"disabled-rings", bf_discard_tick, NULL},
	{"bond-frames", bf_uplinks_frames_tick, NULL},
	{"bonds", bf_uplinks_tick, NULL},
	{"lldp", bf_lldp_tick, NULL},
	{"view", bf_publish_tick, NULL},
	{"hear", bf_hear_tick, bf_hear_slot_gone},
	{"multicast", bf_mcast_tick, NULL},
	{"moves", bf_moves_tick, NULL},
	{"guards", bf_guards_tick, NULL},
	{"leases", bf_leases_tick, NULL},
	{"responder", bf_responder_tick, NULL},
	{"station-limits", bf_crowd_tick, bf_crowd_slot_gone},
	{"paths", bf_paths_tick, bf_paths_slot_gone},
	{"uplink-loss", bf_uplink_loss_tick, NULL},
	{"plan", bf_plan_tick, NULL},
	{"numa", bf_crossings_tick, NULL},
	{"missing-members", bf_uplinks_missing_tick, NULL},
	{"stats", NULL, bf_stats_slot_gone},
	{"rates", bf_rates_tick, bf_rates_slot_gone},
	{"recent-drops", bf_recent_tick, bf_recent_slot_gone},
	{"storms", bf_storms_tick, bf_storms_slot_gone},
	{"health", bf_health_tick, bf_health_slot_gone},
	{"flights", bf_flights_tick, bf_flights_slot_gone},
	{"watchdog", bf_watchdog_tick, NULL},
	{"captures", bf_captures_tick, NULL},
	{"view-again", bf_publish_tick, NULL},
	{"fdb", fdb_tick, NULL},
	{"collect", bf_collect_tick, NULL},
};

uint64_t
bf_bridge_tick(struct bf_bridge *br, uint64_t now_ms)
{
	return bf_tasks_tick(tasks, RTE_DIM(tasks), br, now_ms);
}

void
bf_bridge_slot_gone(struct bf_bridge *br, uint16_t slot)
{
	bf_tasks_slot_gone(tasks, RTE_DIM(tasks), br, slot);
}

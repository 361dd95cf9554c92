/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports at the limit of their stations: see crowd.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/crowd.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/observe/events.h"
#include "control/observe/stats.h"

#define REPEAT_S 30

/* What became of the stations beyond the limit; a guarded guest's are refused, but in many VLANs. */
static void
guest_tell(struct bf_bridge *br, const struct bf_guest *g, uint64_t pushed_out, uint64_t refused)
{
	char what[192] = "";
	size_t len = 0;

	if (pushed_out > 0)
		len = (size_t)snprintf(what, sizeof(what),
			" (the same address counts once in each VLAN): %" PRIu64
			" were forgotten for new ones, frames to those are flooded",
			pushed_out);
	if (refused > 0)
		snprintf(what + len, sizeof(what) - len,
			"%s %" PRIu64 " frames of new ones were dropped", len > 0 ? ";" : ":",
			refused);
	bf_event(&br->events, BF_LOG_WARNING, "mac_limit", g->cfg.name,
		"has more stations than mac_limit=%" PRIu32
		"%s; set guest %s mac_limit=N allows more",
		g->cfg.mac_limit, what, g->cfg.name);
}

static void
crowd_tell(struct bf_bridge *br, uint16_t slot, uint64_t pushed_out, uint64_t refused)
{
	const struct bf_guest *g = br->guests[slot];

	if (g != NULL)
		guest_tell(br, g, pushed_out, refused);
	else if (bf_is_bond_slot(slot))
		bf_event(&br->events, BF_LOG_WARNING, "mac_limit",
			br->up[bf_bond_of_slot(slot)].bond.cfg.name,
			"has more stations than the table holds: %" PRIu64
			" were forgotten for new ones, frames to those are flooded; --fdb-size allows "
			"more than %" PRIu32,
			pushed_out, br->fdb->capacity);
}

static void
port_look(struct bf_bridge *br, uint16_t slot, uint32_t now_s)
{
	struct bf_crowd *c = &br->crowd;
	uint64_t pushed_out = br->fdb->port_evicted[slot];
	uint64_t refused = bf_stats_dropped(br, slot, BF_DROP_MAC_LIMIT);

	if ((pushed_out == c->seen[slot] && refused == c->refused[slot]) ||
		(c->told_s[slot] != 0 && now_s - c->told_s[slot] < REPEAT_S))
		return;
	crowd_tell(br, slot, pushed_out - c->seen[slot], refused - c->refused[slot]);
	c->seen[slot] = pushed_out;
	c->refused[slot] = refused;
	c->told_s[slot] = now_s;
}

uint64_t
bf_crowd_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_crowd *c = &br->crowd;
	uint32_t now_s = br->fdb->now_s;

	if (now_s == c->looked_s)
		return now_ms + BF_TURN_MS; /* the FDB's clock */
	c->looked_s = now_s;
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		port_look(br, s, now_s);
	return now_ms + BF_TURN_MS;
}

void
bf_crowd_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	br->crowd.seen[slot] = br->fdb->port_evicted[slot];
	br->crowd.refused[slot] = bf_stats_dropped(br, slot, BF_DROP_MAC_LIMIT);
	br->crowd.told_s[slot] = 0;
}

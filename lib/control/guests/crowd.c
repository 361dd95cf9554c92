/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports at the limit of their stations: see crowd.h.
 *
 * Threads: ctx control.
 */
#include "control/guests/crowd.h"

#include <inttypes.h>

#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/observe/events.h"

#define REPEAT_S 30

static void
crowd_tell(struct bf_bridge *br, uint16_t slot, uint64_t pushed_out)
{
	const struct bf_guest *g = br->guests[slot];

	if (g != NULL)
		bf_event(&br->events, BF_LOG_WARNING, "mac_limit", g->cfg.name,
			"has more stations than mac_limit=%" PRIu32
			" (the same address counts once in each VLAN): %" PRIu64
			" were forgotten for new ones, frames to those are flooded; set guest %s "
			"mac_limit=N allows more",
			g->cfg.mac_limit, pushed_out, g->cfg.name);
	else if (bf_is_bond_slot(slot))
		bf_event(&br->events, BF_LOG_WARNING, "mac_limit",
			br->up[bf_bond_of_slot(slot)].bond.cfg.name,
			"has more stations than the table holds: %" PRIu64
			" were forgotten for new ones, frames to those are flooded; --fdb-size allows "
			"more than %" PRIu32,
			pushed_out, br->fdb->capacity);
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
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++) {
		uint64_t now = br->fdb->port_evicted[s];

		if (now == c->seen[s] || (c->told_s[s] != 0 && now_s - c->told_s[s] < REPEAT_S))
			continue;
		crowd_tell(br, s, now - c->seen[s]);
		c->seen[s] = now;
		c->told_s[s] = now_s;
	}
	return now_ms + BF_TURN_MS;
}

void
bf_crowd_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	br->crowd.seen[slot] = br->fdb->port_evicted[slot];
	br->crowd.told_s[slot] = 0;
}

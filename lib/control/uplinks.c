/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the bonds need in every turn: their frames and links, their timers, devices that appear.
 *
 * Threads: ctx control.
 */
#include "control/uplinks.h"

#include <errno.h>
#include <stdlib.h>

#include "control/apply.h"
#include "control/bond/probe.h"
#include "control/bridge.h"
#include "control/loop/task.h"

#define FRAMES_PER_TICK 64

void
bf_uplinks_on_link(struct bf_bridge *br, uint16_t port, uint64_t now_ms)
{
	int owner = bf_bond_device_owner(port);

	if (owner < 0)
		return; /* it has left since */
	bf_bond_on_link(&br->up[owner].bond, port, now_ms);
	br->up[owner].next_ms = 0;
}

uint64_t
bf_uplinks_frames_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct rte_mbuf *m;

	for (int i = 0; i < FRAMES_PER_TICK; i++) {
		struct bf_uplink *u;

		if (rte_ring_sc_dequeue(br->lcores.slow, (void **)&m) != 0)
			break;
		u = &br->up[RTE_MAX(bf_bond_device_owner(m->port), 0)];
		bf_bond_on_slow(&u->bond, m->port, m, now_ms);
		u->next_ms = 0; /* LACP's deadline may have come nearer */
	}
	for (int i = 0; i < FRAMES_PER_TICK; i++) {
		if (rte_ring_sc_dequeue(br->lcores.for_us, (void **)&m) != 0)
			break;
		bf_probe_receive(
			&br->up[RTE_MAX(bf_bond_device_owner(m->port), 0)].bond, m, now_ms);
	}
	return now_ms + BF_TURN_MS; /* workers do not wake us for them */
}

/* A mode change that found no partner is undone while the mode before still carries. */
static void
uplink_undo_mode(struct bf_bridge *br, struct bf_uplink *u)
{
	struct bf_config *c = bf_config_copy(br->running);
	struct bf_err err = {"out of memory"};
	int ret = -ENOMEM;

	u->bond.going_back = false;
	if (c != NULL && bf_config_bond(c, u->name) != NULL) {
		bf_config_bond(c, u->name)->mode = u->bond.held_mode;
		ret = bf_bridge_apply(br, c, &err);
	}
	free(c);
	if (ret == 0) {
		bf_event(&br->events, BF_LOG_WARNING, "mode_undone", u->bond.cfg.name,
			"no partner spoke LACP: mode %s again; expected a LAG with LACP on the switch",
			bf_mode_names[u->bond.cfg.mode]);
		return;
	}
	u->bond.held_until_ms = 0;
	u->bond.dirty = true;
	bf_event(&br->events, BF_LOG_ERR, "mode_undone", u->bond.cfg.name,
		"no partner spoke LACP, and the previous mode cannot be restored: %s", err.text);
}

/* @return when the next one is due. */
static uint64_t
uplink_bond_tick(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	uint64_t probes = bf_probe_tick(&u->bond, now_ms);

	if (now_ms >= u->next_ms || u->bond.dirty)
		u->next_ms = bf_bond_tick(&u->bond, now_ms);
	if (u->bond.going_back)
		uplink_undo_mode(br, u);
	return RTE_MIN(u->next_ms, probes);
}

/* A device that nobody types may not interrupt the others. */
static int
check_takes_in(const struct bf_uplink *u, const struct bf_bond_config *want, struct bf_err *err)
{
	struct bf_bond_config there;

	bf_missing_leave_out(&u->missing, want, &there);
	if (u->bond.open && bf_bond_needs_reopen(&u->bond, &there))
		return bf_err_set(err, EBUSY,
			"it takes %s: to open %s anew for it, remove it and add it by hand",
			bf_bond_other_rings(&u->bond, &there)
				? "longer rings than the bond has"
				: "shorter frames than those that are there",
			u->name);
	return 0;
}

static int
uplink_take_in(struct bf_bridge *br, struct bf_uplink *u, struct bf_err *err)
{
	const struct bf_bond_config *want = bf_config_find_bond(br->running, u->name);
	int ret = bf_bridge_check(br, br->running, err);

	if (ret == 0)
		ret = check_takes_in(u, want, err);
	if (ret == 0)
		ret = bf_apply_bond(br, u, want, err);
	if (ret == 0)
		bf_frames_share(br);
	return ret;
}

/* A device that has appeared: the bond is made as it was wanted all along. */
static void
uplink_look_for_missing(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	struct bf_missing_member *m = bf_missing_look(&u->missing, now_ms);
	struct bf_err err = {""}, again = {""};

	if (m == NULL)
		return;
	if (uplink_take_in(br, u, &err) == 0) {
		bf_event(&br->events, BF_LOG_NOTICE, "member_appeared", m->name,
			"its device is there: a member of %s", u->name);
	} else {
		bf_missing_refuse(m, now_ms);
		bf_event(&br->events, BF_LOG_WARNING, "member_unfit", m->name, "%s", err.text);
		if (bf_apply_bond(br, u, bf_config_find_bond(br->running, u->name), &again) != 0)
			bf_event(&br->events, BF_LOG_ERR, "rollback_failed", "config", "%s",
				again.text);
		else
			bf_frames_share(br);
	}
	bf_missing_note(
		&u->missing, bf_config_find_bond(br->running, u->name), &br->events, now_ms);
	br->dirty = true;
	u->next_ms = 0;
}

uint64_t
bf_uplinks_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	uint64_t due = BF_TASK_NEVER;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		uint64_t its = uplink_bond_tick(br, &br->up[k], now_ms);

		due = RTE_MIN(due, its);
	}
	return due;
}

uint64_t
bf_uplinks_missing_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	uint64_t due = BF_TASK_NEVER;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		uplink_look_for_missing(br, &br->up[k], now_ms);
		due = RTE_MIN(due, bf_missing_due(&br->up[k].missing));
	}
	return due;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Making the bonds equal to a config: what is given up first, then what is new.
 *
 * Threads: ctx control.
 */
#include "control/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mac.h"
#include "control/bond/link_detect.h"
#include "control/bridge.h"
#include "control/lan/hear.h"
#include "control/observe/stats.h"
#include "control/workers/floods.h"

static int
bond_close(struct bf_bridge *br, struct bf_uplink *u, struct bf_err *err)
{
	int ret;

	if (!u->bond.open)
		return 0;
	bf_bond_leave(&u->bond, -1, true, bf_clock_ms());
	u->bond.open = false; /* first out of the workers' sight, then out of the world */
	ret = bf_bridge_publish_and_wait(br);
	u->bond.open = true;
	if (ret != 0) {
		bf_bond_leave(&u->bond, -1, false, bf_clock_ms());
		return bf_err_set(err, ENOMEM, "bond %s: out of memory", u->bond.cfg.name);
	}
	bf_bond_close(&u->bond);
	bf_health_bond_closed(&br->health, u->bond.number);
	bf_frames_drop(&u->frames);
	bf_mcast_clear(br, (int)u->bond.number);
	bf_fdb_flush_port(br->fdb, bf_bond_slot(u->bond.number), false);
	bf_fdb_commit(br->fdb);
	bf_event(&br->events, BF_LOG_NOTICE, "bond_closed", u->bond.cfg.name, "closed");
	return 0;
}

/* Elsewhere on the same network the card would meet its own address. */
static void
member_warn_of_address(struct bf_bridge *br, struct bf_uplink *u, const char *member)
{
	char mac[BF_MAC_TEXT_SIZE];

	bf_mac_text(u->bond.mac.addr_bytes, mac);
	bf_event(&br->events, BF_LOG_WARNING, "bond_keeps_address", u->bond.cfg.name,
		"keeps the address %s of %s, which has left: do not use that card on the same "
		"network, or give the bond another one: set bonding mac_addr",
		mac, member);
}

/* A member leaves in the order: tables, grace period, PMD, stop (inside bf_bond_member_remove()). */
static int
member_remove(struct bf_bridge *br, struct bf_uplink *u, const char *name, uint64_t now_ms,
	struct bf_err *err)
{
	int at = bf_bond_config_member(&u->bond.cfg, name);
	char copy[BF_DEV_NAME_MAX];
	struct rte_ether_addr own;

	memcpy(copy, u->bond.members[at].name, sizeof(copy));
	bf_bond_leave(&u->bond, at, true, now_ms);
	u->bond.members[at].usable = u->bond.members[at].distribute = false;
	u->bond.members[at].drained = true;
	if (bf_bridge_publish_and_wait(br) == 0)
		bf_lcores_grace(
			&br->lcores); /* now every worker has taken it up: its flows moved */
	u->bond.members[at].leaving = true;
	if (bf_bridge_publish_and_wait(br) != 0) {
		u->bond.members[at].leaving = u->bond.members[at].going = false;
		u->bond.members[at].drained = u->bond.cfg.members[at].drained;
		return bf_err_set(err, ENOMEM, "member %s: out of memory", copy);
	}
	own = u->bond.members[at].mac;
	bf_bond_member_remove(&u->bond, copy, now_ms);
	bf_event(&br->events, BF_LOG_NOTICE, "member_removed", copy, "left %s", u->bond.cfg.name);
	if (rte_is_same_ether_addr(&own, &u->bond.mac))
		member_warn_of_address(br, u, copy);
	return 0;
}

/* A member stays one, unless its link is to be watched, or its card used, in another way: that needs a new start. */
static bool
member_stays(const struct bf_bond *b, unsigned int i, const struct bf_bond_config *want)
{
	const struct bf_member *m = &b->members[i];
	int at = bf_bond_config_member(want, m->name);

	return at >= 0 && want->members[at].no_offload == b->cfg.members[i].no_offload &&
		bf_link_detect_of(want, &want->members[at], m->has_interrupt) == m->detect;
}

static bool
bond_keeps_a_member(const struct bf_bond *b, const struct bf_bond_config *want)
{
	for (uint32_t i = 0; i < b->n_members; i++)
		if (member_stays(b, i, want))
			return true;
	return false;
}

/*
 * What a bond gives up: members that it is to have no longer, or all of it.
 *
 * @param want
 *   NULL: no bond.
 * @param changed
 *   Set when members left a bond that stays open.
 */
static int
bond_shrink(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	bool *changed, struct bf_err *err)
{
	uint64_t now_ms = bf_clock_ms();
	struct bf_bond *b = &u->bond;
	struct bf_bond_config there = {.n_members = 0};
	int ret = 0;

	*changed = false;
	if (want != NULL)
		bf_missing_leave_out(&u->missing, want, &there);
	/* A bond that loses all its members for others is another bond. */
	if (want == NULL || there.n_members == 0 || !b->open || bf_bond_needs_reopen(b, &there) ||
		!bond_keeps_a_member(b, &there)) {
		if (b->open && there.n_members > 0)
			ret = bf_bond_device_check_frames(b, &there, err);
		return ret != 0 ? ret : bond_close(br, u, err);
	}
	for (uint32_t i = b->n_members; i > 0 && ret == 0; i--) {
		if (member_stays(b, i - 1, &there))
			continue;
		ret = member_remove(br, u, b->members[i - 1].name, now_ms, err);
		*changed = true;
	}
	return ret;
}

/* A bond comes to other VLANs: what is known of its LAN belongs to those before. */
static int
bond_change(struct bf_bridge *br, struct bf_bond *b, const struct bf_bond_config *want,
	uint64_t now_ms, struct bf_err *err)
{
	struct bf_bond_config old = b->cfg;
	struct bf_port_vlan before = bf_floods_bond_vlan(&old), now;
	int ret = bf_bond_reconfigure(b, want, now_ms, err);

	now = bf_floods_bond_vlan(&b->cfg);
	if (ret != 0 || bf_floods_same_vlan(&before, &now))
		return ret;
	if (bf_bridge_publish_and_wait(br) != 0)
		return bf_err_set(err, ENOMEM, "bond %s: out of memory", b->cfg.name);
	bf_hear_out(br, bf_bond_slot(b->number));
	return 0;
}

/* What a bond gets, after bond_shrink(). */
static int
bond_grow(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	bool changed, struct bf_err *err)
{
	uint64_t now_ms = bf_clock_ms();
	struct bf_bond *b = &u->bond;
	struct bf_bond_config there;
	uint32_t absent;
	bool same;
	int ret = 0;

	if (want == NULL)
		return 0;
	bf_missing_leave_out(&u->missing, want, &there);
	if (there.n_members == 0)
		return 0;
	absent = bf_bond_config_n_regular(want) - bf_bond_config_n_regular(&there);
	if (!b->open) {
		bf_bond_set_absent(b, absent, now_ms);
		b->n_expected = want->n_members;
		ret = bf_bond_open(b, &there, now_ms, err);
		bf_stats_members_change(br, b->number);
		if (ret == 0)
			bf_event(&br->events, BF_LOG_NOTICE, "bond_opened", b->cfg.name,
				"%s over %" PRIu32 " members, mtu %" PRIu32,
				bf_mode_names[b->cfg.mode], b->n_members, b->cfg.mtu);
		return ret;
	}
	same = !changed && bf_bond_config_is_equal(&b->cfg, &there);
	for (uint32_t i = 0; i < there.n_members && ret == 0; i++)
		if (bf_bond_config_member(&b->cfg, there.members[i].name) < 0)
			ret = bf_bond_member_add(b, &there.members[i], now_ms, err);
	bf_stats_members_change(br, b->number);
	if (ret == 0 && absent > b->n_absent) /* spares serve for them: LACP counts with those */
		bf_bond_set_absent(b, absent, now_ms);
	if (ret == 0 && !same)
		ret = bond_change(br, b, &there, now_ms, err);
	bf_bond_set_absent(b, absent, now_ms); /* who came back is there before its spare leaves */
	return ret;
}

int
bf_apply_bond(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	struct bf_err *err)
{
	bool changed;
	int ret = bond_shrink(br, u, want, &changed, err);

	return ret != 0 ? ret : bond_grow(br, u, want, changed, err);
}

/* Which uplink each wanted bond has: its own, or a free one. */
static void
uplinks_name(struct bf_bridge *br, const struct bf_config *want)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (bf_config_find_bond(want, br->up[k].name) == NULL)
			br->up[k].name[0] = '\0';
	for (uint32_t i = 0; i < want->n_bonds; i++) {
		unsigned int k = 0;

		if (bf_bridge_uplink(br, want->bonds[i].name) != NULL)
			continue;
		while (br->up[k].name[0] != '\0')
			k++; /* there are as many as bonds may be wanted */
		memcpy(br->up[k].name, want->bonds[i].name, sizeof(br->up[k].name));
		memset(&br->up[k].failovers, 0, sizeof(br->up[k].failovers));
		bf_stats_clear_port(br, bf_bond_slot(k)); /* another bond: its counters begin */
	}
}

/* What is given up comes first: another bond may want the members. */
int
bf_apply_bonds(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	bool changed[BF_MAX_BONDS];
	int ret = 0;

	for (unsigned int k = 0; k < BF_MAX_BONDS && ret == 0; k++)
		ret = bond_shrink(br, &br->up[k], bf_config_find_bond(want, br->up[k].name),
			&changed[k], err);
	if (ret == 0) /* what could not be given up is found under its name when it goes back */
		uplinks_name(br, want);
	if (ret == 0)
		ret = bf_apply_place_guests(br, want, err);
	for (unsigned int k = 0; k < BF_MAX_BONDS && ret == 0; k++)
		ret = bond_grow(
			br, &br->up[k], bf_config_find_bond(want, br->up[k].name), changed[k], err);
	return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Making the guests' ports equal to a config.
 *
 * Threads: ctx control.
 */
#include "control/apply.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/guests/forced.h"
#include "control/lan/hear.h"
#include "control/workers/floods.h"

#define GUARDED_STATIONS 1024u /* of a guest whose addresses are limited by its guard */

/* A guest that names no bond is on the switch of the only one, or of the first that comes. */
static struct bf_uplink *
guest_uplink(struct bf_bridge *br, const struct bf_guest_config *cfg)
{
	struct bf_uplink *u = cfg->uplink[0] != '\0' ? bf_bridge_uplink(br, cfg->uplink) : NULL;

	for (unsigned int k = 0; u == NULL && k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0')
			u = &br->up[k];
	return u != NULL ? u : &br->up[0];
}

/* Stations count once in each VLAN; the guard counts addresses. */
static uint32_t
guest_quota(const struct bf_guest_config *cfg)
{
	return cfg->mac_guard ? RTE_MAX(cfg->mac_limit, GUARDED_STATIONS) : cfg->mac_limit;
}

/* @param next one of the same name that follows, or NULL */
static int
guest_remove(struct bf_bridge *br, struct bf_guest *g, const struct bf_guest_config *next,
	struct bf_err *err)
{
	uint16_t slot = g->slot;

	br->guests[slot] = NULL;
	if (bf_bridge_publish_and_wait(br) != 0) {
		br->guests[slot] = g;
		return bf_err_set(err, ENOMEM, "guest \"%s\": out of memory", g->cfg.name);
	}
	bf_bridge_slot_gone(br, slot);
	bf_guards_close(br, g, next != NULL);
	bf_leases_close(br, g, next != NULL);
	if (next == NULL)
		bf_negotiated_remove(&br->negotiated, g->cfg.name);
	bf_event(&br->events, BF_LOG_NOTICE, g->cfg.host ? "host_removed" : "guest_removed",
		g->cfg.name, "removed");
	if (next == NULL || !next->host)
		bf_guest_forget(g);
	bf_guest_close(g, &br->ground);
	return 0;
}

/* @return whether the guest comes to another switch or to other VLANs */
static bool
guest_place(struct bf_bridge *br, struct bf_guest *g, const struct bf_guest_config *want)
{
	struct bf_port_vlan before = bf_floods_guest_vlan(&g->cfg),
			    now = bf_floods_guest_vlan(want);
	bool moves = !bf_floods_same_vlan(&before, &now);
	uint8_t uplink = g->uplink;

	g->uplink = (uint8_t)guest_uplink(br, want)->bond.number;
	g->cfg.vlan = want->vlan;
	g->cfg.trunk = want->trunk;
	g->cfg.native = want->native;
	g->cfg.qinq = want->qinq;
	if (g->uplink != uplink)
		bf_event(&br->events, BF_LOG_NOTICE, "guest_uplink", g->cfg.name,
			"is on the switch of %s now",
			bf_bridge_port_name(br, bf_bond_slot(g->uplink)));
	return moves || g->uplink != uplink;
}

/*
 * All in one view, before bonds are opened: a new bond may have the number of one that is given up, and none of
 * its frames may reach a guest that is on its way to another switch.  What is known of a guest belongs to the switch and
 * the VLANs before.
 */
int
bf_apply_place_guests(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	bool moved[BF_MAX_PORTS] = {false}, any = false;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(want, g->cfg.name);

		moved[s] = w != NULL && guest_place(br, g, w);
		any = any || moved[s];
	}
	if (!any)
		return 0;
	if (bf_bridge_publish_and_wait(br) != 0)
		return bf_err_set(err, ENOMEM, "guests: out of memory to move them");
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		if (!moved[s])
			continue;
		bf_hear_out(br, (uint16_t)s);
		bf_leases_move(br, br->guests[s]);
		bf_guards_write(br, br->guests[s]);
	}
	return 0;
}

/* @p slot: the one to use when it is free, 0: any. */
static int
guest_add(
	struct bf_bridge *br, const struct bf_guest_config *cfg, uint16_t slot, struct bf_err *err)
{
	struct bf_uplink *u;

	if (slot == 0 || br->guests[slot] != NULL)
		slot = 1;
	while (slot <= BF_MAX_GUESTS && br->guests[slot] != NULL)
		slot++;
	if (slot > BF_MAX_GUESTS)
		return bf_err_set(err, ENOSPC, "guest \"%s\": expected at most %d guests",
			cfg->name, BF_MAX_GUESTS);
	u = guest_uplink(br, cfg);
	br->guests[slot] =
		bf_guest_open(cfg, slot, u->bond.open ? u->bond.pool : NULL, &br->ground, err);
	if (br->guests[slot] == NULL)
		return -errno;
	br->guests[slot]->generation = ++br->generation;
	br->guests[slot]->uplink = (uint8_t)u->bond.number;
	bf_fdb_set_quota(br->fdb, slot, guest_quota(cfg));
	bf_leases_open(br, br->guests[slot]);
	bf_forced_note(&br->negotiated, cfg);
	bf_guards_open(br, br->guests[slot]);
	br->dirty = true;
	if (bf_qos_arrange(br, br->guests[slot], err) != 0)
		return -errno;
	if (cfg->host)
		bf_event(&br->events, BF_LOG_NOTICE, "host_added", cfg->name,
			"an interface of the host's kernel");
	else
		bf_event(&br->events, BF_LOG_NOTICE, "guest_added", cfg->name, "socket %s, %s mode",
			cfg->socket, cfg->server ? "server" : "client");
	return 0;
}

int
bf_apply_remove_guests(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err)
{
	int ret = 0;

	for (unsigned int s = 1; s < BF_MAX_PORTS && ret == 0; s++) {
		struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(want, g->cfg.name);

		if (g != NULL && (w == NULL || bf_guest_config_reopens(&g->cfg, w)))
			ret = guest_remove(br, g, w, err);
	}
	return ret;
}

/* Where the wanted guests are now: one that is opened anew keeps its slot, and so its id. */
void
bf_apply_note_slots(const struct bf_bridge *br, const struct bf_config *want, uint16_t *slots)
{
	memset(slots, 0, want->n_guests * sizeof(*slots));
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(want, g->cfg.name);

		if (w != NULL)
			slots[w - want->guests] = (uint16_t)s;
	}
}

/* Those with a slot of their own come first, so that no new guest takes it. */
static int
guests_add(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err)
{
	int ret = 0;

	for (unsigned int again = 0; again < 2; again++)
		for (uint32_t i = 0; i < want->n_guests && ret == 0; i++)
			if ((slots[i] == 0) == (again == 1) &&
				bf_bridge_guest(br, want->guests[i].name) == NULL)
				ret = guest_add(br, &want->guests[i], slots[i], err);
	return ret;
}

int
bf_apply_guests(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err)
{
	int ret = guests_add(br, want, slots, err);

	br->uplink_watch.next_ms = 0; /* others may follow their bonds now, or another bond */

	for (uint32_t i = 0; i < want->n_guests && ret == 0; i++) {
		struct bf_guest *g = bf_bridge_guest(br, want->guests[i].name);

		if (!bf_guest_config_is_equal(&g->cfg, &want->guests[i])) {
			struct bf_guest_config old = g->cfg;

			if (g->cfg.learning && !want->guests[i].learning)
				bf_fdb_flush_port(br->fdb, g->slot, false);
			bf_guest_reconfigure(g, &want->guests[i]);
			bf_guest_refresh(g, bf_clock_ms());
			bf_fdb_set_quota(br->fdb, g->slot, guest_quota(&g->cfg));
			bf_guards_change(br, g, &old);
			bf_leases_change(br, g);
			bf_plan_guest(br, g);
			br->dirty = true;
			ret = bf_qos_arrange(br, g, err);
		}
	}
	return ret;
}

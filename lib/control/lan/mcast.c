/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See mcast.h.
 *
 * Threads: ctx control.
 */
#include "control/lan/mcast.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "base/clock.h"
#include "control/bridge.h"
#include "control/loop/task.h"

/* An operator wants to know why multicast goes to all again. */
static void
querier_tell(void *bridge, const struct bf_mdb_querier *q, bool gone)
{
	struct bf_bridge *br = bridge;
	const char *name = bf_bridge_port_name(br, bf_bond_slot(BF_FDB_BOND_OF(q->vlan)));
	const char *protocol = q->v6 ? "MLD" : "IGMP";
	char address[INET6_ADDRSTRLEN];
	uint32_t more;

	if (!bf_log_allow(&br->mcast.queriers, bf_clock_ms(), &more))
		return;
	inet_ntop(q->v6 ? AF_INET6 : AF_INET, q->address, address, sizeof(address));
	if (gone)
		bf_event(&br->events, BF_LOG_NOTICE, "multicast_floods", name,
			"%s querier %s of VLAN %u is gone: multicast floods there", protocol,
			address, BF_FDB_VLAN_OF(q->vlan));
	else
		bf_event(&br->events, BF_LOG_NOTICE, "multicast_querier", name,
			"%s querier %s of VLAN %u at %s: groups go where they were joined",
			protocol, address, BF_FDB_VLAN_OF(q->vlan),
			bf_bridge_port_name(br, q->port));
}

bool
bf_mcast_open(struct bf_bridge *br)
{
	br->mcast.mdb = bf_mdb_create(querier_tell, br);
	return br->mcast.mdb != NULL;
}

uint8_t
bf_mcast_switches(const struct bf_bridge *br)
{
	uint8_t on = 0;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open && br->up[k].bond.cfg.mcast_snooping)
			on |= (uint8_t)(1u << k);
	return on;
}

/* A tenant must not draw everybody's multicast to itself: what it says as a router counts for nothing. */
static bool
may_route(const struct bf_bridge *br, uint16_t slot)
{
	return bf_is_bond_slot(slot) ||
		(br->guests[slot] != NULL && !br->guests[slot]->cfg.ra_guard);
}

static void
limit_tell(struct bf_bridge *br, uint16_t slot, uint64_t now_ms)
{
	bool of_lan = bf_is_bond_slot(slot);
	uint32_t more;

	if (br->mcast.limited[slot] || !bf_log_allow(&br->mcast.events, now_ms, &more))
		return;
	br->mcast.limited[slot] = 1;
	bf_event(&br->events, BF_LOG_WARNING, "multicast_limit", bf_bridge_port_name(br, slot),
		"has joined more multicast groups than there is room for: %s",
		of_lan ? "it gets all groups for a while" : "the oldest are forgotten");
}

static void
full_tell(struct bf_bridge *br, unsigned int bond, uint64_t now_ms)
{
	uint32_t more;

	br->mcast.full.most = 1;
	if (bf_log_allow(&br->mcast.full, now_ms, &more))
		bf_event(&br->events, BF_LOG_WARNING, "multicast_full",
			bf_bridge_port_name(br, bf_bond_slot(bond)),
			"guests have joined %d multicast groups, and there is no room for more: the "
			"guest with most loses its oldest",
			BF_MDB_GUESTS);
}

void
bf_mcast_hear(struct bf_bridge *br, const struct bf_report *r, uint64_t now_ms)
{
	enum bf_mdb_heard heard;

	if (!(br->mcast.on >> BF_FDB_BOND_OF(r->key) & 1))
		return;
	heard = bf_mdb_hear(br->mcast.mdb, r, may_route(br, r->port), now_ms);
	if (heard == BF_MDB_LIMIT)
		limit_tell(br, r->port, now_ms);
	else if (heard == BF_MDB_FULL)
		full_tell(br, BF_FDB_BOND_OF(r->key), now_ms);
}

void
bf_mcast_forget(struct bf_bridge *br, uint16_t slot)
{
	bf_mdb_flush_port(br->mcast.mdb, slot);
	br->mcast.limited[slot] = 0;
}

void
bf_mcast_clear(struct bf_bridge *br, int bond)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (bond < 0 || k == (unsigned int)bond)
			bf_mdb_flush_bond(br->mcast.mdb, k);
}

/* A guest that has become a tenant. */
struct deposed {
	const struct bf_bridge *br;
	int port; /* one of them, -1: none */
};

static void
find_deposed(void *deposed, const struct bf_mdb_router *r)
{
	struct deposed *d = deposed;

	if (!may_route(d->br, r->port))
		d->port = r->port;
}

static void
routers_check(struct bf_bridge *br)
{
	struct deposed d = {br, -1};

	bf_mdb_visit_routers(br->mcast.mdb, find_deposed, &d);
	if (d.port >= 0)
		bf_mdb_flush_routers(br->mcast.mdb, (uint16_t)d.port);
}

uint64_t
bf_mcast_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_mcast_watch *w = &br->mcast;
	uint8_t on = bf_mcast_switches(br);

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if ((on ^ w->on) >> k & 1)
			bf_mdb_flush_bond(w->mdb, k);
	w->on = on;
	if (on == 0)
		return BF_TASK_NEVER;
	routers_check(br);
	bf_mdb_age(w->mdb, now_ms);
	if (now_ms - w->viewed_ms < BF_MCAST_VIEW_MS)
		return w->viewed_ms + BF_MCAST_VIEW_MS;
	if (bf_mdb_take_changed(w->mdb)) {
		w->viewed_ms = now_ms;
		br->dirty = true;
	}
	return now_ms + BF_MCAST_VIEW_MS;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See responder.h.
 *
 * Threads: ctx control.
 */
#include "control/lan/responder.h"

#include <string.h>

#include <rte_random.h>

#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/responder.h"

/* A table that is filled, or only counted. */
struct filling {
	const struct bf_bridge *br;
	struct bf_responder *table;
	uint32_t n, room;
};

static bool
guest_answers(const struct bf_guest *g)
{
	return g != NULL && g->cfg.neigh_suppress && !g->cfg.disabled;
}

static void
address_take(void *arg, const struct bf_neighbor *nb)
{
	struct bf_responder_entry e = {.station = nb->key, .slot = nb->port, .v6 = nb->v6};
	struct filling *f = arg;

	if (bf_is_bond_slot(nb->port) || !guest_answers(f->br->guests[nb->port]))
		return;
	if (f->table != NULL && f->n < f->room) {
		memcpy(e.addr, nb->addr, nb->v6 ? 16 : 4);
		e.router =
			bf_neighbors_router(f->br->neighbors, nb->key, nb->port) == BF_ROUTER_YES;
		bf_responder_add(f->table, &e);
	}
	f->n++;
}

static bool
is_wanted(const struct bf_bridge *br)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (guest_answers(br->guests[s]))
			return true;
	return false;
}

uint32_t
bf_responder_count(const struct bf_bridge *br)
{
	struct filling f = {.br = br};

	if (is_wanted(br))
		bf_neighbors_visit(br->neighbors, address_take, &f);
	return f.n;
}

void
bf_responder_fill_view(const struct bf_bridge *br, struct bf_view *v, void *room, uint32_t n)
{
	struct filling f = {.br = br, .table = room, .room = n};

	if (n == 0)
		return;
	bf_responder_init(f.table, n, rte_rand());
	bf_neighbors_visit(br->neighbors, address_take, &f);
	v->responder = f.table;
}

uint64_t
bf_responder_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_responder_state *rs = &br->responder;

	if (rs->version == bf_neighbors_version(br->neighbors))
		return BF_TASK_NEVER;
	if (now_ms - rs->changed_ms < BF_RESPONDER_MS)
		return rs->changed_ms + BF_RESPONDER_MS;
	rs->version = bf_neighbors_version(br->neighbors);
	rs->changed_ms = now_ms;
	br->dirty = br->dirty || is_wanted(br);
	return BF_TASK_NEVER;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which pool a guest's frames lie in: see frames.h.
 *
 * Threads: ctx control.
 */
#include "control/memory/frames.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/bridge.h"
#include "control/memory/pools.h"

static unsigned int
workers_on(const struct bf_bridge *br, int node)
{
	unsigned int n = 0;

	for (unsigned int w = 0; w < br->lcores.n; w++)
		n += br->lcores.workers[w]->socket == node;
	return n;
}

/* The node of all workers that poll the guest; unknown when they are on several. */
static int
node_of_pollers(const struct bf_bridge *br, const struct bf_guest *g)
{
	int node = BF_NODE_UNKNOWN;

	for (unsigned int q = 0; g->up && q < g->cfg.queues; q++) {
		int its;

		if (!(g->tx_seen & 1u << q) || g->poller[q] >= br->lcores.n)
			continue;
		its = br->lcores.workers[g->poller[q]]->socket;
		if (its < 0 || bf_nodes_differ(node, its))
			return BF_NODE_UNKNOWN;
		node = its;
	}
	return node < BF_NODES_MAX ? node : BF_NODE_UNKNOWN;
}

static struct rte_mempool *
pool_make(struct bf_bridge *br, struct bf_uplink *u, int node)
{
	uint32_t n = bf_bond_guest_frames(&u->bond, workers_on(br, node));
	struct bf_frames *f = &u->frames;
	uint64_t bit = UINT64_C(1) << node;
	char name[24];

	if (f->lacking & bit)
		return NULL;
	if (u->bond.number == 0)
		snprintf(name, sizeof(name), "node%d", node);
	else
		snprintf(name, sizeof(name), "node%d_%u", node, u->bond.number);
	f->pool[node] = bf_pool_create_on(node, name, n, u->bond.cfg.mtu);
	if (f->pool[node] != NULL)
		return f->pool[node];
	f->lacking |= bit;
	if (!(f->told & bit))
		bf_event(&br->events, BF_LOG_WARNING, "numa_memory", u->bond.cfg.name,
			"node %d has no memory for %" PRIu32
			" frames of the guests that are polled there; those of node %d are used: "
			"expected more huge pages on node %d",
			node, n, bf_pool_node(u->bond.pool), node);
	f->told |= bit;
	return NULL;
}

/* What a guest that is polled on that node shares with others of its switch. */
static struct rte_mempool *
shared_on(struct bf_bridge *br, struct bf_uplink *u, int node)
{
	struct rte_mempool *p = NULL;

	if (bf_nodes_differ(node, bf_pool_node(u->bond.pool)))
		p = u->frames.pool[node] != NULL ? u->frames.pool[node] : pool_make(br, u, node);
	return p != NULL ? p : u->bond.pool;
}

static struct rte_mempool *
share_one(struct bf_bridge *br, struct bf_guest *g)
{
	int node = bf_nodes_are_several() ? node_of_pollers(br, g) : BF_NODE_UNKNOWN;
	struct bf_uplink *u = &br->up[g->uplink];

	if (!u->bond.open || !bf_guest_may_share(g, u->bond.pool))
		return bf_guest_settle(g, node);
	return bf_guest_share(g, shared_on(br, u, node));
}

void
bf_frames_share(struct bf_bridge *br)
{
	struct rte_mempool *old[BF_MAX_PORTS];
	unsigned int n = 0;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		old[n] = br->guests[s] == NULL ? NULL : share_one(br, br->guests[s]);
		n += old[n] != NULL;
	}
	if (n > 0)
		bf_lcores_grace(&br->lcores);
	while (n > 0)
		bf_pool_retire(old[--n]);
}

void
bf_frames_drop(struct bf_frames *f)
{
	for (unsigned int i = 0; i < BF_NODES_MAX; i++) {
		bf_pool_retire(f->pool[i]);
		f->pool[i] = NULL;
	}
	f->lacking = 0;
}

void
bf_frames_retry(struct bf_frames *f)
{
	f->lacking = 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Workers that poll across memory nodes: see crossing.h.
 *
 * Threads: ctx control.
 */
#include "control/memory/crossing.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/memory/nodes.h"

#define LOOK_MS 1000
#define KNOWN_EVERY 10 /* looks: memory that was found moves seldom */
#define NAMED 4 /* lcores in one event */

static uint64_t
worker_bit(unsigned int worker)
{
	return UINT64_C(1) << worker;
}

static bool
is_far(const struct bf_bridge *br, unsigned int worker, int node)
{
	return bf_nodes_differ(br->lcores.workers[worker]->socket, node);
}

static bool
queue_crosses(const struct bf_bridge *br, const struct bf_guest *g, unsigned int q)
{
	return (g->tx_seen & 1u << q) != 0 && g->poller[q] < br->lcores.n &&
		is_far(br, g->poller[q], g->numa_node);
}

uint64_t
bf_crossing_of_guest(const struct bf_bridge *br, const struct bf_guest *g)
{
	uint64_t found = 0;

	for (unsigned int q = 0; g->up && q < g->cfg.queues; q++)
		if (queue_crosses(br, g, q))
			found |= worker_bit(g->poller[q]);
	return found;
}

/* Every worker polls a queue of every member. */
uint64_t
bf_crossing_of_member(const struct bf_bridge *br, const struct bf_bond *b, unsigned int i)
{
	int node = bf_nodes_of_port(b->members[i].port);
	uint64_t found = 0;

	for (unsigned int w = 0; w < b->n_queues; w++)
		if (is_far(br, w, node))
			found |= worker_bit(w);
	return found;
}

/* "lcore 1 (node 0), lcore 3 (node 0) and 2 more". */
static void
name_lcores(const struct bf_bridge *br, uint64_t workers, char *buf, size_t size)
{
	unsigned int named = 0;
	size_t len = 0;

	for (unsigned int w = 0; w < br->lcores.n && named < NAMED; w++) {
		if (!(workers & worker_bit(w)))
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%slcore %u (node %d)",
			named++ > 0 ? ", " : "", br->lcores.workers[w]->lcore,
			br->lcores.workers[w]->socket);
		workers &= ~worker_bit(w);
	}
	if (workers != 0)
		snprintf(buf + len, size - len, " and %d more", __builtin_popcountll(workers));
}

/* The first queue that crosses, and a worker that would not. */
const char *
bf_crossing_advice(const struct bf_bridge *br, const struct bf_guest *g, char *buf, size_t size)
{
	char cpus[64];

	for (unsigned int q = 0; q < g->cfg.queues; q++)
		for (unsigned int w = 0; queue_crosses(br, g, q) && w < br->lcores.n; w++)
			if (br->lcores.workers[w]->socket == g->numa_node) {
				snprintf(buf, size, "set lcore %u guest %s queue %u",
					br->lcores.workers[w]->lcore, g->cfg.name, q);
				return buf;
			}
	snprintf(buf, size, "no worker is on node %d: name one of its CPUs (%s) behind -l",
		g->numa_node, bf_nodes_cpus_text(g->numa_node, cpus, sizeof(cpus)));
	return buf;
}

/* Note what crosses now. @return those that did not when it was told last. */
static uint64_t
crossing_note(struct bf_crossing *c, int node, uint64_t now)
{
	uint64_t fresh = c->node == node ? now & ~c->workers : now;

	c->workers = now;
	c->node = node;
	return fresh;
}

static void
tell_guest(struct bf_bridge *br, struct bf_guest *g)
{
	uint64_t now = bf_crossing_of_guest(br, g), before = g->crossing.workers, fresh;
	char lcores[128], advice[128];

	if (!g->up || g->numa_node < 0)
		return;
	fresh = crossing_note(&g->crossing, g->numa_node, now);
	if (fresh != 0) {
		name_lcores(br, fresh, lcores, sizeof(lcores));
		bf_event(&br->events, BF_LOG_WARNING, "numa_crossing", g->cfg.name,
			"its memory is on node %d, it is polled by %s: %s", g->numa_node, lcores,
			bf_crossing_advice(br, g, advice, sizeof(advice)));
	} else if (now == 0 && before != 0) {
		bf_event(&br->events, BF_LOG_NOTICE, "numa_near", g->cfg.name,
			"is polled on the node of its memory, %d", g->numa_node);
	}
}

static void
tell_member(struct bf_bridge *br, struct bf_bond *b, unsigned int i)
{
	struct bf_member *m = &b->members[i];
	int node = bf_nodes_of_port(m->port);
	char lcores[128];
	uint64_t fresh;

	if (node < 0)
		return;
	fresh = crossing_note(&m->crossing, node, bf_crossing_of_member(br, b, i));
	if (fresh == 0)
		return;
	name_lcores(br, fresh, lcores, sizeof(lcores));
	bf_event(&br->events, BF_LOG_WARNING, "numa_crossing", m->name,
		"is on node %d, it is polled by %s, as each worker polls each member: name lcores "
		"of node %d behind -l, or use a card on the other node",
		node, lcores, node);
}

/* Once the memory is found, a look now and then is enough. @param turn of the look. */
static void
guest_look(struct bf_bridge *br, struct bf_guest *g, unsigned int turn)
{
	if (!g->up || (g->numa_node >= 0 && g->slot % KNOWN_EVERY != turn))
		return;
	if (bf_guest_find_node(g))
		bf_plan_guest(br, g);
}

uint64_t
bf_crossings_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_crossings *c = &br->crossings;

	if (!bf_nodes_are_several())
		return BF_TASK_NEVER;
	if (now_ms < c->next_ms)
		return c->next_ms;
	c->next_ms = now_ms + LOOK_MS;
	c->turn = (c->turn + 1) % KNOWN_EVERY;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL)
			guest_look(br, br->guests[s], c->turn);
	bf_frames_share(br);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL)
			tell_guest(br, br->guests[s]);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int i = 0; br->up[k].bond.open && i < br->up[k].bond.n_members; i++)
			tell_member(br, &br->up[k].bond, i);
	return c->next_ms;
}

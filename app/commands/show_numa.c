/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show numa: on which memory node everything is, and what is polled from another one.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app.h"
#include "commands/commands.h"
#include "control/memory/crossing.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"

#define NODE_TEXT 16

/* "1", or "?" for what is not known. */
static const char *
node_text(int node, char buf[NODE_TEXT])
{
	if (node < 0)
		snprintf(buf, NODE_TEXT, "?");
	else
		snprintf(buf, NODE_TEXT, "%d", node);
	return buf;
}

const char *
bf_show_node(int node, char buf[BF_SHOW_NODE_SIZE])
{
	buf[0] = '\0';
	if (bf_nodes_are_several() && node >= 0)
		snprintf(buf, BF_SHOW_NODE_SIZE, ", node %d", node);
	return buf;
}

static void
show_nodes(struct bf_out *out)
{
	char cpus[256];

	bf_out_printf(out, "Node CPUs\n");
	bf_out_arr_begin(out, "nodes");
	for (int n = 0; n < BF_NODES_MAX; n++) {
		if (!(bf_nodes_all() & UINT64_C(1) << n))
			continue;
		bf_nodes_cpus_text(n, cpus, sizeof(cpus));
		bf_out_printf(out, "%-4d %s\n", n, cpus);
		bf_out_obj_begin(out, NULL);
		bf_out_i64(out, "node", n);
		bf_out_str(out, "cpus", cpus);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
}

static void
show_lcores(const struct bf_lcores *l, struct bf_out *out)
{
	char node[NODE_TEXT];

	bf_out_printf(out, "\nWhat     Name                     Node  Across nodes\n");
	bf_out_arr_begin(out, "lcores");
	for (unsigned int w = 0; w < l->n; w++) {
		bf_out_printf(out, "lcore    %-24u %s\n", l->workers[w]->lcore,
			node_text(l->workers[w]->socket, node));
		bf_out_obj_begin(out, NULL);
		bf_out_u64(out, "lcore", l->workers[w]->lcore);
		bf_out_i64(out, "node", l->workers[w]->socket);
		bf_out_obj_end(out);
	}
	bf_out_arr_end(out);
}

/* The end of a row: who polls it from another node. */
static void
show_across(const struct bf_lcores *l, uint64_t workers, struct bf_out *out)
{
	bool first = true;

	bf_out_arr_begin(out, "polled_across_by");
	for (unsigned int w = 0; w < l->n; w++) {
		if (!(workers & UINT64_C(1) << w))
			continue;
		bf_out_printf(out, "%slcore %u (node %d)", first ? "     polled by " : ", ",
			l->workers[w]->lcore, l->workers[w]->socket);
		bf_out_u64(out, NULL, l->workers[w]->lcore);
		first = false;
	}
	bf_out_arr_end(out);
}

static void
show_members(const struct bf_bridge *br, const struct bf_bond *b, struct bf_out *out)
{
	char node[NODE_TEXT];

	for (unsigned int i = 0; b->open && i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];

		bf_out_printf(out, "member   %-24s %s", m->name,
			node_text(bf_nodes_of_port(m->port), node));
		bf_out_obj_begin(out, NULL);
		bf_out_str(out, "name", m->name);
		bf_out_i64(out, "node", bf_nodes_of_port(m->port));
		show_across(&br->lcores, bf_crossing_of_member(br, b, i), out);
		bf_out_obj_end(out);
		bf_out_printf(out, "\n");
	}
}

static void
show_guest(const struct bf_bridge *br, const struct bf_guest *g, struct bf_out *out)
{
	uint64_t across = bf_crossing_of_guest(br, g);
	int memory = g->up ? g->numa_node : BF_NODE_UNKNOWN;
	char node[NODE_TEXT], advice[128];

	bf_out_printf(out, "guest    %-24s %s", g->cfg.name, node_text(memory, node));
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "name", g->cfg.name);
	bf_out_bool(out, "up", g->up);
	bf_out_i64(out, "memory_node", memory);
	bf_out_str(out, "mempool", g->pool->name);
	bf_out_i64(out, "mempool_node", bf_pool_node(g->pool));
	show_across(&br->lcores, across, out);
	if (across != 0) {
		bf_crossing_advice(br, g, advice, sizeof(advice));
		bf_out_printf(out, ": %s", advice);
		bf_out_str(out, "advice", advice);
	}
	bf_out_obj_end(out);
	bf_out_printf(out, "\n");
}

static void
show_pool(void *arg, const struct rte_mempool *p, int retired)
{
	struct bf_out *out = arg;
	char node[NODE_TEXT];

	bf_out_printf(out, "mempool  %-24s %s%s\n", p->name, node_text(bf_pool_node(p), node),
		retired ? " (retired)" : "");
	bf_out_obj_begin(out, NULL);
	bf_out_str(out, "name", p->name);
	bf_out_i64(out, "node", bf_pool_node(p));
	bf_out_bool(out, "retired", retired != 0);
	bf_out_obj_end(out);
}

static void
show_all(const struct bf_bridge *br, struct bf_out *out)
{
	bf_out_obj_begin(out, NULL);
	show_nodes(out);
	show_lcores(&br->lcores, out);
	bf_out_arr_begin(out, "members");
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		show_members(br, &br->up[k].bond, out);
	bf_out_arr_end(out);
	bf_out_arr_begin(out, "guests");
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL)
			show_guest(br, br->guests[s], out);
	bf_out_arr_end(out);
	bf_out_arr_begin(out, "mempools");
	bf_pools_visit(show_pool, out);
	bf_out_arr_end(out);
	bf_out_obj_end(out);
}

void
bf_show_numa(struct bf_cmd_ctx *ctx)
{
	const struct bf_app *app = ctx->app;
	uint64_t all = bf_nodes_all();

	if (bf_nodes_are_several() || bf_out_is_json(ctx->out))
		show_all(app->br, ctx->out);
	else if (all != 0)
		bf_out_printf(ctx->out, "One memory node (%d): everything is there\n",
			__builtin_ctzll(all));
	else
		bf_out_printf(ctx->out, "The kernel knows no memory nodes\n");
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show mempool and show numa: frame memory, and on which memory node everything is.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include <rte_memory.h>

#include "control/bridge.h"
#include "control/memory/crossing.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"
#include "control/snapshot/snapshot.h"
#include "machine/machine.h"

#define NODE "{#has_node}{node}{/has_node}{^has_node}?{/has_node}"

struct pool_row {
	char name[RTE_MEMPOOL_NAMESIZE];
	uint32_t size, avail, element;
	int node;
	bool has_node, tells_node, retired;
};

#define POOL struct pool_row

static const struct bf_field pool_fields[] = {
	BF_FIELD(POOL, name, .label = "pool"),
	BF_FIELD(POOL, size,
		BF_GAUGE("bondfwd_mempool_capacity", "frames", "Frames that the pool has in all.")),
	BF_FIELD(POOL, avail,
		BF_GAUGE("bondfwd_mempool_free", "frames", "Frames that nobody uses.")),
	BF_FIELD(POOL, element,
		BF_GAUGE("bondfwd_mempool_frame_size", "bytes", "Memory of one frame.")),
	BF_FIELD(POOL, node),
	BF_FIELD(POOL, has_node, .text_only = true),
	BF_FIELD(POOL, tells_node, .text_only = true),
	BF_FIELD(POOL, retired,
		BF_GAUGE("bondfwd_mempool_retired", NULL,
			"1 for a pool that is freed when its last frame is home.")),
};

static const struct bf_table pool_table = BF_TABLE("pool", POOL, pool_fields,
	.text = "{name:-24} size {size:-8} free {avail:-8} element {element} bytes"
		"{#tells_node}, node {node}{/tells_node}{#retired} (retired){/retired}\n");

struct pools {
	struct bf_snapshot *s;
	struct bf_rows *rows;
};

static void
add_pool(void *arg, const struct rte_mempool *p, int retired)
{
	struct pools *to = arg;
	POOL *row = bf_rows_add(to->s, to->rows, sizeof(*row));

	BF_ROW_TEXT(row->name, p->name);
	row->size = p->size;
	row->avail = rte_mempool_avail_count(p);
	row->element = p->elt_size;
	row->node = bf_pool_node(p);
	row->has_node = row->node >= 0;
	row->tells_node = row->has_node && bf_nodes_are_several();
	row->retired = retired != 0;
}

static void
gather_pools(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct pools to = {s, &s->rows};

	(void)only;
	bf_pools_visit(add_pool, &to);
	add_pool(&to, br->up[0].bond.ctl_pool, 0);
}

const struct bf_show bf_show_pools = {
	.table = &pool_table, .gather = gather_pools, .metrics = true, .endpoint = "pools"};

/** Huge pages of one size, on a node that has some. */
struct hugepages_row {
	uint64_t size_kib, total, free;
};

static const struct bf_field hugepages_fields[] = {
	BF_FIELD(struct hugepages_row, size_kib),
	BF_FIELD(struct hugepages_row, total),
	BF_FIELD(struct hugepages_row, free),
};

static const struct bf_table hugepages_table = BF_TABLE("node pages", struct hugepages_row,
	hugepages_fields, .text = "{^.first}, {/.first}{free} of {total} x {size_kib} KiB");

struct node_row {
	int node;
	char cpus[256];
	uint64_t memory_mib;
	bool has_pages;
	struct bf_rows hugepages;
	uint32_t members, guests;
};

static const struct bf_field node_fields[] = {
	BF_FIELD(struct node_row, node),
	BF_FIELD(struct node_row, cpus),
	BF_FIELD(struct node_row, memory_mib),
	BF_FIELD(struct node_row, members),
	BF_FIELD(struct node_row, guests),
	BF_FIELD(struct node_row, has_pages, .text_only = true),
	BF_FIELD(struct node_row, hugepages, .table = &hugepages_table),
};

static const struct bf_table node_table = BF_TABLE("node", struct node_row, node_fields,
	.head = "Node CPUs             Memory MiB  Members Guests  Huge pages free\n",
	.text = "{node:-4} {cpus:-16} {memory_mib:-11} {members:-7} {guests:-7} "
		"{hugepages}{^has_pages}none{/has_pages}\n");

/** An lcore that polls something on another node. */
struct across_row {
	uint32_t lcore;
	int node;
};

static const struct bf_field across_fields[] = {
	BF_FIELD(struct across_row, lcore),
	BF_FIELD(struct across_row, node),
};

static const struct bf_table across_table = BF_TABLE("across", struct across_row, across_fields,
	.shape = BF_SHAPE_VALUES,
	.text = "{#.first}     polled by {/.first}{^.first}, {/.first}lcore {lcore} (node {node})");

/** Where an lcore, a member, a guest or a pool is. */
struct place_row {
	char name[BF_DEV_NAME_MAX];
	uint32_t lcore;
	bool up, retired, has_node, has_advice;
	int node, mempool_node;
	char mempool[RTE_MEMPOOL_NAMESIZE];
	struct bf_rows polled_across_by;
	char advice[128];
};

#define PLACE struct place_row

static const struct bf_field lcore_fields[] = {
	BF_FIELD(PLACE, lcore),
	BF_FIELD(PLACE, node),
	BF_FIELD(PLACE, has_node, .text_only = true),
};

static const struct bf_table lcore_table =
	BF_TABLE("lcore place", PLACE, lcore_fields, .text = "lcore    {lcore:-24} " NODE "\n");

static const struct bf_field member_fields[] = {
	BF_FIELD(PLACE, name),
	BF_FIELD(PLACE, node),
	BF_FIELD(PLACE, has_node, .text_only = true),
	BF_FIELD(PLACE, polled_across_by, .table = &across_table),
};

static const struct bf_table member_table = BF_TABLE("member place", PLACE, member_fields,
	.text = "member   {name:-24} " NODE "{polled_across_by}\n");

static const struct bf_field guest_fields[] = {
	BF_FIELD(PLACE, name),
	BF_FIELD(PLACE, up),
	BF_FIELD_AS(PLACE, node, "memory_node"),
	BF_FIELD(PLACE, has_node, .text_only = true),
	BF_FIELD(PLACE, mempool),
	BF_FIELD(PLACE, mempool_node),
	BF_FIELD(PLACE, polled_across_by, .table = &across_table),
	BF_FIELD(PLACE, advice, BF_WHEN(PLACE, has_advice)),
};

static const struct bf_table guest_table = BF_TABLE("guest place", PLACE, guest_fields,
	.text = "guest    {name:-24} {#has_node}{memory_node}{/has_node}{^has_node}?{/has_node}"
		"{polled_across_by}"
		"{#advice}: {advice}{/advice}\n");

static const struct bf_field mempool_fields[] = {
	BF_FIELD(POOL, name),
	BF_FIELD(POOL, node),
	BF_FIELD(POOL, has_node, .text_only = true),
	BF_FIELD(POOL, retired),
};

static const struct bf_table mempool_table = BF_TABLE("pool place", POOL, mempool_fields,
	.text = "mempool  {name:-24} " NODE "{#retired} (retired){/retired}\n");

struct numa_row {
	bool several, one; /* nodes */
	int node; /* the one */
	uint64_t own_mib; /* that the EAL has */
	struct bf_rows nodes, lcores, members, guests, mempools;
};

#define NUMA struct numa_row

static const struct bf_field numa_fields[] = {
	BF_FIELD(NUMA, several, .text_only = true),
	BF_FIELD(NUMA, one, .text_only = true),
	BF_FIELD(NUMA, node, .text_only = true),
	BF_FIELD(NUMA, own_mib),
	BF_FIELD(NUMA, nodes, .table = &node_table),
	BF_FIELD(NUMA, lcores, .table = &lcore_table),
	BF_FIELD(NUMA, members, .table = &member_table),
	BF_FIELD(NUMA, guests, .table = &guest_table),
	BF_FIELD(NUMA, mempools, .table = &mempool_table),
};

static const struct bf_table numa_table = BF_TABLE("numa", NUMA, numa_fields,
	.text = "{nodes}"
		"{#several}\nWhat     Name                     Node  Across nodes\n"
		"{lcores}{members}{guests}{mempools}{/several}"
		"{^several}{#one}One memory node ({node}): everything is there\n{/one}"
		"{^one}The kernel knows no memory nodes\n{/one}{/several}");

static void
set_node(PLACE *row, int node)
{
	row->node = node;
	row->has_node = node >= 0;
}

static void
gather_hugepages(const struct bf_machine *m, struct node_row *row, struct bf_snapshot *s)
{
	const struct bf_machine_node *node = bf_machine_find_node(m, row->node);

	if (node == NULL)
		return;
	row->memory_mib = node->memory_kib >> 10;
	for (unsigned int i = 0; i < node->n_sizes; i++) {
		const struct bf_machine_pages *p = &node->pages[i];
		struct hugepages_row *to;

		if (p->total == 0)
			continue;
		row->has_pages = true;
		to = bf_rows_add(s, &row->hugepages, sizeof(*to));
		*to = (struct hugepages_row){p->size_kib, p->total, p->free};
	}
}

/* Where everything is on the one node, what is on no node that is known is there, too. */
static bool
is_there(const struct node_row *row, int node)
{
	return node == row->node || (node < 0 && !bf_nodes_are_several());
}

static void
count_ports(const struct bf_bridge *br, struct node_row *row)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond *b = &br->up[k].bond;

		for (unsigned int i = 0; b->open && i < b->n_members; i++)
			row->members += is_there(row, bf_nodes_of_port(b->members[i].port));
	}
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];

		row->guests += g != NULL && is_there(row, g->up ? g->numa_node : BF_NODE_UNKNOWN);
	}
}

static void
gather_nodes(const struct bf_bridge *br, NUMA *to, struct bf_snapshot *s)
{
	static struct bf_machine m; /* too much for a stack */
	uint64_t all = bf_nodes_all();

	memset(&m, 0, sizeof(m));
	bf_machine_read_nodes("", &m);
	to->several = bf_nodes_are_several();
	to->one = all != 0;
	to->node = all == 0 ? BF_NODE_UNKNOWN : __builtin_ctzll(all);
	for (int n = 0; n < BF_NODES_MAX; n++) {
		struct node_row *row;

		if (!(all & UINT64_C(1) << n))
			continue;
		row = bf_rows_add(s, &to->nodes, sizeof(*row));
		row->node = n;
		bf_nodes_cpus_text(n, row->cpus, sizeof(row->cpus));
		gather_hugepages(&m, row, s);
		count_ports(br, row);
	}
}

static void
gather_across(
	const struct bf_lcores *l, uint64_t workers, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int w = 0; w < l->n; w++) {
		struct across_row *row;

		if (!(workers & UINT64_C(1) << w))
			continue;
		row = bf_rows_add(s, rows, sizeof(*row));
		row->lcore = l->workers[w]->lcore;
		row->node = l->workers[w]->socket;
	}
}

static void
gather_members(const struct bf_bridge *br, const struct bf_bond *b, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	for (unsigned int i = 0; b->open && i < b->n_members; i++) {
		PLACE *row = bf_rows_add(s, rows, sizeof(*row));

		BF_ROW_TEXT(row->name, b->members[i].name);
		set_node(row, bf_nodes_of_port(b->members[i].port));
		gather_across(
			&br->lcores, bf_crossing_of_member(br, b, i), &row->polled_across_by, s);
	}
}

static void
gather_guest(
	const struct bf_bridge *br, const struct bf_guest *g, PLACE *row, struct bf_snapshot *s)
{
	uint64_t across = bf_crossing_of_guest(br, g);

	BF_ROW_TEXT(row->name, g->cfg.name);
	row->up = g->up;
	set_node(row, g->up ? g->numa_node : BF_NODE_UNKNOWN);
	BF_ROW_TEXT(row->mempool, g->pool->name);
	row->mempool_node = bf_pool_node(g->pool);
	gather_across(&br->lcores, across, &row->polled_across_by, s);
	row->has_advice = across != 0;
	if (row->has_advice)
		bf_crossing_advice(br, g, row->advice, sizeof(row->advice));
}

static void
gather_numa(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	NUMA *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct pools pools = {s, &row->mempools};

	(void)only;
	row->own_mib = rte_eal_get_physmem_size() >> 20;
	gather_nodes(br, row, s);
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		PLACE *lcore = bf_rows_add(s, &row->lcores, sizeof(*lcore));

		lcore->lcore = br->lcores.workers[w]->lcore;
		set_node(lcore, br->lcores.workers[w]->socket);
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		gather_members(br, &br->up[k].bond, &row->members, s);
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++)
		if (br->guests[slot] != NULL)
			gather_guest(br, br->guests[slot],
				bf_rows_add(s, &row->guests, sizeof(PLACE)), s);
	bf_pools_visit(add_pool, &pools);
}

const struct bf_show bf_show_numa = {.table = &numa_table, .gather = gather_numa, .one = true};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory nodes: see nodes.h.
 *
 * move_pages(2) without target nodes says where pages are and leaves them alone.  get_mempolicy(2), which
 * says it as well, first brings a page in that is not there: it would take memory for the guest, on our
 * node, and may wait.
 *
 * Threads: ctx control.
 */
#include "control/memory/nodes.h"

#include <numa.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "vhost/session.h"

#define PAGE UINT64_C(4096)
#define CHUNKS_MAX 64 /* of a pool that are looked at */
#define RANGE_TEXT 24 /* of a range of CPUs */

static uint64_t nodes;

void
bf_nodes_open(void)
{
	nodes = 0;
	if (numa_available() < 0)
		return;
	for (int n = 0; n <= numa_max_node() && n < BF_NODES_MAX; n++)
		if (numa_bitmask_isbitset(numa_nodes_ptr, (unsigned int)n))
			nodes |= UINT64_C(1) << n;
}

bool
bf_nodes_are_several(void)
{
	return (nodes & (nodes - 1)) != 0;
}

uint64_t
bf_nodes_all(void)
{
	return nodes;
}

/* Where everything is, on a machine with one node or none. */
static int
the_node(void)
{
	return nodes == 0 ? BF_NODE_UNKNOWN : __builtin_ctzll(nodes);
}

static int
node_known(int node)
{
	return node >= 0 && node < BF_NODES_MAX ? node : BF_NODE_UNKNOWN;
}

int
bf_nodes_of_lcore(unsigned int lcore)
{
	rte_cpuset_t cpus = rte_lcore_cpuset(lcore);
	int node = BF_NODE_UNKNOWN;

	if (!bf_nodes_are_several())
		return the_node();
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int its =
			CPU_ISSET(cpu, &cpus) ? node_known(numa_node_of_cpu(cpu)) : BF_NODE_UNKNOWN;

		if (bf_nodes_differ(node, its))
			return BF_NODE_UNKNOWN;
		node = its >= 0 ? its : node;
	}
	return node;
}

int
bf_nodes_of_port(uint16_t port)
{
	struct rte_eth_dev_info info;
	const struct rte_bus *bus;

	if (rte_eth_dev_info_get(port, &info) != 0 || info.device == NULL)
		return BF_NODE_UNKNOWN;
	bus = rte_dev_bus(info.device);
	if (bus == NULL || strcmp(rte_bus_name(bus), "vdev") == 0)
		return BF_NODE_UNKNOWN;
	return bf_nodes_are_several() ? node_known(rte_eth_dev_socket_id(port)) : the_node();
}

unsigned int
bf_nodes_spread(const struct bf_span *spans, unsigned int n, void **out, unsigned int max)
{
	uint64_t total = 0, step, skip;
	unsigned int found = 0;

	for (unsigned int i = 0; i < n; i++)
		total += spans[i].size;
	if (total == 0 || max == 0)
		return 0;
	step = RTE_MAX(total / max, PAGE);
	skip = step / 2;
	for (unsigned int i = 0; i < n; i++) {
		for (; skip < spans[i].size && found < max; skip += step)
			out[found++] = (void *)(((uintptr_t)spans[i].at + skip) & ~(PAGE - 1));
		skip -= RTE_MIN(skip, spans[i].size);
	}
	return found;
}

int
bf_nodes_most(const int *found, unsigned int n)
{
	unsigned int count[BF_NODES_MAX] = {0};
	int best = BF_NODE_UNKNOWN;

	for (unsigned int i = 0; i < n; i++)
		if (node_known(found[i]) >= 0)
			count[found[i]]++;
	for (int node = 0; node < BF_NODES_MAX; node++)
		if (count[node] > (best < 0 ? 0 : count[best]))
			best = node;
	return best;
}

static int
of_pages(void **at, unsigned int n)
{
	int found[BF_NODES_PAGES];

	memset(found, 0xff, sizeof(found));
	if (n == 0 || numa_move_pages(0, n, at, NULL, found, 0) < 0)
		return BF_NODE_UNKNOWN; /* a container may not ask */
	return bf_nodes_most(found, n);
}

int
bf_nodes_of_span(const struct bf_span *span)
{
	void *at[BF_NODES_PAGES];

	return of_pages(at, bf_nodes_spread(span, 1, at, BF_NODES_PAGES));
}

int
bf_nodes_of_pool(const struct rte_mempool *p)
{
	const struct rte_mempool_memhdr *chunk;
	struct bf_span span[CHUNKS_MAX];
	void *at[BF_NODES_PAGES];
	unsigned int n = 0;

	if (!bf_nodes_are_several())
		return the_node();
	STAILQ_FOREACH(chunk, &p->mem_list, next)
		if (n < CHUNKS_MAX)
			span[n++] = (struct bf_span){chunk->addr, chunk->len};
	return of_pages(at, bf_nodes_spread(span, n, at, BF_NODES_PAGES));
}

/* Rings first: their pages have been used from here, whatever else has. */
int
bf_nodes_of_guest(const struct bf_vhost_session *s)
{
	struct bf_span span[BF_VHOST_REGIONS];
	void *at[BF_NODES_PAGES];
	unsigned int n = 0;

	if (!bf_nodes_are_several())
		return the_node();
	for (unsigned int q = 0; q < BF_VHOST_DATA_RINGS; q++)
		if (s->ring[q].running && n < BF_NODES_PAGES / 2)
			at[n++] = (void *)((uintptr_t)s->ring[q].desc & ~(uintptr_t)(PAGE - 1));
	for (unsigned int i = 0; i < s->n_regions; i++)
		span[i] = (struct bf_span){s->region[i].va, s->region[i].size};
	n += bf_nodes_spread(span, s->n_regions, at + n, BF_NODES_PAGES - n);
	return of_pages(at, n);
}

/* The last CPU of the run that begins at @p cpu. */
static unsigned int
run_end(const struct bitmask *cpus, unsigned int cpu)
{
	while (cpu + 1 < cpus->size && numa_bitmask_isbitset(cpus, cpu + 1))
		cpu++;
	return cpu;
}

const char *
bf_nodes_cpus_text(int node, char *buf, size_t size)
{
	struct bitmask *cpus = numa_allocate_cpumask();
	size_t len = 0;

	buf[0] = '\0';
	if (numa_node_to_cpus(node, cpus) != 0)
		numa_bitmask_clearall(cpus);
	for (unsigned int cpu = 0; cpu < cpus->size; cpu++) {
		unsigned int last = run_end(cpus, cpu);
		const char *comma = len > 0 ? "," : "";

		if (!numa_bitmask_isbitset(cpus, cpu))
			continue;
		if (len + RANGE_TEXT > size) {
			snprintf(buf + len, size - len, "...");
			break;
		}
		if (last > cpu)
			len += (size_t)snprintf(buf + len, size - len, "%s%u-%u", comma, cpu, last);
		else
			len += (size_t)snprintf(buf + len, size - len, "%s%u", comma, cpu);
		cpu = last;
	}
	numa_free_cpumask(cpus);
	return buf;
}

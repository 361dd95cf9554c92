/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * On which memory node a CPU, a card, a page is, as the kernel says.
 *
 * A node is a number from 0 on, or BF_NODE_UNKNOWN.  On a machine with one node everything is there and
 * nobody is asked; on a kernel without NUMA everything is unknown.  Pages are looked up, never touched:
 * one that this process has not used yet is unknown until it has.
 *
 * Threads: ctx control, after bf_nodes_open().
 */
#ifndef BF_CONTROL_MEMORY_NODES_H
#define BF_CONTROL_MEMORY_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_NODE_UNKNOWN (-1)
#define BF_NODES_MAX 64 /* nodes with a higher number are unknown */
#define BF_NODES_PAGES 64 /* that one question looks at, at most */

struct rte_mempool;
struct bf_vhost_session;

/** Addresses from @p at on, @p size bytes. */
struct bf_span {
	const void *at;
	uint64_t size;
};

/** Learn what the machine has. */
void bf_nodes_open(void);

/** May anything be on another node than something else?  False: nothing here needs to be asked. */
bool bf_nodes_are_several(void);

/** Nodes that have a CPU or memory: a bit each; 0 unknown. */
uint64_t bf_nodes_all(void);

/** Both are known and differ. */
static inline bool
bf_nodes_differ(int a, int b)
{
	return a >= 0 && b >= 0 && a != b;
}

/** Node of the CPUs that an lcore runs on; unknown when they are of several. */
int bf_nodes_of_lcore(unsigned int lcore);

/** Node of a port's card; unknown for a virtual device, which lies nowhere. */
int bf_nodes_of_port(uint16_t port);

/** Node that most of a pool's memory is on. */
int bf_nodes_of_pool(const struct rte_mempool *p);

/** Node that most of a guest's memory is on, as far as it has been used from here. */
int bf_nodes_of_guest(const struct bf_vhost_session *s);

/** The CPUs of a node as "0-3,8", cut with "..." where they are too many; "" none.
 * Not without NUMA (bf_nodes_all() is 0). @return @p buf. */
const char *bf_nodes_cpus_text(int node, char *buf, size_t size);

/* ---- for the tests: what needs no kernel ---- */

/**
 * Addresses of pages, spread evenly over spans, in proportion to their sizes.
 *
 * @param max
 *   Addresses at most.
 * @return
 *   How many there are in @p out.
 */
unsigned int bf_nodes_spread(
	const struct bf_span *spans, unsigned int n, void **out, unsigned int max);

/** Node of a span of addresses, whatever the number of nodes. */
int bf_nodes_of_span(const struct bf_span *span);

/**
 * The node that most of the pages are on; the lowest of several.
 *
 * @param found
 *   A node for each page, or -errno.
 */
int bf_nodes_most(const int *found, unsigned int n);

#endif

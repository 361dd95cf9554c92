/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frame memory.
 *
 * Threads: ctx control.
 */
#include "control/memory/pools.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "base/log.h"
#include "control/memory/amounts.h"
#include "control/memory/nodes.h"
#include "dataplane/sizes.h"

#define CACHE 256
#define MAX_POOLS (2 * BF_MAX_PORTS)

static struct {
	struct rte_mempool *pool;
	unsigned int users; /* 0: retired */
	int node;
} pools[MAX_POOLS];
static bool pools_left;

static struct rte_mempool *
pool_remember(struct rte_mempool *p)
{
	for (unsigned int i = 0; p != NULL && i < MAX_POOLS; i++) {
		if (pools[i].pool == NULL) {
			pools[i].pool = p;
			pools[i].users = 1;
			pools[i].node = bf_nodes_of_pool(p);
			break;
		}
	}
	return p;
}

static struct rte_mempool *
pool_make(const char *name, uint32_t n, uint32_t room, int node)
{
	static unsigned int serial;
	char unique[RTE_MEMPOOL_NAMESIZE];

	snprintf(unique, sizeof(unique), "%.16s.%u", name, serial++);
	return rte_pktmbuf_pool_create(
		unique, n, CACHE, 0, (uint16_t)(room + RTE_PKTMBUF_HEADROOM), node);
}

struct rte_mempool *
bf_pool_create(const char *name, uint32_t n, uint32_t mtu, int node)
{
	uint32_t room = bf_amount_room(mtu);
	struct rte_mempool *p = pool_make(name, n, room, node);

	if (p == NULL && node != SOCKET_ID_ANY)
		p = pool_make(name, n, room, SOCKET_ID_ANY);
	if (p == NULL && room > BF_AMOUNT_PIECE) {
		p = pool_make(name, n, BF_AMOUNT_PIECE, SOCKET_ID_ANY);
		if (p != NULL)
			BF_NOTICE("memory",
				"%s: no room for %" PRIu32 " buffers of %" PRIu32 " bytes; "
				"2048-byte pieces are chained",
				name, n, room);
	}
	if (p == NULL)
		errno = ENOMEM;
	return pool_remember(p);
}

struct rte_mempool *
bf_pool_create_on(int node, const char *name, uint32_t n, uint32_t mtu)
{
	struct rte_mempool *p = pool_make(name, n, bf_amount_room(mtu), node);

	if (p == NULL)
		errno = ENOMEM;
	return pool_remember(p);
}

int
bf_pool_node(const struct rte_mempool *p)
{
	for (unsigned int i = 0; i < MAX_POOLS; i++)
		if (pools[i].pool == p)
			return pools[i].node;
	return bf_nodes_of_pool(p);
}

struct rte_mempool *
bf_pool_hold(struct rte_mempool *p)
{
	for (unsigned int i = 0; i < MAX_POOLS; i++)
		if (pools[i].pool == p)
			pools[i].users++;
	return p;
}

bool
bf_pool_is_shared(const struct rte_mempool *p)
{
	for (unsigned int i = 0; i < MAX_POOLS; i++)
		if (pools[i].pool == p)
			return pools[i].users > 1;
	return false;
}

bool
bf_pool_fits(struct rte_mempool *p, uint32_t mtu)
{
	return rte_pktmbuf_data_room_size(p) >= RTE_PKTMBUF_HEADROOM + mtu + BF_FRAME_OVERHEAD;
}

void
bf_pool_retire(struct rte_mempool *p)
{
	for (unsigned int i = 0; i < MAX_POOLS; i++)
		if (p != NULL && pools[i].pool == p)
			pools[i].users--;
	bf_pools_collect();
}

void
bf_pools_collect(void)
{
	for (unsigned int i = 0; i < MAX_POOLS && !pools_left; i++) {
		if (pools[i].pool == NULL || pools[i].users > 0 || !rte_mempool_full(pools[i].pool))
			continue;
		rte_mempool_free(pools[i].pool);
		pools[i].pool = NULL;
	}
}

void
bf_pools_leave(void)
{
	pools_left = true;
}

void
bf_pools_visit(bf_pool_cb *cb, void *arg)
{
	for (unsigned int i = 0; i < MAX_POOLS; i++)
		if (pools[i].pool != NULL)
			cb(arg, pools[i].pool, pools[i].users == 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frame memory: the bond's pool, which guests use too, and pools of guests that need their own.
 *
 * A pool has as many users as hold it.  When the last one has given it back it is freed as soon as
 * its last frame came home; until then it is retired.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_MEMORY_POOLS_H
#define BF_CONTROL_MEMORY_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

/**
 * Make a pool whose buffers hold a frame of the MTU in one piece; where memory is too short for
 * that, 2 KiB pieces are chained instead (with a notice in the log).
 *
 * @param n
 *   Frames.
 * @param node
 *   Memory node to take it from, as long as it has enough; or -1: any.
 * @return
 *   NULL with errno ENOMEM.
 */
struct rte_mempool *bf_pool_create(const char *name, uint32_t n, uint32_t mtu, int node);

/** The same on that node and in one piece, or not at all. */
struct rte_mempool *bf_pool_create_on(int node, const char *name, uint32_t n, uint32_t mtu);

/** Memory node that the pool lies on, or -1: not known. */
int bf_pool_node(const struct rte_mempool *p);

/** One user more of a pool. @return the pool. */
struct rte_mempool *bf_pool_hold(struct rte_mempool *p);

/** More than one has it: it stays when one of them retires it. */
bool bf_pool_is_shared(const struct rte_mempool *p);

/** Does one buffer hold a frame of that MTU? */
bool bf_pool_fits(struct rte_mempool *p, uint32_t mtu);

/** Give a pool back; the workers' next dequeue must not use it for this user. NULL is allowed. */
void bf_pool_retire(struct rte_mempool *p);

/** Free retired pools that are whole again. */
void bf_pools_collect(void);

/**
 * Free none from now on: the process ends, and its memory with it. libdpdk writes zeroes over what is freed, also over
 * what nobody has touched yet: of gigabytes that is a second in which no successor can start.
 */
void bf_pools_leave(void);

/** Visit live and retired pools. */
typedef void bf_pool_cb(void *arg, const struct rte_mempool *p, int retired);
void bf_pools_visit(bf_pool_cb *cb, void *arg);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frame memory: one pool per traffic source, so that nobody can take another's buffers.
 *
 * A pool that is given back is freed when its last frame came home; until then it is retired.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_POOLS_H
#define BF_CONTROL_POOLS_H

#include <stdint.h>

#include <rte_mempool.h>

/**
 * Make a pool whose buffers hold a frame of the MTU in one piece; where memory is too short for
 * that, 2 KiB pieces are chained instead (with a notice in the log).
 *
 * @param n
 *   Frames.
 * @return
 *   NULL with errno ENOMEM.
 */
struct rte_mempool *bf_pool_create(const char *name, uint32_t n, uint32_t mtu, int socket);

/** Bytes of frame that one buffer holds. */
uint32_t bf_pool_room(struct rte_mempool *p);

/** Give a pool back. NULL is allowed. */
void bf_pool_retire(struct rte_mempool *p);

/** Free retired pools that are whole again. */
void bf_pools_collect(void);

/** Visit live and retired pools. */
typedef void bf_pool_cb(void *arg, const struct rte_mempool *p, int retired);
void bf_pools_visit(bf_pool_cb *cb, void *arg);

#endif

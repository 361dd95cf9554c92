/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which pool a guest's frames lie in: the bond's, or, for a guest that is polled on another memory node
 * than that of the bond's, one on that node, which all such guests share.
 *
 * See docs/decisions/004-frame-memory.md and 011-numa.md.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_MEMORY_FRAMES_H
#define BF_CONTROL_MEMORY_FRAMES_H

#include <stdint.h>

#include "control/memory/nodes.h"

struct bf_bridge;

struct bf_frames {
	struct rte_mempool *pool[BF_NODES_MAX]; /* by node, made when the first guest needs it */
	uint64_t lacking; /* nodes that have too little memory: a bit each */
	uint64_t told; /* and that this was told of */
};

/** Give every guest the pool it should have; what nobody uses then is freed. May wait a grace period. */
void bf_frames_share(struct bf_bridge *br);

/** The bond is gone, and its nodes' pools are for no other; guests that use them keep them for now. */
void bf_frames_drop(struct bf_frames *f);

/** Something was changed by hand: ask the nodes that had no memory again. */
void bf_frames_retry(struct bf_frames *f);

#endif

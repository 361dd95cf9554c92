/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Split virtqueues (virtio 1.2, 2.7), for ring.c alone: ring.h says what each function does.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_SPLIT_H
#define BF_DATAPLANE_SPLIT_H

#include "dataplane/form.h"
#include "dataplane/virtqueue.h"

uint16_t bf_split_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);
uint16_t bf_split_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form);
uint16_t bf_split_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);
bool bf_split_wants_call(const struct bf_ring *r, uint16_t was);
void bf_split_want_kicks(struct bf_ring *r, bool on);
uint16_t bf_split_waiting(const struct bf_ring *r);
bool bf_split_look(const struct bf_ring *r, uint32_t *way);

#endif

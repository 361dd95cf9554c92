/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a worker does with a guest's ring, whatever its kind: virtqueue.h says what it is.
 *
 * Threads: worker, under the ring's lock; control as each function says.
 */
#ifndef BF_DATAPLANE_RING_H
#define BF_DATAPLANE_RING_H

#include "dataplane/form.h"
#include "dataplane/virtqueue.h"

/**
 * Put frames into a ring towards the guest.  The frames stay the caller's.
 *
 * ctx worker that holds the lock; mode BF_RING_OWN.
 *
 * @return
 *   How many of the @p n (at most BF_BURST) the guest has now; the others found no room, or no
 *   time: then `spent` is set.
 */
uint16_t bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);

/** The same, with the frames changed on the way: in the guest's memory, not in ours. */
uint16_t bf_ring_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form);

/**
 * Take frames out of a ring from the guest, into buffers of @p pool.  Those are the caller's.
 *
 * ctx worker that holds the lock; mode BF_RING_OWN.
 *
 * @param lost
 *   Grows by the frames that were taken and thrown away: empty, or longer than `longest`.
 * @return
 *   How many are in @p pkts, at most @p n (at most BF_BURST).
 */
uint16_t bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);

/** Make a migrated guest's RARP request (RFC 903) out of a fresh frame. @param mac as in memory. */
void bf_ring_make_rarp(struct rte_mbuf *m, uint64_t mac);

/** Have a RARP of @p mac (as in memory) sent as if it came out of this ring.  ctx control. */
void bf_ring_announce(struct bf_ring *r, uint64_t mac);

/**
 * Take note that the guest is to look at what has been used since the last call.
 *
 * ctx worker that holds the lock, after a fence; mode BF_RING_OWN.
 *
 * @return
 *   The descriptor that its call is due to; -1: it does not want one.
 */
int bf_ring_tell(struct bf_ring *r);

/**
 * Want to be told when the guest makes an entry available, or no longer.
 *
 * ctx whoever holds the lock; mode BF_RING_OWN.  What came before is not told: look behind a fence.
 */
void bf_ring_want_kicks(struct bf_ring *r, bool on);

/** @return entries that the guest has made available and nobody has seen. */
uint16_t bf_ring_waiting(const struct bf_ring *r);

/**
 * Look how far away the guest's CPU is: at what it writes when it makes an entry available.
 *
 * ctx worker that holds the lock; mode BF_RING_OWN.
 *
 * @param way
 *   Cycles of the TSC that it took to read.
 * @return whether the guest has written there since it was last read for frames.
 */
bool bf_ring_look(const struct bf_ring *r, uint32_t *way);

/**
 * Where a ring stands, as in VHOST_USER_GET_VRING_BASE.  Split: the next available entry.  Packed: the
 * next available descriptor, from bit 15 on its wrap counter, and from bit 16 on the same of used ones.
 *
 * ctx whoever holds the lock, or a ring that is off.
 */
uint32_t bf_ring_base(const struct bf_ring *r);

/**
 * Let it stand there, and say so in its record.
 *
 * ctx control; mode BF_RING_OFF, with kind, size and record set.
 *
 * @param base
 *   As above.  Packed: upper half 0 means as the lower (virtio-user leaves it out); where they differ,
 *   the used one counts, and what was taken and not used is taken again.  A place that the ring does
 *   not have is its begin.
 */
void bf_ring_set_base(struct bf_ring *r, uint32_t base);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's split virtqueue as workers use it (virtio 1.2, 2.7).
 *
 * librte_vhost talks to the guest's driver and maps its memory; the frames of split rings are moved
 * here.  Packed rings, rings behind an IOMMU and guests whose memory is being logged for a
 * migration go through librte_vhost (BF_RING_LIBRARY).
 *
 * Theory of operation.  A burst is handled in passes: heads, descriptors, buffers, used entries.
 * Each pass touches memory that the guest's CPU has written last, and a pass over 32 of them has
 * all their cache misses under way at once, where frame by frame they come one behind the other.
 * The used entries are written in one piece at the end: the guest reads ahead in that ring.
 * A guest that hardly gets frames while it sends is the one who writes its frames' lines next: they
 * may be given back (`give`: lines.h).
 *
 * Whatever a guest writes is read once, checked, and used as it was checked.  A ring that cannot
 * be right is left alone from there on (`fault`) until the driver sets it up again.
 *
 * Threads: worker, under the ring's lock; vhost changes where the ring is, under the same lock.
 */
#ifndef BF_DATAPLANE_RING_H
#define BF_DATAPLANE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define BF_RING_REGIONS 8 /* of guest memory; what vhost-user can name in one message */

/** A guest's memory as this process sees it.  vhost: w, while every ring of the guest is off. */
struct bf_guest_memory {
	uint32_t n;
	struct {
		uint64_t gpa, size; /* guest physical */
		uint8_t *va; /* here */
	} region[BF_RING_REGIONS];
};

#define BF_RING_MODE_LIST(X) \
	X(OFF, "off") /* not set up, or about to be moved */ \
	X(OWN, "own") /* frames are moved by ring.c */ \
	X(LIBRARY, "library") /* frames are moved by librte_vhost */

enum bf_ring_mode {
#define BF_RING_MODE_ENUM(sym, name) BF_RING_##sym,
	BF_RING_MODE_LIST(BF_RING_MODE_ENUM)
#undef BF_RING_MODE_ENUM
};

#define BF_RING_FAULT_LIST(X) \
	X(NONE, "none") \
	X(INDEX, "its available index went further than the ring is long") \
	X(HEAD, "an available entry names a descriptor that the ring does not have") \
	X(CHAIN, "a chain of descriptors loops, is too short, or leaves the guest's memory") \
	X(MEMORY, "the guest's memory ends before it should")

enum bf_ring_fault {
#define BF_RING_FAULT_ENUM(sym, help) BF_RING_FAULT_##sym,
	BF_RING_FAULT_LIST(BF_RING_FAULT_ENUM)
#undef BF_RING_FAULT_ENUM
};

struct bf_ring {
	uint32_t lock;
	uint8_t mode; /* enum bf_ring_mode; vhost: w under the lock */
	uint8_t fault; /* enum bf_ring_fault: what the guest wrote that cannot be; worker: w */
	bool mergeable; /* a frame may take several buffers */
	bool event_idx;
	uint8_t header; /* length of the virtio header, 10 or 12 */
	uint8_t give; /* enum bf_give: lines of the guest's frames; worker: w */
	uint16_t size; /* a power of two */
	uint16_t seen; /* next available entry */
	uint16_t known; /* the driver's available index when it was last read */
	uint16_t used_idx; /* next used entry */
	uint16_t told; /* used_idx when the guest was last asked to look */
	int call_fd; /* -1: the driver polls */
	uint64_t announce; /* address that a RARP is due for, 0 none; vhost: w, worker: takes */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct bf_guest_memory *memory;
} __rte_cache_aligned;

/**
 * Put frames into a ring towards the guest.  The frames stay the caller's.
 *
 * ctx worker that holds the lock; mode BF_RING_OWN.
 *
 * @return
 *   How many of the @p n (at most BF_BURST) the guest has now; the others found no room.
 */
uint16_t bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);

/**
 * Take frames out of a ring from the guest, into buffers of @p pool.  Those are the caller's.
 *
 * ctx worker that holds the lock; mode BF_RING_OWN.
 *
 * @param lost
 *   Grows by the frames that were taken and thrown away: empty, or longer than any frame.
 * @return
 *   How many are in @p pkts, at most @p n (at most BF_BURST).
 */
uint16_t bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);

/** Make a migrated guest's RARP request (RFC 903) out of a fresh frame. @param mac as in memory. */
void bf_ring_make_rarp(struct rte_mbuf *m, uint64_t mac);

/** Ask the guest to look, if it wants to be asked.  ctx worker that holds the lock, after a fence. */
void bf_ring_tell(struct bf_ring *r);

/**
 * Want to be told when the guest makes an entry available, or no longer.
 *
 * ctx whoever holds the lock; mode BF_RING_OWN.  What came before is not told: look behind a fence.
 */
void bf_ring_want_kicks(struct bf_ring *r, bool on);

/** @return entries that the guest has made available and nobody has seen. */
uint16_t bf_ring_waiting(const struct bf_ring *r);

#endif

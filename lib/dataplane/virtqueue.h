/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's virtqueue as workers use it: split (virtio 1.2, 2.7; split.c) or packed (2.8; packed.c).  ring.h
 * says what is done with it.
 *
 * Theory of operation.  A burst is handled in passes: heads, descriptors, buffers, used entries.
 * Each pass touches memory that the guest's CPU has written last, and a pass over 32 of them has
 * all their cache misses under way at once, where frame by frame they come one behind the other.
 * The used entries are written in one piece at the end: the guest reads ahead in that ring.  A packed
 * ring has heads, descriptors and used entries in one, so it takes three passes instead of four.
 * A guest that hardly gets frames while it sends is the one who writes its frames' lines next: they
 * may be given back (`give`: lines.h).
 *
 * Whatever a guest writes is read once, checked, and used as it was checked.  A ring that cannot
 * be right is left alone from there on (`fault`) until the driver sets it up again.
 *
 * A guest may make a frame of many buffers, and most of them empty.  What that costs is bounded: per
 * frame by BF_RING_STEPS descriptors and BF_RING_BUFFERS buffers, per call by BF_RING_VISIT
 * descriptors.  Frames that would take more wait for the next call.
 *
 * While a guest is being migrated (`log`), whatever is written into its memory is noted page by page.
 *
 * Threads: worker, under the ring's lock; control changes where the ring is, under the same lock.
 */
#ifndef BF_DATAPLANE_VIRTQUEUE_H
#define BF_DATAPLANE_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define BF_RING_REGIONS 32 /* of guest memory: the memory slots that are offered */
#define BF_RING_STEPS 256 /* descriptors that one frame may take */
#define BF_RING_BUFFERS 64 /* buffers that one frame may take */
#define BF_RING_VISIT (2 * BF_RING_STEPS) /* descriptors that are walked in one call */

/**
 * A guest's memory as this process sees it, the largest region first: most addresses are in it.
 * control: w, while every ring of the guest is off.
 */
struct bf_guest_memory {
	uint32_t n;
	struct {
		uint64_t gpa, size; /* guest physical */
		uint8_t *va; /* here */
	} region[BF_RING_REGIONS];
};

#define BF_RING_MODE_LIST(X) \
	X(OFF, "off") /* not set up, or about to be moved */ \
	X(OWN, "own") /* frames are moved */ \
	X(DISCARD, "discard") /* disabled: what comes from the guest is thrown away, by control */

enum bf_ring_mode {
#define BF_RING_MODE_ENUM(sym, name) BF_RING_##sym,
	BF_RING_MODE_LIST(BF_RING_MODE_ENUM)
#undef BF_RING_MODE_ENUM
};

#define BF_RING_FAULT_LIST(X) \
	X(NONE, "none") \
	X(INDEX, "its available index went further than the ring is long") \
	X(HEAD, "an available entry names a descriptor that the ring does not have") \
	X(CHAIN, "a chain of descriptors is too short, or leaves the guest's memory or the ring") \
	X(LONG, "a chain of descriptors loops, or is longer than 256") \
	X(ACCESS, "a buffer for frames to the guest is read-only, or one from it is write-only") \
	X(MEMORY, "the guest's memory ends before it should")

enum bf_ring_fault {
#define BF_RING_FAULT_ENUM(sym, help) BF_RING_FAULT_##sym,
	BF_RING_FAULT_LIST(BF_RING_FAULT_ENUM)
#undef BF_RING_FAULT_ENUM
};

/**
 * Pages that were written, for a guest that is being migrated: one bit for 4096 bytes of guest physical
 * memory, the lowest bit of a byte first.  Others set bits and take them meanwhile.
 */
struct bf_ring_log {
	uint8_t *va;
	uint64_t size; /* bytes; pages beyond are not logged */
};

#define BF_RING_NOT_LOGGED UINT64_MAX /* an address that no log has a bit for */

#define BF_RING_RECORD_VERSION 1
#define BF_RING_RECORD_STATE \
	16 /* as many of `len` lie where that area has one descriptor's state */

/** Where a packed ring stands, as one word. */
struct bf_ring_stand {
	uint16_t used_idx, old_used_idx;
	uint8_t used_wrap_counter, old_used_wrap_counter;
	uint16_t back : 15; /* descriptors since the last that was marked used, 0 unknown */
	uint16_t writes : 1; /* the burst has lengths */
};

/**
 * Where a packed ring stands, in memory that outlives the process: before each burst of used
 * descriptors, where the ring stands and where it will stand then; after it, that it does.  It begins as
 * the region of a packed ring in vhost-user's in-flight area does (the bits of `stand` behind the wrap
 * counters are padding there).  What follows, that area has for descriptors in flight, 32 bytes each: there
 * are none.  The first byte of each says so after every burst; its list of free ones is not kept.
 *
 * Aligned to 8 bytes; see BF_RING_RECORD_SIZE.
 */
struct bf_ring_record {
	uint64_t features;
	uint16_t version; /* BF_RING_RECORD_VERSION; 0: nothing has been recorded */
	uint16_t desc_num;
	uint16_t free_head, old_free_head; /* not used */
	struct bf_ring_stand stand;
	uint64_t padding;
	uint16_t len[BF_RING_BUFFERS]; /* of the buffers of a burst towards the guest */
};

/** Bytes that a record takes, of a ring of @p size: not more than the in-flight area has for it. */
#define BF_RING_RECORD_SIZE(size) (32 + 2 * RTE_MIN((size_t)(size), (size_t)BF_RING_BUFFERS))

/** Fields that control sets before the ring is on say nothing of a writer. */
struct bf_ring {
	/* Used for every burst: one line. */
	uint32_t lock;
	uint8_t mode; /* enum bf_ring_mode; control: w under the lock */
	uint8_t fault; /* enum bf_ring_fault: what the guest wrote that cannot be; worker: w */
	bool mergeable : 1; /* a frame may take several buffers */
	bool event_idx : 1;
	uint8_t offloads; /* BF_OFFLOAD_*: what was negotiated; 0: headers say nothing */
	uint8_t header; /* length of the virtio header, 10 or 12 */
	uint8_t give; /* enum bf_give: lines of the guest's frames; worker: w */
	bool spent; /* bf_ring_put() ended at BF_RING_VISIT; set only */
	bool announces; /* `announce` is due; control: w, worker: takes */
	bool packed;
	bool wrap; /* packed: the wrap counter at `seen` */
	uint16_t size; /* 1 to 32768; split: a power of two */
	uint16_t seen; /* split: next available entry, free running; packed: the next descriptor */
	uint16_t known; /* split: the driver's available index when it was last read */
	uint16_t used_idx; /* split: next used entry; packed: descriptors used; free running */
	uint16_t told; /* used_idx when the guest was last asked to look */
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *packed_desc;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver; /* what the driver wants to be told */
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device; /* what we want to be told */
	};
	const struct bf_guest_memory *memory;
	const struct bf_ring_log *log; /* NULL: nothing is logged */
	/* Used now and then, or for packed rings alone. */
	struct bf_ring_record *record __rte_cache_aligned; /* packed; NULL: none */
	uint64_t
		log_gpa; /* of `used` or `device` in the log, BF_RING_NOT_LOGGED: it is not in it */
	uint64_t announce; /* address that a RARP is due for */
	uint64_t frames; /* put or taken, since the ring was made; worker: w, control: r */
	uint64_t calls; /* asked for by the guest, likewise */
	uint64_t began_frames; /* `frames` when it was started */
	int call_fd; /* -1: the driver polls; closed after a grace period */
	uint32_t longest; /* bytes of a frame from the guest at most */
	uint16_t began_idx; /* `used_idx` when it was started */
	bool in_order; /* VIRTIO_F_IN_ORDER was negotiated */
	bool discards; /* mode BF_RING_DISCARD: for long enough; control: w under the lock */
	uint16_t refused; /* frames lost for their headers, till they are counted; worker: w */
} __rte_cache_aligned;

static_assert(sizeof(struct bf_ring) == (size_t)2 * RTE_CACHE_LINE_SIZE,
	"a line for every burst, one for the rest");

/** Has the guest given buffers anew since the ring was started, so that more were used than it has? */
static inline bool
bf_ring_was_refilled(const struct bf_ring *r)
{
	return r->frames - r->began_frames > r->size ||
		(uint16_t)(r->used_idx - r->began_idx) > r->size;
}

#endif

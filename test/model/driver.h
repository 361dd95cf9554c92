/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's driver of one virtqueue, split or packed, with its memory in two regions that follow each other in
 * the guest and lie apart here, each a heap block of its own so that sanitizers see its ends.
 *
 * Threads: the driver belongs to its caller.
 */
#ifndef BF_TEST_DRIVER_H
#define BF_TEST_DRIVER_H

#include <linux/virtio_ring.h>

#include "dataplane/ring.h"

#define DRIVER_GPA 0x10000u /* where memory begins */
#define DRIVER_HALF 0x40000u /* length of each region */
#define DRIVER_SEAM (DRIVER_GPA + DRIVER_HALF)

/** What a packed ring forgets when a buffer is used. */
struct driver_buffer {
	uint16_t n_desc, n;
	uint64_t *gpa;
	uint32_t *len;
};

struct driver {
	struct bf_guest_memory memory;
	struct bf_ring ring;
	uint16_t
		access; /* flags of what is posted: VRING_DESC_F_WRITE, or 0 for frames to be taken */
	uint16_t next_desc; /* split: descriptors taken; packed: the next one */
	uint16_t next_avail, next_used; /* split: indices; packed: buffers posted and used */
	bool lap; /* packed: of next_desc */
	uint16_t used_at; /* packed: the next descriptor to be used, and its lap */
	bool used_lap;
	bool in_batch; /* packed, in order: buffers up to `batch_id` are used */
	uint16_t batch_id;
	struct driver_buffer *buffer; /* packed: by id */
	uint64_t next_gpa; /* memory that buffers have not taken */
	uint8_t *half[2]; /* where it is */
};

/** A ring of @p size entries that nothing has been posted to, to put frames into. */
struct driver *driver_new(uint16_t size, bool mergeable);
/** The same, packed. */
struct driver *driver_new_packed(uint16_t size, bool mergeable);
void driver_free(struct driver *d);

/** A place in the guest's memory as a pointer here; NULL where there is none. */
uint8_t *driver_at(struct driver *d, uint64_t gpa);
/** Take memory for a buffer. */
uint64_t driver_alloc(struct driver *d, uint32_t len);
/** Split: write a descriptor. */
void driver_desc(
	struct driver *d, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next);
/** Packed: write the next descriptor and make it available; @p id as it stands. */
void driver_push(struct driver *d, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t id);
/** Split: make the chain at @p head available. */
void driver_avail(struct driver *d, uint16_t head);
/** Post a buffer of @p n pieces with these lengths, as a chain. @return its head or id. */
uint16_t driver_post(struct driver *d, const uint32_t *lens, uint16_t n);
/** The same by an indirect table. */
uint16_t driver_post_indirect(struct driver *d, const uint32_t *lens, uint16_t n);
/** Split: the same by a chain of one piece that ends in an indirect table of the others. */
uint16_t driver_post_tail(struct driver *d, const uint32_t *lens, uint16_t n);
/** Copy the bytes of the buffer @p head (or id) out, or in when @p write; all pieces one after the other. */
void driver_bytes(struct driver *d, uint16_t head, uint8_t *bytes, uint32_t len, bool write);
/** The next used buffer. @return false when there is none. */
bool driver_used(struct driver *d, struct vring_used_elem *e);

#endif

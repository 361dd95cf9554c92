/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The buffers of one frame as pieces of our memory, and frames copied into and out of them.
 *
 * The usual buffer is one descriptor in one piece of memory and does without.  Chains, indirect tables,
 * buffers that cross regions of memory and frames that need several buffers are found whole first, and
 * copied then: a frame that does not fit leaves no trace, and no descriptor is read twice.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_PIECES_H
#define BF_DATAPLANE_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "dataplane/form.h"
#include "dataplane/sizes.h"
#include "dataplane/virtqueue.h"

#define BF_PIECES (BF_RING_STEPS + BF_RING_REGIONS)

struct bf_piece {
	uint8_t *va;
	uint32_t len;
};

struct bf_pieces {
	const struct bf_guest_memory *memory;
	uint32_t enough; /* bytes that are looked for; what buffers have beyond is left alone */
	uint32_t bytes; /* found, at most `enough` */
	uint16_t steps; /* descriptors that were read for it */
	uint16_t n;
	uint8_t fault; /* enum bf_ring_fault: why no more are found */
	struct bf_piece piece[BF_PIECES];
};

/** What became of a frame of the guest's. */
enum bf_taken {
	BF_TAKEN,
	BF_THROWN_AWAY, /* empty, or longer than any frame; or its header asks what cannot be */
	BF_NOT_YET, /* no memory for all of it, or no time: it stays where it is */
	BF_BROKEN, /* a fault */
};

/* Where a buffer is, and how much of it is in one piece. */
static inline uint8_t *
bf_map(const struct bf_guest_memory *m, uint64_t gpa, uint32_t *len)
{
	for (uint32_t i = 0; i < m->n; i++) {
		uint64_t off = gpa - m->region[i].gpa;

		if (off < m->region[i].size) {
			*len = (uint32_t)RTE_MIN((uint64_t)*len, m->region[i].size - off);
			return m->region[i].va + off;
		}
	}
	return NULL;
}

/* All of it in one piece, else NULL. */
static inline uint8_t *
bf_map_whole(const struct bf_guest_memory *m, uint64_t gpa, uint32_t len)
{
	uint32_t piece = len;
	uint8_t *va = bf_map(m, gpa, &piece);

	return piece == len ? va : NULL;
}

/** The region that most addresses are in, at hand for a burst. */
struct bf_region {
	uint64_t gpa, size;
	uint8_t *va;
};

static inline struct bf_region
bf_region_first(const struct bf_guest_memory *m)
{
	return (struct bf_region){
		m->region[0].gpa, m->n > 0 ? m->region[0].size : 0, m->region[0].va};
}

/* As bf_map_whole(). */
static inline uint8_t *
bf_map_usual(
	const struct bf_region *first, const struct bf_guest_memory *m, uint64_t gpa, uint32_t len)
{
	uint64_t off = gpa - first->gpa;

	if (likely(off < first->size && len <= first->size - off))
		return first->va + off;
	return bf_map_whole(m, gpa, len);
}

/** Begin to look for @p enough bytes, 1 or more. */
void bf_pieces_begin(struct bf_pieces *p, const struct bf_guest_memory *memory, uint32_t enough);

/** More are needed. */
static inline bool
bf_pieces_lack(const struct bf_pieces *p)
{
	return p->bytes < p->enough;
}

/** Note a fault. @return false. */
bool bf_pieces_fail(struct bf_pieces *p, enum bf_ring_fault why);

/** Add what a descriptor names. @return false: there is a fault. */
bool bf_pieces_add(struct bf_pieces *p, uint64_t gpa, uint32_t len);

/**
 * Write a header and a frame, which is as long as the pieces are without the header.
 *
 * @param form
 *   What is changed of it, or NULL.
 */
void bf_pieces_write(const struct bf_pieces *p, const uint8_t *head, uint8_t head_len,
	const struct rte_mbuf *m, const struct bf_form *form);

/**
 * Read a frame of at most @p longest bytes behind a header into @p m and as many more of its pool as it
 * needs.  The pieces were looked for with enough of head_len + longest + 1.
 *
 * @param head
 *   Where the header is put, or NULL.
 * @return BF_TAKEN, BF_THROWN_AWAY or BF_NOT_YET; @p m stays the caller's, with what hangs on it.
 */
enum bf_taken bf_pieces_read(const struct bf_pieces *p, uint8_t *head, uint8_t head_len,
	uint32_t longest, struct rte_mbuf *m);

#endif

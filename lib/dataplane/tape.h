/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A tape: records of any length, from one writer to one reader, in memory of a fixed size.
 *
 * Theory of operation.  `head` and `tail` count bytes and never wrap; a place is the count modulo the
 * size, a power of two.  A record is a length in 8 bytes and its bytes, and lies in one piece: what is
 * left before the end is skipped when it is too short.  The writer publishes `head` with release, the
 * reader gives back `tail` with release.  A full tape loses the record, which the writer counts.
 *
 * Threads: one worker writes, one other thread reads.
 */
#ifndef BF_DATAPLANE_TAPE_H
#define BF_DATAPLANE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#define BF_TAPE_SKIP UINT64_MAX /* in place of a length: go on at the begin */

struct bf_tape {
	uint32_t size; /* bytes of room[], a power of two */
	/* The writer's. */
	uint64_t head __rte_cache_aligned;
	uint64_t tail_seen;
	uint64_t lost; /* records that found no room; the reader may read it */
	/* The reader's. */
	uint64_t tail __rte_cache_aligned;
	uint8_t room[] __rte_cache_aligned;
};

/** Bytes that a tape takes with room for @p size bytes of records. */
static inline size_t
bf_tape_memory(uint32_t size)
{
	return sizeof(struct bf_tape) + size;
}

static inline uint64_t *
bf_tape_at(struct bf_tape *t, uint64_t count)
{
	return (uint64_t *)(void *)&t->room[count & (t->size - 1)];
}

static inline bool
bf_tape_has_room(struct bf_tape *t, uint64_t need)
{
	if (likely(t->head + need - t->tail_seen <= t->size))
		return true;
	t->tail_seen = __atomic_load_n(&t->tail, __ATOMIC_ACQUIRE);
	return t->head + need - t->tail_seen <= t->size;
}

/**
 * Begin a record.  ctx the writer.
 *
 * @return where its @p len bytes go, aligned to 8; NULL when there is no room, and then it is lost.
 */
static inline void *
bf_tape_begin(struct bf_tape *t, uint32_t len)
{
	uint64_t need = sizeof(uint64_t) + RTE_ALIGN_CEIL((uint64_t)len, 8);
	uint64_t left = t->size - (t->head & (t->size - 1)), skip = left < need ? left : 0;

	if (unlikely(!bf_tape_has_room(t, skip + need))) {
		__atomic_store_n(&t->lost, t->lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (skip > 0) {
		*bf_tape_at(t, t->head) = BF_TAPE_SKIP;
		__atomic_store_n(&t->head, t->head + skip, __ATOMIC_RELEASE);
	}
	*bf_tape_at(t, t->head) = len;
	return bf_tape_at(t, t->head) + 1;
}

/** End the record that was begun with @p len bytes: the reader may have it. */
static inline void
bf_tape_end(struct bf_tape *t, uint32_t len)
{
	uint64_t need = sizeof(uint64_t) + RTE_ALIGN_CEIL((uint64_t)len, 8);

	__atomic_store_n(&t->head, t->head + need, __ATOMIC_RELEASE);
}

/** The oldest record, which stays where it is. ctx the reader. @return NULL when there is none. */
static inline const void *
bf_tape_first(struct bf_tape *t, uint32_t *len)
{
	uint64_t head = __atomic_load_n(&t->head, __ATOMIC_ACQUIRE);

	if (t->tail != head && *bf_tape_at(t, t->tail) == BF_TAPE_SKIP)
		__atomic_store_n(
			&t->tail, t->tail + t->size - (t->tail & (t->size - 1)), __ATOMIC_RELEASE);
	if (t->tail == head)
		return NULL;
	*len = (uint32_t)*bf_tape_at(t, t->tail);
	return bf_tape_at(t, t->tail) + 1;
}

/** Done with the oldest record. ctx the reader, after bf_tape_first(). */
static inline void
bf_tape_next(struct bf_tape *t)
{
	uint64_t len = *bf_tape_at(t, t->tail);

	__atomic_store_n(
		&t->tail, t->tail + sizeof(uint64_t) + RTE_ALIGN_CEIL(len, 8), __ATOMIC_RELEASE);
}

#endif

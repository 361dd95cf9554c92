/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A packed virtqueue's descriptors, and the record of where it stands, for packed.c, recover.c and ring.c
 * alone.
 *
 * Threads: worker; recover.c: control.
 */
#ifndef BF_DATAPLANE_PACKED_H
#define BF_DATAPLANE_PACKED_H

#include <linux/virtio_ring.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/ring_parts.h"

#define BF_PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define BF_PACKED_USED (1u << VRING_PACKED_DESC_F_USED)
#define BF_PACKED_LAP (BF_PACKED_AVAIL | BF_PACKED_USED)

typedef uint64_t __attribute__((__may_alias__)) bf_word_t;
typedef uint32_t __attribute__((__may_alias__)) bf_half_word_t;

/* A place in the ring; `lap` changes with every round (the wrap counter of 2.8.1). */
struct bf_packed_place {
	uint16_t at;
	bool lap;
};

/* What follows a descriptor's address. */
struct bf_packed_rest {
	uint32_t len;
	uint16_t id, flags;
};

/* A buffer that is given back. */
struct bf_packed_used {
	uint32_t len;
	uint16_t id;
	uint16_t offset; /* of its first descriptor, from where the ring stands */
};

/* @param n at most the ring's size. */
static inline struct bf_packed_place
bf_packed_place_after(const struct bf_ring *r, uint32_t n)
{
	uint32_t at = r->seen + n;
	bool over = at >= r->size;

	return (struct bf_packed_place){(uint16_t)(over ? at - r->size : at), r->wrap != over};
}

static inline struct vring_packed_desc *
bf_packed_desc_at(const struct bf_ring *r, uint16_t at)
{
	return &r->packed_desc[at];
}

static inline struct bf_packed_rest
bf_packed_rest_read(const struct vring_packed_desc *d)
{
	uint64_t word = rte_le_to_cpu_64(
		__atomic_load_n((const bf_word_t *)(const void *)&d->len, __ATOMIC_ACQUIRE));

	return (struct bf_packed_rest){
		(uint32_t)word, (uint16_t)(word >> 32), (uint16_t)(word >> 48)};
}

static inline uint64_t
bf_packed_addr_read(const struct vring_packed_desc *d)
{
	return *(const volatile bf_word_t *)(const void *)&d->addr;
}

static inline bf_word_t
bf_packed_rest_word(uint32_t len, uint16_t id, uint16_t flags)
{
	return rte_cpu_to_le_64(len | (uint64_t)id << 32 | (uint64_t)flags << 48);
}

static inline bf_word_t *
bf_packed_rest_at(const struct bf_ring *r, uint16_t at)
{
	return (bf_word_t *)(void *)&bf_packed_desc_at(r, at)->len;
}

static inline bool
bf_packed_is_available(uint16_t flags, bool lap)
{
	return (flags & BF_PACKED_LAP) == (lap ? BF_PACKED_AVAIL : BF_PACKED_USED);
}

static inline uint16_t
bf_packed_used_flags(bool lap, uint16_t access)
{
	return (uint16_t)(access | (lap ? BF_PACKED_LAP : 0));
}

static inline struct bf_ring_stand
bf_stand_read(const struct bf_ring_record *record)
{
	bf_word_t word =
		__atomic_load_n((const bf_word_t *)(const void *)&record->stand, __ATOMIC_RELAXED);
	struct bf_ring_stand s;

	memcpy(&s, &word, sizeof(s));
	return s;
}

/* At once: a record is never half of one and half of another. */
static inline void
bf_stand_write(struct bf_ring_record *record, const struct bf_ring_stand *s)
{
	bf_word_t word;

	memcpy(&word, s, sizeof(word));
	rte_compiler_barrier();
	__atomic_store_n((bf_word_t *)(void *)&record->stand, word, __ATOMIC_RELAXED);
	rte_compiler_barrier();
}

static inline void
bf_stand_end(struct bf_ring_record *record, struct bf_ring_stand *s)
{
	s->old_used_idx = s->used_idx;
	s->old_used_wrap_counter = s->used_wrap_counter;
	bf_stand_write(record, s);
}

/*
 * After a burst that wrote @p n lengths: where they are, the in-flight area says of each descriptor
 * whether it is in flight, and another back end that is given the area believes it.
 */
static inline void
bf_lengths_end(struct bf_ring_record *record, uint16_t n)
{
	for (uint16_t i = 0; i < n; i += BF_RING_RECORD_STATE)
		record->len[i] = 0;
}

/* Write used descriptors, the first one last. */
static __rte_always_inline void
bf_packed_used_write(
	const struct bf_ring *r, const struct bf_packed_used *u, uint16_t n, uint16_t access)
{
	for (uint16_t i = n; i-- > 0;) {
		struct bf_packed_place p = bf_packed_place_after(r, u[i].offset);
		bf_word_t word =
			bf_packed_rest_word(u[i].len, u[i].id, bf_packed_used_flags(p.lap, access));

		__atomic_store_n(bf_packed_rest_at(r, p.at), word,
			i > 0 ? __ATOMIC_RELAXED : __ATOMIC_RELEASE);
	}
}

/* ---- packed.c, for ring.c: ring.h says what each function does ---- */

uint16_t bf_packed_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n);
uint16_t bf_packed_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form);
uint16_t bf_packed_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts,
	uint16_t n, uint64_t *lost);
bool bf_packed_wants_call(const struct bf_ring *r, uint16_t was);
void bf_packed_want_kicks(struct bf_ring *r, bool on);
uint16_t bf_packed_waiting(const struct bf_ring *r);
bool bf_packed_look(const struct bf_ring *r, uint32_t *way);
uint32_t bf_packed_base(const struct bf_ring *r);
void bf_packed_set_base(struct bf_ring *r, uint32_t base);

#endif

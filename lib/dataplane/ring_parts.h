/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the kinds of rings have in common, for split.c and packed.c alone.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_RING_PARTS_H
#define BF_DATAPLANE_RING_PARTS_H

#include <string.h>

#include <rte_atomic.h>
#include <rte_branch_prediction.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "dataplane/form.h"
#include "dataplane/lines.h"
#include "dataplane/pieces.h"
#include "dataplane/sizes.h"
#include "dataplane/virtqueue.h"
#include "dataplane/vnet_hdr.h"

#define BF_HEADER_MAX 12
#define BF_RING_WORK_BYTES \
	512u /* of a frame that asks for something: as much work as a descriptor */
#define BF_RING_WORK_SEGMENTS 4u
#define BF_RING_STEP_BYTES 1024u /* of a frame for the guest: they may take a descriptor */
#define BF_LOOK_AHEAD_BELOW (BF_BURST / 2) /* a visit of so many frames hides its own misses */

/** A frame's usual buffer: what pass 2 found out about it. */
struct bf_buffer {
	uint8_t *va; /* NULL: to be walked */
	uint32_t len;
	uint16_t id; /* split: its head; packed: its buffer id */
};

/* What was found first stays: the rest follows from it. */
static inline void
bf_ring_fail(struct bf_ring *r, uint8_t fault)
{
	if (__atomic_load_n(&r->fault, __ATOMIC_RELAXED) == BF_RING_FAULT_NONE)
		__atomic_store_n(&r->fault, fault, __ATOMIC_RELAXED);
}

static inline void
bf_frame_set(struct rte_mbuf *m, uint32_t len)
{
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

/*
 * struct virtio_net_hdr_mrg_rxbuf without offloads (5.1.6): all 0 but num_buffers, the last two.
 * Written only where it is not so already: drivers leave buffers as they were, and in front of the
 * frame the header often has a cache line to itself, which then stays with both sides.
 */
static inline void
bf_header_set(uint8_t *va, uint8_t header, uint16_t n_buffers)
{
	uint16_t zero, count;
	uint64_t zeros;

	memcpy(&zeros, va, sizeof(zeros));
	memcpy(&zero, va + 8, sizeof(zero));
	if (unlikely((zeros | zero) != 0))
		memset(va, 0, 10);
	if (unlikely(header <= 10))
		return;
	memcpy(&count, va + 10, sizeof(count));
	if (unlikely(count != n_buffers))
		memcpy(va + 10, &n_buffers, sizeof(n_buffers));
}

/* A frame's second line; of no frame, somewhere that is no place to be. */
static inline const void *
bf_second_line(const uint8_t *va)
{
	return (const void *)((uintptr_t)va + RTE_CACHE_LINE_SIZE);
}

/* Ask for the beginnings of frames that are about to be read. */
static inline void
bf_buffers_prefetch(const struct bf_ring *r, const struct bf_buffer *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(b[i].va);
		if (r->give == BF_GIVE_DEMOTE) /* not to be kept at all */
			rte_prefetch_non_temporal(bf_second_line(b[i].va));
		else
			rte_prefetch0(bf_second_line(b[i].va));
	}
}

/* A frame's other lines stay: giving back all of them costs more than it saves. */
static inline void
bf_buffers_give_back(const struct bf_ring *r, const struct bf_buffer *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		/* A flush is an access: what ends before the frame begins may end with the memory. */
		if (unlikely(b[i].va == NULL || b[i].len <= r->header))
			continue;
		if (r->give == BF_GIVE_DEMOTE)
			rte_cldemote(b[i].va + r->header);
		else
			bf_line_flush(b[i].va + r->header);
	}
}

/*
 * Superframes are as much work as many frames: of what may be walked in one call each takes a part by its length,
 * and by how many segments may have to be made of it, which a short one has as well.
 */
static inline void
bf_work_note(const struct rte_mbuf *m, uint32_t *left)
{
	uint32_t work = m->pkt_len / BF_RING_WORK_BYTES;

	if (unlikely(bf_is_superframe(m)))
		work += m->pkt_len / m->tso_segsz / BF_RING_WORK_SEGMENTS;
	*left -= RTE_MIN(*left, work);
}

/* What a frame asks by its header, which lies in front of it in a usual buffer. */
static inline enum bf_taken
bf_header_take(struct bf_ring *r, const uint8_t *va, struct rte_mbuf *m, uint32_t *left)
{
	uint8_t header[BF_FORM_HEADER];

	memcpy(header, va, sizeof(header));
	rte_compiler_barrier(); /* read once */
	if (unlikely(!bf_vnet_hdr_take(m, header, r->offloads))) {
		r->refused++;
		return BF_THROWN_AWAY;
	}
	if (unlikely(bf_is_superframe(m)))
		bf_work_note(m, left);
	return BF_TAKEN;
}

/* A frame in pieces, with its header. */
static inline enum bf_taken
bf_walked_take(struct bf_ring *r, const struct bf_pieces *p, struct rte_mbuf *m, uint32_t *left)
{
	uint8_t header[BF_HEADER_MAX];
	enum bf_taken what = bf_pieces_read(p, header, r->header, r->longest, m);

	if (r->offloads == 0 || what != BF_TAKEN)
		return what;
	if (unlikely(!bf_vnet_hdr_take(m, header, r->offloads))) {
		r->refused++;
		what = BF_THROWN_AWAY;
	}
	bf_work_note(m, left); /* it has been copied */
	return what;
}

/* What a frame for the guest takes of a visit: descriptors that its length does not explain. */
static inline uint32_t
bf_put_work(const struct bf_pieces *p)
{
	return p->steps - RTE_MIN((uint32_t)p->steps, p->bytes / BF_RING_STEP_BYTES);
}

/* What a fresh frame of the pool has room for in one piece: the frames need not be read for it. */
static inline uint32_t
bf_room_of(struct rte_mempool *pool)
{
	return (uint32_t)rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
}

static inline bool
bf_fits_simply(const struct bf_ring *r, const struct bf_buffer *b, const struct rte_mbuf *m,
	const struct bf_form *form)
{
	return b->va != NULL && m->nb_segs == 1 && b->len >= bf_form_len(form, m) + r->header;
}

/* A frame and its header into a usual buffer; @p i: which of the burst it is. */
static __rte_always_inline void
bf_buffer_write(const struct bf_ring *r, uint8_t *va, const struct rte_mbuf *m,
	const struct bf_form *form, uint16_t i)
{
	const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *);

	bf_header_set(va, r->header, 1);
	va += r->header;
	if (form == NULL) {
		rte_memcpy(va, from, m->data_len);
		return;
	}
	if (form->header != NULL)
		memcpy(va - r->header, form->header[i], BF_FORM_HEADER);
	if (form->skip + form->n_insert == 0) {
		rte_memcpy(va, from, m->data_len);
		return;
	}
	memcpy(va, from, BF_FORM_AT);
	memcpy(va + BF_FORM_AT, form->insert, form->n_insert);
	from += BF_FORM_AT + form->skip;
	rte_memcpy(va + BF_FORM_AT + form->n_insert, from,
		(size_t)m->data_len - BF_FORM_AT - form->skip);
}

#endif

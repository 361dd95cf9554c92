/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames into and out of a guest's split virtqueue: see ring.h for how and why.
 *
 * The usual buffer is one descriptor in one piece of memory; those are handled in passes.  Chains,
 * indirect tables, buffers that cross regions of memory and frames that need several buffers
 * go one by one through a cursor.
 *
 * Threads: worker.
 */
#include "dataplane/ring.h"

#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_atomic.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "dataplane/lines.h"
#include "dataplane/sizes.h"

#define LOOK_AHEAD_BELOW (BF_BURST / 2) /* a visit of so many frames hides its own misses */

/* Buffers of one frame as they are walked. */
struct cursor {
	const struct bf_guest_memory *memory;
	const uint8_t *table; /* of struct vring_desc */
	uint32_t n_table; /* entries of it */
	uint32_t steps; /* that are left: more means a loop */
	uint16_t next; /* entry to read, when `more` */
	bool more, indirect, bad;
	uint64_t gpa; /* rest of the buffer in hand that is not mapped yet */
	uint32_t unmapped;
	uint8_t *va; /* piece in hand */
	uint32_t len;
};

/* Read once: the guest may be writing.  Tables need not be aligned. */
static inline struct vring_desc
desc_read(const struct vring_desc *from)
{
	struct vring_desc d;

	memcpy(&d, from, sizeof(d));
	rte_compiler_barrier();
	return d;
}

static inline uint16_t
head_at(const struct bf_ring *r, uint16_t entry)
{
	return *(const volatile uint16_t *)&r->avail->ring[entry & (r->size - 1)];
}

uint16_t
bf_ring_waiting(const struct bf_ring *r)
{
	return (uint16_t)(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE) - r->seen);
}

/* Where a buffer is, and how much of it is in one piece. */
static inline uint8_t *
map(const struct bf_guest_memory *m, uint64_t gpa, uint32_t *len)
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
map_whole(const struct bf_guest_memory *m, uint64_t gpa, uint32_t len)
{
	uint32_t piece = len;
	uint8_t *va = map(m, gpa, &piece);

	return piece == len ? va : NULL;
}

static bool
cursor_fail(struct cursor *c)
{
	c->bad = true;
	c->more = false;
	c->unmapped = c->len = 0;
	return false;
}

/* 2.7.5.3: a chain may end in a table of its other descriptors; the table is in one piece here. */
static bool
cursor_enter(struct cursor *c, const struct vring_desc *d)
{
	uint32_t n = d->len / (uint32_t)sizeof(*d);

	c->table = map_whole(c->memory, d->addr, d->len);
	if (c->table == NULL || c->indirect || d->flags & VRING_DESC_F_NEXT || n == 0 ||
		n > c->n_table)
		return cursor_fail(c);
	c->n_table = c->steps = n;
	c->next = 0;
	c->indirect = true;
	return true;
}

/* The next buffer in hand, not mapped yet; false at the end, or when the chain is wrong. */
static bool
cursor_descend(struct cursor *c)
{
	struct vring_desc d;

	if (!c->more)
		return false;
	if (c->next >= c->n_table || c->steps-- == 0)
		return cursor_fail(c);
	d = desc_read((const void *)(c->table + c->next * sizeof(d)));
	if (d.flags & VRING_DESC_F_INDIRECT)
		return cursor_enter(c, &d);
	c->gpa = d.addr;
	c->unmapped = d.len;
	c->more = d.flags & VRING_DESC_F_NEXT;
	c->next = d.next;
	return true;
}

/* The next piece in hand; false at the end, or when the chain is wrong. */
static bool
cursor_step(struct cursor *c)
{
	while (c->unmapped == 0)
		if (!cursor_descend(c))
			return false;
	c->len = c->unmapped;
	c->va = map(c->memory, c->gpa, &c->len);
	if (c->va == NULL)
		return cursor_fail(c);
	c->gpa += c->len;
	c->unmapped -= c->len;
	return true;
}

static void
cursor_open(struct cursor *c, const struct bf_ring *r, uint16_t head)
{
	*c = (struct cursor){.memory = r->memory,
		.table = (const uint8_t *)r->desc,
		.n_table = r->size,
		.steps = r->size,
		.next = head,
		.more = true};
}

/* Bytes that are left in the whole chain, without moving. */
static uint32_t
cursor_room(const struct cursor *from, uint32_t enough)
{
	struct cursor c = *from;
	uint32_t room = c.len;

	while (room < enough && cursor_step(&c))
		room += c.len;
	return c.bad ? 0 : room;
}

/* The next piece, at most `want` long; NULL at the end. */
static uint8_t *
cursor_piece(struct cursor *c, uint32_t want, uint32_t *got)
{
	uint8_t *va;

	if (c->len == 0 && !cursor_step(c))
		return NULL;
	*got = RTE_MIN(want, c->len);
	va = c->va;
	c->va += *got;
	c->len -= *got;
	return va;
}

/* Write `len` bytes, or as many as fit. */
static uint32_t
cursor_write(struct cursor *c, const uint8_t *from, uint32_t len)
{
	uint32_t done = 0, piece = 0;
	uint8_t *va;

	while (done < len && (va = cursor_piece(c, len - done, &piece)) != NULL) {
		memcpy(va, from + done, piece);
		done += piece;
	}
	return done;
}

/* Read `len` bytes, or as many as there are; to == NULL: skip them. */
static uint32_t
cursor_read(struct cursor *c, uint8_t *to, uint32_t len)
{
	uint32_t done = 0, piece = 0;
	const uint8_t *va;

	while (done < len && (va = cursor_piece(c, len - done, &piece)) != NULL) {
		if (to != NULL)
			memcpy(to + done, va, piece);
		done += piece;
	}
	return done;
}

/* ---- used entries ---- */

/*
 * Drivers that use their buffers in turn name the same one in the same entry lap after lap: what is
 * there already is not written, and its cache line stays with both sides.
 */
static inline void
used_set(struct bf_ring *r, uint16_t entry, uint16_t head, uint32_t len)
{
	struct vring_used_elem *e = &r->used->ring[entry & (r->size - 1)];

	if (e->id != head || e->len != len)
		*e = (struct vring_used_elem){head, len};
}

static inline void
used_publish(struct bf_ring *r, uint16_t n)
{
	r->used_idx = (uint16_t)(r->used_idx + n);
	__atomic_store_n(&r->used->idx, r->used_idx, __ATOMIC_RELEASE);
}

/* What was found first stays: the rest follows from it. */
static void
ring_fail(struct bf_ring *r, enum bf_ring_fault fault)
{
	if (__atomic_load_n(&r->fault, __ATOMIC_RELAXED) == BF_RING_FAULT_NONE)
		__atomic_store_n(&r->fault, fault, __ATOMIC_RELAXED);
}

void
bf_ring_tell(struct bf_ring *r)
{
	uint16_t was = r->told, is = r->used_idx;

	r->told = is;
	if (r->call_fd < 0 || was == is)
		return;
	if (r->event_idx) { /* 2.7.7.2 */
		uint16_t wanted = *(const volatile uint16_t *)&r->avail->ring[r->size];

		if ((uint16_t)(is - wanted - 1) >= (uint16_t)(is - was))
			return;
	} else if (*(const volatile uint16_t *)&r->avail->flags & VRING_AVAIL_F_NO_INTERRUPT) {
		return;
	}
	eventfd_write(r->call_fd, 1);
}

/* 2.7.10; with an event index a kick is for one entry, so there is nothing to take back. */
void
bf_ring_want_kicks(struct bf_ring *r, bool on)
{
	if (!r->event_idx)
		*(volatile uint16_t *)&r->used->flags = on ? 0 : VRING_USED_F_NO_NOTIFY;
	else if (on)
		memcpy(&r->used->ring[r->size], &r->seen, sizeof(r->seen));
}

/* ---- from the guest ---- */

/* What pass 2 found out about a head. */
struct buffer {
	uint8_t *va; /* NULL: to be walked */
	uint32_t len;
	uint16_t head;
};

/* Heads and, while they are on their way, nothing else; then the descriptors that they name. */
static uint16_t
look_up(struct bf_ring *r, struct buffer *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		b[i].head = head_at(r, (uint16_t)(r->seen + i));
		if (unlikely(b[i].head >= r->size)) {
			ring_fail(r, BF_RING_FAULT_HEAD);
			n = i;
			break;
		}
		rte_prefetch0(&r->desc[b[i].head]);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct vring_desc d = desc_read(&r->desc[b[i].head]);

		b[i].len = d.len;
		b[i].va = NULL;
		if (likely(!(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))))
			b[i].va = map_whole(r->memory, d.addr, d.len);
	}
	return n;
}

static inline void
frame_set(struct rte_mbuf *m, uint32_t len)
{
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

/* What became of a frame of the guest's. */
enum taken {
	TAKEN,
	THROWN_AWAY, /* empty, or longer than any frame */
	NOT_YET, /* no memory for all of it: it stays where it is */
	BROKEN,
};

/* One frame by the cursor, in as many buffers of ours as it needs. */
static enum taken
take_walked(struct bf_ring *r, uint16_t head, struct rte_mbuf *m)
{
	struct rte_mbuf *last = m;
	struct cursor c;
	uint32_t len;

	cursor_open(&c, r, head);
	cursor_read(&c, NULL, r->header);
	len = cursor_read(&c, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m));
	frame_set(m, len);
	while (!c.bad && len > 0 && (c.len > 0 || cursor_step(&c))) {
		struct rte_mbuf *more;

		if (m->pkt_len > BF_MAX_MTU + BF_FRAME_OVERHEAD)
			return THROWN_AWAY;
		more = rte_pktmbuf_alloc(m->pool);
		if (more == NULL)
			return NOT_YET;
		len = cursor_read(
			&c, rte_pktmbuf_mtod(more, uint8_t *), rte_pktmbuf_tailroom(more));
		more->data_len = (uint16_t)len;
		last->next = more;
		last = more;
		m->nb_segs++;
		m->pkt_len += len;
	}
	if (c.bad)
		return BROKEN;
	return m->pkt_len > 0 ? TAKEN : THROWN_AWAY;
}

static inline enum taken
take_one(struct bf_ring *r, const struct buffer *b, struct rte_mbuf *m)
{
	uint32_t len = b->len - r->header;

	if (unlikely(b->va == NULL || b->len <= r->header || len > rte_pktmbuf_tailroom(m)))
		return take_walked(r, b->head, m);
	rte_memcpy(rte_pktmbuf_mtod(m, uint8_t *), b->va + r->header, len);
	frame_set(m, len);
	return TAKEN;
}

/* A frame's other lines stay: giving back all of them costs more than it saves. */
static inline void
give_lines_back(const struct bf_ring *r, const struct buffer *b, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(b[i].va == NULL))
			continue;
		if (r->give == BF_GIVE_DEMOTE)
			rte_cldemote(b[i].va + r->header);
		else
			bf_line_flush(b[i].va + r->header);
	}
}

/*
 * How many entries may be used.  The driver's index is read only when fewer than `want` are known:
 * its cache line is the driver's, who writes it for each few buffers.  A driver cannot have made
 * more available than there are entries (2.7.13.1).
 */
static inline uint16_t
check_waiting(struct bf_ring *r, uint16_t want)
{
	uint16_t waiting = (uint16_t)(r->known - r->seen);

	if (waiting < want) {
		waiting = bf_ring_waiting(r);
		r->known = (uint16_t)(r->seen + waiting);
		if (unlikely(waiting > r->size))
			ring_fail(r, BF_RING_FAULT_INDEX);
	}
	return unlikely(r->fault != BF_RING_FAULT_NONE) ? 0 : waiting;
}

uint16_t
bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost)
{
	uint16_t known, taken = 0, done = 0;
	struct rte_mbuf *fresh[BF_BURST];
	struct buffer b[BF_BURST];
	enum taken what = TAKEN;

	n = RTE_MIN(n, check_waiting(r, n));
	if (n == 0 || rte_pktmbuf_alloc_bulk(pool, fresh, n) != 0)
		return 0;
	known = look_up(r, b, n);
	for (uint16_t i = 0; i < known; i++) {
		rte_prefetch0(b[i].va);
		if (r->give == BF_GIVE_DEMOTE) /* not to be kept at all */
			rte_prefetch_non_temporal(b[i].va + RTE_CACHE_LINE_SIZE);
		else
			rte_prefetch0(b[i].va + RTE_CACHE_LINE_SIZE);
	}
	for (; done < known; done++) {
		what = take_one(r, &b[done], fresh[done]);
		if (likely(what == TAKEN)) {
			pkts[taken++] = fresh[done];
			continue;
		}
		if (what != THROWN_AWAY)
			break;
		(*lost)++;
		rte_pktmbuf_free(fresh[done]);
	}
	if (unlikely(what == BROKEN))
		ring_fail(r, BF_RING_FAULT_CHAIN);
	if (unlikely(done < n))
		rte_pktmbuf_free_bulk(&fresh[done], n - done);
	for (uint16_t i = 0; i < done; i++)
		used_set(r, (uint16_t)(r->used_idx + i), b[i].head, 0);
	if (r->give != BF_GIVE_NOT)
		give_lines_back(r, b, done);
	r->seen = (uint16_t)(r->seen + done);
	used_publish(r, done);
	return taken;
}

void
bf_ring_make_rarp(struct rte_mbuf *m, uint64_t mac)
{
	static const uint8_t fixed[8] = {0, 1, 0x08, 0, 6, 4, 0, 3}; /* RFC 903: request reverse */
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	memset(p, 0, BF_MIN_FRAME);
	memset(p, 0xff, 6);
	memcpy(p + 6, &mac, 6);
	p[12] = 0x80;
	p[13] = 0x35;
	memcpy(p + 14, fixed, sizeof(fixed));
	memcpy(p + 22, &mac, 6);
	memcpy(p + 32, &mac, 6);
	frame_set(m, BF_MIN_FRAME);
}

/* ---- to the guest ---- */

/*
 * struct virtio_net_hdr_mrg_rxbuf without offloads (5.1.6): all 0 but num_buffers, the last two.
 * Written only where it is not so already: drivers leave buffers as they were, and in front of the
 * frame the header often has a cache line to itself, which then stays with both sides.
 */
static inline void
header_set(uint8_t *va, uint8_t header, uint16_t n_buffers)
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

static void
write_frame(struct cursor *c, const struct rte_mbuf **seg, uint32_t *at, uint32_t *left)
{
	uint32_t piece, done;

	while (*left > 0) {
		piece = RTE_MIN(*left, (*seg)->data_len - *at);
		done = cursor_write(c, rte_pktmbuf_mtod_offset(*seg, const uint8_t *, *at), piece);
		*left -= done;
		*at += done;
		if (done < piece)
			return;
		*seg = (*seg)->next;
		*at = 0;
	}
}

/* What became of a frame for the guest.  Nothing has happened unless it is PUT. */
enum put {
	PUT,
	NO_ROOM, /* for all of it */
	WRONG_CHAIN,
};

/* One frame into as many buffers as it needs, entries `*entry` of the used ring and on. */
static enum put
put_walked(struct bf_ring *r, const struct rte_mbuf *m, uint16_t waiting, uint16_t *entry)
{
	uint32_t left = m->pkt_len, at = 0, most = r->mergeable ? waiting : 1;
	uint16_t first = r->seen, used = *entry, count = 0;
	uint8_t head_room[12] = {0};
	struct cursor c, start;

	header_set(head_room, r->header, 1);
	for (; count < most && (count == 0 || left > 0); count++) {
		uint16_t head = head_at(r, (uint16_t)(first + count));
		uint32_t before = left, room;

		cursor_open(&c, r, head);
		room = cursor_room(&c, left + r->header);
		if (room <= r->header)
			return WRONG_CHAIN;
		if (!r->mergeable && room < left + r->header)
			return NO_ROOM;
		if (count == 0) {
			start = c;
			cursor_write(&c, head_room, r->header);
		}
		write_frame(&c, &m, &at, &left);
		if (c.bad)
			return WRONG_CHAIN;
		used_set(r, used++, head, before - left + (count == 0 ? r->header : 0));
	}
	if (left > 0)
		return NO_ROOM;
	if (count > 1) {
		header_set(head_room, r->header, count);
		cursor_write(&start, head_room, r->header);
	}
	r->seen = (uint16_t)(first + count);
	*entry = used;
	return PUT;
}

static inline bool
fits_simply(const struct bf_ring *r, const struct buffer *b, const struct rte_mbuf *m)
{
	return b->va != NULL && m->nb_segs == 1 && b->len >= m->pkt_len + r->header;
}

/* The frames whose buffers are as usual, up to the first one that needs to be walked. */
static uint16_t
put_simple(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	struct buffer b[BF_BURST];
	uint16_t done = 0;

	n = look_up(r, b, n);
	for (; done < n && likely(fits_simply(r, &b[done], pkts[done])); done++) {
		header_set(b[done].va, r->header, 1);
		rte_memcpy(b[done].va + r->header, rte_pktmbuf_mtod(pkts[done], const uint8_t *),
			pkts[done]->data_len);
	}
	for (uint16_t i = 0; i < done; i++)
		used_set(r, (uint16_t)(r->used_idx + i), b[i].head, pkts[i]->pkt_len + r->header);
	r->seen = (uint16_t)(r->seen + done);
	return done;
}

/*
 * With many guests a visit to a ring is a few frames, too few to have many cache misses under way:
 * ask for what the next visit will touch.  The descriptors of the visit after that come with it.
 */
static void
look_ahead(const struct bf_ring *r, uint16_t n)
{
	uint16_t waiting = (uint16_t)(r->known - r->seen), next = RTE_MIN(n, waiting);

	for (uint16_t i = next; i < waiting && i < 2 * n; i++)
		rte_prefetch0(&r->desc[head_at(r, (uint16_t)(r->seen + i)) & (r->size - 1)]);
	for (uint16_t i = 0; i < next; i++) {
		uint16_t head = head_at(r, (uint16_t)(r->seen + i)) & (r->size - 1);
		struct vring_desc d = desc_read(&r->desc[head]);
		const uint8_t *va = map_whole(r->memory, d.addr, d.len);

		rte_prefetch0(va);
		rte_prefetch0(va + RTE_CACHE_LINE_SIZE);
	}
	rte_prefetch0(&r->used->ring[(r->used_idx + n) & (r->size - 1)]);
}

uint16_t
bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint16_t want = RTE_MIN(n, check_waiting(r, n)), waiting, done, used;

	if (want == 0)
		return 0;
	done = put_simple(r, pkts, want);
	used = (uint16_t)(r->used_idx + done);
	waiting = likely(done == n) ? 0 : check_waiting(r, r->size); /* a frame may take several */
	while (unlikely(waiting > 0 && done < n && r->fault == BF_RING_FAULT_NONE)) {
		uint16_t before = r->seen;
		enum put what = put_walked(r, pkts[done], waiting, &used);

		if (what == WRONG_CHAIN)
			ring_fail(r, BF_RING_FAULT_CHAIN);
		if (what != PUT)
			break;
		waiting = (uint16_t)(waiting - (uint16_t)(r->seen - before));
		done++;
	}
	used_publish(r, (uint16_t)(used - r->used_idx));
	if (n < LOOK_AHEAD_BELOW)
		look_ahead(r, n);
	return done;
}

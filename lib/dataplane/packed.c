/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames into and out of a guest's packed virtqueue (virtio 1.2, 2.8): see virtqueue.h for how and why.
 *
 * A buffer is one descriptor or several in a row, used by the first of them.  A descriptor's second
 * half (length, id, flags) is one word here: it is read at once and written at once, so whoever sees
 * the flags sees the rest.  Used descriptors are written from the last to the first, which the driver
 * waits at: until that one is there it has seen none of them, and then it may see them all.  Buffers
 * are used in the order in which they were made available, so the driver's place and ours are one.
 *
 * Threads: worker.
 */
#include "dataplane/packed.h"

#include <string.h>

#include <rte_memcpy.h>

#include "dataplane/dirty.h"

/* As far as the driver's flags reach without a gap: they are looked for as one looks up a word. */
uint16_t
bf_packed_waiting(const struct bf_ring *r)
{
	uint32_t n = 0, step = 1;

	for (bool grows = true; step > 0; step = grows ? step * 2 : step / 2) {
		struct bf_packed_place p =
			bf_packed_place_after(r, RTE_MIN(n + step, (uint32_t)r->size) - 1);

		if (n + step <= r->size &&
			bf_packed_is_available(
				bf_packed_rest_read(bf_packed_desc_at(r, p.at)).flags, p.lap))
			n += step;
		else
			grows = false;
	}
	return (uint16_t)n;
}

bool
bf_packed_look(const struct bf_ring *r, uint32_t *way)
{
	uint16_t flags;

	*way = bf_line_way(&bf_packed_desc_at(r, r->seen)->flags, &flags);
	return bf_packed_is_available(flags, r->wrap);
}

/* ---- finding buffers ---- */

/*
 * Buffers of one descriptor from where the ring stands, up to the first that is not available or is a
 * chain: then `*is_chain`.
 */
static __rte_always_inline uint16_t
look_up(const struct bf_ring *r, struct bf_buffer *b, uint16_t n, uint16_t access, bool *is_chain)
{
	const struct bf_region first = bf_region_first(r->memory);
	uint16_t at = r->seen, size = r->size, open = r->wrap ? BF_PACKED_AVAIL : BF_PACKED_USED, i;

	*is_chain = false;
	for (i = 0; i < n; i++) {
		const struct vring_packed_desc *d = &r->packed_desc[at];
		struct bf_packed_rest rest = bf_packed_rest_read(d);

		if ((rest.flags & BF_PACKED_LAP) != open)
			break;
		if (unlikely(rest.flags & VRING_DESC_F_NEXT)) {
			*is_chain = true;
			break;
		}
		b[i].id = rest.id;
		b[i].len = rest.len;
		b[i].va = NULL;
		if (likely((rest.flags & (VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE)) == access))
			b[i].va = bf_map_usual(&first, r->memory, bf_packed_addr_read(d), rest.len);
		if (unlikely(++at == size)) {
			at = 0;
			open ^= BF_PACKED_LAP;
		}
	}
	return i;
}

/* 2.8.7: of a table's descriptors, address, length and who may write count; nothing ends it early. */
static bool
find_table(struct bf_pieces *p, uint64_t gpa, uint32_t len, uint16_t access)
{
	uint32_t n = len / (uint32_t)sizeof(struct vring_packed_desc);
	const uint8_t *table = bf_map_whole(p->memory, gpa, len);
	struct vring_packed_desc d;

	if (table == NULL || n == 0)
		return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
	for (uint32_t i = 0; i < n && bf_pieces_lack(p); i++) {
		memcpy(&d, table + i * sizeof(d), sizeof(d));
		rte_compiler_barrier();
		if ((d.flags & VRING_DESC_F_WRITE) != access)
			return bf_pieces_fail(p, BF_RING_FAULT_ACCESS);
		if (!bf_pieces_add(p, d.addr, d.len))
			return false;
	}
	return true;
}

/* A buffer whose first descriptor is known to be available. */
struct found {
	uint16_t id; /* the last descriptor says it (2.8.6) */
	uint16_t n_desc;
};

/*
 * Find a buffer's pieces, and its end: what comes behind `enough` is only counted.  A chain is not
 * longer than the ring, and a table stands alone (2.8.19).
 */
static bool
find_buffer(struct bf_pieces *p, const struct bf_ring *r, uint16_t offset, uint16_t access,
	struct found *b)
{
	struct bf_packed_rest rest = {.flags = VRING_DESC_F_NEXT};

	for (b->n_desc = 0; rest.flags & VRING_DESC_F_NEXT; b->n_desc++) {
		const struct vring_packed_desc *d;

		if (offset + b->n_desc >= r->size)
			return bf_pieces_fail(p, BF_RING_FAULT_LONG);
		d = bf_packed_desc_at(r, bf_packed_place_after(r, (uint32_t)offset + b->n_desc).at);
		rest = bf_packed_rest_read(d);
		if (rest.flags & VRING_DESC_F_INDIRECT) {
			if (b->n_desc > 0 || rest.flags & VRING_DESC_F_NEXT)
				return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
			if (!find_table(p, bf_packed_addr_read(d), rest.len, access))
				return false;
			continue;
		}
		if ((rest.flags & VRING_DESC_F_WRITE) != access)
			return bf_pieces_fail(p, BF_RING_FAULT_ACCESS);
		if (!bf_pieces_add(p, bf_packed_addr_read(d), rest.len))
			return false;
	}
	b->id = rest.id;
	return true;
}

/* ---- giving buffers back ---- */

/* Where the ring stands and will stand. @param back descriptors from the last marked one on. */
static inline struct bf_ring_stand
stand_before(const struct bf_ring *r, struct bf_packed_place next, uint16_t back, uint16_t access)
{
	return (struct bf_ring_stand){.used_idx = next.at,
		.old_used_idx = r->seen,
		.used_wrap_counter = next.lap,
		.old_used_wrap_counter = r->wrap,
		.back = back,
		.writes = access != 0};
}

/* `n` descriptors from where the ring stands. */
static __rte_noinline void
used_log(const struct bf_ring *r, uint16_t n)
{
	uint32_t till_end = RTE_MIN((uint32_t)n, (uint32_t)r->size - r->seen);
	const uint32_t of_one = sizeof(struct vring_packed_desc);

	bf_dirty_begin();
	bf_dirty_va(r, bf_packed_desc_at(r, r->seen), till_end * of_one);
	if (till_end < n)
		bf_dirty_va(r, bf_packed_desc_at(r, 0), (n - till_end) * of_one);
}

static inline void
move_to(struct bf_ring *r, struct bf_packed_place next, uint16_t n_desc, bool logs)
{
	if (unlikely(logs))
		used_log(r, n_desc);
	r->seen = next.at;
	r->wrap = next.lap;
	r->used_idx = (uint16_t)(r->used_idx + n_desc);
}

/* Give back `n` buffers, at most BF_RING_BUFFERS, of `n_desc` descriptors together. */
static void
used_publish(struct bf_ring *r, const struct bf_packed_used *u, uint16_t n, uint16_t n_desc,
	uint16_t access)
{
	struct bf_packed_place next = bf_packed_place_after(r, n_desc);
	struct bf_ring_record *record = r->record;
	struct bf_ring_stand s;

	if (record != NULL) {
		s = stand_before(r, next, (uint16_t)(n_desc - u[n - 1].offset), access);
		for (uint16_t i = 0; access != 0 && i < n; i++)
			record->len[i] = (uint16_t)u[i].len;
		bf_stand_write(record, &s);
	}
	bf_packed_used_write(r, u, n, access);
	if (record != NULL) {
		bf_stand_end(record, &s);
		bf_lengths_end(record, access != 0 ? n : 0);
	}
	move_to(r, next, n_desc, r->log != NULL);
}

/* The same for buffers of one descriptor each.  Their lengths count where we write. */
static __rte_always_inline void
run_publish(struct bf_ring *r, const struct bf_buffer *b, uint16_t n, uint16_t access, bool logs)
{
	struct bf_packed_place next = bf_packed_place_after(r, n),
			       p = bf_packed_place_after(r, n - 1);
	uint16_t flags = bf_packed_used_flags(p.lap, access);
	struct bf_ring_record *record = r->record;
	struct bf_ring_stand s;

	if (record != NULL) {
		s = stand_before(r, next, 1, access);
		for (uint16_t i = 0; access != 0 && i < n; i++)
			record->len[i] = (uint16_t)b[i].len;
		bf_stand_write(record, &s);
	}
	for (uint16_t i = n - 1; i > 0; i--) {
		__atomic_store_n(bf_packed_rest_at(r, p.at),
			bf_packed_rest_word(access != 0 ? b[i].len : 0, b[i].id, flags),
			__ATOMIC_RELAXED);
		if (unlikely(p.at-- == 0)) {
			p.at = r->size - 1;
			flags ^= BF_PACKED_LAP;
		}
	}
	__atomic_store_n(bf_packed_rest_at(r, p.at),
		bf_packed_rest_word(access != 0 ? b[0].len : 0, b[0].id, flags), __ATOMIC_RELEASE);
	if (record != NULL) {
		bf_stand_end(record, &s);
		bf_lengths_end(record, access != 0 ? n : 0);
	}
	move_to(r, next, n, logs);
}

/* ---- from the guest ---- */

/* One frame in pieces, from the buffer at `offset`. */
static __rte_noinline enum bf_taken
take_walked(struct bf_ring *r, uint16_t offset, struct found *b, struct rte_mbuf *m, uint32_t *left)
{
	struct bf_pieces p;

	if (*left < BF_RING_STEPS)
		return BF_NOT_YET;
	bf_pieces_begin(&p, r->memory, r->header + r->longest + 1);
	if (!find_buffer(&p, r, offset, 0, b)) {
		bf_ring_fail(r, p.fault);
		return BF_BROKEN;
	}
	*left -= p.steps;
	return bf_walked_take(r, &p, m, left);
}

/* Not longer than it was when it was looked up: a driver may change its mind, but not our place. */
static enum bf_taken
take_single(struct bf_ring *r, uint16_t offset, struct rte_mbuf *m, uint32_t *left)
{
	struct found b = {0, 1};
	enum bf_taken what = take_walked(r, offset, &b, m, left);

	if (b.n_desc == 1 || what == BF_NOT_YET || what == BF_BROKEN)
		return what;
	bf_ring_fail(r, BF_RING_FAULT_CHAIN);
	return BF_BROKEN;
}

static __rte_always_inline enum bf_taken
take_one(struct bf_ring *r, const struct bf_buffer *b, uint16_t offset, struct rte_mbuf *m,
	uint32_t room, uint32_t *left, bool reads)
{
	uint32_t len = b->len - r->header;

	if (reads && unlikely(*left < BF_RING_STEPS))
		return BF_NOT_YET;
	if (unlikely(b->va == NULL || b->len <= r->header || len > room))
		return take_single(r, offset, m, left);
	rte_memcpy(rte_pktmbuf_mtod(m, uint8_t *), b->va + r->header, len);
	bf_frame_set(m, len);
	return reads ? bf_header_take(r, b->va, m, left) : BF_TAKEN;
}

/* With buffers used in order one descriptor is enough for all of them: it names the last (2.8.6.1). */
static inline void
taken_publish(struct bf_ring *r, const struct bf_buffer *b, uint16_t n)
{
	struct bf_packed_used u;

	if (unlikely(n == 0))
		return;
	if (r->in_order) {
		u = (struct bf_packed_used){.id = b[n - 1].id};
		used_publish(r, &u, 1, n, 0);
	} else {
		run_publish(r, b, n, 0, r->log != NULL);
	}
}

/* What a call has got. */
struct haul {
	struct rte_mempool *pool;
	struct rte_mbuf **pkts; /* the next one */
	uint64_t lost;
	uint32_t left; /* descriptors that may be walked */
};

/* Frames of buffers that were looked up. @return false when not all of them could be taken. */
static __rte_always_inline bool
take_run(struct bf_ring *r, struct haul *h, const struct bf_buffer *b, uint16_t n, bool reads)
{
	struct rte_mbuf *fresh[BF_BURST], **pkts = h->pkts;
	uint32_t room = bf_room_of(h->pool);
	uint16_t done = 0;

	bf_buffers_prefetch(r, b, n);
	if (rte_pktmbuf_alloc_bulk(h->pool, fresh, n) != 0)
		return false;
	for (; done < n; done++) {
		enum bf_taken what =
			take_one(r, &b[done], done, fresh[done], room, &h->left, reads);

		if (likely(what == BF_TAKEN)) {
			*pkts++ = fresh[done];
			continue;
		}
		if (what != BF_THROWN_AWAY)
			break;
		h->lost++;
		rte_pktmbuf_free(fresh[done]);
	}
	if (unlikely(done < n))
		rte_pktmbuf_free_bulk(&fresh[done], n - done);
	if (r->give != BF_GIVE_NOT)
		bf_buffers_give_back(r, b, done);
	taken_publish(r, b, done);
	h->pkts = pkts;
	return done == n;
}

/* The frame of a chain. @return false when it was not taken. */
static __rte_noinline bool
take_chain(struct bf_ring *r, struct haul *h)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(h->pool);
	struct bf_packed_used u;
	enum bf_taken what;
	struct found b;

	if (m == NULL)
		return false;
	what = take_walked(r, 0, &b, m, &h->left);
	if (what == BF_TAKEN)
		*h->pkts++ = m;
	else
		rte_pktmbuf_free(m);
	if (what == BF_NOT_YET || what == BF_BROKEN)
		return false;
	h->lost += what == BF_THROWN_AWAY;
	u = (struct bf_packed_used){.id = b.id};
	used_publish(r, &u, 1, b.n_desc, 0);
	return true;
}

/* As in split.c. */
static __rte_always_inline uint16_t
take_any(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost, bool reads)
{
	struct haul h = {.pool = pool, .pkts = pkts, .left = BF_RING_VISIT};
	struct bf_buffer b[BF_BURST];
	bool is_chain, goes_on = true;
	uint16_t done = 0;

	if (unlikely(r->fault != BF_RING_FAULT_NONE))
		return 0;
	while (goes_on && done < n) {
		uint16_t want = RTE_MIN((uint16_t)(n - done), r->size);
		uint16_t known = look_up(r, b, want, 0, &is_chain);

		if (likely(known > 0)) {
			goes_on = take_run(r, &h, b, known, reads) && is_chain;
			done = (uint16_t)(done + known);
		} else {
			goes_on = is_chain && take_chain(r, &h);
			done++;
		}
	}
	*lost += h.lost;
	n = (uint16_t)(h.pkts - pkts);
	r->frames += n;
	return n;
}

uint16_t
bf_packed_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost)
{
	return likely(r->offloads == 0) ? take_any(r, pool, pkts, n, lost, false)
					: take_any(r, pool, pkts, n, lost, true);
}

/* ---- to the guest ---- */

/* Buffers that a frame takes. */
struct plan {
	uint16_t n, n_desc;
	struct bf_packed_used used[BF_RING_BUFFERS];
	struct bf_pieces pieces;
};

/* What became of a frame for the guest.  Nothing has happened unless it is PUT. */
enum put {
	PUT,
	NO_ROOM, /* for all of it */
	WRONG_CHAIN,
};

static bool
is_waiting(const struct bf_ring *r, uint16_t offset)
{
	struct bf_packed_place p = bf_packed_place_after(r, offset);

	return offset < r->size &&
		bf_packed_is_available(
			bf_packed_rest_read(bf_packed_desc_at(r, p.at)).flags, p.lap);
}

static enum put
plan_buffers(const struct bf_ring *r, struct plan *plan, uint32_t len)
{
	uint16_t most = r->mergeable ? BF_RING_BUFFERS : 1;
	struct bf_pieces *p = &plan->pieces;
	struct found b;

	bf_pieces_begin(p, r->memory, r->header + len);
	plan->n_desc = 0;
	for (plan->n = 0; plan->n < most && bf_pieces_lack(p); plan->n++) {
		struct bf_packed_used *u = &plan->used[plan->n];
		uint32_t before = p->bytes;

		if (!is_waiting(r, plan->n_desc))
			return NO_ROOM;
		if (!find_buffer(p, r, plan->n_desc, VRING_DESC_F_WRITE, &b))
			return WRONG_CHAIN;
		*u = (struct bf_packed_used){p->bytes - before, b.id, plan->n_desc};
		plan->n_desc = (uint16_t)(plan->n_desc + b.n_desc);
		if (bf_pieces_lack(p) && u->len <= r->header) {
			bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
			return WRONG_CHAIN;
		}
	}
	return bf_pieces_lack(p) ? NO_ROOM : PUT;
}

/* One frame into as many buffers as it needs, which the guest gets at once. */
static __rte_noinline enum put
put_walked(struct bf_ring *r, const struct rte_mbuf *m, const struct bf_form *form,
	const uint8_t *header, uint32_t *left)
{
	uint8_t head[12] = {0};
	struct plan plan;
	enum put what;

	if (*left < BF_RING_STEPS) {
		r->spent = true;
		return NO_ROOM;
	}
	what = plan_buffers(r, &plan, bf_form_len(form, m));
	*left -= RTE_MIN(*left, bf_put_work(&plan.pieces));
	if (what == WRONG_CHAIN)
		bf_ring_fail(r, plan.pieces.fault);
	if (what != PUT)
		return what;
	bf_header_set(head, r->header, plan.n);
	if (header != NULL)
		memcpy(head, header, BF_FORM_HEADER);
	bf_pieces_write(&plan.pieces, head, r->header, m, form);
	if (r->log != NULL)
		bf_dirty_pieces(r, &plan.pieces);
	used_publish(r, plan.used, plan.n, plan.n_desc, VRING_DESC_F_WRITE);
	return PUT;
}

/* The frames whose buffers are as usual, up to the first one that needs to be walked. */
static __rte_always_inline uint16_t
put_simple(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, bool logs,
	const struct bf_form *form)
{
	struct bf_buffer b[BF_BURST];
	uint16_t done = 0;
	bool is_chain;

	n = look_up(r, b, n, VRING_DESC_F_WRITE, &is_chain);
	for (; done < n && likely(bf_fits_simply(r, &b[done], pkts[done], form)); done++) {
		bf_buffer_write(r, b[done].va, pkts[done], form, done);
		b[done].len = bf_form_len(form, pkts[done]) + r->header; /* of what it holds now */
	}
	if (done == 0)
		return 0;
	if (logs)
		bf_dirty_frames(r, b, pkts, done);
	run_publish(r, b, done, VRING_DESC_F_WRITE, logs);
	return done;
}

/* As in split.c.  Descriptors that the driver has not written yet are left to it. */
static void
look_ahead(const struct bf_ring *r, uint16_t n)
{
	const struct bf_region first = bf_region_first(r->memory);

	for (uint16_t i = 0; i < n; i++) {
		struct bf_packed_place p = bf_packed_place_after(r, i);
		struct bf_packed_rest rest = bf_packed_rest_read(bf_packed_desc_at(r, p.at));
		const uint8_t *va;

		if (!bf_packed_is_available(rest.flags, p.lap))
			return;
		va = bf_map_usual(&first, r->memory,
			bf_packed_addr_read(bf_packed_desc_at(r, p.at)), rest.len);
		rte_prefetch0(va);
		rte_prefetch0(bf_second_line(va));
	}
	rte_prefetch0(bf_packed_desc_at(r, bf_packed_place_after(r, n).at));
}

/* As in split.c. */
static __rte_always_inline uint16_t
put_any(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, bool logs,
	const struct bf_form *form)
{
	uint32_t left = BF_RING_VISIT;
	uint16_t done;

	if (unlikely(r->fault != BF_RING_FAULT_NONE))
		return 0;
	done = form != NULL && r->log != NULL
		? 0
		: put_simple(r, pkts, RTE_MIN(n, r->size), logs, form);
	while (unlikely(done < n) && is_waiting(r, 0) &&
		put_walked(r, pkts[done], form, bf_form_header(form, done), &left) == PUT)
		done++;
	r->frames += done;
	if (n < BF_LOOK_AHEAD_BELOW && done == n)
		look_ahead(r, RTE_MIN(n, r->size));
	return done;
}

static __rte_noinline uint16_t
put_logged(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	return put_any(r, pkts, n, true, NULL);
}

uint16_t
bf_packed_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	return likely(r->log == NULL) ? put_any(r, pkts, n, false, NULL) : put_logged(r, pkts, n);
}

uint16_t
bf_packed_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form)
{
	return put_any(r, pkts, n, r->log != NULL, form);
}

/* ---- calls and kicks ---- */

/* 2.8.10, 2.8.13: the place that the driver waits for is among those used since `was`. */
bool
bf_packed_wants_call(const struct bf_ring *r, uint16_t was)
{
	bf_half_word_t word = *(const volatile bf_half_word_t *)(const void *)r->driver;
	int32_t n = (uint16_t)(r->used_idx - was), at;
	struct vring_packed_desc_event e;

	memcpy(&e, &word, sizeof(e));
	if (!r->event_idx || e.flags != VRING_PACKED_EVENT_FLAG_DESC)
		return e.flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	at = e.off_wrap & (uint16_t) ~(1u << VRING_PACKED_EVENT_F_WRAP_CTR);
	if ((e.off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR & 1) != r->wrap)
		at -= r->size;
	return at < r->seen && at >= r->seen - n;
}

/* At once, so that the driver never sees a place of one and flags of another. */
void
bf_packed_want_kicks(struct bf_ring *r, bool on)
{
	struct vring_packed_desc_event e = {.flags = VRING_PACKED_EVENT_FLAG_DISABLE};
	bf_half_word_t word;

	if (on && r->event_idx) {
		e.off_wrap = (uint16_t)(r->seen | r->wrap << VRING_PACKED_EVENT_F_WRAP_CTR);
		e.flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else if (on) {
		e.flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	}
	memcpy(&word, &e, sizeof(word));
	*(volatile bf_half_word_t *)(void *)r->device = word;
	if (r->log == NULL || r->log_gpa == BF_RING_NOT_LOGGED)
		return;
	bf_dirty_begin();
	bf_dirty_gpa(r->log, r->log_gpa, sizeof(word));
}

/* ---- where it stands ---- */

/* Of both halves the used one counts: what is between them is taken again. */
void
bf_packed_set_base(struct bf_ring *r, uint32_t base)
{
	uint16_t half = (uint16_t)(base >> 16 != 0 ? base >> 16 : base), at = half & 0x7fff;
	struct bf_ring_record *record = r->record;
	struct bf_ring_stand s;

	r->seen = at < r->size ? at : 0;
	r->wrap = half >> 15;
	r->used_idx = r->told = 0;
	if (record == NULL)
		return;
	s = bf_stand_read(record);
	if (s.used_idx != r->seen || s.used_wrap_counter != r->wrap)
		s = (struct bf_ring_stand){.used_idx = r->seen, .used_wrap_counter = r->wrap};
	bf_stand_end(record, &s);
	record->desc_num = r->size;
	record->version = BF_RING_RECORD_VERSION;
}

uint32_t
bf_packed_base(const struct bf_ring *r)
{
	uint32_t half = r->seen | (uint32_t)r->wrap << 15;

	return half << 16 | half;
}

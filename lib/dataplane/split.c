/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames into and out of a guest's split virtqueue (virtio 1.2, 2.7): see virtqueue.h for how and why.
 *
 * Threads: worker.
 */
#include "dataplane/split.h"

#include <linux/virtio_ring.h>
#include <string.h>

#include <rte_memcpy.h>

#include "dataplane/dirty.h"
#include "dataplane/ring_parts.h"

/* Read once: the guest may be writing. */
static inline struct vring_desc
desc_read(const struct vring_desc *from)
{
	const volatile uint64_t *p = (const volatile void *)from;
	uint64_t words[2] = {p[0], p[1]};
	struct vring_desc d;

	memcpy(&d, words, sizeof(d));
	return d;
}

/* The same where it need not be aligned. */
static inline struct vring_desc
table_read(const uint8_t *table, uint32_t i)
{
	struct vring_desc d;

	memcpy(&d, table + i * sizeof(d), sizeof(d));
	rte_compiler_barrier();
	return d;
}

static inline uint16_t
head_at(const struct bf_ring *r, uint16_t entry)
{
	return *(const volatile uint16_t *)&r->avail->ring[entry & (r->size - 1)];
}

uint16_t
bf_split_waiting(const struct bf_ring *r)
{
	return (uint16_t)(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE) - r->seen);
}

bool
bf_split_look(const struct bf_ring *r, uint32_t *way)
{
	uint16_t index;

	*way = bf_line_way(&r->avail->idx, &index);
	return index != r->known;
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
		waiting = bf_split_waiting(r);
		r->known = (uint16_t)(r->seen + waiting);
		if (unlikely(waiting > r->size))
			bf_ring_fail(r, BF_RING_FAULT_INDEX);
	}
	return unlikely(r->fault != BF_RING_FAULT_NONE) ? 0 : waiting;
}

/* Heads and, while they are on their way, nothing else; then the descriptors that they name. */
static __rte_always_inline uint16_t
look_up(struct bf_ring *r, struct bf_buffer *b, uint16_t n, uint16_t access)
{
	const struct bf_region first = bf_region_first(r->memory);
	const struct vring_desc *desc = r->desc;

	for (uint16_t i = 0; i < n; i++) {
		b[i].id = head_at(r, (uint16_t)(r->seen + i));
		if (unlikely(b[i].id >= r->size)) {
			bf_ring_fail(r, BF_RING_FAULT_HEAD);
			n = i;
			break;
		}
		rte_prefetch0(&desc[b[i].id]);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct vring_desc d = desc_read(&desc[b[i].id]);

		b[i].len = d.len;
		b[i].va = NULL;
		if (likely((d.flags &
				   (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT |
					   VRING_DESC_F_WRITE)) == access))
			b[i].va = bf_map_usual(&first, r->memory, d.addr, d.len);
	}
	return n;
}

/* Descriptors that follow each other. */
struct table {
	const uint8_t *desc; /* need not be aligned */
	uint32_t n;
	bool indirect;
};

/* 2.7.5.3: a chain may end in a table of its other descriptors; the table is in one piece here. */
static bool
enter_table(struct bf_pieces *p, struct table *t, const struct vring_desc *d)
{
	uint32_t n = d->len / (uint32_t)sizeof(*d);

	if (t->indirect || d->flags & VRING_DESC_F_NEXT || n == 0 || n > t->n)
		return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
	t->desc = bf_map_whole(p->memory, d->addr, d->len);
	t->n = n;
	t->indirect = true;
	return t->desc != NULL || bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
}

/* Find the pieces of a chain.  A device may write, and nothing else, what says so (2.7.4). */
static bool
find_chain(struct bf_pieces *p, const struct bf_ring *r, uint16_t head, uint16_t access)
{
	struct vring_desc d = {.flags = VRING_DESC_F_NEXT, .next = head};
	struct table t = {(const uint8_t *)r->desc, r->size, false};

	while (d.flags & VRING_DESC_F_NEXT && bf_pieces_lack(p)) {
		if (d.next >= t.n)
			return bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
		d = table_read(t.desc, d.next);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (!enter_table(p, &t, &d))
				return false;
			d = (struct vring_desc){.flags = VRING_DESC_F_NEXT};
			continue;
		}
		if ((d.flags & VRING_DESC_F_WRITE) != access)
			return bf_pieces_fail(p, BF_RING_FAULT_ACCESS);
		if (!bf_pieces_add(p, d.addr, d.len))
			return false;
	}
	return true;
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

/* The last `n` entries and the index. */
static __rte_noinline void
used_log(const struct bf_ring *r, uint16_t n)
{
	uint16_t first = (uint16_t)(r->used_idx - n) & (r->size - 1);
	uint16_t till_end = RTE_MIN(n, r->size - first);
	uint64_t entries = r->log_gpa + offsetof(struct vring_used, ring);
	const uint64_t of_one = sizeof(struct vring_used_elem);

	if (r->log_gpa == BF_RING_NOT_LOGGED || n == 0)
		return;
	bf_dirty_begin();
	bf_dirty_gpa(r->log, r->log_gpa + offsetof(struct vring_used, idx), sizeof(r->used->idx));
	bf_dirty_gpa(r->log, entries + first * of_one, (uint32_t)(till_end * of_one));
	if (till_end < n)
		bf_dirty_gpa(r->log, entries, (uint32_t)((uint16_t)(n - till_end) * of_one));
}

static inline void
used_publish(struct bf_ring *r, uint16_t n, bool logs)
{
	r->used_idx = (uint16_t)(r->used_idx + n);
	__atomic_store_n(&r->used->idx, r->used_idx, __ATOMIC_RELEASE);
	if (unlikely(logs))
		used_log(r, n);
}

/* 2.7.7, 2.7.10 */
bool
bf_split_wants_call(const struct bf_ring *r, uint16_t was)
{
	uint16_t is = r->used_idx, wanted;

	if (!r->event_idx)
		return !(*(const volatile uint16_t *)&r->avail->flags & VRING_AVAIL_F_NO_INTERRUPT);
	wanted = *(const volatile uint16_t *)&r->avail->ring[r->size];
	return (uint16_t)(is - wanted - 1) < (uint16_t)(is - was);
}

/* 2.7.10; with an event index a kick is for one entry, so there is nothing to take back. */
void
bf_split_want_kicks(struct bf_ring *r, bool on)
{
	uint8_t *event = (uint8_t *)&r->used->ring[r->size], *written = event;

	if (r->event_idx && !on)
		return;
	if (r->event_idx) {
		memcpy(event, &r->seen, sizeof(r->seen));
	} else {
		*(volatile uint16_t *)&r->used->flags = on ? 0 : VRING_USED_F_NO_NOTIFY;
		written = (uint8_t *)&r->used->flags;
	}
	if (r->log == NULL || r->log_gpa == BF_RING_NOT_LOGGED)
		return;
	bf_dirty_begin();
	bf_dirty_gpa(
		r->log, r->log_gpa + (uint64_t)(written - (uint8_t *)r->used), sizeof(r->seen));
}

/* ---- from the guest ---- */

/* One frame in pieces. @param left descriptors that may be walked in this call. */
static __rte_noinline enum bf_taken
take_walked(struct bf_ring *r, uint16_t head, struct rte_mbuf *m, uint32_t *left)
{
	struct bf_pieces p;

	if (*left < BF_RING_STEPS)
		return BF_NOT_YET;
	bf_pieces_begin(&p, r->memory, r->header + r->longest + 1);
	if (!find_chain(&p, r, head, 0)) {
		bf_ring_fail(r, p.fault);
		return BF_BROKEN;
	}
	*left -= p.steps;
	return bf_walked_take(r, &p, m, left);
}

static __rte_always_inline enum bf_taken
take_one(struct bf_ring *r, const struct bf_buffer *b, struct rte_mbuf *m, uint32_t room,
	uint32_t *left, bool reads)
{
	uint32_t len = b->len - r->header;

	if (reads && unlikely(*left < BF_RING_STEPS))
		return BF_NOT_YET;
	if (unlikely(b->va == NULL || b->len <= r->header || len > room))
		return take_walked(r, b->id, m, left);
	rte_memcpy(rte_pktmbuf_mtod(m, uint8_t *), b->va + r->header, len);
	bf_frame_set(m, len);
	return reads ? bf_header_take(r, b->va, m, left) : BF_TAKEN;
}

/* Twice in the program: headers are read for those only who have negotiated that. */
static __rte_always_inline uint16_t
take_any(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost, bool reads)
{
	uint16_t known, taken = 0, done = 0;
	struct rte_mbuf *fresh[BF_BURST];
	struct bf_buffer b[BF_BURST];
	uint32_t left = BF_RING_VISIT, room = bf_room_of(pool);

	n = RTE_MIN(n, check_waiting(r, n));
	if (n == 0 || rte_pktmbuf_alloc_bulk(pool, fresh, n) != 0)
		return 0;
	known = look_up(r, b, n, 0);
	bf_buffers_prefetch(r, b, known);
	for (; done < known; done++) {
		enum bf_taken what = take_one(r, &b[done], fresh[done], room, &left, reads);

		if (likely(what == BF_TAKEN)) {
			pkts[taken++] = fresh[done];
			continue;
		}
		if (what != BF_THROWN_AWAY)
			break;
		(*lost)++;
		rte_pktmbuf_free(fresh[done]);
	}
	if (unlikely(done < n))
		rte_pktmbuf_free_bulk(&fresh[done], n - done);
	for (uint16_t i = 0; i < done; i++)
		used_set(r, (uint16_t)(r->used_idx + i), b[i].id, 0);
	if (r->give != BF_GIVE_NOT)
		bf_buffers_give_back(r, b, done);
	r->seen = (uint16_t)(r->seen + done);
	used_publish(r, done, r->log != NULL);
	r->frames += taken;
	return taken;
}

uint16_t
bf_split_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost)
{
	return likely(r->offloads == 0) ? take_any(r, pool, pkts, n, lost, false)
					: take_any(r, pool, pkts, n, lost, true);
}

/* ---- to the guest ---- */

/* Buffers that a frame takes, entries of the available ring from `seen` on. */
struct plan {
	uint16_t n;
	uint16_t head[BF_RING_BUFFERS];
	uint32_t len[BF_RING_BUFFERS]; /* that will be written */
	struct bf_pieces pieces;
};

/* What became of a frame for the guest.  Nothing has happened unless it is PUT. */
enum put {
	PUT,
	NO_ROOM, /* for all of it */
	WRONG_CHAIN,
};

static enum put
plan_buffers(const struct bf_ring *r, struct plan *plan, uint32_t len, uint16_t waiting)
{
	uint16_t most = r->mergeable ? RTE_MIN(waiting, (uint16_t)BF_RING_BUFFERS) : 1;
	struct bf_pieces *p = &plan->pieces;

	bf_pieces_begin(p, r->memory, r->header + len);
	for (plan->n = 0; plan->n < most && bf_pieces_lack(p); plan->n++) {
		uint16_t head = head_at(r, (uint16_t)(r->seen + plan->n));
		uint32_t before = p->bytes;

		if (!find_chain(p, r, head, VRING_DESC_F_WRITE))
			return WRONG_CHAIN;
		plan->head[plan->n] = head;
		plan->len[plan->n] = p->bytes - before;
		if (bf_pieces_lack(p) && plan->len[plan->n] <= r->header) {
			bf_pieces_fail(p, BF_RING_FAULT_CHAIN);
			return WRONG_CHAIN;
		}
	}
	return bf_pieces_lack(p) ? NO_ROOM : PUT;
}

/* One frame into as many buffers as it needs, entries `*entry` of the used ring and on. */
static __rte_noinline enum put
put_walked(struct bf_ring *r, const struct rte_mbuf *m, const struct bf_form *form,
	const uint8_t *header, uint16_t waiting, uint16_t *entry, uint32_t *left)
{
	uint8_t head[12] = {0};
	struct plan plan;
	enum put what;

	if (*left < BF_RING_STEPS) {
		r->spent = true;
		return NO_ROOM;
	}
	what = plan_buffers(r, &plan, bf_form_len(form, m), waiting);
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
	for (uint16_t i = 0; i < plan.n; i++)
		used_set(r, (*entry)++, plan.head[i], plan.len[i]);
	r->seen = (uint16_t)(r->seen + plan.n);
	return PUT;
}

/* The frames whose buffers are as usual, up to the first one that needs to be walked. */
static __rte_always_inline uint16_t
put_simple(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, bool logs,
	const struct bf_form *form)
{
	struct bf_buffer b[BF_BURST];
	uint16_t done = 0;

	n = look_up(r, b, n, VRING_DESC_F_WRITE);
	for (; done < n && likely(bf_fits_simply(r, &b[done], pkts[done], form)); done++)
		bf_buffer_write(r, b[done].va, pkts[done], form, done);
	if (logs)
		bf_dirty_frames(r, b, pkts, done);
	for (uint16_t i = 0; i < done; i++)
		used_set(r, (uint16_t)(r->used_idx + i), b[i].id,
			bf_form_len(form, pkts[i]) + r->header);
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
	const struct bf_region first = bf_region_first(r->memory);

	for (uint16_t i = next; i < waiting && i < 2 * n; i++)
		rte_prefetch0(&r->desc[head_at(r, (uint16_t)(r->seen + i)) & (r->size - 1)]);
	for (uint16_t i = 0; i < next; i++) {
		uint16_t head = head_at(r, (uint16_t)(r->seen + i)) & (r->size - 1);
		struct vring_desc d = desc_read(&r->desc[head]);
		const uint8_t *va = bf_map_usual(&first, r->memory, d.addr, d.len);

		rte_prefetch0(va);
		rte_prefetch0(bf_second_line(va));
	}
	rte_prefetch0(&r->used->ring[(r->used_idx + n) & (r->size - 1)]);
}

/*
 * Three times in the program: `logs` and `form` cost those nothing who have none.  A frame that is changed
 * and logged is walked.
 */
static __rte_always_inline uint16_t
put_any(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, bool logs,
	const struct bf_form *form)
{
	uint16_t want = RTE_MIN(n, check_waiting(r, n)), waiting, done, used;
	uint32_t left = BF_RING_VISIT;

	if (want == 0)
		return 0;
	done = form != NULL && r->log != NULL ? 0 : put_simple(r, pkts, want, logs, form);
	used = (uint16_t)(r->used_idx + done);
	waiting = likely(done == n) ? 0 : check_waiting(r, r->size); /* a frame may take several */
	while (unlikely(waiting > 0 && done < n && r->fault == BF_RING_FAULT_NONE)) {
		uint16_t before = r->seen;

		if (put_walked(r, pkts[done], form, bf_form_header(form, done), waiting, &used,
			    &left) != PUT)
			break;
		waiting = (uint16_t)(waiting - (uint16_t)(r->seen - before));
		done++;
	}
	used_publish(r, (uint16_t)(used - r->used_idx), logs);
	r->frames += done;
	if (n < BF_LOOK_AHEAD_BELOW)
		look_ahead(r, n);
	return done;
}

static __rte_noinline uint16_t
put_logged(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	return put_any(r, pkts, n, true, NULL);
}

uint16_t
bf_split_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	return likely(r->log == NULL) ? put_any(r, pkts, n, false, NULL) : put_logged(r, pkts, n);
}

uint16_t
bf_split_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form)
{
	return put_any(r, pkts, n, r->log != NULL, form);
}

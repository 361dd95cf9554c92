/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's driver: see driver.h.
 *
 * Threads: the driver belongs to its caller.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/sizes.h"

static void *
zeroed(size_t n, size_t size)
{
	void *p = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(n * size, RTE_CACHE_LINE_SIZE));

	if (p == NULL)
		abort();
	return memset(p, 0, RTE_ALIGN_CEIL(n * size, RTE_CACHE_LINE_SIZE));
}

static struct driver *
driver_begin(uint16_t size, bool mergeable)
{
	struct driver *d = zeroed(1, sizeof(*d));

	d->memory.n = 2;
	for (uint32_t i = 0; i < 2; i++) {
		d->memory.region[i].gpa = DRIVER_GPA + i * DRIVER_HALF;
		d->memory.region[i].size = DRIVER_HALF;
		d->memory.region[i].va = d->half[i] = malloc(DRIVER_HALF);
		if (d->half[i] == NULL)
			abort();
		memset(d->half[i], 0xee, DRIVER_HALF);
	}
	d->next_gpa = DRIVER_GPA;
	d->access = VRING_DESC_F_WRITE;
	d->ring = (struct bf_ring){.mode = BF_RING_OWN,
		.mergeable = mergeable,
		.header = 12,
		.longest = BF_LONGEST_FRAME,
		.size = size,
		.call_fd = -1,
		.memory = &d->memory};
	return d;
}

struct driver *
driver_new(uint16_t size, bool mergeable)
{
	struct driver *d = driver_begin(size, mergeable);
	size_t n = size;

	d->ring.desc = zeroed(n, sizeof(struct vring_desc));
	d->ring.avail = calloc(1, sizeof(struct vring_avail) + (n + 1) * sizeof(uint16_t));
	d->ring.used = calloc(1,
		sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + sizeof(uint16_t));
	if (d->ring.avail == NULL || d->ring.used == NULL)
		abort();
	return d;
}

struct driver *
driver_new_packed(uint16_t size, bool mergeable)
{
	struct driver *d = driver_begin(size, mergeable);

	d->ring.packed = d->ring.wrap = d->lap = d->used_lap = true;
	d->ring.packed_desc = zeroed(size, sizeof(struct vring_packed_desc));
	d->ring.driver = calloc(1, sizeof(struct vring_packed_desc_event));
	d->ring.device = calloc(1, sizeof(struct vring_packed_desc_event));
	d->buffer = calloc(size, sizeof(*d->buffer));
	if (d->ring.driver == NULL || d->ring.device == NULL || d->buffer == NULL)
		abort();
	return d;
}

void
driver_free(struct driver *d)
{
	for (uint32_t i = 0; i < 2; i++)
		free(d->half[i]);
	for (uint32_t i = 0; d->buffer != NULL && i < d->ring.size; i++) {
		free(d->buffer[i].gpa);
		free(d->buffer[i].len);
	}
	free(d->buffer);
	free(d->ring.desc);
	free(d->ring.avail);
	free(d->ring.used);
	free(d);
}

uint8_t *
driver_at(struct driver *d, uint64_t gpa)
{
	uint64_t off = gpa - DRIVER_GPA;

	return off < 2 * DRIVER_HALF ? d->half[off / DRIVER_HALF] + off % DRIVER_HALF : NULL;
}

uint64_t
driver_alloc(struct driver *d, uint32_t len)
{
	uint64_t gpa = d->next_gpa;

	d->next_gpa += len;
	if (d->next_gpa > DRIVER_SEAM + DRIVER_HALF)
		abort();
	return gpa;
}

void
driver_desc(struct driver *d, uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t next)
{
	d->ring.desc[i] = (struct vring_desc){gpa, len, flags, next};
}

void
driver_avail(struct driver *d, uint16_t head)
{
	d->ring.avail->ring[d->next_avail & (d->ring.size - 1)] = head;
	d->next_avail++;
	__atomic_store_n(&d->ring.avail->idx, d->next_avail, __ATOMIC_RELEASE);
}

static uint16_t
take_desc(struct driver *d)
{
	return d->next_desc++ & (d->ring.size - 1);
}

/* ---- packed ---- */

static uint16_t
lap_flags(bool lap)
{
	return (uint16_t)(lap ? 1u << VRING_PACKED_DESC_F_AVAIL : 1u << VRING_PACKED_DESC_F_USED);
}

/* Where a buffer's descriptors begin: its flags are written last. */
struct open_buffer {
	struct vring_packed_desc *head;
	uint16_t flags, n;
};

static void
step_over(struct driver *d, uint16_t *at, bool *lap, uint32_t n)
{
	uint32_t to = *at + n;

	*lap = to >= d->ring.size ? !*lap : *lap;
	*at = (uint16_t)(to % d->ring.size);
}

static void
packed_add(struct driver *d, struct open_buffer *b, struct vring_packed_desc e)
{
	struct vring_packed_desc *at = &d->ring.packed_desc[d->next_desc];

	e.flags |= lap_flags(d->lap);
	if (b->n++ == 0) {
		b->head = at;
		b->flags = e.flags;
		e.flags = at->flags;
	}
	*at = e;
	step_over(d, &d->next_desc, &d->lap, 1);
}

static void
packed_end(struct driver *d, const struct open_buffer *b)
{
	__atomic_store_n(&b->head->flags, b->flags, __ATOMIC_RELEASE);
	d->next_avail++;
}

void
driver_push(struct driver *d, uint64_t gpa, uint32_t len, uint16_t flags, uint16_t id)
{
	struct open_buffer b = {.n = 0};

	packed_add(d, &b, (struct vring_packed_desc){gpa, len, id, flags});
	packed_end(d, &b);
}

/* Take an id in turn, and remember where the buffer's pieces are. */
static uint16_t
buffer_new(struct driver *d, const uint32_t *lens, uint16_t n, uint16_t n_desc)
{
	uint16_t id = d->next_avail % d->ring.size;
	struct driver_buffer *b = &d->buffer[id];

	if (b->n < n) {
		b->gpa = realloc(b->gpa, n * sizeof(*b->gpa));
		b->len = realloc(b->len, n * sizeof(*b->len));
		if (b->gpa == NULL || b->len == NULL)
			abort();
	}
	b->n = n;
	b->n_desc = n_desc;
	for (uint16_t k = 0; k < n; k++) {
		b->len[k] = lens[k];
		b->gpa[k] = driver_alloc(d, lens[k]);
	}
	return id;
}

static uint16_t
packed_post(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint16_t id = buffer_new(d, lens, n, n);
	const struct driver_buffer *b = &d->buffer[id];
	struct open_buffer o = {.n = 0};

	for (uint16_t k = 0; k < n; k++) {
		uint16_t flags = (uint16_t)(d->access | (k + 1 < n ? VRING_DESC_F_NEXT : 0));
		uint16_t said = k + 1 < n ? 0xffff : id; /* only the last one's counts */

		packed_add(d, &o, (struct vring_packed_desc){b->gpa[k], b->len[k], said, flags});
	}
	packed_end(d, &o);
	return id;
}

static uint16_t
packed_post_table(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint32_t table_len = n * (uint32_t)sizeof(struct vring_packed_desc);
	uint64_t table = driver_alloc(d, table_len);
	uint16_t id = buffer_new(d, lens, n, 1);
	const struct driver_buffer *b = &d->buffer[id];

	for (uint16_t k = 0; k < n; k++) { /* ids and all flags but one say nothing there */
		struct vring_packed_desc e = {b->gpa[k], b->len[k], 0xffff,
			(uint16_t)(d->access |
				(k & 1 ? VRING_DESC_F_NEXT : VRING_DESC_F_INDIRECT))};

		memcpy(driver_at(d, table + k * sizeof(e)), &e, sizeof(e));
	}
	driver_push(d, table, table_len, VRING_DESC_F_INDIRECT, id);
	return id;
}

static void
packed_bytes(struct driver *d, uint16_t id, uint8_t *bytes, uint32_t len, bool write)
{
	const struct driver_buffer *b = &d->buffer[id];
	uint16_t k = 0;

	for (uint32_t at = 0, in = 0; at < len; at++, in++) {
		for (; in == b->len[k]; in = 0)
			if (++k == b->n)
				abort();
		if (write)
			*driver_at(d, b->gpa[k] + in) = bytes[at];
		else
			bytes[at] = *driver_at(d, b->gpa[k] + in);
	}
}

static bool
packed_used(struct driver *d, struct vring_used_elem *e)
{
	const struct vring_packed_desc *at = &d->ring.packed_desc[d->used_at];
	uint16_t mask = lap_flags(true) | lap_flags(false);
	uint16_t flags = __atomic_load_n(&at->flags, __ATOMIC_ACQUIRE);

	if (!d->in_batch) {
		if ((flags & mask) != (d->used_lap ? mask : 0))
			return false;
		*e = (struct vring_used_elem){at->id, at->len};
		d->batch_id = at->id;
		d->in_batch = d->ring.in_order;
	}
	if (d->in_batch)
		e->id = d->next_used % d->ring.size;
	d->in_batch = d->in_batch && e->id != d->batch_id;
	step_over(d, &d->used_at, &d->used_lap, d->buffer[e->id].n_desc);
	d->next_used++;
	return true;
}

/* ---- both ---- */

uint16_t
driver_post(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint16_t head, i;

	if (d->ring.packed)
		return packed_post(d, lens, n);
	head = i = take_desc(d);
	for (uint16_t k = 0; k < n; k++) {
		bool last = k + 1 == n;
		uint16_t next = last ? 0 : take_desc(d);

		driver_desc(d, i, driver_alloc(d, lens[k]), lens[k],
			(uint16_t)(d->access | (last ? 0 : VRING_DESC_F_NEXT)), next);
		i = next;
	}
	driver_avail(d, head);
	return head;
}

/* A table of all pieces, named by a descriptor. @return the descriptor. */
static uint16_t
post_table(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint32_t table_len = n * (uint32_t)sizeof(struct vring_desc);
	uint64_t table = driver_alloc(d, table_len);
	uint16_t at = take_desc(d);

	for (uint16_t k = 0; k < n; k++) {
		struct vring_desc e = {driver_alloc(d, lens[k]), lens[k],
			(uint16_t)(d->access | (k + 1 < n ? VRING_DESC_F_NEXT : 0)),
			(uint16_t)(k + 1)};

		memcpy(driver_at(d, table + k * sizeof(e)), &e, sizeof(e));
	}
	driver_desc(d, at, table, table_len, VRING_DESC_F_INDIRECT, 0);
	return at;
}

uint16_t
driver_post_indirect(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint16_t head;

	if (d->ring.packed)
		return packed_post_table(d, lens, n);
	head = post_table(d, lens, n);
	driver_avail(d, head);
	return head;
}

uint16_t
driver_post_tail(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint16_t head = take_desc(d);
	uint64_t first = driver_alloc(d, lens[0]);

	driver_desc(d, head, first, lens[0], (uint16_t)(d->access | VRING_DESC_F_NEXT),
		post_table(d, lens + 1, (uint16_t)(n - 1)));
	driver_avail(d, head);
	return head;
}

/* Where a chain is being followed. */
struct walk {
	bool indirect;
	uint64_t table;
	struct vring_desc e;
};

static void
walk_to(struct driver *d, struct walk *w, uint16_t i)
{
	if (w->indirect)
		memcpy(&w->e, driver_at(d, w->table + i * sizeof(w->e)), sizeof(w->e));
	else
		w->e = d->ring.desc[i];
	if (!(w->e.flags & VRING_DESC_F_INDIRECT))
		return;
	w->indirect = true;
	w->table = w->e.addr;
	walk_to(d, w, 0);
}

void
driver_bytes(struct driver *d, uint16_t head, uint8_t *bytes, uint32_t len, bool write)
{
	struct walk w = {.indirect = false};

	if (d->ring.packed) {
		packed_bytes(d, head, bytes, len, write);
		return;
	}
	walk_to(d, &w, head);
	for (uint32_t at = 0, in = 0; at < len; at++, in++) {
		while (in == w.e.len) {
			if (!(w.e.flags & VRING_DESC_F_NEXT))
				abort();
			walk_to(d, &w, w.e.next);
			in = 0;
		}
		if (write)
			*driver_at(d, w.e.addr + in) = bytes[at];
		else
			bytes[at] = *driver_at(d, w.e.addr + in);
	}
}

bool
driver_used(struct driver *d, struct vring_used_elem *e)
{
	if (d->ring.packed)
		return packed_used(d, e);
	if (__atomic_load_n(&d->ring.used->idx, __ATOMIC_ACQUIRE) == d->next_used)
		return false;
	*e = d->ring.used->ring[d->next_used & (d->ring.size - 1)];
	d->next_used++;
	return true;
}

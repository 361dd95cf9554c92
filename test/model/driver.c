/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's driver: see driver.h.
 *
 * Threads: the driver belongs to its caller.
 */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

struct driver *
driver_new(uint16_t size, bool mergeable)
{
	struct driver *d = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*d));
	size_t n = size;

	if (d == NULL)
		abort();
	memset(d, 0, sizeof(*d));
	d->memory.n = 2;
	for (uint32_t i = 0; i < 2; i++) {
		d->memory.region[i].gpa = DRIVER_GPA + i * DRIVER_HALF;
		d->memory.region[i].size = DRIVER_HALF;
		d->memory.region[i].va = d->half[i] = malloc(DRIVER_HALF);
		if (d->memory.region[i].va == NULL)
			abort();
		memset(d->memory.region[i].va, 0xee, DRIVER_HALF);
	}
	d->next_gpa = DRIVER_GPA;
	d->access = VRING_DESC_F_WRITE;
	d->ring = (struct bf_ring){.mode = BF_RING_OWN,
		.mergeable = mergeable,
		.header = 12,
		.size = size,
		.call_fd = -1,
		.memory = &d->memory,
		.desc = calloc(n, sizeof(struct vring_desc)),
		.avail = calloc(1, sizeof(struct vring_avail) + (n + 1) * sizeof(uint16_t)),
		.used = calloc(1,
			sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) +
				sizeof(uint16_t))};
	if (d->ring.desc == NULL || d->ring.avail == NULL || d->ring.used == NULL)
		abort();
	return d;
}

void
driver_free(struct driver *d)
{
	for (uint32_t i = 0; i < 2; i++)
		free(d->half[i]);
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

uint16_t
driver_post(struct driver *d, const uint32_t *lens, uint16_t n)
{
	uint16_t head = take_desc(d), i = head;

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
	uint16_t head = post_table(d, lens, n);

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
	if (__atomic_load_n(&d->ring.used->idx, __ATOMIC_ACQUIRE) == d->next_used)
		return false;
	*e = d->ring.used->ring[d->next_used & (d->ring.size - 1)];
	d->next_used++;
	return true;
}

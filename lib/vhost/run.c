/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which rings run.
 *
 * A ring is looked at as a whole each time something about it may have changed: messages may come in
 * any order, and what was right with one table of memory or set of features need not be with the
 * next.  While anything has not been said yet the ring waits; when all is said and it cannot be, the
 * ring is wrong, which is told once.
 *
 * Sizes and alignments: virtio 1.2, 2.7 (split) and 2.8 (packed).
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

enum {
	DESC_BYTES = 16, /* a descriptor of either kind */
	AVAIL_BYTES = 6, /* split: flags, index, used_event */
	AVAIL_ENTRY_BYTES = 2,
	USED_BYTES = 6,
	USED_ENTRY_BYTES = 8,
	EVENT_BYTES = 4, /* packed: an event suppression structure */
	DESC_ALIGN = 16,
	AVAIL_ALIGN = 2,
	USED_ALIGN = 4,
	EVENT_ALIGN = 4,
	PACKED_INDEX = 0x7fff, /* of a position; above it the wrap counter */
	PACKED_HALF_BITS = 16,
};

enum verdict {
	RING_WAITS,
	RING_WRONG,
	RING_RIGHT
};

struct look {
	enum verdict verdict;
	const char *wrong;
	void *desc, *avail, *used;
};

static bool
is_power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

int
bf_vhost_check_size(const struct bf_vhost_session *s, uint32_t size, struct bf_err *err)
{
	if (size == 0 || size > BF_VHOST_RING_SIZE)
		return bf_err_set(
			err, EINVAL, "size %u: expected 1 to %d", size, BF_VHOST_RING_SIZE);
	if (s->has_features && !bf_vhost_is_packed(s) && !is_power_of_two(size))
		return bf_err_set(err, EINVAL, "size %u: expected a power of two", size);
	return 0;
}

/*
 * VU "Vring descriptor indices".  Packed: the next available descriptor and its wrap counter (bit
 * 15), then the same of the next used one.  Front ends wrap both at the ring's size.  Some of them,
 * and some back ends, know the first half only: the other one is 0 then.
 */
int
bf_vhost_check_base(
	const struct bf_vhost_session *s, uint32_t size, uint32_t base, struct bf_err *err)
{
	uint32_t used = base >> PACKED_HALF_BITS & PACKED_INDEX;

	if (!s->has_features)
		return 0;
	if (!bf_vhost_is_packed(s)) {
		if (base > UINT16_MAX)
			return bf_err_set(err, EINVAL, "position %u: expected 0 to 65535", base);
		return 0;
	}
	if (size != 0 && ((base & PACKED_INDEX) >= size || used >= size))
		return bf_err_set(err, EINVAL,
			"position 0x%x: expected both indices below the size %u", base, size);
	return 0;
}

static int
check_place(const char *what, uint64_t uva, uint32_t align, struct bf_err *err)
{
	if (uva % align == 0)
		return 0;
	return bf_err_set(
		err, EINVAL, "%s 0x%" PRIx64 ": expected a multiple of %u", what, uva, align);
}

int
bf_vhost_check_places(const struct bf_vhost_session *s, uint64_t desc, uint64_t avail,
	uint64_t used, struct bf_err *err)
{
	bool packed = bf_vhost_is_packed(s);
	int ret =
		check_place(packed ? "descriptor ring" : "descriptor table", desc, DESC_ALIGN, err);

	if (ret == 0)
		ret = check_place(packed ? "driver area" : "available ring", avail,
			packed ? EVENT_ALIGN : AVAIL_ALIGN, err);
	if (ret == 0)
		ret = check_place(packed ? "device area" : "used ring", used,
			packed ? EVENT_ALIGN : USED_ALIGN, err);
	return ret;
}

static void
find_places(const struct bf_vhost_session *s, const struct bf_vhost_ring *r, struct look *l)
{
	uint64_t n = r->size;
	bool packed = bf_vhost_is_packed(s);

	l->desc = bf_vhost_at_uva(s, r->desc_uva, DESC_BYTES * n);
	l->avail = bf_vhost_at_uva(
		s, r->avail_uva, packed ? EVENT_BYTES : AVAIL_BYTES + AVAIL_ENTRY_BYTES * n);
	l->used = bf_vhost_at_uva(
		s, r->used_uva, packed ? EVENT_BYTES : USED_BYTES + USED_ENTRY_BYTES * n);
}

static struct look
look_at(const struct bf_vhost_session *s, const struct bf_vhost_ring *r)
{
	struct look l = {.verdict = RING_WAITS};

	if (!r->started || !s->has_features || r->size == 0 || !r->has_addr || s->n_regions == 0)
		return l;
	l.verdict = RING_WRONG;
	find_places(s, r, &l);
	if (bf_vhost_check_size(s, r->size, NULL) != 0)
		l.wrong = "its size is not a power of two";
	else if (bf_vhost_check_base(s, r->size, r->base, NULL) != 0)
		l.wrong = "its position is beyond its size";
	else if (bf_vhost_check_places(s, r->desc_uva, r->avail_uva, r->used_uva, NULL) != 0)
		l.wrong = "its addresses are not aligned";
	else if (l.desc == NULL)
		l.wrong = "its descriptors are not in one region of memory";
	else if (l.avail == NULL)
		l.wrong = bf_vhost_is_packed(s)
			? "its driver area is not in one region of memory"
			: "its available ring is not in one region of memory";
	else if (l.used == NULL)
		l.wrong = bf_vhost_is_packed(s) ? "its device area is not in one region of memory"
						: "its used ring is not in one region of memory";
	else
		l.verdict = RING_RIGHT;
	return l;
}

static void
ring_begin(struct bf_vhost_session *s, uint16_t q, const struct look *l)
{
	struct bf_vhost_ring *r = &s->ring[q];

	/* Whoever says nothing of the used index has nothing under way: both are the same. */
	if (bf_vhost_is_packed(s) && r->base >> PACKED_HALF_BITS == 0)
		r->base |= r->base << PACKED_HALF_BITS;
	r->desc = l->desc;
	r->avail = l->avail;
	r->used = l->used;
	r->keep = bf_vhost_keep_of(s, q);
	r->running = true;
	r->call.lent = true;
	s->ops->ring_start(s->arg, s, q);
}

void
bf_vhost_stop(struct bf_vhost_session *s, uint16_t q)
{
	struct bf_vhost_ring *r = &s->ring[q];

	if (!r->running)
		return;
	r->base = s->ops->ring_stop(s->arg, q);
	r->running = false;
	r->desc = NULL;
	r->avail = NULL;
	r->used = NULL;
	r->keep = NULL;
}

void
bf_vhost_stop_all(struct bf_vhost_session *s)
{
	for (uint16_t q = 0; q < s->offer.n_rings; q++)
		bf_vhost_stop(s, q);
}

/* VU "Ring states": what is transmitted on a disabled ring is processed, and discarded. */
static bool
may_run(const struct bf_vhost_session *s, uint16_t q)
{
	bool from_guest = q % 2 == 1 && q != bf_vhost_control_ring(s);

	return !s->held && (s->ring[q].enabled || from_guest);
}

int
bf_vhost_run(struct bf_vhost_session *s, struct bf_err *err)
{
	int ret = 0;

	for (uint16_t q = 0; q < s->offer.n_rings; q++) {
		struct bf_vhost_ring *r = &s->ring[q];
		struct look l;

		if (r->running)
			continue;
		l = look_at(s, r);
		if (l.wrong != NULL && l.wrong != r->wrong && ret == 0)
			ret = bf_err_set(err, EFAULT, "ring %u: %s", q, l.wrong);
		r->wrong = l.wrong;
		if (l.verdict == RING_RIGHT && may_run(s, q))
			ring_begin(s, q, &l);
	}
	return ret;
}

bool
bf_vhost_session_is_up(const struct bf_vhost_session *s)
{
	return s->offer.n_rings >= 2 && look_at(s, &s->ring[0]).verdict == RING_RIGHT &&
		look_at(s, &s->ring[1]).verdict == RING_RIGHT;
}

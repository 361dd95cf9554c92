/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a packed ring stands after a death of ours: see struct bf_ring_record in virtqueue.h.
 *
 * Theory of operation.  A record holds where the ring stood before a burst of used descriptors was
 * written (old), and where it stands after it (used).  It is one word, and written as one.
 *
 *   equal       nothing was under way
 *   different   the first descriptor of the burst tells: it is written last, and until then the driver
 *               has seen none of them.  It is used: all of them are.  It is not: those behind it may be,
 *               and their lengths as the driver had them are gone, so the burst is finished here with
 *               the lengths of the record.
 *
 * A driver that has set its ring up anew since has made its descriptors available in the first lap, from
 * the first on.  The flags then contradict what the record says: a descriptor that we have used keeps
 * the USED flag of its lap until the next one, even when the driver makes it available again.  Chains
 * hide most of their descriptors from this, so what lies within a burst's length of an end of the ring
 * decides nothing.
 *
 * Threads: control, with the ring off.
 */
#include "dataplane/recover.h"

#include "dataplane/packed.h"

#define UNDECIDED BF_BURST /* descriptors that may all be of one buffer */

static bool
has_used_flag(const struct bf_ring *r, uint16_t at)
{
	return bf_packed_rest_read(bf_packed_desc_at(r, at)).flags & BF_PACKED_USED;
}

/* Whether any of these descriptors has been used in a lap whose flags are set. */
static bool
is_any_used(const struct bf_ring *r, uint16_t from, uint16_t to)
{
	for (uint32_t at = from; at < to; at++)
		if (has_used_flag(r, (uint16_t)at))
			return true;
	return false;
}

/*
 * Whether a ring can stand there.
 *
 * @param back
 *   How far behind is the last descriptor that was marked used; 0: not known.
 */
static bool
is_possible(const struct bf_ring *r, struct bf_packed_place p, uint16_t back)
{
	uint16_t flags = bf_packed_rest_read(bf_packed_desc_at(r, p.at)).flags;
	uint32_t behind = p.at < back ? (uint32_t)p.at + r->size - back : (uint32_t)p.at - back;

	if ((flags & BF_PACKED_LAP) == bf_packed_used_flags(p.lap, 0))
		return false; /* somebody has gone on from there */
	if (back > 0 && has_used_flag(r, (uint16_t)behind) != (p.lap != (p.at < back)))
		return false;
	if (!p.lap)
		return r->size - p.at < UNDECIDED || is_any_used(r, p.at, r->size);
	return back > 0 || p.at < UNDECIDED || is_any_used(r, 0, p.at);
}

/* Buffers of a burst that was under way. */
struct burst {
	uint16_t n; /* that are not marked yet */
	uint16_t n_desc; /* of all of them */
	bool is_begun; /* those behind are marked */
	struct bf_packed_used used[BF_RING_BUFFERS];
};

/* The end of a chain. @return descriptors of it, 0: it goes on for too long. */
static uint16_t
chain_len(const struct bf_ring *r, uint16_t offset, uint16_t most, uint16_t *id)
{
	for (uint16_t n = 0; n < most; n++) {
		struct bf_packed_place p = bf_packed_place_after(r, (uint32_t)offset + n);
		struct bf_packed_rest rest = bf_packed_rest_read(bf_packed_desc_at(r, p.at));

		*id = rest.id;
		if (!(rest.flags & VRING_DESC_F_NEXT))
			return (uint16_t)(n + 1);
	}
	return 0;
}

/* @param r stands where the burst began. @return false: this is no burst of ours. */
static bool
burst_find(const struct bf_ring *r, const struct bf_ring_stand *s, struct burst *b)
{
	const struct bf_ring_record *record = r->record;
	uint16_t at = 0, id = 0, n;

	for (; at < b->n_desc; at = (uint16_t)(at + n)) {
		struct bf_packed_place p = bf_packed_place_after(r, at);
		uint16_t flags = bf_packed_rest_read(bf_packed_desc_at(r, p.at)).flags;

		if ((flags & BF_PACKED_LAP) == bf_packed_used_flags(p.lap, 0)) {
			b->is_begun = true;
			return true;
		}
		n = chain_len(r, at, (uint16_t)(b->n_desc - at), &id);
		if (!bf_packed_is_available(flags, p.lap) || n == 0 || b->n == BF_RING_BUFFERS)
			return false;
		b->used[b->n] = (struct bf_packed_used){s->writes ? record->len[b->n] : 0, id, at};
		b->n++;
	}
	return true;
}

/* What was under way is finished, if it was begun; then `s` says where the ring stands. */
static bool
burst_finish(const struct bf_ring *ring, struct bf_ring_stand *s)
{
	struct bf_ring r = *ring;
	int32_t n_desc = s->used_idx - s->old_used_idx;
	struct burst b = {0};

	r.seen = s->old_used_idx;
	r.wrap = s->old_used_wrap_counter;
	if (s->used_wrap_counter != s->old_used_wrap_counter)
		n_desc += r.size;
	if (n_desc <= 0 || n_desc > r.size)
		return false;
	b.n_desc = (uint16_t)n_desc;
	if (!burst_find(&r, s, &b))
		return false;
	if (b.is_begun) {
		bf_packed_used_write(&r, b.used, b.n, s->writes ? VRING_DESC_F_WRITE : 0);
		return true;
	}
	s->used_idx = s->old_used_idx;
	s->used_wrap_counter = s->old_used_wrap_counter;
	s->back = 0;
	return true;
}

static bool
is_right(const struct bf_ring *r, const struct bf_ring_stand *s)
{
	return r->record->version == BF_RING_RECORD_VERSION && r->record->desc_num == r->size &&
		s->used_idx < r->size && s->old_used_idx < r->size && s->used_wrap_counter <= 1 &&
		s->old_used_wrap_counter <= 1 && s->back <= r->size;
}

bool
bf_packed_recover(const struct bf_ring *r, uint16_t *at, bool *wrap)
{
	struct bf_packed_place old, place;
	struct bf_ring_stand s;

	if (r->record == NULL)
		return false;
	s = bf_stand_read(r->record);
	if (!is_right(r, &s))
		return false;
	old = (struct bf_packed_place){s.old_used_idx, s.old_used_wrap_counter};
	place = (struct bf_packed_place){s.used_idx, s.used_wrap_counter};
	if ((old.at != place.at || old.lap != place.lap) && has_used_flag(r, old.at) != old.lap) {
		if (!is_possible(r, old, 0) || !burst_finish(r, &s))
			return false;
		place = (struct bf_packed_place){s.used_idx, s.used_wrap_counter};
	}
	if (!is_possible(r, place, s.back))
		return false;
	bf_stand_end(r->record, &s);
	bf_lengths_end(r->record, RTE_MIN(r->size, (uint16_t)BF_RING_BUFFERS));
	*at = place.at;
	*wrap = place.lap;
	return true;
}

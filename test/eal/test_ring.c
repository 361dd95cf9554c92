/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames through a guest's virtqueue, split and packed, against a driver that does everything the
 * standard allows, and against one that does what it does not.
 *
 * Threads: one.
 */
#include "unit.h"

#include "dataplane/lines.h"
#include "dataplane/sizes.h"
#include "draw.h"
#include "driver.h"
#include "rig.h"

#define SIZE 64
#define HEADER 12

static struct rte_mempool *pool;
static struct driver *d;
static uint64_t lost;
static bool packed, in_order; /* the kind of ring that a test runs with */

static int
group_set_up(void **state)
{
	(void)state;
	if (!rig_eal())
		return -1;
	pool = rte_pktmbuf_pool_create(
		"ring", 255, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return pool == NULL;
}

static int
group_tear_down(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	rig_eal_end();
	return 0;
}

static struct driver *
any_driver(uint16_t size)
{
	struct driver *new = packed ? driver_new_packed(size, true) : driver_new(size, true);

	new->ring.in_order = in_order;
	return new;
}

enum kind {
	SPLIT,
	PACKED,
	IN_ORDER
};

/* The test's initial state says the kind. */
static int
set_up(void **state)
{
	enum kind kind = *state == NULL ? SPLIT : *(const enum kind *)*state;

	packed = kind != SPLIT;
	in_order = kind == IN_ORDER;
	d = any_driver(SIZE);
	lost = 0;
	return 0;
}

/* Frames come from the guest. */
static int
set_up_taking(void **state)
{
	set_up(state);
	d->access = 0;
	return 0;
}

static int
set_up_demoted(void **state)
{
	set_up_taking(state);
	d->ring.give = BF_GIVE_DEMOTE; /* a processor that cannot does nothing */
	return 0;
}

static int
set_up_flushed(void **state)
{
	set_up_taking(state);
	d->ring.give = bf_lines_can_flush() ? BF_GIVE_FLUSH : BF_GIVE_NOT;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	driver_free(d);
	return rte_mempool_in_use_count(pool) != 0;
}

static uint8_t
byte_of(uint32_t id, uint32_t at)
{
	return (uint8_t)(id * 31 + at * 7 + (at >> 8));
}

/* A frame with its own bytes, in segments of at most `part`. */
static struct rte_mbuf *
frame(uint32_t id, uint32_t len, uint32_t part)
{
	struct rte_mbuf *m = NULL;

	for (uint32_t at = 0; at < len;) {
		uint32_t n = RTE_MIN(part, len - at);
		struct rte_mbuf *s = rte_pktmbuf_alloc(pool);
		uint8_t *p;

		assert_non_null(s);
		p = (uint8_t *)rte_pktmbuf_append(s, (uint16_t)n);
		for (uint32_t i = 0; i < n; i++)
			p[i] = byte_of(id, at + i);
		at += n;
		if (m == NULL)
			m = s;
		else
			assert_int_equal(rte_pktmbuf_chain(m, s), 0);
	}
	return m;
}

static uint16_t
put(uint32_t id, uint32_t len, uint32_t part)
{
	struct rte_mbuf *m = frame(id, len, part);
	uint16_t done = bf_ring_put(&d->ring, &m, 1);

	rte_pktmbuf_free(m);
	return done;
}

static uint16_t
put_tagged(uint32_t id, uint32_t len, uint32_t part)
{
	static const struct bf_form tag = {.n_insert = 4, .insert = {0x81, 0, 0, 100}};
	struct rte_mbuf *m = frame(id, len, part);
	uint16_t done = bf_ring_put_formed(&d->ring, &m, 1, &tag);

	rte_pktmbuf_free(m);
	return done;
}

/* The header says `n_buffers` and nothing else; then come the frame's bytes from `at` on. */
static void
expect_got(uint32_t id, uint32_t len, uint16_t n_buffers)
{
	uint32_t at = 0;

	for (uint16_t k = 0; k < n_buffers; k++) {
		uint32_t skip = k == 0 ? HEADER : 0;
		struct vring_used_elem e;
		uint8_t bytes[16384];

		assert_true(driver_used(d, &e));
		assert_true(e.len > skip && e.len <= sizeof(bytes));
		driver_bytes(d, (uint16_t)e.id, bytes, e.len, false);
		for (uint32_t i = 0; i < skip; i++)
			assert_int_equal(bytes[i], i == 10 ? n_buffers : 0);
		for (uint32_t i = skip; i < e.len; i++)
			assert_int_equal(bytes[i], byte_of(id, at++));
	}
	assert_int_equal(at, len);
}

static void
expect_nothing_used(void)
{
	struct vring_used_elem e;

	assert_false(driver_used(d, &e));
}

/* So many buffers have come back, and no more. */
static void
expect_used(uint32_t n)
{
	struct vring_used_elem e;

	while (n-- > 0)
		assert_true(driver_used(d, &e));
	expect_nothing_used();
}

static void
post_many(uint32_t n, uint32_t len)
{
	for (uint32_t i = 0; i < n; i++)
		driver_post(d, &len, 1);
}

static void
test_frames_arrive_whole_in_order_and_as_many_as_there_are_buffers(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	post_many(20, 1600);
	for (uint32_t i = 0; i < BF_BURST; i++)
		pkts[i] = frame(i, 60 + i * 40, 2048);
	assert_int_equal(bf_ring_put(&d->ring, pkts, BF_BURST), 20);
	rte_pktmbuf_free_bulk(pkts, BF_BURST);
	for (uint32_t i = 0; i < 20; i++)
		expect_got(i, 60 + i * 40, 1);
	expect_nothing_used();
}

static void
test_indices_go_round_for_ever(void **state)
{
	(void)state;
	if (!packed) {
		d->next_avail = d->next_used = d->ring.seen = d->ring.known = 65530;
		d->ring.used_idx = d->ring.avail->idx = d->ring.used->idx = 65530;
	}
	for (uint32_t i = 0; i < 300; i++) {
		d->next_gpa = DRIVER_GPA;
		post_many(1, 100);
		assert_int_equal(put(i, 88, 88), 1);
		expect_got(i, 88, 1);
	}
}

/* What is there from the lap before is not written again: each byte of it may have been changed. */
static void
test_a_buffer_that_comes_again_is_put_right(void **state)
{
	uint32_t lens[] = {60, 60, 1400, 61};

	(void)state;
	for (uint32_t wrong = 0; wrong < HEADER; wrong++) {
		for (uint32_t lap = 0; lap < RTE_DIM(lens); lap++) {
			d->next_gpa = DRIVER_GPA;
			if (!packed)
				d->next_desc = d->next_avail & (d->ring.size - 1);
			post_many(1, 1500);
			if (lap > 0)
				*driver_at(d, DRIVER_GPA + wrong) ^= (uint8_t)(1u << lap);
			assert_int_equal(put(lap, lens[lap], 2048), 1);
			expect_got(lap, lens[lap], 1);
		}
	}
}

/* Entries of the used ring likewise: the same head and length, then another head or length. */
static void
test_a_used_entry_that_comes_again_is_put_right(void **state)
{
	(void)state;
	for (uint32_t lap = 0; lap < 8; lap++) {
		for (uint32_t i = 0; i < d->ring.size; i++) {
			uint32_t len = lap & 1 ? 60 + lap : 60;
			uint16_t head;

			d->next_gpa = DRIVER_GPA;
			d->next_desc = (uint16_t)(lap & 2 ? i ^ 5 : i);
			head = driver_post(d, &(uint32_t){1500}, 1);
			assert_int_equal(put(i, len, 2048), 1);
			assert_int_equal(d->ring.used->ring[i].id, head);
			expect_got(i, len, 1);
		}
	}
}

static void
test_a_buffer_may_be_a_chain_a_table_or_cross_memory(void **state)
{
	static const uint32_t pieces[] = {HEADER, 1, 100, 7, 2000};

	(void)state;
	driver_post(d, pieces, 5);
	driver_post_indirect(d, pieces, 5);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(put(i, 1400, 300), 1);
	for (uint32_t i = 0; i < 2; i++)
		expect_got(i, 1400, 1);
	for (uint32_t before = 1; before < 100; before += 7) { /* the seam within the header, too */
		d->next_gpa = DRIVER_SEAM - before;
		post_many(1, 1500);
		assert_int_equal(put(before, 1400, 300), 1);
		expect_got(before, 1400, 1);
	}
}

static void
test_a_frame_takes_as_many_buffers_as_it_needs(void **state)
{
	(void)state;
	post_many(9, 1526);
	assert_int_equal(put(1, 9000, 2048), 1); /* 6 of them */
	assert_int_equal(put(2, 100, 100), 1);
	assert_int_equal(put(3, 9000, 2048), 0); /* 2 are left: not a part of it */
	expect_got(1, 9000, 6);
	expect_got(2, 100, 1);
	expect_nothing_used();
	post_many(4, 1526);
	assert_int_equal(put(4, 9000, 9000 > 2048 ? 2048 : 9000), 1);
	expect_got(4, 9000, 6);
}

/* The bytes that a frame in a form has: those of expect_got(), with 12 addresses in front of what changes. */
static void
expect_formed(uint32_t id, uint32_t len, const struct bf_form *f, uint16_t i, uint16_t n_buffers)
{
	uint32_t want_len = len - f->skip + f->n_insert, at = 0;
	uint8_t want[HEADER + 16384] = {0}, *to = want + HEADER;
	uint8_t got[HEADER + 16384];

	if (f->header != NULL)
		memcpy(want, f->header[i], BF_FORM_HEADER);
	want[10] = (uint8_t)n_buffers;
	for (uint32_t k = 0; k < len; k++) {
		if (k == BF_FORM_AT) {
			memcpy(to, f->insert, f->n_insert);
			to += f->n_insert;
		}
		if (k < BF_FORM_AT || k >= (uint32_t)BF_FORM_AT + f->skip)
			*to++ = byte_of(id, k);
	}
	for (uint16_t k = 0; k < n_buffers; k++) {
		struct vring_used_elem e;

		assert_true(driver_used(d, &e));
		driver_bytes(d, (uint16_t)e.id, got + at, e.len, false);
		at += e.len;
	}
	assert_int_equal(at, want_len + HEADER);
	assert_memory_equal(got, want, at);
}

/* What VLAN ports and offloads need: tags put in or taken out, and a header of each frame's own. */
static void
test_frames_are_changed_while_they_are_copied(void **state)
{
	static const uint8_t headers[2][BF_FORM_HEADER] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {11}};
	static const struct bf_form forms[] = {
		{.n_insert = 4, .insert = {0x81, 0, 0, 100}},
		{.skip = 4},
		{.skip = 4, .n_insert = 8, .insert = {0x88, 0xa8, 0, 1, 0x81, 0, 0, 2}},
		{.header = headers},
		{.skip = 4, .n_insert = 4, .insert = {0x81, 0, 0, 9}, .header = headers},
	};

	(void)state;
	for (uint32_t k = 0; k < RTE_DIM(forms); k++) {
		struct rte_mbuf *pkts[2];

		for (uint32_t part = 75; part < 2048; part += 475) { /* in segments, and in one */
			d->next_gpa = DRIVER_GPA;
			post_many(2, 1600);
			pkts[0] = frame(1, 60, part);
			pkts[1] = frame(2, 1514, part);
			assert_int_equal(bf_ring_put_formed(&d->ring, pkts, 2, &forms[k]), 2);
			rte_pktmbuf_free_bulk(pkts, 2);
			expect_formed(1, 60, &forms[k], 0, 1);
			expect_formed(2, 1514, &forms[k], 1, 1);
		}
	}
}

static void
test_a_changed_frame_takes_as_many_buffers_as_it_needs_then(void **state)
{
	static const struct bf_form tag = {.n_insert = 4, .insert = {0x81, 0, 0, 100}};
	struct rte_mbuf *m = frame(7, 300 - HEADER, 2048);

	(void)state;
	post_many(2, 300); /* as it is, one would do */
	assert_int_equal(bf_ring_put_formed(&d->ring, &m, 1, &tag), 1);
	expect_formed(7, 300 - HEADER, &tag, 0, 2);
	expect_nothing_used();
	rte_pktmbuf_free(m);
}

static void
test_without_mergeable_buffers_a_frame_fits_one_or_waits(void **state)
{
	(void)state;
	d->ring.mergeable = false;
	post_many(2, 1000);
	assert_int_equal(put(1, 989, 989), 0);
	expect_nothing_used();
	assert_int_equal(put(2, 988, 988), 1);
	expect_got(2, 988, 1);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
}

/* ---- from the guest ---- */

static uint16_t
send_posted(uint16_t head, uint32_t id, uint32_t len)
{
	uint8_t bytes[16384] = {0};

	for (uint32_t i = 0; i < len; i++)
		bytes[HEADER + i] = byte_of(id, i);
	driver_bytes(d, head, bytes, HEADER + len, true);
	return head;
}

static void
expect_frame(struct rte_mbuf *m, uint32_t id, uint32_t len)
{
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->data_len, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[i], byte_of(id, i));
}

static uint16_t
take(struct rte_mbuf **pkts)
{
	return bf_ring_take(&d->ring, pool, pkts, BF_BURST, &lost);
}

static void
test_frames_are_taken_whole_in_order_and_their_buffers_given_back(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];
	struct vring_used_elem e;

	(void)state;
	assert_int_equal(take(pkts), 0);
	for (uint32_t i = 0; i < 40; i++)
		send_posted(driver_post(d, &(uint32_t){HEADER + 60 + i}, 1), i, 60 + i);
	assert_int_equal(bf_ring_waiting(&d->ring), 40);
	assert_int_equal(take(pkts), 32);
	for (uint32_t i = 0; i < 32; i++)
		expect_frame(pkts[i], i, 60 + i);
	rte_pktmbuf_free_bulk(pkts, 32);
	assert_int_equal(take(pkts), 8);
	expect_frame(pkts[7], 39, 99);
	rte_pktmbuf_free_bulk(pkts, 8);
	for (uint32_t i = 0; i < 40; i++) {
		assert_true(driver_used(d, &e));
		assert_int_equal(e.id, i);
	}
	expect_nothing_used();
	assert_int_equal(lost, 0);
}

static void
test_a_frame_may_come_in_pieces(void **state)
{
	static const uint32_t split[] = {HEADER, 100, 1, 800},
			      odd[] = {5, 20, 876 + HEADER - 24 + 24};
	struct rte_mbuf *pkts[BF_BURST];
	uint16_t n;

	(void)state;
	send_posted(driver_post(d, split, 4), 1, 901);
	send_posted(driver_post_indirect(d, split, 4), 2, 901);
	send_posted(driver_post(d, odd, 3), 3, 901);
	d->next_gpa = DRIVER_SEAM - 300;
	send_posted(driver_post(d, &(uint32_t){913}, 1), 4, 901);
	if (!packed)
		send_posted(driver_post_tail(d, split, 4), 5, 901);
	n = packed ? 4 : 5;
	assert_int_equal(take(pkts), n);
	for (uint32_t i = 0; i < n; i++)
		expect_frame(pkts[i], i + 1, 901);
	rte_pktmbuf_free_bulk(pkts, n);
	expect_used(n);
}

static void
test_a_long_frame_comes_in_several_buffers_of_ours(void **state)
{
	static const uint32_t split[] = {HEADER, 3000, 6000};
	struct rte_mbuf *pkts[BF_BURST], *all[255];
	uint32_t at = 0;

	(void)state;
	send_posted(driver_post(d, split, 3), 1, 9000);
	send_posted(driver_post(d, &(uint32_t){HEADER + 2049}, 1), 2, 2049);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, 249), 0);
	assert_int_equal(take(pkts), 1); /* 2 and 4 more; not one for the other's second byte */
	rte_pktmbuf_free_bulk(all, 249);
	assert_int_equal(pkts[0]->pkt_len, 9000);
	assert_int_equal(pkts[0]->nb_segs, 5);
	rte_mbuf_sanity_check(pkts[0], 1);
	for (struct rte_mbuf *m = pkts[0]; m != NULL; m = m->next)
		for (uint16_t i = 0; i < m->data_len; i++)
			assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[i], byte_of(1, at++));
	assert_int_equal(at, 9000);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(take(pkts), 1);
	assert_int_equal(pkts[0]->pkt_len, 2049);
	assert_int_equal(pkts[0]->nb_segs, 2);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(lost, 0);
	expect_used(2);
}

static void
test_what_is_no_frame_is_given_back_and_counted(void **state)
{
	static const uint32_t long_chain[] = {HEADER, 9000, 9000};
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	driver_post(d, &(uint32_t){HEADER}, 1); /* empty */
	driver_post(d, &(uint32_t){3}, 1);
	driver_post(d, &(uint32_t){HEADER + 65000}, 1); /* longer than any frame */
	driver_post(d, long_chain, 3);
	send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), 5, 60);
	assert_int_equal(take(pkts), 1);
	expect_frame(pkts[0], 5, 60);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(lost, 4);
	expect_used(5);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
}

static void
test_without_buffers_of_ours_frames_stay_with_the_guest(void **state)
{
	struct rte_mbuf *all[255], *pkts[BF_BURST];

	(void)state;
	send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), 1, 60);
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, all, 255), 0);
	assert_int_equal(take(pkts), 0);
	rte_pktmbuf_free_bulk(all, 255);
	assert_int_equal(take(pkts), 1);
	expect_frame(pkts[0], 1, 60);
	rte_pktmbuf_free(pkts[0]);
}

/* ---- guests that do what they may not ---- */

enum nonsense {
	HEAD_TOO_HIGH,
	NEXT_TOO_HIGH,
	TABLE_TOO_LONG,
	TABLE_IN_TABLE,
	LOOP,
	SPLIT_ONLY = LOOP,
	OUTSIDE,
	BEYOND_THE_END,
	ROUND_THE_TOP,
	TABLE_OUTSIDE,
	TABLE_EMPTY,
	TABLE_AND_NEXT,
	TABLE_IN_CHAIN, /* split: and behind its end */
	WRONG_ACCESS,
	WRONG_ACCESS_IN_CHAIN,
	WRONG_ACCESS_IN_TABLE,
	NONSENSE_COUNT
};

static enum bf_ring_fault
fault_of(enum nonsense what)
{
	switch (what) {
	case HEAD_TOO_HIGH:
		return BF_RING_FAULT_HEAD;
	case LOOP:
		return BF_RING_FAULT_LONG;
	case WRONG_ACCESS:
	case WRONG_ACCESS_IN_CHAIN:
	case WRONG_ACCESS_IN_TABLE:
		return BF_RING_FAULT_ACCESS;
	default:
		return BF_RING_FAULT_CHAIN;
	}
}

/* A descriptor as it stands.  Split: number 40, 41 and so on, which a chain begins at. */
static void
raw(uint16_t i, uint64_t gpa, uint32_t len, uint16_t flags)
{
	if (packed)
		driver_push(d, gpa, len, flags, 40);
	else
		driver_desc(d, (uint16_t)(40 + i), gpa, len, flags, (uint16_t)(41 + i));
}

static void
table(uint64_t gpa, uint32_t len, uint16_t flags)
{
	struct vring_desc inner = {gpa, len, flags, 0};
	struct vring_packed_desc same = {gpa, len, 0, flags};

	if (packed)
		memcpy(driver_at(d, DRIVER_GPA), &same, sizeof(same));
	else
		memcpy(driver_at(d, DRIVER_GPA), &inner, sizeof(inner));
	raw(0, DRIVER_GPA, 16, VRING_DESC_F_INDIRECT);
}

static void
post_split_nonsense(enum nonsense what)
{
	switch (what) {
	case HEAD_TOO_HIGH:
		driver_avail(d, SIZE);
		return;
	case NEXT_TOO_HIGH:
		driver_desc(d, 40, DRIVER_GPA, 1, d->access | VRING_DESC_F_NEXT, SIZE);
		break;
	case LOOP:
		driver_desc(d, 40, DRIVER_GPA, 1, d->access | VRING_DESC_F_NEXT, 40);
		break;
	case TABLE_TOO_LONG:
		raw(0, DRIVER_GPA, (SIZE + 1) * 16, VRING_DESC_F_INDIRECT);
		break;
	default:
		table(DRIVER_GPA, 100, VRING_DESC_F_INDIRECT);
		break;
	}
	driver_avail(d, 40);
}

static void
post_nonsense(enum nonsense what)
{
	uint16_t access = d->access, chain = access | VRING_DESC_F_NEXT;
	uint16_t other = access ^ VRING_DESC_F_WRITE;

	switch (what) {
	case OUTSIDE:
		raw(0, 0, 100, access);
		break;
	case BEYOND_THE_END:
		raw(0, DRIVER_SEAM + DRIVER_HALF - 99, 100, access);
		break;
	case ROUND_THE_TOP:
		raw(0, UINT64_MAX - 10, UINT32_MAX, access);
		break;
	case TABLE_OUTSIDE:
		raw(0, DRIVER_SEAM + DRIVER_HALF - 8, 16, VRING_DESC_F_INDIRECT);
		break;
	case TABLE_EMPTY:
		raw(0, DRIVER_GPA, 15, VRING_DESC_F_INDIRECT);
		break;
	case TABLE_AND_NEXT:
		raw(0, DRIVER_GPA, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT);
		break;
	case TABLE_IN_CHAIN:
		raw(0, DRIVER_GPA, 1, chain);
		raw(1, DRIVER_GPA, 16, VRING_DESC_F_INDIRECT | (packed ? 0 : VRING_DESC_F_NEXT));
		break;
	case WRONG_ACCESS:
		raw(0, DRIVER_GPA, 2000, other);
		break;
	case WRONG_ACCESS_IN_CHAIN:
		raw(0, DRIVER_GPA, 1, chain);
		raw(1, DRIVER_GPA, 2000, other);
		break;
	default:
		table(DRIVER_GPA, 2000, other);
		break;
	}
	if (!packed)
		driver_avail(d, 40);
}

static void
post_any_nonsense(enum nonsense what)
{
	if (what <= SPLIT_ONLY)
		post_split_nonsense(what);
	else
		post_nonsense(what);
}

static void
test_nonsense_ends_a_ring_behind_what_was_right(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];

	for (int what = packed ? SPLIT_ONLY + 1 : 0; what < NONSENSE_COUNT; what++) {
		d->access = 0;
		d->next_gpa = DRIVER_GPA + 4096;
		send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), 1, 60);
		post_any_nonsense((enum nonsense)what);
		send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), 2, 60);
		assert_int_equal(take(pkts), 1);
		rte_pktmbuf_free(pkts[0]);
		assert_int_equal(d->ring.fault, fault_of((enum nonsense)what));
		assert_int_equal(take(pkts), 0);
		expect_used(1);
		tear_down(state);
		set_up(state);
		d->next_gpa = DRIVER_GPA + 4096;
		post_many(1, 2000);
		post_any_nonsense((enum nonsense)what);
		post_many(1, 2000);
		for (uint32_t i = 0; i < 3; i++)
			pkts[i] = frame(i, 1000, 1000);
		assert_int_equal(bf_ring_put(&d->ring, pkts, 3), 1);
		assert_int_equal(bf_ring_put(&d->ring, &pkts[1], 2), 0);
		rte_pktmbuf_free_bulk(pkts, 3);
		assert_int_equal(d->ring.fault, fault_of((enum nonsense)what));
		expect_got(0, 1000, 1);
		expect_nothing_used();
		tear_down(state);
		set_up(state);
	}
}

static void
test_a_chain_without_end_ends_a_packed_ring(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	for (uint16_t i = 0; i < SIZE; i++)
		raw(i, DRIVER_GPA, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	assert_int_equal(put(1, 60, 60), 0);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_LONG);
	d->ring.fault = BF_RING_FAULT_NONE;
	for (uint16_t i = 0; i < SIZE; i++)
		d->ring.packed_desc[i].flags &= (uint16_t)~VRING_DESC_F_WRITE;
	assert_int_equal(take(pkts), 0);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_LONG);
	expect_nothing_used();
}

static void
test_an_index_that_jumps_ends_a_ring(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	d->ring.avail->idx = SIZE; /* all of them, twice: a full ring is as far as it can be */
	d->next_avail = SIZE;
	for (uint16_t i = 0; i < SIZE; i++) {
		driver_desc(d, i, DRIVER_GPA, HEADER + 60, 0, 0);
		d->ring.avail->ring[i] = i;
	}
	assert_int_equal(take(pkts), BF_BURST);
	rte_pktmbuf_free_bulk(pkts, BF_BURST);
	d->ring.avail->idx = (uint16_t)(SIZE + SIZE + 1);
	for (uint16_t i = BF_BURST; i < SIZE; i += BF_BURST) { /* known before it jumped */
		assert_int_equal(take(pkts), BF_BURST);
		rte_pktmbuf_free_bulk(pkts, BF_BURST);
	}
	assert_int_equal(take(pkts), 0);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_INDEX);
	assert_int_equal(put(1, 60, 60), 0);
	assert_int_equal(d->ring.used->idx, SIZE);
}

/* ---- what a guest may cost ---- */

/* A table of `n` descriptors of which only the last holds anything. */
static void
post_empties(uint32_t n, uint32_t len)
{
	uint32_t lens[SIZE + 1] = {0};

	lens[n - 1] = len;
	driver_post_indirect(d, lens, (uint16_t)n);
}

/* Tables and chains are as long as the ring at most, so it has to be a long one. */
static void
test_a_frame_of_more_descriptors_than_are_walked_ends_a_ring(void **state)
{
	static uint32_t lens[BF_RING_STEPS + 1];
	struct rte_mbuf *pkts[BF_BURST];

	tear_down(state);
	for (int i = 0; i < 4; i++) {
		uint16_t n = (uint16_t)(BF_RING_STEPS + (i & 1));
		uint16_t good = !(i & 1);

		d = any_driver(1024);
		d->access = i & 2 ? 0 : VRING_DESC_F_WRITE;
		lens[BF_RING_STEPS] = 0;
		lens[n - 1] = HEADER + 60;
		driver_post(d, lens, n);
		if (i & 2) {
			assert_int_equal(take(pkts), good);
			rte_pktmbuf_free_bulk(pkts, good);
		} else {
			assert_int_equal(put(1, 60, 60), good);
		}
		lens[n - 1] = 0;
		assert_int_equal(d->ring.fault, good ? BF_RING_FAULT_NONE : BF_RING_FAULT_LONG);
		driver_free(d);
	}
	set_up(state);
}

static void
test_what_would_take_long_waits_for_the_next_visit(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint16_t sum = 0, got, visits = 0;

	(void)state;
	for (uint32_t i = 0; i < BF_BURST; i++)
		post_empties(SIZE, HEADER + 60);
	while ((got = take(pkts)) > 0) {
		rte_pktmbuf_free_bulk(pkts, got);
		assert_in_range(got * SIZE, 1, BF_RING_VISIT);
		sum += got;
		visits++;
	}
	assert_int_equal(sum, BF_BURST);
	assert_true(visits >= BF_BURST * SIZE / BF_RING_VISIT);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
}

static void
test_what_would_take_long_to_put_is_left_out(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint16_t got;

	(void)state;
	for (uint32_t i = 0; i < BF_BURST; i++) {
		post_empties(SIZE, HEADER + 60);
		pkts[i] = frame(i, 60, 60);
	}
	d->ring.spent = false;
	got = bf_ring_put(&d->ring, pkts, BF_BURST);
	assert_in_range(got * SIZE, 1, BF_RING_VISIT);
	assert_true(d->ring.spent);
	for (uint32_t i = 0; i < got; i++)
		expect_got(i, 60, 1);
	assert_true(bf_ring_put(&d->ring, &pkts[got], 4) == 4);
	rte_pktmbuf_free_bulk(pkts, BF_BURST);
}

/* ... of which a frame for which there is room in memory would need more. */
static void
test_a_frame_takes_so_many_buffers_and_no_more(void **state)
{
	(void)state;
	post_many(SIZE, 140);
	assert_int_equal(put(1, BF_RING_BUFFERS * 140 - HEADER + 1, 2048), 0);
	expect_nothing_used();
	assert_int_equal(put(2, BF_RING_BUFFERS * 140 - HEADER, 2048), 1);
	expect_got(2, BF_RING_BUFFERS * 140 - HEADER, BF_RING_BUFFERS);
	assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
}

/* Neither in its buffers nor in its used ring. */
static void
test_a_frame_that_does_not_fit_leaves_no_trace(void **state)
{
	const void *used = packed ? (const void *)d->ring.packed_desc : d->ring.used;
	size_t used_len = packed
		? SIZE * sizeof(struct vring_packed_desc)
		: sizeof(struct vring_used) + SIZE * sizeof(struct vring_used_elem);
	uint8_t *before = malloc(2 * DRIVER_HALF + used_len);

	(void)state;
	assert_non_null(before);
	post_many(2, 1000);
	post_many(1, 50);
	for (uint32_t i = 0; i < 2; i++)
		memcpy(before + i * DRIVER_HALF, d->memory.region[i].va, DRIVER_HALF);
	memcpy(before + 2 * DRIVER_HALF, used, used_len);
	assert_int_equal(put(1, 2050, 2048), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_memory_equal(before + i * DRIVER_HALF, d->memory.region[i].va, DRIVER_HALF);
	assert_memory_equal(before + 2 * DRIVER_HALF, used, used_len);
	assert_int_equal(put(2, 2050 - HEADER, 2048), 1);
	expect_got(2, 2050 - HEADER, 3);
	free(before);
}

static void
test_memory_may_be_in_many_regions(void **state)
{
	const uint32_t part = 2 * DRIVER_HALF / BF_RING_REGIONS;
	uint8_t *whole = d->memory.region[0].va;
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	d->memory.n = BF_RING_REGIONS;
	for (uint32_t i = 0; i < BF_RING_REGIONS; i++) { /* backwards, as far as they go */
		uint32_t at = (BF_RING_REGIONS - 1 - i) * part;

		d->memory.region[i].gpa = DRIVER_GPA + at;
		d->memory.region[i].size = part;
		d->memory.region[i].va =
			at < DRIVER_HALF ? whole + at : d->half[1] + at - DRIVER_HALF;
	}
	for (uint32_t i = 0; i + 1 < BF_RING_REGIONS; i++) {
		d->next_gpa = DRIVER_GPA + (i + 1) * part - 700;
		post_many(1, 1500);
		assert_int_equal(put(i, 1400, 300), 1);
		expect_got(i, 1400, 1);
	}
	d->access = 0;
	for (uint32_t i = 0; i + 1 < BF_RING_REGIONS; i++) {
		d->next_gpa = DRIVER_GPA + (i + 1) * part - 700;
		send_posted(driver_post(d, &(uint32_t){1500}, 1), i, 1488);
		assert_int_equal(take(pkts), 1);
		expect_frame(pkts[0], i, 1488);
		rte_pktmbuf_free(pkts[0]);
	}
}

static void
test_a_ring_goes_on_where_it_is_told_to_stand(void **state)
{
	uint16_t n = 0;

	(void)state;
	post_many(5, 500);
	while (put(n, 60, 60) == 1)
		expect_got(n++, 60, 1);
	assert_int_equal(n, 5);
	assert_int_equal(bf_ring_base(&d->ring), 5);
	assert_int_equal(d->ring.frames, 5);
	bf_ring_set_base(&d->ring, 65535);
	assert_int_equal(bf_ring_base(&d->ring), 65535);
	d->next_avail = d->next_used = 65535;
	post_many(2, 500);
	assert_int_equal(put(1, 60, 60), 1);
	assert_int_equal(bf_ring_base(&d->ring), 0);
	expect_got(1, 60, 1);
}

/* ---- telling the guest ---- */

#define CALL_FD 1000 /* of nobody: it is only named */

static bool
told(void)
{
	int fd = bf_ring_tell(&d->ring);

	assert_true(fd == -1 || fd == CALL_FD);
	return fd == CALL_FD;
}

static void
test_a_guest_is_told_when_it_wants_to_be(void **state)
{
	(void)state;
	d->ring.call_fd = CALL_FD;
	assert_int_equal(told(), 0);
	post_many(5, 500);
	put(1, 60, 60);
	assert_int_equal(told(), 1);
	assert_int_equal(told(), 0);
	d->ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	put(1, 60, 60);
	assert_int_equal(told(), 0);
	d->ring.event_idx = true;
	d->ring.avail->ring[SIZE] = 3; /* when entry 3 has been used */
	put(1, 60, 60);
	assert_int_equal(told(), 0);
	put(1, 60, 60);
	assert_int_equal(told(), 1);
	put(1, 60, 60);
	assert_int_equal(told(), 0);
	assert_int_equal(d->ring.calls, 2);
	d->ring.event_idx = false;
	d->ring.avail->flags = 0;
	d->ring.call_fd = -1;
	put(1, 60, 60);
	assert_int_equal(told(), 0);
}

static void
test_a_guest_is_asked_for_a_kick_in_the_way_it_knows(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint16_t *event = (uint16_t *)(void *)&d->ring.used->ring[SIZE];

	(void)state;
	bf_ring_want_kicks(&d->ring, false);
	assert_int_equal(d->ring.used->flags, VRING_USED_F_NO_NOTIFY);
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(d->ring.used->flags, 0);
	assert_int_equal(*event, 0);
	for (uint32_t i = 0; i < 3; i++)
		send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), i, 60);
	assert_int_equal(take(pkts), 3);
	rte_pktmbuf_free_bulk(pkts, 3);
	d->ring.event_idx = true;
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(*event, 3); /* when entry 3 is made available */
	bf_ring_want_kicks(&d->ring, false);
	assert_int_equal(*event, 3);
	assert_int_equal(d->ring.used->flags, 0);
}

/* The driver's wish: the place that it waits for and how, as in 2.8.10. */
static void
wish(uint16_t at, bool lap, uint16_t flags)
{
	*d->ring.driver = (struct vring_packed_desc_event){
		(uint16_t)(at | lap << VRING_PACKED_EVENT_F_WRAP_CTR), flags};
}

static void
test_a_packed_guest_is_told_when_it_wants_to_be(void **state)
{
	(void)state;
	d->ring.call_fd = CALL_FD;
	assert_int_equal(told(), 0);
	post_many(SIZE, 500);
	put(1, 60, 60);
	assert_int_equal(told(), 1);
	assert_int_equal(told(), 0);
	wish(0, true, VRING_PACKED_EVENT_FLAG_DISABLE);
	put(1, 60, 60);
	assert_int_equal(told(), 0);
	wish(3, true, VRING_PACKED_EVENT_FLAG_DESC);
	put(1, 60, 60);
	assert_int_equal(told(), 1); /* without an event index it cannot name a place */
	d->ring.event_idx = true;
	put(1, 60, 60); /* number 3 */
	assert_int_equal(told(), 1);
	put(1, 60, 60);
	assert_int_equal(told(), 0);
	wish(7, true, VRING_PACKED_EVENT_FLAG_DESC);
	for (int i = 5; i < 8; i++) {
		assert_int_equal(told(), 0);
		put(1, 60, 60);
	}
	assert_int_equal(told(), 1);
	assert_int_equal(d->ring.calls, 4);
}

static void
test_a_packed_guest_is_told_round_the_end(void **state)
{
	(void)state;
	d->ring.call_fd = CALL_FD;
	d->ring.event_idx = true;
	post_many(SIZE, 500);
	wish(SIZE - 1, true, VRING_PACKED_EVENT_FLAG_DESC);
	for (uint16_t i = 0; i < SIZE; i++) {
		assert_int_equal(put(1, 60, 60), 1);
		assert_int_equal(told(), i == SIZE - 1);
	}
	expect_used(SIZE);
	d->next_gpa = DRIVER_GPA;
	post_many(SIZE, 500);
	wish(SIZE - 2, true, VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(put(1, 60, 60), 1);
	assert_int_equal(told(), 0); /* it was used before that */
	wish(2, false, VRING_PACKED_EVENT_FLAG_DESC);
	for (uint16_t i = 1; i < 4; i++) {
		assert_int_equal(put(1, 60, 60), 1);
		assert_int_equal(told(), i == 2);
	}
	for (uint16_t i = 4; i < SIZE; i++) /* to the end, and on */
		assert_int_equal(put(1, 60, 60), 1);
	expect_used(SIZE);
	d->next_gpa = DRIVER_GPA;
	post_many(SIZE, 500);
	assert_int_equal(put(1, 60, 60), 1);
	wish(SIZE - 1, false, VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(told(), 1);
	for (uint16_t i = 1; i < SIZE; i++)
		assert_int_equal(put(1, 60, 60), 1);
	expect_used(SIZE);
	d->next_gpa = DRIVER_GPA;
	post_many(1, 500);
	assert_int_equal(put(1, 60, 60), 1);
	wish(9, true, VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(told(), 1); /* a whole lap: whatever it waits for was in it */
}

static void
test_a_packed_guest_is_asked_for_a_kick_in_the_way_it_knows(void **state)
{
	const struct vring_packed_desc_event *e = d->ring.device;
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	bf_ring_want_kicks(&d->ring, false);
	assert_int_equal(e->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(e->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	d->ring.event_idx = true;
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(e->flags, VRING_PACKED_EVENT_FLAG_DESC);
	assert_int_equal(e->off_wrap, 0x8000);
	for (uint32_t i = 0; i < SIZE + 3; i++) {
		d->next_gpa = DRIVER_GPA;
		send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), i, 60);
		assert_int_equal(take(pkts), 1);
		rte_pktmbuf_free(pkts[0]);
		expect_used(1);
	}
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(e->off_wrap, 3);
	bf_ring_want_kicks(&d->ring, false);
	assert_int_equal(e->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static void
test_a_packed_ring_goes_on_where_it_is_told_to_stand(void **state)
{
	(void)state;
	post_many(5, 500);
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(put(i, 60, 60), 1);
	assert_int_equal(bf_ring_base(&d->ring), 0x80058005);
	assert_int_equal(d->ring.frames, 5);
	bf_ring_set_base(&d->ring, 0x00028003); /* what was taken and not used: again */
	assert_int_equal(bf_ring_base(&d->ring), 0x00020002);
	bf_ring_set_base(&d->ring, 0x8007); /* as virtio-user says it */
	assert_int_equal(bf_ring_base(&d->ring), 0x80078007);
	bf_ring_set_base(&d->ring, 0x80008000 | SIZE << 16 | SIZE); /* there is no such place */
	assert_int_equal(bf_ring_base(&d->ring), 0x80008000);
	bf_ring_set_base(&d->ring, 0x80058005);
	expect_used(5);
	post_many(1, 500);
	assert_int_equal(put(9, 60, 60), 1);
	expect_got(9, 60, 1);
}

/* Bursts, chains and tables, in both directions, round and round. */
static void
go_round(uint16_t size, uint32_t rounds)
{
	const uint32_t chain[] = {HEADER, 10, 50}, most = RTE_MIN(size, 40);
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t seed = size;

	for (uint32_t i = 0; i < rounds; i++) {
		uint16_t n_desc = size >= 3 && draw_below(&seed, 4) == 0 ? 3 : 1;
		uint32_t n = 1 + draw_below(&seed, most / n_desc), got = 0;

		d->next_gpa = DRIVER_GPA;
		for (uint32_t k = 0; k < n; k++) {
			uint16_t id = n_desc > 1 ? driver_post(d, chain, n_desc)
				: size >= 3 && draw_below(&seed, 5) == 0
				? driver_post_indirect(d, chain, 3)
				: driver_post(d, &(uint32_t){72}, 1);

			if (d->access == 0)
				send_posted(id, k, 60);
		}
		if (packed) /* all of them, and none of the lap before */
			assert_int_equal(bf_ring_waiting(&d->ring), n * n_desc);
		while (d->access != 0 && got < n)
			got += put(got, 60, 60);
		for (uint16_t m; d->access == 0 && got < n; got += m) {
			m = take(pkts);
			assert_in_range(m, 1, n - got);
			for (uint16_t k = 0; k < m; k++)
				expect_frame(pkts[k], got + k, 60);
			rte_pktmbuf_free_bulk(pkts, m);
		}
		for (uint32_t k = 0; d->access != 0 && k < n; k++)
			expect_got(k, 60, 1);
		if (d->access == 0)
			expect_used(n);
		assert_int_equal(bf_ring_waiting(&d->ring), 0);
	}
}

static void
test_rings_of_all_sizes_go_round(void **state)
{
	static const uint16_t sizes[] = {1, 2, 3, 4, 7, 31, 32, 33, 64, 1000, 32768};

	tear_down(state);
	for (uint32_t i = 0; i < RTE_DIM(sizes); i++) {
		if (!packed && (sizes[i] & (sizes[i] - 1)) != 0)
			continue;
		for (int to = 0; to < 2; to++) {
			d = any_driver(sizes[i]);
			d->access = to ? VRING_DESC_F_WRITE : 0;
			go_round(sizes[i], sizes[i] > 1000 ? 4000 : 400);
			assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
			driver_free(d);
		}
	}
	set_up(state);
}

/* ---- what is logged ---- */

#define RINGS_GPA 0x200000u /* where the guest has its rings */
#define LOG_SIZE ((RINGS_GPA + 0x100000u) / 4096 / 8)

static uint8_t dirty[LOG_SIZE];
static const struct bf_ring_log dirty_log = {dirty, LOG_SIZE};

/* Memory that we may write, as it was and is. */
struct watched {
	uint64_t gpa;
	const uint8_t *now;
	uint8_t *before;
	size_t size;
};

static struct watched watched[4];
static unsigned int n_watched;

static void
watch(uint64_t gpa, const void *at, size_t size)
{
	struct watched *w = &watched[n_watched++];

	*w = (struct watched){gpa, at, malloc(size), size};
	assert_non_null(w->before);
}

/* The rings lie in guest memory, one behind the other; a packed one's descriptors by the table, too. */
static void
log_begin(void)
{
	size_t n = d->ring.size, desc_size = n * sizeof(struct vring_packed_desc);

	n_watched = 0;
	for (uint32_t i = 0; i < 2; i++)
		watch(DRIVER_GPA + i * DRIVER_HALF, d->half[i], DRIVER_HALF);
	d->ring.log = &dirty_log;
	d->ring.log_gpa = RINGS_GPA + 0x1100;
	if (packed) {
		d->memory.region[2].gpa = RINGS_GPA + 0x10000 - 0x200; /* across a page's end */
		d->memory.region[2].size = desc_size;
		d->memory.region[2].va = (uint8_t *)d->ring.packed_desc;
		d->memory.n = 3;
		watch(d->memory.region[2].gpa, d->ring.packed_desc, desc_size);
		watch(d->ring.log_gpa, d->ring.device, sizeof(*d->ring.device));
	} else {
		watch(d->ring.log_gpa, d->ring.used,
			sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + 2);
	}
}

static void
log_clear(void)
{
	memset(dirty, 0, sizeof(dirty));
	for (unsigned int i = 0; i < n_watched; i++)
		memcpy(watched[i].before, watched[i].now, watched[i].size);
}

static bool
is_dirty(uint64_t gpa)
{
	return dirty[gpa / 4096 / 8] >> gpa / 4096 % 8 & 1;
}

/* Every byte that changed is logged, and no page in which nobody may write: of the first two, `limit`. */
static void
log_expect(uint64_t limit)
{
	for (unsigned int i = 0; i < n_watched; i++)
		for (size_t at = 0; at < watched[i].size; at++)
			if (watched[i].before[at] != watched[i].now[at])
				assert_true(is_dirty(watched[i].gpa + at));
	for (uint64_t gpa = 0; gpa < (uint64_t)LOG_SIZE * 4096 * 8; gpa += 4096) {
		bool may = gpa >= DRIVER_GPA && gpa < limit;

		for (unsigned int i = 2; i < n_watched; i++)
			may |= gpa + 4096 > watched[i].gpa &&
				gpa < watched[i].gpa + watched[i].size;
		if (!may)
			assert_false(is_dirty(gpa));
	}
	log_clear();
}

static void
log_end(void)
{
	while (n_watched > 0)
		free(watched[--n_watched].before);
}

static void
test_all_that_is_written_is_logged_and_nothing_else(void **state)
{
	static const uint32_t chain[] = {HEADER, 1, 100, 7, 2000};
	uint64_t seed = 5;

	tear_down(state);
	for (uint16_t size = 64; size <= 512; size *= 2) {
		d = any_driver(size);
		log_begin();
		for (uint32_t i = 0; i < 3u * size; i++) {
			uint32_t len = 60 + draw_below(&seed, 3000);

			d->next_gpa = DRIVER_GPA + draw_below(&seed, DRIVER_HALF);
			if (draw_below(&seed, 8) == 0)
				d->next_gpa = DRIVER_SEAM - draw_below(&seed, 3000);
			if (draw_below(&seed, 3) == 0)
				driver_post(d, chain, 5);
			post_many(3, 1600);
			log_clear();
			while ((i % 4 == 3 ? put_tagged(i, len, 700) : put(i, len, 700)) == 1)
				;
			assert_int_equal(d->ring.fault, BF_RING_FAULT_NONE);
			log_expect(d->next_gpa);
			for (struct vring_used_elem e; driver_used(d, &e);)
				;
			bf_ring_want_kicks(&d->ring, i & 1);
			log_expect(0);
			d->ring.event_idx = i & 2;
			while (bf_ring_waiting(&d->ring) > 0)
				put(i, 60, 60);
			for (struct vring_used_elem e; driver_used(d, &e);)
				;
		}
		log_end();
		driver_free(d);
	}
	set_up(state);
}

static void
test_of_frames_from_the_guest_only_the_ring_is_logged(void **state)
{
	struct rte_mbuf *pkts[BF_BURST];

	(void)state;
	log_begin();
	for (uint32_t i = 0; i < 3 * SIZE; i++) {
		d->next_gpa = DRIVER_GPA + i * 100;
		for (uint32_t k = 0; k <= i % 7; k++)
			send_posted(driver_post(d, &(uint32_t){HEADER + 60}, 1), k, 60);
		log_clear();
		assert_int_equal(take(pkts), i % 7 + 1);
		rte_pktmbuf_free_bulk(pkts, i % 7 + 1);
		log_expect(0);
		expect_used(i % 7 + 1);
	}
	log_end();
}

/* Nor is anything written beyond it. */
static void
test_what_a_log_has_no_bit_for_is_left_out(void **state)
{
	uint8_t *small = malloc(3);
	const struct bf_ring_log log = {small, 3}; /* 24 pages, of which 16 lie before memory */

	(void)state;
	assert_non_null(small);
	memset(small, 0, 3);
	d->ring.log = &log;
	d->ring.log_gpa = BF_RING_NOT_LOGGED;
	post_many(8, 8192);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(put(i, 6000, 2048), 1);
	bf_ring_want_kicks(&d->ring, true);
	assert_int_equal(small[0] | small[1], 0);
	assert_int_equal(small[2], 0xff);
	for (uint32_t i = 0; i < 8; i++)
		expect_got(i, 6000, 1);
	free(small);
}

#define OF(f, set_up_, kind, word) \
	{ \
#f word, f, set_up_, tear_down, &kinds[kind] \
	}
#define T(f) OF(f, set_up, SPLIT, ", split")
#define TAKING(f) OF(f, set_up_taking, SPLIT, ", split")
#define PACKED_T(f) OF(f, set_up, PACKED, ", packed")
#define PACKED_TAKING(f) OF(f, set_up_taking, PACKED, ", packed")
#define BOTH(f) T(f), PACKED_T(f)
#define BOTH_TAKING(f) \
	TAKING(f), PACKED_TAKING(f), OF(f, set_up_taking, IN_ORDER, ", packed in order")
#define GIVEN_BACK(f) \
	OF(f, set_up_demoted, SPLIT, ", split, lines demoted"), \
		OF(f, set_up_flushed, SPLIT, ", split, lines flushed"), \
		OF(f, set_up_demoted, PACKED, ", packed, lines demoted"), \
		OF(f, set_up_flushed, PACKED, ", packed, lines flushed")

int
main(void)
{
	static enum kind kinds[] = {[SPLIT] = SPLIT, [PACKED] = PACKED, [IN_ORDER] = IN_ORDER};
	const struct CMUnitTest tests[] = {
		BOTH(test_frames_arrive_whole_in_order_and_as_many_as_there_are_buffers),
		BOTH(test_indices_go_round_for_ever),
		BOTH(test_a_buffer_that_comes_again_is_put_right),
		T(test_a_used_entry_that_comes_again_is_put_right),
		BOTH(test_a_buffer_may_be_a_chain_a_table_or_cross_memory),
		BOTH(test_a_frame_takes_as_many_buffers_as_it_needs),
		BOTH(test_frames_are_changed_while_they_are_copied),
		BOTH(test_a_changed_frame_takes_as_many_buffers_as_it_needs_then),
		BOTH(test_without_mergeable_buffers_a_frame_fits_one_or_waits),
		BOTH_TAKING(test_frames_are_taken_whole_in_order_and_their_buffers_given_back),
		BOTH_TAKING(test_a_frame_may_come_in_pieces),
		BOTH_TAKING(test_a_long_frame_comes_in_several_buffers_of_ours),
		BOTH_TAKING(test_what_is_no_frame_is_given_back_and_counted),
		BOTH_TAKING(test_without_buffers_of_ours_frames_stay_with_the_guest),
		BOTH(test_nonsense_ends_a_ring_behind_what_was_right),
		TAKING(test_an_index_that_jumps_ends_a_ring),
		BOTH(test_a_frame_of_more_descriptors_than_are_walked_ends_a_ring),
		BOTH_TAKING(test_what_would_take_long_waits_for_the_next_visit),
		BOTH(test_what_would_take_long_to_put_is_left_out),
		BOTH(test_a_frame_takes_so_many_buffers_and_no_more),
		BOTH(test_a_frame_that_does_not_fit_leaves_no_trace),
		BOTH(test_memory_may_be_in_many_regions),
		T(test_a_ring_goes_on_where_it_is_told_to_stand),
		T(test_a_guest_is_told_when_it_wants_to_be),
		TAKING(test_a_guest_is_asked_for_a_kick_in_the_way_it_knows),
		PACKED_T(test_a_chain_without_end_ends_a_packed_ring),
		PACKED_T(test_a_packed_guest_is_told_when_it_wants_to_be),
		PACKED_T(test_a_packed_guest_is_told_round_the_end),
		PACKED_TAKING(test_a_packed_guest_is_asked_for_a_kick_in_the_way_it_knows),
		PACKED_T(test_a_packed_ring_goes_on_where_it_is_told_to_stand),
		BOTH(test_rings_of_all_sizes_go_round),
		BOTH(test_all_that_is_written_is_logged_and_nothing_else),
		BOTH_TAKING(test_of_frames_from_the_guest_only_the_ring_is_logged),
		BOTH(test_what_a_log_has_no_bit_for_is_left_out),
		GIVEN_BACK(test_frames_are_taken_whole_in_order_and_their_buffers_given_back),
		GIVEN_BACK(test_a_frame_may_come_in_pieces),
		GIVEN_BACK(test_a_long_frame_comes_in_several_buffers_of_ours),
		GIVEN_BACK(test_what_is_no_frame_is_given_back_and_counted),
		GIVEN_BACK(test_nonsense_ends_a_ring_behind_what_was_right),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

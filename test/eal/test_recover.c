/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A packed ring's record: death in every moment of a burst, of whatever kind, and again while the next
 * process finishes it.  What the driver gets in the end is whole, in order, and every buffer once.
 *
 * The moments are those between two stores: packed.c and recover.c are compiled into this program with
 * a store that can end a life.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_atomic.h>
#include <rte_memcpy.h>

#include "driver.h"
#include "rig.h"

static jmp_buf death;
static int stores_left = -1; /* until it; below 0: it does not come */

static void
store_or_die(void)
{
	if (stores_left == 0)
		longjmp(death, 1);
	stores_left -= stores_left > 0;
}

#define __atomic_store_n(to, value, order) \
	(store_or_die(), *(volatile __typeof__(*(to)) *)(to) = (value))
#include "dataplane/packed.c"
#include "dataplane/recover.c"
#include "dataplane/recover.h"
#undef __atomic_store_n

#define SIZE 64
#define HEADER 12
#define BURST 8
#define LAPS 4

static struct driver *d;
static struct rte_mempool *pool;
static struct bf_ring_record *record;
static uint32_t next_frame; /* of those that the driver expects */

/* What a burst is made of. */
enum kind {
	SINGLES, /* a buffer of one descriptor for each frame */
	CHAINS, /* of three */
	SEVERAL, /* frames that take three buffers, one of them a chain */
	FROM_GUEST,
	CHAINS_FROM_GUEST,
	IN_ORDER_FROM_GUEST,
	KINDS
};

static const struct {
	bool takes, in_order;
	uint16_t n_desc, n_buffers; /* of a frame */
	uint32_t len; /* of a frame */
} about[KINDS] = {
	[SINGLES] = {false, false, 1, 1, 60},
	[CHAINS] = {false, false, 3, 1, 60},
	[SEVERAL] = {false, false, 5, 3, 3 * 100 - HEADER},
	[FROM_GUEST] = {true, false, 1, 1, 60},
	[CHAINS_FROM_GUEST] = {true, false, 3, 1, 60},
	[IN_ORDER_FROM_GUEST] = {true, true, 1, 1, 60},
};

static void
begin(enum kind kind)
{
	d = driver_new_packed(SIZE, true);
	d->ring.in_order = about[kind].in_order;
	d->access = about[kind].takes ? 0 : VRING_DESC_F_WRITE;
	record = aligned_alloc(8, sizeof(*record));
	assert_non_null(record);
	memset(record, 0, sizeof(*record));
	d->ring.record = record;
	bf_ring_set_base(&d->ring, 0x80008000);
	pool = rte_pktmbuf_pool_create(
		"recover", 127, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	assert_non_null(pool);
	next_frame = 0;
}

static void
end(void)
{
	free(record);
	driver_free(d);
	rte_mempool_free(pool); /* with what died */
}

static uint8_t
byte_of(uint32_t id, uint32_t at)
{
	return (uint8_t)(id * 31 + at * 7 + 1);
}

/* ---- the driver ---- */

static void
post_frame(enum kind kind, uint32_t id)
{
	static const uint32_t chain[] = {HEADER, 20, 80}, part[] = {30, 0, 70};
	uint8_t bytes[200] = {0};
	uint16_t buffer = 0;

	for (uint16_t k = 0; k < about[kind].n_buffers; k++) {
		if (kind == SEVERAL)
			buffer = k == 1 ? driver_post(d, part, 3)
					: driver_post(d, &(uint32_t){100}, 1);
		else if (about[kind].n_desc == 3)
			buffer = driver_post(d, chain, 3);
		else
			buffer = driver_post(d, &(uint32_t){HEADER + 100}, 1);
	}
	for (uint32_t i = 0; i < 100; i++)
		bytes[HEADER + i] = byte_of(id, i);
	if (about[kind].takes)
		driver_bytes(d, buffer, bytes, HEADER + 100, true);
}

static void
post(enum kind kind, uint32_t n)
{
	static uint32_t id;

	if (d->next_gpa > DRIVER_SEAM)
		d->next_gpa = DRIVER_GPA;
	while (n-- > 0)
		post_frame(kind, id++);
}

/* The next frame is whole and the right one. @return false when there is none. */
static bool
frame_arrives(enum kind kind)
{
	uint32_t at = 0;

	for (uint16_t k = 0; k < about[kind].n_buffers; k++) {
		uint8_t bytes[200];
		struct vring_used_elem e;
		uint16_t count;

		if (!driver_used(d, &e)) {
			assert_int_equal(k, 0);
			return false;
		}
		assert_int_equal(e.id, (uint16_t)(d->next_used - 1) % SIZE); /* in order */
		if (about[kind].takes)
			continue;
		driver_bytes(d, (uint16_t)e.id, bytes, e.len, false);
		memcpy(&count, bytes + 10, sizeof(count));
		if (k == 0)
			assert_int_equal(count, about[kind].n_buffers);
		for (uint32_t i = k == 0 ? HEADER : 0; i < e.len; i++)
			assert_int_equal(bytes[i], byte_of(next_frame, at++));
	}
	if (!about[kind].takes)
		assert_int_equal(at, about[kind].len);
	next_frame++;
	return true;
}

static uint32_t
frames_arrive(enum kind kind)
{
	uint32_t n = 0;

	while (frame_arrives(kind))
		n++;
	return n;
}

/* ---- this end ---- */

/* Move `n` frames, which are numbered from `id` on. */
static void
move(enum kind kind, uint32_t id, uint16_t n)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t lost = 0;

	if (about[kind].takes) {
		assert_int_equal(bf_ring_take(&d->ring, pool, pkts, n, &lost), n);
		rte_pktmbuf_free_bulk(pkts, n);
		return;
	}
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, pkts, n), 0);
	for (uint32_t k = 0; k < n; k++) {
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(pkts[k], (uint16_t)about[kind].len);

		for (uint32_t i = 0; i < about[kind].len; i++)
			p[i] = byte_of(id + k, i);
	}
	assert_int_equal(bf_ring_put(&d->ring, pkts, n), n);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* @return whether it came to an end before it died. */
static bool
move_until_death(enum kind kind, uint32_t id, uint16_t n, int after)
{
	stores_left = after;
	if (setjmp(death) == 0)
		move(kind, id, n);
	after = stores_left;
	stores_left = -1;
	return after > 0;
}

/* A process that knows only what outlives processes. */
static bool
recovers(int dies_after)
{
	volatile bool found = false;
	uint16_t at = 0;
	bool wrap = false;

	d->ring.seen = 0xdead;
	d->ring.wrap = false;
	stores_left = dies_after;
	if (setjmp(death) == 0)
		found = bf_packed_recover(&d->ring, &at, &wrap);
	else
		dies_after = -2;
	stores_left = -1;
	if (dies_after == -2)
		return false;
	assert_true(found);
	bf_ring_set_base(
		&d->ring, at | (uint32_t)wrap << 15 | (uint32_t)at << 16 | (uint32_t)wrap << 31);
	return true;
}

/* How far the ring is when the burst begins, in frames. */
static void
go_to(enum kind kind, uint32_t frames)
{
	for (uint32_t i = 0; i < frames; i++) {
		post(kind, 1);
		move(kind, i, 1);
		assert_int_equal(frames_arrive(kind), 1);
	}
}

/* @return whether the burst died. */
static bool
die_and_go_on(enum kind kind, uint32_t start, int after, int again_after, bool driver_goes_on)
{
	uint16_t n = (uint16_t)RTE_MIN(BURST, SIZE / about[kind].n_desc);
	uint32_t arrived = 0;
	bool died;

	begin(kind);
	go_to(kind, start);
	post(kind, n);
	died = !move_until_death(kind, start, n, after);
	if (driver_goes_on) {
		arrived = frames_arrive(kind);
		post(kind, arrived);
	}
	if (!recovers(again_after))
		assert_true(recovers(-1));
	arrived += frames_arrive(kind);
	assert_true(arrived <= n);
	if (arrived < n) /* what nobody had is moved again */
		move(kind, start + arrived, (uint16_t)(n - arrived));
	arrived += frames_arrive(kind);
	assert_int_equal(arrived, n);
	go_to(kind, 0);
	if (driver_goes_on && arrived > 0)
		while (bf_ring_waiting(&d->ring) > 0) {
			move(kind, next_frame, 1);
			assert_int_equal(frames_arrive(kind), 1);
		}
	for (uint32_t i = 0; i < SIZE; i++) { /* and so on, round the end */
		post(kind, 1);
		move(kind, next_frame, 1);
		assert_int_equal(frames_arrive(kind), 1);
	}
	end();
	return died;
}

static void
test_death_between_any_two_stores_costs_nothing_but_the_burst(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		uint32_t lap = SIZE / about[kind].n_desc, all = 0;

		for (uint32_t start = 0; start <= LAPS * lap; start += lap - 3) {
			int after = 0;

			while (die_and_go_on(kind, start, after, -1, false))
				after++;
			while (after-- > 0)
				die_and_go_on(kind, start, after, -1, true);
			all++;
		}
		assert_true(all > LAPS);
	}
}

static void
test_death_while_a_burst_is_finished_is_made_good_too(void **state)
{
	(void)state;
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (uint32_t start = 0; start < 40; start += 13)
			for (int again = 0; again < 2 * BURST; again++)
				for (int after = 0; die_and_go_on(kind, start, after, again, false);
					after++)
					;
}

/* ---- another life ---- */

static bool
finds(void)
{
	uint16_t at;
	bool wrap;

	return bf_packed_recover(&d->ring, &at, &wrap);
}

/* The driver begins anew: its ring is clear, or full of buffers from the first descriptor on. */
static void
begin_anew(uint16_t n_posted)
{
	memset(d->ring.packed_desc, 0, SIZE * sizeof(struct vring_packed_desc));
	for (uint16_t i = 0; i < n_posted; i++)
		d->ring.packed_desc[i] = (struct vring_packed_desc){
			DRIVER_GPA, 1000, i, VRING_DESC_F_WRITE | 1u << VRING_PACKED_DESC_F_AVAIL};
}

static void
test_a_ring_that_was_set_up_anew_is_not_where_it_was(void **state)
{
	(void)state;
	for (uint32_t start = 1; start < LAPS * SIZE; start++) {
		uint32_t at = start % SIZE, lap = start / SIZE;

		begin(SINGLES);
		go_to(SINGLES, start);
		assert_true(finds());
		begin_anew(0);
		assert_int_equal(finds(), start % (2 * SIZE) == 0); /* where all begin */
		if ((lap & 1) == 0 || at <= SIZE - BF_BURST) {
			begin_anew(SIZE);
			assert_int_equal(finds(), start % (2 * SIZE) == 0);
		}
		end();
	}
}

static void
test_a_record_of_nothing_or_of_another_ring_says_nothing(void **state)
{
	(void)state;
	begin(SINGLES);
	go_to(SINGLES, 10);
	assert_true(finds());
	record->desc_num = SIZE - 1;
	assert_false(finds());
	record->desc_num = SIZE;
	record->version++;
	assert_false(finds());
	memset(record, 0, sizeof(*record));
	assert_false(finds());
	d->ring.record = NULL;
	assert_false(finds());
	end();
}

/* Whoever else can write there: it is not believed. */
static void
test_a_record_of_nonsense_does_no_harm(void **state)
{
	uint16_t at;
	bool wrap;

	(void)state;
	begin(SINGLES);
	srand(1);
	for (uint32_t i = 0; i < 200000; i++) {
		uint16_t *ring = (uint16_t *)d->ring.packed_desc;

		for (uint32_t k = 0; k < 4; k++)
			ring[(uint32_t)rand() % (SIZE * 8)] = (uint16_t)rand();
		record->stand.used_idx = (uint16_t)(rand() % (SIZE + 1));
		record->stand.old_used_idx = (uint16_t)(rand() % (SIZE + 1));
		record->stand.used_wrap_counter = rand() & 1;
		record->stand.old_used_wrap_counter = (uint8_t)(rand() % 3);
		record->stand.back = (uint16_t)(rand() % (SIZE + 2));
		if (bf_packed_recover(&d->ring, &at, &wrap))
			assert_true(at < SIZE);
	}
	end();
}

/* Another back end that is given the area reads the first byte of each descriptor's 32. */
static void
test_after_a_burst_nothing_is_said_to_be_in_flight(void **state)
{
	const enum kind kinds[] = {SINGLES, SEVERAL};

	(void)state;
	for (unsigned int k = 0; k < RTE_DIM(kinds); k++) {
		begin(kinds[k]);
		post(kinds[k], BURST);
		move(kinds[k], 0, BURST);
		assert_int_equal(frames_arrive(kinds[k]), BURST);
		assert_int_equal(record->version, BF_RING_RECORD_VERSION);
		for (size_t i = 0; i < sizeof(record->len); i += 32)
			assert_int_equal(((const uint8_t *)record->len)[i], 0);
		end();
	}
}

static void
test_a_record_fits_into_the_inflight_area(void **state)
{
	const size_t header = 32, of_a_descriptor = 32;

	(void)state;
	assert_int_equal(offsetof(struct bf_ring_record, stand), 16);
	assert_int_equal(offsetof(struct bf_ring_record, len), header);
	assert_int_equal(sizeof(struct bf_ring_stand), 8);
	for (size_t size = 1; size <= 32768; size++)
		assert_true(BF_RING_RECORD_SIZE(size) <= header + size * of_a_descriptor);
}

int
main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(test_death_between_any_two_stores_costs_nothing_but_the_burst),
		T(test_death_while_a_burst_is_finished_is_made_good_too),
		T(test_a_ring_that_was_set_up_anew_is_not_where_it_was),
		T(test_a_record_of_nothing_or_of_another_ring_says_nothing),
		T(test_a_record_of_nonsense_does_no_harm),
		T(test_after_a_burst_nothing_is_said_to_be_in_flight),
		T(test_a_record_fits_into_the_inflight_area),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

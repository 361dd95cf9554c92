/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A tape keeps records whole, in order, and loses only what finds no room.
 *
 * Threads: one; the last test has a writer and a reader.
 */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/tape.h"

#define SIZE 1024
#define RECORDS 20000

static struct bf_tape *
tape_new(uint32_t size)
{
	struct bf_tape *t = aligned_alloc(RTE_CACHE_LINE_SIZE, bf_tape_memory(size));

	assert_non_null(t);
	memset(t, 0, bf_tape_memory(size));
	t->size = size;
	return t;
}

static bool
put(struct bf_tape *t, uint32_t number, uint32_t len)
{
	uint8_t *to = bf_tape_begin(t, len);

	if (to == NULL)
		return false;
	memset(to, (uint8_t)number, len);
	bf_tape_end(t, len);
	return true;
}

static bool
is_whole(const uint8_t *from, uint32_t number, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (from[i] != (uint8_t)number)
			return false;
	return true;
}

static void
test_records_of_any_length_come_out_whole_and_in_order(void **state)
{
	struct bf_tape *t = tape_new(SIZE);
	uint32_t len = 0;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t want = i * 7 % 250;
		const void *got;

		assert_true(put(t, i, want));
		got = bf_tape_first(t, &len);
		assert_non_null(got);
		assert_int_equal((uintptr_t)got % 8, 0);
		assert_int_equal(len, want);
		assert_true(is_whole(got, i, len));
		bf_tape_next(t);
		assert_null(bf_tape_first(t, &len));
	}
	assert_int_equal(t->lost, 0);
	free(t);
}

static void
test_a_full_tape_loses_the_newest_and_counts_them(void **state)
{
	struct bf_tape *t = tape_new(SIZE);
	uint32_t len = 0, kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		kept += put(t, i, 56);
	assert_int_equal(kept, SIZE / 64);
	assert_int_equal(t->lost, 100 - kept);
	for (uint32_t i = 0; i < kept; i++) {
		assert_true(is_whole(bf_tape_first(t, &len), i, 56));
		bf_tape_next(t);
	}
	assert_null(bf_tape_first(t, &len));
	assert_true(put(t, 1, 56)); /* there is room again */
	free(t);
}

static void
test_a_record_longer_than_the_tape_is_lost(void **state)
{
	struct bf_tape *t = tape_new(SIZE);

	(void)state;
	assert_false(put(t, 1, SIZE));
	assert_int_equal(t->lost, 1);
	assert_true(put(t, 2, SIZE / 4));
	free(t);
}

static void *
write_all(void *arg)
{
	struct bf_tape *t = arg;

	for (uint32_t i = 0; i < RECORDS;) {
		if (put(t, i, 1 + i % 100))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void
test_a_reader_beside_the_writer_sees_every_record_whole(void **state)
{
	struct bf_tape *t = tape_new(16 * SIZE);
	pthread_t writer;
	uint32_t len = 0;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_all, t), 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		const void *got;

		while ((got = bf_tape_first(t, &len)) == NULL)
			sched_yield();
		assert_int_equal(len, 1 + i % 100);
		assert_true(is_whole(got, i, len));
		bf_tape_next(t);
	}
	pthread_join(writer, NULL);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_of_any_length_come_out_whole_and_in_order),
		cmocka_unit_test(test_a_full_tape_loses_the_newest_and_counts_them),
		cmocka_unit_test(test_a_record_longer_than_the_tape_is_lost),
		cmocka_unit_test(test_a_reader_beside_the_writer_sees_every_record_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

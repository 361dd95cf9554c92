/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The guard of mappings: memory that is cut off becomes zeros, and nobody else loses theirs, whatever is
 * mapped and unmapped meanwhile.
 *
 * Threads: one touches memory that is gone, one maps and unmaps.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory_file.h"
#include "vhost/mapping.h"

#define PAGE MEMORY_PAGE
#define SPARSE (UINT64_C(1) << 30)
#define ROUNDS 2000
#define SETTLE_MS 10000

static struct bf_waste_bin *bin;
static uint32_t n_lost, n_lost_others, quit;

static void
on_lost(void *arg)
{
	__atomic_add_fetch((uint32_t *)arg, 1, __ATOMIC_RELAXED);
}

/* One entry of the list, with another place and length each time. */
static void *
others_run(void *arg)
{
	const struct bf_vhost_fd *f = arg;
	uint64_t size = PAGE;
	uint8_t *va;

	while (!__atomic_load_n(&quit, __ATOMIC_ACQUIRE)) {
		bf_mapping_free(bf_mapping_new(bin, f, 0, size, on_lost, &n_lost_others, &va));
		size = size == PAGE ? SPARSE : PAGE;
		while (bf_waste_is_full(bin))
			sched_yield();
	}
	return NULL;
}

static void
lose_once(void)
{
	struct bf_vhost_fd f = memory_file(4 * PAGE);
	struct bf_mapping *m;
	uint8_t *va = NULL;

	m = bf_mapping_new(bin, &f, PAGE, 2 * PAGE, on_lost, &n_lost, &va);
	assert_non_null(m);
	va[0] = va[PAGE] = 7;
	assert_int_equal(ftruncate(f.fd, 2 * PAGE), 0);
	assert_int_equal(((volatile uint8_t *)va)[PAGE], 0);
	assert_int_equal(((volatile uint8_t *)va)[0], 0); /* of one piece */
	bf_mapping_free(m);
	close(f.fd);
}

static void
test_memory_that_is_cut_off_becomes_zeros_as_a_whole(void **state)
{
	(void)state;
	bf_mapping_guard(); /* cmocka has a handler of its own for each test */
	n_lost = 0;
	lose_once();
	assert_int_equal(n_lost, 1);
}

static void
test_nobody_else_loses_memory_that_is_mapped_meanwhile(void **state)
{
	struct bf_vhost_fd f = memory_file(SPARSE);
	pthread_t thread;

	(void)state;
	bf_mapping_guard(); /* cmocka has a handler of its own for each test */
	n_lost = 0;
	assert_int_equal(pthread_create(&thread, NULL, others_run, &f), 0);
	for (int i = 0; i < ROUNDS; i++)
		lose_once();
	__atomic_store_n(&quit, 1, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n_lost, ROUNDS);
	assert_int_equal(n_lost_others, 0);
	close(f.fd);
}

static int
set_up(void **state)
{
	(void)state;
	bin = bf_waste_bin_new();
	return bin == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_waste_settle(bin, SETTLE_MS);
	bf_waste_bin_leave(bin);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_that_is_cut_off_becomes_zeros_as_a_whole),
		cmocka_unit_test(test_nobody_else_loses_memory_that_is_mapped_meanwhile),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory nodes: which pages are looked at, what is made of the answers.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>

#include "control/memory/nodes.h"

#define PAGE 4096u

static const char *const base = (const char *)0x10000000;

static void
test_pages_are_spread_over_all_spans_by_size(void **state)
{
	const struct bf_span spans[] = {
		{base, 30 * PAGE}, {base + 1000 * PAGE, 10 * PAGE}, {base + 2000 * PAGE, 0}};
	unsigned int first = 0, second = 0;
	void *at[8];

	(void)state;
	assert_int_equal(bf_nodes_spread(spans, RTE_DIM(spans), at, RTE_DIM(at)), 8);
	for (unsigned int i = 0; i < 8; i++) {
		const char *p = at[i];

		assert_int_equal((uintptr_t)p % PAGE, 0);
		assert_true(i == 0 || p > (const char *)at[i - 1]);
		first += p >= base && p < base + 30 * PAGE;
		second += p >= base + 1000 * PAGE && p < base + 1010 * PAGE;
	}
	assert_int_equal(first, 6);
	assert_int_equal(second, 2);
}

static void
test_no_page_is_looked_at_twice(void **state)
{
	const struct bf_span span = {base, 3 * PAGE};
	void *at[BF_NODES_PAGES];

	(void)state;
	assert_int_equal(bf_nodes_spread(&span, 1, at, RTE_DIM(at)), 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_ptr_equal(at[i], base + i * PAGE);
}

static void
test_nothing_is_spread_over_nothing(void **state)
{
	const struct bf_span none = {base, 0}, huge = {base, UINT64_C(1) << 44};
	void *at[4];

	(void)state;
	assert_int_equal(bf_nodes_spread(NULL, 0, at, 4), 0);
	assert_int_equal(bf_nodes_spread(&none, 1, at, 4), 0);
	assert_int_equal(bf_nodes_spread(&huge, 1, at, 0), 0);
	assert_int_equal(bf_nodes_spread(&huge, 1, at, 4), 4);
}

static void
test_most_pages_decide_and_those_that_are_not_there_do_not(void **state)
{
	const int found[] = {1, -ENOENT, 0, 1, -EFAULT, -ENOENT, -ENOENT, 99};
	const int tie[] = {3, 2, 3, 2};
	const int none[] = {-ENOENT, -ENOENT};

	(void)state;
	assert_int_equal(bf_nodes_most(found, RTE_DIM(found)), 1);
	assert_int_equal(bf_nodes_most(tie, RTE_DIM(tie)), 2);
	assert_int_equal(bf_nodes_most(none, RTE_DIM(none)), BF_NODE_UNKNOWN);
	assert_int_equal(bf_nodes_most(NULL, 0), BF_NODE_UNKNOWN);
}

static void
test_the_unknown_is_far_from_nothing(void **state)
{
	(void)state;
	assert_true(bf_nodes_differ(0, 1));
	assert_false(bf_nodes_differ(1, 1));
	assert_false(bf_nodes_differ(BF_NODE_UNKNOWN, 1));
	assert_false(bf_nodes_differ(0, BF_NODE_UNKNOWN));
}

static void
test_the_cpus_of_this_machine_are_on_its_nodes(void **state)
{
	char cpus[256], cut[8];
	uint64_t all;

	(void)state;
	bf_nodes_open();
	all = bf_nodes_all();
	if (all == 0)
		skip(); /* the kernel knows no nodes */
	bf_nodes_cpus_text(__builtin_ctzll(all), cpus, sizeof(cpus));
	assert_true(cpus[0] == '\0' || (cpus[0] >= '0' && cpus[0] <= '9'));
	bf_nodes_cpus_text(__builtin_ctzll(all), cut, sizeof(cut));
	assert_true(strlen(cut) < sizeof(cut));
	assert_int_equal(bf_nodes_are_several(), __builtin_popcountll(all) > 1);
}

/* A page that nobody has used stays one: it is the guest's to take. */
static void
test_looking_brings_no_page_in(void **state)
{
	size_t size = 64 * PAGE;
	int fd = memfd_create("guest", MFD_CLOEXEC);
	unsigned char there[64];
	struct bf_span span;
	void *map;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	span = (struct bf_span){map, size};
	bf_nodes_open();
	bf_nodes_of_span(&span);
	assert_int_equal(mincore(map, size, there), 0);
	for (unsigned int i = 0; i < RTE_DIM(there); i++)
		assert_int_equal(there[i] & 1, 0);
	if (bf_nodes_all() != 0) {
		((char *)map)[PAGE] = 1;
		assert_true(bf_nodes_of_span(&span) >= 0 || errno == EPERM);
	}
	munmap(map, size);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_are_spread_over_all_spans_by_size),
		cmocka_unit_test(test_no_page_is_looked_at_twice),
		cmocka_unit_test(test_nothing_is_spread_over_nothing),
		cmocka_unit_test(test_most_pages_decide_and_those_that_are_not_there_do_not),
		cmocka_unit_test(test_the_unknown_is_far_from_nothing),
		cmocka_unit_test(test_the_cpus_of_this_machine_are_on_its_nodes),
		cmocka_unit_test(test_looking_brings_no_page_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

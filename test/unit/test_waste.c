/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is given up, and how much of it a port may leave to be done: nobody waits for it, in order, one port
 * after the other.
 *
 * Threads: the test, the reaper and closers.
 */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory_file.h"
#include "vhost/mapping.h"
#include "vhost/waste.h"

#define SETTLE_MS 10000
#define SHORT_MS 20
#define PAGE MEMORY_PAGE
#define SPARSE (UINT64_C(100) << 40)

static int gate[2]; /* a byte lets the reaper unmap something */
static bool is_gated, is_without_threads;
static void *unmapped[256]; /* in this order */
static unsigned int n_unmapped;

/* In place of libc's. */
int
munmap(void *base, size_t len)
{
	char c;

	if (__atomic_load_n(&is_gated, __ATOMIC_ACQUIRE) && len == PAGE) {
		if (read(gate[0], &c, 1) != 1)
			abort();
		unmapped[n_unmapped] = base;
		__atomic_store_n(&n_unmapped, n_unmapped + 1, __ATOMIC_RELEASE);
	}
	return (int)syscall(SYS_munmap, base, len);
}

/* Likewise. */
int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (is_without_threads)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, run, arg);
}

static void
gate_open(unsigned int n)
{
	while (n-- > 0)
		assert_int_equal(write(gate[1], "", 1), 1);
}

static void
gate_begin(void)
{
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	n_unmapped = 0;
	__atomic_store_n(&is_gated, true, __ATOMIC_RELEASE);
}

/* Everything is let through. */
static void
gate_end(unsigned int n)
{
	gate_open(n);
	bf_waste_settle(NULL, SETTLE_MS);
	__atomic_store_n(&is_gated, false, __ATOMIC_RELEASE);
	close(gate[0]);
	close(gate[1]);
}

static void *
page_give(struct bf_waste_bin *bin)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	assert_true(bf_waste_charge(bin, PAGE, UINT64_MAX));
	bf_waste_map(bin, page, PAGE);
	return page;
}

static void
test_a_port_has_to_wait_while_much_of_its_memory_is_given_up(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();

	(void)state;
	gate_begin();
	page_give(bin);
	for (unsigned int i = 1; i < BF_WASTE_QUEUED; i++) {
		struct bf_vhost_fd f = memory_file(PAGE);

		assert_false(bf_waste_is_full(bin));
		bf_waste_fd(bin, &f);
	}
	assert_true(bf_waste_is_full(bin));
	gate_end(1);
	assert_false(bf_waste_is_full(bin));
	bf_waste_bin_leave(bin);
}

static void
test_memory_goes_in_the_order_in_which_it_came(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();
	void *page[8];

	(void)state;
	gate_begin();
	for (unsigned int i = 0; i < 8; i++)
		page[i] = page_give(bin);
	gate_end(8);
	assert_memory_equal(unmapped, page, sizeof(page));
	bf_waste_bin_leave(bin);
}

static void
test_ports_have_their_turn_one_after_the_other(void **state)
{
	struct bf_waste_bin *much = bf_waste_bin_new(), *little = bf_waste_bin_new();
	void *page;
	unsigned int at = 0;

	(void)state;
	gate_begin();
	for (unsigned int i = 0; i < 32; i++)
		page_give(much);
	page = page_give(little);
	gate_end(33);
	while (unmapped[at] != page)
		at++;
	assert_true(at <= 2);
	bf_waste_bin_leave(much);
	bf_waste_bin_leave(little);
}

/* The bin outlives its port as long as something of it is not done. */
static void
test_a_port_may_leave_before_its_memory_is_gone(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();

	(void)state;
	gate_begin();
	page_give(bin);
	page_give(bin);
	bf_waste_bin_leave(bin);
	gate_end(2);
	assert_int_equal(n_unmapped, 2);
}

/* A pipe's end stands for anything that can take for ever. */
static void
test_what_may_wait_waits_for_a_thread_of_its_own(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new();
	struct pollfd p = {0};
	int ends[2][2];

	(void)state;
	is_without_threads = true;
	for (int i = 0; i < 2; i++) {
		struct bf_vhost_fd f = {.kind = BF_VHOST_FD_OTHER};

		assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
		f.fd = ends[i][1];
		bf_waste_fd(bin, &f);
	}
	bf_waste_collect();
	p.fd = ends[0][0];
	assert_int_equal(poll(&p, 1, SHORT_MS), 0);
	assert_int_equal(bf_waste_pending(bin), 2);
	is_without_threads = false;
	bf_waste_collect();
	for (int i = 0; i < 2; i++) {
		p.fd = ends[i][0];
		assert_int_equal(poll(&p, 1, SETTLE_MS), 1);
		assert_true(p.revents & POLLHUP);
		close(ends[i][0]);
	}
	bf_waste_settle(bin, SETTLE_MS);
	assert_int_equal(bf_waste_pending(bin), 0);
	bf_waste_bin_leave(bin);
}

static void
on_lost(void *arg)
{
	(void)arg;
}

static struct bf_mapping *
map(struct bf_waste_bin *bin, const struct bf_vhost_fd *f, uint64_t size)
{
	uint8_t *va;

	return bf_mapping_new(bin, f, 0, size, on_lost, NULL, &va);
}

/* Of a file that is as long as somebody likes, and takes no memory. */
static void
test_a_port_has_no_more_mapped_than_is_good_for_the_others(void **state)
{
	struct bf_waste_bin *bin = bf_waste_bin_new(), *other = bf_waste_bin_new();
	struct bf_vhost_fd f = memory_file(SPARSE);
	struct bf_mapping *m[4];

	(void)state;
	skip_emulated("QEMU's user mode takes a minute to unmap a TiB");
	assert_true(bf_mapping_most() >= UINT64_C(1) << 40 && bf_mapping_most() < SPARSE / 4);
	assert_null(map(bin, &f, SPARSE));
	assert_int_equal(errno, EDQUOT);
	for (int i = 0; i < 4; i++) {
		m[i] = map(bin, &f, bf_mapping_most() / 4);
		assert_non_null(m[i]);
	}
	assert_null(map(bin, &f, PAGE));
	bf_mapping_free(m[1]);
	m[1] = map(other, &f, PAGE);
	assert_non_null(m[1]);
	bf_waste_settle(NULL, SETTLE_MS);
	bf_mapping_free(map(bin, &f, bf_mapping_most() / 4));
	for (int i = 0; i < 4; i++)
		bf_mapping_free(m[i]);
	bf_waste_fd(bin, &f);
	bf_waste_settle(NULL, SETTLE_MS);
	assert_true(bf_waste_charge(bin, bf_mapping_most(), bf_mapping_most()));
	bf_waste_bin_leave(bin);
	bf_waste_bin_leave(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_port_has_to_wait_while_much_of_its_memory_is_given_up),
		cmocka_unit_test(test_memory_goes_in_the_order_in_which_it_came),
		cmocka_unit_test(test_ports_have_their_turn_one_after_the_other),
		cmocka_unit_test(test_a_port_may_leave_before_its_memory_is_gone),
		cmocka_unit_test(test_what_may_wait_waits_for_a_thread_of_its_own),
		cmocka_unit_test(test_a_port_has_no_more_mapped_than_is_good_for_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

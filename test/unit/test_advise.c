/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What hosts are advised that there are not: CPUs, memory and cards of the plan.
 *
 * Threads: one.
 */
#include "unit.h"

#include "advise/plan.h"
#include "fake_machine.h"

#define INTEL "0x8086\n"

struct host {
	struct fake files;
	struct bf_machine m;
	struct bf_nics nics;
	struct bf_advise_plan p;
	struct bf_err err;
};

static struct host h;

static int
host_plan(const char *wish)
{
	struct bf_advise_wish w;
	int ret;

	assert_int_equal(bf_advise_wish_parse(&w, wish, &h.err), 0);
	bf_machine_read(h.files.root, &h.m);
	bf_nics_fini(&h.nics);
	assert_int_equal(bf_nics_read(h.files.root, &h.nics), 0);
	ret = bf_advise_plan(&h.m, &h.nics, &w, &h.p, &h.err);
	return ret;
}

static int
host_open(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	fake_open(&h.files);
	return 0;
}

static int
host_close(void **state)
{
	(void)state;
	bf_nics_fini(&h.nics);
	fake_close(&h.files);
	return 0;
}

static const char *
text_of(const struct bf_cpuset *s)
{
	static char buf[128];

	return bf_cpuset_text(s, buf, sizeof(buf));
}

/* Two nodes of four cores with two threads each; the cards are on node 1. */
static void
test_workers_are_on_the_node_of_the_cards_with_whole_cores(void **state)
{
	(void)state;
	fake_cpus(&h.files, 2, 4, 2);
	fake_card(&h.files, "0000:81:00.0", INTEL, "vfio-pci", "1\n", "20");
	fake_card(&h.files, "0000:81:00.1", INTEL, "vfio-pci", "1\n", "21");
	fake_card(&h.files, "0000:01:00.0", INTEL, "igb", "0\n", "22");
	assert_int_equal(host_plan(NULL), 0);
	assert_int_equal(h.p.n_cards, 2); /* those that are bound */
	assert_int_equal(h.p.n_workers, 2);
	assert_int_equal(h.p.workers[0], 4);
	assert_int_equal(h.p.workers[1], 5);
	assert_string_equal(text_of(&h.p.isolate), "4-5,12-13");
	assert_string_equal(text_of(&h.p.housekeeping), "0-3,6-11,14-15");
	assert_string_equal(text_of(&h.p.guest_cpus), "7,14-15");
	assert_int_equal(h.p.main_cpu, 6);
	assert_int_equal(h.p.n_memory, 1);
	assert_int_equal(h.p.memory[0].node, 1);
	assert_int_equal(h.p.memory[0].free_mib, 1024);
}

static void
test_cards_on_both_nodes_share_the_workers(void **state)
{
	(void)state;
	fake_cpus(&h.files, 2, 4, 1);
	fake_card(&h.files, "0000:01:00.0", INTEL, "vfio-pci", "0\n", "20");
	fake_card(&h.files, "0000:81:00.0", INTEL, "vfio-pci", "1\n", "21");
	assert_int_equal(host_plan("workers=3"), 0);
	assert_int_equal(h.p.workers[0], 1);
	assert_int_equal(h.p.workers[1], 4);
	assert_int_equal(h.p.workers[2], 2);
	assert_string_equal(text_of(&h.p.isolate), "1-2,4");
	assert_int_equal(h.p.n_memory, 2);
	assert_true(h.p.memory[0].mib > h.p.memory[1].mib);
	assert_int_equal(host_plan("workers=8"), -EINVAL);
	assert_has(h.err.text, "workers: \"8\": expected at most 7");
}

static void
test_cpu_0_and_its_core_are_never_isolated(void **state)
{
	(void)state;
	fake_cpus(&h.files, 1, 4, 2);
	for (unsigned int n = 1; n <= 3; n++) {
		char wish[32];

		snprintf(wish, sizeof(wish), "workers=%u", n);
		assert_int_equal(host_plan(wish), 0);
		assert_int_equal(h.p.n_workers, n);
		assert_int_equal(bf_cpuset_count(&h.p.isolate), 2 * n);
		assert_false(bf_cpuset_has(&h.p.isolate, 0));
		assert_false(bf_cpuset_has(&h.p.isolate, 4)); /* the other thread of its core */
	}
	assert_int_equal(host_plan("workers=4"), -EINVAL);
}

/* The main lcore's CPU, and those of guests, for workers on two cores. */
static void
test_no_guest_is_on_the_main_lcores_cpu(void **state)
{
	static const struct {
		unsigned int nodes, cores, threads, main_cpu;
		const char *guests;
		bool far;
	} hosts[] = {
		{1, 4, 2, 4, "3,7",
			false}, /* the other thread of CPU 0's core sleeps beside the kernel */
		{1, 5, 1, 3, "4", false},
		{1, 4, 1, 0, "3", false}, /* one CPU is left, and it is the guests' */
		{1, 3, 2, 3, "0", true},
		{1, 3, 1, 0, "", true},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		fake_close(&h.files);
		fake_open(&h.files);
		fake_cpus(&h.files, hosts[i].nodes, hosts[i].cores, hosts[i].threads);
		assert_int_equal(host_plan("workers=2"), 0);
		assert_int_equal(h.p.main_cpu, hosts[i].main_cpu);
		assert_string_equal(text_of(&h.p.guest_cpus), hosts[i].guests);
		assert_int_equal(h.p.guests_far, hosts[i].far);
	}
}

static void
test_a_host_with_one_cpu_isolates_none(void **state)
{
	(void)state;
	fake_file(&h.files, "/sys/devices/system/cpu/online", "0\n");
	assert_int_equal(host_plan(NULL), 0);
	assert_true(h.p.shares_cpu);
	assert_int_equal(h.p.n_workers, 1);
	assert_int_equal(bf_cpuset_count(&h.p.isolate), 0);
	assert_int_equal(h.p.main_cpu, 0);
	assert_int_equal(host_plan("workers=2"), -EINVAL);
	assert_has(h.err.text, "expected at most 1");
	/* One core with two threads: the worker is where the main lcore is. */
	fake_cpus(&h.files, 1, 1, 2);
	assert_int_equal(host_plan(NULL), 0);
	assert_true(h.p.shares_cpu);
	assert_int_equal(h.p.main_cpu, 1);
	assert_int_equal(h.p.workers[0], 1);
}

static void
test_a_host_without_cards_is_advised_for_two(void **state)
{
	(void)state;
	fake_cpus(&h.files, 2, 2, 1);
	assert_int_equal(host_plan("guests=10"), 0);
	assert_int_equal(h.p.n_cards, 0);
	assert_int_equal(h.p.workers[0], 1);
	assert_int_equal(h.p.frames, 1 * (2 * 2 * 1024 + 1536) + 2048);
	assert_true(h.p.memory[0].mib >= h.p.frames / 1024 * h.p.frame_bytes / 1024);
}

static void
test_what_is_busy_is_no_card_unless_it_is_asked_for(void **state)
{
	(void)state;
	fake_cpus(&h.files, 1, 4, 1);
	fake_card(&h.files, "0000:01:00.0", INTEL, "igb", "0\n", "1");
	fake_iface(&h.files, "0000:01:00.0", "", "eth0");
	fake_file(&h.files, "/proc/net/route", "eth0\t00000000\t0102A8C0\n");
	fake_card(&h.files, "0000:02:00.0", INTEL, "ice", "0\n", "2");
	fake_iface(&h.files, "0000:02:00.0", "", "eth1");
	fake_file(&h.files, "/sys/class/net/eth1/speed", "100000\n");
	assert_int_equal(host_plan(NULL), 0);
	assert_int_equal(h.p.n_cards, 1);
	assert_string_equal(h.p.cards[0]->name, "0000:02:00.0");
	assert_int_equal(h.p.ring_size, 4096);
	assert_int_equal(host_plan("member=0000:01:00.0"), 0);
	assert_string_equal(h.p.cards[0]->name, "0000:01:00.0");
	assert_int_equal(h.p.ring_size, 1024);
	assert_int_equal(host_plan("member=0000:07:00.0"), -EINVAL);
	assert_has(h.err.text, "0000:07:00.0");
}

static void
test_jumbo_frames_take_more_memory(void **state)
{
	uint32_t small;

	(void)state;
	fake_cpus(&h.files, 1, 4, 1);
	assert_int_equal(host_plan("mtu=1500"), 0);
	small = h.p.frame_bytes;
	assert_int_equal(host_plan("mtu=9000"), 0);
	assert_true(h.p.frame_bytes > 9000 && small < 3000);
}

static void
test_wishes_that_are_wrong_are_named(void **state)
{
	static const char *const bad[][2] = {{"workers=0", "workers: \"0\": expected 1 to 64"},
		{"guests=9999", "guests: \"9999\": expected 1 to 1023"},
		{"mtu=10", "mtu: \"10\": expected 68 to 9216"}, {"x=1", "\"x\": expected workers="},
		{"root=here", "root: \"here\": expected the absolute path"}};
	struct bf_advise_wish w;
	struct bf_err err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(bf_advise_wish_parse(&w, bad[i][0], &err), -EINVAL);
		assert_has(err.text, bad[i][1]);
	}
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_open, host_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_workers_are_on_the_node_of_the_cards_with_whole_cores),
		HOST_TEST(test_cards_on_both_nodes_share_the_workers),
		HOST_TEST(test_cpu_0_and_its_core_are_never_isolated),
		HOST_TEST(test_no_guest_is_on_the_main_lcores_cpu),
		HOST_TEST(test_a_host_with_one_cpu_isolates_none),
		HOST_TEST(test_a_host_without_cards_is_advised_for_two),
		HOST_TEST(test_what_is_busy_is_no_card_unless_it_is_asked_for),
		HOST_TEST(test_jumbo_frames_take_more_memory),
		cmocka_unit_test(test_wishes_that_are_wrong_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

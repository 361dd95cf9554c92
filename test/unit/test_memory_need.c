/* SPDX-License-Identifier: BSD-3-Clause */

/* How much memory a configuration needs, and how many workers the EAL's arguments name. */
#include <sched.h>
#include <stdlib.h>

#include "memory_need.h"
#include "unit.h"

static uint32_t
workers(const char *option, const char *value)
{
	const char *argv[] = {"bondfwd", "--no-pci", option, value};

	return bf_memory_workers(value != NULL ? 4 : 3, argv);
}

static void
test_workers_are_lcores_without_the_main_one(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(workers("-l", "0,1"), 1);
	assert_int_equal(workers("-l", "0-2,7"), 3);
	assert_int_equal(workers("-l0-4", NULL), 4);
	assert_int_equal(workers("--lcores", "0@(0,1),1@(0,1),2-3@4"), 3);
	assert_int_equal(workers("--lcores=(0,2)@(1-3),5", NULL), 2);
	assert_int_equal(workers("--lcores=0,1,2", NULL), 2);
	assert_int_equal(workers("-c", "0xf0f"), 7);
	assert_int_equal(workers("-cF", NULL), 3);
	/* Without them the EAL takes all CPUs that it may use. */
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	assert_int_equal(workers("--no-huge", NULL), CPU_COUNT(&set) > 2 ? CPU_COUNT(&set) - 1 : 1);
	/* What makes no sense is one. */
	assert_int_equal(workers("-l", ""), 1);
	assert_int_equal(workers("-l", NULL), 1);
	assert_int_equal(workers("--lcores", "(((,@"), 1);
}

static void
test_frames_of_bonds_and_of_guests_with_their_own_are_counted(void **state)
{
	struct bf_config *c = bf_config_new();
	uint32_t nothing, one, longer, guest;

	(void)state;
	nothing = bf_memory_need_mib(c, 1);
	c->n_bonds = 1;
	bf_bond_config_init(&c->bonds[0]);
	c->bonds[0].n_members = 2;
	bf_member_config_init(&c->bonds[0].members[0]);
	bf_member_config_init(&c->bonds[0].members[1]);
	one = bf_memory_need_mib(c, 1);
	assert_true(one > nothing + 10);
	assert_true(bf_memory_need_mib(c, 4) > one + 3 * 20);
	c->bonds[0].mtu = 9000;
	longer = bf_memory_need_mib(c, 1);
	assert_true(longer > one + 40);
	/* Frames of a guest lie in its bond's pool, unless they do not fit or it was given its own. */
	c->n_guests = 1;
	bf_guest_config_init(&c->guests[0]);
	c->guests[0].mtu = 1500;
	guest = bf_memory_need_mib(c, 1);
	assert_in_range(guest, longer, longer + 1);
	c->bonds[0].mtu = 1500;
	c->guests[0].mtu = 9000;
	assert_true(bf_memory_need_mib(c, 1) > one + 30);
	c->guests[0].mtu = 1500;
	c->guests[0].mbufs = 65536;
	assert_true(bf_memory_need_mib(c, 1) > one + 100);
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_are_lcores_without_the_main_one),
		cmocka_unit_test(test_frames_of_bonds_and_of_guests_with_their_own_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

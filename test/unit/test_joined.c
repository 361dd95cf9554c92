/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the multicast database to what workers look up: each group finds the ports of its members and of
 * routers, and what has no room floods.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_ip.h>
#include <rte_random.h>

#include "control/bridge.h"
#include "control/lan/igmp.h"
#include "control/workers/joined.h"
#include "dataplane/mcast.h"
#include "dataplane/verdict.h"
#include "rig.h"

#define GUESTS 64
#define NOW 1000000

static struct bf_bridge *br;
static struct bf_view *view;
static struct bf_guest *guests;
static void *room;

static int
set_up(void **state)
{
	(void)state;
	br = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*br));
	view = calloc(1, sizeof(*view));
	guests = calloc(GUESTS + 1, sizeof(*guests));
	if (br == NULL || view == NULL || guests == NULL)
		return 1;
	memset(br, 0, sizeof(*br));
	br->mcast.mdb = bf_mdb_create(NULL, NULL);
	br->up[0].bond.open = br->up[0].bond.cfg.mcast_snooping = true;
	for (uint16_t s = 1; s <= GUESTS; s++) {
		guests[s].cfg.vlan = BF_VLAN_ANY;
		br->guests[s] = &guests[s];
	}
	return br->mcast.mdb == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_mdb_destroy(br->mcast.mdb);
	free(room);
	room = NULL;
	free(guests);
	free(view);
	free(br);
	return 0;
}

/* IGMP of type `type` from a port, about 239.1.x.y or nobody. */
static void
hear(uint16_t port, uint8_t type, uint16_t vlan, uint16_t group)
{
	struct bf_report r = {.key = BF_FDB_KEY(vlan, 0x11), .port = port, .len = 28};
	uint8_t p[28] = {0x45, [3] = 28, [8] = 1, 2, [12] = 10, 0, 0, 1, 239, 1, [20] = type, 1};
	uint16_t sum;

	if (group != 0) {
		p[24] = 239;
		p[25] = 1;
		p[26] = (uint8_t)(group >> 8);
		p[27] = (uint8_t)group;
	}
	sum = (uint16_t)~rte_raw_cksum(p + 20, 8);
	memcpy(p + 22, &sum, 2);
	memcpy(r.bytes, p, sizeof(p));
	assert_int_not_equal(bf_mdb_hear(br->mcast.mdb, &r, true, NOW), BF_MDB_IGNORED);
}

static void
ask(uint16_t port, uint16_t vlan)
{
	hear(port, BF_IGMP_TYPE_QUERY, vlan, 0);
	bf_mdb_age(br->mcast.mdb, NOW + 1000);
}

static void
publish(void)
{
	struct bf_joined_plan *plan;

	assert_int_equal(bf_joined_plan(br, &plan), 0);
	assert_non_null(plan);
	free(room);
	room = calloc(1, bf_joined_size(plan));
	assert_non_null(room);
	bf_joined_fill(plan, view, room);
	bf_joined_free(plan);
}

static uint64_t
key_of(uint16_t vlan, uint16_t group)
{
	const uint8_t ip[16] = {239, 1, (uint8_t)(group >> 8), (uint8_t)group};

	return BF_FDB_KEY(vlan, bf_mdb_mac(ip, false));
}

/* NULL: it floods. */
static const struct bf_flood *
found(uint64_t key)
{
	const struct bf_mcast_slot *s = bf_mcast_find(view->mcast, key);

	return s == NULL ? NULL : bf_flood_of(view, bf_out_domain(s->out));
}

static void
test_a_group_finds_members_and_routers_each_once_and_in_their_vlan(void **state)
{
	const struct bf_flood *f;

	(void)state;
	ask(7, 10);
	ask(bf_bond_slot(0), 10);
	for (uint16_t s = 9; s >= 5; s -= 2)
		hear(s, BF_IGMP_TYPE_REPORT2, 10, 0x101);
	hear(3, BF_IGMP_TYPE_REPORT2, 11, 0x101); /* nobody asks there */
	publish();
	f = found(key_of(10, 0x101));
	assert_non_null(f);
	assert_true(f->bond && f->joined);
	assert_int_equal(f->n_guests, 3);
	assert_int_equal(f->guests[0], 5);
	assert_int_equal(f->guests[1], 7);
	assert_int_equal(f->guests[2], 9);
	assert_null(found(key_of(11, 0x101)));
	assert_null(found(key_of(10, 0x102)));
	f = found(bf_mcast_routers(BF_FDB_KEY(10, 0), false));
	assert_non_null(f);
	assert_true(f->bond && !f->joined && f->n_guests == 1);
	assert_null(found(bf_mcast_routers(BF_FDB_KEY(10, 0), true)));
}

static void
test_who_is_not_in_the_vlan_any_more_gets_nothing(void **state)
{
	(void)state;
	ask(bf_bond_slot(0), 10);
	hear(5, BF_IGMP_TYPE_REPORT2, 10, 0x101);
	hear(6, BF_IGMP_TYPE_REPORT2, 10, 0x101);
	guests[5].cfg.vlan = 20;
	br->guests[6] = NULL;
	publish();
	assert_null(found(key_of(10, 0x101)));
	guests[5].cfg.vlan = 10;
	publish();
	assert_int_equal(found(key_of(10, 0x101))->guests[0], 5);
	br->up[0].bond.cfg.mcast_snooping = false;
	assert_int_equal(bf_mcast_switches(br), 0);
}

static void
test_all_groups_that_there_is_room_for_are_found_and_the_others_flood(void **state)
{
	uint32_t n = 0, wrong = 0;

	(void)state;
	ask(bf_bond_slot(0), 10);
	for (uint16_t i = 0; i < BF_MDB_GUESTS; i++)
		hear((uint16_t)(1 + i / BF_MDB_PER_GUEST), BF_IGMP_TYPE_REPORT2, 10,
			(uint16_t)(0x100 + i));
	for (unsigned int draw = 1; draw <= 200; draw++) {
		rte_srand(draw); /* of the hash */
		publish();
		n = wrong = 0;
		for (uint16_t i = 0; i < BF_MDB_GUESTS; i++) {
			const struct bf_flood *f = found(key_of(10, (uint16_t)(0x100 + i)));

			n += f != NULL;
			wrong += f != NULL &&
				(f->n_guests != 1 || !f->bond ||
					f->guests[0] != 1 + i / BF_MDB_PER_GUEST);
		}
		assert_int_equal(wrong, 0);
		assert_true(n < BF_MCAST_DOMAINS);
		assert_true(n > BF_MCAST_DOMAINS * 99 / 100); /* some find no place in the hash */
	}
}

static void
test_a_lan_with_too_many_groups_is_in_all_of_them(void **state)
{
	(void)state;
	ask(3, 10);
	hear(5, BF_IGMP_TYPE_REPORT2, 10, 0x4001);
	for (uint16_t i = 0; i <= BF_MDB_PER_BOND; i++)
		hear(bf_bond_slot(0), BF_IGMP_TYPE_REPORT2, 10, (uint16_t)(0x100 + i));
	publish();
	assert_true(found(key_of(10, 0x4001))->bond);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_a_group_finds_members_and_routers_each_once_and_in_their_vlan),
		T(test_who_is_not_in_the_vlan_any_more_gets_nothing),
		T(test_all_groups_that_there_is_room_for_are_found_and_the_others_flood),
		T(test_a_lan_with_too_many_groups_is_in_all_of_them),
#undef T
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

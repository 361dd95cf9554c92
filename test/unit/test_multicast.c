/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The multicast database: when queriers count, when memberships end, and how much room a port has; and what
 * messages say.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_random.h>

#include "control/lan/igmp.h"
#include "control/lan/mdb.h"
#include "dataplane/fdb.h"
#include "dataplane/mcast.h"
#include "dataplane/sizes.h"
#include "rig.h"

#define LAN bf_bond_slot(0)
#define VLAN BF_FDB_KEY(10, 0)
#define S 1000ULL

static struct bf_mdb *m;
static unsigned int n_came, n_gone;

static void
note_querier(void *arg, const struct bf_mdb_querier *q, bool gone)
{
	(void)arg;
	assert_true(q->active);
	n_came += !gone;
	n_gone += gone;
}

static int
set_up(void **state)
{
	(void)state;
	n_came = n_gone = 0;
	m = bf_mdb_create(note_querier, NULL);
	return m == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_mdb_destroy(m);
	return 0;
}

/* IGMP from 10.0.0.`from` to 239.1.`to`, with its sum. */
static struct bf_report
igmp_of(uint16_t port, uint8_t from, const uint8_t *body, uint8_t len)
{
	struct bf_report r = {.key = VLAN | 0x11, .port = port, .len = (uint16_t)(20 + len)};
	uint8_t head[20] = {
		0x45, [3] = (uint8_t)(20 + len), [8] = 1, 2, [12] = 10, 0, 0, from, 239, 1};
	uint16_t sum;

	memcpy(r.bytes, head, sizeof(head));
	memcpy(r.bytes + 20, body, len);
	sum = (uint16_t)~rte_raw_cksum(r.bytes + 20, len);
	memcpy(r.bytes + 22, &sum, 2);
	return r;
}

static enum bf_mdb_heard
hear(const struct bf_report *r, uint64_t now_ms)
{
	return bf_mdb_hear(m, r, true, now_ms);
}

/* A query: general, or of 239.1.1.`last`. @p code tenths of a second */
static void
query(uint16_t port, uint8_t from, uint8_t code, uint8_t last, uint64_t now_ms)
{
	uint8_t body[8] = {0x11, code, 0, 0};
	struct bf_report r;

	if (last != 0) {
		body[4] = 239;
		body[5] = body[6] = 1;
		body[7] = last;
	}
	r = igmp_of(port, from, body, sizeof(body));
	assert_int_equal(hear(&r, now_ms), BF_MDB_TAKEN);
}

static enum bf_mdb_heard
say(uint16_t port, uint8_t type, uint16_t group, uint64_t now_ms)
{
	uint8_t body[8] = {type, 0, 0, 0, 239, 1, (uint8_t)(group >> 8), (uint8_t)group};
	struct bf_report r = igmp_of(port, 2, body, sizeof(body));

	return hear(&r, now_ms);
}

static void
join(uint16_t port, uint16_t group, uint64_t now_ms)
{
	assert_int_equal(say(port, BF_IGMP_TYPE_REPORT2, group, now_ms), BF_MDB_TAKEN);
}

static bool
is_active(void)
{
	const struct bf_mdb_querier *q = bf_mdb_querier(m, VLAN, false);

	return q != NULL && q->active;
}

static uint32_t
members(void)
{
	return bf_mdb_n_members(m, false) + bf_mdb_n_members(m, true);
}

static void
test_a_querier_counts_when_hosts_have_answered_and_for_255_s(void **state)
{
	(void)state;
	query(LAN, 1, 100, 0, 1000 * S);
	bf_mdb_age(m, 1010 * S - 1);
	assert_false(is_active());
	bf_mdb_take_changed(m);
	bf_mdb_age(m, 1010 * S);
	assert_true(is_active());
	assert_true(bf_mdb_take_changed(m));
	query(LAN, 1, 100, 0, 1125 * S);
	bf_mdb_age(m, (1125 + BF_MDB_QUERIER_S) * S);
	assert_true(is_active());
	assert_int_equal(bf_mdb_n_routers(m), 1);
	assert_false(bf_mdb_take_changed(m));
	bf_mdb_age(m, (1125 + BF_MDB_QUERIER_S) * S + 1);
	assert_null(bf_mdb_querier(m, VLAN, false));
	assert_int_equal(bf_mdb_n_routers(m), 0);
	assert_true(bf_mdb_take_changed(m));
	assert_int_equal(n_came, 1);
	assert_int_equal(n_gone, 1);
	query(LAN, 1, 0, 0, 1500 * S); /* IGMPv1: 10 s */
	bf_mdb_age(m, 1509 * S);
	assert_false(is_active());
	bf_mdb_age(m, 1510 * S);
	assert_true(is_active());
}

static void
test_a_vlan_has_a_querier_of_its_own(void **state)
{
	(void)state;
	query(LAN, 1, 1, 0, 1000 * S);
	assert_non_null(bf_mdb_querier(m, VLAN | 0x22, false));
	assert_null(bf_mdb_querier(m, VLAN, true));
	assert_null(bf_mdb_querier(m, BF_FDB_KEY(11, 0), false));
	assert_null(bf_mdb_querier(m, 0, false));
	assert_null(bf_mdb_querier(m, VLAN | BF_FDB_SERVICE, false));
	assert_null(bf_mdb_querier(m, VLAN | BF_FDB_BOND(1), false));
}

static void
test_the_lower_address_asks_on_and_every_one_has_a_router(void **state)
{
	(void)state;
	query(3, 5, 1, 0, 1000 * S);
	query(4, 9, 1, 0, 1100 * S);
	assert_int_equal(bf_mdb_querier(m, VLAN, false)->port, 3);
	query(5, 2, 1, 0, 1101 * S);
	assert_int_equal(bf_mdb_querier(m, VLAN, false)->port, 5);
	assert_int_equal(bf_mdb_n_routers(m), 3);
	bf_mdb_flush_port(m, 5);
	assert_null(bf_mdb_querier(m, VLAN, false));
	assert_int_equal(bf_mdb_n_routers(m), 2);
}

static void
test_what_may_not_route_asks_for_nothing(void **state)
{
	uint8_t body[8] = {BF_IGMP_TYPE_QUERY, 1};
	struct bf_report r = igmp_of(3, 1, body, sizeof(body));

	(void)state;
	assert_int_equal(bf_mdb_hear(m, &r, false, 1000 * S), BF_MDB_IGNORED);
	body[0] = BF_IGMP_TYPE_ROUTER;
	r = igmp_of(3, 1, body, sizeof(body));
	assert_int_equal(bf_mdb_hear(m, &r, false, 1000 * S), BF_MDB_IGNORED);
	assert_int_equal(bf_mdb_n_routers(m), 0);
	assert_int_equal(bf_mdb_hear(m, &r, true, 1000 * S), BF_MDB_TAKEN);
	assert_int_equal(bf_mdb_n_routers(m), 1);
	assert_null(bf_mdb_querier(m, VLAN, false));
}

static void
test_a_membership_lasts_260_s_after_its_last_report(void **state)
{
	(void)state;
	join(3, 0x101, 1000 * S);
	assert_true(bf_mdb_take_changed(m));
	join(3, 0x101, 1100 * S);
	assert_false(bf_mdb_take_changed(m));
	bf_mdb_age(m, (1100 + BF_MDB_MEMBER_S) * S);
	assert_int_equal(members(), 1);
	bf_mdb_age(m, (1101 + BF_MDB_MEMBER_S) * S);
	assert_int_equal(members(), 0);
	assert_true(bf_mdb_take_changed(m));
}

static void
test_who_leaves_has_two_seconds_to_say_otherwise(void **state)
{
	(void)state;
	join(3, 0x101, 1000 * S);
	join(4, 0x101, 1000 * S);
	say(3, BF_IGMP_TYPE_LEAVE, 0x101, 1010 * S);
	say(4, BF_IGMP_TYPE_LEAVE, 0x101, 1010 * S);
	say(4, BF_IGMP_TYPE_LEAVE, 0x101, 1011 * S); /* counts from the first one */
	join(3, 0x101, 1011 * S);
	bf_mdb_age(m, 1012 * S - 1);
	assert_int_equal(members(), 2);
	bf_mdb_age(m, 1012 * S);
	assert_int_equal(members(), 1);
	bf_mdb_age(m, 1200 * S);
	assert_int_equal(members(), 1);
	say(5, BF_IGMP_TYPE_LEAVE, 0x101, 1200 * S); /* of no member */
	bf_mdb_age(m, 1203 * S);
	assert_int_equal(members(), 1);
}

static void
test_a_query_of_a_group_ends_it_at_all_ports_that_stay_silent(void **state)
{
	(void)state;
	join(3, 0x101, 1000 * S);
	join(LAN, 0x101, 1000 * S);
	join(3, 0x102, 1000 * S);
	query(LAN, 1, 10, 1, 1010 * S);
	assert_null(
		bf_mdb_querier(m, VLAN, false)); /* that of one group is no querier's first word */
	join(3, 0x101, 1011 * S);
	bf_mdb_age(m, 1012 * S - 1);
	assert_int_equal(members(), 3);
	bf_mdb_age(m, 1012 * S);
	assert_int_equal(members(), 2);
	assert_int_equal(bf_mdb_n_members(m, true), 0);
}

static void
test_a_guest_at_its_limit_gives_up_its_oldest_and_no_others(void **state)
{
	(void)state;
	join(4, 0x101, 1000 * S);
	for (uint16_t i = 0; i < BF_MDB_PER_GUEST; i++)
		join(3, (uint16_t)(0x200 + i), 1000 * S);
	assert_int_equal(say(3, BF_IGMP_TYPE_REPORT2, 0x400, 1001 * S), BF_MDB_LIMIT);
	assert_int_equal(members(), BF_MDB_PER_GUEST + 1);
	assert_int_equal(say(3, BF_IGMP_TYPE_REPORT2, 0x400, 1001 * S), BF_MDB_TAKEN);
	bf_mdb_flush_port(m, 3);
	assert_int_equal(members(), 1);
}

static void
test_when_all_room_is_used_the_guest_with_most_gives_way_and_never_a_bond(void **state)
{
	uint16_t port = 10;

	(void)state;
	join(4, 0x101, 1000 * S);
	for (uint16_t i = 0; i < 300; i++)
		join(LAN, (uint16_t)(0x200 + i), 1000 * S);
	for (; bf_mdb_n_members(m, false) < BF_MDB_GUESTS; port++)
		for (uint16_t i = 0;
			i < BF_MDB_PER_GUEST && bf_mdb_n_members(m, false) < BF_MDB_GUESTS; i++)
			join(port, (uint16_t)(0x200 + i), 1001 * S);
	assert_int_equal(say(5, BF_IGMP_TYPE_REPORT2, 0x101, 1002 * S), BF_MDB_FULL);
	assert_int_equal(bf_mdb_n_members(m, false), BF_MDB_GUESTS);
	assert_int_equal(bf_mdb_n_members(m, true), 300);
	bf_mdb_flush_port(m, 4);
	bf_mdb_flush_port(m, 5);
	assert_int_equal(bf_mdb_n_members(m, false), BF_MDB_GUESTS - 2);
}

static void
test_a_lan_with_too_many_groups_gets_all_of_them_for_a_while(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < BF_MDB_PER_BOND; i++)
		join(LAN, (uint16_t)(0x200 + i), 1000 * S);
	assert_false(bf_mdb_lan_wants_all(m, 0));
	bf_mdb_take_changed(m);
	assert_int_equal(say(LAN, BF_IGMP_TYPE_REPORT2, 0x101, 1001 * S), BF_MDB_LIMIT);
	assert_true(bf_mdb_lan_wants_all(m, 0));
	assert_true(bf_mdb_take_changed(m));
	bf_mdb_age(m, (1001 + BF_MDB_MEMBER_S) * S);
	assert_false(bf_mdb_lan_wants_all(m, 0));
}

static void
test_what_a_switch_knew_is_forgotten_with_it_alone(void **state)
{
	struct bf_report r;
	uint8_t body[8] = {BF_IGMP_TYPE_REPORT2, 0, 0, 0, 239, 1, 1, 1};

	(void)state;
	join(3, 0x101, 1000 * S);
	query(LAN, 1, 1, 0, 1000 * S);
	r = igmp_of(4, 2, body, sizeof(body));
	r.key |= BF_FDB_BOND(1);
	assert_int_equal(hear(&r, 1000 * S), BF_MDB_TAKEN);
	bf_mdb_flush_bond(m, 0);
	assert_int_equal(members(), 1);
	assert_null(bf_mdb_querier(m, VLAN, false));
	assert_int_equal(bf_mdb_n_routers(m), 0);
	bf_mdb_flush_bond(m, 1);
	assert_int_equal(members(), 0);
}

static void
test_there_is_room_for_so_many_queriers_and_no_more(void **state)
{
	uint8_t body[8] = {BF_IGMP_TYPE_QUERY, 1};
	struct bf_report r = igmp_of(3, 1, body, sizeof(body));

	(void)state;
	for (uint64_t i = 0; i < 4096; i++) {
		uint64_t vlan = i * 1237 % 4096; /* not in their order */

		r.key = BF_FDB_KEY(vlan, 0x11);
		hear(&r, 1000 * S);
		assert_int_equal(bf_mdb_querier(m, r.key, false) != NULL, i < BF_MDB_VLANS);
	}
	assert_int_equal(bf_mdb_n_routers(m), BF_MDB_VLANS);
}

static void
test_times_of_queries_are_read_as_each_version_writes_them(void **state)
{
	static const struct {
		uint8_t code, len;
		uint32_t version, answer_ms;
	} cases[] = {{0, 8, 1, 10000}, {1, 8, 2, 100}, {255, 8, 2, 25500}, {127, 12, 3, 12700},
		{128, 12, 3, 12800}, {255, 12, 3, 31744 * 100}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint8_t body[12] = {BF_IGMP_TYPE_QUERY, cases[i].code};
		struct bf_report r = igmp_of(3, 1, body, cases[i].len);
		struct bf_igmp said;

		assert_int_equal(bf_igmp_read(&r, &said), BF_IGMP_QUERY);
		assert_int_equal(said.version, cases[i].version);
		assert_int_equal(said.answer_ms, cases[i].answer_ms);
		assert_false(said.quiet);
		assert_true(bf_igmp_is_sound(&r, &said));
	}
}

static void
test_a_query_that_says_so_or_asks_for_sources_ends_nothing(void **state)
{
	(void)state;
	for (int source = 0; source < 2; source++) {
		uint8_t body[16] = {BF_IGMP_TYPE_QUERY, 10, 0, 0, 239, 1, 1, 1};
		struct bf_report r;

		body[source ? 11 : 8] = source ? 1 : 8;
		join(3, 0x101, 1000 * S);
		r = igmp_of(LAN, 1, body, source ? 16 : 12);
		assert_int_equal(hear(&r, 1001 * S), BF_MDB_TAKEN);
		bf_mdb_age(m, 1100 * S);
		assert_int_equal(members(), 1);
	}
}

static void
test_bytes_that_are_no_message_are_none(void **state)
{
	static struct bf_report r;

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		uint64_t bits = rte_rand();

		r.port = (uint16_t)(1 + bits % 3);
		r.len = (uint16_t)(bits >> 8 & 0x7ff);
		for (unsigned int i = 0; i < 200; i++)
			r.bytes[i] = (uint8_t)(rte_rand() & (i == 6 || i == 46 ? 0x3f : 0xff));
		r.bytes[0] = bits & 1 << 20 ? 0x60 : (uint8_t)(0x40 | (r.bytes[0] & 0xf));
		hear(&r, 1000 * S + round);
	}
	assert_true(members() <= 3 * BF_MDB_PER_GUEST);
}

static void
test_an_address_of_a_group_is_that_of_its_frames(void **state)
{
	static const uint8_t v4[16] = {239, 138, 10, 11}, v6[16] = {0xff, 2, [12] = 1, 2, 3, 4};

	(void)state;
	assert_true(bf_mdb_mac(v4, false) == 0x0b0a0a5e0001);
	assert_true(bf_mdb_mac(v6, true) == 0x040302013333);
	assert_true(bf_mcast_routers(VLAN | bf_mdb_mac(v4, false), false) !=
		bf_mcast_routers(VLAN | bf_mdb_mac(v4, false), true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_a_querier_counts_when_hosts_have_answered_and_for_255_s),
		T(test_a_vlan_has_a_querier_of_its_own),
		T(test_the_lower_address_asks_on_and_every_one_has_a_router),
		T(test_what_may_not_route_asks_for_nothing),
		T(test_a_membership_lasts_260_s_after_its_last_report),
		T(test_who_leaves_has_two_seconds_to_say_otherwise),
		T(test_a_query_of_a_group_ends_it_at_all_ports_that_stay_silent),
		T(test_a_guest_at_its_limit_gives_up_its_oldest_and_no_others),
		T(test_when_all_room_is_used_the_guest_with_most_gives_way_and_never_a_bond),
		T(test_a_lan_with_too_many_groups_gets_all_of_them_for_a_while),
		T(test_what_a_switch_knew_is_forgotten_with_it_alone),
		T(test_there_is_room_for_so_many_queriers_and_no_more),
		T(test_times_of_queries_are_read_as_each_version_writes_them),
		T(test_a_query_that_says_so_or_asks_for_sources_ends_nothing),
		T(test_bytes_that_are_no_message_are_none),
		T(test_an_address_of_a_group_is_that_of_its_frames),
#undef T
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

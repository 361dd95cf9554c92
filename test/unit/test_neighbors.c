/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What guests' stations say of themselves: addresses that leave when they are not true any more,
 * and the groups that were joined.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_random.h>

#include "control/lan/groups.h"
#include "control/lan/neighbors.h"
#include "dataplane/fdb.h"
#include "dataplane/held.h"
#include "rig.h"

static struct bf_neighbors *n;
static struct bf_groups *g;
static struct bf_held held;

static int
set_up(void **state)
{
	(void)state;
	memset(&held, 0, sizeof(held));
	n = bf_neighbors_create(&held);
	g = bf_groups_create();
	return n == NULL || g == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	bf_neighbors_destroy(n);
	bf_groups_destroy(g);
	return 0;
}

static struct bf_neighbor
address(uint16_t port, uint64_t key, uint32_t ip)
{
	struct bf_neighbor nb = {.key = key, .port = port};

	memcpy(nb.addr, &ip, 4);
	return nb;
}

static struct bf_neighbor
address6(uint16_t port, uint64_t key, uint8_t first, uint8_t last)
{
	struct bf_neighbor nb = {.key = key, .port = port, .v6 = 1};

	nb.addr[0] = first;
	nb.addr[1] = first == 0xfe ? 0x80 : 0;
	nb.addr[15] = last;
	return nb;
}

static void
note(uint16_t port, uint64_t key, uint32_t ip, uint32_t now_s)
{
	struct bf_neighbor nb = address(port, key, ip);

	assert_true(bf_neighbors_note(n, &nb, now_s));
}

static bool
has(uint16_t port, uint64_t key, uint32_t ip)
{
	struct bf_neighbor nb = address(port, key, ip);

	return bf_neighbors_has(n, &nb);
}

static bool
is_held(uint32_t ip, uint16_t vlan)
{
	return bf_held_has(&held, (const uint8_t *)&ip, false, vlan);
}

static void
test_an_address_that_another_station_uses_leaves_its_guest(void **state)
{
	struct bf_neighbor lan = address(0, 0x99, 1), tagged = address(0, BF_FDB_KEY(5, 0x99), 1);

	(void)state;
	note(1, 0x11, 1, 10);
	bf_neighbors_elsewhere(n, &tagged); /* another VLAN is another network */
	assert_true(has(1, 0x11, 1));
	assert_true(is_held(1, 0));
	bf_neighbors_elsewhere(n, &lan);
	assert_false(has(1, 0x11, 1));
	assert_false(is_held(1, 0));
	note(1, BF_FDB_KEY(5, 0x11), 1, 10);
	bf_neighbors_elsewhere(n, &tagged);
	assert_false(has(1, BF_FDB_KEY(5, 0x11), 1));
	note(1, 0x11, 1, 10);
	note(2, 0x22, 1, 11); /* another guest's */
	assert_false(has(1, 0x11, 1));
	assert_true(has(2, 0x22, 1));
}

static void
test_an_ipv6_address_that_another_station_uses_leaves_its_guest(void **state)
{
	struct bf_neighbor mine = address6(1, 0x11, 0xfd, 1), lan = address6(0, 0x99, 0xfd, 1);

	(void)state;
	assert_true(bf_neighbors_note(n, &mine, 10));
	bf_neighbors_elsewhere(n, &lan);
	assert_false(bf_neighbors_has(n, &mine));
}

static void
test_a_stations_own_word_on_the_bond_takes_nothing_from_it(void **state)
{
	struct bf_neighbor echo = address(0, 0x11, 1);

	(void)state;
	note(1, 0x11, 1, 10);
	bf_neighbors_elsewhere(n, &echo);
	assert_true(has(1, 0x11, 1));
}

static void
test_addresses_age_and_go_with_their_port_or_station(void **state)
{
	(void)state;
	note(1, 0x13, 1, 10);
	note(1, 0x11, 2, 200);
	note(1, 0x12, 3, 200);
	note(2, 0x22, 4, 200);
	bf_neighbors_age(n, 310, 300);
	assert_true(has(1, 0x13, 1));
	bf_neighbors_age(n, 311, 300);
	assert_false(has(1, 0x13, 1));
	assert_true(has(1, 0x11, 2));
	bf_neighbors_flush_station(n, 0x11, 1);
	assert_false(has(1, 0x11, 2));
	assert_true(has(1, 0x12, 3));
	bf_neighbors_flush_port(n, 1);
	assert_false(has(1, 0x12, 3));
	assert_true(has(2, 0x22, 4));
	for (uint32_t ip = 1; ip < 5; ip++)
		assert_int_equal(is_held(ip, 0), ip == 4);
}

static void
test_a_renumbered_guest_loses_its_old_address(void **state)
{
	(void)state;
	note(1, 0x11, 1, 10);
	note(1, 0x12, 2, 10); /* another station of the guest */
	note(1, 0x11, 3, 10 + BF_NEIGHBORS_RENUMBER_S); /* a second address, used beside it */
	assert_true(has(1, 0x11, 1));
	note(1, 0x11, 3, 100);
	note(1, 0x11, 4, 100);
	assert_false(has(1, 0x11, 1));
	assert_true(has(1, 0x11, 3) && has(1, 0x11, 4) && has(1, 0x12, 2));
}

static void
test_a_new_address_does_not_end_the_link_local_one(void **state)
{
	struct bf_neighbor local = address6(1, 0x11, 0xfe, 1), old = address6(1, 0x11, 0xfd, 1),
			   new = address6(1, 0x11, 0xfd, 2);

	(void)state;
	bf_neighbors_note(n, &local, 10);
	bf_neighbors_note(n, &old, 10);
	bf_neighbors_note(n, &new, 100);
	assert_true(bf_neighbors_has(n, &local) && bf_neighbors_has(n, &new));
	assert_false(bf_neighbors_has(n, &old));
}

static void
count(void *arg, const struct bf_neighbor *nb)
{
	(void)nb;
	(*(unsigned int *)arg)++;
}

static void
test_the_oldest_address_of_a_guest_makes_room_and_no_other_guests(void **state)
{
	unsigned int all = 0;

	(void)state;
	note(2, 0x22, 1u << 20, 5);
	for (uint32_t i = 0; i < BF_NEIGHBORS_PER_PORT + 100; i++)
		note(1, 0x11, i + 1, 10);
	assert_false(has(1, 0x11, 100));
	assert_true(has(1, 0x11, 101));
	assert_true(has(1, 0x11, BF_NEIGHBORS_PER_PORT + 100));
	assert_true(has(2, 0x22, 1u << 20));
	note(1, 0x11, 101, 11); /* heard again: the youngest */
	note(1, 0x11, 1u << 21, 11);
	assert_true(has(1, 0x11, 101));
	for (uint16_t port = 3; port < 3 + BF_NEIGHBORS_MAX / 512; port++)
		for (uint32_t i = 0; i < 512; i++)
			note(port, 0x100u + port, (uint32_t)port << 24 | i, 12);
	assert_true(has(2, 0x22, 1u << 20)); /* who has most gives */
	bf_neighbors_visit(n, count, &all);
	assert_int_equal(all, BF_NEIGHBORS_MAX);
}

static void
test_a_station_is_a_router_as_it_last_said(void **state)
{
	struct bf_neighbor nb = address6(1, 0x11, 0xfe, 1);

	(void)state;
	assert_int_equal(bf_neighbors_router(n, 0x11, 1), BF_ROUTER_UNKNOWN);
	bf_neighbors_note_router(n, 0x11, 1, true, 10);
	assert_int_equal(bf_neighbors_router(n, 0x11, 1), BF_ROUTER_YES);
	assert_int_equal(bf_neighbors_router(n, 0x11, 2), BF_ROUTER_UNKNOWN);
	assert_int_equal(bf_neighbors_router(n, BF_FDB_KEY(5, 0x11), 1), BF_ROUTER_UNKNOWN);
	bf_neighbors_note_router(n, 0x11, 1, false, 11);
	assert_int_equal(bf_neighbors_router(n, 0x11, 1), BF_ROUTER_NO);
	bf_neighbors_note(n, &nb, 300); /* as long as its addresses are heard */
	bf_neighbors_age(n, 500, 300);
	assert_int_equal(bf_neighbors_router(n, 0x11, 1), BF_ROUTER_NO);
	bf_neighbors_age(n, 601, 300);
	assert_int_equal(bf_neighbors_router(n, 0x11, 1), BF_ROUTER_UNKNOWN);
}

/* ---- groups ---- */

static void
hear(uint16_t port, const uint8_t *bytes, uint16_t len, uint32_t now_s)
{
	struct bf_report r = {.key = 0x11, .port = port, .len = len};

	memcpy(r.bytes, bytes, RTE_MIN(len, BF_REPORT_BYTES));
	bf_groups_hear(g, &r, now_s);
}

/* IGMP behind a plain header; version 1 or 2 with one group. */
static void
igmp(uint8_t type, uint8_t last, uint32_t now_s)
{
	uint8_t p[28] = {0x45, [9] = 2, [12] = 10, 0, 0, 1, [20] = type, [24] = 239, 1, 1, last};

	hear(1, p, sizeof(p), now_s);
}

/* IGMPv3 with one record of up to 6 sources. */
static void
igmp3(uint8_t record, uint8_t last, uint8_t n_src, uint8_t first_src)
{
	uint8_t p[64] = {0x46, [9] = 2, [12] = 10, 0, 0,
		1, [24] = 0x22, [31] = 1, [32] = record, [35] = n_src, [36] = 232, 1, 1, last};

	for (uint8_t i = 0; i < n_src; i++)
		p[40 + 4 * i + 3] = (uint8_t)(first_src + i);
	hear(1, p, (uint16_t)(40 + 4 * n_src), 10);
}

static const struct bf_group *
group(uint8_t first, uint8_t last)
{
	struct bf_group want = {.key = 0x11, .port = 1, .group = {first, 1, 1, last}};

	return bf_groups_find(g, &want);
}

static void
test_igmp_joins_and_leaves_are_kept(void **state)
{
	(void)state;
	igmp(0x16, 5, 10);
	igmp(0x12, 6, 10);
	assert_int_equal(group(239, 5)->version, 2);
	assert_int_equal(group(239, 6)->version, 1);
	igmp(0x17, 5, 11);
	assert_null(group(239, 5));
	bf_groups_age(g, 10 + BF_GROUPS_AGE_S);
	assert_non_null(group(239, 6));
	bf_groups_age(g, 11 + BF_GROUPS_AGE_S);
	assert_null(group(239, 6));
	igmp(0x16, 5, 10);
	bf_groups_flush_port(g, 1);
	assert_null(group(239, 5));
}

static void
test_igmp3_records_are_kept_with_their_sources(void **state)
{
	(void)state;
	igmp3(4, 1, 0, 0); /* to EXCLUDE nobody: from all */
	assert_false(group(232, 1)->only_sources);
	igmp3(6, 1, 2, 1);
	assert_non_null(group(232, 1));
	igmp3(3, 1, 0, 0); /* to INCLUDE nobody: left */
	assert_null(group(232, 1));
	igmp3(5, 2, 2, 1);
	assert_true(group(232, 2)->only_sources);
	assert_int_equal(group(232, 2)->n_sources, 2);
	igmp3(5, 2, 6, 2);
	assert_int_equal(group(232, 2)->n_sources, BF_GROUP_SOURCES);
	igmp3(6, 2, 6, 1);
	assert_null(group(232, 2));
}

static void
test_bytes_that_are_no_report_are_no_group(void **state)
{
	uint8_t p[BF_REPORT_BYTES];

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		for (unsigned int i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)(rte_rand() & (i == 6 ? 0x3f : 0xff));
		p[0] = round & 1 ? 0x60 : (uint8_t)(0x40 | (p[0] & 0xf));
		p[48] = round & 2 ? 143 : 131;
		p[20] = 0x22;
		hear(1, p, (uint16_t)(round % (BF_REPORT_BYTES + 20)), 10);
	}
	bf_groups_flush_port(g, 1);
	igmp(0x16, 0, 10);
	assert_non_null(group(239, 0));
}

static void
test_what_no_switch_keeps_a_list_of_is_left_out(void **state)
{
	uint8_t p[28] = {0x45, [9] = 2, [20] = 0x16, [24] = 224, 0, 0, 251};
	struct bf_group want = {.key = 0x11, .port = 1, .group = {224, 0, 0, 251}};

	(void)state;
	hear(1, p, sizeof(p), 10);
	assert_null(bf_groups_find(g, &want));
}

static uint8_t frame[BF_GROUP_FRAME_MAX];

/* What we write is read as what it says. */
static uint32_t
written(const struct bf_group *m)
{
	uint32_t len;

	memset(frame, 0, sizeof(frame));
	len = bf_group_report(m, frame);
	bf_groups_flush_port(g, 1);
	hear(1, frame, (uint16_t)len, 10);
	assert_memory_equal(bf_groups_find(g, m), m, sizeof(*m));
	return len;
}

static void
test_igmp_reports_are_written_as_they_were_heard(void **state)
{
	uint8_t mac[6];

	(void)state;
	for (uint8_t version = 1; version <= 3; version++) {
		struct bf_group m = {.key = 0x11,
			.port = 1,
			.version = version,
			.group = {239, 0x81, 2, 3},
			.reporter = {10, 0, 0, 1}};
		uint32_t len = written(&m);

		assert_int_equal(rte_raw_cksum(frame, 24), 0xffff);
		assert_int_equal(rte_raw_cksum(frame + 24, len - 24), 0xffff);
		assert_int_equal(frame[2] << 8 | frame[3], len);
		bf_group_mac(&m, mac);
		assert_int_equal(mac[3], version == 3 ? 0 : 1);
		assert_int_equal(mac[5], version == 3 ? 22 : 3);
	}
}

static void
test_mld_reports_are_written_as_they_were_heard(void **state)
{
	uint8_t mac[6];

	(void)state;
	for (uint8_t version = 1; version <= 2; version++) {
		struct bf_group m = {.key = 0x11,
			.port = 1,
			.v6 = true,
			.version = version,
			.group = {0xff, 5, [15] = 9},
			.reporter = {0xfe, 0x80, [15] = 1}};
		struct rte_ipv6_hdr pseudo = {.proto = 58};
		uint32_t len;

		m.only_sources = version == 2;
		m.n_sources = version == 2 ? 2 : 0;
		m.sources[0][0] = 0xfd;
		m.sources[1][0] = 0xfc;
		if (version == 1)
			memset(m.sources, 0, sizeof(m.sources));
		len = written(&m);
		memcpy(&pseudo.src_addr, frame + 8, 16);
		memcpy(&pseudo.dst_addr, frame + 24, 16);
		pseudo.payload_len = rte_cpu_to_be_16((uint16_t)(len - 48));
		assert_int_equal(rte_ipv6_udptcp_cksum_verify(&pseudo, frame + 48), 0);
		bf_group_mac(&m, mac);
		assert_int_equal(mac[5], version == 1 ? 9 : 0x16);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_an_address_that_another_station_uses_leaves_its_guest),
		T(test_an_ipv6_address_that_another_station_uses_leaves_its_guest),
		T(test_a_stations_own_word_on_the_bond_takes_nothing_from_it),
		T(test_addresses_age_and_go_with_their_port_or_station),
		T(test_a_renumbered_guest_loses_its_old_address),
		T(test_a_new_address_does_not_end_the_link_local_one),
		T(test_the_oldest_address_of_a_guest_makes_room_and_no_other_guests),
		T(test_a_station_is_a_router_as_it_last_said),
		T(test_igmp_joins_and_leaves_are_kept),
		T(test_igmp3_records_are_kept_with_their_sources),
		T(test_bytes_that_are_no_report_are_no_group),
		T(test_what_no_switch_keeps_a_list_of_is_left_out),
		T(test_igmp_reports_are_written_as_they_were_heard),
		T(test_mld_reports_are_written_as_they_were_heard),
#undef T
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

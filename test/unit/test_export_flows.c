/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a sampled frame says of its flow, at every length; and when flows are reported.
 *
 * Threads: one.
 */
#include "unit.h"

#include "frame_bytes.h"

#include "control/export/flows.h"

static struct frame
tcp_in_vlan(void)
{
	static const uint8_t ethernet[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0xa0, 7, 8, 0};
	static const uint8_t ip[] = {
		0x45, 0x28, 0, 44, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	static const uint8_t tcp[] = {3, 0xe8, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x12, 0, 0, 0,
		0, 0, 0, 'd', 'a', 't', 'a'};
	struct frame f = {.len = 0};

	add(&f, ethernet, sizeof(ethernet));
	add(&f, ip, sizeof(ip));
	add(&f, tcp, sizeof(tcp));
	return f;
}

static void
test_a_frame_tells_its_vlan_addresses_ports_and_flags(void **state)
{
	struct frame f = tcp_in_vlan();
	struct bf_export_packet p;

	(void)state;
	bf_export_packet_read(f.data, f.len, f.len, &p);
	assert_int_equal(p.key.vlan, 7);
	assert_int_equal(p.pcp, 5);
	assert_false(p.is_service_vlan);
	assert_int_equal(p.key.type, 0x800);
	assert_int_equal(p.key.version, 4);
	assert_int_equal(p.key.tos, 0x28);
	assert_memory_equal(p.key.saddr, "\x0a\0\0\x01", 4);
	assert_memory_equal(p.key.daddr, "\x0a\0\0\x02", 4);
	assert_int_equal(p.key.proto, 6);
	assert_int_equal(p.key.sport, 1000);
	assert_int_equal(p.key.dport, 80);
	assert_int_equal(p.tcp_flags, 0x12);
	assert_int_equal(p.octets, 44);
}

/* A frame of 60 bytes has an end that is not of its packet; a superframe is longer than its head says. */
static void
test_octets_are_those_of_the_packet(void **state)
{
	struct frame f = tcp_in_vlan();
	struct bf_export_packet p;

	(void)state;
	bf_export_packet_read(f.data, f.len, f.len + 20u, &p);
	assert_int_equal(p.octets, 44);
	f.data[18 + 2] = f.data[18 + 3] = 0;
	bf_export_packet_read(f.data, f.len, 60018, &p);
	assert_int_equal(p.octets, 60000);
}

static void
test_every_length_is_read_without_looking_behind_it(void **state)
{
	struct frame f = tcp_in_vlan();
	struct bf_export_packet p;

	(void)state;
	for (uint32_t len = 14; len <= f.len; len++) {
		uint8_t *exact = malloc(len);

		assert_non_null(exact);
		memcpy(exact, f.data, len);
		bf_export_packet_read(exact, len, len, &p);
		assert_int_equal(p.key.vlan, len >= 18 ? 7 : 0);
		assert_int_equal(p.key.version, len >= 38 ? 4 : 0);
		assert_int_equal(p.key.dport, len >= 42 ? 80 : 0);
		assert_int_equal(p.tcp_flags, len >= 52 ? 0x12 : 0);
		free(exact);
	}
}

#define REPORTS 64

struct reports {
	unsigned int n;
	struct {
		uint16_t sport;
		uint64_t packets, octets, first_ms, last_ms;
		uint8_t flags;
		enum bf_flow_end why;
	} at[REPORTS];
};

static void
on_report(void *arg, const struct bf_export_flow *flow, enum bf_flow_end why)
{
	struct reports *r = arg;

	assert_true(r->n < REPORTS);
	r->at[r->n].sport = flow->key.sport;
	r->at[r->n].packets = flow->packets;
	r->at[r->n].octets = flow->octets;
	r->at[r->n].first_ms = flow->first_ms;
	r->at[r->n].last_ms = flow->last_ms;
	r->at[r->n].flags = flow->tcp_flags;
	r->at[r->n++].why = why;
}

static void
count_one(struct bf_export_flows *f, uint16_t sport, uint64_t when_ms)
{
	struct bf_export_packet p = {.octets = 100, .tcp_flags = (uint8_t)(1u << when_ms % 8)};

	p.key.sport = sport;
	bf_export_flows_count(f, &p, 1, 2, when_ms);
}

static void
test_a_flow_that_is_silent_is_reported_once(void **state)
{
	struct reports r = {0};
	struct bf_export_flows *f = bf_export_flows_new(8, 1, 60, 15, on_report, &r);

	(void)state;
	count_one(f, 1, 100001);
	count_one(f, 1, 100003);
	count_one(f, 1, 100002); /* of another worker, read later */
	bf_export_flows_expire(f, 115002);
	assert_int_equal(r.n, 0);
	bf_export_flows_expire(f, 115003);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.at[0].why, BF_FLOW_IDLE);
	assert_int_equal(r.at[0].packets, 3);
	assert_int_equal(r.at[0].octets, 300);
	assert_int_equal(r.at[0].first_ms, 100001);
	assert_int_equal(r.at[0].last_ms, 100003);
	assert_int_equal(r.at[0].flags, 0x0e);
	assert_int_equal(bf_export_flows_n(f), 0);
	bf_export_flows_end(f);
	assert_int_equal(r.n, 1);
	bf_export_flows_free(f);
}

static void
test_a_flow_that_goes_on_is_reported_in_between_and_nothing_counts_twice(void **state)
{
	struct reports r = {0};
	struct bf_export_flows *f = bf_export_flows_new(8, 1, 2, 15, on_report, &r);
	uint64_t sum = 0;

	(void)state;
	for (uint64_t ms = 1000; ms < 10000; ms += 100) {
		count_one(f, 1, ms);
		bf_export_flows_expire(f, ms + 50);
	}
	assert_int_equal(r.n, 4);
	bf_export_flows_expire(f, 30000);
	assert_int_equal(r.n, 5);
	for (unsigned int i = 0; i < r.n; i++) {
		assert_int_equal(r.at[i].why, i < 4 ? BF_FLOW_ACTIVE : BF_FLOW_IDLE);
		assert_true(r.at[i].last_ms - r.at[i].first_ms <= 2000);
		sum += r.at[i].packets;
	}
	assert_int_equal(sum, 90);
	bf_export_flows_free(f);
}

static void
test_a_flow_without_samples_since_its_last_report_ends_unreported(void **state)
{
	struct reports r = {0};
	struct bf_export_flows *f = bf_export_flows_new(8, 1, 1, 15, on_report, &r);

	(void)state;
	count_one(f, 1, 1000);
	bf_export_flows_expire(f, 2000);
	assert_int_equal(r.n, 1);
	assert_int_equal(bf_export_flows_n(f), 1);
	bf_export_flows_expire(f, 16000);
	assert_int_equal(r.n, 1);
	assert_int_equal(bf_export_flows_n(f), 0);
	bf_export_flows_free(f);
}

static void
test_the_one_that_was_silent_longest_gives_way(void **state)
{
	struct reports r = {0};
	struct bf_export_flows *f = bf_export_flows_new(3, 1, 60, 15, on_report, &r);

	(void)state;
	for (uint16_t sport = 1; sport <= 3; sport++)
		count_one(f, sport, sport);
	count_one(f, 1, 4);
	count_one(f, 9, 5);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.at[0].sport, 2);
	assert_int_equal(r.at[0].why, BF_FLOW_NO_ROOM);
	assert_int_equal(bf_export_flows_n(f), 3);
	bf_export_flows_end(f);
	assert_int_equal(r.n, 4);
	assert_int_equal(r.at[1].sport, 3); /* the oldest first */
	assert_int_equal(r.at[2].sport, 1);
	assert_int_equal(r.at[2].packets, 2);
	assert_int_equal(r.at[3].why, BF_FLOW_FORCED);
	bf_export_flows_free(f);
}

static void
count_report(void *arg, const struct bf_export_flow *flow, enum bf_flow_end why)
{
	uint64_t *sum = arg;

	(void)why;
	*sum += flow->packets;
}

static void
test_thousands_of_flows_come_and_go_and_every_sample_is_reported_once(void **state)
{
	uint64_t sum = 0, seed = 7, sent = 0;
	struct bf_export_flows *f = bf_export_flows_new(100, 99, 3, 1, count_report, &sum);

	(void)state;
	for (uint64_t ms = 0; ms < 20000; ms++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		count_one(f, (uint16_t)(seed >> 56), 1000 + ms);
		sent++;
		if (ms % 500 == 0)
			bf_export_flows_expire(f, 1000 + ms);
		assert_true(bf_export_flows_n(f) <= 100);
	}
	bf_export_flows_end(f);
	assert_int_equal(sum, sent);
	assert_int_equal(bf_export_flows_n(f), 0);
	bf_export_flows_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_frame_tells_its_vlan_addresses_ports_and_flags),
		cmocka_unit_test(test_octets_are_those_of_the_packet),
		cmocka_unit_test(test_every_length_is_read_without_looking_behind_it),
		cmocka_unit_test(test_a_flow_that_is_silent_is_reported_once),
		cmocka_unit_test(
			test_a_flow_that_goes_on_is_reported_in_between_and_nothing_counts_twice),
		cmocka_unit_test(test_a_flow_without_samples_since_its_last_report_ends_unreported),
		cmocka_unit_test(test_the_one_that_was_silent_longest_gives_way),
		cmocka_unit_test(
			test_thousands_of_flows_come_and_go_and_every_sample_is_reported_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

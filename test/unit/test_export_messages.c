/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Datagrams of sFlow and messages of IPFIX byte by byte; addresses of collectors; a socket that is full.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "control/export/collector.h"
#include "control/export/ipfix.h"
#include "control/export/sflow.h"

#define MESSAGES 400

struct sent {
	unsigned int n;
	size_t len[MESSAGES];
	uint8_t data[MESSAGES][BF_EXPORT_DATAGRAM];
};

static void
keep(void *arg, const uint8_t *data, size_t len)
{
	struct sent *s = arg;

	assert_true(s->n < MESSAGES && len <= BF_EXPORT_DATAGRAM);
	memcpy(s->data[s->n], data, len);
	s->len[s->n++] = len;
}

static void
assert_words(const uint8_t *at, const uint32_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bf_be32(at + 4 * i) != words[i])
			fail_msg("word %zu is %u, expected %u", i, bf_be32(at + 4 * i), words[i]);
}

#define WORDS(at, ...) \
	do { \
		static const uint32_t words_[] = {__VA_ARGS__}; \
		assert_words(at, words_, sizeof(words_) / sizeof(words_[0])); \
	} while (0)

static struct bf_sflow *
new_sflow(struct sent *sent)
{
	struct bf_sflow *s = calloc(1, sizeof(*s));

	memset(sent, 0, sizeof(*sent));
	s->sub_agent = 5;
	s->sampling = 100;
	s->started_ms = 1000;
	memcpy(s->agent, "\xc0\0\x02\x07", 4);
	s->send = keep;
	s->arg = sent;
	return s;
}

static void
test_a_sample_is_what_the_standard_says(void **state)
{
	static struct sent sent;
	struct bf_sflow *s = new_sflow(&sent);
	static const uint8_t head[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct bf_sflow_sample x = {.key = 3,
		.in = 16777300,
		.out = 16777400,
		.vlan = 7,
		.pcp = 5,
		.drops = 9,
		.frame_len = 1514,
		.len = sizeof(head),
		.head = head};

	(void)state;
	bf_sflow_sample(s, 3500, &x);
	assert_int_equal(sent.n, 0);
	bf_sflow_flush(s);
	bf_sflow_flush(s); /* nothing more */
	assert_int_equal(sent.n, 1);
	WORDS(sent.data[0], 5, 1, 0xc0000207, 5, 1, 2500, 1, /* one expanded sample of a flow: */
		3, 44 + 40 + 24, 1, 0, 16777300, 100, 100, 9, 0, 16777300, 0, 16777400, 2,
		/* its header: */ 1, 32, 1, 1518, 4, 15, 0x01020304, 0x05060708, 0x090a0b0c,
		0x0d0e0f00, /* its VLAN: */ 1001, 16, 7, 5, 7, 5);
	assert_int_equal(sent.len[0], 4 * 36);
	x.out_format = BF_SFLOW_OUT_MANY;
	x.out = 0;
	bf_sflow_sample(s, 3500, &x);
	x.key = 4;
	bf_sflow_sample(s, 3500, &x);
	bf_sflow_flush(s);
	WORDS(sent.data[1], 5, 1, 0xc0000207, 5, 2, 2500, 2, 3, 108, 2, 0, 16777300, 100, 200, 9, 0,
		16777300, 2, 0);
	assert_int_equal(
		bf_be32(sent.data[1] + 28 + 116 + 8), 1); /* each source counts for itself */
	free(s);
}

static void
test_an_agent_with_an_ipv6_address_says_it(void **state)
{
	static struct sent sent;
	struct bf_sflow *s = new_sflow(&sent);
	struct bf_export_port p = {.index = 16777300, .key = 1, .name = "vm1"};

	(void)state;
	s->agent_is_v6 = true;
	memcpy(s->agent, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	bf_sflow_counters(s, 1000, &p);
	bf_sflow_counters(s, 1000, &p);
	bf_sflow_flush(s);
	WORDS(sent.data[0], 5, 2, 0x20010db8, 0, 0, 1, 5, 1, 0, 2, 4);
	free(s);
}

static void
test_counters_are_those_of_the_port(void **state)
{
	static struct sent sent;
	struct bf_sflow *s = new_sflow(&sent);
	struct bf_export_port p = {.index = 16777300,
		.key = 1,
		.is_up = true,
		.name = "vm10x",
		.speed_mbps = 25000,
		.in_frames = 0x100000002,
		.in_bytes = 0x300000004,
		.in_discards = 5,
		.in_errors = 6,
		.out_frames = 7,
		.out_bytes = 8,
		.out_discards = 9,
		.out_errors = 10,
		.lag = {.there = true,
			.actor_id = {2, 0, 0, 0, 0, 1},
			.partner_id = {2, 0, 0, 0, 0, 2},
			.attached = 16777999,
			.actor_state = 0x3d,
			.partner_state = 0x3f,
			.pdu_rx = 1,
			.marker_rx = 2,
			.unknown_rx = 3,
			.illegal_rx = 4,
			.pdu_tx = 5,
			.response_tx = 6}};

	(void)state;
	bf_sflow_counters(s, 1000, &p);
	bf_sflow_flush(s);
	WORDS(sent.data[0] + 28, 4, 12 + 4 + 96 + 64 + 20, 1, 0, 16777300, 3, 1, 88, 16777300, 6, 5,
		0xd21dba00, 1, 3, 3, 4, 2, UINT32_MAX, UINT32_MAX, 5, 6, UINT32_MAX, 0, 8, 7,
		UINT32_MAX, UINT32_MAX, 9, 10, 1, /* LACP: */ 7, 56, 0x02000000, 0x00010000,
		0x02000000, 0x00020000, 16777999, 0x3d3d3f3f, 1, 2, 0, 3, 4, 5, 0, 6,
		/* its name: */ 1005, 12, 5, 0x766d3130, 0x78000000);
	p.is_bond = p.is_off = true;
	p.is_up = p.lag.there = false;
	bf_sflow_counters(s, 1000, &p);
	bf_sflow_flush(s);
	WORDS(sent.data[1] + 28, 4, 12 + 4 + 96 + 20, 2, 0, 16777300, 2, 1, 88, 16777300, 161, 5,
		0xd21dba00, 1, 0);
	free(s);
}

static void
test_samples_fill_datagrams_and_none_is_cut(void **state)
{
	static struct sent sent;
	static uint8_t head[600];
	struct bf_sflow *s = new_sflow(&sent);
	struct bf_sflow_sample x = {.frame_len = 9000, .head = head};
	unsigned int samples = 0;

	(void)state;
	for (uint32_t len = 14; len <= 600; len++) {
		x.len = len;
		bf_sflow_sample(s, 1000, &x);
	}
	bf_sflow_flush(s);
	for (unsigned int i = 0; i < sent.n; i++) {
		size_t at = 28;

		for (uint32_t k = bf_be32(sent.data[i] + 24); k > 0; k--, samples++)
			at += 8 + bf_be32(sent.data[i] + at + 4);
		assert_int_equal(at, sent.len[i]);
	}
	assert_int_equal(samples, 587);
	free(s);
}

static void
test_templates_say_what_records_hold(void **state)
{
	static struct sent sent;
	struct bf_ipfix x = {.domain = 9, .sampling = 100, .send = keep, .arg = &sent};
	size_t at = 16, sets = 0;

	(void)state;
	memset(&sent, 0, sizeof(sent));
	bf_ipfix_templates(&x, 1700000000, NULL);
	bf_ipfix_flush(&x);
	assert_int_equal(sent.n, 1);
	WORDS(sent.data[0], 10u << 16 | 326, 1700000000, 0, 9, /* templates: */ 2u << 16 | 228,
		256u << 16 | 20, 152u << 16 | 8, 153u << 16 | 8, 1u << 16 | 8, 2u << 16 | 8,
		10u << 16 | 4, 14u << 16 | 4, 61u << 16 | 1, 136u << 16 | 1, 58u << 16 | 2,
		56u << 16 | 6, 80u << 16 | 6, 256u << 16 | 2, 302u << 16 | 8, 8u << 16 | 4,
		12u << 16 | 4, 4u << 16 | 1, 5u << 16 | 1, 7u << 16 | 2, 11u << 16 | 2,
		6u << 16 | 2);
	for (; at < sent.len[0]; at += bf_be16(sent.data[0] + at + 2))
		sets++;
	assert_int_equal(at, sent.len[0]);
	assert_int_equal(sets, 4);
	assert_int_equal(x.sequence, 1); /* templates are no data records */
}

static void
test_a_flow_is_what_its_template_says(void **state)
{
	static struct sent sent;
	struct bf_ipfix x = {.domain = 9, .sequence = 3, .send = keep, .arg = &sent};
	struct bf_export_flow flow = {.first_ms = 0x18000000001,
		.last_ms = 0x18000000002,
		.packets = 3,
		.octets = 4,
		.in = 16777300,
		.out = 16777400,
		.tcp_flags = 0x12,
		.key = {.saddr = {10, 0, 0, 1},
			.daddr = {10, 0, 0, 2},
			.src = {2, 0, 0, 0, 0, 1},
			.dst = {2, 0, 0, 0, 0, 2},
			.vlan = 7,
			.type = 0x800,
			.sport = 1000,
			.dport = 80,
			.version = 4,
			.proto = 6,
			.tos = 0x28}};
	static const uint8_t want[] = {1, 0, 0, 86, 0, 0, 1, 0x80, 0, 0, 0, 1, 0, 0, 1, 0x80, 0, 0,
		0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 84, 1, 0, 0, 184, 0,
		2, 0, 7, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 0,
		1, 10, 0, 0, 2, 6, 0x28, 3, 0xe8, 0, 80, 0, 0x12};

	(void)state;
	memset(&sent, 0, sizeof(sent));
	bf_ipfix_flow(&x, 1700000000, &flow, BF_FLOW_ACTIVE);
	flow.key.version = 6;
	bf_ipfix_flow(&x, 1700000000, &flow, BF_FLOW_IDLE);
	flow.key.version = 0;
	bf_ipfix_flow(&x, 1700000000, &flow, BF_FLOW_IDLE);
	bf_ipfix_flow(&x, 1700000000, &flow, BF_FLOW_IDLE);
	bf_ipfix_flush(&x);
	assert_int_equal(sent.n, 1);
	assert_int_equal(sent.len[0], 16 + 86 + 4 + 106 + 4 + 2 * 66);
	WORDS(sent.data[0], 10u << 16 | 348, 1700000000, 3, 9);
	assert_memory_equal(sent.data[0] + 16, want, sizeof(want));
	WORDS(sent.data[0] + 16 + 86, 257u << 16 | 110);
	WORDS(sent.data[0] + 16 + 86 + 110, 258u << 16 | 136);
	assert_int_equal(x.sequence, 7);
}

static void
test_flows_fill_messages_and_the_sequence_counts_them(void **state)
{
	static struct sent sent;
	struct bf_ipfix x = {.domain = 9, .send = keep, .arg = &sent};
	struct bf_export_flow flow = {.packets = 1, .key = {.version = 4}};
	uint32_t records = 0;

	(void)state;
	memset(&sent, 0, sizeof(sent));
	for (unsigned int i = 0; i < 1000; i++)
		bf_ipfix_flow(&x, 1, &flow, BF_FLOW_IDLE);
	bf_ipfix_flush(&x);
	for (unsigned int i = 0; i < sent.n; i++) {
		assert_int_equal(bf_be16(sent.data[i] + 2), sent.len[i]);
		assert_int_equal(bf_be32(sent.data[i] + 8), records);
		assert_int_equal(bf_be16(sent.data[i] + 18), sent.len[i] - 16);
		records += (uint32_t)(sent.len[i] - 20) / 82;
	}
	assert_int_equal(records, 1000);
}

static void
test_addresses_of_collectors(void **state)
{
	static const struct {
		const char *text;
		int family;
		uint16_t port;
	} rows[] = {{"192.0.2.1", AF_INET, 6343}, {"192.0.2.1:99", AF_INET, 99},
		{"2001:db8::1", AF_INET6, 6343}, {"[2001:db8::1]", AF_INET6, 6343},
		{"[::1]:65535", AF_INET6, 65535}};
	static const char *const bad[] = {"", "localhost", "localhost:99",
		"192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[192.0.2.1]", "[::1", "[::1]99",
		"::1:x", "[]", ":99", "1.2.3", "192.0.2.1:99:99"};
	struct bf_udp_address a;
	struct bf_err err = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(bf_udp_address_parse("c", rows[i].text, 6343, &a, &err), 0);
		assert_int_equal(a.any.sa_family, rows[i].family);
		assert_int_equal(
			ntohs(a.any.sa_family == AF_INET ? a.four.sin_port : a.six.sin6_port),
			rows[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bf_udp_address_parse("c", bad[i], 6343, &a, &err) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
	bf_udp_address_parse("collector", "localhost", 6343, &a, &err);
	assert_has(err.text, "collector: \"localhost\": expected an IPv4 or IPv6 address");
}

/* A datagram socket whose other end does not read, in place of UDP's: that one the kernel empties by itself. */
static void
test_a_socket_that_is_full_costs_datagrams_and_no_time(void **state)
{
	struct bf_udp_address to = {.len = sizeof(to.four)};
	static const uint8_t data[1000];
	struct bf_collector c;
	int pair[2];

	(void)state;
	bf_collector_init(&c, &to);
	bf_collector_send(&c, data, sizeof(data)); /* closed */
	assert_int_equal(c.unsent, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	c.fd = pair[0];
	while (c.unsent < 100)
		bf_collector_send(&c, data, sizeof(data));
	assert_true(c.datagrams > 0);
	assert_int_equal(c.bytes, c.datagrams * sizeof(data));
	assert_int_equal(c.fd, pair[0]); /* it may take more later */
	close(pair[1]);
	bf_collector_send(
		&c, data, sizeof(data)); /* broken: opened again at the next look but not at once */
	bf_collector_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sample_is_what_the_standard_says),
		cmocka_unit_test(test_an_agent_with_an_ipv6_address_says_it),
		cmocka_unit_test(test_counters_are_those_of_the_port),
		cmocka_unit_test(test_samples_fill_datagrams_and_none_is_cut),
		cmocka_unit_test(test_templates_say_what_records_hold),
		cmocka_unit_test(test_a_flow_is_what_its_template_says),
		cmocka_unit_test(test_flows_fill_messages_and_the_sequence_counts_them),
		cmocka_unit_test(test_addresses_of_collectors),
		cmocka_unit_test(test_a_socket_that_is_full_costs_datagrams_and_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

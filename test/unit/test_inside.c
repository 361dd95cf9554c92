/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What frames carry behind tags, LLC headers, extension headers and in fragments, and what guards of a
 * guest's protocols say to it.  Frames lie in buffers of exactly their length, and are tried at every length
 * below it.
 *
 * Threads: one.
 */
#include "unit.h"

#include "frame_bytes.h"

#include "dataplane/guard.h"
#include "dataplane/inside.h"

static struct frame
ethernet(void)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct frame f = {.len = 0};

	add(&f, addresses, 12);
	return f;
}

static void
add_tags(struct frame *f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		add_be16(f, i == 0 ? 0x88a8 : 0x8100);
		add_be16(f, 0);
	}
}

static void
add_llc(struct frame *f, uint8_t last)
{
	const uint8_t snap[6] = {0xaa, 0xaa, 3, 0, 0, last};

	add_be16(f, 100);
	add(f, snap, 6);
}

/* @p offset: of the fragment, in units of 8 bytes. */
static void
add_ipv4(struct frame *f, uint8_t proto, unsigned int options, uint16_t offset)
{
	uint8_t p[60] = {(uint8_t)(0x45 + options / 4), 0, 0, 100, 0, 0, (uint8_t)(offset >> 8),
		(uint8_t)offset, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};

	add_be16(f, 0x0800);
	add(f, p, (uint16_t)(20 + options));
}

static void
add_ipv6(struct frame *f, uint8_t next)
{
	uint8_t p[40] = {
		0x60, 0, 0, 0, 0, 100, next, 255, 0xfe, 0x80, [23] = 1, [24] = 0xff, [39] = 1};

	add_be16(f, 0x86dd);
	add(f, p, 40);
}

/* An extension header of 8 * (more + 1) bytes. */
static void
add_extension(struct frame *f, uint8_t next, uint8_t more)
{
	uint8_t p[64] = {next, more};

	add(f, p, (uint16_t)(8 * (more + 1)));
}

static void
add_fragment(struct frame *f, uint8_t next, uint16_t offset, bool more)
{
	const uint8_t p[8] = {next, 0, (uint8_t)(offset >> 5), (uint8_t)(offset << 3 | more)};

	add(f, p, 8);
}

static void
add_udp(struct frame *f, uint16_t from, uint16_t to)
{
	add_be16(f, from);
	add_be16(f, to);
	add_be16(f, 8);
	add_be16(f, 0);
}

static void
add_icmp(struct frame *f, uint8_t type)
{
	const uint8_t p[8] = {type};

	add(f, p, 8);
}

static enum bf_drop
judge(const struct frame *f, uint16_t len, uint32_t guards)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	enum bf_drop why;
	struct bf_inside in;
	struct rte_mbuf m;
	bool plain;

	memcpy(exact, f->data, len);
	memset(&m, 0, sizeof(m));
	m.buf_addr = exact;
	m.data_len = len;
	m.pkt_len = len;
	bf_inside_read(&m, &in);
	why = bf_guard_judge(guards, &in);
	plain = len >= 14 && bf_guard_is_plain(&m);
	free(exact);
	assert_false(plain && why != BF_DROP_COUNT); /* what is plain is not looked at */
	return why;
}

static void
expect(const struct frame *f, enum bf_drop both, const char *what)
{
	enum bf_drop why = judge(f, f->len, BF_GUARD_READS);

	if (why != both)
		fail_msg("%s: %d instead of %d", what, why, both);
	assert_int_equal(
		judge(f, f->len, both == BF_DROP_ROGUE_DHCP ? BF_GUARD_ROUTER : BF_GUARD_DHCP),
		both == BF_DROP_ROGUE_DHCP || both == BF_DROP_ROGUE_ROUTER ? BF_DROP_COUNT : both);
	for (uint16_t len = 14; len < f->len; len++) /* never beyond its end */
		judge(f, len, BF_GUARD_READS);
}

static void
test_answers_of_dhcp_servers_are_known_by_the_clients_port(void **state)
{
	static const struct {
		const char *what;
		uint8_t proto;
		unsigned int tags, options;
		uint16_t offset, from, to;
		enum bf_drop why;
	} table[] = {
		{"answer", 17, 0, 0, 0, 67, 68, BF_DROP_ROGUE_DHCP},
		{"tagged answer", 17, 1, 0, 0, 67, 68, BF_DROP_ROGUE_DHCP},
		{"answer in two tags", 17, 2, 0, 0, 67, 68, BF_DROP_ROGUE_DHCP},
		{"answer in eight tags", 17, 8, 0, 0, 67, 68, BF_DROP_ROGUE_DHCP},
		{"nine tags", 17, 9, 0, 0, 67, 68, BF_DROP_HIDDEN_HEADER},
		{"answer with IP options", 17, 0, 40, 0, 67, 68, BF_DROP_ROGUE_DHCP},
		{"first fragment", 17, 0, 0, 0x2000, 67, 68, BF_DROP_ROGUE_DHCP},
		{"later fragment", 17, 0, 0, 0x2001, 67, 68, BF_DROP_COUNT},
		{"answer from another port", 17, 0, 0, 0, 4011, 68, BF_DROP_ROGUE_DHCP},
		{"request", 17, 0, 0, 0, 68, 67, BF_DROP_COUNT},
		{"relay", 17, 0, 0, 0, 67, 67, BF_DROP_COUNT},
		{"port of DHCPv6", 17, 0, 0, 0, 547, 546, BF_DROP_COUNT},
		{"TCP", 6, 0, 0, 0, 67, 68, BF_DROP_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct frame f = ethernet();

		add_tags(&f, table[i].tags);
		add_ipv4(&f, table[i].proto, table[i].options, table[i].offset);
		add_udp(&f, table[i].from, table[i].to);
		expect(&f, table[i].why, table[i].what);
	}
}

static void
test_an_llc_header_hides_nothing(void **state)
{
	(void)state;
	for (unsigned int tags = 0; tags < 3; tags++)
		for (unsigned int kind = 0; kind < 3; kind++) {
			static const uint8_t last[] = {0, 0xf8, 1};
			struct frame f = ethernet();

			add_tags(&f, tags);
			add_llc(&f, last[kind]);
			add_tags(&f, tags);
			add_ipv4(&f, 17, 0, 0);
			add_udp(&f, 67, 68);
			/* Of an organisation that means something else by it. */
			expect(&f, kind == 2 ? BF_DROP_COUNT : BF_DROP_ROGUE_DHCP, "LLC");
		}
}

static void
test_advertisements_of_routers_are_known_behind_extension_headers(void **state)
{
	static const uint8_t kinds[] = {0, 43, 60, 135, 139, 140};

	(void)state;
	for (unsigned int type = 0; type < 256; type++) {
		bool is_routers = type == 134 || type == 137;
		struct frame f = ethernet();

		add_ipv6(&f, 58);
		add_icmp(&f, (uint8_t)type);
		expect(&f, is_routers ? BF_DROP_ROGUE_ROUTER : BF_DROP_COUNT, "ICMPv6");
	}
	for (size_t i = 0; i < sizeof(kinds); i++)
		for (uint8_t more = 0; more < 4; more++) {
			struct frame f = ethernet();

			add_tags(&f, 2);
			add_ipv6(&f, kinds[i]);
			add_extension(&f, kinds[i], more);
			add_extension(&f, 58, 0);
			add_icmp(&f, 134);
			expect(&f, BF_DROP_ROGUE_ROUTER, "behind two headers");
		}
}

static void
test_what_hides_its_upper_header_is_dropped(void **state)
{
	(void)state;
	for (unsigned int n = 0; n < 24; n++) {
		struct frame f = ethernet();

		add_ipv6(&f, n > 0 ? 60 : 58);
		for (unsigned int i = 1; i <= n; i++)
			add_extension(&f, i < n ? 60 : 58, 0);
		add_icmp(&f, 134);
		expect(&f, n <= 16 ? BF_DROP_ROGUE_ROUTER : BF_DROP_HIDDEN_HEADER, "a chain");
		f.len = (uint16_t)(14 + 40 + 8 * n); /* the last header is not in the frame */
		expect(&f, BF_DROP_HIDDEN_HEADER, "a chain without end");
		f.len = (uint16_t)(f.len + 3);
		expect(&f, BF_DROP_HIDDEN_HEADER, "a chain without end");
	}
}

static void
test_fragments(void **state)
{
	static const struct {
		const char *what;
		uint8_t next;
		uint16_t offset;
		bool more;
		uint16_t bytes; /* of what follows */
		enum bf_drop why;
	} table[] = {
		{"first", 58, 0, true, 8, BF_DROP_ROGUE_ROUTER},
		{"the only one", 58, 0, false, 8, BF_DROP_ROGUE_ROUTER},
		{"later", 58, 1, true, 8, BF_DROP_COUNT},
		{"last", 58, 185, false, 8, BF_DROP_COUNT},
		{"first, empty", 58, 0, true, 0, BF_DROP_HIDDEN_HEADER},
		{"first, cut in its chain", 60, 0, true, 4, BF_DROP_HIDDEN_HEADER},
		{"first of TCP", 6, 0, true, 8, BF_DROP_COUNT},
		{"first of ESP, empty", 50, 0, true, 0, BF_DROP_COUNT},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct frame f = ethernet();

		add_ipv6(&f, 44);
		add_fragment(&f, table[i].next, table[i].offset, table[i].more);
		add_icmp(&f, 134);
		f.len = (uint16_t)(f.len - 8 + table[i].bytes);
		expect(&f, table[i].why, table[i].what);
	}
}

static void
test_answers_of_dhcpv6_servers(void **state)
{
	struct frame f = ethernet(), behind = ethernet(), request = ethernet();

	(void)state;
	add_ipv6(&f, 17);
	add_udp(&f, 547, 546);
	expect(&f, BF_DROP_ROGUE_DHCP, "answer");
	add_ipv6(&behind, 60);
	add_extension(&behind, 51, 1);
	add_extension(&behind, 17, 0); /* AH of 8 bytes: its length counts otherwise */
	add_udp(&behind, 1024, 546);
	expect(&behind, BF_DROP_ROGUE_DHCP, "behind options and AH");
	add_ipv6(&request, 17);
	add_udp(&request, 546, 547);
	expect(&request, BF_DROP_COUNT, "request");
}

static void
test_what_is_no_packet_passes(void **state)
{
	struct frame arp = ethernet(), short4 = ethernet(), short6 = ethernet();

	(void)state;
	add_be16(&arp, 0x0806);
	add(&arp, (uint8_t[28]){0, 1, 8, 0, 6, 4, 0, 1}, 28);
	expect(&arp, BF_DROP_COUNT, "ARP");
	add_ipv4(&short4, 17, 0, 0);
	short4.len = (uint16_t)(short4.len - 1);
	expect(&short4, BF_DROP_COUNT, "no whole IPv4 header");
	add_ipv6(&short6, 58);
	short6.len = (uint16_t)(short6.len - 1);
	expect(&short6, BF_DROP_COUNT, "no whole IPv6 header");
	short4.data[14] = 0x44;
	expect(&short4, BF_DROP_COUNT, "an impossible IPv4 header");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_of_dhcp_servers_are_known_by_the_clients_port),
		cmocka_unit_test(test_an_llc_header_hides_nothing),
		cmocka_unit_test(test_advertisements_of_routers_are_known_behind_extension_headers),
		cmocka_unit_test(test_what_hides_its_upper_header_is_dropped),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_answers_of_dhcpv6_servers),
		cmocka_unit_test(test_what_is_no_packet_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

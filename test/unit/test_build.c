/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that the program makes itself, byte by byte.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_ip.h>

#include "base/build.h"
#include "base/net.h"

static const uint8_t a_mac[6] = {2, 0xa, 0xb, 0xc, 0xd, 0xe}, b_mac[6] = {2, 1, 2, 3, 4, 5};
static const uint8_t a_ip[4] = {10, 0, 0, 1}, b_ip[4] = {10, 0, 0, 254};

static void
test_an_ethernet_header_has_a_tag_only_in_a_vlan(void **state)
{
	static const uint8_t plain[14] = {2, 1, 2, 3, 4, 5, 2, 0xa, 0xb, 0xc, 0xd, 0xe, 8, 6};
	static const uint8_t tagged[18] = {
		2, 1, 2, 3, 4, 5, 2, 0xa, 0xb, 0xc, 0xd, 0xe, 0x81, 0, 0xf, 0xfe, 0x86, 0xdd};
	uint8_t p[BF_BUILD_ROOM] = {0};

	(void)state;
	assert_ptr_equal(bf_build_ethernet(p, b_mac, a_mac, 0, BF_ETHERTYPE_ARP), p + 14);
	assert_memory_equal(p, plain, sizeof(plain));
	assert_ptr_equal(bf_build_ethernet(p, b_mac, a_mac, 4094, BF_ETHERTYPE_IPV6), p + 18);
	assert_memory_equal(p, tagged, sizeof(tagged));
}

static void
test_arp_is_as_in_rfc_826(void **state)
{
	static const uint8_t want[28] = {0, 1, 8, 0, 6, 4, 0, 2, 2, 0xa, 0xb, 0xc, 0xd, 0xe, 10, 0,
		0, 1, 2, 1, 2, 3, 4, 5, 10, 0, 0, 254};
	uint8_t p[BF_BUILD_ROOM] = {0};
	struct bf_build_arp arp = {.op = BF_ARP_REPLY,
		.sender_mac = a_mac,
		.sender_ip = a_ip,
		.target_mac = b_mac,
		.target_ip = b_ip};

	(void)state;
	assert_ptr_equal(bf_build_arp(p, &arp), p + 28);
	assert_memory_equal(p, want, sizeof(want));
}

static void
test_addresses_that_are_not_given_stay_zero(void **state)
{
	static const uint8_t want[28] = {
		0, 1, 8, 0, 6, 4, 0, 3, 2, 0xa, 0xb, 0xc, 0xd, 0xe, 0, 0, 0, 0};
	uint8_t p[BF_BUILD_ROOM] = {0};
	struct bf_build_arp arp = {.op = BF_RARP_REQUEST, .sender_mac = a_mac};

	(void)state;
	bf_build_arp(p, &arp);
	assert_memory_equal(p, want, sizeof(want));
}

/* By the word of DPDK. */
static void
test_neighbour_discovery_has_a_right_checksum(void **state)
{
	static const uint8_t all[16] = {0xff, 2, [15] = 1};
	uint8_t addr[16] = {0xfe, 0x80, [8] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct bf_build_nd nd = {.type = BF_ND_ADVERT,
		.flags = BF_ND_OVERRIDE | BF_ND_ROUTER,
		.option = BF_ND_TARGET_MAC,
		.src = addr,
		.dst = all,
		.target = addr,
		.mac = a_mac};

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		uint8_t p[BF_BUILD_ROOM] = {0}, *m = p + 40;

		addr[15] = (uint8_t)i;
		addr[14] = (uint8_t)(i * 37);
		assert_ptr_equal(bf_build_nd(p, &nd), p + 72);
		assert_int_equal(p[0], 0x60);
		assert_int_equal(p[4] << 8 | p[5], 32);
		assert_int_equal(p[6], 58);
		assert_int_equal(p[7], 255);
		assert_memory_equal(p + 8, addr, 16);
		assert_memory_equal(p + 24, all, 16);
		assert_int_equal(m[0], 136);
		assert_int_equal(m[4], 0xa0);
		assert_memory_equal(m + 8, addr, 16);
		assert_int_equal(m[24], 2);
		assert_int_equal(m[25], 1);
		assert_memory_equal(m + 26, a_mac, 6);
		assert_int_equal(rte_ipv6_udptcp_cksum_verify((struct rte_ipv6_hdr *)p, m), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ethernet_header_has_a_tag_only_in_a_vlan),
		cmocka_unit_test(test_arp_is_as_in_rfc_826),
		cmocka_unit_test(test_addresses_that_are_not_given_stay_zero),
		cmocka_unit_test(test_neighbour_discovery_has_a_right_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

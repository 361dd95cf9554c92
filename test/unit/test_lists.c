/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Values that are more than a number: sets of VLANs, lists of addresses, rates.  What is printed
 * is read back; what is refused is quoted and leaves the value alone.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include "base/ip_list.h"
#include "base/mac_list.h"
#include "base/rate_limit.h"
#include "base/vlan_set.h"

struct good {
	const char *text, *printed;
};

struct bad {
	const char *text, *quoted, *expected;
};

/* Reads, prints and compares; then refuses, comparing again: the value has not changed. */
#define EXPECT_GOOD(type, kind, rows) \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) { \
		struct type v = {0}, again = {0}; \
		struct bf_err why = {""}; \
		char text[4096]; \
		if (bf_##kind##_parse("key", (rows)[i].text, &v, &why) != 0) \
			fail_msg("%s: %s", (rows)[i].text, why.text); \
		bf_##kind##_print(&v, text, sizeof(text)); \
		assert_string_equal(text, (rows)[i].printed); \
		assert_int_equal(bf_##kind##_parse("key", text, &again, &why), 0); \
		assert_memory_equal(&v, &again, sizeof(v)); \
	}

#define EXPECT_BAD(type, kind, rows) \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) { \
		struct type v, before; \
		struct bf_err why = {""}; \
		memset(&v, 0x5a, sizeof(v)); \
		before = v; \
		assert_int_equal(bf_##kind##_parse("key", (rows)[i].text, &v, &why), -EINVAL); \
		assert_memory_equal(&v, &before, sizeof(v)); \
		assert_has(why.text, "key: "); \
		assert_has(why.text, (rows)[i].quoted); \
		assert_has(why.text, (rows)[i].expected); \
	}

static void
test_vlan_sets(void **state)
{
	static const struct good good[] = {{"none", "none"}, {"1", "1"}, {"4094", "4094"},
		{"1,5,10-20", "1,5,10-20"}, {"20,10-19,5,1", "1,5,10-20"}, {"1-4094", "1-4094"},
		{"7,7,7-7", "7"}, {"62-66", "62-66"}, {"3,", "3"}};
	static const struct bad bad[] = {{"0", "\"0\"", "1 to 4094"},
		{"1,4095", "\"4095\"", "1 to 4094"}, {"10-5", "\"10-5\"", "a range such as 10-20"},
		{"1-", "\"1-\"", "1 to 4094"}, {"-5", "\"-5\"", "1 to 4094"},
		{"1-2-3", "\"1-2-3\"", "1 to 4094"}, {"all", "\"all\"", "1 to 4094"},
		{"", "\"\"", "a list"}, {",", "\",\"", "a list"}};
	struct bf_vlan_set s = {{0}};
	struct bf_err err;

	(void)state;
	EXPECT_GOOD(bf_vlan_set, vlan_set, good);
	EXPECT_BAD(bf_vlan_set, vlan_set, bad);
	assert_int_equal(sizeof(s), 512);
	assert_int_equal(bf_vlan_set_parse("key", "1,64,4094", &s, &err), 0);
	assert_true(bf_vlan_set_has(&s, 1) && bf_vlan_set_has(&s, 64) && bf_vlan_set_has(&s, 4094));
	assert_false(bf_vlan_set_has(&s, 2) || bf_vlan_set_has(&s, 63) || bf_vlan_set_has(&s, 0));
}

/* @p n ranges of two VLANs each, from 1000 on: the longest text that a set has. */
static void
make_ranges(char *text, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		text += sprintf(text, "%s%u-%u", i > 0 ? "," : "", 1000 + i * 3, 1001 + i * 3);
}

static void
test_a_vlan_set_has_256_ranges_at_most(void **state)
{
	char text[8192], printed[BF_VLAN_SET_TEXT_MAX];
	struct bf_vlan_set s = {{0}};
	struct bf_err err;

	(void)state;
	make_ranges(text, 256);
	assert_int_equal(bf_vlan_set_parse("trunk", text, &s, &err), 0);
	bf_vlan_set_print(&s, printed, sizeof(printed));
	assert_string_equal(printed, text);
	make_ranges(text, 257);
	assert_int_equal(bf_vlan_set_parse("trunk", text, &s, &err), -EINVAL);
	assert_has(err.text, "257 ranges: expected at most 256");
}

static void
test_mac_lists(void **state)
{
	static const struct good good[] = {{"none", "none"},
		{"02:00:00:00:00:01", "02:00:00:00:00:01"},
		{"00:00:5E:00:01/40", "00:00:5e:00:01/40"},
		{"00:00:5e:00:01:00/40,02:00:00:00:00:01/48",
			"00:00:5e:00:01/40,02:00:00:00:00:01"},
		{"01:00:5e:00:00/25", "01:00:5e:00/25"},
		{"02:00:00:00:00:01,02:00:00:00:00:01", "02:00:00:00:00:01"}, {"auto", "auto"},
		{"auto,00:00:5e:00:01/40,auto", "auto,00:00:5e:00:01/40"}};
	static const struct bad bad[] = {{"auto/48", "\"auto/48\"", "or auto"},
		{"AUTO", "\"AUTO\"", "or auto"}, {"02:00", "\"02:00\"", "a MAC address"},
		{"02:00:00:00:00:01,x", "\"x\"", "a MAC address"},
		{"02:00:00:00:00:01/40", "\"02:00:00:00:00:01/40\"", "00:00:5e:00:01/40"},
		{"02:00/24", "\"02:00/24\"", "length in bits"},
		{"01:00:5e/25", "\"01:00:5e/25\"", "length in bits"},
		{"02:00/0", "\"02:00/0\"", "length"}, {"02:00:00:00:00:01/49", "/49\"", "length"},
		{"02-00-00-00-00-01", "02-", "xx:xx"},
		{"00:00:00:00:00:00", "\"00:00:00:00:00:00\"", "a MAC address"},
		{"", "\"\"", "a list"}};

	(void)state;
	EXPECT_GOOD(bf_mac_list, mac_list, good);
	EXPECT_BAD(bf_mac_list, mac_list, bad);
}

static void
test_ip_lists(void **state)
{
	static const struct good good[] = {{"none", "none"}, {"10.0.0.1", "10.0.0.1"},
		{"10.0.0.1/32,192.168.0.0/16", "10.0.0.1,192.168.0.0/16"},
		{"FD00:0::1,fd00::/8", "fd00::1,fd00::/8"}, {"0.0.0.0/0,::/0", "0.0.0.0/0,::/0"},
		{"10.0.0.1,10.0.0.1", "10.0.0.1"}};
	static const struct bad bad[] = {{"10.0.0", "\"10.0.0\"", "an IPv4 or IPv6 address"},
		{"10.0.0.1/33", "\"10.0.0.1/33\"", "a network"},
		{"10.0.0.1/24", "\"10.0.0.1/24\"", "zero behind its prefix"},
		{"fd00::1,fd00::1/64", "\"fd00::1/64\"", "zero behind its prefix"},
		{"fd00::/129", "\"fd00::/129\"", "a network"}, {"vm1", "\"vm1\"", "an IPv4"}};

	(void)state;
	EXPECT_GOOD(bf_ip_list, ip_list, good);
	EXPECT_BAD(bf_ip_list, ip_list, bad);
}

static void
test_lists_of_addresses_have_64_at_most(void **state)
{
	char macs[4096] = "", ips[4096] = "", printed[BF_IP_LIST_TEXT_MAX];
	struct bf_mac_list m;
	struct bf_ip_list p;
	struct bf_err err;

	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		sprintf(macs + strlen(macs), "02:00:00:00:01:%02x,", i);
		sprintf(ips + strlen(ips), "1111:2222:3333:4444:5555:6666:7777:%04x,", 0x8800 + i);
	}
	assert_int_equal(bf_mac_list_parse("mac", macs, &m, &err), 0);
	assert_int_equal(m.n, 64);
	strcat(macs, "02:00:00:00:02:00");
	assert_int_equal(bf_mac_list_parse("mac", macs, &m, &err), -EINVAL);
	assert_has(err.text, "\"02:00:00:00:02:00\": expected at most 64");
	assert_int_equal(bf_ip_list_parse("ip", ips, &p, &err), 0);
	bf_ip_list_print(&p, printed, sizeof(printed));
	assert_int_equal(strlen(printed), strlen(ips) - 1);
	strcat(ips, "10.0.0.1");
	assert_int_equal(bf_ip_list_parse("ip", ips, &p, &err), -EINVAL);
	assert_has(err.text, "\"10.0.0.1\": expected at most 64");
}

static void
test_rates(void **state)
{
	static const struct good good[] = {{"none", "off"}, {"off", "off"}, {"100mbit", "100mbit"},
		{"1000Mbit", "1gbit"}, {"1500kbit", "1500kbit"}, {"1000bit", "1kbit"},
		{"1000gbit", "1000gbit"}, {"2000pps", "2kpps"}, {"2500frames", "2500pps"},
		{"1000mpps", "1000mpps"}, {"1pps", "1pps"}, {"100", "100pps"}, {"1k", "1kpps"},
		{"5000", "5kpps"}, {"2M", "2mpps"}};
	static const struct bad bad[] = {{"0mbit", "\"0mbit\"", "1kbit to 1000gbit"},
		{"999bit", "\"999bit\"", "1kbit"}, {"1001gbit", "\"1001gbit\"", "1000gbit"},
		{"0", "\"0\"", "expected a rate"}, {"k", "\"k\"", "expected a rate"},
		{"fast", "\"fast\"", "expected a rate"},
		{"1.5gbit", "\"1.5gbit\"", "expected a rate"}, {"-1pps", "\"-1pps\"", "1pps"},
		{"99999999999999999999999mbit", "9mbit\"", "1000gbit"},
		{"1001mpps", "\"1001mpps\"", "1000mpps"}, {"", "\"\"", "expected a rate"}};
	struct bf_rate_limit r;
	struct bf_err err;

	(void)state;
	EXPECT_GOOD(bf_rate_limit, rate_limit, good);
	EXPECT_BAD(bf_rate_limit, rate_limit, bad);
	assert_int_equal(bf_rate_limit_parse("rate", "2kpps", &r, &err), 0);
	assert_int_equal(r.frames_per_s, 2000);
	assert_int_equal(r.bits_per_s, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vlan_sets),
		cmocka_unit_test(test_a_vlan_set_has_256_ranges_at_most),
		cmocka_unit_test(test_mac_lists),
		cmocka_unit_test(test_ip_lists),
		cmocka_unit_test(test_lists_of_addresses_have_64_at_most),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

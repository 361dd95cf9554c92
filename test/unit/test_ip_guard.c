/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The table of OVN's port security, row by row: which packets a guest with a list of IP addresses may send,
 * and which it gets.  Frames lie in buffers of exactly their length, and are tried at every length below it.
 *
 * Threads: one.
 */
#include "unit.h"

#include <arpa/inet.h>

#include "dataplane/ip_guard.h"

#define OWN "02:00:00:00:00:01"
#define OTHER "02:00:00:00:00:99"
#define VRRP "00:00:5e:00:01:07"
#define LINK_LOCAL "fe80::ff:fe00:1" /* of OWN */

static struct bf_guard guard; /* OWN and the addresses of VRRP */
static struct bf_guard_ips both, only4, only6;

static void
mac_read(const char *text, uint8_t *mac)
{
	unsigned int b[6];

	assert_int_equal(
		sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]), 6);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
}

static uint64_t
word(const char *text, unsigned int bits)
{
	uint64_t mac = 0;

	mac_read(text, (uint8_t *)&mac);
	return BF_GUARD_WORD(mac & bf_guard_mask(bits), bits);
}

static int
set_up(void **state)
{
	(void)state;
	guard.mac[0] = word(OWN, 48);
	guard.mac[1] = word(VRRP, 40);
	guard.n = 2;
	inet_pton(AF_INET, "10.0.0.1", &both.v4[0].addr);
	inet_pton(AF_INET, "255.255.255.255", &both.v4[0].mask);
	inet_pton(AF_INET, "192.168.0.0", &both.v4[1].addr);
	inet_pton(AF_INET, "255.255.0.0", &both.v4[1].mask);
	inet_pton(AF_INET6, "fd00::1", both.v6[0].addr);
	memset(both.v6[0].mask, 0xff, 16);
	inet_pton(AF_INET6, "fd00:1::", both.v6[1].addr);
	inet_pton(AF_INET6, "ffff:ffff::", both.v6[1].mask);
	both.n4 = both.n6 = 2;
	only4 = only6 = both;
	only4.n6 = only6.n4 = 0;
	return 0;
}

/* A frame that is built from its front. */
struct frame {
	uint16_t len;
	uint8_t data[256];
};

static struct frame
ethernet(const char *dst, const char *src, unsigned int tags, uint16_t type)
{
	static const uint8_t tag[4] = {0x81, 0x00, 0, 7};
	const uint8_t be[2] = {(uint8_t)(type >> 8), (uint8_t)type};
	struct frame f = {.len = 12};

	mac_read(dst, f.data);
	mac_read(src, f.data + 6);
	for (unsigned int i = 0; i < tags; i++, f.len += 4)
		memcpy(f.data + f.len, tag, 4);
	memcpy(f.data + f.len, be, 2);
	f.len += 2;
	return f;
}

static void
add(struct frame *f, const void *bytes, uint16_t n)
{
	memcpy(f->data + f->len, bytes, n);
	f->len = (uint16_t)(f->len + n);
}

static void
add_ipv4(struct frame *f, const char *src, const char *dst, uint8_t proto, uint16_t from,
	uint16_t to)
{
	uint8_t p[28] = {0x45, [8] = 64, [9] = proto, [20] = (uint8_t)(from >> 8), (uint8_t)from,
		(uint8_t)(to >> 8), (uint8_t)to};

	inet_pton(AF_INET, src, p + 12);
	inet_pton(AF_INET, dst, p + 16);
	add(f, p, sizeof(p));
}

static void
add_ipv6(struct frame *f, const char *src, const char *dst, uint8_t next, uint8_t hops)
{
	uint8_t p[40] = {0x60, [6] = next, hops};

	inet_pton(AF_INET6, src, p + 8);
	inet_pton(AF_INET6, dst, p + 24);
	add(f, p, sizeof(p));
}

/* @p target NULL: an ICMPv6 of 8 bytes; @p mac NULL: without its option. */
static void
add_icmp6(struct frame *f, uint8_t type, uint8_t code, const char *target, uint8_t kind,
	const char *mac)
{
	uint8_t p[32] = {type, code, [24] = kind, 1};

	if (target != NULL)
		inet_pton(AF_INET6, target, p + 8);
	if (mac != NULL)
		mac_read(mac, p + 26);
	add(f, p, target == NULL ? 8 : mac == NULL ? 24 : 32);
}

static enum bf_drop
judge_len(const struct frame *f, uint16_t len, const struct bf_guard_ips *ips, bool to_guest)
{
	uint8_t *exact = malloc(len);
	struct bf_inside in;
	enum bf_drop why;
	struct rte_mbuf m;

	memcpy(exact, f->data, len);
	memset(&m, 0, sizeof(m));
	m.buf_addr = exact;
	m.data_len = len;
	m.pkt_len = len;
	bf_inside_read(&m, &in);
	why = to_guest ? bf_ip_guard_to(&guard, ips, &m) : bf_ip_guard_from(&guard, ips, &m, &in);
	if (!to_guest && bf_guard_is_plain(&m) && bf_ip_guard_is_own(ips, &m))
		assert_int_equal(why, BF_DROP_COUNT);
	free(exact);
	return why;
}

static void
expect(const struct frame *f, const struct bf_guard_ips *ips, bool to_guest, enum bf_drop want,
	const char *what)
{
	enum bf_drop why = judge_len(f, f->len, ips, to_guest);

	if (why != want)
		fail_msg("%s: %d instead of %d", what, why, want);
	for (uint16_t len = 14; len < f->len; len++)
		judge_len(f, len, ips, to_guest);
}

#define PASS BF_DROP_COUNT
#define IP BF_DROP_FORGED_IP
#define NB BF_DROP_FORGED_NEIGHBOR

static void
test_ipv4_from_the_guest(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t proto;
		uint16_t from, to;
		enum bf_drop with_both, with_v6;
	} table[] = {
		{"10.0.0.1", "10.9.9.9", 6, 1, 2, PASS, IP},
		{"192.168.7.7", "10.9.9.9", 17, 1, 2, PASS, IP},
		{"10.0.0.2", "10.9.9.9", 6, 1, 2, IP, IP},
		{"192.169.0.1", "10.9.9.9", 17, 1, 2, IP, IP},
		{"0.0.0.0", "255.255.255.255", 17, 68, 67, PASS, IP},
		{"0.0.0.0", "255.255.255.255", 17, 68, 68, IP, IP},
		{"0.0.0.0", "255.255.255.255", 6, 68, 67, IP, IP},
		{"0.0.0.0", "10.0.0.254", 17, 68, 67, IP, IP},
		{"0.0.0.0", "224.0.0.1", 2, 0, 0, IP, IP},
		{"127.0.0.1", "10.9.9.9", 6, 1, 2, IP, IP},
		{"255.255.255.255", "10.9.9.9", 6, 1, 2, IP, IP},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++)
		for (unsigned int tags = 0; tags < 3; tags++) {
			struct frame f = ethernet(OTHER, OWN, tags, 0x0800);

			add_ipv4(&f, table[i].src, table[i].dst, table[i].proto, table[i].from,
				table[i].to);
			expect(&f, &both, false, table[i].with_both, table[i].src);
			expect(&f, &only4, false, table[i].with_both, table[i].src);
			expect(&f, &only6, false, table[i].with_v6, table[i].src);
		}
}

static void
test_arp_from_the_guest(void **state)
{
	static const struct {
		const char *src, *sha, *spa;
		enum bf_drop why;
	} table[] = {
		{OWN, OWN, "10.0.0.1", PASS},
		{OWN, OWN, "192.168.255.1", PASS},
		{OWN, OWN, "10.0.0.2", NB},
		{OWN, OTHER, "10.0.0.1", NB},
		{OWN, VRRP, "10.0.0.1", PASS},
		{VRRP, VRRP, "10.0.0.1", PASS},
		{OWN, OWN, "0.0.0.0", NB},
		{OWN, "00:00:00:00:00:00", "10.0.0.1", NB},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++)
		for (uint8_t op = 1; op <= 2; op++) {
			uint8_t p[28] = {0, 1, 8, 0, 6, 4, 0, op};
			struct frame f =
				ethernet("ff:ff:ff:ff:ff:ff", table[i].src, op - 1u, 0x0806);

			mac_read(table[i].sha, p + 8);
			inet_pton(AF_INET, table[i].spa, p + 14);
			add(&f, p, 28);
			expect(&f, &both, false, table[i].why, table[i].spa);
			expect(&f, &only6, false, NB, table[i].spa);
			f.data[f.len - 28 + 5] = 16; /* addresses of another length */
			expect(&f, &both, false, NB, "no IPv4");
			f.data[12] = 0x80; /* RARP */
			f.data[13] = 0x35;
			expect(&f, &both, false, PASS, "RARP");
		}
}

static void
test_ipv6_from_the_guest(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t type, code; /* of ICMPv6 */
		enum bf_drop why;
	} table[] = {
		{"fd00::1", "fd00::9", 128, 0, PASS},
		{"fd00:1:2::3", "ff02::1", 128, 0, PASS},
		{"fd00::2", "fd00::9", 128, 0, IP},
		{LINK_LOCAL, "fe80::9", 128, 0, PASS},
		{"fe80::200:5eff:fe00:107", "ff02::12", 128, 0, PASS}, /* of VRRP */
		{"fe80::200:ff:fe00:99", "fe80::9", 128, 0, IP},
		{"fe80::1234", "fe80::9", 128, 0, IP},
		{"fe80:1::ff:fe00:1", "fe80::9", 128, 0, IP},
		{"::", "ff02::16", 143, 0, PASS},
		{"::", "ff02::16", 131, 0, PASS},
		{"::", "ff02::2", 133, 0, IP},
		{"::", "ff02::16", 143, 1, IP},
		{"::", "ff05::2", 143, 0, IP},
		{"::", "fd00::9", 131, 0, IP},
		{"::ffff:10.0.0.1", "fd00::9", 128, 0, IP},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++)
		for (unsigned int tags = 0; tags < 3; tags++) {
			struct frame f = ethernet(OTHER, OWN, tags, 0x86dd);

			add_ipv6(&f, table[i].src, table[i].dst, 58, 64);
			add_icmp6(&f, table[i].type, table[i].code, NULL, 0, NULL);
			expect(&f, &both, false, table[i].why, table[i].src);
			expect(&f, &only6, false, table[i].why, table[i].src);
			expect(&f, &only4, false, IP, table[i].src);
		}
}

static void
test_neighbour_discovery_from_the_guest(void **state)
{
	static const struct {
		const char *src;
		uint8_t type, code, hops;
		const char *target, *mac;
		enum bf_drop why;
	} table[] = {
		/* Solicitations: for anybody, and of no other MAC address. */
		{"fd00::1", 135, 0, 255, "fd00::9", OWN, PASS},
		{"fd00::1", 135, 0, 255, "fd00::9", NULL, PASS},
		{"fd00::1", 135, 0, 255, "fd00::9", VRRP, PASS},
		{"fd00::1", 135, 0, 255, "fd00::9", OTHER, NB},
		{"fd00::9", 135, 0, 255, "fd00::9", OWN, IP},
		{"::", 135, 0, 255, "fd00::1", NULL, PASS},
		{"::", 135, 0, 255, LINK_LOCAL, NULL, PASS},
		{"::", 135, 0, 255, "fd00::1", OTHER, NB},
		{"fd00::1", 135, 1, 255, "fd00::9", OWN, NB},
		/* Advertisements: of its own addresses. */
		{"fd00::1", 136, 0, 255, "fd00::1", OWN, PASS},
		{"fd00::1", 136, 0, 255, "fd00:1::5", NULL, PASS},
		{LINK_LOCAL, 136, 0, 255, LINK_LOCAL, OWN, PASS},
		{"fd00::1", 136, 0, 255, "fd00::1", VRRP, PASS},
		{"fd00::1", 136, 0, 255, "fd00::1", OTHER, NB},
		{"fd00::1", 136, 0, 255, "fd00::9", OWN, NB},
		{"fd00::1", 136, 0, 255, "fe80::9", NULL, NB},
		{"::", 136, 0, 255, "fd00::1", OWN, IP},
		{"fd00::1", 136, 3, 255, "fd00::1", OWN, NB},
		/* From a router: no receiver takes it. */
		{"fd00::1", 136, 0, 254, "fd00::9", OTHER, PASS},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++)
		for (unsigned int behind = 0; behind < 2; behind++) {
			static const uint8_t options[8] = {58, 0, 1, 4};
			struct frame f = ethernet("33:33:00:00:00:01", OWN, 0, 0x86dd);

			add_ipv6(&f, table[i].src, "ff02::1", behind ? 60 : 58, table[i].hops);
			if (behind)
				add(&f, options, sizeof(options));
			add_icmp6(&f, table[i].type, table[i].code, table[i].target,
				table[i].type == 135 ? BF_ND_SOURCE_MAC : BF_ND_TARGET_MAC,
				table[i].mac);
			expect(&f, &both, false, table[i].why, table[i].target);
		}
}

static void
test_every_option_of_neighbour_discovery_counts(void **state)
{
	static const uint8_t other[8] = {BF_ND_TARGET_MAC, 1, 2, 0, 0, 0, 0, 0x99};
	static const uint8_t nonce[8] = {14, 1}, endless[8] = {14, 0}, cut[8] = {14, 2};
	const struct {
		const uint8_t *option;
		enum bf_drop why;
	} table[] = {{other, NB}, {nonce, PASS}, {endless, NB}, {cut, NB}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct frame f = ethernet("33:33:00:00:00:01", OWN, 0, 0x86dd);

		add_ipv6(&f, "fd00::1", "ff02::1", 58, 255);
		add_icmp6(&f, 136, 0, "fd00::1", BF_ND_TARGET_MAC, OWN);
		add(&f, table[i].option, 8);
		expect(&f, &both, false, table[i].why, "a second option");
	}
}

static void
test_what_the_guest_gets(void **state)
{
	static const struct {
		const char *mac, *dst;
		bool b, v4, v6; /* it gets it with both families, with one */
	} table[] = {
		{OWN, "10.0.0.1", 1, 1, 0},
		{OWN, "192.168.255.255", 1, 1, 0},
		{OWN, "10.0.0.2", 0, 0, 0},
		{OWN, "255.255.255.255", 1, 1, 0},
		{OWN, "224.0.0.251", 1, 1, 0},
		{OWN, "239.255.255.255", 1, 1, 0},
		{OWN, "240.0.0.1", 0, 0, 0},
		{OWN, "0.0.0.0", 0, 0, 0},
		{"ff:ff:ff:ff:ff:ff", "10.0.0.2", 1, 1, 1},
		{"01:00:5e:00:00:01", "224.0.0.1", 1, 1, 1},
		{OWN, "fd00::1", 1, 0, 1},
		{OWN, "fd00:1::77", 1, 0, 1},
		{OWN, "fd00::2", 0, 0, 0},
		{OWN, "ff02::1", 1, 0, 1},
		{OWN, LINK_LOCAL, 1, 0, 1},
		{OWN, "fe80::9", 0, 0, 0},
		{VRRP, "fe80::200:5eff:fe00:107", 1, 0, 1},
		{"33:33:00:00:00:01", "fd00::2", 1, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(table); i++)
		for (unsigned int tags = 0; tags < 3; tags++) {
			bool v6 = strchr(table[i].dst, ':') != NULL;
			struct frame f = ethernet(table[i].mac, OTHER, tags, v6 ? 0x86dd : 0x0800);
			const enum bf_drop no = BF_DROP_NOT_ITS_IP;

			if (v6)
				add_ipv6(&f, "fd00::9", table[i].dst, 58, 64);
			else
				add_ipv4(&f, "10.9.9.9", table[i].dst, 17, 67, 68);
			expect(&f, &both, true, table[i].b ? PASS : no, table[i].dst);
			expect(&f, &only4, true, table[i].v4 ? PASS : no, table[i].dst);
			expect(&f, &only6, true, table[i].v6 ? PASS : no, table[i].dst);
		}
}

static void
test_what_is_no_ip_passes_both_ways(void **state)
{
	static const uint8_t bytes[46];
	struct frame f = ethernet(OWN, OWN, 0, 0x88b6), arp = ethernet(OWN, OTHER, 1, 0x0806);

	(void)state;
	add(&f, bytes, sizeof(bytes));
	expect(&f, &both, false, PASS, "from");
	expect(&f, &both, true, PASS, "to");
	add(&arp, bytes, sizeof(bytes));
	expect(&arp, &only6, true, PASS, "ARP to it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_from_the_guest),
		cmocka_unit_test(test_arp_from_the_guest),
		cmocka_unit_test(test_ipv6_from_the_guest),
		cmocka_unit_test(test_neighbour_discovery_from_the_guest),
		cmocka_unit_test(test_every_option_of_neighbour_discovery_counts),
		cmocka_unit_test(test_what_the_guest_gets),
		cmocka_unit_test(test_what_is_no_ip_passes_both_ways),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}

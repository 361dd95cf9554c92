/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A frame's head in one line, and none of what is cut off.
 *
 * Threads: one.
 */
#include "unit.h"

#include "control/observe/frame_text.h"

#define MACS "\x02\xaa\0\0\0\1\x52\x54\0\0\0\1"
#define MACS_TEXT "52:54:00:00:00:01 > 02:aa:00:00:00:01"
#define IPV4 "\x08\0\x45\0\0\x28\0\0\0\0\x40\x06\0\0\x0a\0\0\1\x0a\0\0\2"
#define PORTS "\x03\xe8\0\x50"
#define IPV6 \
	"\x86\xdd\x60\0\0\0\0\0\x3a\x40\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1" \
	"\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\2"

static const struct {
	const char *data;
	size_t len;
	const char *text;
} cases[] = {
#define CASE(data, text) \
	{ \
		data, sizeof(data) - 1, text \
	}
	CASE("", "cut off"),
	CASE(MACS, MACS_TEXT ", cut off"),
	CASE(MACS IPV4 PORTS, MACS_TEXT ", IPv4 10.0.0.1 port 1000 > 10.0.0.2 port 80, TCP"),
	CASE(MACS IPV4 "\x03\xe8", MACS_TEXT ", IPv4 10.0.0.1 > 10.0.0.2, TCP"),
	CASE(MACS "\x08\0\x45\0", MACS_TEXT ", IPv4, cut off"),
	CASE(MACS "\x81\0\xe0\x0a" IPV4 PORTS,
		MACS_TEXT ", vlan 10, IPv4 10.0.0.1 port 1000 > 10.0.0.2 port 80, TCP"),
	CASE(MACS "\x88\xa8\0\5\x81\0\0\x0a\x88\xcc",
		MACS_TEXT ", 802.1ad vlan 5, vlan 10, ethertype 0x88cc"),
	CASE(MACS "\x81\0\0", MACS_TEXT ", cut off"),
	CASE(MACS IPV6, MACS_TEXT ", IPv6 fe80::1 > ff02::2, ICMPv6"),
	CASE(MACS "\x08\6\0\1\x08\0\6\4\0\1\x52\x54\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2",
		MACS_TEXT ", ARP who has 10.0.0.2, asks 10.0.0.1"),
	CASE(MACS "\0\x26\x42\x42", MACS_TEXT ", 802.3"),
	CASE(MACS "\x08\0\x45\0\0\x28\0\0\0\1\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2" PORTS,
		MACS_TEXT ", IPv4 10.0.0.1 > 10.0.0.2, UDP, a later fragment"),
	CASE(MACS "\x08\0\x4f\0\0\x28\0\0\0\0\x40\xfd\0\0\x0a\0\0\1\x0a\0\0\2" PORTS,
		MACS_TEXT ", IPv4 10.0.0.1 > 10.0.0.2, protocol 253"),
};

static void
test_heads_are_told_in_a_line(void **state)
{
	char text[BF_FRAME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bf_frame_text((const uint8_t *)cases[i].data, cases[i].len, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

/* Of memory of just that length, so that a checker sees a read behind it. */
static void
test_a_head_of_any_length_is_read_to_its_end_only(void **state)
{
	char text[BF_FRAME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t len = 0; len <= cases[i].len; len++) {
			uint8_t *copy = malloc(len + (len == 0));

			assert_non_null(copy);
			memcpy(copy, cases[i].data, len);
			bf_frame_text(copy, len, text, sizeof(text));
			assert_true(strlen(text) > 0);
			free(copy);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads_are_told_in_a_line),
		cmocka_unit_test(test_a_head_of_any_length_is_read_to_its_end_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

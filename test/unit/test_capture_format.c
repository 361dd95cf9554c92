/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bytes of a capture's file, as the formats' documents have them.
 *
 * Threads: one.
 */
#include "unit.h"

#include "control/observe/capture_format.h"

static uint32_t
u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static const struct bf_capture_frame frame = {
	.wall_ns = 0x123456789abcdef0,
	.data = "abcde",
	.len = 5,
	.pkt_len = 70,
	.port = 3,
	.is_in = true,
	.lost = 9,
	.comment = "lcore 1",
};

static void
test_a_section_and_a_port_begin_a_pcapng_file(void **state)
{
	uint8_t b[2 * BF_CAPTURE_HEAD_ROOM];
	size_t len = bf_capture_put_head(BF_CAPTURE_PCAPNG, b, 9238), n;
	bool is_frame = true;

	(void)state;
	assert_int_equal(u32_at(b), 0x0a0d0d0a);
	assert_int_equal(u32_at(b + 4), len);
	assert_int_equal(u32_at(b + 8), 0x1a2b3c4d);
	assert_int_equal(u32_at(b + len - 4), len);
	n = bf_capture_put_port(b + len, "vm1", 9238);
	assert_int_equal(u32_at(b + len), 1);
	assert_int_equal(u32_at(b + len + 8), 1); /* Ethernet */
	assert_int_equal(u32_at(b + len + 12), 9238);
	assert_memory_equal(b + len + 16, "\2\0\3\0vm1\0\x9\0\1\0\x9\0\0\0\0\0\0\0", 20);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAPNG, b, sizeof(b), &is_frame), len);
	assert_false(is_frame);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAPNG, b + len, n, &is_frame), n);
}

static void
test_a_frame_of_pcapng_says_direction_losses_and_comment(void **state)
{
	uint8_t b[BF_CAPTURE_FRAME_ROOM(5)];
	size_t len = bf_capture_put_frame(BF_CAPTURE_PCAPNG, b, &frame);
	bool is_frame = false;

	(void)state;
	assert_int_equal(len % 4, 0);
	assert_int_equal(u32_at(b), 6);
	assert_int_equal(u32_at(b + 8), 3);
	assert_int_equal(u32_at(b + 12), 0x12345678);
	assert_int_equal(u32_at(b + 16), 0x9abcdef0);
	assert_int_equal(u32_at(b + 20), 5);
	assert_int_equal(u32_at(b + 24), 70);
	assert_memory_equal(b + 28, "abcde\0\0\0", 8);
	assert_memory_equal(b + 36, "\2\0\4\0\1\0\0\0", 8);
	assert_memory_equal(b + 44, "\4\0\x8\0\x9\0\0\0\0\0\0\0", 12);
	assert_memory_equal(b + 56, "\1\0\7\0lcore 1\0\0\0\0\0", 16);
	assert_int_equal(u32_at(b + 72), len);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAPNG, b, len, &is_frame), len);
	assert_true(is_frame);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAPNG, b, len - 1, &is_frame), 0);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAPNG, b, 0, &is_frame), 0);
}

static void
test_pcap_has_nanoseconds(void **state)
{
	uint8_t b[BF_CAPTURE_FRAME_ROOM(5)];
	bool is_frame = false;

	(void)state;
	assert_int_equal(bf_capture_put_head(BF_CAPTURE_PCAP, b, 100), 24);
	assert_int_equal(u32_at(b), 0xa1b23c4d);
	assert_int_equal(u32_at(b + 16), 100);
	assert_int_equal(bf_capture_put_frame(BF_CAPTURE_PCAP, b, &frame), 21);
	assert_int_equal(u32_at(b), (uint32_t)(frame.wall_ns / 1000000000));
	assert_int_equal(u32_at(b + 4), (uint32_t)(frame.wall_ns % 1000000000));
	assert_int_equal(u32_at(b + 8), 5);
	assert_int_equal(u32_at(b + 12), 70);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAP, b, 21, &is_frame), 21);
	assert_true(is_frame);
	assert_int_equal(bf_capture_piece(BF_CAPTURE_PCAP, b, 20, &is_frame), 0);
}

/* A reader that takes the longest there is: no more than its room. */
static void
test_the_longest_fits_the_room_for_it(void **state)
{
	static uint8_t b[BF_CAPTURE_FRAME_ROOM(9238)], data[9238];
	char comment[BF_CAPTURE_COMMENT_MAX + 1], name[BF_CAPTURE_PORT_MAX + 1];
	struct bf_capture_frame f = frame;

	(void)state;
	memset(comment, 'x', sizeof(comment) - 1);
	memset(name, 'x', sizeof(name) - 1);
	comment[BF_CAPTURE_COMMENT_MAX] = name[BF_CAPTURE_PORT_MAX] = '\0';
	f.data = data;
	f.len = sizeof(data);
	f.comment = comment;
	assert_true(bf_capture_put_frame(BF_CAPTURE_PCAPNG, b, &f) <= sizeof(b));
	assert_true(bf_capture_put_port(b, name, 9238) <= BF_CAPTURE_HEAD_ROOM);
	assert_true(bf_capture_put_head(BF_CAPTURE_PCAPNG, b, 9238) <= BF_CAPTURE_HEAD_ROOM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_section_and_a_port_begin_a_pcapng_file),
		cmocka_unit_test(test_a_frame_of_pcapng_says_direction_losses_and_comment),
		cmocka_unit_test(test_pcap_has_nanoseconds),
		cmocka_unit_test(test_the_longest_fits_the_room_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

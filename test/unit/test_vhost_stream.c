/* SPDX-License-Identifier: BSD-3-Clause */

/* lib/vhost/stream.h: bytes and descriptors cut into messages, in whatever pieces they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "vhost/stream.h"

enum {
	HEADER = 12
};

static struct bf_vhost_stream stream;
static struct bf_vhost_stream *const s = &stream;

/* Put up to n bytes where they are wanted. */
static uint32_t
put(const uint8_t *bytes, uint32_t n)
{
	uint8_t *to;
	uint32_t want = bf_vhost_stream_want(s, &to);

	assert_true(want >= 1);
	if (want > n)
		want = n;
	memcpy(to, bytes, want);
	return want;
}

static uint32_t
message(uint8_t *to, uint32_t request, uint32_t flags, uint32_t size)
{
	uint32_t header[3] = {request, flags, size};

	memcpy(to, header, sizeof(header));
	for (uint32_t i = 0; i < size; i++)
		to[HEADER + i] = (uint8_t)(i * 7 + 1);
	return HEADER + size;
}

static int
add_header(uint32_t request, uint32_t flags, uint32_t size, uint32_t n_fds)
{
	struct bf_vhost_fd fd[BF_VHOST_FDS + 1] = {{.fd = 5}};
	uint32_t header[3] = {request, flags, size};

	assert_int_equal(put((uint8_t *)header, HEADER), HEADER);
	return bf_vhost_stream_add(s, HEADER, fd, n_fds, 0);
}

static void
test_a_message_comes_in_pieces_of_any_size(void **state)
{
	static const uint32_t sizes[] = {0, 1, 8, 40, BF_VHOST_PAYLOAD};
	uint8_t bytes[HEADER + BF_VHOST_PAYLOAD];

	(void)state;
	for (uint32_t piece = 1; piece <= sizeof(bytes); piece += piece < 20 ? 1 : 97)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint32_t len = message(bytes, 5, 9, sizes[i]);
			uint32_t at = 0;

			bf_vhost_stream_reset(s);
			while (at < len) {
				uint32_t n = put(bytes + at, len - at < piece ? len - at : piece);

				at += n;
				assert_int_equal(bf_vhost_stream_add(s, n, NULL, 0, 0), at == len);
			}
			assert_int_equal(s->m.request, 5);
			assert_int_equal(s->m.flags, 9);
			assert_int_equal(s->m.size, sizes[i]);
			assert_memory_equal(s->m.payload, bytes + HEADER, sizes[i]);
		}
}

static void
test_no_more_is_wanted_than_belongs_to_the_message(void **state)
{
	uint8_t *to;

	(void)state;
	bf_vhost_stream_reset(s);
	assert_int_equal(bf_vhost_stream_want(s, &to), HEADER);
	assert_int_equal(add_header(1, 1, 40, 0), 0);
	assert_int_equal(bf_vhost_stream_want(s, &to), 40);
	assert_ptr_equal(to, s->m.payload);
}

static void
test_a_header_that_cannot_be_is_refused(void **state)
{
	static const uint32_t flags[] = {0, 2, 3, 0xfffffffe};
	static const uint32_t sizes[] = {BF_VHOST_PAYLOAD + 1, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		bf_vhost_stream_reset(s);
		assert_int_equal(add_header(1, flags[i], 0, 1), -EPROTO);
		assert_int_equal(s->m.n_fds, 0);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bf_vhost_stream_reset(s);
		assert_int_equal(add_header(1, 1, sizes[i], 0), -EPROTO);
	}
	/* Whether the rest of the flags can be is for the session, which knows words. */
	bf_vhost_stream_reset(s);
	assert_int_equal(add_header(1, 0x15, 0, 0), 1);
}

static void
test_descriptors_are_gathered_up_to_eight(void **state)
{
	struct bf_vhost_fd fd[BF_VHOST_FDS + 1];
	uint8_t bytes[HEADER + 8];

	(void)state;
	for (int i = 0; i < BF_VHOST_FDS + 1; i++)
		fd[i] = (struct bf_vhost_fd){.fd = 100 + i, .kind = BF_VHOST_FD_EVENT};
	(void)message(bytes, 5, 1, 8);
	bf_vhost_stream_reset(s);
	assert_int_equal(put(bytes, 5), 5);
	assert_int_equal(bf_vhost_stream_add(s, 5, fd, 3, 0), 0);
	assert_int_equal(put(bytes + 5, 7), 7);
	assert_int_equal(bf_vhost_stream_add(s, 7, fd + 3, 5, 0), 0);
	assert_int_equal(s->m.n_fds, 8);
	for (int i = 0; i < BF_VHOST_FDS; i++)
		assert_int_equal(s->m.fd[i].fd, 100 + i);
	/* One more is not taken; the eight are still in hand. */
	assert_int_equal(put(bytes + HEADER, 8), 8);
	assert_int_equal(bf_vhost_stream_add(s, 8, fd + 8, 1, 0), -EPROTO);
	assert_int_equal(s->m.n_fds, 8);
	bf_vhost_stream_reset(s);
	assert_int_equal(add_header(5, 1, 8, BF_VHOST_FDS + 1), -EPROTO);
	assert_int_equal(s->m.n_fds, 0);
	bf_vhost_stream_reset(s);
	assert_int_equal(add_header(5, 1, 8, UINT32_MAX), -EPROTO);
	assert_int_equal(s->m.n_fds, 0);
}

static void
test_half_a_message_is_overdue_after_its_time(void **state)
{
	uint8_t bytes[HEADER + 8];

	(void)state;
	(void)message(bytes, 2, 1, 8);
	bf_vhost_stream_reset(s);
	assert_int_equal(bf_vhost_stream_due_ms(s), UINT64_MAX);
	assert_int_equal(put(bytes, 1), 1);
	assert_int_equal(bf_vhost_stream_add(s, 1, NULL, 0, 1000), 0);
	assert_int_equal(bf_vhost_stream_due_ms(s), 1000 + BF_VHOST_HALF_MS);
	/* A byte now and then does not win more of it. */
	for (uint32_t at = 1; at < HEADER + 7; at++) {
		assert_int_equal(put(bytes + at, 1), 1);
		assert_int_equal(bf_vhost_stream_add(s, 1, NULL, 0, 1000 + at * 500), 0);
		assert_int_equal(bf_vhost_stream_due_ms(s), 1000 + BF_VHOST_HALF_MS);
	}
	assert_int_equal(put(bytes + HEADER + 7, 1), 1);
	assert_int_equal(bf_vhost_stream_add(s, 1, NULL, 0, 9000), 1);
	assert_int_equal(bf_vhost_stream_due_ms(s), UINT64_MAX);
	bf_vhost_stream_reset(s);
	assert_int_equal(put(bytes, 1), 1);
	assert_int_equal(bf_vhost_stream_add(s, 1, NULL, 0, 20000), 0);
	assert_int_equal(bf_vhost_stream_due_ms(s), 20000 + BF_VHOST_HALF_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_comes_in_pieces_of_any_size),
		cmocka_unit_test(test_no_more_is_wanted_than_belongs_to_the_message),
		cmocka_unit_test(test_a_header_that_cannot_be_is_refused),
		cmocka_unit_test(test_descriptors_are_gathered_up_to_eight),
		cmocka_unit_test(test_half_a_message_is_overdue_after_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

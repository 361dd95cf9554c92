/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lib/vhost/session.h: what a front end may say, in which order, and what it may not.  What must
 * hold after every message is checked by the front (test/model/vhost_front.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test_vhost_refusals.h"

#define PROTO BF_VHOST_F_PROTOCOL_FEATURES
#define PACKED BF_VHOST_F_RING_PACKED
#define LOG_ALL BF_VHOST_F_LOG_ALL
#define V1 (UINT64_C(1) << 32)
#define SPLIT_DEVICE (V1 | PROTO)
#define PACKED_DEVICE (V1 | PROTO | PACKED)

static struct front front;
static struct front *const f = &front;

static int
region(uint32_t request, uint64_t gpa, uint64_t size, uint64_t uva, uint64_t offset,
	const char *fds)
{
	uint64_t payload[] = {0, gpa, size, uva, offset};

	return front_say(f, request, payload, sizeof(payload), fds);
}

static int
log_base(uint64_t size, const char *fds)
{
	uint64_t payload[] = {size, 0};

	return front_say(f, BF_VHOST_SET_LOG_BASE, payload, sizeof(payload), fds);
}

static int
inflight(uint32_t request, uint64_t size, uint16_t n, uint16_t ring_size, const char *fds)
{
	struct bf_vhost_wire_inflight w = {size, 0, n, ring_size, 0};

	return front_say(f, request, &w, sizeof(w), fds);
}

/* Refusals. */

static void
check_refusal(const struct refusal *r, bool asked)
{
	bool has_status =
		r->outcome == STATUS || r->outcome == STATUS_END || (asked && r->outcome != OWN);
	bool ends =
		r->outcome == OWN || (!asked && (r->outcome == END || r->outcome == STATUS_END));
	int ret;

	front_up(f, SPLIT_DEVICE);
	f->need_reply = asked;
	ret = front_say(f, r->request, r->payload, r->len, r->fds);
	if (f->n_refused != 1 || strstr(f->why, r->why) == NULL ||
		strchr(f->s.error, ':') == NULL || ret != (ends ? -EPROTO : 0) ||
		(f->answer.len != 0) != has_status)
		fail_msg("%s, %s: %d, answer of %u bytes, refused %u times: \"%s\"", r->name,
			asked ? "asked" : "not asked", ret, f->answer.len, f->n_refused, f->why);
	if (has_status)
		assert_int_equal(front_answer(f), 1);
	assert_int_equal(f->s.refusals, 1);
	assert_true(f->runs[0] && f->runs[1]);
	/* And it goes on as if nothing had been. */
	assert_int_equal(front_memory(f), 0);
	assert_true(f->runs[0] && f->runs[1]);
	front_fini(f);
}

static void
test_what_is_wrong_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		check_refusal(&refusals[i], false);
		check_refusal(&refusals[i], true);
	}
}

static void
test_a_request_needs_its_protocol_feature(void **state)
{
	static const struct {
		uint32_t request, len;
		const char *fds, *feature;
		bool ignored;
		uint64_t payload[5];
	} cases[] = {
		{BF_VHOST_SET_LOG_BASE, 16, "m", "log_shmfd", false, {0x1000, 0}},
		{BF_VHOST_SEND_RARP, 8, "", "rarp", true, {1}},
		{BF_VHOST_NET_SET_MTU, 8, "", "mtu", true, {1500}},
		{BF_VHOST_GET_INFLIGHT_FD, 20, "", "inflight_shmfd", false, {0, 0, RINGS(2, 256)}},
		{BF_VHOST_SET_INFLIGHT_FD, 20, "m", "inflight_shmfd", false,
			{0x10000, 0, RINGS(2, 256)}},
		{BF_VHOST_RESET_DEVICE, 0, "", "reset_device", false, {0}},
		{BF_VHOST_GET_MAX_MEM_SLOTS, 0, "", "configure_mem_slots", false, {0}},
		{BF_VHOST_ADD_MEM_REG, 40, "m", "configure_mem_slots", false,
			{0, FREE_GPA, 0x1000, FREE_UVA, 0}},
		{BF_VHOST_REM_MEM_REG, 40, "m", "configure_mem_slots", false, {0}},
		{BF_VHOST_SET_STATUS, 8, "", "status", false, {1}},
		{BF_VHOST_GET_STATUS, 0, "", "status", false, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[64];

		front_init(f);
		snprintf(expected, sizeof(expected), "protocol feature %s: not negotiated",
			cases[i].feature);
		assert_int_equal(front_say(f, cases[i].request, cases[i].payload, cases[i].len,
					 cases[i].fds),
			cases[i].ignored ? 0 : -EPROTO);
		assert_string_equal(f->why, expected);
		front_fini(f);
	}
}

static void
test_headers_that_cannot_be_end_the_connection(void **state)
{
	static const uint32_t flags[] = {0, 2, 3, 5, 0xd, 0x11, 0x80000001, UINT32_MAX};

	(void)state;
	front_up(f, SPLIT_DEVICE);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		uint64_t features = 0;

		assert_int_equal(
			front_send(f, BF_VHOST_SET_FEATURES, flags[i], &features, 8, "e"), -EPROTO);
		assert_int_equal(f->answer.len, 0);
		assert_non_null(strstr(f->why, "flags 0x"));
	}
	front_fini(f);
}

static void
test_nothing_is_answered_or_told_when_all_is_well(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(f->answer.len, 0);
	assert_int_equal(f->n_refused, 0);
	assert_string_equal(f->s.error, "");
	assert_true(f->s.owned && f->s.messages > 10);
	front_fini(f);
}

/* Answers. */

static void
test_need_reply_is_answered_once_reply_ack_is_negotiated(void **state)
{
	(void)state;
	front_init(f);
	f->need_reply = true;
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, SPLIT_DEVICE, ""), 0);
	assert_int_equal(f->answer.len, 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, 1, ""), -EPROTO);
	assert_int_equal(f->answer.len, 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, FRONT_OFFER_PROTOCOL, ""), 0);
	assert_int_equal(front_answer(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, SPLIT_DEVICE, ""), 0);
	assert_int_equal(front_answer(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, 1, ""), 0);
	assert_int_equal(front_answer(f), 1);
	assert_int_equal(front_u64(f, BF_VHOST_NET_SET_MTU, 9000, ""), 0);
	assert_int_equal(front_answer(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_NET_SET_MTU, 5, ""), 0);
	assert_int_equal(front_answer(f), 1);
	assert_int_equal(f->s.mtu, 9000);
	/* A request with an answer of its own has one answer. */
	assert_int_equal(front_say(f, BF_VHOST_GET_FEATURES, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), FRONT_OFFER_FEATURES);
	front_fini(f);
}

static void
test_what_is_asked_for_is_answered(void **state)
{
	(void)state;
	front_init(f);
	assert_int_equal(front_say(f, BF_VHOST_GET_FEATURES, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), FRONT_OFFER_FEATURES);
	assert_int_equal(front_say(f, BF_VHOST_GET_PROTOCOL_FEATURES, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), FRONT_OFFER_PROTOCOL);
	/* Offered is enough. */
	assert_int_equal(front_say(f, BF_VHOST_GET_QUEUE_NUM, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), 2);
	front_negotiate(f, SPLIT_DEVICE);
	assert_int_equal(front_say(f, BF_VHOST_GET_MAX_MEM_SLOTS, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), BF_VHOST_REGIONS);
	assert_int_equal(front_u64(f, BF_VHOST_SET_STATUS, 0xb, ""), 0);
	assert_int_equal(front_say(f, BF_VHOST_GET_STATUS, NULL, 0, ""), 0);
	assert_int_equal(front_answer(f), 0xb);
	assert_int_equal(front_u64(f, BF_VHOST_SEND_RARP, UINT64_C(0xffff060504030201), ""), 0);
	assert_int_equal(f->n_announced, 1);
	assert_int_equal(f->announced, UINT64_C(0x060504030201));
	front_fini(f);
}

static void
test_without_protocol_features_on_offer_they_are_refused(void **state)
{
	(void)state;
	front_init_offer(f, V1, 0, 2);
	assert_int_equal(front_say(f, BF_VHOST_GET_PROTOCOL_FEATURES, NULL, 0, ""), -EPROTO);
	assert_string_equal(f->why, "protocol features: not offered");
	assert_int_equal(front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, 0, ""), -EPROTO);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), -EPROTO);
	assert_int_equal(front_say(f, BF_VHOST_GET_QUEUE_NUM, NULL, 0, ""), -EPROTO);
	assert_string_equal(f->why, "protocol feature mq: not offered");
	front_fini(f);
}

/* Rings. */

static void
test_a_ring_runs_once_it_is_kicked_and_enabled(void **state)
{
	(void)state;
	front_init(f);
	front_negotiate(f, SPLIT_DEVICE);
	assert_int_equal(front_memory(f), 0);
	front_ring(f, 0);
	assert_false(f->runs[0]);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), 0);
	assert_true(f->runs[0]);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 0), 0);
	assert_false(f->runs[0]);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), 0);
	assert_true(f->runs[0]);
	front_fini(f);
}

/* VU "Ring states": it is processed, and discarded. */
static void
test_a_disabled_ring_that_transmits_runs_too(void **state)
{
	unsigned int starts;

	(void)state;
	front_init(f);
	front_negotiate(f, SPLIT_DEVICE);
	assert_int_equal(front_memory(f), 0);
	front_ring(f, 1);
	assert_true(f->runs[1] && !f->s.ring[1].enabled);
	starts = f->n_starts;
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_true(f->runs[1] && f->s.ring[1].enabled);
	assert_int_equal(f->n_starts - starts, 1);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_int_equal(f->n_starts - starts, 1);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 1, 0), 0);
	assert_true(f->runs[1] && !f->s.ring[1].enabled);
	assert_int_equal(f->n_starts - starts, 2);
	front_fini(f);
}

static void
test_without_protocol_features_a_ring_is_enabled_from_the_start(void **state)
{
	(void)state;
	front_init(f);
	front_negotiate(f, V1);
	assert_int_equal(front_memory(f), 0);
	front_ring(f, 0);
	front_ring(f, 1);
	assert_true(f->runs[0] && f->runs[1]);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 0), -EPROTO);
	assert_string_equal(f->why, "feature protocol_features: not negotiated");
	/* Nor could it be enabled again. */
	assert_int_equal(front_say(f, BF_VHOST_RESET_OWNER, NULL, 0, ""), 0);
	assert_true(f->runs[0] && f->runs[1]);
	front_fini(f);
}

static void
test_rings_may_be_enabled_before_features_are_set(void **state)
{
	(void)state;
	front_init(f);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0, "e"), 0);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), 0);
	front_negotiate(f, SPLIT_DEVICE);
	assert_int_equal(front_memory(f), 0);
	front_ring(f, 0);
	assert_true(f->runs[0]);
	front_fini(f);
}

static void
say_step(unsigned int step, uint64_t features)
{
	switch (step) {
	case 0:
		assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, features, ""), 0);
		break;
	case 1:
		assert_int_equal(front_memory(f), 0);
		break;
	case 2:
		assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 256), 0);
		break;
	case 3:
		assert_int_equal(front_state(f, BF_VHOST_SET_VRING_BASE, 0, 17), 0);
		break;
	case 4:
		assert_int_equal(front_addr(f, 0, 0), 0);
		break;
	default:
		assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 0x100, ""), 0);
		break;
	}
}

static void
test_a_ring_may_be_described_in_any_order(void **state)
{
	enum {
		STEPS = 6,
		ORDERS = 720
	};

	(void)state;
	for (unsigned int order = 0; order < ORDERS * 2; order++) {
		unsigned int left[STEPS] = {0, 1, 2, 3, 4, 5};
		unsigned int code = order / 2;

		front_init(f);
		for (unsigned int n = STEPS; n > 0; n--) {
			unsigned int at = code % n;

			code /= n;
			say_step(left[at], order & 1 ? V1 : V1 | PACKED);
			memmove(&left[at], &left[at + 1], (n - at - 1) * sizeof(left[0]));
		}
		assert_true(f->runs[0]);
		assert_int_equal(f->n_refused, 0);
		assert_int_equal(f->position[0] & 0xffff, 17);
		front_fini(f);
	}
}

static void
test_stopping_a_ring_answers_where_it_stands_and_lets_its_descriptors_go(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[1] = 4711;
	/* The number in the question does not count. */
	assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 1, 99), 0);
	assert_int_equal(front_answer_num(f), 4711);
	assert_true(f->runs[0] && !f->runs[1]);
	assert_int_equal(f->s.ring[1].kick.fd, -1);
	assert_int_equal(f->s.ring[1].call.fd, -1);
	assert_false(bf_vhost_session_is_up(&f->s));
	/* Once more, and of one that never ran. */
	assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 1, 0), 0);
	assert_int_equal(front_answer_num(f), 4711);
	assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 3, 0), 0);
	assert_int_equal(front_answer_num(f), 0);
	/* What was said of it is still known: a kick is enough. */
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 1, "p"), 0);
	assert_true(f->runs[1]);
	assert_int_equal(f->position[1], 4711);
	front_fini(f);
}

static void
test_what_changes_a_running_ring_stops_and_starts_it(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[0] = 77;
	f->n_starts = 0;
	f->n_stops = 0;
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0, "p"), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0x100, ""), 0);
	assert_int_equal(f->s.ring[0].call.fd, -1);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 0x100, ""), 0);
	assert_int_equal(f->s.ring[0].kick.fd, -1);
	assert_int_equal(front_addr(f, 0, 1), 0);
	assert_true(f->s.ring[0].logged);
	assert_int_equal(f->s.ring[0].log_gpa, 0x1000);
	assert_int_equal(f->n_stops, 4);
	assert_int_equal(f->n_starts, 4);
	assert_int_equal(f->position[0], 77);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_ERR, 0, "o"), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_ERR, 0x100, ""), 0);
	assert_int_equal(front_say(f, BF_VHOST_SET_LOG_FD, NULL, 0, "e"), 0);
	assert_int_equal(f->n_stops, 4);
	front_fini(f);
}

static void
test_the_position_survives_new_features_memory_and_log(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[0] = 5;
	f->position[1] = 65535;
	assert_int_equal(log_base(0x40000, "m"), 0);
	assert_int_equal(front_answer(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, SPLIT_DEVICE | LOG_ALL, ""), 0);
	assert_int_equal(front_memory(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, SPLIT_DEVICE, ""), 0);
	assert_true(f->runs[0] && f->runs[1]);
	assert_int_equal(f->position[0], 5);
	assert_int_equal(f->position[1], 65535);
	front_fini(f);
}

static void
test_a_ring_outside_of_memory_does_not_run_and_says_so_once(void **state)
{
	struct bf_vhost_wire_addr addr = {
		0, 0, FRONT_DESC(0), UVA1 + SIZE1 - 2050, FRONT_AVAIL(0), 0};

	(void)state;
	addr.used &= ~UINT64_C(3);
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_true(!f->runs[0] && f->runs[1]);
	assert_string_equal(f->why, "ring 0: its used ring is not in one region of memory");
	assert_string_equal(f->request, "SET_VRING_ADDR");
	assert_string_equal(f->s.ring[0].wrong, "its used ring is not in one region of memory");
	assert_int_equal(front_memory(f), 0);
	assert_int_equal(f->n_refused, 1);
	/* A smaller one has room. */
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 128), 0);
	assert_true(f->runs[0]);
	assert_null(f->s.ring[0].wrong);
	front_fini(f);
}

static void
test_areas_of_a_ring_may_reach_the_last_byte_of_a_region(void **state)
{
	struct bf_vhost_wire_addr addr = {.index = 0};

	(void)state;
	front_up(f, SPLIT_DEVICE);
	addr.desc = UVA1 + SIZE1 - 4096;
	addr.avail = UVA0 + SIZE0 - 518;
	addr.used = UVA1;
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_true(f->runs[0]);
	addr.avail += 2;
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_false(f->runs[0]);
	assert_string_equal(f->why, "ring 0: its available ring is not in one region of memory");
	addr.avail = UVA0;
	addr.desc += 16;
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_false(f->runs[0]);
	assert_string_equal(f->why, "ring 0: its descriptors are not in one region of memory");
	front_fini(f);
}

static void
test_what_is_right_for_packed_rings_may_be_wrong_for_split_ones(void **state)
{
	(void)state;
	front_up(f, PACKED_DEVICE);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 300), 0);
	assert_true(f->runs[0]);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, SPLIT_DEVICE, ""), 0);
	assert_true(!f->runs[0] && f->runs[1]);
	assert_string_equal(f->why, "ring 0: its size is not a power of two");
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, PACKED_DEVICE, ""), 0);
	assert_true(f->runs[0] && f->runs[1]);
	front_fini(f);
}

static void
test_positions_of_packed_rings(void **state)
{
	static const struct {
		uint32_t said, runs;
	} good[] = {{0, 0}, {0x8000, 0x80008000}, {0x80ff, 0x80ff80ff}, {0x12, 0x120012},
		{0x80ff0010, 0x80ff0010}, {0x10000, 0x10000}};
	static const uint32_t bad[] = {0x100, 0x8100, 0x1000000, 0x81008000, UINT32_MAX};

	(void)state;
	front_up(f, PACKED_DEVICE);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(front_state(f, BF_VHOST_SET_VRING_BASE, 0, good[i].said), 0);
		assert_true(f->runs[0]);
		assert_int_equal(f->s.ring[0].base, good[i].runs);
		assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 0, 0), 0);
		assert_int_equal(front_answer_num(f), good[i].runs);
		assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 0x100, ""), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(front_state(f, BF_VHOST_SET_VRING_BASE, 0, bad[i]), -EPROTO);
		assert_non_null(strstr(f->why, "expected both indices below the size 256"));
	}
	/* Smaller than where it stands. */
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_BASE, 0, 0x8080), 0);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 128), 0);
	assert_false(f->runs[0]);
	assert_string_equal(f->why, "ring 0: its position is beyond its size");
	front_fini(f);
}

static void
test_areas_of_packed_rings_are_aligned_to_4(void **state)
{
	struct bf_vhost_wire_addr addr = {
		0, 0, FRONT_DESC(0), FRONT_USED(0), FRONT_AVAIL(0) + 2, 0};

	(void)state;
	front_up(f, PACKED_DEVICE);
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), -EPROTO);
	assert_non_null(strstr(f->why, "driver area 0x"));
	/* Good for a split ring: said before it is known that this is none. */
	front_fini(f);
	front_init(f);
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 256), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 0, "e"), 0);
	assert_int_equal(front_memory(f), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, V1 | PACKED, ""), 0);
	assert_string_equal(f->why, "ring 0: its addresses are not aligned");
	front_fini(f);
}

static void
test_the_largest_ring_runs(void **state)
{
	struct bf_vhost_wire_addr addr = {0, 0, UVA1, UVA1 + 0x80000, UVA0, 0};

	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(front_say(f, BF_VHOST_SET_VRING_ADDR, &addr, sizeof(addr), ""), 0);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, BF_VHOST_RING_SIZE), 0);
	assert_true(f->runs[0]);
	assert_int_equal(f->s.ring[0].size, 32768);
	front_fini(f);
}

/* Memory. */

static void
test_a_table_that_cannot_be_mapped_leaves_the_old_one(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 2; n++) {
		front_up(f, SPLIT_DEVICE);
		f->position[0] = 3;
		f->fail = n;
		f->n_changes = 0;
		assert_int_equal(front_memory(f), -EPROTO);
		assert_non_null(strstr(f->why, "cannot be mapped: Cannot allocate memory"));
		assert_int_equal(f->n_changes, 0);
		assert_int_equal(f->s.n_regions, 2);
		assert_true(f->runs[0] && f->runs[1] && f->position[0] == 3);
		front_fini(f);
	}
}

static void
test_regions_come_and_go_while_rings_run(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[0] = 9;
	for (uint64_t i = 0; i < BF_VHOST_REGIONS - 2; i++)
		assert_int_equal(region(BF_VHOST_ADD_MEM_REG, FREE_GPA + i * 0x1000, 0x1000,
					 FREE_UVA + i * 0x1000, i * 0x1000, "m"),
			0);
	assert_int_equal(f->s.n_regions, BF_VHOST_REGIONS);
	assert_int_equal(region(BF_VHOST_ADD_MEM_REG, FREE_GPA << 1, 0x1000, FREE_UVA << 1, 0, "m"),
		-EPROTO);
	assert_string_equal(f->why, "one region more: expected at most 32");
	assert_ptr_equal(
		bf_vhost_session_at(&f->s, FREE_GPA + 0x5010, 16), f->s.region[2 + 5].va + 0x10);
	assert_null(bf_vhost_session_at(&f->s, FREE_GPA + 0x5ff8, 16));
	assert_null(bf_vhost_session_at(&f->s, UINT64_MAX, UINT64_MAX));
	/* One of these in the middle; the offset does not count, a descriptor is let go. */
	assert_int_equal(region(BF_VHOST_REM_MEM_REG, FREE_GPA + 0x5000, 0x1000, FREE_UVA + 0x5000,
				 0x77, "o"),
		0);
	assert_null(bf_vhost_session_at(&f->s, FREE_GPA + 0x5010, 16));
	assert_true(f->runs[0] && f->position[0] == 9);
	/* The one that the rings are in. */
	assert_int_equal(region(BF_VHOST_REM_MEM_REG, GPA1, SIZE1, UVA1, 0, ""), 0);
	assert_true(!f->runs[0] && !f->runs[1]);
	assert_string_equal(f->why, "ring 0: its descriptors are not in one region of memory");
	assert_int_equal(region(BF_VHOST_ADD_MEM_REG, GPA1, SIZE1, UVA1, FRONT_OFFSET1, "m"), 0);
	assert_true(f->runs[0] && f->runs[1] && f->position[0] == 9);
	front_fini(f);
}

static void
test_all_memory_may_go(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(region(BF_VHOST_REM_MEM_REG, GPA1, SIZE1, UVA1, 0, ""), 0);
	assert_int_equal(region(BF_VHOST_REM_MEM_REG, GPA0, SIZE0, UVA0, 0, ""), 0);
	assert_int_equal(f->s.n_regions, 0);
	assert_null(bf_vhost_session_at(&f->s, GPA0, 1));
	/* Nothing is wrong with a ring whose memory is still to come. */
	assert_null(f->s.ring[0].wrong);
	assert_int_equal(front_memory(f), 0);
	assert_true(f->runs[0] && f->runs[1]);
	front_fini(f);
}

static void
test_a_table_with_room_for_more_regions_is_understood(void **state)
{
	uint64_t table[1 + 4 * 2] = {1, GPA1, SIZE1, UVA1, FRONT_OFFSET1, UINT64_MAX, UINT64_MAX};

	(void)state;
	front_init(f);
	assert_int_equal(front_say(f, BF_VHOST_SET_MEM_TABLE, table, sizeof(table), "m"), 0);
	assert_int_equal(f->s.n_regions, 1);
	front_fini(f);
}

static void
test_a_region_may_end_where_addresses_do(void **state)
{
	uint64_t table[] = {1, TOP - 0x1000, 0x1000, TOP - 0x1000, 0};

	(void)state;
	front_init(f);
	assert_int_equal(front_say(f, BF_VHOST_SET_MEM_TABLE, table, sizeof(table), "m"), 0);
	assert_non_null(bf_vhost_session_at(&f->s, TOP - 1, 1));
	assert_null(bf_vhost_session_at(&f->s, TOP - 1, 2));
	assert_null(bf_vhost_session_at(&f->s, TOP - 1, UINT64_MAX));
	front_fini(f);
}

/* Workers may be about to signal it: whoever closes it has to know. */
static void
test_a_call_descriptor_that_a_ring_ran_with_was_lent(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_true(f->runs[0] && f->n_lent == 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0, "e"), 0);
	assert_int_equal(f->n_lent, 1);
	assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 0, 0), 0);
	assert_int_equal(f->n_lent, 2);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0, "e"), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 0, "e"), 0);
	assert_int_equal(f->n_lent, 2);
	front_fini(f);
}

/* Log and inflight area. */

static void
test_a_log_takes_the_place_of_the_one_before(void **state)
{
	void *first;

	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(log_base(0x1000, "s"), 0);
	assert_int_equal(front_answer(f), 0);
	first = f->s.log.va;
	assert_int_equal(f->s.log.size, 0x1000);
	assert_int_equal(log_base(0x2000, "m"), 0);
	assert_int_equal(f->s.log.size, 0x2000);
	f->fail = 1;
	assert_int_equal(log_base(0x3000, "m"), -EPROTO);
	assert_int_equal(front_answer(f), 1);
	assert_int_equal(f->s.log.size, 0x2000);
	assert_ptr_not_equal(f->s.log.va, first);
	front_fini(f);
}

/* Regions may come later, in a space of addresses with holes: there is room for some more. */
static void
test_a_log_is_not_much_larger_than_the_memory(void **state)
{
	const uint64_t most = UINT64_C(0x4000000), far = UINT64_C(1) << 46;
	uint64_t region[] = {0, far, 0x1000, FREE_UVA, 0};

	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(front_say(f, BF_VHOST_ADD_MEM_REG, region, sizeof(region), "m"), 0);
	assert_int_equal(log_base(far / 4096 / 8 * 2 + most, "h"), 0);
	assert_int_equal(front_answer(f), 0);
	assert_int_equal(log_base(far / 4096 / 8 * 2 + most + 2, "h"), -EPROTO);
	assert_int_equal(f->s.log.size, far / 4096 / 8 * 2 + most);
	assert_non_null(strstr(f->why, "expected at most 0x104000000"));
	front_fini(f);
}

static void
test_an_inflight_area_is_not_much_larger_than_the_rings(void **state)
{
	const uint64_t most = 2 * 2 * 4160 + 0x200000;

	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, most, 2, 256, "h"), 0);
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, most + 1, 2, 256, "h"), -EPROTO);
	assert_int_equal(f->s.inflight.size, most);
	assert_non_null(
		strstr(f->why, "inflight area of 0x204101 bytes: expected at most 0x204100"));
	front_fini(f);
}

static void
check_inflight(uint64_t features, uint64_t part)
{
	struct bf_vhost_wire_inflight w;

	front_up(f, features);
	assert_int_equal(inflight(BF_VHOST_GET_INFLIGHT_FD, 0, 2, 256, ""), 0);
	assert_int_equal(f->answer.len, BF_VHOST_HEADER + 24);
	assert_true(f->answer.fd >= 0);
	memcpy(&w, f->answer.bytes + BF_VHOST_HEADER, sizeof(w));
	assert_int_equal(w.size, 2 * part);
	assert_int_equal(w.offset, 0);
	assert_int_equal(w.n_rings, 2);
	assert_int_equal(w.ring_size, 256);
	assert_null(f->s.ring[0].keep);
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, w.size, 2, 256, "m"), 0);
	assert_ptr_equal(f->s.ring[0].keep, f->s.inflight.va);
	assert_ptr_equal(f->s.ring[1].keep, f->s.inflight.va + part);
	/* Too large for it, or not in it. */
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_NUM, 0, 512), 0);
	assert_true(f->runs[0]);
	assert_null(f->s.ring[0].keep);
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, part, 1, 256, "m"), 0);
	assert_null(f->s.ring[1].keep);
	front_fini(f);
}

static void
test_rings_keep_their_state_in_the_inflight_area(void **state)
{
	(void)state;
	check_inflight(SPLIT_DEVICE, 4160);
	check_inflight(PACKED_DEVICE, 8256);
}

static void
test_an_inflight_area_made_for_split_rings_does_not_hold_packed_ones(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, 2 * 4160, 2, 256, "m"), 0);
	assert_non_null(f->s.ring[1].keep);
	assert_int_equal(front_u64(f, BF_VHOST_SET_FEATURES, PACKED_DEVICE, ""), 0);
	assert_non_null(f->s.ring[0].keep);
	assert_null(f->s.ring[1].keep);
	front_fini(f);
}

static void
test_without_memory_for_an_inflight_area_the_connection_ends(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->fail = 1;
	assert_int_equal(inflight(BF_VHOST_GET_INFLIGHT_FD, 0, 2, 256, ""), -EPROTO);
	assert_non_null(strstr(f->why, "cannot be made: Too many open files"));
	assert_int_equal(f->answer.len, 0);
	f->fail = 1;
	assert_int_equal(inflight(BF_VHOST_SET_INFLIGHT_FD, 0x10000, 2, 256, "m"), -EPROTO);
	assert_null(f->s.inflight.va);
	front_fini(f);
}

/* The device as a whole. */

static void
test_a_reset_stops_and_forgets_rings_and_keeps_the_connection(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	assert_int_equal(log_base(0x1000, "m"), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_STATUS, 0xf, ""), 0);
	assert_int_equal(front_say(f, BF_VHOST_RESET_DEVICE, NULL, 0, ""), 0);
	assert_true(!f->runs[0] && !f->runs[1] && f->s.status == 0 && !f->s.has_features);
	assert_true(!f->s.ring[0].enabled && !f->s.ring[0].started && f->s.ring[0].size == 0);
	assert_int_equal(f->s.ring[0].kick.fd, -1);
	/* These belong to the connection. */
	assert_int_equal(f->s.n_regions, 2);
	assert_int_equal(f->s.protocol, FRONT_OFFER_PROTOCOL);
	assert_non_null(f->s.log.va);
	/* And it can be set up again. */
	front_negotiate(f, SPLIT_DEVICE);
	front_ring(f, 0);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), 0);
	assert_true(f->runs[0]);
	front_fini(f);
}

/* QEMU 7.2 says status 0 before it asks where the rings stand. */
static void
test_a_ring_that_was_stopped_by_its_status_still_says_where_it_stands(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[1] = 12;
	assert_int_equal(front_u64(f, BF_VHOST_SET_STATUS, 0xf, ""), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_STATUS, 0, ""), 0);
	assert_true(!f->runs[0] && !f->runs[1] && f->s.status == 0);
	assert_int_equal(front_state(f, BF_VHOST_GET_VRING_BASE, 1, 0), 0);
	assert_int_equal(front_answer_num(f), 12);
	front_ring(f, 1);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_true(f->runs[1]);
	front_fini(f);
}

static void
test_the_old_owner_reset_disables_rings(void **state)
{
	(void)state;
	front_up(f, SPLIT_DEVICE);
	f->position[1] = 12;
	assert_int_equal(front_say(f, BF_VHOST_RESET_OWNER, NULL, 0, ""), 0);
	assert_true(!f->runs[0] && f->runs[1] && !f->s.ring[1].enabled);
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 1, 1), 0);
	assert_true(f->runs[1] && f->position[1] == 12);
	front_fini(f);
}

static void
test_a_held_session_is_up_and_runs_nothing(void **state)
{
	(void)state;
	front_init(f);
	bf_vhost_session_hold(&f->s, true);
	front_negotiate(f, SPLIT_DEVICE);
	assert_int_equal(front_memory(f), 0);
	front_ring(f, 0);
	assert_false(bf_vhost_session_is_up(&f->s));
	front_ring(f, 1);
	/* Enabled or not. */
	assert_true(bf_vhost_session_is_up(&f->s));
	assert_int_equal(front_state(f, BF_VHOST_SET_VRING_ENABLE, 0, 1), 0);
	assert_int_equal(f->n_starts, 0);
	bf_vhost_session_hold(&f->s, false);
	front_check(f);
	assert_true(f->runs[0] && f->runs[1] && !f->s.ring[1].enabled);
	f->position[0] = 21;
	bf_vhost_session_hold(&f->s, true);
	front_check(f);
	assert_false(f->runs[0]);
	bf_vhost_session_hold(&f->s, false);
	assert_true(f->runs[0] && f->position[0] == 21);
	front_fini(f);
}

static void
test_an_end_without_a_beginning(void **state)
{
	(void)state;
	front_init(f);
	front_fini(f);
	/* With descriptors and regions of a device that never ran. */
	front_init(f);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_CALL, 3, "e"), 0);
	assert_int_equal(front_u64(f, BF_VHOST_SET_VRING_KICK, 2, "p"), 0);
	assert_int_equal(front_memory(f), 0);
	front_fini(f);
}

/* Words. */

static void
test_requests_and_features_have_names(void **state)
{
	char buf[256];

	(void)state;
	assert_string_equal(bf_vhost_request_name(5, buf, sizeof(buf)), "SET_MEM_TABLE");
	assert_string_equal(bf_vhost_request_name(77, buf, sizeof(buf)), "request 77");
	assert_string_equal(bf_vhost_request_name(0, buf, sizeof(buf)), "request 0");
	for (uint32_t i = 1; i < BF_VHOST_REQUESTS; i++)
		assert_null(strstr(bf_vhost_request_name(i, buf, sizeof(buf)), "request"));
	assert_string_equal(bf_vhost_feature_names(0, buf, sizeof(buf)), "");
	assert_string_equal(bf_vhost_feature_names(
				    SPLIT_DEVICE | 1 << 15 | UINT64_C(1) << 58, buf, sizeof(buf)),
		"mrg_rxbuf protocol_features version_1 58");
	assert_string_equal(
		bf_vhost_protocol_names(0xf, buf, sizeof(buf)), "mq log_shmfd rarp reply_ack");
	/* What has no room is left out. */
	assert_string_equal(bf_vhost_protocol_names(0xf, buf, 15), "mq log_shmfd");
	assert_string_equal(bf_vhost_protocol_names(0xf, buf, 2), "");
	assert_string_equal(bf_vhost_protocol_names(0xf, buf, 3), "mq");
	memset(buf, 'x', sizeof(buf));
	(void)bf_vhost_protocol_names(UINT64_MAX, buf, 0);
	assert_int_equal(buf[0], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_wrong_is_refused_and_changes_nothing),
		cmocka_unit_test(test_a_request_needs_its_protocol_feature),
		cmocka_unit_test(test_headers_that_cannot_be_end_the_connection),
		cmocka_unit_test(test_nothing_is_answered_or_told_when_all_is_well),
		cmocka_unit_test(test_need_reply_is_answered_once_reply_ack_is_negotiated),
		cmocka_unit_test(test_what_is_asked_for_is_answered),
		cmocka_unit_test(test_without_protocol_features_on_offer_they_are_refused),
		cmocka_unit_test(test_a_ring_runs_once_it_is_kicked_and_enabled),
		cmocka_unit_test(test_a_disabled_ring_that_transmits_runs_too),
		cmocka_unit_test(test_without_protocol_features_a_ring_is_enabled_from_the_start),
		cmocka_unit_test(test_rings_may_be_enabled_before_features_are_set),
		cmocka_unit_test(test_a_ring_may_be_described_in_any_order),
		cmocka_unit_test(
			test_stopping_a_ring_answers_where_it_stands_and_lets_its_descriptors_go),
		cmocka_unit_test(test_what_changes_a_running_ring_stops_and_starts_it),
		cmocka_unit_test(test_the_position_survives_new_features_memory_and_log),
		cmocka_unit_test(test_a_ring_outside_of_memory_does_not_run_and_says_so_once),
		cmocka_unit_test(test_areas_of_a_ring_may_reach_the_last_byte_of_a_region),
		cmocka_unit_test(test_what_is_right_for_packed_rings_may_be_wrong_for_split_ones),
		cmocka_unit_test(test_positions_of_packed_rings),
		cmocka_unit_test(test_areas_of_packed_rings_are_aligned_to_4),
		cmocka_unit_test(test_the_largest_ring_runs),
		cmocka_unit_test(test_a_table_that_cannot_be_mapped_leaves_the_old_one),
		cmocka_unit_test(test_regions_come_and_go_while_rings_run),
		cmocka_unit_test(test_all_memory_may_go),
		cmocka_unit_test(test_a_table_with_room_for_more_regions_is_understood),
		cmocka_unit_test(test_a_region_may_end_where_addresses_do),
		cmocka_unit_test(test_a_call_descriptor_that_a_ring_ran_with_was_lent),
		cmocka_unit_test(test_a_log_takes_the_place_of_the_one_before),
		cmocka_unit_test(test_a_log_is_not_much_larger_than_the_memory),
		cmocka_unit_test(test_an_inflight_area_is_not_much_larger_than_the_rings),
		cmocka_unit_test(test_rings_keep_their_state_in_the_inflight_area),
		cmocka_unit_test(
			test_an_inflight_area_made_for_split_rings_does_not_hold_packed_ones),
		cmocka_unit_test(test_without_memory_for_an_inflight_area_the_connection_ends),
		cmocka_unit_test(test_a_reset_stops_and_forgets_rings_and_keeps_the_connection),
		cmocka_unit_test(
			test_a_ring_that_was_stopped_by_its_status_still_says_where_it_stands),
		cmocka_unit_test(test_the_old_owner_reset_disables_rings),
		cmocka_unit_test(test_a_held_session_is_up_and_runs_nothing),
		cmocka_unit_test(test_an_end_without_a_beginning),
		cmocka_unit_test(test_requests_and_features_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

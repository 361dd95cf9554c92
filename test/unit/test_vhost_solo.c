/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lib/vhost/solo.c and control.c: a front end without a device model gets a configuration, a way
 * back and a control queue; others are offered none of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "vhost_front.h"

#define SOLO_FEATURES BF_VHOST_F_CTRL_VQ
#define SOLO_PROTOCOL \
	(UINT64_C(1) << BF_VHOST_PROTOCOL_CONFIG | UINT64_C(1) << BF_VHOST_PROTOCOL_BACKEND_REQ)
#define V1 (UINT64_C(1) << 32)

static struct front front;
static struct front *const f = &front;

static void
offer_solo(void)
{
	front_init(f);
	f->s.offer.features |= BF_VHOST_F_MQ;
	f->s.offer.queue_pairs = 3;
	f->s.offer.solo_features = SOLO_FEATURES;
	f->s.offer.solo_protocol = SOLO_PROTOCOL;
	f->s.offer.solo_mtu = 9000;
}

static uint64_t
ask(uint32_t request)
{
	assert_int_equal(front_say(f, request, NULL, 0, ""), 0);
	return front_answer(f);
}

static void
test_who_says_set_owner_first_is_offered_a_control_queue(void **state)
{
	(void)state;
	offer_solo();
	assert_int_equal(front_say(f, BF_VHOST_SET_OWNER, NULL, 0, ""), 0);
	assert_int_equal(ask(BF_VHOST_GET_FEATURES) & SOLO_FEATURES, SOLO_FEATURES);
	assert_int_equal(ask(BF_VHOST_GET_PROTOCOL_FEATURES) & SOLO_PROTOCOL, SOLO_PROTOCOL);
	front_fini(f);
}

/* QEMU asks for features once per queue pair, the later ones after SET_OWNER. */
static void
test_who_asks_first_is_never_offered_one(void **state)
{
	(void)state;
	offer_solo();
	assert_int_equal(ask(BF_VHOST_GET_FEATURES) & SOLO_FEATURES, 0);
	assert_int_equal(front_say(f, BF_VHOST_SET_OWNER, NULL, 0, ""), 0);
	assert_int_equal(ask(BF_VHOST_GET_FEATURES) & SOLO_FEATURES, 0);
	assert_int_equal(ask(BF_VHOST_GET_PROTOCOL_FEATURES) & SOLO_PROTOCOL, 0);
	assert_int_not_equal(front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, SOLO_PROTOCOL, ""), 0);
	front_fini(f);
}

static int
config(uint32_t offset, uint32_t size, uint32_t sent)
{
	uint8_t payload[sizeof(struct bf_vhost_wire_config) + 64] = {0};
	struct bf_vhost_wire_config w = {offset, size, 0};

	memcpy(payload, &w, sizeof(w));
	return front_say(f, BF_VHOST_GET_CONFIG, payload, (uint32_t)sizeof(w) + sent, "");
}

static void
test_the_configuration_says_queue_pairs_and_mtu(void **state)
{
	const size_t head = BF_VHOST_HEADER + sizeof(struct bf_vhost_wire_config);
	struct virtio_net_config c;

	(void)state;
	offer_solo();
	front_say(f, BF_VHOST_SET_OWNER, NULL, 0, "");
	ask(BF_VHOST_GET_FEATURES);
	front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, SOLO_PROTOCOL, "");
	assert_int_equal(config(0, 12, 12), 0);
	memset(&c, 0, sizeof(c));
	memcpy(&c, f->answer.bytes + head, 12);
	assert_int_equal(f->answer.len, head + 12);
	assert_int_equal(c.max_virtqueue_pairs, 3);
	assert_int_equal(c.mtu, 9000);
	assert_int_equal(config(8, 2, 2), 0);
	assert_int_equal(f->answer.bytes[head], 3);
	front_fini(f);
}

/* "The back-end uses zero length of payload to indicate an error"; the connection goes on. */
static void
test_what_the_configuration_has_not_is_answered_with_nothing(void **state)
{
	static const struct {
		uint32_t offset, size, sent;
	} row[] = {{0, 64, 12}, {UINT32_MAX, 12, 12}, {250, 12, 12}, {0, 12, 0}};

	(void)state;
	offer_solo();
	front_say(f, BF_VHOST_SET_OWNER, NULL, 0, "");
	ask(BF_VHOST_GET_FEATURES);
	front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, SOLO_PROTOCOL, "");
	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(config(row[i].offset, row[i].size, row[i].sent), 0);
		assert_int_equal(f->answer.len, BF_VHOST_HEADER);
		assert_int_equal(f->s.refusals, i + 1);
	}
	assert_int_equal(front_say(f, BF_VHOST_GET_CONFIG, NULL, 0, "e"), 0); /* nor its own head */
	assert_int_equal(f->answer.len, BF_VHOST_HEADER);
	assert_int_equal(config(0, 12, 12), 0);
	assert_true(f->answer.len > BF_VHOST_HEADER);
	front_fini(f);
}

static void
test_the_way_back_is_kept_and_given_back(void **state)
{
	(void)state;
	offer_solo();
	front_say(f, BF_VHOST_SET_OWNER, NULL, 0, "");
	ask(BF_VHOST_GET_FEATURES);
	front_u64(f, BF_VHOST_SET_PROTOCOL_FEATURES, SOLO_PROTOCOL, "");
	assert_int_equal(front_say(f, BF_VHOST_SET_BACKEND_REQ_FD, NULL, 0, "u"), 0);
	assert_true(f->s.backend_req.fd >= 0);
	assert_int_equal(front_say(f, BF_VHOST_SET_BACKEND_REQ_FD, NULL, 0, "u"), 0);
	assert_int_equal(f->s.refusals, 0);
	assert_int_equal(front_say(f, BF_VHOST_SET_BACKEND_REQ_FD, NULL, 0, "o"), 0);
	assert_string_equal(f->s.error,
		"SET_BACKEND_REQ_FD: descriptor 1 is of another kind: expected a socket of a pair");
	assert_int_equal(front_say(f, BF_VHOST_SET_BACKEND_REQ_FD, NULL, 0, "p"), 0);
	assert_int_equal(f->s.refusals, 2);
	assert_true(f->s.backend_req.fd >= 0);
	front_fini(f);
}

/* ---- the queue itself, in memory of our own ---- */

enum {
	SIZE = 8,
	GPA = 0x10000,
	BYTES = 0x4000,
	AVAIL = 0x1000,
	USED = 0x2000,
	DATA = 0x3000,
	ACK = 0x3100,
};

static struct bf_vhost_session s;
static uint8_t memory[BYTES] __attribute__((aligned(4096)));
static struct bf_vhost_control at;

static void
queue_begin(uint64_t features)
{
	memset(memory, 0, sizeof(memory));
	memset(&s, 0, sizeof(s));
	s.features = V1 | BF_VHOST_F_CTRL_VQ | features;
	s.offer.n_rings = BF_VHOST_RINGS;
	s.offer.queue_pairs = 2;
	s.n_regions = 1;
	s.region[0] = (struct bf_vhost_region){.gpa = GPA, .size = BYTES, .va = memory};
	s.ring[bf_vhost_control_ring(&s)] = (struct bf_vhost_ring){.size = SIZE,
		.running = true,
		.desc = memory,
		.avail = memory + AVAIL,
		.used = memory + USED};
	at = bf_vhost_control_at(&s);
	memory[ACK] = 0xaa;
}

static void
split_desc(int i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	struct vring_desc d = {addr, len, flags, next};

	memcpy(memory + (size_t)i * sizeof(d), &d, sizeof(d));
}

static void
split_command(const void *said, uint32_t len)
{
	struct vring_avail *avail = (void *)(memory + AVAIL);

	memcpy(memory + DATA, said, len);
	split_desc(0, GPA + DATA, 2, VRING_DESC_F_NEXT, 1);
	split_desc(1, GPA + DATA + 2, len - 2, VRING_DESC_F_NEXT, 2);
	split_desc(2, GPA + ACK, 1, VRING_DESC_F_WRITE, 0);
	avail->ring[avail->idx % SIZE] = 0;
	avail->idx++;
}

static const uint8_t promiscuous[] = {VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1};
static const uint8_t two_pairs[] = {VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 0};
static const uint8_t three_pairs[] = {VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 3, 0};
static const uint8_t offloads[] = {VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, 0, 0, 0};

static void
test_split_commands_are_answered(void **state)
{
	static const struct {
		const uint8_t *said;
		uint32_t len;
		uint8_t answer;
	} row[] = {{promiscuous, sizeof(promiscuous), VIRTIO_NET_OK},
		{two_pairs, sizeof(two_pairs), VIRTIO_NET_OK},
		{three_pairs, sizeof(three_pairs), VIRTIO_NET_ERR},
		{offloads, sizeof(offloads), VIRTIO_NET_ERR}};
	const struct vring_used *used = (const void *)(memory + USED);

	(void)state;
	queue_begin(0);
	assert_int_equal(bf_vhost_control_ring(&s), 2);
	assert_false(bf_vhost_control_serve(&s, &at));
	for (unsigned int i = 0; i < 40; i++) { /* round the ring's end */
		memory[ACK] = 0xaa;
		split_command(row[i % 4].said, row[i % 4].len);
		assert_true(bf_vhost_control_serve(&s, &at));
		assert_int_equal(memory[ACK], row[i % 4].answer);
		assert_int_equal(used->idx, i + 1);
		assert_int_equal(used->ring[i % SIZE].id, 0);
	}
	assert_int_equal(bf_vhost_control_base(&s, &at), 40);
}

/* As Linux decides it (vring_need_event()), for one command: the one before `idx`. */
static bool
is_kicked(uint16_t idx)
{
	const struct vring_used *used = (const void *)(memory + USED);
	uint16_t event;

	memcpy(&event, &used->ring[SIZE], sizeof(event));
	return (uint16_t)(idx - event - 1) < 1;
}

static void
test_with_an_event_index_every_command_is_kicked_for(void **state)
{
	const struct vring_avail *avail = (const void *)(memory + AVAIL);

	(void)state;
	queue_begin(BF_VHOST_F_EVENT_IDX);
	assert_false(bf_vhost_control_serve(&s, &at));
	for (unsigned int i = 0; i < 40; i++) {
		split_command(promiscuous, sizeof(promiscuous));
		assert_true(is_kicked(avail->idx));
		assert_true(bf_vhost_control_serve(&s, &at));
		assert_false(at.more);
	}
}

/* Nobody kicks for what waits already. */
static void
test_commands_that_are_left_are_told_of(void **state)
{
	struct vring_avail *avail = (void *)(memory + AVAIL);
	const struct vring_used *used = (const void *)(memory + USED);

	(void)state;
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		queue_begin(event_idx ? BF_VHOST_F_EVENT_IDX : 0);
		split_command(promiscuous, sizeof(promiscuous));
		avail->idx = 20;
		assert_true(bf_vhost_control_serve(&s, &at));
		assert_int_equal(used->idx, 16);
		assert_true(at.more);
		assert_true(bf_vhost_control_serve(&s, &at));
		assert_int_equal(used->idx, 20);
		assert_false(at.more);
		assert_false(bf_vhost_control_serve(&s, &at));
		assert_false(at.more);
	}
}

static void
test_with_several_queues_it_comes_behind_those_of_the_port(void **state)
{
	(void)state;
	queue_begin(BF_VHOST_F_MQ);
	assert_int_equal(bf_vhost_control_ring(&s), 4);
	s.features &= ~BF_VHOST_F_CTRL_VQ;
	assert_int_equal(bf_vhost_control_ring(&s), BF_VHOST_RINGS);
}

static void
test_an_indirect_command_is_answered(void **state)
{
	struct vring_avail *avail = (void *)(memory + AVAIL);
	struct vring_desc table[] = {{GPA + DATA, sizeof(two_pairs), VRING_DESC_F_NEXT, 1},
		{GPA + ACK, 1, VRING_DESC_F_WRITE, 0}};

	(void)state;
	queue_begin(BF_VHOST_F_INDIRECT);
	memcpy(memory + DATA, two_pairs, sizeof(two_pairs));
	memcpy(memory + DATA + 64, table, sizeof(table));
	split_desc(5, GPA + DATA + 64, sizeof(table), VRING_DESC_F_INDIRECT, 0);
	avail->ring[0] = 5;
	avail->idx = 1;
	assert_true(bf_vhost_control_serve(&s, &at));
	assert_int_equal(memory[ACK], VIRTIO_NET_OK);
}

static void
test_a_chain_that_cannot_be_is_left_alone(void **state)
{
	const struct vring_used *used = (const void *)(memory + USED);
	struct vring_avail *avail = (void *)(memory + AVAIL);

	(void)state;
	for (int i = 0; i < 5; i++) {
		queue_begin(BF_VHOST_F_INDIRECT);
		split_command(promiscuous, sizeof(promiscuous));
		if (i == 0)
			split_desc(0, GPA + BYTES - 1, 2, VRING_DESC_F_NEXT, 1);
		else if (i == 1)
			split_desc(1, GPA + DATA, 1, VRING_DESC_F_NEXT, 0); /* a loop */
		else if (i == 2)
			split_desc(1, GPA + DATA, 1, VRING_DESC_F_NEXT, SIZE);
		else if (i == 3)
			avail->ring[0] = SIZE;
		else
			split_desc(0, GPA, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
		assert_false(bf_vhost_control_serve(&s, &at));
		assert_int_equal(used->idx, 0);
	}
}

static void
test_packed_commands_are_answered(void **state)
{
	struct vring_packed_desc *d = (void *)memory;
	const uint16_t avail = 1 << VRING_PACKED_DESC_F_AVAIL, used = 1 << VRING_PACKED_DESC_F_USED;
	bool wrap = true;
	unsigned int next = 0;

	(void)state;
	queue_begin(BF_VHOST_F_RING_PACKED | BF_VHOST_F_EVENT_IDX);
	memset(memory + USED, 0xff, 4); /* whatever it was before */
	assert_false(bf_vhost_control_serve(&s, &at));
	memcpy(memory + DATA, two_pairs, sizeof(two_pairs));
	for (int i = 0; i < 40; i++) {
		uint64_t addr[] = {GPA + DATA, GPA + DATA + 2, GPA + ACK};
		uint32_t len[] = {2, 2, 1};
		unsigned int head = next;
		uint16_t lap = wrap ? avail : used;

		memory[ACK] = 0xaa;
		for (int k = 0; k < 3; k++) {
			d[next] = (struct vring_packed_desc){addr[k], len[k], (uint16_t)i,
				(uint16_t)((wrap ? avail : used) |
					(k < 2 ? VRING_DESC_F_NEXT : VRING_DESC_F_WRITE))};
			next = (next + 1) % SIZE;
			wrap = next == 0 ? !wrap : wrap;
		}
		assert_true(bf_vhost_control_serve(&s, &at));
		assert_int_equal(memory[ACK], VIRTIO_NET_OK);
		assert_int_equal(d[head].id, i);
		assert_int_equal(d[head].flags & (avail | used), lap == avail ? avail | used : 0);
		assert_int_equal(at.next, next);
		assert_memory_equal(memory + USED, "\0\0\0\0", 4); /* kicks for all */
		assert_false(bf_vhost_control_serve(&s, &at));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_says_set_owner_first_is_offered_a_control_queue),
		cmocka_unit_test(test_who_asks_first_is_never_offered_one),
		cmocka_unit_test(test_the_configuration_says_queue_pairs_and_mtu),
		cmocka_unit_test(test_what_the_configuration_has_not_is_answered_with_nothing),
		cmocka_unit_test(test_the_way_back_is_kept_and_given_back),
		cmocka_unit_test(test_split_commands_are_answered),
		cmocka_unit_test(test_with_an_event_index_every_command_is_kicked_for),
		cmocka_unit_test(test_commands_that_are_left_are_told_of),
		cmocka_unit_test(test_with_several_queues_it_comes_behind_those_of_the_port),
		cmocka_unit_test(test_an_indirect_command_is_answered),
		cmocka_unit_test(test_a_chain_that_cannot_be_is_left_alone),
		cmocka_unit_test(test_packed_commands_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

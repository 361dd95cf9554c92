/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fuzz target: a front end that says anything to the vhost-user engine (lib/vhost).
 *
 * The input is a script of messages.  Each begins as one that would be right, of any request and
 * about any ring, is then changed in as many places as the input says, and comes with descriptors
 * of every kind, through the stream in pieces.  In between mappings fail, rings move on, the session
 * is held, and connections end.  What must hold is checked after each message by the front
 * (test/model/vhost_front.h).
 *
 * Threads: one.
 */
#include <stdio.h>
#include <string.h>

#include "input.h"
#include "replay.h"
#include "vhost/stream.h"
#include "vhost_front.h"

enum {
	MAX_STEPS = 120
};

struct text { /* a message in the making */
	uint32_t request, flags, len;
	uint8_t payload[BF_VHOST_PAYLOAD];
	char fds[BF_VHOST_FDS + 1];
};

static const uint64_t numbers[] = {0, 1, 2, 3, 4, 8, 16, 255, 256, 300, 1024, 4095, 4096, 0x8000,
	0x8001, 0x10000, 0x7fff, 0xffff, 0x80000000, UINT32_MAX, UINT64_C(1) << 62,
	UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 4095, FRONT_GPA1, FRONT_UVA0, FRONT_UVA1,
	FRONT_UVA1 + FRONT_SIZE1, FRONT_SIZE0, FRONT_SIZE1, FRONT_OFFSET1, FRONT_FILE_BYTES};

static uint64_t
input_u64(struct input *in)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value = value << 8 | input_byte(in);
	return value;
}

static void
put(struct text *t, uint64_t value)
{
	memcpy(t->payload + t->len, &value, sizeof(value));
	t->len += (uint32_t)sizeof(value);
}

/* One of some places that are right, and may overlap. */
static void
put_region(struct text *t, uint8_t pick)
{
	uint64_t at = (pick & 0xf) * UINT64_C(0x1000);

	if ((pick & 0x80) != 0) {
		put(t, (pick & 1) != 0 ? FRONT_GPA1 : FRONT_GPA0);
		put(t, (pick & 1) != 0 ? FRONT_SIZE1 : FRONT_SIZE0);
		put(t, (pick & 1) != 0 ? FRONT_UVA1 : FRONT_UVA0);
		put(t, (pick & 1) != 0 ? FRONT_OFFSET1 : FRONT_OFFSET0);
		return;
	}
	put(t, UINT64_C(0x40000000) + at + (pick >> 4) * UINT64_C(0x10000));
	put(t, (pick & 0x10) != 0 ? 0x2000 : 0x1000);
	put(t, UINT64_C(0x50000000) + at + (pick >> 4) * UINT64_C(0x10000));
	put(t, at);
}

static void
make_table(struct text *t, struct input *in)
{
	uint8_t n = (uint8_t)(input_byte(in) % BF_VHOST_TABLE_REGIONS + 1);

	put(t, n);
	for (uint8_t i = 0; i < n; i++)
		put_region(t, i == 0 ? 0x81 : input_byte(in));
	memset(t->fds, 'm', n);
}

static void
make_ring(struct text *t, struct input *in)
{
	static const uint32_t sizes[] = {256, 1, 128, 512, 1024, 32768, 300, 64};
	uint8_t b = input_byte(in);
	uint64_t q = b & 3;

	switch (t->request) {
	case BF_VHOST_SET_VRING_NUM:
		put(t, (uint64_t)sizes[b >> 2 & 7] << 32 | q);
		break;
	case BF_VHOST_SET_VRING_ADDR:
		put(t, (uint64_t)(b >> 2 & 1) << 32 | q);
		put(t, FRONT_DESC(q) + (b >> 3) * UINT64_C(16));
		put(t, FRONT_USED(q));
		put(t, FRONT_AVAIL(q));
		put(t, b >> 2 & 1 ? 0x1000 : 0);
		break;
	case BF_VHOST_SET_VRING_KICK:
	case BF_VHOST_SET_VRING_CALL:
	case BF_VHOST_SET_VRING_ERR:
		put(t, (b & 0x80 ? BF_VHOST_VRING_NOFD : 0) | q);
		if ((b & 0x80) == 0)
			t->fds[0] = b & 0x40 ? 'p' : 'e';
		break;
	case BF_VHOST_SET_VRING_ENABLE:
		put(t, (uint64_t)((b & 0x80) == 0) << 32 | q);
		break;
	default:
		put(t, (uint64_t)input_byte(in) << 40 | (uint64_t)input_byte(in) << 32 | q);
		break;
	}
}

static void
make_features(struct text *t, struct input *in)
{
	uint8_t b = input_byte(in);

	if (t->request == BF_VHOST_SET_PROTOCOL_FEATURES)
		put(t,
			b & 1 ? FRONT_OFFER_PROTOCOL & ~(UINT64_C(1) << (b >> 2))
			      : FRONT_OFFER_PROTOCOL);
	else
		put(t,
			UINT64_C(1) << 32 | (b & 1 ? BF_VHOST_F_PROTOCOL_FEATURES : 0) |
				(b & 2 ? BF_VHOST_F_RING_PACKED : 0) |
				(b & 4 ? BF_VHOST_F_LOG_ALL : 0));
}

static void
make_area(struct text *t, struct input *in)
{
	uint8_t b = input_byte(in);

	put(t, (b & 0xf0) * UINT64_C(0x400) + 0x1000);
	put(t, 0);
	if (t->request != BF_VHOST_SET_LOG_BASE) {
		put(t, UINT64_C(256) << 16 | ((b & 3) + 1));
		if ((b & 4) != 0)
			t->len -= 4;
	}
	if (t->request != BF_VHOST_GET_INFLIGHT_FD)
		t->fds[0] = 'm';
}

/* A message that is right, mostly. */
static void
make(struct text *t, struct input *in)
{
	memset(t, 0, sizeof(*t));
	t->request = input_byte(in) % (BF_VHOST_REQUESTS + 2);
	t->flags = BF_VHOST_FLAG_V1;
	switch (t->request) {
	case BF_VHOST_SET_FEATURES:
	case BF_VHOST_SET_PROTOCOL_FEATURES:
		make_features(t, in);
		break;
	case BF_VHOST_SET_MEM_TABLE:
		make_table(t, in);
		break;
	case BF_VHOST_ADD_MEM_REG:
	case BF_VHOST_REM_MEM_REG:
		put(t, 0);
		put_region(t, input_byte(in));
		if (t->request == BF_VHOST_ADD_MEM_REG)
			t->fds[0] = 'm';
		break;
	case BF_VHOST_SET_LOG_BASE:
	case BF_VHOST_GET_INFLIGHT_FD:
	case BF_VHOST_SET_INFLIGHT_FD:
		make_area(t, in);
		break;
	case BF_VHOST_SET_LOG_FD:
		t->fds[0] = 'e';
		break;
	case BF_VHOST_SEND_RARP:
	case BF_VHOST_NET_SET_MTU:
	case BF_VHOST_SET_STATUS:
		put(t, input_byte(in));
		break;
	case BF_VHOST_GET_VRING_BASE:
	case BF_VHOST_SET_VRING_NUM:
	case BF_VHOST_SET_VRING_ADDR:
	case BF_VHOST_SET_VRING_BASE:
	case BF_VHOST_SET_VRING_KICK:
	case BF_VHOST_SET_VRING_CALL:
	case BF_VHOST_SET_VRING_ERR:
	case BF_VHOST_SET_VRING_ENABLE:
		make_ring(t, in);
		break;
	default:
		break;
	}
}

static void
change(struct text *t, struct input *in)
{
	uint8_t b = input_byte(in);
	uint64_t value;
	uint32_t at;

	switch (b & 7) {
	case 0:
		t->flags ^= b >> 3 & 1 ? BF_VHOST_FLAG_NEED_REPLY : 1U << (b >> 4);
		break;
	case 1:
		t->len = input_byte(in) | (uint32_t)(b >> 3 & 1) << 8;
		break;
	case 2:
	case 3:
		at = strnlen(t->fds, BF_VHOST_FDS);
		if (b & 8)
			at = b >> 4 & 7;
		t->fds[at] = "mshepo\0\0"[(b & 7) == 2 ? b >> 5 : input_byte(in) & 7];
		t->fds[BF_VHOST_FDS] = '\0';
		break;
	case 4:
		t->request = input_byte(in) == 0xff ? (uint32_t)input_u64(in) : input_byte(in);
		break;
	default:
		value = (b & 7) == 5 ? input_u64(in) : numbers[input_byte(in) % 32];
		at = (b & 7) == 7 ? (b >> 3) * 4U : (b >> 3) * 8U;
		memcpy(t->payload + at, &value, (b & 7) == 7 ? 4 : 8);
		break;
	}
}

/* The same message through the stream, in pieces: it comes out whole, unless its header cannot be. */
static void
cut(const struct text *t, uint8_t piece)
{
	static const struct bf_vhost_fd fd[BF_VHOST_FDS];
	static struct bf_vhost_stream s;
	uint8_t bytes[BF_VHOST_HEADER + BF_VHOST_PAYLOAD];
	uint32_t header[3] = {t->request, t->flags, t->len};
	uint32_t len = BF_VHOST_HEADER + t->len;
	uint32_t n_fds = (uint32_t)strlen(t->fds);
	uint32_t at = 0;
	int ret = 0;

	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + BF_VHOST_HEADER, t->payload, t->len);
	bf_vhost_stream_reset(&s);
	while (ret == 0) {
		uint8_t *to;
		uint32_t n = bf_vhost_stream_want(&s, &to);

		CHECK(n >= 1 && n <= len - at);
		n = n < piece ? n : piece;
		memcpy(to, bytes + at, n);
		ret = bf_vhost_stream_add(&s, n, fd, at == 0 ? n_fds : 0, at);
		at += n;
		CHECK((bf_vhost_stream_due_ms(&s) == UINT64_MAX) == (ret == 1 || s.got == 0));
	}
	if (ret < 0) {
		CHECK((t->flags & BF_VHOST_FLAG_VERSION) != BF_VHOST_FLAG_V1);
		return;
	}
	CHECK(at == len && s.m.n_fds == n_fds && s.m.size == t->len && s.m.request == t->request &&
		memcmp(s.m.payload, t->payload, t->len) == 0);
}

static void
say(struct front *f, struct input *in, uint8_t op)
{
	static struct text t;

	make(&t, in);
	for (uint8_t n = op >> 4; n > 8; n--)
		change(&t, in);
	cut(&t, (uint8_t)((op & 0xf) + 1));
	(void)front_send(f, t.request, t.flags, t.payload, t.len, t.fds);
}

/* As most front ends begin: without it few inputs get as far as a ring that runs. */
static void
begin(struct front *f, uint8_t b)
{
	uint64_t features = UINT64_C(1) << 32 | (b & 1 ? BF_VHOST_F_PROTOCOL_FEATURES : 0) |
		(b & 2 ? BF_VHOST_F_RING_PACKED : 0);

	if ((b & 0x18) == 0x10) { /* an offer of next to nothing */
		front_init_offer(f, UINT64_C(1) << 32, 0, 2);
		return;
	}
	if ((b & 8) != 0)
		front_up(f, features);
	else
		front_init(f);
	if ((b & 4) != 0)
		front_negotiate(f, features);
}

/* Frames have moved: packed rings are a lap further. */
static void
go_on(struct front *f)
{
	bool packed = (f->s.features & BF_VHOST_F_RING_PACKED) != 0;

	for (unsigned int q = 0; q < BF_VHOST_RINGS; q++)
		if (f->runs[q])
			f->position[q] = packed ? f->position[q] ^ UINT32_C(0x80008000)
						: (f->position[q] + 1) & UINT16_MAX;
}

static void
step(struct front *f, struct input *in)
{
	uint8_t op = input_byte(in);

	switch (op) {
	case 0:
	case 1:
		bf_vhost_session_hold(&f->s, op == 1);
		break;
	case 2:
		f->fail = input_byte(in) & 3;
		break;
	case 3:
		front_fini(f);
		begin(f, input_byte(in));
		break;
	case 4:
		go_on(f);
		break;
	default:
		say(f, in, op);
		break;
	}
	front_check(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct front f;
	struct input in = {data, size};

	begin(&f, input_byte(&in));
	for (unsigned int n = 0; n < MAX_STEPS && in.left > 0; n++)
		step(&f, &in);
	front_fini(&f);
	return 0;
}

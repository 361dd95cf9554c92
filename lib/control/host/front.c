/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See front.h.  The numbers of the protocol are those of the door: vhost/wire.h.
 *
 * Threads: see front.h.
 */
#include "control/host/front.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/wire.h"

#define ANSWER_MS 5000
#define GPA 0x100000u /* where the memory is for the other end */
#define PAGE 4096u
#define RING_BYTES ((size_t)32768) /* room for one ring of 1024 */

#define CHECKSUMS (1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM)
#define SEGMENTS \
	(1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 | \
		1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
		1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_GUEST_ECN)
#define BASICS \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_MRG_RXBUF | BF_VHOST_F_PROTOCOL_FEATURES)

/* ---- words ---- */

struct front_message {
	uint32_t request, flags, size;
	uint8_t payload[72];
};

static int
message_send(const struct bf_front *f, enum bf_vhost_request request, const void *payload,
	uint32_t size, int fd)
{
	struct front_message m = {.request = request, .flags = BF_VHOST_FLAG_V1, .size = size};
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {&m, BF_VHOST_HEADER + size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	memcpy(m.payload, payload, size);
	if (fd >= 0) {
		h.msg_control = control.room;
		h.msg_controllen = sizeof(control.room);
		*CMSG_FIRSTHDR(&h) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), &fd, sizeof(int));
	}
	n = sendmsg(f->fd, &h, MSG_NOSIGNAL);
	return n == (ssize_t)iov.iov_len ? 0 : -EPIPE;
}

static int
number_send(const struct bf_front *f, enum bf_vhost_request request, uint64_t number, int fd)
{
	return message_send(f, request, &number, sizeof(number), fd);
}

static int
state_send(const struct bf_front *f, enum bf_vhost_request request, uint32_t ring, uint32_t number)
{
	struct bf_vhost_wire_state s = {ring, number};

	return message_send(f, request, &s, sizeof(s), -1);
}

static int
number_ask(const struct bf_front *f, enum bf_vhost_request request, uint64_t *number)
{
	struct front_message m;
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	int ret = message_send(f, request, number, 0, -1);

	if (ret != 0)
		return ret;
	if (poll(&p, 1, ANSWER_MS) <= 0)
		return -ETIMEDOUT;
	if (recv(f->fd, &m, BF_VHOST_HEADER + sizeof(*number), 0) !=
			(ssize_t)(BF_VHOST_HEADER + sizeof(*number)) ||
		m.request != (uint32_t)request)
		return -EPROTO;
	memcpy(number, m.payload, sizeof(*number));
	return 0;
}

/* ---- memory ---- */

static void
ring_place(struct bf_front_ring *r, uint8_t *at, uint16_t size)
{
	r->size = size;
	r->desc = (void *)at;
	r->avail = (void *)(at + size * sizeof(struct vring_desc));
	r->used = (void *)(at + RING_BYTES / 2 + PAGE);
}

/* Each buffer has the descriptor of its number for good. */
static void
buffers_place(
	struct bf_front *f, struct bf_front_ring *r, uint8_t *at, uint32_t bytes, uint16_t flags)
{
	r->bufs = at;
	r->buf_bytes = bytes;
	for (uint16_t i = 0; i < r->size; i++)
		r->desc[i] = (struct vring_desc){
			.addr = GPA + (uint64_t)(at - f->memory) + (uint64_t)i * bytes,
			.len = bytes,
			.flags = flags};
}

static int
memory_make(struct bf_front *f)
{
	struct bf_front_ring *in = &f->ring[BF_FRONT_IN], *out = &f->ring[BF_FRONT_OUT];
	size_t in_bytes = (size_t)BF_FRONT_IN_SIZE * BF_FRONT_IN_BYTES;

	f->bytes = 2 * RING_BYTES + in_bytes + (size_t)BF_FRONT_OUT_SIZE * BF_FRONT_OUT_BYTES;
	f->memory_fd = memfd_create("bondfwd-host", MFD_CLOEXEC);
	if (f->memory_fd < 0 || ftruncate(f->memory_fd, (off_t)f->bytes) != 0)
		return -errno;
	f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->memory_fd, 0);
	if (f->memory == MAP_FAILED) {
		f->memory = NULL;
		return -errno;
	}
	ring_place(in, f->memory, BF_FRONT_IN_SIZE);
	ring_place(out, f->memory + RING_BYTES, BF_FRONT_OUT_SIZE);
	buffers_place(f, in, f->memory + 2 * RING_BYTES, BF_FRONT_IN_BYTES, VRING_DESC_F_WRITE);
	buffers_place(f, out, f->memory + 2 * RING_BYTES + in_bytes, BF_FRONT_OUT_BYTES, 0);
	for (uint16_t i = 0; i < BF_FRONT_IN_SIZE; i++)
		in->avail->ring[i] = i;
	in->given = BF_FRONT_IN_SIZE;
	in->avail->idx = in->given;
	for (uint16_t i = 0; i < BF_FRONT_OUT_SIZE; i++)
		f->free[f->n_free++] = i;
	for (unsigned int q = 0; q < BF_FRONT_RINGS; q++) {
		f->ring[q].kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		f->ring[q].call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (f->ring[q].kick < 0 || f->ring[q].call < 0)
			return -errno;
		f->ring[q].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	}
	return 0;
}

/* ---- the connection ---- */

static int
features_agree(struct bf_front *f)
{
	uint64_t features = 0;
	int ret = number_ask(f, BF_VHOST_GET_FEATURES, &features);

	if (ret == 0)
		ret = message_send(f, BF_VHOST_SET_OWNER, &features, 0, -1);
	features &= BASICS | CHECKSUMS | SEGMENTS;
	if (ret == 0 && (features & BASICS) != BASICS)
		ret = -EPROTO;
	if (ret == 0)
		ret = number_send(f, BF_VHOST_SET_PROTOCOL_FEATURES, 0, -1);
	if (ret == 0)
		ret = number_send(f, BF_VHOST_SET_FEATURES, features, -1);
	f->checksums = (features & CHECKSUMS) == CHECKSUMS;
	f->segments = (features & SEGMENTS) == SEGMENTS;
	return ret;
}

static int
memory_tell(const struct bf_front *f)
{
	struct {
		uint32_t n, padding;
		struct bf_vhost_wire_region region;
	} table = {.n = 1,
		.region = {.gpa = GPA, .size = f->bytes, .uva = (uintptr_t)f->memory, .offset = 0}};

	return message_send(f, BF_VHOST_SET_MEM_TABLE, &table, sizeof(table), f->memory_fd);
}

static int
ring_tell(const struct bf_front *f, uint32_t q)
{
	const struct bf_front_ring *r = &f->ring[q];
	struct bf_vhost_wire_addr at = {.index = q,
		.desc = (uintptr_t)r->desc,
		.used = (uintptr_t)r->used,
		.avail = (uintptr_t)r->avail};
	int ret = state_send(f, BF_VHOST_SET_VRING_NUM, q, r->size);

	if (ret == 0)
		ret = state_send(f, BF_VHOST_SET_VRING_BASE, q, 0);
	if (ret == 0)
		ret = message_send(f, BF_VHOST_SET_VRING_ADDR, &at, sizeof(at), -1);
	if (ret == 0)
		ret = number_send(f, BF_VHOST_SET_VRING_CALL, q, r->call);
	if (ret == 0)
		ret = number_send(f, BF_VHOST_SET_VRING_KICK, q, r->kick);
	if (ret == 0)
		ret = state_send(f, BF_VHOST_SET_VRING_ENABLE, q, 1);
	return ret;
}

void
bf_front_init(struct bf_front *f)
{
	memset(f, 0, sizeof(*f));
	f->fd = f->memory_fd = -1;
	for (unsigned int q = 0; q < BF_FRONT_RINGS; q++)
		f->ring[q].kick = f->ring[q].call = -1;
}

static void
file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
bf_front_close(struct bf_front *f)
{
	file_close(f->fd);
	if (f->memory != NULL)
		munmap(f->memory, f->bytes);
	file_close(f->memory_fd);
	for (unsigned int q = 0; q < BF_FRONT_RINGS; q++) {
		file_close(f->ring[q].kick);
		file_close(f->ring[q].call);
	}
	bf_front_init(f);
}

int
bf_front_open(struct bf_front *f, int fd)
{
	int ret;

	bf_front_init(f);
	f->fd = fd;
	ret = memory_make(f);
	if (ret == 0)
		ret = features_agree(f);
	if (ret == 0)
		ret = memory_tell(f);
	for (uint32_t q = 0; ret == 0 && q < BF_FRONT_RINGS; q++)
		ret = ring_tell(f, q);
	if (ret != 0)
		bf_front_close(f);
	return ret;
}

void
bf_front_enable(struct bf_front *f, bool on)
{
	state_send(f, BF_VHOST_SET_VRING_ENABLE, BF_FRONT_IN, on);
}

/* ---- rings ---- */

void
bf_front_want_calls(struct bf_front *f, unsigned int ring, bool on)
{
	__atomic_store_n(
		&f->ring[ring].avail->flags, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_SEQ_CST);
	if (on)
		__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the look that follows comes after */
}

bool
bf_front_has_used(const struct bf_front *f, unsigned int ring)
{
	const struct bf_front_ring *r = &f->ring[ring];

	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) != r->taken;
}

/* The used entry so many behind the last one taken. @return the buffer's number, or -EPROTO. */
static int
used_at(const struct bf_front_ring *r, uint16_t ahead, uint32_t *len)
{
	const struct vring_used_elem *e = &r->used->ring[(uint16_t)(r->taken + ahead) % r->size];

	*len = e->len;
	return e->id < r->size && e->len <= r->buf_bytes ? (int)e->id : -EPROTO;
}

int
bf_front_in(struct bf_front *f, struct iovec *parts)
{
	struct bf_front_ring *r = &f->ring[BF_FRONT_IN];
	uint16_t ready = (uint16_t)(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) - r->taken);
	int n_parts = 1;

	if (ready == 0)
		return 0;
	for (int i = 0; i < n_parts; i++) {
		uint32_t len;
		int id = used_at(r, (uint16_t)i, &len);

		if (id < 0)
			return -EPROTO;
		parts[i] = (struct iovec){r->bufs + (size_t)id * r->buf_bytes, len};
		if (i > 0)
			continue;
		n_parts = ((const struct virtio_net_hdr_v1 *)parts[0].iov_base)->num_buffers;
		if (n_parts < 1 || n_parts > BF_FRONT_PARTS || n_parts > ready)
			return -EPROTO;
	}
	return n_parts;
}

void
bf_front_in_done(struct bf_front *f, int n_parts)
{
	struct bf_front_ring *r = &f->ring[BF_FRONT_IN];

	for (int i = 0; i < n_parts; i++) {
		uint32_t len;
		int id = used_at(r, 0, &len);

		r->taken++;
		r->avail->ring[r->given++ % r->size] = (uint16_t)id;
	}
}

/* Buffers that the other end has emptied. */
static void
free_collect(struct bf_front *f)
{
	struct bf_front_ring *r = &f->ring[BF_FRONT_OUT];

	while (bf_front_has_used(f, BF_FRONT_OUT)) {
		const struct vring_used_elem *e = &r->used->ring[r->taken % r->size];

		if (e->id < r->size && f->n_free < BF_FRONT_OUT_SIZE)
			f->free[f->n_free++] = (uint16_t)e->id;
		r->taken++;
	}
}

uint8_t *
bf_front_out(struct bf_front *f)
{
	const struct bf_front_ring *r = &f->ring[BF_FRONT_OUT];

	if (f->n_free == 0)
		free_collect(f);
	if (f->n_free == 0)
		return NULL;
	return r->bufs + (size_t)f->free[f->n_free - 1] * r->buf_bytes;
}

void
bf_front_out_done(struct bf_front *f, uint32_t bytes)
{
	struct bf_front_ring *r = &f->ring[BF_FRONT_OUT];
	uint16_t id = f->free[--f->n_free];

	r->desc[id].len = bytes;
	r->avail->ring[r->given++ % r->size] = id;
}

void
bf_front_tell(struct bf_front *f, unsigned int ring)
{
	struct bf_front_ring *r = &f->ring[ring];

	__atomic_store_n(&r->avail->idx, r->given, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		eventfd_write(r->kick, 1);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The control queue of a front end without a device model (virtio 1.2, 5.1.6.5): what such a guest
 * wants of a network card is already so, or is refused.
 *
 * A switch port takes every frame: receive modes, addresses and VLAN filters are accepted and change
 * nothing.  A number of queue pairs is accepted when the port has as many: rings say by themselves
 * whether they are used.  Offloads cannot be changed while the device runs (CTRL_GUEST_OFFLOADS was
 * not offered), so that is refused.
 *
 * What the guest writes is read once and checked.  At a chain that cannot be the queue stands still; each
 * kick looks at it again.
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

enum {
	COMMANDS = 16, /* answered per visit */
	CHAIN = 16, /* descriptors of a command at most */
	COMMAND_BYTES = 64, /* that are looked at */
};

/* One command: what the guest says, and where it wants the answer. */
struct command {
	uint8_t said[COMMAND_BYTES];
	uint32_t len; /* of what was said, as far as it is here */
	uint8_t *ack; /* NULL: no room for an answer */
	uint16_t id, n; /* packed: buffer id, descriptors in the ring */
};

uint16_t
bf_vhost_control_ring(const struct bf_vhost_session *s)
{
	if ((s->features & BF_VHOST_F_CTRL_VQ) == 0)
		return BF_VHOST_RINGS;
	return (s->features & BF_VHOST_F_MQ) != 0 ? 2 * bf_vhost_queue_pairs(s) : 2;
}

struct bf_vhost_control
bf_vhost_control_at(const struct bf_vhost_session *s)
{
	uint32_t base = s->ring[bf_vhost_control_ring(s)].base;

	if (!bf_vhost_is_packed(s))
		return (struct bf_vhost_control){.next = (uint16_t)base};
	/* User Mode Linux says 0 for a fresh ring, which is 0 in the first lap. */
	return (struct bf_vhost_control){
		.next = base & 0x7fff, .wrap = base == 0 || (base & 0x8000) != 0};
}

uint32_t
bf_vhost_control_base(const struct bf_vhost_session *s, const struct bf_vhost_control *c)
{
	if (!bf_vhost_is_packed(s))
		return c->next;
	return (uint32_t)(c->next | c->wrap << 15) * 0x10001u;
}

static bool
command_add(const struct bf_vhost_session *s, struct command *c, uint64_t gpa, uint32_t len,
	bool writable)
{
	uint8_t *at = bf_vhost_session_at(s, gpa, len);
	uint32_t room = COMMAND_BYTES - c->len;

	if (at == NULL || len == 0)
		return false;
	if (writable) {
		if (c->ack == NULL)
			c->ack = at;
		return true;
	}
	memcpy(c->said + c->len, at, len < room ? len : room);
	c->len += len < room ? len : room;
	return true;
}

/* A table of `n` descriptors of a split ring, from `next` on. */
static bool
split_walk(const struct bf_vhost_session *s, struct command *c, const uint8_t *table, uint32_t n,
	uint16_t next, bool nested)
{
	for (int steps = 0; steps < CHAIN; steps++) {
		struct vring_desc d;

		if (next >= n)
			return false;
		memcpy(&d, table + next * sizeof(d), sizeof(d));
		if ((d.flags & VRING_DESC_F_INDIRECT) != 0) {
			const uint8_t *inner = bf_vhost_session_at(s, d.addr, d.len);

			return !nested && inner != NULL && (d.flags & VRING_DESC_F_NEXT) == 0 &&
				split_walk(s, c, inner, d.len / sizeof(d), 0, true);
		}
		if (!command_add(s, c, d.addr, d.len, (d.flags & VRING_DESC_F_WRITE) != 0))
			return false;
		if ((d.flags & VRING_DESC_F_NEXT) == 0)
			return true;
		next = d.next;
	}
	return false;
}

static bool
packed_indirect(
	const struct bf_vhost_session *s, struct command *c, const struct vring_packed_desc *d)
{
	const uint8_t *table = bf_vhost_session_at(s, d->addr, d->len);
	uint32_t n = d->len / (uint32_t)sizeof(*d);

	if (table == NULL || n > CHAIN)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct vring_packed_desc e;

		memcpy(&e, table + i * sizeof(e), sizeof(e));
		if (!command_add(s, c, e.addr, e.len, (e.flags & VRING_DESC_F_WRITE) != 0))
			return false;
	}
	return n > 0;
}

static bool
packed_walk(const struct bf_vhost_session *s, struct command *c, const struct bf_vhost_ring *r,
	uint16_t at)
{
	const struct vring_packed_desc *ring = r->desc;
	struct vring_packed_desc d;

	do {
		if (c->n == CHAIN || c->n == r->size)
			return false;
		memcpy(&d, &ring[(at + c->n++) % r->size], sizeof(d));
		c->id = d.id;
		if ((d.flags & VRING_DESC_F_INDIRECT) != 0)
			return c->n == 1 && packed_indirect(s, c, &d);
		if (!command_add(s, c, d.addr, d.len, (d.flags & VRING_DESC_F_WRITE) != 0))
			return false;
	} while ((d.flags & VRING_DESC_F_NEXT) != 0);
	return true;
}

static uint8_t
command_answer(const struct bf_vhost_session *s, const struct command *c)
{
	uint16_t pairs = 0;

	if (c->len < 2)
		return VIRTIO_NET_ERR;
	switch (c->said[0]) {
	case VIRTIO_NET_CTRL_RX:
	case VIRTIO_NET_CTRL_MAC:
	case VIRTIO_NET_CTRL_VLAN:
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return VIRTIO_NET_OK;
	case VIRTIO_NET_CTRL_MQ:
		if (c->said[1] != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || c->len < 4)
			return VIRTIO_NET_ERR;
		memcpy(&pairs, c->said + 2, sizeof(pairs));
		return pairs >= 1 && pairs <= bf_vhost_queue_pairs(s) ? VIRTIO_NET_OK
								      : VIRTIO_NET_ERR;
	default:
		return VIRTIO_NET_ERR;
	}
}

/* 1: one was answered; 0: none waits; -1: the queue cannot go on. */
static int
split_serve(const struct bf_vhost_session *s, const struct bf_vhost_ring *r,
	struct bf_vhost_control *at)
{
	const struct vring_avail *avail = r->avail;
	struct vring_used *used = r->used;
	struct command c = {.ack = NULL};
	uint16_t head;

	if (__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) == at->next)
		return 0;
	head = *(const volatile uint16_t *)&avail->ring[at->next % r->size];
	if (!split_walk(s, &c, r->desc, r->size, head, false))
		return -1;
	if (c.ack != NULL)
		*c.ack = command_answer(s, &c);
	used->ring[at->next % r->size] = (struct vring_used_elem){head, c.ack != NULL};
	at->next++;
	__atomic_store_n(&used->idx, at->next, __ATOMIC_RELEASE);
	return 1;
}

static int
packed_serve(const struct bf_vhost_session *s, const struct bf_vhost_ring *r,
	struct bf_vhost_control *at)
{
	uint16_t avail = 1 << VRING_PACKED_DESC_F_AVAIL, used = 1 << VRING_PACKED_DESC_F_USED;
	struct vring_packed_desc *d = (struct vring_packed_desc *)r->desc + at->next;
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	struct command c = {.ack = NULL};

	if (((flags & avail) != 0) != at->wrap || ((flags & used) != 0) == at->wrap)
		return 0;
	if (!packed_walk(s, &c, r, at->next))
		return -1;
	if (c.ack != NULL)
		*c.ack = command_answer(s, &c);
	d->id = c.id;
	d->len = c.ack != NULL;
	__atomic_store_n(&d->flags, at->wrap ? avail | used : 0, __ATOMIC_RELEASE);
	at->next = (uint16_t)(at->next + c.n);
	if (at->next >= r->size) {
		at->next = (uint16_t)(at->next - r->size);
		at->wrap = !at->wrap;
	}
	return 1;
}

/*
 * The guest is to kick for the next command.  Split: with an event index it does so for that one alone
 * (2.7.10).  Packed: for any (2.8.10).
 */
static void
want_kick(const struct bf_vhost_session *s, const struct bf_vhost_ring *r,
	const struct bf_vhost_control *at)
{
	struct vring_packed_desc_event any = {.flags = VRING_PACKED_EVENT_FLAG_ENABLE};
	struct vring_used *used = r->used;

	if (bf_vhost_is_packed(s))
		memcpy(r->used, &any, sizeof(any));
	else if ((s->features & BF_VHOST_F_EVENT_IDX) != 0)
		memcpy(&used->ring[r->size], &at->next, sizeof(at->next));
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the look that follows comes after */
}

static int
serve_one(const struct bf_vhost_session *s, const struct bf_vhost_ring *r,
	struct bf_vhost_control *at)
{
	return bf_vhost_is_packed(s) ? packed_serve(s, r, at) : split_serve(s, r, at);
}

bool
bf_vhost_control_serve(const struct bf_vhost_session *s, struct bf_vhost_control *c)
{
	const struct bf_vhost_ring *r = &s->ring[bf_vhost_control_ring(s)];
	int n = 0, ret = 1;

	while (n < COMMANDS && ret > 0) {
		ret = serve_one(s, r, c);
		if (ret == 0) {
			want_kick(s, r, c);
			ret = serve_one(s, r, c);
		}
		n += ret > 0;
	}
	c->more = ret > 0;
	return n > 0;
}

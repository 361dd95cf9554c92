/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests that describe one ring: size, addresses, position, descriptors, enabled or not.
 *
 * They may come in any order, and while the ring runs: it is stopped, changed and started again.
 * VU "Front-end message types", "Ring states".
 *
 * Threads: ctx vhost.
 */
#include "vhost/internal.h"

enum {
	ADDR_LOG = 1, /* flags of SET_VRING_ADDR: writes to the used ring are logged */
	USED_MAX_BYTES = 6 + 8 * BF_VHOST_RING_SIZE,
};

static struct bf_vhost_wire_state
state_of(const struct bf_vhost_message *m)
{
	struct bf_vhost_wire_state state;

	memcpy(&state, m->payload, sizeof(state));
	return state;
}

static struct bf_vhost_wire_addr
addr_of(const struct bf_vhost_message *m)
{
	struct bf_vhost_wire_addr addr;

	memcpy(&addr, m->payload, sizeof(addr));
	return addr;
}

static uint16_t
signal_ring(const struct bf_vhost_message *m)
{
	return (uint16_t)(bf_vhost_u64(m) & BF_VHOST_VRING_INDEX);
}

static int
check_index(const struct bf_vhost_session *s, uint32_t index, struct bf_err *err)
{
	if (index < s->offer.n_rings)
		return 0;
	return bf_err_set(err, EINVAL, "ring %u: expected 0 to %d", index, s->offer.n_rings - 1);
}

/* A state of which nothing but the ring counts: virtio-user leaves the number as it happens to be. */
int
bf_vhost_check_ring(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	return check_index(s, state_of(m).index, err);
}

int
bf_vhost_check_num(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	int ret = bf_vhost_check_ring(s, m, err);

	return ret != 0 ? ret : bf_vhost_check_size(s, state_of(m).num, err);
}

int
bf_vhost_set_num(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_state state = state_of(m);

	(void)answer;
	(void)err;
	bf_vhost_stop(s, (uint16_t)state.index);
	s->ring[state.index].size = (uint16_t)state.num;
	return 0;
}

/* Where they are is looked up when the ring starts: memory may come later, or go. */
int
bf_vhost_check_addr(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_addr addr = addr_of(m);
	int ret = check_index(s, addr.index, err);

	if (ret != 0)
		return ret;
	if ((addr.flags & ~(uint32_t)ADDR_LOG) != 0)
		return bf_err_set(err, EINVAL, "flags 0x%x: expected 0 or 1", addr.flags);
	if ((addr.flags & ADDR_LOG) != 0 && addr.log > UINT64_MAX - USED_MAX_BYTES)
		return bf_err_set(err, EINVAL,
			"log address 0x%" PRIx64 ": expected the used ring to end after it",
			addr.log);
	return bf_vhost_check_places(s, addr.desc, addr.avail, addr.used, err);
}

int
bf_vhost_set_addr(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_addr addr = addr_of(m);
	struct bf_vhost_ring *r = &s->ring[addr.index];

	(void)answer;
	(void)err;
	bf_vhost_stop(s, (uint16_t)addr.index);
	r->desc_uva = addr.desc;
	r->avail_uva = addr.avail;
	r->used_uva = addr.used;
	r->logged = (addr.flags & ADDR_LOG) != 0;
	r->log_gpa = r->logged ? addr.log : 0;
	r->has_addr = true;
	return 0;
}

int
bf_vhost_check_set_base(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	struct bf_vhost_wire_state state = state_of(m);
	int ret = bf_vhost_check_ring(s, m, err);

	return ret != 0 ? ret : bf_vhost_check_base(s, s->ring[state.index].size, state.num, err);
}

int
bf_vhost_set_base(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_state state = state_of(m);

	(void)answer;
	(void)err;
	bf_vhost_stop(s, (uint16_t)state.index);
	s->ring[state.index].base = state.num;
	return 0;
}

/*
 * The ring is stopped, until SET_VRING_KICK starts it.  Its kick and call descriptors go with it, as
 * with other back ends: who starts it sends new ones, and nobody is notified in between.  What was
 * said of its size, place and position stays.
 */
int
bf_vhost_get_base(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_state state = state_of(m);
	struct bf_vhost_ring *r = &s->ring[state.index];

	(void)err;
	bf_vhost_stop(s, (uint16_t)state.index);
	r->started = false;
	bf_vhost_dispose(s, &r->kick);
	bf_vhost_dispose(s, &r->call);
	state.num = r->base;
	bf_vhost_answer_put(answer, m->request, &state, sizeof(state));
	return 0;
}

/* Without a descriptor (NOFD) a kick means: the ring is polled, which it is anyway. */
int
bf_vhost_check_signal(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	uint64_t value = bf_vhost_u64(m);
	uint32_t expected = (value & BF_VHOST_VRING_NOFD) != 0 ? 0 : 1;

	if ((value & ~(BF_VHOST_VRING_INDEX | BF_VHOST_VRING_NOFD)) != 0)
		return bf_err_set(
			err, EINVAL, "0x%" PRIx64 ": expected a ring and bit 8 only", value);
	if (m->n_fds != expected)
		return bf_err_set(err, EINVAL, "%u descriptors: expected %u", m->n_fds, expected);
	return check_index(s, signal_ring(m), err);
}

int
bf_vhost_set_kick(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	uint16_t q = signal_ring(m);

	(void)answer;
	(void)err;
	bf_vhost_stop(s, q);
	bf_vhost_keep(s, m, &s->ring[q].kick);
	s->ring[q].started = true;
	return 0;
}

int
bf_vhost_set_call(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	uint16_t q = signal_ring(m);

	(void)answer;
	(void)err;
	bf_vhost_stop(s, q);
	bf_vhost_keep(s, m, &s->ring[q].call);
	return 0;
}

/* Errors are told by an event here, not to the front end: its descriptor is not kept. */
int
bf_vhost_set_err(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	(void)s;
	(void)m;
	(void)answer;
	(void)err;
	return 0;
}

/* Before SET_FEATURES it is enough that the feature was offered: QEMU enables the first rings then. */
int
bf_vhost_check_enable(
	const struct bf_vhost_session *s, const struct bf_vhost_message *m, struct bf_err *err)
{
	uint64_t features = s->has_features ? s->features : s->offer.features;
	struct bf_vhost_wire_state state = state_of(m);

	if ((features & BF_VHOST_F_PROTOCOL_FEATURES) == 0)
		return bf_err_set(err, EPERM, "feature protocol_features: not negotiated");
	if (state.num > 1)
		return bf_err_set(err, EINVAL, "%u: expected 0 or 1", state.num);
	return bf_vhost_check_ring(s, m, err);
}

int
bf_vhost_set_enable(struct bf_vhost_session *s, struct bf_vhost_message *m,
	struct bf_vhost_answer *answer, struct bf_err *err)
{
	struct bf_vhost_wire_state state = state_of(m);

	(void)answer;
	(void)err;
	if (s->ring[state.index].enabled != (state.num == 1))
		bf_vhost_stop(s, (uint16_t)state.index);
	s->ring[state.index].enabled = state.num == 1;
	return 0;
}

void
bf_vhost_forget_ring(struct bf_vhost_session *s, uint16_t q)
{
	struct bf_vhost_ring *r = &s->ring[q];

	bf_vhost_dispose(s, &r->kick);
	bf_vhost_dispose(s, &r->call);
	memset(r, 0, sizeof(*r));
	r->kick.fd = -1;
	r->call.fd = -1;
}

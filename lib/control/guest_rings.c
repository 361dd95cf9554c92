/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Who moves the frames of a guest's rings: see guest_rings.h.
 *
 * Threads: ctx vhost.
 */
#include "control/guest_rings.h"

#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_pause.h>
#include <rte_vhost.h>

#define N_RINGS (2 * BF_MAX_QP)

const char *const bf_ring_mode_name[] = {
#define MODE_NAME(sym, name) [BF_RING_##sym] = (name),
	BF_RING_MODE_LIST(MODE_NAME)
#undef MODE_NAME
};

const char *const bf_ring_fault_help[] = {
#define FAULT_HELP(sym, help) [BF_RING_FAULT_##sym] = (help),
	BF_RING_FAULT_LIST(FAULT_HELP)
#undef FAULT_HELP
};

/* As on the wire; numbers have this machine's byte order. */
struct message {
	uint32_t request, flags, size;
	uint8_t payload[];
};

/* A worker holds it for one burst. */
static void
ring_lock(struct bf_ring *r)
{
	while (__atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE) != 0)
		rte_pause();
}

static void
ring_unlock(struct bf_ring *r)
{
	__atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
}

/* What was used and not told is told now: nobody else will. */
static void
ring_off(struct bf_ring *r)
{
	ring_lock(r);
	if (r->mode == BF_RING_OWN && r->told != r->used_idx && r->call_fd >= 0)
		eventfd_write(r->call_fd, 1);
	if (r->mode == BF_RING_OWN)
		bf_ring_want_kicks(r, false);
	r->told = r->used_idx;
	__atomic_store_n(&r->mode, BF_RING_OFF, __ATOMIC_RELAXED);
	ring_unlock(r);
}

/* Off, and the library knows how far it went; a ring that the library moves stays as it is. */
static void
ring_give_back(struct bf_ring *r, int vid, uint16_t q)
{
	if (r->mode != BF_RING_OWN)
		return;
	ring_off(r);
	if (r->packed)
		rte_vhost_set_vring_base(
			vid, q, (uint16_t)bf_ring_base(r), (uint16_t)bf_ring_base(r));
	else
		rte_vhost_set_vring_base(vid, q, r->seen, r->used_idx);
}

/* Which rings a message is about. */
enum about {
	NO_RING,
	ONE_RING,
	ALL_RINGS
};

static enum about
about(uint32_t request)
{
	switch (request) {
	case BF_VHOST_SET_VRING_NUM:
	case BF_VHOST_SET_VRING_ADDR:
	case BF_VHOST_SET_VRING_BASE:
	case BF_VHOST_SET_VRING_KICK:
	case BF_VHOST_SET_VRING_CALL:
	case BF_VHOST_SET_VRING_ENABLE:
		return ONE_RING;
	case BF_VHOST_SET_FEATURES:
	case BF_VHOST_RESET_OWNER:
	case BF_VHOST_SET_MEM_TABLE:
	case BF_VHOST_SET_LOG_BASE:
	case BF_VHOST_GET_VRING_BASE: /* the device ends with it */
	case BF_VHOST_ADD_MEM_REG:
	case BF_VHOST_REM_MEM_REG:
		return ALL_RINGS;
	default:
		return NO_RING;
	}
}

/* Which of them map or unmap memory. */
static bool
is_about_memory(uint32_t request)
{
	return request == BF_VHOST_SET_MEM_TABLE || request == BF_VHOST_ADD_MEM_REG ||
		request == BF_VHOST_REM_MEM_REG || request == BF_VHOST_RESET_OWNER;
}

/* Every payload about one ring begins with its number, and that is below 256. */
static uint16_t
ring_of(const struct message *m)
{
	return m->payload[0];
}

/* Call it only when there is a table: the library does not look. */
static void
memory_read(struct bf_guest_dp *g, int vid)
{
	struct bf_guest_memory *m = &g->memory;
	struct rte_vhost_memory *table = NULL;

	m->n = 0;
	if (rte_vhost_get_mem_table(vid, &table) != 0)
		return;
	for (uint32_t i = 0; i < table->nregions && i < BF_RING_REGIONS; i++) {
		const struct rte_vhost_mem_region *from = &table->regions[i];

		m->region[i].gpa = from->guest_phys_addr;
		m->region[i].size = from->size;
		m->region[i].va = (uint8_t *)(uintptr_t)from->host_user_addr;
		m->n++;
	}
	free(table);
}

/* Everything but who may use it. */
static bool
ring_read(struct bf_guest_dp *g, int vid, uint16_t q, uint64_t features)
{
	struct bf_ring *r = &g->ring[q];
	struct rte_vhost_vring v = {0};
	bool is_packed = features & 1ULL << VIRTIO_F_RING_PACKED;
	uint16_t seen, used;

	if (rte_vhost_get_vhost_vring(vid, q, &v) != 0 || v.desc == NULL || v.avail == NULL ||
		v.used == NULL || v.size == 0 || (!is_packed && (v.size & (v.size - 1)) != 0) ||
		rte_vhost_get_vring_base(vid, q, &seen, &used) != 0)
		return false;
	r->packed = is_packed;
	r->in_order = features & 1ULL << VIRTIO_F_IN_ORDER;
	r->desc = v.desc; /* or what a packed ring has there */
	r->avail = v.avail;
	r->used = v.used;
	r->size = v.size;
	r->call_fd = v.callfd;
	if (q & 1)
		g->kick_fd[q / 2] = v.kickfd;
	bf_ring_set_base(r, is_packed ? seen | (uint32_t)used << 16 : seen);
	if (!is_packed)
		r->used_idx = r->told = used;
	r->fault = BF_RING_FAULT_NONE;
	r->event_idx = features & 1ULL << VIRTIO_RING_F_EVENT_IDX;
	r->mergeable = features & 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	r->header =
		features & (1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_F_VERSION_1) ? 12 : 10;
	return true;
}

/* The log is mapped by the library; that of a used ring goes by where the ring is. */
static void
ring_read_log(struct bf_guest_dp *g, int vid, struct bf_ring *r, uint64_t features)
{
	const uint8_t *used = (const uint8_t *)r->used;
	uint64_t at = 0, size = 0;

	r->log = NULL;
	if (!(features & 1ULL << VHOST_F_LOG_ALL) || rte_vhost_get_log_base(vid, &at, &size) != 0)
		return;
	g->log = (struct bf_ring_log){(uint8_t *)(uintptr_t)at, size};
	r->log = &g->log;
	r->log_gpa = BF_RING_NOT_LOGGED;
	for (uint32_t i = 0; i < g->memory.n; i++)
		if (used >= g->memory.region[i].va &&
			used < g->memory.region[i].va + g->memory.region[i].size)
			r->log_gpa =
				g->memory.region[i].gpa + (uint64_t)(used - g->memory.region[i].va);
}

/* A worker must not wait for whoever empties the other end. */
static void
never_wait(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool
ring_is_enabled(const struct bf_guest_dp *g, uint16_t q)
{
	const uint32_t *bits = q & 1 ? &g->tx_rings : &g->rx_rings;

	return __atomic_load_n(bits, __ATOMIC_RELAXED) & 1u << q / 2;
}

/* Nothing happens to a ring that is not off. */
static void
ring_on(struct bf_guest_dp *g, int vid, uint16_t q)
{
	struct bf_ring *r = &g->ring[q];
	uint64_t features = 0;

	if (r->mode != BF_RING_OFF || !ring_is_enabled(g, q))
		return;
	rte_vhost_get_negotiated_features(vid, &features);
	ring_lock(r);
	r->memory = &g->memory;
	if (g->memory.n > 0 && ring_read(g, vid, q, features)) {
		ring_read_log(g, vid, r, features);
		never_wait(r->call_fd);
		bf_ring_want_kicks(r, false);
		r->mode = BF_RING_OWN;
	}
	ring_unlock(r);
	__atomic_fetch_add(&g->changes, 1, __ATOMIC_RELEASE);
}

void
bf_guest_rings_on(struct bf_guest_dp *g, int vid)
{
	uint16_t n = RTE_MIN(rte_vhost_get_vring_num(vid), (uint16_t)N_RINGS);

	for (uint16_t q = 0; q < n; q++)
		ring_on(g, vid, q);
}

void
bf_guest_rings_off(struct bf_guest_dp *g)
{
	for (uint16_t q = 0; q < N_RINGS; q++)
		ring_off(&g->ring[q]);
}

void
bf_guest_ring_state(struct bf_guest_dp *g, int vid, uint16_t q, bool enable)
{
	if (!enable)
		ring_give_back(&g->ring[q], vid, q);
	else if (__atomic_load_n(&g->up, __ATOMIC_RELAXED))
		ring_on(g, vid, q);
}

void
bf_guest_rings_before(struct bf_guest_dp *g, int vid, const void *msg)
{
	const struct message *m = msg;
	enum about what = about(m->request);

	if (what == ONE_RING && ring_of(m) < N_RINGS)
		ring_give_back(&g->ring[ring_of(m)], vid, ring_of(m));
	for (uint16_t q = 0; what == ALL_RINGS && q < N_RINGS; q++)
		ring_give_back(&g->ring[q], vid, q);
	if (is_about_memory(m->request))
		g->memory.n = 0;
}

static void
take_rarp(struct bf_guest_dp *g, const struct message *m)
{
	uint64_t mac = 0;

	memcpy(&mac, m->payload, 6);
	if (g->ring[1].mode == BF_RING_OWN)
		bf_ring_announce(&g->ring[1], mac);
}

/* The library tells of a ring that was disabled when it has answered already. */
static void
take_disable(struct bf_guest_dp *g, const struct message *m)
{
	uint16_t q = ring_of(m);

	if (q < N_RINGS && m->payload[4] == 0)
		__atomic_fetch_and(
			q & 1 ? &g->tx_rings : &g->rx_rings, ~(1u << q / 2), __ATOMIC_RELEASE);
}

void
bf_guest_rings_after(struct bf_guest_dp *g, int vid, const void *msg)
{
	const struct message *m = msg;

	if (m->request == BF_VHOST_SEND_RARP)
		take_rarp(g, m);
	if (m->request == BF_VHOST_SET_VRING_ENABLE)
		take_disable(g, m);
	if (is_about_memory(m->request) && m->request != BF_VHOST_RESET_OWNER)
		memory_read(g, vid);
	if (about(m->request) != NO_RING && __atomic_load_n(&g->up, __ATOMIC_RELAXED))
		bf_guest_rings_on(g, vid);
}

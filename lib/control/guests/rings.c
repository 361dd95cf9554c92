/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the front door to the workers: see guest_rings.h.
 *
 * Threads: ctx vhost; guest_lost() is called by a signal handler.
 */
#include "control/guests/rings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <rte_pause.h>

#include "base/call.h"
#include "control/guests/discard.h"
#include "control/loop/notify.h"
#include "dataplane/recover.h"
#include "dataplane/ring.h"
#include "vhost/wire.h"

#define N_RINGS (2 * BF_MAX_QP)
#define LOCK_SPINS 256

static_assert(N_RINGS == BF_VHOST_DATA_RINGS, "the door serves as many rings as the workers");
static_assert(BF_RING_REGIONS == BF_VHOST_REGIONS, "and as many regions");

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

static struct bf_calls calls; /* the door's thread's */

void
bf_guest_rings_open(void)
{
	bf_calls_open(&calls);
}

void
bf_guest_rings_close(void)
{
	bf_calls_close(&calls);
}

/* A worker holds it for one burst, longer when its CPU has gone to somebody else. */
static void
ring_lock(struct bf_ring *r)
{
	for (unsigned int i = 1; __atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE) != 0; i++) {
		rte_pause();
		if (i % LOCK_SPINS == 0)
			sched_yield();
	}
}

static void
ring_unlock(struct bf_ring *r)
{
	__atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
}

static uint32_t *
bits_of(struct bf_guest_dp *g, uint16_t q)
{
	return q & 1 ? &g->tx_rings : &g->rx_rings;
}

/*
 * An eventfd is signalled by the worker itself where that never waits; anything else, and where the
 * kernel cannot do that, through a thread that only this guest waits for.
 */
static int
call_fd_of(struct bf_guest *g, const struct bf_vhost_ring *from, uint16_t q)
{
	struct bf_vhost_fd to = from->call;

	if (to.fd < 0)
		return -1;
	if (to.kind == BF_VHOST_FD_EVENT && bf_calls_are_safe())
		return to.fd;
	to.fd = fcntl(to.fd, F_DUPFD_CLOEXEC, 0);
	if (to.fd < 0)
		return -1;
	g->caller[q] = bf_caller_new(g->bin, &to);
	if (g->caller[q] != NULL)
		return bf_caller_fd(g->caller[q]);
	bf_waste_fd(g->bin, &to);
	return -1;
}

/* 5.1.3.1: segmentation needs checksums, ECN needs segmentation. */
static uint8_t
offloads_of(uint64_t features, bool from_guest)
{
	static const struct {
		uint8_t bit, to, from;
	} names[] = {
		{BF_OFFLOAD_TSO4, VIRTIO_NET_F_GUEST_TSO4, VIRTIO_NET_F_HOST_TSO4},
		{BF_OFFLOAD_TSO6, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_HOST_TSO6},
		{BF_OFFLOAD_ECN, VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_HOST_ECN},
	};
	uint8_t bits = BF_OFFLOAD_CSUM;

	if (!(features & 1ULL << (from_guest ? VIRTIO_NET_F_CSUM : VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	for (unsigned int i = 0; i < RTE_DIM(names); i++)
		if (features & 1ULL << (from_guest ? names[i].from : names[i].to))
			bits |= names[i].bit;
	return bits & BF_OFFLOAD_TSO ? bits : BF_OFFLOAD_CSUM;
}

/* Everything but where it stands and who may use it. */
static void
ring_describe(struct bf_ring *r, const struct bf_vhost_session *s, const struct bf_vhost_ring *from,
	bool from_guest)
{
	uint64_t features = s->features;

	r->packed = features & 1ULL << VIRTIO_F_RING_PACKED;
	r->desc = from->desc;
	r->avail = from->avail;
	r->used = from->used;
	r->size = from->size;
	r->in_order = features & 1ULL << VIRTIO_F_IN_ORDER;
	r->event_idx = features & 1ULL << VIRTIO_RING_F_EVENT_IDX;
	r->mergeable = features & 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	r->offloads = offloads_of(features, from_guest);
	r->longest = r->offloads & BF_OFFLOAD_TSO ? BF_SUPERFRAME_MAX + BF_SUPERFRAME_TAGS
						  : BF_LONGEST_FRAME;
	r->header =
		features & (1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_F_VERSION_1) ? 12 : 10;
	r->log_gpa = from->logged ? from->log_gpa : BF_RING_NOT_LOGGED;
}

/* A fault that goes before control has looked is told all the same. */
static void
ring_fault_put(struct bf_guest *g, unsigned int q, uint8_t fault)
{
	uint8_t old = __atomic_exchange_n(&g->dp->ring[q].fault, fault, __ATOMIC_SEQ_CST);

	if (old != BF_RING_FAULT_NONE && old != BF_RING_FAULT_MEMORY &&
		old != __atomic_load_n(&g->fault_seen[q], __ATOMIC_RELAXED))
		__atomic_store_n(&g->fault_gone[q], old, __ATOMIC_RELAXED);
}

/* No ring runs on memory that was lost.  Whoever says so meanwhile comes before the look or after it. */
static void
ring_forgive(struct bf_guest *g, unsigned int q)
{
	struct bf_ring *r = &g->dp->ring[q];

	ring_fault_put(g, q, BF_RING_FAULT_NONE);
	if (__atomic_load_n(&g->memory_lost, __ATOMIC_SEQ_CST))
		__atomic_store_n(&r->fault, BF_RING_FAULT_MEMORY, __ATOMIC_RELAXED);
}

/*
 * A split ring says in memory how far it was used, and whoever connects again may not know
 * (virtio-user says 0): that counts, as nothing is under way.
 *
 * A fresh packed ring begins in its first lap, which is wrap counter 1.  User Mode Linux says 0; whether
 * that is meant shows in the first descriptor, which has been used in the lap before then.
 */
static uint32_t
base_of(const struct bf_ring *r, uint32_t base)
{
	if (!r->packed)
		return *(const volatile uint16_t *)&r->used->idx;
	if (base != 0 || r->packed_desc[0].flags & 1 << VRING_PACKED_DESC_F_USED)
		return base;
	return 1u << 15;
}

/* Where it goes on: where a record of ours that fits says, or where the front end says. */
static void
ring_place(struct bf_guest *g, struct bf_ring *r, const struct bf_vhost_ring *from, uint16_t q)
{
	uint16_t at;
	bool wrap;

	r->record = NULL;
	if (r->packed && from->keep != NULL)
		r->record = from->keep;
	else if (r->packed && g->records != NULL)
		r->record = &g->records[q];
	if (r->packed && !g->placed[q] && bf_packed_recover(r, &at, &wrap))
		bf_ring_set_base(r, (uint32_t)(at | wrap << 15) * 0x10001u);
	else
		bf_ring_set_base(r, base_of(r, from->base));
	g->placed[q] = true;
}

/* Its driver may wait for what a process before this one used, and died before it told. */
static bool
was_used(const struct bf_ring *r)
{
	return r->packed ? r->seen != 0 || !r->wrap : r->used_idx != 0;
}

/*
 * A worker may just be calling by the descriptor that the ring had before, where nobody looks any more:
 * the guest is to look once more.
 */
static void
ring_call(const struct bf_ring *r)
{
	bf_calls_add(&calls, r->call_fd);
	bf_calls_send(&calls);
}

static void
guest_ring_start(void *arg, const struct bf_vhost_session *s, uint16_t q)
{
	struct bf_guest *g = arg;
	struct bf_guest_dp *dp = g->dp;
	struct bf_ring *r = &dp->ring[q];
	const struct bf_vhost_ring *from = &s->ring[q];
	bool looks;

	if (q >= N_RINGS) /* a control queue that nobody said was one */
		return;
	looks = g->placed[q];
	ring_lock(r);
	ring_describe(r, s, from, q & 1);
	if (!(q & 1))
		__atomic_store_n(&dp->offloads, r->offloads, __ATOMIC_RELAXED);
	ring_forgive(g, q);
	ring_place(g, r, from, q);
	looks = looks || was_used(r);
	r->began_frames = r->frames;
	r->began_idx = r->used_idx;
	r->call_fd = call_fd_of(g, from, q);
	if (q & 1)
		dp->kick_fd[q / 2] = from->kick.fd;
	r->memory = &dp->memory;
	dp->log = (struct bf_ring_log){s->log.va, s->log.size};
	r->log = s->features & BF_VHOST_F_LOG_ALL && dp->log.va != NULL ? &dp->log : NULL;
	bf_ring_want_kicks(r, false);
	r->discards = false;
	__atomic_store_n(&r->mode, from->enabled ? BF_RING_OWN : BF_RING_DISCARD, __ATOMIC_RELAXED);
	ring_unlock(r);
	if (!from->enabled) {
		bf_discard_count(1);
		return;
	}
	if (looks)
		ring_call(r);
	__atomic_fetch_or(bits_of(dp, q), 1u << q / 2, __ATOMIC_RELEASE);
	__atomic_fetch_add(&dp->changes, 1, __ATOMIC_RELEASE);
}

/* What was used and not told is told now: nobody else will. */
static uint32_t
guest_ring_stop(void *arg, uint16_t q)
{
	struct bf_guest *g = arg;
	struct bf_ring *r = &g->dp->ring[q];
	uint32_t base;

	if (q >= N_RINGS)
		return 0;
	__atomic_fetch_and(bits_of(g->dp, q), ~(1u << q / 2), __ATOMIC_RELEASE);
	ring_lock(r);
	if (r->mode == BF_RING_DISCARD)
		bf_discard_count(-1);
	if (r->mode != BF_RING_OFF) {
		bf_calls_add(&calls, bf_ring_tell(r));
		bf_ring_want_kicks(r, false);
	}
	__atomic_store_n(&r->mode, BF_RING_OFF, __ATOMIC_RELAXED);
	base = bf_ring_base(r);
	ring_unlock(r);
	bf_calls_send(&calls);
	bf_caller_free(g->caller[q]);
	g->caller[q] = NULL;
	return base;
}

/* The largest first: most addresses are in it. */
static void
memory_sort(struct bf_guest_memory *m)
{
	for (uint32_t i = 1; i < m->n; i++)
		for (uint32_t k = i; k > 0 && m->region[k].size > m->region[k - 1].size; k--) {
			__typeof__(m->region[0]) larger = m->region[k];

			m->region[k] = m->region[k - 1];
			m->region[k - 1] = larger;
		}
}

/* Regions of a new table are mapped while the old ones are: none of them is at the same place. */
static bool
has_old_region(const struct bf_guest_memory *m, const struct bf_vhost_session *s)
{
	for (uint32_t i = 0; i < m->n; i++)
		for (uint32_t k = 0; k < s->n_regions; k++)
			if (m->region[i].va == s->region[k].va)
				return true;
	return false;
}

static void
guest_memory(void *arg, const struct bf_vhost_session *s)
{
	struct bf_guest *g = arg;
	struct bf_guest_memory *m = &g->dp->memory;

	if (s == NULL || !has_old_region(m, s))
		__atomic_store_n(&g->memory_lost, 0, __ATOMIC_SEQ_CST);
	m->n = s == NULL ? 0 : s->n_regions;
	for (uint32_t i = 0; i < m->n; i++) {
		m->region[i].gpa = s->region[i].gpa;
		m->region[i].size = s->region[i].size;
		m->region[i].va = s->region[i].va;
	}
	memory_sort(m);
	if (s == NULL)
		memset(g->placed, 0, sizeof(g->placed));
}

static void
guest_announce(void *arg, uint64_t mac)
{
	struct bf_guest *g = arg;

	bf_ring_announce(&g->dp->ring[1], mac);
}

/* Once, until control has looked: a guest that has much to say does not fill the queue. */
static void
guest_notify(struct bf_guest *g, enum bf_notice_kind kind)
{
	struct bf_notice n = {.kind = kind, .a = g->slot};

	if (__atomic_fetch_or(&g->noticed, 1u << kind, __ATOMIC_SEQ_CST) & 1u << kind)
		return;
	if (!bf_notify_post(&n)) /* full: control looks at every guest once a second */
		__atomic_fetch_and(&g->noticed, ~(1u << kind), __ATOMIC_RELAXED);
}

/* Control is notified of what it would see. */
static void
guest_settled(void *arg, const struct bf_vhost_session *s, bool up)
{
	struct bf_guest *g = arg;
	struct bf_guest_dp *dp = g->dp;

	(void)s;
	if (up == dp->up && dp->rx_rings == g->rx_posted && dp->tx_rings == g->tx_posted)
		return;
	if (up && !dp->up)
		__atomic_fetch_add(&g->ups, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&dp->up, up, __ATOMIC_RELEASE);
	g->rx_posted = dp->rx_rings;
	g->tx_posted = dp->tx_rings;
	guest_notify(g, BF_NOTICE_GUEST);
}

/* No ring of the guest can be trusted any more, before its memory is another one. */
static void
guest_lost(void *arg)
{
	struct bf_guest *g = arg;

	__atomic_store_n(&g->memory_lost, 1, __ATOMIC_SEQ_CST);
	for (unsigned int q = 0; q < N_RINGS; q++)
		ring_fault_put(g, q, BF_RING_FAULT_MEMORY);
}

static void
guest_say(void *arg, enum bf_door_event what, const char *text)
{
	(void)what;
	(void)text; /* control reads it from the door */
	guest_notify(arg, BF_NOTICE_GUEST_REFUSED);
}

const struct bf_door_ops bf_guest_rings_ops = {
	.ring_start = guest_ring_start,
	.ring_stop = guest_ring_stop,
	.memory = guest_memory,
	.announce = guest_announce,
	.settled = guest_settled,
	.lost = guest_lost,
	.say = guest_say,
};

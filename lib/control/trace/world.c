/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See world.h.
 *
 * Threads: ctx control.
 */
#include "control/trace/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/guard.h"
#include "dataplane/mailbox.h"
#include "dataplane/rules.h"
#include "dataplane/switch.h"

#define FRAMES 15 /* in the pool: the frame, and what a worker answers to it */
#define ROOM (BF_LONGEST_FRAME + 512) /* of a frame, with tags and padding */
#define BUFFERS 64 /* of a guest's ring */
#define BUFFER 65600u /* bytes of each, all the same ones: nobody reads them */
#define BUFFER_GPA 0x1000u
#define PLACES 64 /* of a mailbox */

/* What guests' rings are made of; all of them share it. */
struct bf_trace_rings {
	struct vring_desc desc[BUFFERS];
	struct vring_avail *some, *none; /* of a ring that has buffers, and of a full one */
	struct vring_used *used;
	uint8_t buffer[BUFFER];
};

/* ---- members ---- */

static void *no_queue[RTE_MAX_QUEUES_PER_PORT];

static uint16_t
wire_tx(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)queue;
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static uint16_t
wire_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)queue;
	(void)pkts;
	return n;
}

/* Devices get the lowest numbers that are free. @return false: there is none left */
static bool
wire_open(struct bf_trace_world *t)
{
	uint16_t port = RTE_MAX_ETHPORTS;

	while (port > 0 && rte_eth_dev_is_valid_port((uint16_t)(port - 1)))
		port--;
	if (port == 0)
		return false;
	t->port = (uint16_t)(port - 1);
	t->driver_was = malloc(sizeof(*t->driver_was));
	if (t->driver_was == NULL)
		return false;
	*t->driver_was = rte_eth_fp_ops[t->port];
	rte_eth_fp_ops[t->port].tx_pkt_burst = wire_tx;
	rte_eth_fp_ops[t->port].tx_pkt_prepare = wire_prepare;
	rte_eth_fp_ops[t->port].txq = (struct rte_ethdev_qdata){no_queue, no_queue};
	return true;
}

static void
wire_close(struct bf_trace_world *t)
{
	if (t->driver_was == NULL)
		return;
	rte_eth_fp_ops[t->port] = *t->driver_was;
	free(t->driver_was);
}

/* ---- guests ---- */

static void
rings_free(struct bf_trace_rings *r)
{
	if (r == NULL)
		return;
	free(r->some);
	free(r->none);
	free(r->used);
	free(r);
}

static struct bf_trace_rings *
rings_new(void)
{
	size_t avail = sizeof(struct vring_avail) + (BUFFERS + 1) * sizeof(uint16_t);
	struct bf_trace_rings *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->some = calloc(1, avail);
	r->none = calloc(1, avail);
	r->used = calloc(1, sizeof(*r->used) + (BUFFERS + 1) * sizeof(struct vring_used_elem));
	if (r->some == NULL || r->none == NULL || r->used == NULL) {
		rings_free(r);
		return NULL;
	}
	for (uint16_t i = 0; i < BUFFERS; i++) {
		r->desc[i] = (struct vring_desc){BUFFER_GPA, BUFFER, VRING_DESC_F_WRITE, 0};
		r->some->ring[i] = i;
	}
	r->some->idx = BUFFERS;
	return r;
}

/* One towards the guest: what was negotiated is the real one's, where it is and how full it is ours. */
static struct bf_ring
ring_copy(struct bf_trace_world *t, const struct bf_ring *real,
	const struct bf_guest_memory *memory, bool is_full)
{
	bool refilled = bf_ring_was_refilled(real);

	return (struct bf_ring){.mode = real->mode,
		.mergeable = real->mergeable,
		.offloads = real->offloads,
		.header = real->header,
		.size = BUFFERS,
		.desc = t->rings->desc,
		.avail = is_full ? t->rings->none : t->rings->some,
		.used = t->rings->used,
		.memory = memory,
		.frames = refilled ? BUFFERS + 1 : 0,
		.longest = real->longest,
		.call_fd = -1};
}

static void
guest_copy(struct bf_trace_world *t, unsigned int i)
{
	uint16_t slot = t->guest[i];
	const struct bf_guest_dp *real = t->ground.view->ports[slot].guest;
	struct bf_guest_dp *g = &t->dp[i];
	bool is_full = t->ground.is_full != NULL && t->ground.is_full[slot];

	g->up = __atomic_load_n(&real->up, __ATOMIC_ACQUIRE);
	g->rx_rings = __atomic_load_n(&real->rx_rings, __ATOMIC_RELAXED);
	g->offloads = __atomic_load_n(&real->offloads, __ATOMIC_RELAXED);
	g->memory = (struct bf_guest_memory){
		.n = 1, .region = {{BUFFER_GPA, BUFFER, t->rings->buffer}}};
	for (unsigned int q = 0; q < 2 * BF_MAX_QP; q += 2)
		g->ring[q] = ring_copy(t, &real->ring[q], &g->memory, is_full);
	t->view.ports[slot].guest = g;
}

static void
qos_copy(struct bf_trace_world *t, unsigned int i)
{
	struct bf_port_rules *r = &t->view.rules[t->guest[i]];

	if (r->qos == NULL)
		return;
	t->qos[i] = *r->qos;
	t->qos[i].counts = t->counts;
	r->qos = &t->qos[i];
}

static bool
guests_open(struct bf_trace_world *t)
{
	const struct bf_view *v = t->ground.view;

	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (v->ports[s].kind == BF_PORT_GUEST)
			t->guest[t->n_guests++] = s;
	t->dp = aligned_alloc(RTE_CACHE_LINE_SIZE, (t->n_guests + 1u) * sizeof(*t->dp));
	t->qos = calloc(t->n_guests + 1u, sizeof(*t->qos));
	t->rings = rings_new();
	if (t->dp == NULL || t->qos == NULL || t->rings == NULL)
		return false;
	memset(t->dp, 0, (t->n_guests + 1u) * sizeof(*t->dp));
	return true;
}

/* ---- the worker ---- */

static struct rte_ring *
mailbox_new(unsigned int element)
{
	ssize_t size = rte_ring_get_memsize_elem(element, PLACES);
	struct rte_ring *r = size < 0
		? NULL
		: aligned_alloc(RTE_CACHE_LINE_SIZE,
			  RTE_ALIGN_CEIL((size_t)size, (size_t)RTE_CACHE_LINE_SIZE));

	if (r != NULL && rte_ring_init(r, "trace", PLACES, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(r);
		r = NULL;
	}
	return r;
}

/* Whose turn it is, where it is; everything that it owns is ours. */
static bool
worker_open(struct bf_trace_world *t)
{
	const struct bf_worker *real = t->ground.worker;
	struct bf_worker *w = &t->w;

	w->idx = real->idx;
	w->lcore = real->lcore;
	w->socket = real->socket;
	w->tsc_hz = real->tsc_hz;
	w->held = real->held;
	w->fdb = &t->fdb;
	w->echoes = &t->echoes;
	w->view = &t->view;
	w->counters = &t->counters;
	w->last_words = &t->last_words;
	w->n_mirrored =
		BF_MIRRORED; /* no room: what mirrors want is counted, and takes no buffer */
	w->cache = t->cache;
	w->stages = t->stages;
	w->hands = t->hands;
	w->learn = mailbox_new(sizeof(struct bf_mail));
	w->reports = mailbox_new(sizeof(struct bf_report));
	w->for_us = mailbox_new(sizeof(void *));
	w->slow = mailbox_new(sizeof(void *));
	w->lldp = mailbox_new(sizeof(void *));
	for (unsigned int i = 0; i < BF_CACHE_SETS; i++)
		bf_cache_clear(&t->cache[i]);
	return w->learn != NULL && w->reports != NULL && w->for_us != NULL && w->slow != NULL &&
		w->lldp != NULL;
}

struct bf_trace_world *
bf_trace_world_create(const struct bf_trace_ground *ground, struct bf_err *err)
{
	struct bf_trace_world *t = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*t));

	if (t == NULL)
		goto err_memory;
	memset(t, 0, sizeof(*t));
	t->ground = *ground;
	t->pool = rte_pktmbuf_pool_create(
		"bf_trace", FRAMES, 0, 0, ROOM + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (t->pool == NULL || !guests_open(t) || !worker_open(t))
		goto err_memory;
	if (!wire_open(t)) {
		bf_trace_world_destroy(t);
		bf_err_set(err, ENOSPC,
			"trace: expected a port number that no device has: all %d are in use",
			RTE_MAX_ETHPORTS);
		errno = ENOSPC;
		return NULL;
	}
	return t;

err_memory:
	bf_trace_world_destroy(t);
	bf_err_set(err, ENOMEM, "trace: out of memory");
	errno = ENOMEM;
	return NULL;
}

void
bf_trace_world_destroy(struct bf_trace_world *t)
{
	if (t == NULL)
		return;
	wire_close(t);
	free(t->w.learn);
	free(t->w.reports);
	free(t->w.for_us);
	free(t->w.slow);
	free(t->w.lldp);
	rings_free(t->rings);
	free(t->qos);
	free(t->dp);
	rte_mempool_free(t->pool);
	free(t);
}

/* ---- for each frame ---- */

static void
counters_clear(struct bf_trace_world *t)
{
	struct bf_counters *c = &t->counters;

	memset(&c->pmd, 0, sizeof(c->pmd));
	memset(c->members, 0, sizeof(c->members));
	for (uint16_t s = 0; s < BF_MAX_PORTS; s++)
		if (t->view.ports[s].kind != BF_PORT_NONE)
			memset(&c->ports[s], 0, sizeof(c->ports[s]));
}

/* What frames from a port take from: its guard's room, its storm budgets. */
static void
sender_copy(struct bf_trace_world *t, uint16_t in)
{
	struct bf_port_rules *r = &t->view.rules[in];

	if (r->guard != NULL) {
		t->guard = *r->guard;
		r->guard = &t->guard;
	}
	if (t->view.storms[in] != NULL) {
		t->storms = *t->view.storms[in];
		t->view.storms[in] = &t->storms;
	}
}

static void
mirrors_copy(struct bf_trace_world *t)
{
	for (unsigned int k = 0; k < BF_MAX_MIRRORS; k++) {
		if (t->view.mirrors[k] == NULL)
			continue;
		t->mirrors[k] = *t->view.mirrors[k];
		t->mirrors[k].count[t->w.idx] = (struct bf_mirror_counts){0};
		t->view.mirrors[k] = &t->mirrors[k];
	}
}

static void
view_copy(struct bf_trace_world *t, uint16_t in)
{
	struct bf_view *v = &t->view;

	*v = *t->ground.view;
	v->drop_taps = 0;
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++)
		v->ports[s].out &= (uint16_t) ~(BF_RULE_BIT(TAP) | BF_RULE_BIT(WATCH));
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++)
			v->bonds[k].member[i] = t->port;
	for (unsigned int i = 0; i < t->n_guests; i++) {
		guest_copy(t, i);
		qos_copy(t, i);
	}
	sender_copy(t, in);
	mirrors_copy(t);
}

static void
fdb_copy(struct bf_trace_world *t)
{
	const struct bf_fdb *real = t->ground.worker->fdb;

	t->fdb = (struct bf_fdb){.buckets = &t->bucket,
		.seed = {real->seed[0], real->seed[1]},
		.now_s = real->now_s,
		.age_s = real->age_s};
	memset(&t->bucket, 0, sizeof(t->bucket));
}

static void
worker_clear(struct bf_trace_world *t, uint16_t in)
{
	struct bf_worker *w = &t->w;

	bf_switch_forget(w);
	memset(w->bonds, 0, sizeof(w->bonds));
	memset(w->recent_key, 0, sizeof(w->recent_key));
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		const struct bf_bond_lcore *real = &t->ground.worker->bonds[k];
		const struct bf_carrier *c = t->view.bonds[k].carrier;

		w->bonds[k].rr = real->rr;
		w->bonds[k].losses_seen =
			c != NULL ? __atomic_load_n(&c->losses, __ATOMIC_RELAXED) : 0;
	}
	w->tags[in] = BF_TAGS_NONE;
	w->answer_tsc = t->ground.worker->answer_tsc;
	memcpy(w->answer_port_tsc, t->ground.worker->answer_port_tsc, sizeof(w->answer_port_tsc));
	w->n_touched = 0;
	w->pushed = 0;
}

void
bf_trace_world_renew(struct bf_trace_world *t, uint16_t in)
{
	view_copy(t, in);
	fdb_copy(t);
	t->echoes = *t->ground.worker->echoes;
	counters_clear(t);
	worker_clear(t, in);
}

struct rte_mbuf *
bf_trace_world_frame(struct bf_trace_world *t, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);

	if (m == NULL)
		return NULL;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	return m;
}

static void
station_know(struct bf_trace_world *t, uint64_t key)
{
	struct bf_fdb_entry *own = NULL;
	const struct bf_fdb_entry *real;
	uint16_t port;

	real = bf_fdb_find(t->ground.worker->fdb, key, &port);
	if (real == NULL || bf_fdb_find_in(&t->bucket, key) != NULL)
		return;
	own = bf_fdb_find_in(&t->bucket, 0);
	if (own != NULL)
		*own = *real;
}

/* Too-big messages look for a sender when its tag may have been taken away. */
void
bf_trace_world_know(struct bf_trace_world *t, const struct bf_frame *f)
{
	const uint64_t vlan = BF_FDB_SERVICE | (uint64_t)(BF_VLAN_IDS - 1) << 48;

	station_know(t, f->src);
	station_know(t, f->dst);
	station_know(t, f->src & ~vlan);
}

static uint32_t
frames_hear(struct rte_ring *r)
{
	struct rte_mbuf *m;
	uint32_t n = 0;

	while (rte_ring_sc_dequeue(r, (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

void
bf_trace_world_hear(struct bf_trace_world *t, struct bf_trace_said *said)
{
	struct bf_report report;
	struct bf_mail mail;

	memset(said, 0, sizeof(*said));
	while (bf_mailbox_take(t->w.learn, &mail, 1) == 1)
		said->mails[mail.kind % RTE_DIM(said->mails)]++;
	while (bf_reports_take(t->w.reports, &report))
		said->reports++;
	said->slow = frames_hear(t->w.slow);
	said->lldp = frames_hear(t->w.lldp);
	said->for_us = frames_hear(t->w.for_us);
	for (unsigned int k = 0; k < BF_MAX_MIRRORS; k++)
		if (t->view.mirrors[k] != NULL)
			said->copies[k] = (uint32_t)t->mirrors[k].count[t->w.idx].lost;
	said->answers = t->w.n_answers;
	for (uint16_t i = 0; i < t->w.n_answers; i++)
		rte_pktmbuf_free(t->w.answers[i]);
	t->w.n_answers = 0;
}

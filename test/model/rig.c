/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bench.
 *
 * Threads: one.
 */
#include "rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_ring.h>
#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "base/log.h"
#include "dataplane/flow.h"
#include "dataplane/mailbox.h"
#include "dataplane/ring.h"
#include "dataplane/rx_bond.h"
#include "dataplane/stage.h"
#include "dataplane/switch.h"

const uint8_t rig_bond_mac[6] = {0x02, 0xb0, 0xb0, 0, 0, 1};

static struct rig *current; /* whose guests answer */
static int room[RIG_GUESTS + 1];
static bool only_copy;
static void (*guest_hook)(void), (*poll_hook)(void);
static bool eal_runs;
static struct vring_avail no_avail; /* of rings that are doubles */
static struct vring_used no_used;

/* Two lcores on the processors that we may use, wherever these are; pinned to none of them. */
static void
lcores_arg(char *buf, size_t size)
{
	char cpus[48] = "";
	size_t len = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && len < sizeof(cpus) - 6; cpu++)
		if (CPU_ISSET(cpu, &set))
			len += (size_t)snprintf(
				cpus + len, sizeof(cpus) - len, "%s%d", len > 0 ? "," : "", cpu);
	snprintf(buf, size, "0@(%s),1@(%s)", cpus, cpus);
}

bool
rig_eal(void)
{
	char arg[][128] = {"test", "--no-huge", "-m", "768", "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level", "*:error", "--lcores", ""};
	char *argv[sizeof(arg) / sizeof(arg[0])];
	int argc = (int)(sizeof(arg) / sizeof(arg[0]));

	lcores_arg(arg[argc - 1], sizeof(arg[0]));
	for (int i = 0; i < argc; i++)
		argv[i] = arg[i];
	if (!eal_runs)
		eal_runs = rte_eal_init(argc, argv) >= 0;
	bf_log_set_level(BF_LOG_ERR);
	return eal_runs;
}

void
rig_eal_end(void)
{
	if (eal_runs)
		rte_eal_cleanup();
	eal_runs = false;
}

int
rig_group_set_up(void **state)
{
	(void)state;
	return rig_eal() ? 0 : -1;
}

int
rig_group_tear_down(void **state)
{
	(void)state;
	rig_eal_end();
	return 0;
}

/* Whose ring it is: a double has no descriptors, and its slot in place of a size. */
static inline bool
is_double(const struct bf_ring *r)
{
	return r->desc == NULL;
}

uint16_t
__wrap_bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	static uint8_t sink[BF_BURST][2048];
	uint16_t take = n, slot = r->size;

	if (!is_double(r))
		return __real_bf_ring_put(r, pkts, n);
	if (guest_hook != NULL)
		guest_hook();
	if (room[slot] >= 0 && take > room[slot])
		take = (uint16_t)room[slot];
	if (room[slot] >= 0)
		room[slot] -= take;
	for (uint16_t i = 0; i < take && only_copy; i++)
		memcpy(sink[i], rte_pktmbuf_mtod(pkts[i], void *), pkts[i]->data_len);
	for (uint16_t i = 0; i < take && !only_copy && current->n_log < RIG_LOG; i++)
		current->log[current->n_log++] = (struct rig_delivery){.id = pkts[i]->hash.usr,
			.slot = slot,
			.ring = (uint16_t)(r - current->dp[slot].ring),
			.len = pkts[i]->pkt_len};
	r->frames += take;
	return take;
}

uint16_t
__wrap_bf_ring_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form)
{
	return is_double(r) ? __wrap_bf_ring_put(r, pkts, n)
			    : __real_bf_ring_put_formed(r, pkts, n, form);
}

/* A guest that has nothing to say. */
uint16_t
__wrap_bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost)
{
	if (!is_double(r))
		return __real_bf_ring_take(r, pool, pkts, n, lost);
	if (poll_hook != NULL)
		poll_hook();
	return 0;
}

void
rig_guest_room(uint16_t slot, int frames)
{
	room[slot] = frames;
}

void
rig_guest_hook(void (*hook)(void))
{
	guest_hook = hook;
}

void
rig_poll_hook(void (*hook)(void))
{
	poll_hook = hook;
}

void
rig_guest_copies(bool on)
{
	only_copy = on;
}

static bool
member_open(struct rig *r, unsigned int i)
{
	struct rte_eth_conf conf;
	char name[24];

	memset(&conf, 0, sizeof(conf));
	snprintf(name, sizeof(name), "rig%u", i);
	r->wire[i] = rte_ring_create(name, RIG_RING, SOCKET_ID_ANY, RING_F_EXACT_SZ);
	if (r->wire[i] == NULL)
		return false;
	r->port[i] = (uint16_t)rte_eth_from_rings(name, &r->wire[i], 1, &r->wire[i], 1, 0);
	return rte_eth_dev_configure(r->port[i], 1, 1, &conf) == 0 &&
		rte_eth_rx_queue_setup(r->port[i], 0, 64, 0, NULL, r->pool) == 0 &&
		rte_eth_tx_queue_setup(r->port[i], 0, 64, 0, NULL) == 0 &&
		rte_eth_dev_start(r->port[i]) == 0;
}

static void
fill_bond(struct rig *r)
{
	struct bf_bond_view *b = &r->view->bonds[0];

	r->view->ports[BF_BOND_SLOT] =
		(struct bf_port_view){.kind = BF_PORT_BOND, .max_len = 1518, .n_rings = 1};
	b->tx = BF_TX_BUCKET;
	b->policy = BF_POLICY_L34;
	b->lag = true;
	b->echo = BF_ECHO_ALL;
	b->doubted = true;
	b->mac = bf_fdb_key(0, rig_bond_mac);
	b->n_members = (uint8_t)r->n_members;
	b->carrier = &r->carrier;
	b->eligible = b->polled = (1u << r->n_members) - 1;
	r->carrier.bits = r->carrier.collect = b->eligible;
	for (unsigned int i = 0; i < r->n_members; i++) {
		b->member[i] = r->port[i];
		b->order[i] = (uint8_t)i;
	}
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		b->bucket[k] = (uint8_t)(k % r->n_members);
}

static bool
fill_view(struct rig *r)
{
	struct bf_view *v = rte_zmalloc(
		"rig", sizeof(*v) + (RIG_GUESTS + 1) * sizeof(uint16_t), RTE_CACHE_LINE_SIZE);

	if (v == NULL)
		return false;
	r->view = v;
	v->forwarding = true;
	v->n_workers = 1;
	v->flood[0].guests = (uint16_t *)(v + 1);
	v->flood[0].bond = r->n_members > 0;
	for (uint16_t s = 1; s <= r->n_guests; s++) {
		r->dp[s] = (struct bf_guest_dp){.up = 1, .rx_rings = 1, .tx_rings = 1};
		for (unsigned int q = 0; q < 2 * BF_MAX_QP; q++)
			r->dp[s].ring[q] = (struct bf_ring){.mode = BF_RING_OWN,
				.size = s,
				.call_fd = -1,
				.avail = &no_avail,
				.used = &no_used};
		v->ports[s] = (struct bf_port_view){
			.kind = BF_PORT_GUEST, .max_len = 1518, .n_rings = 1, .guest = &r->dp[s]};
		v->flood[0].guests[v->flood[0].n_guests++] = s;
		room[s] = RIG_ROOM_ANY;
	}
	if (r->n_members > 0)
		fill_bond(r);
	return true;
}

struct rig *
rig_new_sized(unsigned int n_members, unsigned int n_guests, uint32_t stations)
{
	struct rig *r = rig_eal() ? rte_zmalloc("rig", sizeof(*r), RTE_CACHE_LINE_SIZE) : NULL;
	bool good;

	if (r == NULL)
		abort();
	rte_srand(1); /* the same FDB hash in every run */
	r->n_members = n_members;
	r->n_guests = n_guests;
	r->pool = rte_pktmbuf_pool_create(
		"rig", RIG_FRAMES, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	r->fdb = bf_fdb_create(stations, BF_MAX_PORTS, SOCKET_ID_ANY);
	good = r->pool != NULL && r->fdb != NULL && bf_lcores_open(&r->lcores, r->fdb, NULL) == 0;
	for (unsigned int i = 0; good && i < n_members; i++)
		good = member_open(r, i);
	if (!good || !fill_view(r))
		abort();
	bf_fdb_set_now(r->fdb, 1000);
	bf_fdb_commit(r->fdb);
	r->w = r->lcores.workers[0];
	r->w->view = r->view;
	r->lcores.echoes->window_tsc = UINT64_MAX;
	r->w->tsc_hz = 0; /* every address is posted every time: tests have no clock */
	bf_switch_refresh(r->w);
	current = r;
	return r;
}

struct rig *
rig_new(unsigned int n_members, unsigned int n_guests)
{
	return rig_new_sized(n_members, n_guests, 16384);
}

unsigned int
rig_free(struct rig *r)
{
	unsigned int missing;
	char name[32];

	rig_collect(r);
	for (unsigned int i = 0; i < r->n_members; i++) {
		snprintf(name, sizeof(name), "net_ring_rig%u", i);
		rte_eth_dev_stop(r->port[i]);
		rte_vdev_uninit(name);
		rte_ring_free(r->wire[i]);
	}
	missing = rte_mempool_in_use_count(r->pool);
	bf_lcores_close(&r->lcores);
	bf_fdb_destroy(r->fdb);
	rte_mempool_free(r->pool);
	rte_free(r->view);
	rte_free(r);
	current = NULL;
	return missing;
}

int
rig_end(struct rig *r)
{
	bool balanced = rig_balanced(r);
	unsigned int missing = rig_free(r);

	if (!balanced || missing != 0)
		fprintf(stderr, "balanced: %d, frames missing: %u\n", balanced, missing);
	return balanced && missing == 0 ? 0 : -1;
}

struct rte_mbuf *
rig_frame(struct rig *r, const void *data, uint32_t len, uint32_t id, unsigned int member)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(r->pool);

	if (m == NULL)
		abort();
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	m->hash.usr = id;
	m->port = member < r->n_members ? r->port[member] : RTE_MBUF_PORT_INVALID;
	return m;
}

struct rte_mbuf *
rig_chain(struct rig *r, const void *data, uint32_t len, uint32_t piece, uint32_t id)
{
	struct rte_mbuf *head = NULL, *m;

	for (uint32_t at = 0; at < len; at += piece) {
		m = rig_frame(
			r, (const uint8_t *)data + at, RTE_MIN(piece, len - at), id, RIG_MEMBERS);
		if (head == NULL)
			head = m;
		else
			rte_pktmbuf_chain(head, m);
	}
	return head;
}

void
rig_collect(struct rig *r)
{
	struct rte_mbuf *m;

	while (rte_ring_sc_dequeue(r->lcores.slow, (void **)&m) == 0) {
		r->n_slow++;
		r->slow_port = m->port;
		r->slow_len = m->data_len;
		memcpy(r->slow_head, rte_pktmbuf_mtod(m, const uint8_t *), sizeof(r->slow_head));
		rte_pktmbuf_free(m);
	}
	while (rte_ring_sc_dequeue(r->lcores.lldp, (void **)&m) == 0) {
		r->n_lldp++;
		r->lldp_port = m->port;
		r->lldp_len = m->data_len;
		memcpy(r->lldp_head, rte_pktmbuf_mtod(m, const uint8_t *), sizeof(r->lldp_head));
		rte_pktmbuf_free(m);
	}
	while (rte_ring_sc_dequeue(r->lcores.for_us, (void **)&m) == 0) {
		r->n_for_us++;
		r->for_us_port = m->port;
		rte_pktmbuf_free(m);
	}
	for (unsigned int i = 0; i < r->n_members; i++) {
		while (rte_ring_dequeue(r->wire[i], (void **)&m) == 0) {
			if (!only_copy && r->n_log < RIG_LOG)
				r->log[r->n_log++] = (struct rig_delivery){.id = m->hash.usr,
					.slot = BF_BOND_SLOT,
					.member = (uint16_t)i,
					.len = m->pkt_len};
			rte_pktmbuf_free(m);
		}
	}
}

void
rig_burst(struct rig *r, uint16_t in, struct rte_mbuf **pkts, uint16_t n)
{
	bf_switch_refresh(r->w);
	for (uint16_t i = 0, run; i < n; i = (uint16_t)(i + run)) { /* a burst is of one member */
		for (run = 1; i + run < n && pkts[i + run]->port == pkts[i]->port; run++)
			;
		for (unsigned int k = 0; in == BF_BOND_SLOT && k < r->n_members; k++)
			if (r->port[k] == pkts[i]->port)
				r->w->bonds[0].rx_member = (uint8_t)k;
		bf_switch_burst(r->w, in, &pkts[i], run, r->flags);
	}
	bf_stage_flush(r->w);
	rig_collect(r);
}

uint32_t
rig_poll_bond(struct rig *r)
{
	uint32_t n;

	bf_switch_refresh(r->w);
	n = bf_rx_bond(r->w, 0);
	bf_stage_flush(r->w);
	return n;
}

void
rig_wire(struct rig *r, unsigned int member, const void *data, uint32_t len, unsigned int n)
{
	while (n-- > 0) {
		struct rte_mbuf *m = rig_frame(r, data, len, 0, RIG_MEMBERS);

		if (rte_ring_enqueue(r->wire[member], m) != 0)
			abort();
	}
}

void
rig_learn(struct rig *r, uint32_t now_s)
{
	struct bf_mail mail;

	while (bf_mailbox_take(r->w->learn, &mail, 1) == 1) {
		r->n_mail[mail.kind]++;
		if (mail.kind != BF_MAIL_STATION)
			continue;
		bf_fdb_learn(r->fdb, mail.key, mail.port);
		if (mail.announced && mail.port != BF_BOND_SLOT)
			bf_fdb_announced(r->fdb, mail.key);
	}
	while (bf_reports_take(r->w->reports, &r->report))
		r->n_reports++;
	if (now_s != r->fdb->now_s) {
		bf_fdb_set_now(r->fdb, now_s);
		bf_fdb_age(r->fdb, bf_fdb_n_buckets(r->fdb));
	}
	bf_fdb_commit(r->fdb);
}

void
rig_forget_sent(struct rig *r)
{
	memset(r->lcores.echoes->word, 0, sizeof(r->lcores.echoes->word));
}

unsigned int
rig_got(const struct rig *r, uint16_t slot)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < r->n_log; i++)
		n += r->log[i].slot == slot;
	return n;
}

unsigned int
rig_got_member(const struct rig *r, uint16_t member)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < r->n_log; i++)
		n += r->log[i].slot == BF_BOND_SLOT && r->log[i].member == member;
	return n;
}

void
rig_forget(struct rig *r)
{
	r->n_log = 0;
}

uint64_t
rig_drops(const struct rig *r, uint16_t slot, enum bf_drop why)
{
	return r->w->counters->ports[slot].drops[why];
}

bool
rig_balanced(const struct rig *r)
{
	uint64_t in = 0, out = 0;

	for (unsigned int s = 0; s <= RIG_GUESTS; s++) {
		const struct bf_port_counters *c = &r->w->counters->ports[s];

		in += c->rx_frames + c->copies + c->segments;
		out += c->tx_frames + c->coalesced;
		for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
			out += c->drops[d];
	}
	return in == out;
}

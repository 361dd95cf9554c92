/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Announcements.
 *
 * Threads: ctx control.
 */
#include "control/lan/announce.h"

#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "base/be.h"
#include "base/build.h"
#include "base/net.h"

#define MIN_LEN 60
#define REPORT_DELAY_MS 200 /* as Linux bonding has it */
#define FRAME_ROOM 256

enum item_kind {
	ITEM_RARP,
	ITEM_ARP,
	ITEM_NA,
	ITEM_IGMP,
	ITEM_MLD
};

/* Names what is announced; what is sent is looked up, and left out when it is true no more. */
struct item {
	uint64_t key;
	uint16_t port;
	uint8_t kind;
	uint8_t addr[16]; /* the station's, or a group's */
};

struct run {
	struct item *items;
	uint32_t n, cap, next;
	uint32_t rounds_left, delay_ms;
	uint64_t due_ms;
};

struct bf_announcer {
	const struct bf_fdb *fdb;
	const struct bf_neighbors *neighbors;
	const struct bf_groups *groups;
	struct run stations; /* and their addresses */
	struct run reports; /* IGMP and MLD */
	uint64_t sent;
	uint64_t sent_for[BF_MAX_PORTS];
	/* while collecting */
	const struct bf_bond *bond;
	const bool *buckets;
};

struct bf_announcer *
bf_announcer_create(const struct bf_fdb *f, const struct bf_neighbors *n, const struct bf_groups *g)
{
	struct bf_announcer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->fdb = f;
	a->neighbors = n;
	a->groups = g;
	return a;
}

void
bf_announcer_destroy(struct bf_announcer *a)
{
	if (a == NULL)
		return;
	free(a->stations.items);
	free(a->reports.items);
	free(a);
}

static void
run_add(struct run *r, const struct item *it)
{
	struct item *grown;

	if (r->n == r->cap) {
		uint32_t cap = r->cap == 0 ? 256 : r->cap * 2;

		grown = realloc(r->items, cap * sizeof(*grown));
		if (grown == NULL)
			return; /* fewer announcements: the switch learns the rest from traffic */
		r->items = grown;
		r->cap = cap;
	}
	r->items[r->n++] = *it;
}

static bool
is_wanted(const struct bf_announcer *a, uint64_t key)
{
	if (BF_FDB_BOND_OF(key) != a->bond->number)
		return false; /* of another switch */
	return a->buckets == NULL || a->buckets[bf_bond_station_bucket(a->bond, key)];
}

/* Only stations that are still where they were heard. */
static bool
is_there(const struct bf_announcer *a, uint64_t key, uint16_t at)
{
	uint16_t port;

	return bf_fdb_find(a->fdb, key, &port) != NULL && port == at;
}

static void
add_station(void *arg, const struct bf_fdb_entry *e)
{
	struct bf_announcer *a = arg;
	struct item it = {.key = e->key, .port = e->port, .kind = ITEM_RARP};

	if (!bf_is_bond_slot(e->port) && is_wanted(a, e->key))
		run_add(&a->stations, &it);
}

static void
add_address(void *arg, const struct bf_neighbor *nb)
{
	struct bf_announcer *a = arg;
	struct item it = {
		.key = nb->key, .port = nb->port, .kind = (uint8_t)(nb->v6 ? ITEM_NA : ITEM_ARP)};

	if (!is_there(a, nb->key, nb->port) || !is_wanted(a, nb->key))
		return;
	/* A wrong router flag would take the default route from hosts (RFC 4861 7.2.5). */
	if (nb->v6 && bf_neighbors_router(a->neighbors, nb->key, nb->port) == BF_ROUTER_UNKNOWN)
		return;
	memcpy(it.addr, nb->addr, sizeof(it.addr));
	run_add(&a->stations, &it);
}

static void
add_group(void *arg, const struct bf_group *g)
{
	struct bf_announcer *a = arg;
	struct item it = {
		.key = g->key, .port = g->port, .kind = (uint8_t)(g->v6 ? ITEM_MLD : ITEM_IGMP)};

	if (!is_there(a, g->key, g->port) || !is_wanted(a, g->key))
		return;
	memcpy(it.addr, g->group, sizeof(it.addr));
	run_add(&a->reports, &it);
}

static void
run_begin(struct run *r, uint32_t rounds, uint32_t delay_ms, uint64_t now_ms)
{
	r->rounds_left = r->n > 0 ? rounds : 0;
	r->delay_ms = delay_ms;
	r->due_ms = now_ms;
}

void
bf_announce_start(struct bf_announcer *a, const struct bf_bond *b,
	const struct bf_announce_how *how, uint64_t now_ms)
{
	a->stations.n = a->stations.next = a->reports.n = a->reports.next = 0;
	a->sent = 0;
	a->bond = b;
	a->buckets = how->buckets;
	if (how->rounds > 0) {
		bf_fdb_visit(a->fdb, add_station, a);
		bf_neighbors_visit(a->neighbors, add_address, a);
	}
	if (how->report_rounds > 0)
		bf_groups_visit(a->groups, add_group, a);
	run_begin(&a->stations, how->rounds, how->delay_ms, now_ms);
	run_begin(&a->reports, how->report_rounds, REPORT_DELAY_MS, now_ms);
}

/* Ethernet header, from the station and in its VLAN. */
static uint8_t *
put_ethernet(uint8_t *p, const uint8_t dst[6], uint64_t key, uint16_t type)
{
	uint8_t *at = bf_build_ethernet(p, dst, (const uint8_t *)&key, BF_FDB_VLAN_OF(key), type);

	if (key & BF_FDB_SERVICE)
		bf_put_be16(p + 12, BF_ETHERTYPE_QINQ);
	return at;
}

static uint32_t
make_arp(uint8_t *p, const struct item *it)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint8_t *mac = (const uint8_t *)&it->key;
	bool rarp = it->kind == ITEM_RARP;
	uint8_t *at =
		put_ethernet(p, broadcast, it->key, rarp ? BF_ETHERTYPE_RARP : BF_ETHERTYPE_ARP);
	struct bf_build_arp arp = {.op = rarp ? BF_RARP_REQUEST : BF_ARP_REQUEST,
		.sender_mac = mac,
		.sender_ip = it->addr,
		.target_mac = rarp ? mac : NULL,
		.target_ip = it->addr};

	return (uint32_t)(bf_build_arp(at, &arp) - p);
}

static uint32_t
make_na(uint8_t *p, const struct item *it, bool router)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t *at = put_ethernet(p, all_nodes_mac, it->key, BF_ETHERTYPE_IPV6);
	struct bf_build_nd nd = {.type = BF_ND_ADVERT,
		.flags = (uint8_t)(BF_ND_OVERRIDE | (router ? BF_ND_ROUTER : 0)),
		.option = BF_ND_TARGET_MAC,
		.src = it->addr,
		.dst = all_nodes,
		.target = it->addr,
		.mac = (const uint8_t *)&it->key};

	return (uint32_t)(bf_build_nd(at, &nd) - p);
}

static uint32_t
make_report(uint8_t *p, const struct bf_group *g)
{
	uint8_t mac[6], *at;

	bf_group_mac(g, mac);
	at = put_ethernet(p, mac, g->key, g->v6 ? BF_ETHERTYPE_IPV6 : BF_ETHERTYPE_IPV4);
	return (uint32_t)(at + bf_group_report(g, at) - p);
}

/* @return length, 0 when it is not true any more. */
static uint32_t
make_frame(const struct bf_announcer *a, const struct item *it, uint8_t *p)
{
	struct bf_neighbor nb = {.key = it->key, .port = it->port, .v6 = it->kind == ITEM_NA};
	struct bf_group want = {.key = it->key, .port = it->port, .v6 = it->kind == ITEM_MLD};
	enum bf_router router = bf_neighbors_router(a->neighbors, it->key, it->port);
	const struct bf_group *g;

	memcpy(nb.addr, it->addr, sizeof(nb.addr));
	memcpy(want.group, it->addr, sizeof(want.group));
	if (!is_there(a, it->key, it->port))
		return 0;
	switch (it->kind) {
	case ITEM_RARP:
		return make_arp(p, it);
	case ITEM_ARP:
		return bf_neighbors_has(a->neighbors, &nb) ? make_arp(p, it) : 0;
	case ITEM_NA:
		return router != BF_ROUTER_UNKNOWN && bf_neighbors_has(a->neighbors, &nb)
			? make_na(p, it, router == BF_ROUTER_YES)
			: 0;
	default:
		g = bf_groups_find(a->groups, &want);
		return g != NULL ? make_report(p, g) : 0;
	}
}

/* The bond's own VLAN has no tag on the wire. */
static void
native_leave(const struct bf_bond *b, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (b->cfg.native == 0 || bf_be16(p + 12) != BF_ETHERTYPE_VLAN ||
		(bf_be16(p + 14) & 0xfff) != b->cfg.native)
		return;
	memmove(p + 12, p + 16, m->data_len - 16u); /* what is behind stays, zeros as padding */
	memset(p + m->data_len - 4, 0, 4);
	if (m->data_len - 4u >= MIN_LEN)
		rte_pktmbuf_trim(m, 4);
}

static bool
send_item(struct bf_announcer *a, struct bf_bond *b, const struct item *it)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->ctl_pool);
	uint8_t *p;
	uint32_t len;
	int member = -1;

	if (m == NULL)
		return false;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, FRAME_ROOM);
	len = make_frame(a, it, p);
	if (len > 0) {
		len = RTE_MAX(len, (uint32_t)MIN_LEN);
		member = bf_bond_member_for(b, p, len);
	}
	if (member < 0) {
		rte_pktmbuf_free(m);
		return true; /* no path: the next failover announces */
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	/* It speaks for a guest, and comes back as its frames do. */
	bf_echo_note(b->lcores->echoes, b->number, m);
	native_leave(b, m);
	bf_bond_inject(b, (unsigned int)member, m, 0);
	a->sent++;
	a->sent_for[it->port]++;
	return true;
}

static uint64_t
run_tick(
	struct bf_announcer *a, struct bf_bond *b, struct run *r, uint32_t *budget, uint64_t now_ms)
{
	if (r->rounds_left == 0)
		return UINT64_MAX;
	if (now_ms < r->due_ms)
		return r->due_ms;
	for (; *budget > 0 && r->next < r->n && send_item(a, b, &r->items[r->next]); r->next++)
		(*budget)--;
	if (r->next < r->n) {
		r->due_ms = now_ms + 1;
		return r->due_ms;
	}
	r->next = 0;
	r->due_ms = now_ms + r->delay_ms;
	return --r->rounds_left > 0 ? r->due_ms : UINT64_MAX;
}

uint64_t
bf_announce_tick(struct bf_announcer *a, struct bf_bond *b, uint64_t now_ms)
{
	uint32_t budget = BF_ANNOUNCE_PER_MS;
	uint64_t stations = run_tick(a, b, &a->stations, &budget, now_ms);

	return RTE_MIN(stations, run_tick(a, b, &a->reports, &budget, now_ms));
}

bool
bf_announce_is_done(const struct bf_announcer *a)
{
	return a->stations.rounds_left == 0 && a->reports.rounds_left == 0;
}

uint64_t
bf_announce_sent(const struct bf_announcer *a)
{
	return a->sent;
}

uint64_t
bf_announce_sent_for(const struct bf_announcer *a, uint16_t slot)
{
	return a->sent_for[slot];
}

void
bf_announce_slot_gone(struct bf_announcer *a, uint16_t slot)
{
	a->sent_for[slot] = 0;
}

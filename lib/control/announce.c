/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Announcements.
 *
 * Threads: ctx control.
 */
#include "control/announce.h"

#include <stdlib.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#define MIN_LEN 60
#define ND_ADVERT 136
#define ND_OVERRIDE 0x20
#define OPT_TARGET_LLADDR 2

enum item_kind {
	ITEM_RARP,
	ITEM_ARP,
	ITEM_NA
};

struct item {
	uint64_t key;
	uint16_t port;
	uint8_t kind;
	uint8_t addr[16];
};

struct bf_announcer {
	struct item *items;
	uint32_t n, cap, next;
	uint32_t rounds_left, delay_ms;
	uint64_t due_ms;
	uint64_t sent;
	uint64_t sent_for[BF_MAX_PORTS];
	/* while collecting */
	const struct bf_bond *bond;
	const struct bf_fdb *fdb;
	const bool *buckets;
};

struct bf_announcer *
bf_announcer_create(void)
{
	return calloc(1, sizeof(struct bf_announcer));
}

void
bf_announcer_destroy(struct bf_announcer *a)
{
	if (a == NULL)
		return;
	free(a->items);
	free(a);
}

static void
add(struct bf_announcer *a, const struct item *it)
{
	struct item *grown;

	if (a->n == a->cap) {
		uint32_t cap = a->cap == 0 ? 256 : a->cap * 2;

		grown = realloc(a->items, cap * sizeof(*grown));
		if (grown == NULL)
			return; /* fewer announcements: the switch learns the rest from traffic */
		a->items = grown;
		a->cap = cap;
	}
	a->items[a->n++] = *it;
}

static bool
is_wanted(const struct bf_announcer *a, uint64_t key)
{
	return a->buckets == NULL || a->buckets[bf_bond_station_bucket(a->bond, key)];
}

static void
add_station(void *arg, const struct bf_fdb_entry *e)
{
	struct bf_announcer *a = arg;
	struct item it = {.key = e->key, .port = e->port, .kind = ITEM_RARP};

	if (e->port != BF_BOND_SLOT && is_wanted(a, e->key))
		add(a, &it);
}

static void
add_address(void *arg, const struct bf_neighbor *nb)
{
	struct bf_announcer *a = arg;
	struct item it = {
		.key = nb->key, .port = nb->port, .kind = (uint8_t)(nb->v6 ? ITEM_NA : ITEM_ARP)};
	uint16_t port;

	/* Only stations that are still where they were snooped. */
	if (bf_fdb_find(a->fdb, nb->key, &port) == NULL || port != nb->port ||
		!is_wanted(a, nb->key))
		return;
	memcpy(it.addr, nb->addr, sizeof(it.addr));
	add(a, &it);
}

void
bf_announce_start(struct bf_announcer *a, const struct bf_bond *b, const struct bf_fdb *f,
	const struct bf_neighbors *n, uint32_t rounds, uint32_t delay_ms, const bool *buckets,
	uint64_t now_ms)
{
	a->n = a->next = 0;
	a->sent = 0;
	a->rounds_left = 0;
	if (rounds == 0)
		return;
	a->bond = b;
	a->fdb = f;
	a->buckets = buckets;
	bf_fdb_visit(f, add_station, a);
	bf_neighbors_visit(n, add_address, a);
	a->rounds_left = a->n > 0 ? rounds : 0;
	a->delay_ms = delay_ms;
	a->due_ms = now_ms;
}

/* Ethernet header and the station's VLAN tag; returns where the payload goes. */
static uint8_t *
put_ethernet(uint8_t *p, const uint8_t dst[6], uint64_t key, uint16_t type)
{
	uint16_t vlan = (uint16_t)(key >> 48);

	memcpy(p, dst, 6);
	memcpy(p + 6, &key, 6);
	p += 12;
	if (vlan != 0) {
		uint16_t tag[2] = {rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan)};

		memcpy(p, tag, 4);
		p += 4;
	}
	type = rte_cpu_to_be_16(type);
	memcpy(p, &type, 2);
	return p + 2;
}

static uint32_t
make_arp(uint8_t *p, const struct item *it)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool rarp = it->kind == ITEM_RARP;
	uint8_t *at = put_ethernet(
		p, broadcast, it->key, rarp ? RTE_ETHER_TYPE_RARP : RTE_ETHER_TYPE_ARP);
	struct rte_arp_hdr *h = (struct rte_arp_hdr *)at;

	h->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	h->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	h->arp_hlen = 6;
	h->arp_plen = 4;
	h->arp_opcode = rte_cpu_to_be_16(rarp ? RTE_ARP_OP_REVREQUEST : RTE_ARP_OP_REQUEST);
	memcpy(&h->arp_data.arp_sha, &it->key, 6);
	if (rarp)
		memcpy(&h->arp_data.arp_tha, &it->key, 6);
	memcpy(&h->arp_data.arp_sip, it->addr, 4);
	memcpy(&h->arp_data.arp_tip, it->addr, 4);
	return (uint32_t)(at + sizeof(*h) - p);
}

static uint32_t
make_na(uint8_t *p, const struct item *it)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	uint8_t *ip = put_ethernet(p, all_nodes_mac, it->key, RTE_ETHER_TYPE_IPV6), *nd = ip + 40;
	uint16_t sum;

	ip[0] = 0x60;
	ip[5] = 32; /* payload: advertisement and one option */
	ip[6] = 58;
	ip[7] = 255;
	memcpy(ip + 8, it->addr, 16);
	memcpy(ip + 24, all_nodes, 16);
	nd[0] = ND_ADVERT;
	nd[4] = ND_OVERRIDE;
	memcpy(nd + 8, it->addr, 16);
	nd[24] = OPT_TARGET_LLADDR;
	nd[25] = 1;
	memcpy(nd + 26, &it->key, 6);
	sum = rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)ip, nd);
	memcpy(nd + 2, &sum, 2);
	return (uint32_t)(nd + 32 - p);
}

static bool
send_item(struct bf_announcer *a, struct bf_bond *b, const struct item *it)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->ctl_pool);
	uint8_t *p;
	uint32_t len;
	int member;

	if (m == NULL)
		return false;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, 128);
	len = it->kind == ITEM_NA ? make_na(p, it) : make_arp(p, it);
	len = RTE_MAX(len, (uint32_t)MIN_LEN);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	member = bf_bond_member_for(b, p, len);
	if (member < 0) {
		rte_pktmbuf_free(m);
		return true; /* no path: the next failover announces */
	}
	bf_bond_inject(b, (unsigned int)member, m, 0);
	a->sent++;
	a->sent_for[it->port]++;
	return true;
}

uint64_t
bf_announce_tick(struct bf_announcer *a, struct bf_bond *b, uint64_t now_ms)
{
	uint32_t budget = BF_ANNOUNCE_PER_MS;

	if (a->rounds_left == 0)
		return UINT64_MAX;
	if (now_ms < a->due_ms)
		return a->due_ms;
	while (budget-- > 0 && a->next < a->n && send_item(a, b, &a->items[a->next]))
		a->next++;
	if (a->next < a->n) {
		a->due_ms = now_ms + 1;
		return a->due_ms;
	}
	a->next = 0;
	a->due_ms = now_ms + a->delay_ms;
	return --a->rounds_left > 0 ? a->due_ms : UINT64_MAX;
}

bool
bf_announce_is_done(const struct bf_announcer *a)
{
	return a->rounds_left == 0;
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

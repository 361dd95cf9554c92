/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Probes.
 *
 * Threads: ctx control.
 */
#include "control/bond/probe.h"

#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/be.h"
#include "base/build.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/net.h"

#define RETRY_PERIODS 10

/* The bond's own VLAN has no tag there. */
static uint16_t
on_the_wire(const struct bf_bond *b, uint16_t vlan)
{
	return vlan == b->cfg.native ? 0 : vlan;
}

/* An ARP probe (RFC 5227: sender address zero): it asks and claims nothing. */
static uint32_t
make_arp(uint8_t *p, const struct bf_bond *b, const struct bf_probe_target *t)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint8_t *mac = b->mac.addr_bytes;
	uint8_t *at =
		bf_build_ethernet(p, broadcast, mac, on_the_wire(b, t->vlan), BF_ETHERTYPE_ARP);

	at = bf_build_arp(at,
		&(struct bf_build_arp){
			.op = BF_ARP_REQUEST, .sender_mac = mac, .target_ip = t->addr});
	return (uint32_t)(at - p);
}

/* The link-local address of our MAC (RFC 4291, modified EUI-64): answers come back to it. */
static void
link_local(const struct bf_bond *b, uint8_t ip[16])
{
	const uint8_t *m = b->mac.addr_bytes;

	memcpy(ip,
		(const uint8_t[]){0xfe, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)(m[0] ^ 2), m[1], m[2],
			0xff, 0xfe, m[3], m[4], m[5]},
		16);
}

static uint32_t
make_ns(uint8_t *p, const struct bf_bond *b, const struct bf_probe_target *t)
{
	const uint8_t mcast[6] = {0x33, 0x33, 0xff, t->addr[13], t->addr[14], t->addr[15]};
	const uint8_t group[16] = {
		0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, t->addr[13], t->addr[14], t->addr[15]};
	const uint8_t *mac = b->mac.addr_bytes;
	uint8_t *at = bf_build_ethernet(p, mcast, mac, on_the_wire(b, t->vlan), BF_ETHERTYPE_IPV6),
		ip[16];

	link_local(b, ip);
	at = bf_build_nd(at,
		&(struct bf_build_nd){.type = BF_ND_SOLICIT,
			.option = BF_ND_SOURCE_MAC,
			.src = ip,
			.dst = group,
			.target = t->addr,
			.mac = mac});
	return (uint32_t)(at - p);
}

static void
member_ask(struct bf_bond *b, unsigned int i)
{
	for (uint32_t n = 0; n < b->cfg.probe_targets.n; n++) {
		struct bf_round_trips *trips = &b->members[i].trips[n];
		struct rte_mbuf *m = rte_pktmbuf_alloc(b->ctl_pool);
		struct bf_probe_target t;
		uint32_t len;

		if (m == NULL)
			return;
		memset(rte_pktmbuf_mtod(m, uint8_t *), 0, BF_BUILD_ROOM);
		bf_probe_target_parse(b->cfg.probe_targets.text[n], &t, NULL);
		len = t.v6 ? make_ns(rte_pktmbuf_mtod(m, uint8_t *), b, &t)
			   : make_arp(rte_pktmbuf_mtod(m, uint8_t *), b, &t);
		m->data_len = (uint16_t)RTE_MAX(len, (uint32_t)BF_MIN_FRAME);
		m->pkt_len = m->data_len;
		bf_bond_inject(b, i, m, 0);
		bf_trip_ask(trips, bf_clock_ns());
	}
	b->members[i].probes_sent += b->cfg.probe_targets.n;
}

/* The target whose answer it is, by its number; -1: none's. */
static int
answer_of(const struct bf_bond *b, const uint8_t *p, uint32_t len)
{
	uint32_t at = 12;
	uint16_t vlan = 0;

	if (len >= 18 && p[12] == 0x81 && p[13] == 0) {
		vlan = bf_be16(p + 14) & 0xfff;
		at += 4;
	}
	vlan = on_the_wire(b, vlan); /* it came through the bond's rule */
	for (uint32_t n = 0; n < b->cfg.probe_targets.n; n++) {
		struct bf_probe_target t;

		bf_probe_target_parse(b->cfg.probe_targets.text[n], &t, NULL);
		if (on_the_wire(b, t.vlan) != vlan)
			continue;
		if (!t.v6 && len >= at + 30 && p[at] == 8 && p[at + 1] == 6 &&
			p[at + 9] == BF_ARP_REPLY && memcmp(p + at + 16, t.addr, 4) == 0)
			return (int)n;
		if (t.v6 && len >= at + 2 + 40 + 24 && p[at] == 0x86 && p[at + 1] == 0xdd &&
			p[at + 8] == 58 && p[at + 42] == BF_ND_ADVERT &&
			memcmp(p + at + 50, t.addr, 16) == 0)
			return (int)n;
	}
	return -1;
}

/*
 * In active-backup one member speaks, and hears.  Elsewhere the network chooses the member of an answer,
 * which may be the same one for all: members ask in turn, and an answer is for the one that asked last.
 */
static bool
take_turns(const struct bf_bond *b)
{
	return b->cfg.mode != BF_MODE_ACTIVE_BACKUP;
}

void
bf_probe_receive(struct bf_bond *b, struct rte_mbuf *m, uint64_t now_ms)
{
	int target = answer_of(b, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

	for (unsigned int i = 0; target >= 0 && i < b->n_members; i++) {
		bool asked = take_turns(b) ? b->members[i].bit == b->probe_turn
					   : b->members[i].port == m->port;

		if (!asked)
			continue;
		b->members[i].probes_answered++;
		b->members[i].heard_ms = now_ms;
		bf_trip_answer(&b->members[i].trips[target], bf_clock_ns());
	}
	rte_pktmbuf_free(m);
}

void
bf_probe_retarget(struct bf_bond *b, const struct bf_bond_config *cfg)
{
	for (uint32_t t = 0; t < BF_PROBE_TARGETS; t++) {
		if (strcmp(b->cfg.probe_targets.text[t], cfg->probe_targets.text[t]) == 0)
			continue;
		for (unsigned int i = 0; i < b->n_members; i++)
			memset(&b->members[i].trips[t], 0, sizeof(b->members[i].trips[t]));
	}
}

static bool
is_probed(const struct bf_bond *b, unsigned int i)
{
	if (!b->members[i].carrier)
		return false;
	return b->cfg.mode != BF_MODE_ACTIVE_BACKUP || (int)i == b->active;
}

/* Without validation, any frame is a sign of life. */
static void
member_hear(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct rte_eth_stats s = {0};

	if (b->cfg.probe_validate || rte_eth_stats_get(b->members[i].port, &s) != 0)
		return;
	if (s.ipackets != b->members[i].heard_frames)
		b->members[i].heard_ms = now_ms;
	b->members[i].heard_frames = s.ipackets;
}

/*
 * Where answers choose their own way, one that is lost says nothing about who asked while nobody is
 * answered: then the targets are silent, or the member that all answers come by.
 */
static bool
may_fail(const struct bf_bond *b, unsigned int i, uint64_t limit, uint64_t now_ms)
{
	for (unsigned int k = 0; k < b->n_members; k++)
		if (k != i && b->members[k].heard_ms != 0 &&
			now_ms - b->members[k].heard_ms < limit)
			return true;
	return !take_turns(b);
}

static void
member_judge(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	uint64_t limit = (uint64_t)b->cfg.probe_interval_ms * b->cfg.probe_missed_max;
	struct bf_member *m = &b->members[i];

	if (m->probe_failed) {
		bool others = false;

		for (unsigned int k = 0; k < b->n_members; k++)
			others = others || (b->members[k].carrier && !b->members[k].probe_failed);
		if (m->heard_ms <= m->probe_failed_ms && others &&
			now_ms - m->probe_failed_ms < limit * RETRY_PERIODS)
			return;
		m->probe_failed = false;
		m->probed_since_ms = now_ms;
		b->dirty = true;
		bf_event(b->events, BF_LOG_NOTICE, "probe", m->name, "in service again");
		return;
	}
	if (now_ms - RTE_MAX(m->heard_ms, m->probed_since_ms) <
		limit + b->cfg.probe_interval_ms / 2)
		return;
	if (!may_fail(b, i, limit, now_ms))
		return;
	m->probe_failed = true;
	m->probe_failed_ms = now_ms;
	b->dirty = true;
	bf_event(b->events, BF_LOG_WARNING, "probe", m->name,
		"link is up, but no target has answered for %" PRIu64 " ms: out of service",
		now_ms - RTE_MAX(m->heard_ms, m->probed_since_ms));
}

static void
look_at(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];

	member_hear(b, i, now_ms);
	if (!is_probed(b, i) && !m->probe_failed) {
		m->probed_since_ms = 0;
		return;
	}
	if (m->probed_since_ms == 0)
		m->probed_since_ms = now_ms;
	member_judge(b, i, now_ms);
	if (is_probed(b, i))
		member_ask(b, i);
}

uint64_t
bf_probe_tick(struct bf_bond *b, uint64_t now_ms)
{
	if (!b->open || b->cfg.probe_interval_ms == 0) {
		for (unsigned int i = 0; i < b->n_members; i++) {
			b->dirty = b->dirty || b->members[i].probe_failed;
			b->members[i].probe_failed = false;
			b->members[i].probed_since_ms = 0;
		}
		return UINT64_MAX;
	}
	if (now_ms < b->next_probe_ms)
		return b->next_probe_ms;
	if (take_turns(b)) {
		unsigned int turn = ++b->probe_next % b->n_members;

		b->next_probe_ms = now_ms + RTE_MAX(1u, b->cfg.probe_interval_ms / b->n_members);
		b->probe_turn = b->members[turn].bit;
		look_at(b, turn, now_ms);
		return b->next_probe_ms;
	}
	b->next_probe_ms = now_ms + b->cfg.probe_interval_ms;
	for (unsigned int i = 0; i < b->n_members; i++)
		look_at(b, i, now_ms);
	return b->next_probe_ms;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Flow hash; see flow.h for the rules.
 *
 * Threads: any (pure functions).
 */
#include "dataplane/flow.h"

#include <stdbool.h>
#include <string.h>

#include <rte_byteorder.h>

#include "base/be.h"
#include "base/net.h"
#include "dataplane/encap.h"
#include "dataplane/fold.h"

#define MAX_EXT 8 /* IPv6 extension headers walked before giving up on ports */

static bool
walk_ipv4(struct bf_cursor *c, struct bf_flow_key *k)
{
	uint32_t ihl;
	bool fragment;

	if (c->left < 20)
		return false;
	ihl = (c->p[0] & 0xfu) * 4;
	if (ihl < 20)
		return false;
	memset(k->l3, 0, sizeof(k->l3));
	memcpy(&k->l3[0], c->p + 12, 4);
	memcpy(&k->l3[2], c->p + 16, 4);
	k->has_l3 = 1;
	fragment = (bf_be16(c->p + 6) & 0x3fff) != 0; /* more fragments, or an offset */
	c->type = c->p[9];
	return !fragment && bf_step(c, ihl);
}

static bool
walk_ipv6(struct bf_cursor *c, struct bf_flow_key *k)
{
	if (c->left < 40)
		return false;
	memcpy(k->l3, c->p + 8, 32);
	k->has_l3 = 1;
	c->type = c->p[6];
	bf_step(c, 40);
	for (int i = 0; i < MAX_EXT; i++) {
		uint32_t len;

		if (c->type != BF_PROTO_HOPOPTS && c->type != BF_PROTO_ROUTING &&
			c->type != BF_PROTO_DSTOPTS && c->type != BF_PROTO_AH)
			return c->type != BF_PROTO_FRAGMENT;
		if (c->left < 8)
			return false;
		len = c->type == BF_PROTO_AH ? (c->p[1] + 2u) * 4 : (c->p[1] + 1u) * 8;
		c->type = c->p[0];
		if (!bf_step(c, len))
			return false;
	}
	return false;
}

static bool
walk_ip(struct bf_cursor *c, struct bf_flow_key *k)
{
	if (c->type == BF_ETHERTYPE_IPV4)
		return walk_ipv4(c, k);
	if (c->type == BF_ETHERTYPE_IPV6)
		return walk_ipv6(c, k);
	return false;
}

/* Ports, or what names a flow where there are none: ESP's SPI, the session of L2TPv3. */
static void
take_ports(const struct bf_cursor *c, struct bf_flow_key *k)
{
	k->proto = (uint8_t)c->type;
	if (c->left < 4 ||
		(c->type != BF_PROTO_TCP && c->type != BF_PROTO_UDP && c->type != BF_PROTO_SCTP &&
			c->type != BF_PROTO_ESP && c->type != BF_PROTO_L2TP))
		return;
	memcpy(&k->ports, c->p, 4);
	k->has_l4 = 1;
}

static void
take_l2(const uint8_t *data, uint32_t len, struct bf_flow_key *k)
{
	if (len < 14)
		return;
	memcpy(&k->l2[0], data, 6);
	memcpy(&k->l2[1], data + 6, 6);
}

/* From the outer header to the inner one, as far as there is one; a cut one leaves the addresses. */
static void
look_inside(struct bf_cursor *c, struct bf_flow_key *k)
{
	struct bf_cursor inner = *c;

	switch (bf_encap_enter(&inner)) {
	case BF_ENCAP_IP:
		*c = inner;
		if (!walk_ip(c, k))
			c->left = 0; /* no ports */
		break;
	case BF_ENCAP_ID:
		*c = inner;
		break;
	default:
		break;
	}
}

void
bf_flow_key(const uint8_t *data, uint32_t len, enum bf_policy policy, struct bf_flow_key *k)
{
	struct bf_cursor c = {.p = data, .left = len, .type = 0};
	bool l4 = policy == BF_POLICY_L34 || policy == BF_POLICY_ENCAP34;
	bool encap = policy == BF_POLICY_ENCAP23 || policy == BF_POLICY_ENCAP34;
	uint16_t vlan = 0;

	memset(k, 0, sizeof(*k));
	take_l2(data, len, k);
	if (policy == BF_POLICY_L2 || !bf_encap_ethernet(&c, &vlan))
		return;
	if (policy == BF_POLICY_VLAN_SRCMAC) {
		k->l2[0] = vlan;
		return;
	}
	if (encap)
		bf_encap_link(&c);
	if (walk_ip(&c, k)) {
		if (encap)
			look_inside(&c, k);
		if (l4)
			take_ports(&c, k);
	}
	if (l4 && k->has_l3) /* l34 and encap34: addresses and ports only */
		k->l2[0] = k->l2[1] = 0;
}

static inline uint64_t
l4_word(uint8_t proto, uint32_t ports)
{
	return 1ULL << 40 | (uint64_t)proto << 32 | ports;
}

/* Both addresses of IPv4 fit one word; most frames end here. */
static inline uint32_t
hash_ipv4(uint32_t src, uint32_t dst, uint64_t l4, uint64_t seed)
{
	return (uint32_t)(bf_fold((uint64_t)src << 32 | dst, l4, seed) >> 32);
}

uint32_t
bf_flow_hash_key(const struct bf_flow_key *k, uint64_t seed)
{
	uint64_t l4 = k->has_l4 ? l4_word(k->proto, k->ports) : 0, h = seed;

	if (k->l2[0] != 0 || k->l2[1] != 0)
		h = bf_fold(k->l2[0], k->l2[1], h);
	if (!k->has_l3)
		return (uint32_t)(h >> 32);
	if (((k->l3[0] | k->l3[2]) >> 32 | k->l3[1] | k->l3[3]) == 0)
		return hash_ipv4((uint32_t)k->l3[0], (uint32_t)k->l3[2], l4, h);
	h = bf_fold(k->l3[0], k->l3[1], h);
	h = bf_fold(k->l3[2], k->l3[3], h);
	return (uint32_t)(bf_fold(l4, 0, h) >> 32);
}

#define PLAIN_LEN 38 /* Ethernet, IPv4 without options, two ports */

/* The common frame of a data centre, IPv4 TCP or UDP without options, in one go. @p d: behind a tag. */
static inline bool
plain_ipv4(const uint8_t *d, uint32_t len, uint64_t seed, uint32_t *hash)
{
	uint32_t src, dst, ports;
	uint16_t et, frag;

	if (unlikely(len < PLAIN_LEN))
		return false;
	memcpy(&et, d + 12, 2);
	memcpy(&frag, d + 20, 2);
	if (et != RTE_BE16(BF_ETHERTYPE_IPV4) || d[14] != 0x45 || (frag & RTE_BE16(0x3fff)) != 0 ||
		(d[23] != BF_PROTO_TCP && d[23] != BF_PROTO_UDP))
		return false;
	memcpy(&src, d + 26, 4);
	memcpy(&dst, d + 30, 4);
	memcpy(&ports, d + 34, 4);
	*hash = hash_ipv4(src, dst, l4_word(d[23], ports), seed);
	return true;
}

static inline bool
has_vlan_tag(const uint8_t *d, uint32_t len)
{
	uint16_t et;

	if (unlikely(len < 18))
		return false;
	memcpy(&et, d + 12, 2);
	return et == RTE_BE16(BF_ETHERTYPE_VLAN);
}

/* Of a frame that is not plain. */
static __rte_noinline uint32_t
hash_other(const uint8_t *d, uint32_t len, enum bf_policy policy, uint64_t seed)
{
	struct bf_flow_key k;

	bf_flow_key(d, len, policy, &k);
	return bf_flow_hash_key(&k, seed);
}

/* What follows one tag lies as in a frame without, 4 bytes later. */
static __rte_noinline void
hash_tagged_burst(struct rte_mbuf *const *pkts, uint16_t n, uint64_t seed, uint32_t *hash)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *d = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		uint32_t len = pkts[i]->data_len;
		bool plain = len >= PLAIN_LEN + 4 && has_vlan_tag(d, len);

		if (unlikely(!plain || !plain_ipv4(d + 4, len - 4, seed, &hash[i])))
			hash[i] = hash_other(d, len, BF_POLICY_L34, seed);
	}
}

void
bf_flow_hash_burst(struct rte_mbuf *const *pkts, uint16_t n, enum bf_policy policy, uint64_t seed,
	uint32_t *hash)
{
	if (policy == BF_POLICY_L34 && n > 0 &&
		has_vlan_tag(rte_pktmbuf_mtod(pkts[0], const uint8_t *), pkts[0]->data_len)) {
		hash_tagged_burst(pkts, n, seed, hash);
		return;
	}
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *d = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		if (likely(policy == BF_POLICY_L34 &&
			    plain_ipv4(d, pkts[i]->data_len, seed, &hash[i])))
			continue;
		hash[i] = hash_other(d, pkts[i]->data_len, policy, seed);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's guards: which addresses it may send from, and which protocols it may speak.
 *
 * Theory of operation.  The FDB says where a station is, a guard says whose address it is.  Control
 * writes the permitted addresses into an array of words that lives as long as the port; workers look at
 * it when the FDB does not know the source at the port it came from, and not for frames whose decision
 * they remember.  So nothing may be learned at a guarded port that its guard does not permit.
 *
 * A guest whose addresses are learned has room for a few more.  A worker lets a new source pass while
 * there is room, and takes some when it posts it; control binds the address, or gives the room back a
 * second later.  So a guest that invents addresses gets as many frames through in a second as it has
 * room, and none once that is used up.
 *
 * What a guest says, as a server of DHCP or a router, or from which IP address (ip_guard.h), differs from
 * frame to frame, so decisions that are remembered do not hold: the rule GUARD (rules.h) looks at each
 * frame of ports that have such a guard.  Most frames are plain: they say nothing of that kind, and are
 * known by a few bytes.
 *
 * Threads: worker; control writes.
 */
#ifndef BF_DATAPLANE_GUARD_H
#define BF_DATAPLANE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "dataplane/frame.h"
#include "dataplane/packet.h"

#define BF_GUARD_MACS 64
#define BF_GUARD_LEASES 16 /* addresses of DHCP at once */
#define BF_GUARD_IPS (64 + BF_GUARD_LEASES)

/* What of it is in force: bf_port_rules.guards. */
#define BF_GUARD_MAC 1u
#define BF_GUARD_PROTOCOLS 2u
#define BF_GUARD_DHCP 4u
#define BF_GUARD_ROUTER 8u
#define BF_GUARD_DHCP_CLIENT 16u /* answers to it are read: dhcp.h */
#define BF_GUARD_READS (BF_GUARD_DHCP | BF_GUARD_ROUTER) /* by the rule GUARD */

/** IP addresses and networks of a guest, in network order; zero behind the prefix. */
struct bf_guard_ips {
	uint32_t n4, n6;
	bool dhcp; /* others may come from a server: what asks for them passes, in both families */
	struct {
		uint32_t addr, mask;
	} v4[BF_GUARD_IPS];
	struct {
		uint64_t addr[2], mask[2];
	} v6[BF_GUARD_IPS];
};

struct bf_guard {
	uint32_t n; /* words in use; control: w */
	uint32_t learns; /* 1: addresses are learned; control: w */
	uint64_t mac[BF_GUARD_MACS]; /* BF_GUARD_WORD(); control: w */
	struct bf_guard_ips ips[2]; /* one is in the view, control may write the other */
	int32_t room
		__rte_cache_aligned; /* new addresses that may pass; worker: takes, control: w */
} __rte_cache_aligned;

/** An address as loaded little-endian, and how many bits of it count. */
#define BF_GUARD_WORD(mac48, bits) ((uint64_t)(bits) << 48 | (mac48))

/** The bits of an address, as loaded little-endian, that a prefix of @p bits is made of. */
static inline uint64_t
bf_guard_mask(unsigned int bits)
{
	uint64_t whole = (1ULL << (bits & ~7u)) - 1;
	uint64_t rest = 0xffu & (0xff00u >> (bits & 7));

	return whole | rest << (bits & ~7u);
}

static inline bool
bf_guard_word_has(uint64_t word, uint64_t mac48)
{
	return ((word ^ mac48) & bf_guard_mask((unsigned int)(word >> 48))) == 0;
}

/** May the guest use this address? */
static inline bool
bf_guard_permits(const struct bf_guard *g, uint64_t mac48)
{
	uint32_t n = __atomic_load_n(&g->n, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < n; i++)
		if (bf_guard_word_has(__atomic_load_n(&g->mac[i], __ATOMIC_RELAXED), mac48))
			return true;
	return false;
}

static inline bool
bf_guard_has_ipv4(const struct bf_guard_ips *ips, uint32_t addr)
{
	for (uint32_t i = 0; i < ips->n4; i++)
		if (((addr ^ ips->v4[i].addr) & ips->v4[i].mask) == 0)
			return true;
	return false;
}

/** @param addr 16 bytes */
static inline bool
bf_guard_has_ipv6(const struct bf_guard_ips *ips, const uint8_t *addr)
{
	uint64_t a[2];

	memcpy(a, addr, sizeof(a));
	for (uint32_t i = 0; i < ips->n6; i++)
		if (((a[0] ^ ips->v6[i].addr[0]) & ips->v6[i].mask[0]) == 0 &&
			((a[1] ^ ips->v6[i].addr[1]) & ips->v6[i].mask[1]) == 0)
			return true;
	return false;
}

/** May another address be learned? */
static inline bool
bf_guard_has_room(const struct bf_guard *g)
{
	return __atomic_load_n(&g->room, __ATOMIC_RELAXED) > 0;
}

static inline void
bf_guard_take_room(struct bf_guard *g)
{
	__atomic_fetch_sub(&g->room, 1, __ATOMIC_RELAXED);
}

/**
 * Does a frame belong to a protocol that switches speak among each other?  By its destination: IEEE
 * 802.1Q (bridges, GARP, MRP, CFM), G.8032, Cisco (CDP, VTP, DTP, UDLD, PVST+), Extreme (EDP, EAPS); by its
 * ethertype behind the tags: LLDP, pause, MVRP, MSRP, CFM, MRP.
 */
bool bf_guard_is_control(const struct bf_frame *f);

/** May the rule GUARD let it pass without a look behind its first headers? */
static inline bool
bf_guard_is_plain(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint32_t simple = BF_ET_IPV4 | 0x45u << 16; /* IPv4 without options */
	uint16_t type, port;
	uint32_t head;

	if (unlikely(m->data_len < 14 + BF_IPV4_LEN + 4))
		return false;
	memcpy(&head, p + 12, 4);
	memcpy(&port, p + 36, 2);
	if (likely((head & 0xffffff) == simple))
		return port != RTE_BE16(BF_PORT_DHCP_CLIENT) || p[23] != BF_PROTO_UDP;
	type = (uint16_t)head;
	if (type == BF_ET_IPV6 && m->data_len >= 14 + BF_IPV6_LEN + 4) {
		memcpy(&port, p + 56, 2);
		return p[20] == BF_PROTO_TCP ||
			(p[20] == BF_PROTO_UDP && port != RTE_BE16(BF_PORT_DHCPV6_CLIENT));
	}
	return type == BF_ET_ARP;
}

struct bf_inside;

/**
 * Judge what a guest says as a server.
 *
 * A client takes an answer by its own port, whatever the server's: so does this.
 *
 * @param guards
 *   Which of BF_GUARD_READS are in force.
 * @return
 *   BF_DROP_COUNT: it may pass; else the reason to drop it.
 */
enum bf_drop bf_guard_judge(uint32_t guards, const struct bf_inside *in);

#endif

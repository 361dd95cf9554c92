/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Flow hash: which frames must stay on one member of the bond.
 *
 * Policies are those of Linux bonding (xmit_hash_policy).  A frame without ports is hashed by
 * its addresses, a frame without addresses by its MACs.  Fragments carry no reliable
 * ports, so every fragment of a datagram, the first included, is hashed by addresses.  Up to two VLAN
 * tags and IPv6 extension headers are walked; every length is checked against the first segment.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_DATAPLANE_FLOW_H
#define BF_DATAPLANE_FLOW_H

#include <stdint.h>

#include <rte_mbuf.h>

enum bf_policy {
	BF_POLICY_L2,
	BF_POLICY_L23,
	BF_POLICY_L34,
	BF_POLICY_VLAN_SRCMAC,
	BF_POLICY_ENCAP23,
	BF_POLICY_ENCAP34,
	BF_POLICY_COUNT
};

/** What the hash is taken over; absent fields are zero. */
struct bf_flow_key {
	uint64_t l2[2]; /* destination and source MAC; vlan+srcmac: VLAN and source */
	uint64_t l3[4]; /* source and destination address */
	uint32_t ports; /* as they stand in the header, source first */
	uint8_t proto;
	uint8_t has_l3, has_l4;
};

/**
 * Read the fields of a policy from a frame.
 *
 * @param data
 *   The frame from its destination MAC.
 * @param len
 *   Contiguous bytes at @p data.
 */
void bf_flow_key(const uint8_t *data, uint32_t len, enum bf_policy policy, struct bf_flow_key *key);

/** Hash of a key; equal keys and seeds give equal hashes. */
uint32_t bf_flow_hash_key(const struct bf_flow_key *key, uint64_t seed);

/** Hashes of a burst. @param hash n places. */
void bf_flow_hash_burst(struct rte_mbuf *const *pkts, uint16_t n, enum bf_policy policy,
	uint64_t seed, uint32_t *hash);

#endif

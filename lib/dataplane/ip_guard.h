/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which IP addresses a guest may use: what OVN's port security says, in both directions.
 *
 * Theory of operation.  A guest with a list sends IP packets from it, and tells of no other address in ARP
 * and neighbour discovery; and it gets packets to it.  What it needs before it has an address passes: the
 * request of DHCP from 0.0.0.0 to all; from :: to ff02::/16 solicitations and reports of MLD.  So does the
 * link-local address that follows from a MAC address of its own.  With addresses of one family only, the
 * other one is closed, ARP with IPv4.  RARP and what is no IP pass; so does everything to groups and to all,
 * for the guest to receive.
 *
 * Threads: worker (pure functions); control writes lists that no view refers to.
 */
#ifndef BF_DATAPLANE_IP_GUARD_H
#define BF_DATAPLANE_IP_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/guard.h"
#include "dataplane/inside.h"

/**
 * Judge a frame from the guest.
 *
 * @param g
 *   Its guard, for the MAC addresses that it may tell of beside the frame's own source.
 * @param in
 *   Of the frame, and not hidden.
 * @return
 *   BF_DROP_COUNT: it may pass.
 */
enum bf_drop bf_ip_guard_from(const struct bf_guard *g, const struct bf_guard_ips *ips,
	const struct rte_mbuf *m, const struct bf_inside *in);

/** Judge a frame to the guest. @return BF_DROP_COUNT: it may pass */
enum bf_drop bf_ip_guard_to(
	const struct bf_guard *g, const struct bf_guard_ips *ips, const struct rte_mbuf *m);

/** Is a frame that is plain (bf_guard_is_plain()) an IP packet from the list? The quick question. */
static inline bool
bf_ip_guard_is_own(const struct bf_guard_ips *ips, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type;
	uint32_t src;

	memcpy(&type, p + 12, 2);
	memcpy(&src, p + 26, 4);
	if (type == BF_ET_IPV4)
		return bf_guard_has_ipv4(ips, src);
	return type == BF_ET_IPV6 && bf_guard_has_ipv6(ips, p + 22);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that the program makes itself: see build.h.
 *
 * Threads: any (pure functions).
 */
#include "base/build.h"

#include <stddef.h>
#include <string.h>

#include "base/be.h"
#include "base/net.h"

#define IPV6_LEN 40
#define ND_AND_OPTION_LEN (BF_ND_LEN + 8)
#define ICMPV6 58

static void
put_unless_null(uint8_t *p, const uint8_t *from, size_t len)
{
	if (from != NULL)
		memcpy(p, from, len);
}

uint8_t *
bf_build_ethernet(
	uint8_t *p, const uint8_t dst[6], const uint8_t src[6], uint16_t vlan, uint16_t type)
{
	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
	p += 12;
	if (vlan != 0) {
		bf_put_be16(p, BF_ETHERTYPE_VLAN);
		bf_put_be16(p + 2, vlan);
		p += 4;
	}
	bf_put_be16(p, type);
	return p + 2;
}

uint8_t *
bf_build_arp(uint8_t *p, const struct bf_build_arp *arp)
{
	bf_put_be16(p, 1); /* Ethernet */
	bf_put_be16(p + 2, BF_ETHERTYPE_IPV4);
	p[4] = 6;
	p[5] = 4;
	bf_put_be16(p + 6, arp->op);
	put_unless_null(p + 8, arp->sender_mac, 6);
	put_unless_null(p + 14, arp->sender_ip, 4);
	put_unless_null(p + 18, arp->target_mac, 6);
	put_unless_null(p + 24, arp->target_ip, 4);
	return p + BF_ARP_LEN;
}

static uint32_t
sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

/* RFC 8200 8.1: over both addresses, length, next header and the message. */
static uint16_t
icmpv6_checksum(const uint8_t *ip, size_t len)
{
	uint32_t sum = sum16(ip + 8, 32) + (uint32_t)len + ICMPV6 + sum16(ip + IPV6_LEN, len);

	sum = (sum >> 16) + (sum & 0xffff);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

uint8_t *
bf_build_nd(uint8_t *p, const struct bf_build_nd *nd)
{
	uint8_t *m = p + IPV6_LEN;

	p[0] = 0x60;
	p[5] = ND_AND_OPTION_LEN;
	p[6] = ICMPV6;
	p[7] = 255;
	memcpy(p + 8, nd->src, 16);
	memcpy(p + 24, nd->dst, 16);
	m[0] = nd->type;
	m[4] = nd->flags;
	memcpy(m + 8, nd->target, 16);
	m[BF_ND_LEN] = nd->option;
	m[BF_ND_LEN + 1] = 1; /* of 8 bytes */
	memcpy(m + BF_ND_LEN + 2, nd->mac, 6);
	bf_put_be16(m + 2, icmpv6_checksum(p, ND_AND_OPTION_LEN));
	return m + ND_AND_OPTION_LEN;
}

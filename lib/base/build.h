/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that the program makes itself: Ethernet headers, ARP and RARP, neighbour discovery.
 *
 * The room at the pointer is zeroed before by the caller; each function writes what is not zero and returns
 * where what follows goes.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_BUILD_H
#define BF_BASE_BUILD_H

#include <stdint.h>

/** Bytes that no function here, nor all that a frame needs together, goes beyond. */
#define BF_BUILD_ROOM 128

/** Ethernet header, and a tag unless @p vlan is 0. @param type host order. */
uint8_t *bf_build_ethernet(
	uint8_t *p, const uint8_t dst[6], const uint8_t src[6], uint16_t vlan, uint16_t type);

/** ARP or RARP between Ethernet and IPv4; an address that is NULL stays zero. */
struct bf_build_arp {
	uint8_t op;
	const uint8_t *sender_mac, *sender_ip;
	const uint8_t *target_mac, *target_ip;
};
uint8_t *bf_build_arp(uint8_t *p, const struct bf_build_arp *arp);

/** IPv6 header and a solicitation or advertisement with one option, an address; with its checksum. */
struct bf_build_nd {
	uint8_t type, flags, option;
	const uint8_t *src, *dst, *target; /* 16 bytes each */
	const uint8_t *mac; /* of the option */
};
uint8_t *bf_build_nd(uint8_t *p, const struct bf_build_nd *nd);

#endif

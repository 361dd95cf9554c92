/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a sampled frame says of its flow: addresses, VLAN, and the five fields of an IP packet.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_CONTROL_EXPORT_PACKET_H
#define BF_CONTROL_EXPORT_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/** A flow: what all of its frames have in common. Compared as bytes, so zero where there is nothing. */
struct bf_export_key {
	uint8_t saddr[16], daddr[16]; /* IPv4: the first four bytes */
	uint8_t src[6], dst[6];
	uint16_t from; /* where it enters: bf_export_key_of() */
	uint16_t vlan; /* 0: none */
	uint16_t type; /* ethertype behind tags; 0: the frame ends before it */
	uint16_t sport, dport; /* of ICMP: 0, and type and code */
	uint8_t version; /* 4, 6; 0: no IP */
	uint8_t proto, tos;
	uint8_t pad[7];
};

struct bf_export_packet {
	struct bf_export_key key; /* `from` is the caller's */
	uint8_t pcp; /* of its tag */
	bool is_service_vlan; /* the VLAN is of an 802.1ad tag */
	uint8_t tcp_flags;
	uint32_t octets; /* of the IP packet; without IP: of what follows the Ethernet header */
};

/**
 * Read the head of a frame.
 *
 * @param len
 *   Bytes at @p data, at least 14.
 * @param frame_len
 *   Of the whole frame.
 */
void bf_export_packet_read(
	const uint8_t *data, uint32_t len, uint32_t frame_len, struct bf_export_packet *p);

#endif

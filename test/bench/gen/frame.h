/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of bf-gen: UDP over IPv4, with a tag right behind the headers.
 *
 * Writing one is a copy of 42 bytes, two MAC addresses, two UDP ports and the tag; what stands
 * behind the tag is whatever the buffer held.  The flow is in the UDP ports only, so the IP
 * checksum is constant; the UDP checksum is 0 (absent).  The smallest Ethernet frame, 64 bytes with
 * FCS, holds headers and tag exactly.
 *
 * Threads: one.
 */

#ifndef BF_GEN_FRAME_H
#define BF_GEN_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

/* Sizes are given with FCS, as RFC 2544 does; a frame in memory has none. */
#define FRAME_FCS 4
#define FRAME_SIZE_MIN 64
#define FRAME_SIZE_MAX 9018
#define FRAME_FLOWS_MAX (1u << 17)
#define FRAME_MAGIC 0xbf9e

#define FRAME_PORT_SRC 1024
#define FRAME_PORT_DST 9
#define FRAME_PORT_BITS 15

struct frame_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
} __attribute__((packed, aligned(2)));

/* Host byte order: sender and receiver are one process. */
struct frame_tag {
	uint16_t magic;
	uint16_t trial;
	uint8_t sender;
	uint8_t unused;
	uint32_t seq;
	uint64_t tsc;
} __attribute__((packed, aligned(2)));

struct frame {
	struct frame_headers headers;
	struct frame_tag tag;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct frame) == FRAME_SIZE_MIN - FRAME_FCS, "tag must fit 64 bytes");

/**
 * Write the headers that all frames of a size share.
 *
 * @param size
 *   Bytes with FCS.
 */
void frame_headers_init(struct frame_headers *headers, uint16_t size);

/* Address number i of the far side (behind the wires). */
static inline void
frame_mac_far(struct rte_ether_addr *mac, uint32_t i)
{
	*mac = (struct rte_ether_addr){
		{0x02, 0xaa, 0x00, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

/* Address of guest number i. */
static inline void
frame_mac_guest(struct rte_ether_addr *mac, uint32_t i)
{
	*mac = (struct rte_ether_addr){{0x52, 0x54, 0x00, 0x00, (uint8_t)(i >> 8), (uint8_t)i}};
}

static inline void
frame_set_flow(struct frame_headers *headers, uint32_t flow)
{
	uint32_t low = flow & ((1u << FRAME_PORT_BITS) - 1);

	headers->udp.src_port = rte_cpu_to_be_16((uint16_t)(FRAME_PORT_SRC + low));
	headers->udp.dst_port =
		rte_cpu_to_be_16((uint16_t)(FRAME_PORT_DST + (flow >> FRAME_PORT_BITS)));
}

/* Flow of a received frame; may be beyond FRAME_FLOWS_MAX when the frame is not ours. */
static inline uint32_t
frame_flow(const struct frame_headers *headers)
{
	uint32_t low = (uint16_t)(rte_be_to_cpu_16(headers->udp.src_port) - FRAME_PORT_SRC);
	uint32_t high = (uint16_t)(rte_be_to_cpu_16(headers->udp.dst_port) - FRAME_PORT_DST);

	return high << FRAME_PORT_BITS | low;
}

#endif

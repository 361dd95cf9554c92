/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbered frames: how bf-peer builds them and proves each byte of what comes back.
 *
 * A numbered frame carries, behind its last header, a 16-byte tag (stream, flow, sequence number,
 * payload length, hash of the headers) and then a pattern computed from stream, sequence number
 * and length.  The receiver needs nothing but the frame to check it, so sender and receiver may
 * be different processes.
 *
 * Threads: one.
 */

#ifndef BF_PEER_FRAME_H
#define BF_PEER_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#define FRAME_MAX 16384
#define FRAME_SIZES_MAX 64
#define FRAME_FLOWS_MAX 4096

/* What stands between the Ethernet type and the tag. */
enum frame_kind {
	FRAME_ETHER,
	FRAME_IP4_UDP,
	FRAME_IP4_TCP,
	FRAME_IP6_UDP,
	FRAME_IP6_TCP,
	FRAME_KIND_COUNT,
};

extern const char *const frame_kind_names[FRAME_KIND_COUNT];

struct frame_spec {
	struct rte_ether_addr dst;
	struct rte_ether_addr src;
	/* Frame i has source src + i % n_src. */
	uint32_t n_src;
	enum frame_kind kind;
	/* Used when kind is FRAME_ETHER. */
	uint16_t ether_type;
	uint16_t vlans[2];
	uint16_t n_vlans;
	/* Distinct L4 source ports (and source addresses); 1 or more. */
	uint16_t n_flows;
	uint16_t stream;
	/* Bytes without FCS; frame i has sizes[i % n_sizes]. */
	uint16_t sizes[FRAME_SIZES_MAX];
	uint16_t n_sizes;
};

/* What a received frame says about itself. */
struct frame_report {
	uint16_t stream;
	uint16_t flow;
	uint32_t seq;
	/* Every payload byte, the length and the L4 checksum are as sent. */
	bool payload_good;
	/* Every header byte is as sent. */
	bool header_good;
};

/**
 * Smallest frame that holds the headers of @p spec and the tag, in bytes.
 */
uint16_t frame_min_size(const struct frame_spec *spec);

/**
 * Write frame number @p seq of @p spec.
 *
 * @param buf
 *   FRAME_MAX bytes.
 * @return
 *   Bytes written.
 */
uint16_t frame_build(const struct frame_spec *spec, uint32_t seq, uint8_t *buf);

/**
 * Check a received frame.
 *
 * @return
 *   false when this is no numbered frame; *report is then untouched.
 */
bool frame_check(const uint8_t *frame, uint32_t len, struct frame_report *report);

#endif

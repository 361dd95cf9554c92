/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a frame carries, for who must not be deceived: read behind tags, LLC headers and extension headers.
 *
 * Theory of operation.  A sender who wants to get a packet past a guard puts something in front of what the
 * guard looks for that its receivers skip: tags of VLAN 0, an LLC header instead of an ethertype, extension
 * headers, a fragment so short that the next header comes with the second one (RFC 7113).  Here all
 * of them are skipped too, as many as no honest sender uses; what has more of them, or ends before it says
 * what it is, is hidden.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_DATAPLANE_INSIDE_H
#define BF_DATAPLANE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/frame.h"

struct bf_inside {
	uint16_t type; /* ethertype, network order; 0: the frame ends before it */
	bool hidden; /* it does not show what it carries */
	uint8_t proto; /* IP protocol behind extension headers, where there is `upper` */
	uint32_t len; /* bytes at `payload` */
	uint32_t upper_len; /* bytes at `upper` */
	const uint8_t *payload; /* behind the ethertype */
	const uint8_t *
		upper; /* behind the IP headers; NULL: no IP, no whole header, or a later fragment */
};

/**
 * Read a frame.  Only its first segment is looked at, which holds more headers than any honest packet has.
 *
 * Hidden are more than 8 tags and LLC headers, more than 16 extension headers or such that do not end in the
 * frame, and UDP or ICMPv6 without its first 4 bytes.
 */
void bf_inside_read(const struct rte_mbuf *m, struct bf_inside *in);

#endif

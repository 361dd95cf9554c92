/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From a frame's first header to the packet inside, and from a tunnel's header to what it carries.
 *
 * Every step checks what is left of the frame; a header that is cut, or of a kind that is not known,
 * leaves the caller with what stands before it.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_DATAPLANE_ENCAP_H
#define BF_DATAPLANE_ENCAP_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

/** A place in a frame: what is left from `p`, and what stands there. */
struct bf_cursor {
	const uint8_t *p;
	uint32_t left;
	uint16_t type; /* ethertype, or IP protocol behind an IP header */
};

static inline bool
bf_step(struct bf_cursor *c, uint32_t n)
{
	if (c->left < n)
		return false;
	c->p += n;
	c->left -= n;
	return true;
}

/**
 * From an Ethernet header over up to two tags to what they carry.
 *
 * @param vlan
 *   Set to the first VLAN id on the way.
 */
bool bf_encap_ethernet(struct bf_cursor *c, uint16_t *vlan);

/** What a tunnel holds. */
enum bf_encap {
	BF_ENCAP_NONE, /* no tunnel, or nothing in it that can be read */
	BF_ENCAP_IP, /* the cursor stands on an IP header */
	BF_ENCAP_ID, /* no IP, but four bytes that name the flow: `type` says of which protocol */
};

/** Behind an ethertype: over a PPPoE session or MPLS labels to the IP packet, if one follows. */
void bf_encap_link(struct bf_cursor *c);

/**
 * Behind an IP header: into a tunnel.
 *
 * IP in IP, GRE, VXLAN, Geneve, L2TPv2, L2TPv3, GTP-U, MPLS in IP or UDP; ESP in UDP by its SPI.
 */
enum bf_encap bf_encap_enter(struct bf_cursor *c);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "Too big": the ICMP message for the sender of an IP packet that is longer than a port takes, so that path
 * MTU discovery works through the switch (RFC 1191 4, RFC 8201 4).  Only where the port asks for it
 * (too_big=icmp).
 *
 * A switch has no address of its own.  The message comes from the addresses that the packet went to, as
 * Linux makes it for tunnels behind a bridge (net/ipv4/ip_tunnel_core.c, iptunnel_pmtud_build_icmp).
 *
 * A worker makes the message where the packet is dropped, and sends it in its next turn: answers.h.  The
 * packet itself is counted as dropped like any other.
 *
 * A worker makes 1000 messages a second at most, and 100 of them for senders behind one port; frames that are
 * not answered do not count.
 *
 * Threads: worker; bf_too_big_make() any.
 */
#ifndef BF_DATAPLANE_TOO_BIG_H
#define BF_DATAPLANE_TOO_BIG_H

#include "dataplane/lcore.h"

/** The longest message: an Ethernet header, tags, and 576 bytes (RFC 1812 4.3.2.3) or 1280 (RFC 4443 2.4). */
#define BF_TOO_BIG_MAX (14 + 4 * 4 + 1280)

/**
 * Make the message for a frame.
 *
 * @param m
 *   The frame, complete or not; read, never changed.
 * @param mtu
 *   Longest IP packet that the port takes, bytes.
 * @param max_len
 *   Longest frame: behind many tags the packet has to be shorter.
 * @param out
 *   Room for BF_TOO_BIG_MAX bytes.
 * @return
 *   Its length; 0 when the frame gets none: it is no IP packet, may be fragmented (IPv4 without DF), is
 *   a later fragment, an ICMP error, or goes to or comes from other than one station (RFC 1122 3.2.2,
 *   RFC 4443 2.4).
 */
uint32_t bf_too_big_make(const struct rte_mbuf *m, uint16_t mtu, uint16_t max_len, uint8_t *out);

/**
 * A frame is dropped because port @p slot does not take its length: answer it, if the port has that.  Not for
 * copies of a flood: their receiver is not known, and nobody may answer in its name.
 */
void bf_too_big_note(struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See frame_text.h.
 *
 * Threads: any (pure function).
 */
#include "control/snapshot/frame_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/be.h"
#include "base/mac.h"
#include "base/net.h"
#include "dataplane/frame.h"
#include "dataplane/packet.h"

/* What is left of the frame, and the text so far. */
struct writing {
	const uint8_t *p;
	uint32_t left;
	char *text;
	size_t size, len;
};

static __attribute__((format(printf, 2, 3))) void
text_add(struct writing *w, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(w->text + w->len, w->size - w->len, fmt, args);
	va_end(args);
	if (n > 0)
		w->len = RTE_MIN(w->len + (size_t)n, w->size - 1);
}

static void
addresses_add(struct writing *w, int family, const uint8_t *src, const uint8_t *dst)
{
	char from[INET6_ADDRSTRLEN] = "", to[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, src, from, sizeof(from));
	inet_ntop(family, dst, to, sizeof(to));
	text_add(w, " %s > %s", from, to);
}

/* @param p behind the IP header */
static void
upper_add(struct writing *w, uint8_t proto, const uint8_t *p, uint32_t left)
{
	const char *name = proto == BF_PROTO_TCP ? "TCP"
		: proto == BF_PROTO_UDP          ? "UDP"
		: proto == BF_PROTO_SCTP         ? "SCTP"
						 : NULL;

	if (name != NULL && left >= 4)
		text_add(w, ", %s %u > %u", name, bf_be16(p), bf_be16(p + 2));
	else if (name != NULL)
		text_add(w, ", %s", name);
	else if (proto == BF_PROTO_ICMP || proto == BF_PROTO_ICMPV6)
		text_add(w, ", ICMP");
	else
		text_add(w, ", protocol %u", proto);
}

static void
ipv4_add(struct writing *w)
{
	uint32_t header = w->left >= BF_IPV4_LEN ? (w->p[0] & 15u) * 4 : 0;

	text_add(w, ", IPv4");
	if (header < BF_IPV4_LEN || header > w->left) {
		text_add(w, " (cut)");
		return;
	}
	addresses_add(w, AF_INET, w->p + 12, w->p + 16);
	if (bf_be16(w->p + 6) & 0x1fff)
		text_add(w, ", a later fragment");
	else
		upper_add(w, w->p[9], w->p + header, w->left - header);
}

static void
ipv6_add(struct writing *w)
{
	text_add(w, ", IPv6");
	if (w->left < BF_IPV6_LEN) {
		text_add(w, " (cut)");
		return;
	}
	addresses_add(w, AF_INET6, w->p + 8, w->p + 24);
	upper_add(w, w->p[6], w->p + BF_IPV6_LEN, w->left - BF_IPV6_LEN);
}

static void
arp_add(struct writing *w)
{
	text_add(w, ", ARP");
	if (w->left < BF_ARP_LEN) {
		text_add(w, " (cut)");
		return;
	}
	addresses_add(w, AF_INET, w->p + 14, w->p + 24);
	text_add(w, bf_be16(w->p + 6) == BF_ARP_REQUEST ? ", a request" : ", a reply");
}

static void
payload_add(struct writing *w, uint16_t type)
{
	if (type == BF_ETHERTYPE_IPV4)
		ipv4_add(w);
	else if (type == BF_ETHERTYPE_IPV6)
		ipv6_add(w);
	else if (type == BF_ETHERTYPE_ARP)
		arp_add(w);
	else if (type == BF_ETHERTYPE_RARP)
		text_add(w, ", RARP");
	else if (type == BF_ETHERTYPE_SLOW)
		text_add(w, ", slow protocols (LACP, marker, OAM)");
	else
		text_add(w, ", ethertype 0x%04x", type);
}

void
bf_frame_text(const uint8_t *frame, uint32_t len, char *text, size_t size)
{
	struct writing w = {frame, len, text, size, 0};
	char dst[BF_MAC_TEXT_SIZE], src[BF_MAC_TEXT_SIZE];
	uint16_t type;

	text[0] = '\0';
	if (len < 14) {
		text_add(&w, "too short for an Ethernet header");
		return;
	}
	text_add(&w, "%s > %s", bf_mac_text(frame + 6, src), bf_mac_text(frame, dst));
	type = (uint16_t)bf_be16(frame + 12);
	w.p += 14;
	w.left -= 14;
	for (int i = 0; i < BF_TAGS_MAX && bf_frame_is_tag(rte_cpu_to_be_16(type)) && w.left >= 4;
		i++) {
		text_add(&w, ", %sVLAN %u priority %u", type == BF_ETHERTYPE_VLAN ? "" : "802.1ad ",
			bf_be16(w.p) & 0xfffu, bf_be16(w.p) >> 13);
		type = (uint16_t)bf_be16(w.p + 2);
		w.p += 4;
		w.left -= 4;
	}
	payload_add(&w, type);
}

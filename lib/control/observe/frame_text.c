/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See frame_text.h.
 *
 * Threads: any.
 */
#include "control/observe/frame_text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/net.h"
#include "dataplane/packet.h"

#define MACS_LEN 12
#define TAG_LEN 4
#define ARP_SENDER_AT 14
#define ARP_TARGET_AT 24
#define FRAGMENT_OFFSET_MASK 0x1fff
#define ADDRESS_ROOM INET6_ADDRSTRLEN

/* What is left of a frame, and the line so far. */
struct reading {
	const uint8_t *at;
	size_t left;
	char *buf;
	size_t size, used;
};

static void text_add(struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
text_add(struct reading *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->buf + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->used += (size_t)n < r->size - r->used ? (size_t)n : r->size - r->used - 1;
}

static uint16_t
u16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
bytes_pass(struct reading *r, size_t n)
{
	r->at += n;
	r->left -= n;
}

static const char *
protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case BF_PROTO_ICMP:
		return "ICMP";
	case BF_PROTO_IGMP:
		return "IGMP";
	case BF_PROTO_TCP:
		return "TCP";
	case BF_PROTO_UDP:
		return "UDP";
	case BF_PROTO_ICMPV6:
		return "ICMPv6";
	case BF_PROTO_SCTP:
		return "SCTP";
	default:
		return NULL;
	}
}

/* From where to where; ports stand at the place of reading, if they are there. */
static void
flow_add(struct reading *r, const char *ip, const char *src, const char *dst, uint8_t protocol,
	bool has_ports)
{
	const char *name = protocol_name(protocol);

	has_ports = has_ports && r->left >= 4 &&
		(protocol == BF_PROTO_TCP || protocol == BF_PROTO_UDP || protocol == BF_PROTO_SCTP);
	if (has_ports)
		text_add(r, ", %s %s port %u > %s port %u", ip, src, u16_at(r->at), dst,
			u16_at(r->at + 2));
	else
		text_add(r, ", %s %s > %s", ip, src, dst);
	if (name != NULL)
		text_add(r, ", %s", name);
	else
		text_add(r, ", protocol %u", protocol);
}

static void
ipv4_add(struct reading *r)
{
	char src[ADDRESS_ROOM], dst[ADDRESS_ROOM];
	const uint8_t *ip = r->at;
	size_t head;
	bool is_first;

	if (r->left < BF_IPV4_LEN) {
		text_add(r, ", IPv4, cut off");
		return;
	}
	inet_ntop(AF_INET, ip + 12, src, sizeof(src));
	inet_ntop(AF_INET, ip + 16, dst, sizeof(dst));
	head = (size_t)(ip[0] & 15) * 4;
	is_first = (u16_at(ip + 6) & FRAGMENT_OFFSET_MASK) == 0;
	bytes_pass(r, head < r->left ? head : r->left);
	flow_add(r, "IPv4", src, dst, ip[9], is_first && head >= BF_IPV4_LEN);
	if (!is_first)
		text_add(r, ", a later fragment");
}

static void
ipv6_add(struct reading *r)
{
	char src[ADDRESS_ROOM], dst[ADDRESS_ROOM];
	const uint8_t *ip = r->at;

	if (r->left < BF_IPV6_LEN) {
		text_add(r, ", IPv6, cut off");
		return;
	}
	inet_ntop(AF_INET6, ip + 8, src, sizeof(src));
	inet_ntop(AF_INET6, ip + 24, dst, sizeof(dst));
	bytes_pass(r, BF_IPV6_LEN);
	flow_add(r, "IPv6", src, dst, ip[6], true);
}

static void
arp_add(struct reading *r)
{
	char sender[ADDRESS_ROOM], target[ADDRESS_ROOM];

	if (r->left < BF_ARP_LEN) {
		text_add(r, ", ARP, cut off");
		return;
	}
	inet_ntop(AF_INET, r->at + ARP_SENDER_AT, sender, sizeof(sender));
	inet_ntop(AF_INET, r->at + ARP_TARGET_AT, target, sizeof(target));
	if (u16_at(r->at + 6) == BF_ARP_REQUEST)
		text_add(r, ", ARP who has %s, asks %s", target, sender);
	else
		text_add(r, ", ARP %s is there, to %s", sender, target);
}

/* Tags, and the ethertype behind them. @return false: it is cut off */
static bool
tags_add(struct reading *r, uint16_t *type)
{
	for (;;) {
		if (r->left < 2)
			return false;
		*type = u16_at(r->at);
		if (*type != BF_ETHERTYPE_VLAN && *type != BF_ETHERTYPE_QINQ)
			break;
		if (r->left < TAG_LEN)
			return false;
		text_add(r, ", %s %u", *type == BF_ETHERTYPE_VLAN ? "vlan" : "802.1ad vlan",
			u16_at(r->at + 2) & 0xfff);
		bytes_pass(r, TAG_LEN);
	}
	bytes_pass(r, 2);
	return true;
}

void
bf_frame_text(const uint8_t *data, size_t len, char *buf, size_t size)
{
	struct reading r = {.at = data, .left = len, .buf = buf, .size = size};
	uint16_t type;

	buf[0] = '\0';
	if (len < MACS_LEN) {
		text_add(&r, "cut off");
		return;
	}
	text_add(&r, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", data[6],
		data[7], data[8], data[9], data[10], data[11], data[0], data[1], data[2], data[3],
		data[4], data[5]);
	bytes_pass(&r, MACS_LEN);
	if (!tags_add(&r, &type))
		text_add(&r, ", cut off");
	else if (type == BF_ETHERTYPE_IPV4)
		ipv4_add(&r);
	else if (type == BF_ETHERTYPE_IPV6)
		ipv6_add(&r);
	else if (type == BF_ETHERTYPE_ARP)
		arp_add(&r);
	else if (type < 1536)
		text_add(&r, ", 802.3");
	else
		text_add(&r, ", ethertype 0x%04x", type);
}

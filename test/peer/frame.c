/* SPDX-License-Identifier: BSD-3-Clause */

/* Numbered frames, see frame.h. */

#include "frame.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define TAG_MAGIC 0xbf0d
#define L4_PORT_BASE 1024
/* Ethernet, two VLAN tags, IPv6, TCP. */
#define HEADERS_MAX (14 + 8 + 40 + 20)

const char *const frame_kind_names[FRAME_KIND_COUNT] = {
	[FRAME_ETHER] = "ether",
	[FRAME_IP4_UDP] = "ip4udp",
	[FRAME_IP4_TCP] = "ip4tcp",
	[FRAME_IP6_UDP] = "ip6udp",
	[FRAME_IP6_TCP] = "ip6tcp",
};

struct frame_tag {
	rte_be16_t magic;
	rte_be16_t stream;
	rte_be16_t flow;
	/* Tag and pattern, bytes. */
	rte_be16_t len;
	rte_be32_t seq;
	rte_be32_t header_hash;
} __attribute__((packed));

/* Offsets in bytes; l4 == 0 means no L4 header. */
struct layout {
	uint16_t l3;
	uint16_t l4;
	uint16_t tag;
	uint8_t proto;
	bool is_ip6;
};

static uint16_t
l4_len(uint8_t proto)
{
	if (proto == IPPROTO_UDP)
		return sizeof(struct rte_udp_hdr);
	if (proto == IPPROTO_TCP)
		return sizeof(struct rte_tcp_hdr);
	return 0;
}

/* Find the headers frame_build() writes; false for anything else. */
static bool
layout_parse(const uint8_t *frame, uint32_t len, struct layout *at)
{
	uint16_t off = 12;
	rte_be16_t type;

	memset(at, 0, sizeof(*at));
	for (;;) {
		if (len < off + 2u)
			return false;
		memcpy(&type, frame + off, sizeof(type));
		off += 2;
		if (type != RTE_BE16(RTE_ETHER_TYPE_VLAN) && type != RTE_BE16(RTE_ETHER_TYPE_QINQ))
			break;
		off += 2;
	}
	at->l3 = off;
	at->tag = off;
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		if (len < off + sizeof(struct rte_ipv4_hdr))
			return false;
		at->proto = frame[off + 9];
		at->l4 = off + sizeof(struct rte_ipv4_hdr);
	} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		if (len < off + sizeof(struct rte_ipv6_hdr))
			return false;
		at->is_ip6 = true;
		at->proto = frame[off + 6];
		at->l4 = off + sizeof(struct rte_ipv6_hdr);
	}
	if (at->l4 != 0) {
		if (l4_len(at->proto) == 0)
			return false;
		at->tag = at->l4 + l4_len(at->proto);
	}
	return len >= at->tag + sizeof(struct frame_tag);
}

static uint16_t
checksum_offset(const struct layout *at)
{
	return at->l4 + (at->proto == IPPROTO_TCP ? 16 : 6);
}

/* FNV-1a over the headers, the L4 checksum taken as zero because it covers the hash itself. */
static uint32_t
header_hash(const uint8_t *frame, const struct layout *at)
{
	uint32_t hash = 2166136261u;
	uint16_t skip = at->l4 != 0 ? checksum_offset(at) : UINT16_MAX - 1;
	uint16_t i;

	for (i = 0; i < at->tag; i++) {
		uint8_t byte = i == skip || i == skip + 1 ? 0 : frame[i];

		hash = (hash ^ byte) * 16777619u;
	}
	return hash;
}

static uint8_t
pattern(uint16_t stream, uint32_t seq, uint16_t len, uint32_t i)
{
	return (uint8_t)(seq * 31u + (seq >> 8) * 17u + stream * 7u + len * 5u + i * 13u +
		(i >> 8));
}

/* The L4 checksum of a whole frame whose checksum field is zero. */
static uint16_t
l4_checksum(const uint8_t *frame, const struct layout *at)
{
	if (at->is_ip6)
		return rte_ipv6_udptcp_cksum(
			(const struct rte_ipv6_hdr *)(frame + at->l3), frame + at->l4);
	return rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(frame + at->l3), frame + at->l4);
}

static bool
l4_checksum_good(const uint8_t *frame, uint32_t len, const struct layout *at)
{
	uint8_t copy[FRAME_MAX];
	uint16_t off, got, want;

	if (at->l4 == 0)
		return true;
	off = checksum_offset(at);
	memcpy(copy, frame, len);
	memcpy(&got, copy + off, sizeof(got));
	memset(copy + off, 0, sizeof(got));
	want = l4_checksum(copy, at);
	return got == want;
}

static void
write_ip4(uint8_t *l3, uint16_t l3_bytes, uint8_t proto, uint16_t flow)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(l3_bytes),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = rte_cpu_to_be_32(RTE_IPV4(10, 1, flow >> 8, flow & 0xff)),
		.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 2, 0, 1)),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(l3, &ip, sizeof(ip));
}

static void
write_ip6(uint8_t *l3, uint16_t l3_bytes, uint8_t proto, uint16_t flow)
{
	memset(l3, 0, sizeof(struct rte_ipv6_hdr));
	l3[0] = 0x60;
	l3[4] = (uint8_t)((l3_bytes - sizeof(struct rte_ipv6_hdr)) >> 8);
	l3[5] = (uint8_t)(l3_bytes - sizeof(struct rte_ipv6_hdr));
	l3[6] = proto;
	l3[7] = 64;
	l3[8] = 0xfd;
	l3[22] = (uint8_t)(flow >> 8);
	l3[23] = (uint8_t)flow;
	l3[24] = 0xfd;
	l3[39] = 1;
}

static void
write_l4(uint8_t *l4, uint16_t l4_bytes, uint8_t proto, uint16_t flow)
{
	rte_be16_t ports[2] = {rte_cpu_to_be_16(L4_PORT_BASE + flow), RTE_BE16(9)};

	memset(l4, 0, l4_len(proto));
	memcpy(l4, ports, sizeof(ports));
	if (proto == IPPROTO_UDP) {
		l4[4] = (uint8_t)(l4_bytes >> 8);
		l4[5] = (uint8_t)l4_bytes;
	} else {
		l4[12] = 5 << 4;
		l4[13] = RTE_TCP_ACK_FLAG;
	}
}

/* Ethernet header and VLAN tags; returns their length. */
static uint16_t
write_l2(const struct frame_spec *spec, uint32_t seq, uint8_t *buf)
{
	static const uint16_t types[FRAME_KIND_COUNT] = {
		[FRAME_IP4_UDP] = RTE_ETHER_TYPE_IPV4,
		[FRAME_IP4_TCP] = RTE_ETHER_TYPE_IPV4,
		[FRAME_IP6_UDP] = RTE_ETHER_TYPE_IPV6,
		[FRAME_IP6_TCP] = RTE_ETHER_TYPE_IPV6,
	};
	uint16_t type = spec->kind == FRAME_ETHER ? spec->ether_type : types[spec->kind];
	uint32_t add = spec->n_src > 1 ? seq % spec->n_src : 0;
	uint16_t off = 12, i;
	int byte;

	memcpy(buf, &spec->dst, 6);
	memcpy(buf + 6, &spec->src, 6);
	for (byte = 11; byte > 6 && add != 0; byte--, add >>= 8) {
		add += buf[byte];
		buf[byte] = (uint8_t)add;
	}
	for (i = 0; i < spec->n_vlans; i++, off += 4) {
		bool is_outer = spec->n_vlans == 2 && i == 0;
		uint16_t tpid = is_outer ? RTE_ETHER_TYPE_QINQ : RTE_ETHER_TYPE_VLAN;

		buf[off] = (uint8_t)(tpid >> 8);
		buf[off + 1] = (uint8_t)tpid;
		buf[off + 2] = (uint8_t)(spec->vlans[i] >> 8);
		buf[off + 3] = (uint8_t)spec->vlans[i];
	}
	buf[off] = (uint8_t)(type >> 8);
	buf[off + 1] = (uint8_t)type;
	return off + 2;
}

uint16_t
frame_min_size(const struct frame_spec *spec)
{
	static const uint16_t l3_l4[FRAME_KIND_COUNT] = {
		[FRAME_IP4_UDP] = 28,
		[FRAME_IP4_TCP] = 40,
		[FRAME_IP6_UDP] = 48,
		[FRAME_IP6_TCP] = 60,
	};

	return 14 + 4 * spec->n_vlans + l3_l4[spec->kind] + sizeof(struct frame_tag);
}

uint16_t
frame_build(const struct frame_spec *spec, uint32_t seq, uint8_t *buf)
{
	bool is_tcp = spec->kind == FRAME_IP4_TCP || spec->kind == FRAME_IP6_TCP;
	uint8_t proto = is_tcp ? IPPROTO_TCP : IPPROTO_UDP;
	uint16_t size = spec->sizes[seq % spec->n_sizes];
	uint16_t flow = (uint16_t)((seq / spec->n_sizes) % spec->n_flows);
	uint16_t l3 = write_l2(spec, seq, buf), sum, len, i;
	struct frame_tag tag;
	struct layout at;

	if (spec->kind == FRAME_IP4_UDP || spec->kind == FRAME_IP4_TCP)
		write_ip4(buf + l3, size - l3, proto, flow);
	else if (spec->kind != FRAME_ETHER)
		write_ip6(buf + l3, size - l3, proto, flow);
	layout_parse(buf, size, &at);
	if (at.l4 != 0)
		write_l4(buf + at.l4, size - at.l4, proto, flow);
	len = size - at.tag;
	tag = (struct frame_tag){
		.magic = RTE_BE16(TAG_MAGIC),
		.stream = rte_cpu_to_be_16(spec->stream),
		.flow = rte_cpu_to_be_16(flow),
		.len = rte_cpu_to_be_16(len),
		.seq = rte_cpu_to_be_32(seq),
		.header_hash = rte_cpu_to_be_32(header_hash(buf, &at)),
	};
	memcpy(buf + at.tag, &tag, sizeof(tag));
	for (i = sizeof(tag); i < len; i++)
		buf[at.tag + i] = pattern(spec->stream, seq, len, i);
	if (at.l4 != 0) {
		sum = l4_checksum(buf, &at);
		memcpy(buf + checksum_offset(&at), &sum, sizeof(sum));
	}
	return size;
}

static bool
payload_good(
	const uint8_t *frame, uint32_t len, const struct layout *at, const struct frame_tag *tag)
{
	uint16_t want = rte_be_to_cpu_16(tag->len);
	uint16_t stream = rte_be_to_cpu_16(tag->stream);
	uint32_t seq = rte_be_to_cpu_32(tag->seq);
	uint16_t i;

	if (len != (uint32_t)at->tag + want)
		return false;
	for (i = sizeof(*tag); i < want; i++)
		if (frame[at->tag + i] != pattern(stream, seq, want, i))
			return false;
	return l4_checksum_good(frame, len, at);
}

bool
frame_check(const uint8_t *frame, uint32_t len, struct frame_report *report)
{
	struct frame_tag tag;
	struct layout at;

	if (len > FRAME_MAX || !layout_parse(frame, len, &at))
		return false;
	memcpy(&tag, frame + at.tag, sizeof(tag));
	if (tag.magic != RTE_BE16(TAG_MAGIC))
		return false;
	report->stream = rte_be_to_cpu_16(tag.stream);
	report->flow = rte_be_to_cpu_16(tag.flow);
	report->seq = rte_be_to_cpu_32(tag.seq);
	report->payload_good = payload_good(frame, len, &at, &tag);
	report->header_good = rte_be_to_cpu_32(tag.header_hash) == header_hash(frame, &at);
	return true;
}

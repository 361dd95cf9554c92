/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Virtio headers against frames: what is refused, and the exact state of what is not.  Every piece of a frame
 * lies in a buffer of exactly its length, so that a sanitizer sees a read beyond it.
 *
 * Threads: one.
 */
#include "unit.h"

#include <linux/virtio_net.h>

#include "dataplane/vnet_hdr.h"
#include "draw.h"
#include "sums.h"

#define LEN_MAX 66000
#define PIECE 4096 /* bytes of the pieces behind the first */
#define PIECES_MAX 20
#define CSUM BF_OFFLOAD_CSUM
#define ALL (BF_OFFLOAD_CSUM | BF_OFFLOAD_TSO | BF_OFFLOAD_ECN)
#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TSO4 VIRTIO_NET_HDR_GSO_TCPV4
#define TSO6 VIRTIO_NET_HDR_GSO_TCPV6
#define ECN VIRTIO_NET_HDR_GSO_ECN

/* Where a byte is changed. */
enum base {
	NOWHERE,
	L2,
	L3,
	L4
};

struct poke {
	enum base base;
	uint16_t at;
	uint8_t value;
};

/* What a frame looks like: Ethernet, tags, IP, TCP or UDP; lengths in bytes. */
struct look {
	bool v6, udp;
	uint32_t tags;
	uint32_t ip_more; /* IPv4 options; one extension header, or two, of IPv6 */
	uint32_t second; /* of ip_more: the second one's */
	uint32_t tcp_more, payload;
	uint32_t cut; /* bytes that are missing at the end */
	uint32_t first; /* bytes in the first piece, 0: all */
	struct poke poke[2];
};

/* What its header says; the checksum begins where TCP or UDP does when nothing else is said. */
struct ask {
	uint8_t flags, gso_type;
	uint16_t gso_size, offset;
	int delta; /* from there */
	uint16_t start; /* or from here */
	uint16_t hdr_len;
};

enum want {
	REFUSED,
	PLAIN, /* nothing was asked */
	DONE, /* completed at once */
	PARTIAL,
	SUPER
};

struct row {
	const char *name;
	struct look f;
	struct ask h;
	uint32_t may;
	enum want want;
};

/* A frame in pieces. */
struct frame {
	struct rte_mbuf m[PIECES_MAX];
	unsigned int n;
};

static uint8_t bytes[LEN_MAX], flat[LEN_MAX];

/* clang-format off */
#define TCP(...) {__VA_ARGS__}
#define TCP6(...) {.v6 = true, __VA_ARGS__}
#define UDP(...) {.udp = true, __VA_ARGS__}
#define UDP6(...) {.v6 = true, .udp = true, __VA_ARGS__}
#define POKE(...) .poke = {__VA_ARGS__}
#define SUM_TCP(...) {.flags = NEEDS, .offset = 16, __VA_ARGS__}
#define SUM_UDP(...) {.flags = NEEDS, .offset = 6, __VA_ARGS__}
#define CUT4(size, ...) {.flags = NEEDS, .gso_type = TSO4, .gso_size = (size), .offset = 16, ##__VA_ARGS__}
#define CUT6(size, ...) {.flags = NEEDS, .gso_type = TSO6, .gso_size = (size), .offset = 16, ##__VA_ARGS__}

static const struct row rows[] = {
	/* Checksums that begin or stand where nothing is. */
	{"csum_start behind the frame", TCP(.payload = 0), SUM_TCP(.start = 1000), ALL, REFUSED},
	{"csum_start at the end", TCP(.payload = 10), SUM_TCP(.start = 64), ALL, REFUSED},
	{"csum_start 65535", TCP(.payload = 10), SUM_TCP(.start = 65535), ALL, REFUSED},
	{"both 65535", TCP(.payload = 10), {.flags = NEEDS, .start = 65535, .offset = 65535}, ALL, REFUSED},
	{"the sum of both is 0 in 16 bits", TCP(.payload = 10), {.flags = NEEDS, .start = 34, .offset = 65502}, ALL, REFUSED},
	{"the sum of both is 64 in 16 bits", TCP(.payload = 100), {.flags = NEEDS, .start = 65000, .offset = 600}, ALL, REFUSED},
	{"a byte of it beyond the frame", TCP(.cut = 3), SUM_TCP(), ALL, REFUSED},
	{"its last byte is the frame's", TCP(.cut = 2), SUM_TCP(), ALL, PARTIAL},
	{"UDP, a byte beyond", UDP(.cut = 1), SUM_UDP(), ALL, REFUSED},
	{"in the second piece", TCP(.payload = 500, .first = 34), SUM_TCP(), ALL, REFUSED},
	{"across the pieces", TCP(.payload = 500, .first = 51), SUM_TCP(), ALL, REFUSED},
	{"just in the first piece", TCP(.payload = 500, .first = 52), SUM_TCP(), ALL, PARTIAL},
	{"csum_start 0, in the addresses", TCP(.payload = 10), {.flags = NEEDS, .start = 0, .offset = 0, .delta = -34}, ALL, DONE},
	{"csum_start in the IP header", TCP(.payload = 10), SUM_TCP(.delta = -4), ALL, DONE},
	{"csum_start is the IP header", TCP(.payload = 10), SUM_TCP(.delta = -20), ALL, DONE},
	{"csum_start in the payload", TCP(.payload = 90), SUM_TCP(.delta = 20), ALL, DONE},
	{"a frame of 14 bytes", TCP(.cut = 40), {.flags = NEEDS, .start = 12}, ALL, DONE},
	{"a frame of 13 bytes", TCP(.cut = 41), {.flags = NEEDS, .start = 11}, ALL, DONE},
	{"a frame of 1 byte", TCP(.cut = 53), {.flags = NEEDS, .start = 1}, ALL, REFUSED},
	{"an IP header of 19 bytes", TCP(.cut = 21), {.flags = NEEDS, .start = 16, .offset = 15}, ALL, DONE},
	/* What was not negotiated. */
	{"nothing asked, nothing negotiated", TCP(.payload = 10), {0}, 0, PLAIN},
	{"nothing asked", TCP(.payload = 10), {0}, ALL, PLAIN},
	{"other flags ask for nothing", TCP(.payload = 10), {.flags = 0xfe, .gso_size = 9, .start = 9, .offset = 9, .hdr_len = 9}, ALL, PLAIN},
	{"other flags beside", TCP(.payload = 10), {.flags = 0xff, .offset = 16}, ALL, PARTIAL},
	{"checksums not negotiated", TCP(.payload = 10), SUM_TCP(), ALL & ~CSUM, REFUSED},
	{"nothing negotiated", TCP(.payload = 10), SUM_TCP(), 0, REFUSED},
	{"TSO4 not negotiated", TCP(.payload = 3000), CUT4(1000), CSUM | BF_OFFLOAD_TSO6 | BF_OFFLOAD_ECN, REFUSED},
	{"TSO6 not negotiated", TCP6(.payload = 3000), CUT6(1000), CSUM | BF_OFFLOAD_TSO4 | BF_OFFLOAD_ECN, REFUSED},
	{"ECN not negotiated", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4 | ECN, .gso_size = 1000, .offset = 16}, CSUM | BF_OFFLOAD_TSO, REFUSED},
	{"ECN not negotiated, v6", TCP6(.payload = 3000), {.flags = NEEDS, .gso_type = TSO6 | ECN, .gso_size = 1000, .offset = 16}, CSUM | BF_OFFLOAD_TSO, REFUSED},
	{"TSO4 alone is enough", TCP(.payload = 3000), CUT4(1000), CSUM | BF_OFFLOAD_TSO4, SUPER},
	{"TSO6 alone is enough", TCP6(.payload = 3000), CUT6(1000), CSUM | BF_OFFLOAD_TSO6, SUPER},
	{"CSUM alone is enough", TCP(.payload = 3000), SUM_TCP(), CSUM, PARTIAL},
	{"TSO without checksums", TCP(.payload = 3000), CUT4(1000), BF_OFFLOAD_TSO, REFUSED},
	/* Superframes that cannot be. */
	{"gso without NEEDS_CSUM", TCP(.payload = 3000), {.gso_type = TSO4, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"gso with DATA_VALID only", TCP(.payload = 3000), {.flags = 2, .gso_type = TSO4, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"gso_size 0", TCP(.payload = 3000), CUT4(0), ALL, REFUSED},
	{"gso_size 0, no payload", TCP(.payload = 0), CUT4(0), ALL, REFUSED},
	{"gso_size 1, too many", TCP(.payload = 1401), CUT4(1), ALL, REFUSED},
	{"gso_size 1, as many as may be", TCP(.payload = 1400), CUT4(1), ALL, SUPER},
	{"gso_size 46, 1400 segments and a byte", TCP(.payload = 64401), CUT4(46), ALL, REFUSED},
	{"gso_size 46, 1400 segments", TCP(.payload = 64400), CUT4(46), ALL, SUPER},
	{"gso_size 48, the longest", TCP(.payload = 65495, .first = 2048), CUT4(48), ALL, SUPER},
	{"UFO", UDP(.payload = 3000), {.flags = NEEDS, .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 1000, .offset = 6}, ALL, REFUSED},
	{"USO", UDP(.payload = 3000), {.flags = NEEDS, .gso_type = 5, .gso_size = 1000, .offset = 6}, ALL, REFUSED},
	{"gso_type 2", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = 2, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"gso_type 0x7f", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = 0x7f, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"gso_type 0xff", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = 0xff, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"ECN alone", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = ECN, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"a tunnel's gso_type", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4 | 0x20, .gso_size = 1000, .offset = 16}, ALL, REFUSED},
	{"TCPV4 of IPv6", TCP6(.payload = 3000), CUT4(1000), ALL, REFUSED},
	{"TCPV6 of IPv4", TCP(.payload = 3000), CUT6(1000), ALL, REFUSED},
	{"TCPV4 of UDP", UDP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4, .gso_size = 1000, .offset = 6}, ALL, REFUSED},
	{"csum_offset of UDP in TCP", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4, .gso_size = 1000, .offset = 6}, ALL, REFUSED},
	{"a strange csum_offset", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4, .gso_size = 1000, .offset = 14}, ALL, REFUSED},
	{"csum_start not TCP's", TCP(.payload = 3000), CUT4(1000, .delta = 4), ALL, REFUSED},
	{"data offset 4", TCP(.payload = 3000, POKE({L4, 12, 0x40})), CUT4(1000), ALL, REFUSED},
	{"data offset 0", TCP(.payload = 3000, POKE({L4, 12, 0x0f})), CUT4(1000), ALL, REFUSED},
	{"data offset beyond the frame", TCP(.payload = 39, POKE({L4, 12, 0xf0})), CUT4(1000), ALL, REFUSED},
	{"data offset beyond the first piece", TCP(.payload = 3000, .first = 93, POKE({L4, 12, 0xf0})), CUT4(1000), ALL, REFUSED},
	{"TCP header of 19 bytes", TCP(.cut = 1), CUT4(1000), ALL, REFUSED},
	{"TCP header across the pieces", TCP(.payload = 3000, .first = 53), CUT4(1000), ALL, REFUSED},
	{"TCP header ends the first piece", TCP(.payload = 3000, .first = 54), CUT4(1000), ALL, SUPER},
	{"headers of 256 bytes", TCP6(.ip_more = 176, .tcp_more = 2, .payload = 3000, POKE({L4, 12, 0x50})), CUT6(1000), ALL, SUPER},
	{"headers of 258 bytes", TCP6(.ip_more = 184, .payload = 3000), CUT6(1000), ALL, REFUSED},
	/* IP headers that are not what they should be. */
	{"a fragment", TCP(.payload = 3000, POKE({L3, 6, 0x20})), CUT4(1000), ALL, REFUSED},
	{"a fragment's checksum", TCP(.payload = 30, POKE({L3, 6, 0x20})), SUM_TCP(), ALL, DONE},
	{"a later fragment", TCP(.payload = 30, POKE({L3, 7, 0x01})), SUM_TCP(), ALL, DONE},
	{"DF is no fragment", TCP(.payload = 30, POKE({L3, 6, 0x40})), SUM_TCP(), ALL, PARTIAL},
	{"an IPv6 fragment", TCP6(.ip_more = 8, .payload = 3000, POKE({L3, 6, 44})), CUT6(1000), ALL, REFUSED},
	{"an IPv6 fragment's checksum", TCP6(.ip_more = 8, .payload = 30, POKE({L3, 6, 44})), SUM_TCP(), ALL, DONE},
	{"ihl too short", TCP(.payload = 30, POKE({L3, 0, 0x44})), SUM_TCP(), ALL, DONE},
	{"ihl too long", TCP(.payload = 30, POKE({L3, 0, 0x46})), SUM_TCP(), ALL, DONE},
	{"ihl too long, gso", TCP(.payload = 3000, POKE({L3, 0, 0x46})), CUT4(1000), ALL, REFUSED},
	{"ihl 0, csum_start at the IP header", TCP(.payload = 30, POKE({L3, 0, 0x40})), SUM_TCP(.delta = -20), ALL, DONE},
	{"version 6 in IPv4", TCP(.payload = 30, POKE({L3, 0, 0x65})), SUM_TCP(), ALL, DONE},
	{"version 4 in IPv6", TCP6(.payload = 30, POKE({L3, 0, 0x40})), SUM_TCP(), ALL, DONE},
	{"IPv6 ends too early", TCP6(.cut = 21), SUM_TCP(.start = 14), ALL, DONE},
	/* Other protocols. */
	{"ICMP", TCP(.payload = 30, POKE({L3, 9, 1})), {.flags = NEEDS, .offset = 2}, ALL, DONE},
	{"ICMPv6", TCP6(.payload = 30, POKE({L3, 6, 58})), {.flags = NEEDS, .offset = 2}, ALL, DONE},
	{"SCTP where TCP has it", TCP(.payload = 30, POKE({L3, 9, 132})), SUM_TCP(), ALL, DONE},
	{"SCTP with gso", TCP(.payload = 3000, POKE({L3, 9, 132})), CUT4(1000), ALL, REFUSED},
	{"UDP at TCP's offset", UDP(.payload = 30), SUM_TCP(), ALL, DONE},
	{"TCP at UDP's offset", TCP(.payload = 30), SUM_UDP(), ALL, DONE},
	{"no IP", TCP(.payload = 30, POKE({L2, 12, 0x88}, {L2, 13, 0xb5})), SUM_TCP(), ALL, DONE},
	{"no IP, gso", TCP(.payload = 3000, POKE({L2, 12, 0x88}, {L2, 13, 0xb5})), CUT4(1000), ALL, REFUSED},
	{"of pieces", TCP(.payload = 5001, .first = 333, POKE({L3, 9, 1})), {.flags = NEEDS, .offset = 2}, ALL, DONE},
	/* Tunnels: a frame within UDP or IP. */
	{"in UDP", UDP(.payload = 200), SUM_TCP(.delta = 8 + 8 + 14 + 20), ALL, DONE},
	{"in UDP, gso", UDP(.payload = 3000), CUT4(1000, .delta = 8 + 8 + 14 + 20), ALL, REFUSED},
	{"in UDP6", UDP6(.payload = 200), SUM_TCP(.delta = 8 + 8 + 14 + 20), ALL, DONE},
	{"in UDP6, gso", UDP6(.payload = 3000), CUT6(1000, .delta = 8 + 8 + 14 + 20), ALL, REFUSED},
	{"the outer one", UDP6(.payload = 200), SUM_UDP(), ALL, PARTIAL},
	{"IPv6 in IPv6", TCP6(.payload = 3000, POKE({L3, 6, 41})), CUT6(1000, .delta = 40), ALL, REFUSED},
	{"IPv4 in IPv4", TCP(.payload = 300, POKE({L3, 9, 4})), SUM_TCP(.delta = 20), ALL, DONE},
	/* What is taken. */
	{"TCP", TCP(.payload = 1000), SUM_TCP(), ALL, PARTIAL},
	{"TCP without payload", TCP(.payload = 0), SUM_TCP(), ALL, PARTIAL},
	{"TCP of IPv6", TCP6(.payload = 1000), SUM_TCP(), ALL, PARTIAL},
	{"UDP", UDP(.payload = 1000), SUM_UDP(), ALL, PARTIAL},
	{"UDP without payload", UDP(.payload = 0), SUM_UDP(), ALL, PARTIAL},
	{"UDP of IPv6", UDP6(.payload = 1000), SUM_UDP(), ALL, PARTIAL},
	{"IPv4 options", TCP(.ip_more = 40, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"one tag", TCP(.tags = 1, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"two tags", UDP6(.tags = 2, .payload = 10), SUM_UDP(), ALL, PARTIAL},
	{"three tags", TCP6(.tags = 3, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"four tags", TCP(.tags = 4, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"five tags", TCP(.tags = 5, .payload = 10), SUM_TCP(), ALL, DONE},
	{"five tags, gso", TCP(.tags = 5, .payload = 3000), CUT4(1000), ALL, REFUSED},
	{"an extension header", TCP6(.ip_more = 8, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"a routing header", UDP6(.ip_more = 24, .payload = 10, POKE({L3, 6, 43})), SUM_UDP(), ALL, PARTIAL},
	{"hop by hop", TCP6(.ip_more = 16, .payload = 10, POKE({L3, 6, 0})), SUM_TCP(), ALL, PARTIAL},
	{"two extension headers", TCP6(.ip_more = 40, .second = 16, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"extension headers that lead elsewhere", TCP6(.ip_more = 8, .payload = 10, POKE({L3, 40, 17})), SUM_TCP(), ALL, DONE},
	{"extension headers that end elsewhere", TCP6(.ip_more = 16, .payload = 10, POKE({L3, 41, 0})), SUM_TCP(), ALL, DONE},
	{"extension headers beyond the frame", TCP6(.ip_more = 8, .payload = 10, POKE({L3, 41, 255})), SUM_TCP(), ALL, DONE},
	{"l3_len 504", TCP6(.ip_more = 464, .second = 200, .payload = 10), SUM_TCP(), ALL, PARTIAL},
	{"l3_len 512", TCP6(.ip_more = 472, .second = 200, .payload = 10), SUM_TCP(), ALL, DONE},
	{"l3_len 2088", TCP6(.ip_more = 2048, .payload = 10), SUM_TCP(), ALL, DONE},
	{"a superframe", TCP(.payload = 3000), CUT4(1000), ALL, SUPER},
	{"of IPv6", TCP6(.payload = 3000), CUT6(1000), ALL, SUPER},
	{"hdr_len is not looked at", TCP(.payload = 3000), CUT4(1000, .hdr_len = 65535), ALL, SUPER},
	{"hdr_len 1", TCP6(.payload = 3000), CUT6(1000, .hdr_len = 1), ALL, SUPER},
	{"with ECN", TCP(.payload = 3000, POKE({L4, 13, 0x90})), {.flags = NEEDS, .gso_type = TSO4 | ECN, .gso_size = 1000, .offset = 16}, ALL, SUPER},
	{"with ECN, v6", TCP6(.payload = 3000, POKE({L4, 13, 0x90})), {.flags = NEEDS, .gso_type = TSO6 | ECN, .gso_size = 1000, .offset = 16}, ALL, SUPER},
	{"with ECN, without CWR", TCP(.payload = 3000), {.flags = NEEDS, .gso_type = TSO4 | ECN, .gso_size = 1000, .offset = 16}, ALL, SUPER},
	{"with CWR, without ECN", TCP(.payload = 3000, POKE({L4, 13, 0x90})), CUT4(1000), ALL, SUPER},
	{"options and four tags", TCP(.tags = 4, .ip_more = 40, .tcp_more = 40, .payload = 3000), CUT4(1000), ALL, SUPER},
	{"extension headers and tags", TCP6(.tags = 2, .ip_more = 48, .second = 8, .tcp_more = 12, .payload = 9000), CUT6(1400), ALL, SUPER},
	{"the longest", TCP(.payload = 65495, .first = 2048), CUT4(1448), ALL, SUPER},
	{"the longest of IPv6, with tags", TCP6(.tags = 2, .payload = 65475, .first = 2048), CUT6(8948), ALL, SUPER},
	{"gso_size 65535", TCP(.payload = 3000), CUT4(65535), ALL, PARTIAL},
	{"exactly one segment", TCP(.payload = 1000), CUT4(1000), ALL, PARTIAL},
	{"a byte more than one segment", TCP(.payload = 1001), CUT4(1000), ALL, SUPER},
	{"no payload to cut", TCP6(.payload = 0), CUT6(1), ALL, PARTIAL},
};
/* clang-format on */

static uint32_t
l3_at(const struct look *f)
{
	return 14 + 4 * f->tags;
}

static uint32_t
l4_at(const struct look *f)
{
	return l3_at(f) + (f->v6 ? 40 : 20) + f->ip_more;
}

static uint32_t
len_of(const struct look *f)
{
	return l4_at(f) + (f->udp ? 8 : 20) + f->tcp_more + f->payload - f->cut;
}

static void
draw_ipv6(const struct look *f, uint8_t *ip, uint8_t proto)
{
	uint32_t first = f->ip_more - f->second;

	ip[0] = 0x60;
	ip[6] = first > 0 ? 60 : proto;
	if (first > 0) {
		ip[40] = f->second > 0 ? 43 : proto;
		ip[41] = (uint8_t)(first / 8 - 1);
	}
	if (f->second > 0) {
		ip[40 + first] = proto;
		ip[41 + first] = (uint8_t)(f->second / 8 - 1);
	}
}

/* A frame's bytes by chance, with what makes it look like this. */
static void
draw_frame(const struct look *f, uint64_t *seed)
{
	const uint32_t base[] = {0, 0, l3_at(f), l4_at(f)};
	uint8_t *ip = bytes + l3_at(f), proto = f->udp ? 17 : 6;

	for (uint32_t i = 0; i < len_of(f) + f->cut; i++)
		bytes[i] = (uint8_t)draw(seed);
	for (uint32_t at = 12; at + 2 < l3_at(f); at += 4)
		put_16(bytes + at, at + 6 < l3_at(f) ? 0x88a8 : 0x8100);
	put_16(ip - 2, f->v6 ? 0x86dd : 0x0800);
	if (f->v6) {
		draw_ipv6(f, ip, proto);
	} else {
		ip[0] = (uint8_t)(0x40 | (20 + f->ip_more) / 4);
		put_16(ip + 6, 0);
		ip[9] = proto;
	}
	if (!f->udp)
		put_16(bytes + l4_at(f) + 12, 0x5010 + f->tcp_more / 4 * 0x1000);
	for (unsigned int i = 0; i < 2; i++)
		if (f->poke[i].base != NOWHERE)
			bytes[base[f->poke[i].base] + f->poke[i].at] = f->poke[i].value;
}

static void
frame_cut(struct frame *f, uint32_t len, uint32_t first)
{
	memset(f, 0, sizeof(*f));
	for (uint32_t at = 0, part; at < len; at += part) {
		struct rte_mbuf *m = &f->m[f->n++];

		part = RTE_MIN(at > 0 ? PIECE : first > 0 ? first : len, len - at);
		m->buf_addr = malloc(part);
		assert_non_null(m->buf_addr);
		memcpy(m->buf_addr, bytes + at, part);
		m->data_len = (uint16_t)part;
		if (at > 0)
			m[-1].next = m;
	}
	f->m[0].nb_segs = (uint16_t)f->n;
	f->m[0].pkt_len = len;
}

static void
frame_free(struct frame *f)
{
	for (unsigned int i = 0; i < f->n; i++)
		free(f->m[i].buf_addr);
}

static void
expect_bytes(const struct frame *f, uint32_t len)
{
	uint32_t at = 0;

	for (unsigned int i = 0; i < f->n; i++) {
		memcpy(flat + at, f->m[i].buf_addr, f->m[i].data_len);
		at += f->m[i].data_len;
	}
	assert_int_equal(at, len);
	assert_memory_equal(flat, bytes, len);
}

static struct virtio_net_hdr
header_of(const struct row *r)
{
	uint32_t start = l4_at(&r->f) + (uint32_t)r->h.delta;

	return (struct virtio_net_hdr){r->h.flags, r->h.gso_type, r->h.hdr_len, r->h.gso_size,
		r->h.start != 0 ? r->h.start : (uint16_t)start, r->h.offset};
}

static bool
take(struct frame *f, const struct virtio_net_hdr *h, uint32_t may)
{
	uint8_t *header = malloc(BF_FORM_HEADER); /* of exactly its length, too */
	bool good;

	assert_non_null(header);
	memcpy(header, h, BF_FORM_HEADER);
	good = bf_vnet_hdr_take(&f->m[0], header, may);
	free(header);
	return good;
}

/* The exact state, from what the frame looks like. */
static void
expect_state(const struct row *r, const struct rte_mbuf *m)
{
	uint64_t flags = 0;

	if (r->want == PLAIN || r->want == DONE) {
		assert_true(m->ol_flags == 0 && m->tx_offload == 0);
		return;
	}
	flags |= r->f.udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
	flags |= r->f.v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
	flags |= r->want == SUPER ? RTE_MBUF_F_TX_TCP_SEG : 0;
	assert_true(m->ol_flags == flags);
	assert_int_equal(m->l2_len, l3_at(&r->f));
	assert_int_equal(m->l3_len, l4_at(&r->f) - l3_at(&r->f));
	if (r->want != SUPER)
		return;
	assert_int_equal(m->l4_len, (bytes[l4_at(&r->f) + 12] >> 4) * 4);
	assert_int_equal(m->tso_segsz, r->h.gso_size);
}

static void
complete_naively(const struct virtio_net_hdr *h, uint32_t len)
{
	uint32_t sum = 0xffff - naive(0, bytes + h->csum_start, len - h->csum_start);

	if (sum == 0 && h->csum_offset == 6)
		sum = 0xffff;
	put_16(bytes + h->csum_start + h->csum_offset, sum);
}

static void
test_each_header_is_refused_or_becomes_the_state_that_it_says(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *r = &rows[i];
		struct virtio_net_hdr h = header_of(r);
		uint32_t len = len_of(&r->f);
		struct frame f;
		bool good;

		draw_frame(&r->f, &seed);
		frame_cut(&f, len, r->f.first);
		good = take(&f, &h, r->may);
		if (good != (r->want != REFUSED))
			fail_msg("\"%s\" was %s", r->name, good ? "taken" : "refused");
		if (r->want == DONE)
			complete_naively(&h, len);
		expect_bytes(&f, len);
		if (good)
			expect_state(r, &f.m[0]);
		frame_free(&f);
	}
}

/* What another guest that takes all is told, and the same once more. */
static void
test_what_one_guest_asks_another_is_told(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *r = &rows[i];
		struct virtio_net_hdr h = header_of(r), expected = {.flags = 0}, told, again;
		struct frame f, g;

		if (r->want == REFUSED)
			continue;
		draw_frame(&r->f, &seed);
		frame_cut(&f, len_of(&r->f), r->f.first);
		assert_true(take(&f, &h, r->may));
		assert_true(bf_vnet_hdr_make(&f.m[0], ALL, (uint8_t *)&told));
		if (r->want == PARTIAL || r->want == SUPER) {
			expected.flags = NEEDS;
			expected.csum_start = h.csum_start;
			expected.csum_offset = h.csum_offset;
		}
		if (r->want == SUPER) {
			bool cwr = bytes[l4_at(&r->f) + 13] & BF_TCP_CWR;

			expected.gso_type = (r->f.v6 ? TSO6 : TSO4) | (cwr ? ECN : 0);
			expected.gso_size = h.gso_size;
			expected.hdr_len = (uint16_t)(l4_at(&r->f) + f.m[0].l4_len);
		}
		assert_memory_equal(&told, &expected, sizeof(told));
		frame_cut(&g, len_of(&r->f), r->f.first);
		assert_true(take(&g, &told, ALL));
		assert_true(bf_vnet_hdr_make(&g.m[0], ALL, (uint8_t *)&again));
		assert_memory_equal(&again, &told, sizeof(told));
		assert_true(g.m[0].ol_flags == f.m[0].ol_flags || r->want == DONE);
		frame_free(&f);
		frame_free(&g);
	}
}

/* A state that a frame may have, and what somebody must take to take it as it is. */
struct stated {
	struct look f;
	struct ask h;
	bool good; /* RTE_MBUF_F_RX_L4_CKSUM_GOOD besides */
	uint32_t needs;
};

#define CWR POKE({L4, 13, 0xd0})

static const struct stated states[] = {
	{TCP(.payload = 10), {0}, false, 0},
	{TCP(.payload = 10), {0}, true, 0},
	{TCP(.payload = 10, CWR), SUM_TCP(), false, CSUM},
	{TCP(.payload = 10), SUM_TCP(), true, CSUM},
	{TCP6(.payload = 10), SUM_TCP(), false, CSUM},
	{UDP(.payload = 10), SUM_UDP(), false, CSUM},
	{UDP6(.payload = 10), SUM_UDP(), true, CSUM},
	{TCP(.payload = 3000), CUT4(1000), false, CSUM | BF_OFFLOAD_TSO4},
	{TCP(.payload = 3000), CUT4(1000), true, CSUM | BF_OFFLOAD_TSO4},
	{TCP(.payload = 3000, CWR), CUT4(1000), false, CSUM | BF_OFFLOAD_TSO4 | BF_OFFLOAD_ECN},
	{TCP6(.payload = 3000), CUT6(1000), false, CSUM | BF_OFFLOAD_TSO6},
	{TCP6(.payload = 3000, CWR), CUT6(1000), true, CSUM | BF_OFFLOAD_TSO6 | BF_OFFLOAD_ECN},
};

static void
expect_told(const struct stated *s, uint32_t takes, const struct virtio_net_hdr *h)
{
	uint8_t type = h->gso_type & (uint8_t)~ECN;
	bool tells_good = s->needs == 0 && s->good && takes & CSUM;

	assert_int_equal(h->flags, s->needs & CSUM ? NEEDS : tells_good ? 2 : 0);
	assert_int_equal(type,
		s->needs & BF_OFFLOAD_TSO4           ? TSO4
			: s->needs & BF_OFFLOAD_TSO6 ? TSO6
						     : 0);
	assert_int_equal(!!(h->gso_type & ECN), !!(s->needs & BF_OFFLOAD_ECN));
	if (!(s->needs & CSUM))
		assert_true(h->csum_start == 0 && h->csum_offset == 0);
	if (type == 0)
		assert_true(h->gso_type == 0 && h->gso_size == 0 && h->hdr_len == 0);
}

/* All subsets, those that no guest can have negotiated as well. */
static void
test_nobody_is_told_what_he_does_not_take(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(states); i++) {
		const struct stated *s = &states[i];
		const struct row r = {"", s->f, s->h, ALL, PLAIN};
		struct virtio_net_hdr h = header_of(&r);
		struct frame f;

		draw_frame(&s->f, &seed);
		frame_cut(&f, len_of(&s->f), 200);
		assert_true(take(&f, &h, ALL));
		if (s->good)
			f.m[0].ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		for (uint32_t takes = 0; takes < 16; takes++) {
			uint8_t told[BF_FORM_HEADER];
			bool taken = (s->needs & ~takes) == 0;

			memset(told, 0xee, sizeof(told));
			assert_int_equal(bf_offload_is_taken(&f.m[0], takes), taken);
			assert_int_equal(bf_vnet_hdr_make(&f.m[0], takes, told), taken);
			memcpy(&h, told, sizeof(h));
			if (taken)
				expect_told(s, takes, &h);
		}
		frame_free(&f);
	}
}

/* Headers and first bytes by chance: no state is more than the frame. */
static void
test_headers_by_chance_never_lead_out_of_the_frame(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (unsigned int round = 0; round < 200000; round++) {
		const struct row *r = &rows[draw_below(&seed, RTE_DIM(rows))];
		struct virtio_net_hdr h = header_of(r);
		uint32_t len = RTE_MIN(len_of(&r->f), 3000u), headers;
		uint32_t max = RTE_MIN(len, 120u);
		struct frame f;

		if (round % 64 == 0 || len != len_of(&r->f))
			draw_frame(&r->f, &seed);
		else
			draw_frame(&(struct look){.v6 = round & 1, .payload = len}, &seed);
		for (unsigned int k = draw_below(&seed, 4); k > 0; k--)
			bytes[draw_below(&seed, max)] = (uint8_t)draw(&seed);
		for (unsigned int k = draw_below(&seed, 3); k > 0; k--)
			((uint8_t *)&h)[draw_below(&seed, sizeof(h))] = (uint8_t)draw(&seed);
		frame_cut(&f, len, 1 + draw_below(&seed, len));
		if (take(&f, &h, draw_below(&seed, 16)) && bf_is_partial(&f.m[0])) {
			const struct rte_mbuf *m = &f.m[0];

			headers = (uint32_t)m->l2_len + m->l3_len;
			assert_true(headers + 8 <= m->data_len && headers == h.csum_start);
			if (bf_is_superframe(m))
				assert_true(headers + m->l4_len <= m->data_len && m->l4_len >= 20 &&
					m->tso_segsz > 0 &&
					headers + m->l4_len + m->tso_segsz < len);
		}
		frame_free(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_header_is_refused_or_becomes_the_state_that_it_says),
		cmocka_unit_test(test_what_one_guest_asks_another_is_told),
		cmocka_unit_test(test_nobody_is_told_what_he_does_not_take),
		cmocka_unit_test(test_headers_by_chance_never_lead_out_of_the_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

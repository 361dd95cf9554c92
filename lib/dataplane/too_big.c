/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: worker.
 */
#include "dataplane/too_big.h"

#include <rte_cycles.h>

#include "dataplane/checksum.h"
#include "dataplane/frame.h"

#define PER_S 1000 /* messages of a worker; Linux: net.ipv4.icmp_msgs_per_sec */
#define AT_ONCE 50 /* in a row; Linux: icmp_msgs_burst */

#define V4_QUOTE (576 - BF_IPV4_LEN - ICMP_LEN)
#define V6_QUOTE (1280 - BF_IPV6_LEN - ICMP_LEN)
#define ICMP_LEN 8
#define HOPS 64
#define DF 0x4000
#define FRAGMENT_OFFSET 0x1fff

/* ICMP types (IANA). */
enum {
	V4_ECHO_REPLY = 0,
	V4_UNREACHABLE = 3,
	V4_ECHO = 8,
	V4_FRAGMENTATION_NEEDED = 4, /* code of V4_UNREACHABLE */
	V6_TOO_BIG = 2,
	V6_FIRST_INFORMATION = 128, /* below are errors */
};

/* The head of a packet, and where its parts are. */
struct packet {
	uint8_t head[BF_TOO_BIG_MAX];
	uint32_t have; /* bytes of it */
	uint32_t ip; /* where its IP header begins */
	uint16_t type; /* ethertype of that, network order */
};

static bool
packet_read(const struct rte_mbuf *m, struct packet *p)
{
	const void *from;

	p->have = RTE_MIN(m->pkt_len, (uint32_t)sizeof(p->head));
	from = rte_pktmbuf_read(m, 0, p->have, p->head);
	if (from == NULL || p->have < 14)
		return false;
	if (from != p->head)
		memcpy(p->head, from, p->have);
	memcpy(&p->type, p->head + 12, 2);
	p->ip = 14;
	for (unsigned int tags = 0; bf_frame_is_tag(p->type) && tags < BF_TAGS_MAX; tags++) {
		if (p->have < p->ip + 4)
			return false;
		memcpy(&p->type, p->head + p->ip + 2, 2);
		p->ip += 4;
	}
	return ((p->head[0] | p->head[6]) & 1) == 0;
}

static bool
v4_is_one_station(const uint8_t *address)
{
	return address[0] != 0 && address[0] < 224; /* RFC 1122 3.2.1.3 */
}

static bool
v4_is_answered(const struct packet *p)
{
	const uint8_t *ip = p->head + p->ip;
	uint32_t ihl, left = p->have - p->ip;
	uint16_t fragment;

	if (left < BF_IPV4_LEN || ip[0] >> 4 != 4)
		return false;
	ihl = 4u * (ip[0] & 15);
	fragment = bf_be16(ip + 6);
	if (ihl < BF_IPV4_LEN || left < ihl + 8 || !(fragment & DF) || (fragment & FRAGMENT_OFFSET))
		return false;
	if (ip[9] == BF_PROTO_ICMP && ip[ihl] != V4_ECHO && ip[ihl] != V4_ECHO_REPLY)
		return false;
	return v4_is_one_station(ip + 12) && v4_is_one_station(ip + 16);
}

static bool
v6_is_answered(const struct packet *p)
{
	const uint8_t *ip = p->head + p->ip;
	static const uint8_t none[16];

	if (p->have - p->ip < BF_IPV6_LEN + 8 || ip[0] >> 4 != 6)
		return false;
	/* Behind extension headers an error is not looked for: it would have to be longer than the MTU. */
	if (ip[6] == BF_PROTO_ICMPV6 && ip[BF_IPV6_LEN] < V6_FIRST_INFORMATION)
		return false;
	return ip[8] != 0xff && ip[24] != 0xff && memcmp(ip + 8, none, 16) != 0;
}

/* The packet's addresses the other way round, its tags as they are. */
static void
put_ethernet(const struct packet *p, uint8_t *out)
{
	memcpy(out, p->head + 6, 6);
	memcpy(out + 6, p->head, 6);
	memcpy(out + 12, p->head + 12, p->ip - 12);
}

/* RFC 1071 over bytes of our own. */
static uint16_t
sum_of(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += bf_be16(at + i);
	if (len % 2 != 0)
		sum += (uint32_t)at[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t
v4_make(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	const uint8_t *was = p->head + p->ip;
	uint32_t quote = RTE_MIN(p->have - p->ip, (uint32_t)V4_QUOTE);
	uint8_t *ip = out + p->ip, *icmp = ip + BF_IPV4_LEN;

	memset(ip, 0, BF_IPV4_LEN + ICMP_LEN);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* internetwork control: RFC 1812 4.3.2.5 */
	bf_put_be16(ip + 2, BF_IPV4_LEN + ICMP_LEN + quote);
	bf_put_be16(ip + 6, DF);
	ip[8] = HOPS;
	ip[9] = BF_PROTO_ICMP;
	memcpy(ip + 12, was + 16, 4);
	memcpy(ip + 16, was + 12, 4);
	bf_checksum_ip(ip);
	icmp[0] = V4_UNREACHABLE;
	icmp[1] = V4_FRAGMENTATION_NEEDED;
	bf_put_be16(icmp + 6, mtu);
	memcpy(icmp + ICMP_LEN, was, quote);
	bf_put_be16(icmp + 2, (uint16_t)~sum_of(icmp, ICMP_LEN + quote, 0));
	return p->ip + BF_IPV4_LEN + ICMP_LEN + quote;
}

static uint32_t
v6_make(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	const uint8_t *was = p->head + p->ip;
	uint32_t quote = RTE_MIN(p->have - p->ip, (uint32_t)V6_QUOTE);
	uint8_t *ip = out + p->ip, *icmp = ip + BF_IPV6_LEN;
	uint32_t pseudo = ICMP_LEN + quote + BF_PROTO_ICMPV6;

	memset(ip, 0, BF_IPV6_LEN + ICMP_LEN);
	ip[0] = 0x60;
	bf_put_be16(ip + 4, ICMP_LEN + quote);
	ip[6] = BF_PROTO_ICMPV6;
	ip[7] = HOPS;
	memcpy(ip + 8, was + 24, 16);
	memcpy(ip + 24, was + 8, 16);
	icmp[0] = V6_TOO_BIG;
	bf_put_be32(icmp + 4, mtu);
	memcpy(icmp + ICMP_LEN, was, quote);
	pseudo = sum_of(ip + 8, 32, pseudo);
	bf_put_be16(icmp + 2, (uint16_t)~sum_of(icmp, ICMP_LEN + quote, pseudo));
	return p->ip + BF_IPV6_LEN + ICMP_LEN + quote;
}

uint32_t
bf_too_big_make(const struct rte_mbuf *m, uint16_t mtu, uint8_t *out)
{
	struct packet p;

	if (!packet_read(m, &p))
		return 0;
	put_ethernet(&p, out);
	if (p.type == BF_ET_IPV4 && v4_is_answered(&p))
		return v4_make(&p, mtu, out);
	if (p.type == BF_ET_IPV6 && v6_is_answered(&p))
		return v6_make(&p, mtu, out);
	return 0;
}

/* So many a second and no more: whoever sends too long packets without end is answered now and then. */
static bool
may_answer(struct bf_worker *w)
{
	uint64_t now = rte_rdtsc(), each = w->tsc_hz / PER_S;

	if (w->n_answers == BF_ANSWERS || w->answer_tsc > now + AT_ONCE * each)
		return false;
	w->answer_tsc = RTE_MAX(w->answer_tsc, now) + each;
	return true;
}

void
bf_too_big_note(struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m)
{
	const struct bf_port_view *pv = &w->view->ports[slot];
	struct rte_mbuf *answer;
	uint32_t len;

	if (likely(!w->view->rules[slot].too_big) || !may_answer(w))
		return;
	answer = rte_pktmbuf_alloc(m->pool);
	if (answer == NULL)
		return;
	len = rte_pktmbuf_tailroom(answer) < BF_TOO_BIG_MAX
		? 0
		: bf_too_big_make(m, (uint16_t)(pv->max_len - BF_FRAME_OVERHEAD),
			  rte_pktmbuf_mtod(answer, uint8_t *));
	if (len == 0) {
		rte_pktmbuf_free(answer);
		return;
	}
	answer->data_len = (uint16_t)len;
	answer->pkt_len = len;
	w->answer_bond[w->n_answers] = pv->bond;
	w->answers[w->n_answers++] = answer;
	w->counters->ports[slot].too_big++;
}

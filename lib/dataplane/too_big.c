/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: worker.
 */
#include "dataplane/too_big.h"

#include <rte_cycles.h>

#include "base/be.h"
#include "dataplane/checksum.h"
#include "dataplane/frame.h"
#include "dataplane/mirror.h"

#define PER_S 1000u /* messages of a worker; Linux: net.ipv4.icmp_msgs_per_sec */
#define AT_ONCE 50u /* in a row; Linux: icmp_msgs_burst */
#define PORT_PER_S 100u /* of those, to senders behind one port */
#define PORT_AT_ONCE 10u

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

/* A packet in its frame. */
struct packet {
	const struct rte_mbuf *m;
	const uint8_t *ip; /* its IP header */
	uint32_t have; /* bytes from there on in the first buffer */
	uint32_t at; /* where that is in the frame */
	uint16_t type; /* ethertype of it, network order */
};

/* @return false: none that anybody is told of. */
static bool
packet_find(const struct rte_mbuf *m, struct packet *p)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	p->m = m;
	p->have = bf_frame_payload(m, &p->type, &p->ip);
	if (p->have == 0 || ((frame[0] | frame[6]) & BF_MAC_MULTICAST))
		return false;
	p->at = (uint32_t)(p->ip - frame);
	return true;
}

static bool
v4_is_one_station(const uint8_t *address)
{
	return address[0] != 0 && address[0] < 224; /* RFC 1122 3.2.1.3 */
}

static bool
v4_is_answered(const struct packet *p)
{
	const uint8_t *ip = p->ip;
	uint16_t fragment;
	uint32_t ihl;

	if (p->have < BF_IPV4_LEN || ip[0] >> 4 != 4)
		return false;
	ihl = 4u * (ip[0] & 15);
	fragment = bf_be16(ip + 6);
	if (ihl < BF_IPV4_LEN || p->have < ihl + 8 || !(fragment & DF) ||
		(fragment & FRAGMENT_OFFSET))
		return false;
	if (ip[9] == BF_PROTO_ICMP && ip[ihl] != V4_ECHO && ip[ihl] != V4_ECHO_REPLY)
		return false;
	return v4_is_one_station(ip + 12) && v4_is_one_station(ip + 16);
}

static bool
v6_is_answered(const struct packet *p)
{
	const uint8_t *ip = p->ip;
	static const uint8_t none[16];

	if (p->have < BF_IPV6_LEN + 8 || ip[0] >> 4 != 6)
		return false;
	/* Behind extension headers an error is not looked for: it would have to be longer than the MTU. */
	if (ip[6] == BF_PROTO_ICMPV6 && ip[BF_IPV6_LEN] < V6_FIRST_INFORMATION)
		return false;
	return ip[8] != 0xff && ip[24] != 0xff && memcmp(ip + 8, none, 16) != 0;
}

static bool
is_answered(const struct packet *p)
{
	return (p->type == BF_ET_IPV4 && v4_is_answered(p)) ||
		(p->type == BF_ET_IPV6 && v6_is_answered(p));
}

/* The packet's addresses the other way round, its tags as they are. */
static void
put_ethernet(const struct packet *p, uint8_t *out)
{
	const uint8_t *frame = p->ip - p->at;

	memcpy(out, frame + 6, 6);
	memcpy(out + 6, frame, 6);
	memcpy(out + 12, frame + 12, p->at - 12);
}

/* How it begins, @p most bytes at most. @return how many there are */
static uint32_t
put_quote(const struct packet *p, uint32_t most, uint8_t *out)
{
	uint32_t len = RTE_MIN(p->m->pkt_len - p->at, most);
	const void *from = rte_pktmbuf_read(p->m, p->at, len, out);

	if (from != out)
		memcpy(out, from, len);
	return len;
}

static uint32_t
v4_make(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	uint8_t *ip = out + p->at, *icmp = ip + BF_IPV4_LEN;
	uint32_t len = ICMP_LEN + put_quote(p, V4_QUOTE, icmp + ICMP_LEN);
	uint16_t sum;

	memset(ip, 0, BF_IPV4_LEN + ICMP_LEN);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* internetwork control: RFC 1812 4.3.2.5 */
	bf_put_be16(ip + 2, BF_IPV4_LEN + len);
	bf_put_be16(ip + 6, DF);
	ip[8] = HOPS;
	ip[9] = BF_PROTO_ICMP;
	memcpy(ip + 12, p->ip + 16, 4);
	memcpy(ip + 16, p->ip + 12, 4);
	bf_checksum_ip(ip);
	icmp[0] = V4_UNREACHABLE;
	icmp[1] = V4_FRAGMENTATION_NEEDED;
	bf_put_be16(icmp + 6, mtu);
	sum = (uint16_t)~bf_sum_of(icmp, len);
	memcpy(icmp + 2, &sum, sizeof(sum));
	return p->at + BF_IPV4_LEN + len;
}

static uint32_t
v6_make(const struct packet *p, uint16_t mtu, uint8_t *out)
{
	uint8_t *ip = out + p->at, *icmp = ip + BF_IPV6_LEN;
	uint32_t len = ICMP_LEN + put_quote(p, V6_QUOTE, icmp + ICMP_LEN);
	uint16_t sum;

	memset(ip, 0, BF_IPV6_LEN + ICMP_LEN);
	ip[0] = 0x60;
	bf_put_be16(ip + 4, len);
	ip[6] = BF_PROTO_ICMPV6;
	ip[7] = HOPS;
	memcpy(ip + 8, p->ip + 24, 16);
	memcpy(ip + 24, p->ip + 8, 16);
	icmp[0] = V6_TOO_BIG;
	bf_put_be32(icmp + 4, mtu);
	sum = bf_sum_add(bf_sum_of(icmp, len), bf_sum_pseudo(ip, true, BF_PROTO_ICMPV6, len));
	sum = (uint16_t)~sum;
	memcpy(icmp + 2, &sum, sizeof(sum));
	return p->at + BF_IPV6_LEN + len;
}

/* Behind more tags than ports have room for, less than the MTU passes. */
static uint32_t
message_make(const struct packet *p, uint16_t mtu, uint16_t max_len, uint8_t *out)
{
	mtu = RTE_MIN(mtu, (uint16_t)(max_len - p->at));
	put_ethernet(p, out);
	return p->type == BF_ET_IPV4 ? v4_make(p, mtu, out) : v6_make(p, mtu, out);
}

uint32_t
bf_too_big_make(const struct rte_mbuf *m, uint16_t mtu, uint16_t max_len, uint8_t *out)
{
	struct packet p;

	return packet_find(m, &p) && is_answered(&p) ? message_make(&p, mtu, max_len, out) : 0;
}

/* So many a second and no more: who sends too long packets without end is answered now and then. */
static bool
is_due(uint64_t due_tsc, uint64_t now, uint64_t each, unsigned int at_once)
{
	return due_tsc <= now + (at_once - 1) * each;
}

/* Of messages of this worker, and of those to the senders of one port; taken if there is one of both. */
static bool
share_take(struct bf_worker *w, uint16_t sender)
{
	uint64_t now = rte_rdtsc(), each = w->tsc_hz / PER_S, of_port = w->tsc_hz / PORT_PER_S;
	uint64_t *port = &w->answer_port_tsc[sender];

	if (!is_due(w->answer_tsc, now, each, AT_ONCE) ||
		!is_due(*port, now, of_port, PORT_AT_ONCE))
		return false;
	w->answer_tsc = RTE_MAX(w->answer_tsc, now) + each;
	*port = RTE_MAX(*port, now) + of_port;
	return true;
}

/* The port of the station that sent a frame. @return false: it is not known, and gets no answer */
static bool
find_sender(const struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m, uint16_t *sender)
{
	struct bf_frame f;

	return bf_frame_parse(m, w->view->ports[slot].bond, &f) &&
		bf_fdb_find(w->fdb, f.src, sender) != NULL;
}

void
bf_too_big_note(struct bf_worker *w, uint16_t slot, const struct rte_mbuf *m)
{
	const struct bf_port_view *pv = &w->view->ports[slot];
	struct rte_mbuf *answer;
	struct packet p;
	uint16_t sender;
	uint32_t len;

	if (likely(!w->view->rules[slot].too_big) || w->n_answers == BF_ANSWERS ||
		(m->ol_flags & BF_FLAG_OF_COPY))
		return;
	/* Only what is answered counts: nobody uses up others' answers by frames that get none. */
	if (!packet_find(m, &p) || !is_answered(&p) || !find_sender(w, slot, m, &sender) ||
		!share_take(w, sender))
		return;
	answer = rte_pktmbuf_alloc(m->pool);
	if (answer == NULL)
		return;
	if (rte_pktmbuf_tailroom(answer) < BF_TOO_BIG_MAX) {
		rte_pktmbuf_free(answer);
		return;
	}
	len = message_make(
		&p, w->view->rules[slot].mtu, pv->max_len, rte_pktmbuf_mtod(answer, uint8_t *));
	answer->data_len = (uint16_t)len;
	answer->pkt_len = len;
	w->answer_bond[w->n_answers] = pv->bond;
	w->answer_for[w->n_answers] = slot;
	w->answers[w->n_answers++] = answer;
}

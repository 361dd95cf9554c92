/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See responder.h.
 *
 * Threads: worker; control builds tables.
 */
#include "dataplane/responder.h"

#include "base/be.h"
#include "dataplane/checksum.h"
#include "dataplane/drop.h"
#include "dataplane/frame.h"
#include "dataplane/packet.h"
#include "dataplane/snoop.h"
#include "dataplane/view.h"

#define ND_TARGET_AT 8
#define ADVERT_LEN 32 /* with the option that has the MAC address */
#define ROUTER 0x80
#define SOLICITED_OVERRIDE 0x60
#define ANSWER_MAX (14 + 4 * BF_TAGS_MAX + BF_IPV6_LEN + ADVERT_LEN)
#define MIN_FRAME 60

/* What is asked, by whom. */
struct question {
	const uint8_t *payload; /* behind the ethertype */
	uint32_t at; /* where that is */
	bool v6;
	uint8_t addr[16];
	struct bf_frame f;
};

static uint32_t
places_for(uint32_t n)
{
	uint32_t places = 16;

	while (places < 2 * n)
		places *= 2;
	return places;
}

size_t
bf_responder_size(uint32_t n)
{
	return sizeof(struct bf_responder) + places_for(n) * sizeof(struct bf_responder_entry);
}

void
bf_responder_init(struct bf_responder *r, uint32_t n, uint64_t seed)
{
	r->seed = seed;
	r->mask = places_for(n) - 1;
}

static uint32_t
place_of(const struct bf_responder *r, const uint8_t *addr, uint64_t where)
{
	uint64_t lo, hi, x;

	memcpy(&lo, addr, 8);
	memcpy(&hi, addr + 8, 8);
	x = (lo ^ r->seed ^ where >> 48) * 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 29 ^ hi ^ r->seed >> 17) * 0xd6e8feb86659fd93ULL;
	return (uint32_t)(x >> 32) & r->mask;
}

void
bf_responder_add(struct bf_responder *r, const struct bf_responder_entry *e)
{
	uint32_t i = place_of(r, e->addr, e->station);

	while (r->at[i].station != 0)
		i = (i + 1) & r->mask;
	r->at[i] = *e;
}

/* In the VLAN of who asks. */
static const struct bf_responder_entry *
entry_find(const struct bf_responder *r, const struct question *q)
{
	uint32_t i = place_of(r, q->addr, q->f.src);

	for (; r->at[i].station != 0; i = (i + 1) & r->mask)
		if (r->at[i].v6 == q->v6 && memcmp(r->at[i].addr, q->addr, 16) == 0 &&
			(r->at[i].station ^ q->f.src) >> 48 == 0)
			return &r->at[i];
	return NULL;
}

/* ARP: not what announces, nor what looks for a duplicate (RFC 5227). */
static bool
arp_asks(struct question *q, uint32_t len)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1}, nobody[4];
	const uint8_t *p = q->payload;

	if (len < BF_ARP_LEN || memcmp(p, head, sizeof(head)) != 0 ||
		memcmp(p + 14, nobody, 4) == 0 || memcmp(p + 14, p + 24, 4) == 0)
		return false;
	memcpy(q->addr, p + 24, 4);
	return true;
}

/* RFC 4861 7.1.1; not from ::, which looks for a duplicate. */
static bool
nd_asks(struct question *q, uint32_t len)
{
	static const uint8_t nobody[16];
	const uint8_t *p = q->payload, *nd = p + BF_IPV6_LEN;

	if (len < BF_IPV6_LEN + BF_ND_LEN || p[6] != BF_PROTO_ICMPV6 || p[7] != 255 ||
		nd[0] != BF_ND_SOLICIT || nd[1] != 0 || p[8] == 0xff ||
		memcmp(p + 8, nobody, 16) == 0)
		return false;
	memcpy(q->addr, nd + ND_TARGET_AT, 16);
	return true;
}

static bool
frame_asks(const struct rte_mbuf *m, unsigned int bond, struct question *q)
{
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &q->payload);

	if (type != BF_ET_ARP && type != BF_ET_IPV6)
		return false;
	memset(q->addr, 0, sizeof(q->addr));
	q->v6 = type == BF_ET_IPV6;
	q->at = m->data_len - len;
	return (q->v6 ? nd_asks(q, len) : arp_asks(q, len)) && bf_frame_parse(m, bond, &q->f);
}

static uint32_t
arp_write(const struct question *q, const uint8_t *mac, uint8_t *out)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 2};
	const uint8_t *p = q->payload;

	memcpy(out, head, sizeof(head));
	memcpy(out + 8, mac, 6);
	memcpy(out + 14, p + 24, 4);
	memcpy(out + 18, p + 8, 10); /* who asked: both addresses */
	return BF_ARP_LEN;
}

static uint32_t
nd_write(const struct question *q, const uint8_t *mac, bool router, uint8_t *out)
{
	uint8_t *nd = out + BF_IPV6_LEN;
	uint16_t sum;

	memset(out, 0, BF_IPV6_LEN + ADVERT_LEN);
	out[0] = 0x60;
	bf_put_be16(out + 4, ADVERT_LEN);
	out[6] = BF_PROTO_ICMPV6;
	out[7] = 255;
	memcpy(out + 8, q->addr, 16);
	memcpy(out + 24, q->payload + 8, 16);
	nd[0] = BF_ND_ADVERT;
	nd[4] = SOLICITED_OVERRIDE | (router ? ROUTER : 0);
	memcpy(nd + ND_TARGET_AT, q->addr, 16);
	nd[BF_ND_LEN] = BF_ND_TARGET_MAC;
	nd[BF_ND_LEN + 1] = 1;
	memcpy(nd + BF_ND_LEN + 2, mac, 6);
	sum = (uint16_t)~bf_sum_add(
		bf_sum_of(nd, ADVERT_LEN), bf_sum_pseudo(out, true, BF_PROTO_ICMPV6, ADVERT_LEN));
	memcpy(nd + 2, &sum, sizeof(sum));
	return BF_IPV6_LEN + ADVERT_LEN;
}

/* What the guest would say, behind the same tags. @return how long it is */
static uint32_t
answer_write(const struct question *q, const struct bf_responder_entry *e, uint8_t *out)
{
	const uint8_t *asked = q->payload - q->at;
	uint32_t len;
	uint8_t mac[8];

	memcpy(mac, &e->station, sizeof(mac));
	memcpy(out, asked + 6, 6);
	memcpy(out + 6, mac, 6);
	memcpy(out + 12, asked + 12, q->at - 12);
	len = q->at +
		(q->v6 ? nd_write(q, mac, e->router != 0, out + q->at)
		       : arp_write(q, mac, out + q->at));
	if (len < MIN_FRAME) {
		memset(out + len, 0, MIN_FRAME - len);
		len = MIN_FRAME;
	}
	return len;
}

/* Whose question may be answered: who is known where it asks, and would reach the guest. */
static bool
may_answer(const struct bf_worker *w, uint16_t in, const struct question *q,
	const struct bf_responder_entry *e)
{
	const struct bf_view *v = w->view;
	uint16_t port = BF_MAX_PORTS;

	return e->slot != in && v->ports[e->slot].kind == BF_PORT_GUEST &&
		!(v->rules[in].isolated && v->rules[e->slot].isolated) &&
		bf_fdb_find(w->fdb, q->f.src, &port) != NULL && port == in;
}

static bool
frame_respond(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m)
{
	const struct bf_responder_entry *e;
	struct rte_mbuf *answer;
	struct question q;
	uint32_t len;

	if (w->n_answers == BF_ANSWERS || !frame_asks(m, w->view->ports[in].bond, &q))
		return false;
	e = entry_find(w->view->responder, &q);
	if (e == NULL || !may_answer(w, in, &q, e))
		return false;
	answer = rte_pktmbuf_alloc(m->pool);
	if (answer == NULL || rte_pktmbuf_tailroom(answer) < ANSWER_MAX) {
		rte_pktmbuf_free(answer);
		return false;
	}
	len = answer_write(&q, e, rte_pktmbuf_mtod(answer, uint8_t *));
	answer->data_len = (uint16_t)len;
	answer->pkt_len = len;
	w->answer_bond[w->n_answers] = w->view->ports[in].bond;
	w->answer_for[w->n_answers] = BF_ANSWER_OF_RESPONDER;
	w->answers[w->n_answers++] = answer;
	return true;
}

uint16_t
bf_respond(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (frame_respond(w, in, pkts[i])) {
			bf_snoop(w, in, pkts[i]); /* who asks says of itself where it is */
			bf_drop(w, in, BF_DROP_ANSWERED, &pkts[i], 1);
		} else {
			pkts[keep++] = pkts[i];
		}
	}
	return keep;
}

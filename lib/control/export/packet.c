/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See packet.h.
 *
 * Threads: any (pure functions).
 */
#include "control/export/packet.h"

#include <string.h>

#include "base/be.h"
#include "dataplane/inside.h"

#define TCP_FLAGS_AT 13

static void
tag_read(const uint8_t *data, uint32_t len, struct bf_export_packet *p)
{
	uint16_t type, tci;

	memcpy(&type, data + 12, sizeof(type));
	if (len < 18 || !bf_frame_is_tag(type))
		return;
	tci = bf_be16(data + 14);
	p->is_service_vlan = type == BF_ET_QINQ;
	p->pcp = (uint8_t)(tci >> 13);
	p->key.vlan = tci & 0xfff;
}

static void
upper_read(const struct bf_inside *in, struct bf_export_packet *p)
{
	struct bf_export_key *k = &p->key;
	bool has_ports = in->proto == BF_PROTO_TCP || in->proto == BF_PROTO_UDP ||
		in->proto == BF_PROTO_SCTP;

	k->proto = in->proto;
	if (has_ports && in->upper_len >= 4) {
		k->sport = bf_be16(in->upper);
		k->dport = bf_be16(in->upper + 2);
	}
	if (in->proto == BF_PROTO_TCP && in->upper_len > TCP_FLAGS_AT)
		p->tcp_flags = in->upper[TCP_FLAGS_AT];
	if ((in->proto == BF_PROTO_ICMP || in->proto == BF_PROTO_ICMPV6) && in->upper_len >= 2)
		k->dport = bf_be16(in->upper);
}

/* A superframe may not say its length. */
static void
octets_set(struct bf_export_packet *p, uint32_t said)
{
	if (said != 0 && said < p->octets)
		p->octets = said;
}

static void
ip_read(const struct bf_inside *in, struct bf_export_packet *p)
{
	struct bf_export_key *k = &p->key;

	if (in->type == BF_ET_IPV4 && in->len >= BF_IPV4_LEN) {
		k->version = 4;
		k->tos = in->payload[1];
		k->proto = in->payload[9];
		memcpy(k->saddr, in->payload + 12, 4);
		memcpy(k->daddr, in->payload + 16, 4);
		octets_set(p, bf_be16(in->payload + 2));
	} else if (in->type == BF_ET_IPV6 && in->len >= BF_IPV6_LEN) {
		k->version = 6;
		k->tos = (uint8_t)(bf_be16(in->payload) >> 4);
		k->proto = in->payload[6];
		memcpy(k->saddr, in->payload + 8, 16);
		memcpy(k->daddr, in->payload + 24, 16);
		if (bf_be16(in->payload + 4) != 0)
			octets_set(p, BF_IPV6_LEN + bf_be16(in->payload + 4));
	}
	if (k->version != 0 && in->upper != NULL)
		upper_read(in, p);
}

void
bf_export_packet_read(
	const uint8_t *data, uint32_t len, uint32_t frame_len, struct bf_export_packet *p)
{
	/* Only these fields are read. */
	struct rte_mbuf m = {
		.buf_addr = (void *)(uintptr_t)data, .data_len = (uint16_t)len, .pkt_len = len};
	struct bf_inside in;

	memset(p, 0, sizeof(*p));
	memcpy(p->key.dst, data, 6);
	memcpy(p->key.src, data + 6, 6);
	tag_read(data, len, p);
	bf_inside_read(&m, &in);
	p->key.type = rte_be_to_cpu_16(in.type);
	if (in.payload == NULL) {
		p->octets = frame_len - len;
		return;
	}
	p->octets = frame_len - (uint32_t)(in.payload - data);
	ip_read(&in, p);
}

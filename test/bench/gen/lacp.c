/* SPDX-License-Identifier: BSD-3-Clause */

/* LACP, see lacp.h; the layout of the PDU is that of IEEE 802.1AX-2014, 6.4.2.3. */

#include "lacp.h"

#include <string.h>

#include <rte_mbuf.h>

#include "frame.h"

#define LACP_SUBTYPE 1
#define LACP_VERSION 1
#define TLV_ACTOR 1
#define TLV_PARTNER 2
#define TLV_COLLECTOR 3
#define TLV_STATION_LEN 20
#define TLV_COLLECTOR_LEN 16
/* Active, aggregatable, in sync, collecting, distributing; long timeout. */
#define STATE_AGREED 0x3d
#define SYSTEM_NUMBER 0xfffffe

struct station {
	uint8_t tlv;
	uint8_t len;
	rte_be16_t system_priority;
	struct rte_ether_addr system;
	rte_be16_t key;
	rte_be16_t port_priority;
	rte_be16_t port;
	uint8_t state;
	uint8_t reserved[3];
} __attribute__((packed, aligned(2)));

struct lacpdu {
	struct rte_ether_hdr ether;
	uint8_t subtype;
	uint8_t version;
	struct station actor;
	struct station partner;
	uint8_t collector_tlv;
	uint8_t collector_len;
	rte_be16_t collector_delay;
	uint8_t reserved[12];
	uint8_t terminator[52];
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct lacpdu) == 124, "a LACPDU has 128 bytes with FCS");

static void
write_answer(struct lacpdu *answer, const struct lacpdu *heard, uint16_t port)
{
	memset(answer, 0, sizeof(*answer));
	answer->ether.dst_addr = heard->ether.dst_addr;
	frame_mac_far(&answer->ether.src_addr, SYSTEM_NUMBER);
	answer->ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_SLOW);
	answer->subtype = LACP_SUBTYPE;
	answer->version = LACP_VERSION;
	answer->actor = (struct station){
		.tlv = TLV_ACTOR,
		.len = TLV_STATION_LEN,
		.system_priority = RTE_BE16(UINT16_MAX),
		.system = answer->ether.src_addr,
		.key = RTE_BE16(1),
		.port_priority = RTE_BE16(UINT8_MAX),
		.port = rte_cpu_to_be_16(port + 1),
		.state = STATE_AGREED,
	};
	answer->partner = heard->actor;
	answer->partner.tlv = TLV_PARTNER;
	answer->collector_tlv = TLV_COLLECTOR;
	answer->collector_len = TLV_COLLECTOR_LEN;
}

void
lacp_answer(const struct port *p, const struct rte_mbuf *m)
{
	const struct lacpdu *heard = rte_pktmbuf_mtod(m, const struct lacpdu *);
	struct rte_mbuf *answer;

	if (!p->is_wire || m->data_len < sizeof(*heard) ||
		heard->ether.ether_type != RTE_BE16(RTE_ETHER_TYPE_SLOW) ||
		heard->subtype != LACP_SUBTYPE)
		return;
	answer = rte_pktmbuf_alloc(port_pool);
	if (answer == NULL)
		return;
	write_answer(rte_pktmbuf_mtod(answer, struct lacpdu *), heard, (uint16_t)(p - ports));
	answer->data_len = sizeof(*heard);
	answer->pkt_len = sizeof(*heard);
	if (rte_eth_tx_burst(p->ethdev, 0, &answer, 1) != 1)
		rte_pktmbuf_free(answer);
}

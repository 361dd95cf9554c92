/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See mcast.h.
 *
 * Threads: any reader of a view.
 */
#include "dataplane/mcast.h"

#include "dataplane/packet.h"

#define MAC_IPV4 0x5e0001ULL /* 01:00:5e, as loaded */
#define MAC_IPV4_MASK 0xffffffULL
#define MAC_IPV6 0x3333ULL
#define MAC_IPV6_MASK 0xffffULL

enum {
	IGMP1_REPORT = 0x12,
	IGMP2_REPORT = 0x16
};

/*
 * A report of one group, which goes to the group: another host that hears it stays silent itself (RFC 2236 3,
 * RFC 2710 4), so hosts must not.  Those of IGMPv3 and MLDv2 go to an address of their own.
 */
static bool
is_for_routers(const struct rte_mbuf *m, bool v6)
{
	const uint8_t *p = NULL;
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &p), head;

	if (len < BF_IPV4_LEN + 8)
		return false;
	if (v6)
		return len > BF_IPV6_LEN + 8 && p[6] == BF_PROTO_HOPOPTS &&
			p[BF_IPV6_LEN] == BF_PROTO_ICMPV6 && p[BF_IPV6_LEN + 1] == 0 &&
			p[BF_IPV6_LEN + 8] == BF_MLD_REPORT;
	head = (p[0] & 0xfu) * 4;
	return p[9] == BF_PROTO_IGMP && head < len &&
		(p[head] == IGMP1_REPORT || p[head] == IGMP2_REPORT);
}

/*
 * IGMP, MLD and neighbour discovery are read by control, and flooded: the limit of floods is what protects it
 * from a guest that says too much.
 */
static bool
is_control(const struct rte_mbuf *m)
{
	const uint8_t *p = NULL;
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &p);

	if (type == BF_ET_IPV4)
		return len >= BF_IPV4_LEN && p[9] == BF_PROTO_IGMP;
	return len >= BF_IPV6_LEN && (p[6] == BF_PROTO_HOPOPTS || p[6] == BF_PROTO_ICMPV6);
}

uint16_t
bf_mcast_out(
	const struct bf_mcast *t, const struct rte_mbuf *m, const struct bf_frame *f, uint16_t out)
{
	bool v4 = (f->dst & MAC_IPV4_MASK) == MAC_IPV4 && f->type == BF_ET_IPV4;
	bool v6 = (f->dst & MAC_IPV6_MASK) == MAC_IPV6 && f->type == BF_ET_IPV6;
	const struct bf_mcast_slot *s;
	bool routers;

	if ((!v4 && !v6) || !bf_mcast_is_plain(m, f->type))
		return out;
	routers = is_for_routers(m, v6);
	if (!routers && is_control(m))
		return out;
	s = bf_mcast_find(t, routers ? bf_mcast_routers(f->dst, v6) : f->dst);
	return s != NULL ? s->out : out;
}

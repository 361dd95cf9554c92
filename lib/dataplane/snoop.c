/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What stations say of themselves in frames that are looked at anyway: the IP addresses that they use
 * and whether they are routers, from ARP and neighbour discovery, and what groups they have joined,
 * from IGMP and MLD.  Control keeps it (neighbors.c, groups.c), so that a failover can be announced
 * with it.
 *
 * Threads: worker.
 */
#include "dataplane/snoop.h"

#include "dataplane/frame.h"
#include "dataplane/guard.h"
#include "dataplane/mcast.h"
#include "dataplane/post.h"

#define REPEAT_MS 1000
#define CLAIM_REPEAT_MS 2 /* of the LAN: only what a guest holds gets that far */

enum {
	ROUTER_ADVERT = 134,
	IGMP_QUERY = 0x11,
	MRD_ADVERT4 = 0x30, /* RFC 4286 */
	MLD_QUERY = 130,
	MLD_REPORT = 131,
	MLD_DONE = 132,
	MLD2_REPORT = 143,
	MRD_ADVERT6 = 151
};

/* Who speaks, and where. */
struct speaker {
	uint64_t key;
	uint16_t port;
};

static void
post_address(struct bf_worker *w, const struct speaker *s, const uint8_t *addr, bool v6)
{
	struct bf_mail mail = {
		.key = s->key, .port = s->port, .kind = v6 ? BF_MAIL_IPV6 : BF_MAIL_IPV4};
	bool of_lan = bf_is_bond_slot(s->port);
	uint64_t lo = 0, hi = 0;

	if (of_lan && !bf_held_has(w->held, addr, v6, (uint16_t)(s->key >> 48)))
		return;
	memcpy(mail.addr, addr, v6 ? 16 : 4);
	memcpy(&lo, mail.addr, 8);
	memcpy(&hi, mail.addr + 8, 8);
	bf_post(w, &mail, s->key ^ lo * 31 ^ hi * 17 ^ 1, of_lan ? CLAIM_REPEAT_MS : REPEAT_MS);
}

static void
post_router(struct bf_worker *w, const struct speaker *s, bool router)
{
	struct bf_mail mail = {
		.key = s->key, .port = s->port, .kind = BF_MAIL_ROUTER, .router = router};

	if (!bf_is_bond_slot(s->port))
		bf_post(w, &mail, s->key ^ (router ? 6 : 2), CLAIM_REPEAT_MS);
}

/* ARP: of a guest only what speaks for the station that sent it. */
static void
snoop_arp(struct bf_worker *w, struct speaker *s, const uint8_t *p, uint32_t len)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4 */
	uint64_t sender = 0;
	uint32_t ip;

	if (len < BF_ARP_LEN || memcmp(p, head, sizeof(head)) != 0)
		return;
	memcpy(&sender, p + 8, 6);
	memcpy(&ip, p + 14, 4);
	sender = rte_le_to_cpu_64(sender);
	if (bf_is_bond_slot(s->port))
		s->key = (s->key & ~BF_FDB_MAC_MASK) | sender;
	if (sender == (s->key & BF_FDB_MAC_MASK) && ip != 0)
		post_address(w, s, p + 14, false);
}

static bool
is_unicast(const uint8_t addr[16])
{
	static const uint8_t any[16];

	return addr[0] != 0xff && memcmp(addr, any, sizeof(any)) != 0;
}

static void
snoop_nd(struct bf_worker *w, const struct speaker *s, const uint8_t *p, uint32_t len)
{
	const uint8_t *nd = p + BF_IPV6_LEN, *addr = p + 8; /* whoever asks has this address */

	if (len < BF_IPV6_LEN + 16 || p[7] != 255)
		return;
	if (nd[0] == ROUTER_ADVERT) {
		post_router(w, s, true);
	} else if (len < BF_IPV6_LEN + BF_ND_LEN ||
		(nd[0] != BF_ND_ADVERT && nd[0] != BF_ND_SOLICIT)) {
		return;
	} else if (nd[0] == BF_ND_ADVERT) {
		addr = nd + 8; /* whoever answers has the target's */
		post_router(w, s, (nd[4] & BF_ND_ROUTER) != 0);
	}
	if (is_unicast(addr))
		post_address(w, s, addr, true);
}

/* A word of multicast, as it is: a guest's to the querier, and where it is listened to whatever is said. */
static void
post_report(struct bf_worker *w, const struct speaker *s, const uint8_t *p, uint32_t len,
	bool of_router)
{
	struct bf_report r;

	if ((of_router || bf_is_bond_slot(s->port)) &&
		!bf_mcast_listens(w->view->mcast, w->view->ports[s->port].bond))
		return;
	/* Of a tenant it counts for nothing, and must not take the place of others'. */
	if (of_router && (w->view->rules[s->port].guards & BF_GUARD_ROUTER))
		return;
	if (!of_router && rte_ring_free_count(w->reports) <= BF_REPORTS_KEPT) {
		w->counters->pmd.learn_lost++; /* it is said again when the querier asks */
		return;
	}
	r.key = s->key;
	r.port = s->port;
	r.len = (uint16_t)RTE_MIN(len, (uint32_t)BF_REPORT_BYTES);
	memcpy(r.bytes, p, r.len);
	if (rte_ring_sp_enqueue_elem(w->reports, &r, sizeof(r)) != 0)
		w->counters->pmd.learn_lost++;
}

/* MLD stands behind a hop-by-hop header of 8 bytes, which tells routers to look (RFC 2710). */
static bool
is_mld(const uint8_t *p, uint32_t len)
{
	const uint8_t *mld = p + BF_IPV6_LEN + 8;

	return len >= BF_IPV6_LEN + 8 + 8 && p[6] == BF_PROTO_HOPOPTS &&
		p[BF_IPV6_LEN] == BF_PROTO_ICMPV6 && p[BF_IPV6_LEN + 1] == 0 &&
		(mld[0] == MLD_REPORT || mld[0] == MLD_DONE || mld[0] == MLD2_REPORT ||
			mld[0] == MLD_QUERY || mld[0] == MRD_ADVERT6);
}

static void
snoop_igmp(struct bf_worker *w, const struct speaker *s, const uint8_t *p, uint32_t len)
{
	uint32_t head = (p[0] & 0xfu) * 4;

	if (head < len)
		post_report(w, s, p, len, p[head] == IGMP_QUERY || p[head] == MRD_ADVERT4);
}

static void
snoop_mld(struct bf_worker *w, const struct speaker *s, const uint8_t *p, uint32_t len)
{
	uint8_t type = p[BF_IPV6_LEN + 8];

	post_report(w, s, p, len, type == MLD_QUERY || type == MRD_ADVERT6);
}

/* PIM: its hello says that there is a router (RFC 7761 4.3.1). */
static bool
is_pim(uint16_t type, const uint8_t *p, uint32_t len)
{
	return type == BF_ET_IPV4 ? len > BF_IPV4_LEN && p[9] == BF_PROTO_PIM
				  : len > BF_IPV6_LEN + 8 && p[6] == BF_PROTO_PIM;
}

void
bf_snoop(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m)
{
	const uint8_t *p = NULL;
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &p);
	struct bf_frame f;
	struct speaker s;

	if (type != BF_ET_ARP && type != BF_ET_IPV4 && type != BF_ET_IPV6)
		return;
	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), &f);
	bf_frame_set_bond(&f, w->view->ports[in].bond);
	if (bf_frame_is_special(m, f.type) && bf_frame_special(m, &f) != BF_DROP_COUNT)
		return;
	s = (struct speaker){f.src, in};
	if (type == BF_ET_ARP)
		snoop_arp(w, &s, p, len);
	else if (type == BF_ET_IPV6 && len >= BF_IPV6_LEN && p[6] == BF_PROTO_ICMPV6)
		snoop_nd(w, &s, p, len);
	else if (!bf_mcast_is_plain(m, type))
		return;
	else if (type == BF_ET_IPV4 && len >= BF_IPV4_LEN && p[9] == BF_PROTO_IGMP)
		snoop_igmp(w, &s, p, len);
	else if (type == BF_ET_IPV6 && is_mld(p, len))
		snoop_mld(w, &s, p, len);
	else if (unlikely(w->view->mcast != NULL) && is_pim(type, p, len))
		post_report(w, &s, p, len, true);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rare frames: tagged, slow protocols, runts, and those by which a station says where it is.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/frame.h"

enum bf_drop
bf_frame_special(const struct rte_mbuf *m, struct bf_frame *f)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = 12, len = m->data_len;
	uint16_t type = f->type, tci;
	uint64_t vlan = 0;

	if (len < 14)
		return BF_DROP_RUNT;
	for (int i = 0; i < BF_TAGS_MAX && bf_frame_is_tag(type); i++) {
		if (len < at + 6)
			return BF_DROP_RUNT;
		memcpy(&tci, p + at + 2, 2);
		memcpy(&type, p + at + 4, 2);
		if (i == 0)
			vlan = rte_be_to_cpu_16(tci) & 0xfff;
		if (i == 0 && vlan != 0 && f->type == BF_ET_QINQ)
			vlan |= BF_FDB_SERVICE >> 48;
		at += 4;
	}
	if (type == BF_ET_SLOW)
		return BF_DROP_SLOW_PROTOCOL;
	f->type = type;
	f->dst |= vlan << 48;
	f->src |= vlan << 48;
	return BF_DROP_COUNT;
}

bool
bf_frame_parse(const struct rte_mbuf *m, unsigned int bond, struct bf_frame *f)
{
	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), f);
	if (bf_frame_is_special(m, f->type) && bf_frame_special(m, f) != BF_DROP_COUNT)
		return false;
	bf_frame_set_bond(f, bond);
	return true;
}

uint32_t
bf_frame_payload(const struct rte_mbuf *m, uint16_t *type, const uint8_t **payload)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = 14, len = m->data_len;

	if (len < at)
		return 0;
	memcpy(type, p + 12, 2);
	for (int i = 0; i < BF_TAGS_MAX && bf_frame_is_tag(*type) && at + 4 <= len; i++) {
		memcpy(type, p + at + 2, 2);
		at += 4;
	}
	*payload = p + at;
	return len - at;
}

static enum bf_word
arp_word(const uint8_t *p, uint32_t len, bool to_all)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4 */
	static const uint8_t nobody[4];

	if (len < BF_ARP_LEN || memcmp(p, head, sizeof(head)) != 0 ||
		memcmp(p + 14, nobody, 4) == 0)
		return BF_WORD_NONE;
	return memcmp(p + 14, p + 24, 4) == 0 || (to_all && p[7] == 2) ? BF_WORD_ANNOUNCEMENT
								       : BF_WORD_NONE;
}

static enum bf_word
ipv6_word(const uint8_t *p, uint32_t len)
{
	const uint8_t *nd = p + BF_IPV6_LEN;

	if (len < BF_IPV6_LEN || p[7] != 255)
		return BF_WORD_NONE;
	if (p[6] == BF_PROTO_VRRP)
		return BF_WORD_CLAIM;
	return p[6] == BF_PROTO_ICMPV6 && len >= BF_IPV6_LEN + BF_ND_LEN && nd[0] == BF_ND_ADVERT &&
			!(nd[4] & BF_ND_SOLICITED)
		? BF_WORD_ANNOUNCEMENT
		: BF_WORD_NONE;
}

enum bf_word
bf_frame_word(const struct rte_mbuf *m)
{
	bool to_all = *rte_pktmbuf_mtod(m, const uint8_t *) & BF_MAC_MULTICAST;
	const uint8_t *p = NULL;
	uint16_t type = 0;
	uint32_t len = bf_frame_payload(m, &type, &p);

	if (type == BF_ET_RARP)
		return BF_WORD_ANNOUNCEMENT;
	if (type == BF_ET_ARP)
		return arp_word(p, len, to_all);
	if (type == BF_ET_IPV6 && to_all)
		return ipv6_word(p, len);
	if (type == BF_ET_IPV4 && to_all && len >= 20 && p[9] == BF_PROTO_VRRP)
		return BF_WORD_CLAIM;
	return BF_WORD_NONE;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The one parse of a frame: addresses as two integers, and the rare frames set apart.
 *
 * Threads: worker (pure functions).
 */
#ifndef BF_DATAPLANE_FRAME_H
#define BF_DATAPLANE_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "base/net.h"
#include "dataplane/drop_list.h"
#include "dataplane/fdb.h"
#include "dataplane/packet.h"

/* In network order, as they stand in frames. */
#define BF_ET_VLAN RTE_BE16(BF_ETHERTYPE_VLAN)
#define BF_ET_QINQ RTE_BE16(BF_ETHERTYPE_QINQ)
#define BF_ET_QINQ_OLD RTE_BE16(BF_ETHERTYPE_QINQ_OLD)
#define BF_ET_SLOW RTE_BE16(BF_ETHERTYPE_SLOW)
#define BF_ET_LLDP RTE_BE16(BF_ETHERTYPE_LLDP)
#define BF_ET_ARP RTE_BE16(BF_ETHERTYPE_ARP)
#define BF_ET_IPV4 RTE_BE16(BF_ETHERTYPE_IPV4)
#define BF_ET_IPV6 RTE_BE16(BF_ETHERTYPE_IPV6)
#define BF_ET_RARP RTE_BE16(BF_ETHERTYPE_RARP)
#define BF_TAGS_MAX 4 /* a frame with more tags than this is treated as data */

#define BF_MAC_MULTICAST 1ULL /* group bit of an address loaded little-endian */
#define BF_MAC_RESERVED 0x0000c28001ULL /* 01:80:c2:00:00:0X without the last byte */
#define BF_MAC_RESERVED_MASK 0xf0ffffffffffULL

struct bf_frame {
	uint64_t dst; /* BF_FDB_KEY of the destination */
	uint64_t src;
	uint16_t type; /* ethertype behind the source address, network order */
};

static inline bool
bf_frame_is_tag(uint16_t type)
{
	return (type == BF_ET_VLAN) | (type == BF_ET_QINQ) | (type == BF_ET_QINQ_OLD);
}

/** Load the header. The caller has checked that 14 bytes are there. */
static inline void
bf_frame_load(const uint8_t *p, struct bf_frame *f)
{
	uint64_t a, b;

	memcpy(&a, p, 8);
	memcpy(&b, p + 6, 8);
	a = rte_le_to_cpu_64(a);
	b = rte_le_to_cpu_64(b);
	f->dst = a & BF_FDB_MAC_MASK;
	f->src = b & BF_FDB_MAC_MASK;
	f->type = rte_cpu_to_le_16((uint16_t)(b >> 48));
}

static inline bool
bf_frame_is_arp(const struct bf_frame *f)
{
	return (f->type == BF_ET_ARP) | (f->type == BF_ET_RARP);
}

/** Name the bond whose switch a frame is on: the same station may be on several. */
static inline void
bf_frame_set_bond(struct bf_frame *f, unsigned int bond)
{
	f->dst |= BF_FDB_BOND(bond);
	f->src |= BF_FDB_BOND(bond);
}

/** True for the frames that bf_frame_special() must look at: tagged, slow, or too short. */
static inline bool
bf_frame_is_special(const struct rte_mbuf *m, uint16_t type)
{
	return (type == BF_ET_VLAN) | (type == BF_ET_SLOW) | (type == BF_ET_QINQ) |
		(type == BF_ET_QINQ_OLD) | (m->data_len < 14);
}

/**
 * Finish the parse of a special frame: the outer tag's VLAN goes into the keys, BF_FDB_SERVICE if it is one
 * of 802.1ad, `type` becomes
 * the ethertype behind the tags.
 *
 * @return
 *   BF_DROP_COUNT when the frame may go on, else the reason to drop it.
 */
enum bf_drop bf_frame_special(const struct rte_mbuf *m, struct bf_frame *f);

/**
 * The whole parse, with the bond whose switch the frame is on: for frames that are few.
 *
 * @return
 *   false: it is one to drop.
 */
bool bf_frame_parse(const struct rte_mbuf *m, unsigned int bond, struct bf_frame *f);

/** What a station says of itself by a frame. */
enum bf_word {
	BF_WORD_NONE,
	BF_WORD_CLAIM, /* "I am here", said every second: a VRRP or CARP advertisement */
	BF_WORD_ANNOUNCEMENT, /* "I have come here": gratuitous ARP, RARP, unsolicited advertisement */
};

/**
 * Look for such a word: RARP; ARP that tells all (RFC 5227: sender is target; or a reply that is sent
 * to all); a neighbour advertisement to all that nobody asked for (RFC 4861 7.2.6); VRRP (RFC 5798).
 */
enum bf_word bf_frame_word(const struct rte_mbuf *m);

/** May a frame of this type to this address say such a word? The quick question. */
static inline bool
bf_frame_may_tell(const struct bf_frame *f)
{
	return (f->type == BF_ET_ARP) | (f->type == BF_ET_RARP) |
		((f->type == BF_ET_IPV6) & (f->dst & BF_MAC_MULTICAST));
}

/**
 * The ethertype behind all tags and where its payload begins.
 *
 * @return
 *   Bytes of payload in the first segment; 0 when there are none.
 */
uint32_t bf_frame_payload(const struct rte_mbuf *m, uint16_t *type, const uint8_t **payload);

/**
 * A LACPDU or marker PDU (IEEE 802.1AX-2020 6.4.2.3, 6.5.3.3: subtypes 1 and 2), untagged or with a
 * priority tag, which has no VLAN.
 *
 * @return
 *   Length of its Ethernet header, 0 when it is something else.
 */
static inline uint32_t
bf_frame_lacp_at(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = 14;
	uint16_t type, tci;

	if (m->data_len < 18)
		return 0;
	memcpy(&type, p + 12, 2);
	memcpy(&tci, p + 14, 2);
	if (bf_frame_is_tag(type) && (tci & RTE_BE16(0xfff)) == 0) {
		memcpy(&type, p + 16, 2);
		at = 18;
	}
	return m->data_len > at && type == BF_ET_SLOW && (p[at] == 1 || p[at] == 2) ? at : 0;
}

/** A destination that no bridge forwards (IEEE 802.1Q table 8-1). */
static inline bool
bf_frame_is_reserved(uint64_t dst)
{
	return (dst & BF_MAC_RESERVED_MASK) == BF_MAC_RESERVED;
}

/**
 * An LLDPDU (IEEE 802.1AB) to one of the addresses that no bridge forwards: untagged, with a priority tag, or
 * with the tag that the port's rule has given it.
 *
 * @param own
 *   VLAN of that tag, network order; 0: none.
 * @return
 *   Length of its Ethernet header, 0 when it is something else.
 */
static inline uint32_t
bf_frame_lldp_at(const struct rte_mbuf *m, uint16_t own)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type, tci, inner;
	uint64_t dst;

	if (m->data_len < 18)
		return 0;
	memcpy(&dst, p, sizeof(dst));
	memcpy(&type, p + 12, 2);
	if (!bf_frame_is_reserved(rte_le_to_cpu_64(dst) & BF_FDB_MAC_MASK))
		return 0;
	if (type == BF_ET_LLDP)
		return 14;
	memcpy(&tci, p + 14, 2);
	memcpy(&inner, p + 16, 2);
	tci &= RTE_BE16(0xfff);
	return bf_frame_is_tag(type) && (tci == 0 || tci == own) && inner == BF_ET_LLDP ? 18 : 0;
}

#endif

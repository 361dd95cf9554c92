/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every length is checked against what the worker copied: long reports are cut off.
 *
 * Threads: any (pure functions).
 */
#include "control/lan/igmp.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "base/be.h"
#include "dataplane/packet.h"

#define ALERT_LEN 8 /* the hop-by-hop header in front of MLD */
#define IGMP_LEN 8
#define MLD_LEN 24
#define IGMP3_QUERY_LEN 12
#define MLD2_QUERY_LEN 28
#define IGMP1_ANSWER_MS 10000 /* RFC 1112, appendix I */
#define SUPPRESS 8 /* the S flag (RFC 3376 4.1.5) */
#define PIM_HELLO 0x20 /* version 2, type 0 */

static const uint8_t nobody[16];

/* Mantissa and exponent (RFC 3376 4.1.1, RFC 3810 5.1.3). @p bits of the mantissa, behind the exponent's 3. */
static uint32_t
time_of(uint32_t code, unsigned int bits)
{
	uint32_t mantissa = code & ((1u << bits) - 1);

	if (code < 1u << (bits + 3))
		return code;
	return (mantissa | 1u << bits) << ((code >> bits & 7) + 3);
}

static enum bf_igmp_kind
igmp_query(struct bf_igmp *m)
{
	memcpy(m->group, m->message + 4, 4);
	if (m->len >= IGMP3_QUERY_LEN) {
		m->version = 3;
		m->answer_ms = time_of(m->message[1], 4) * 100;
		m->quiet = (m->message[8] & SUPPRESS) || bf_be16(m->message + 10) > 0;
	} else if (m->message[1] != 0) {
		m->answer_ms = m->message[1] * 100u;
	} else {
		m->version = 1;
		m->answer_ms = IGMP1_ANSWER_MS;
		memset(m->group, 0, sizeof(m->group));
	}
	return BF_IGMP_QUERY;
}

static enum bf_igmp_kind
igmp_read(struct bf_igmp *m)
{
	m->version = 2;
	if (m->len < IGMP_LEN)
		return m->len > 0 && m->message[0] == BF_IGMP_TYPE_ROUTER ? BF_IGMP_ROUTER
									  : BF_IGMP_NOTHING;
	switch (m->message[0]) {
	case BF_IGMP_TYPE_QUERY:
		return igmp_query(m);
	case BF_IGMP_TYPE_REPORT1:
		m->version = 1;
		break;
	case BF_IGMP_TYPE_REPORT2:
		break;
	case BF_IGMP_TYPE_LEAVE:
		memcpy(m->group, m->message + 4, 4);
		return BF_IGMP_LEAVE;
	case BF_IGMP_TYPE_REPORT3:
		m->version = 3;
		return BF_IGMP_RECORDS;
	case BF_IGMP_TYPE_ROUTER:
		return BF_IGMP_ROUTER;
	default:
		return BF_IGMP_NOTHING;
	}
	memcpy(m->group, m->message + 4, 4);
	return BF_IGMP_JOIN;
}

static enum bf_igmp_kind
mld_read(struct bf_igmp *m)
{
	uint8_t type = m->len >= 8 ? m->message[0] : 0;

	m->version = 2;
	if (type == BF_MLD_TYPE_REPORT2)
		return BF_IGMP_RECORDS;
	if (type == BF_MLD_TYPE_ROUTER)
		return BF_IGMP_ROUTER;
	if (m->len < MLD_LEN)
		return BF_IGMP_NOTHING;
	memcpy(m->group, m->message + 8, 16);
	if (type == BF_MLD_TYPE_QUERY) {
		m->version = m->len >= MLD2_QUERY_LEN ? 2 : 1;
		m->answer_ms = bf_be16(m->message + 4);
		if (m->version == 2) {
			m->answer_ms = time_of(m->answer_ms, 12);
			m->quiet = (m->message[24] & SUPPRESS) || bf_be16(m->message + 26) > 0;
		}
		return BF_IGMP_QUERY;
	}
	m->version = 1;
	if (type == BF_MLD_TYPE_REPORT1)
		return BF_IGMP_JOIN;
	return type == BF_MLD_TYPE_DONE ? BF_IGMP_LEAVE : BF_IGMP_NOTHING;
}

/* Behind the IP header. @return false: it is none that we read */
static bool
message_find(const uint8_t *p, uint32_t len, struct bf_igmp *m, uint8_t *proto)
{
	uint32_t head, all;

	if (!m->v6) {
		head = (p[0] & 0xfu) * 4;
		all = bf_be16(p + 2);
		*proto = p[9];
		memcpy(m->from, p + 12, 4);
	} else if (len >= BF_IPV6_LEN + ALERT_LEN) {
		bool alert = p[6] == BF_PROTO_HOPOPTS && p[BF_IPV6_LEN + 1] == 0;

		head = BF_IPV6_LEN + (alert ? ALERT_LEN : 0);
		all = BF_IPV6_LEN + bf_be16(p + 4);
		*proto = alert ? p[BF_IPV6_LEN] : p[6];
		memcpy(m->from, p + 8, 16);
	} else {
		return false;
	}
	if (all >= head && all < len)
		len = all; /* behind it is padding */
	if (head < BF_IPV4_LEN || head >= len)
		return false;
	m->message = p + head;
	m->len = len - head;
	return true;
}

enum bf_igmp_kind
bf_igmp_read(const struct bf_report *r, struct bf_igmp *m)
{
	uint32_t len = RTE_MIN(r->len, BF_REPORT_BYTES);
	uint8_t proto;

	*m = (struct bf_igmp){.kind = BF_IGMP_NOTHING};
	if (len < BF_IPV4_LEN || (r->bytes[0] >> 4 != 4 && r->bytes[0] >> 4 != 6))
		return m->kind;
	m->v6 = r->bytes[0] >> 4 == 6;
	if (!message_find(r->bytes, len, m, &proto))
		return m->kind;
	if (proto == BF_PROTO_PIM)
		m->kind = m->message[0] == PIM_HELLO ? BF_IGMP_ROUTER : BF_IGMP_NOTHING;
	else if (!m->v6 && proto == BF_PROTO_IGMP)
		m->kind = igmp_read(m);
	else if (m->v6 && proto == BF_PROTO_ICMPV6)
		m->kind = mld_read(m);
	return m->kind;
}

/* Of IPv6 the pseudo header counts, which holds the final destination's length and protocol. */
static bool
sum_is_right(const struct bf_report *r, const struct bf_igmp *m)
{
	struct rte_ipv6_hdr pseudo = {.proto = BF_PROTO_ICMPV6};
	uint32_t at = (uint32_t)(m->message - r->bytes), all;
	uint16_t sum;

	all = m->v6 ? BF_IPV6_LEN + bf_be16(r->bytes + 4) : bf_be16(r->bytes + 2);
	if (at + m->len < all)
		return r->len >= BF_REPORT_BYTES; /* cut off by us, or too short for what it says */
	if (!m->v6)
		return rte_raw_cksum(m->message, m->len) == 0xffff;
	memcpy(&pseudo.src_addr, r->bytes + 8, 16);
	memcpy(&pseudo.dst_addr, r->bytes + 24, 16);
	pseudo.payload_len = rte_cpu_to_be_16((uint16_t)m->len);
	sum = rte_ipv6_phdr_cksum(&pseudo, 0);
	return __rte_raw_cksum_reduce(__rte_raw_cksum(m->message, m->len, sum)) == 0xffff;
}

/* Hosts that have no address yet report as well (RFC 3590 4). */
static bool
is_of_link(const struct bf_igmp *m)
{
	if (m->from[0] == 0xfe && (m->from[1] & 0xc0) == 0x80)
		return true;
	return m->kind != BF_IGMP_QUERY && m->kind != BF_IGMP_ROUTER && !bf_igmp_has_source(m);
}

bool
bf_igmp_is_sound(const struct bf_report *r, const struct bf_igmp *m)
{
	bool for_group = m->v6 ? r->bytes[24] == 0xff : (r->bytes[16] & 0xf0) == 0xe0;
	bool pim = r->bytes[m->v6 ? 6 : 9] == BF_PROTO_PIM;

	if (!for_group)
		return false;
	if (pim)
		return true; /* PIM's own sum is of its header */
	if (m->v6 && (r->bytes[7] != 1 || !is_of_link(m)))
		return false;
	return sum_is_right(r, m);
}

void
bf_igmp_visit(const struct bf_igmp *m, bf_igmp_record_cb *cb, void *arg)
{
	uint32_t addr_len = m->v6 ? 16 : 4, at = 8;
	unsigned int n = bf_be16(m->message + 6);

	while (n-- > 0 && at + 4 + addr_len <= m->len) {
		const uint8_t *rec = m->message + at;
		unsigned int n_src = bf_be16(rec + 2);

		if (at + 4 + addr_len + n_src * addr_len > m->len)
			return;
		cb(arg, (enum bf_igmp_record)rec[0], rec + 4, rec + 4 + addr_len, n_src);
		at += 4 + addr_len + n_src * addr_len + rec[1] * 4u;
	}
}

bool
bf_igmp_has_source(const struct bf_igmp *m)
{
	return memcmp(m->from, nobody, m->v6 ? 16 : 4) != 0;
}

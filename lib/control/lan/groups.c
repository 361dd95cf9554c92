/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memberships by (station, group).
 *
 * Threads: ctx control.
 */
#include "control/lan/groups.h"

#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "control/lan/igmp.h"
#include "control/lan/shares.h"
#include "dataplane/packet.h"
#include "dataplane/sizes.h"

#define IPV4_LEN 24 /* with the router alert option */
#define IPV6_LEN 48 /* with a hop-by-hop header that holds it */

struct group_key {
	uint64_t station;
	uint8_t group[16];
	uint64_t v6;
};

struct bf_groups {
	struct bf_shares *shares;
	struct bf_group *groups; /* by position */
};

struct bf_groups *
bf_groups_create(void)
{
	struct bf_groups *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->shares = bf_shares_create("bf_groups", BF_GROUPS_MAX, BF_GROUPS_PER_PORT,
		sizeof(struct group_key), NULL, NULL);
	if (g->shares != NULL)
		g->groups = calloc(bf_shares_size(g->shares), sizeof(*g->groups));
	if (g->groups == NULL) {
		bf_groups_destroy(g);
		return NULL;
	}
	return g;
}

void
bf_groups_destroy(struct bf_groups *g)
{
	if (g == NULL)
		return;
	bf_shares_destroy(g->shares);
	free(g->groups);
	free(g);
}

static struct group_key
key_of(const struct bf_group *m)
{
	struct group_key k = {.station = m->key, .v6 = m->v6};

	memcpy(k.group, m->group, sizeof(k.group));
	return k;
}

const struct bf_group *
bf_groups_find(const struct bf_groups *g, const struct bf_group *want)
{
	struct group_key k = key_of(want);
	int32_t pos = bf_shares_find(g->shares, &k);

	return pos >= 0 && g->groups[pos].port == want->port ? &g->groups[pos] : NULL;
}

/* Of these no switch keeps a list: 224.0.0.0/24, and groups that do not leave the link or node. */
static bool
is_for_all(const struct bf_group *m)
{
	static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

	if (m->v6)
		return m->group[0] != 0xff || (m->group[1] & 0xf) < 2 ||
			memcmp(m->group, all_nodes, 16) == 0;
	return (m->group[0] & 0xf0) != 224 ||
		(m->group[0] == 224 && m->group[1] == 0 && m->group[2] == 0);
}

static void
group_join(struct bf_groups *g, const struct bf_group *m, uint32_t now_s)
{
	struct group_key k = key_of(m);
	int32_t pos;

	if (is_for_all(m))
		return;
	pos = bf_shares_hear(g->shares, &k, m->port, now_s);
	if (pos >= 0)
		g->groups[pos] = *m;
}

static void
group_leave(struct bf_groups *g, const struct bf_group *m)
{
	struct group_key k = key_of(m);
	int32_t pos = bf_shares_find(g->shares, &k);

	if (pos >= 0)
		bf_shares_remove(g->shares, (uint32_t)pos);
}

static int
source_at(const struct bf_group *m, const uint8_t source[16])
{
	for (int i = 0; i < m->n_sources; i++)
		if (memcmp(m->sources[i], source, 16) == 0)
			return i;
	return -1;
}

static void
add_sources(struct bf_group *m, const uint8_t *p, unsigned int n)
{
	size_t len = m->v6 ? 16 : 4;

	for (unsigned int i = 0; i < n && m->n_sources < BF_GROUP_SOURCES; i++, p += len) {
		uint8_t source[16] = {0};

		memcpy(source, p, len);
		if (source_at(m, source) < 0)
			memcpy(m->sources[m->n_sources++], source, 16);
	}
}

static void
drop_sources(struct bf_group *m, const uint8_t *p, unsigned int n)
{
	size_t len = m->v6 ? 16 : 4;

	for (unsigned int i = 0; i < n; i++, p += len) {
		uint8_t source[16] = {0};
		int at;

		memcpy(source, p, len);
		at = source_at(m, source);
		if (at >= 0)
			memcpy(m->sources[at], m->sources[--m->n_sources], 16);
	}
}

/* A report that is read: @p m has all but the group. */
struct reading {
	struct bf_groups *g;
	struct bf_group m;
	uint32_t now_s;
};

static void
hear_record(void *reading, enum bf_igmp_record type, const uint8_t *group, const uint8_t *sources,
	unsigned int n)
{
	const struct reading *r = reading;
	struct bf_group m = r->m;
	const struct bf_group *had;

	memcpy(m.group, group, m.v6 ? 16 : 4);
	had = bf_groups_find(r->g, &m);
	switch (type) {
	case BF_IGMP_IS_EXCLUDE:
	case BF_IGMP_TO_EXCLUDE:
		group_join(r->g, &m, r->now_s);
		return;
	case BF_IGMP_IS_INCLUDE:
	case BF_IGMP_TO_INCLUDE:
		m.only_sources = true;
		add_sources(&m, sources, n);
		break;
	case BF_IGMP_ALLOW_NEW:
	case BF_IGMP_BLOCK_OLD:
		if (had != NULL && !had->only_sources)
			return; /* from all it is, but for these */
		m.only_sources = true;
		m.n_sources = had != NULL ? had->n_sources : 0;
		if (had != NULL)
			memcpy(m.sources, had->sources, sizeof(m.sources));
		if (type == BF_IGMP_ALLOW_NEW)
			add_sources(&m, sources, n);
		else
			drop_sources(&m, sources, n);
		break;
	default:
		return;
	}
	if (m.n_sources > 0)
		group_join(r->g, &m, r->now_s);
	else
		group_leave(r->g, &m);
}

void
bf_groups_hear(struct bf_groups *g, const struct bf_report *r, uint32_t now_s)
{
	struct reading to = {g, {.key = r->key, .port = r->port}, now_s};
	struct bf_igmp said;

	bf_igmp_read(r, &said);
	to.m.v6 = said.v6;
	to.m.version = said.version;
	memcpy(to.m.reporter, said.from, sizeof(to.m.reporter));
	memcpy(to.m.group, said.group, sizeof(to.m.group));
	if (said.kind == BF_IGMP_JOIN)
		group_join(g, &to.m, now_s);
	else if (said.kind == BF_IGMP_LEAVE)
		group_leave(g, &to.m);
	else if (said.kind == BF_IGMP_RECORDS)
		bf_igmp_visit(&said, hear_record, &to);
}

void
bf_groups_age(struct bf_groups *g, uint32_t now_s)
{
	bf_shares_age(g->shares, now_s, BF_GROUPS_AGE_S);
}

void
bf_groups_flush_port(struct bf_groups *g, uint16_t port)
{
	bf_shares_flush_port(g->shares, port);
}

void
bf_groups_visit(const struct bf_groups *g, bf_group_cb *cb, void *arg)
{
	for (uint16_t p = 0; p < BF_MAX_PORTS; p++)
		for (int32_t pos = bf_shares_first(g->shares, p); pos >= 0;
			pos = bf_shares_next(g->shares, (uint32_t)pos))
			cb(arg, &g->groups[pos]);
}

/* The newer protocols send to all routers that speak them (RFC 3376 4.2.14, RFC 3810 5.2.14). */
static void
report_destination(const struct bf_group *m, uint8_t ip[16])
{
	static const uint8_t mld2[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16};
	static const uint8_t igmp3[4] = {224, 0, 0, 22};

	memcpy(ip, m->group, 16);
	if (m->v6 && m->version == 2)
		memcpy(ip, mld2, 16);
	else if (!m->v6 && m->version == 3)
		memcpy(ip, igmp3, 4);
}

void
bf_group_mac(const struct bf_group *m, uint8_t mac[6])
{
	uint8_t ip[16];

	report_destination(m, ip);
	if (m->v6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, ip + 12, 4);
		return;
	}
	mac[0] = 0x01;
	mac[1] = 0;
	mac[2] = 0x5e;
	mac[3] = ip[1] & 0x7f;
	mac[4] = ip[2];
	mac[5] = ip[3];
}

/* A report with one record. @return length. */
static uint32_t
put_record(const struct bf_group *m, uint8_t *p)
{
	uint32_t addr_len = m->v6 ? 16 : 4, at = 12 + addr_len;

	p[0] = m->v6 ? BF_MLD_TYPE_REPORT2 : BF_IGMP_TYPE_REPORT3;
	p[7] = 1;
	p[8] = m->only_sources ? BF_IGMP_IS_INCLUDE : BF_IGMP_IS_EXCLUDE;
	p[11] = m->only_sources ? m->n_sources : 0;
	memcpy(p + 12, m->group, addr_len);
	for (uint32_t i = 0; i < p[11]; i++, at += addr_len)
		memcpy(p + at, m->sources[i], addr_len);
	return at;
}

static uint32_t
put_igmp(const struct bf_group *m, uint8_t *p)
{
	static const uint8_t alert[4] = {0x94, 4, 0, 0}; /* RFC 2113 */
	uint8_t *igmp = p + IPV4_LEN, dst[16];
	uint32_t len = 8;
	uint16_t sum;

	report_destination(m, dst);
	if (m->version == 3) {
		len = put_record(m, igmp);
	} else {
		igmp[0] = m->version == 1 ? BF_IGMP_TYPE_REPORT1 : BF_IGMP_TYPE_REPORT2;
		memcpy(igmp + 4, m->group, 4);
	}
	sum = (uint16_t)~rte_raw_cksum(igmp, len);
	memcpy(igmp + 2, &sum, 2);
	p[0] = 0x40 | IPV4_LEN / 4;
	p[1] = 0xc0; /* as RFC 3376 4 asks */
	p[3] = (uint8_t)(IPV4_LEN + len);
	p[6] = 0x40;
	p[8] = 1;
	p[9] = BF_PROTO_IGMP;
	memcpy(p + 12, m->reporter, 4);
	memcpy(p + 16, dst, 4);
	memcpy(p + 20, alert, 4);
	sum = (uint16_t)~rte_raw_cksum(p, IPV4_LEN);
	memcpy(p + 10, &sum, 2);
	return IPV4_LEN + len;
}

static uint32_t
put_mld(const struct bf_group *m, uint8_t *p)
{
	static const uint8_t alert[8] = {BF_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}; /* RFC 2711 */
	uint8_t *mld = p + IPV6_LEN, dst[16];
	struct rte_ipv6_hdr pseudo = {.proto = BF_PROTO_ICMPV6};
	uint32_t len = 24;
	uint16_t sum;

	report_destination(m, dst);
	if (m->version == 2) {
		len = put_record(m, mld);
	} else {
		mld[0] = BF_MLD_TYPE_REPORT1;
		memcpy(mld + 8, m->group, 16);
	}
	p[0] = 0x60;
	p[5] = (uint8_t)(sizeof(alert) + len);
	p[7] = 1;
	memcpy(p + 8, m->reporter, 16);
	memcpy(p + 24, dst, 16);
	memcpy(p + 40, alert, sizeof(alert));
	memcpy(&pseudo.src_addr, p + 8, 16);
	memcpy(&pseudo.dst_addr, p + 24, 16);
	pseudo.payload_len = rte_cpu_to_be_16((uint16_t)len);
	sum = rte_ipv6_udptcp_cksum(&pseudo, mld);
	memcpy(mld + 2, &sum, 2);
	return IPV6_LEN + len;
}

uint32_t
bf_group_report(const struct bf_group *m, uint8_t *p)
{
	return m->v6 ? put_mld(m, p) : put_igmp(m, p);
}

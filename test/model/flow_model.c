/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The slow flow key.
 *
 * Threads: any (pure functions).
 */
#include "flow_model.h"

#include <string.h>

struct bytes {
	const uint8_t *p;
	uint32_t len;
};

/* What an IP header leads to. */
struct transport {
	bool reached; /* the header behind it is in this frame, and this is no fragment */
	int proto;
	uint32_t at;
};

static bool
has(const struct bytes *b, uint32_t at, uint32_t n)
{
	return at <= b->len && b->len - at >= n;
}

static unsigned int
u8(const struct bytes *b, uint32_t at)
{
	return has(b, at, 1) ? b->p[at] : 0;
}

static unsigned int
u16(const struct bytes *b, uint32_t at)
{
	return u8(b, at) << 8 | u8(b, at + 1);
}

/* Ethernet header at *at: the type of what follows, or -1; *at moves there. */
static int
ethernet(const struct bytes *b, uint32_t *at, uint16_t *vlan)
{
	unsigned int type, tags = 0;

	if (!has(b, *at, 14))
		return -1;
	type = u16(b, *at + 12);
	*at += 14;
	while (tags < 2 && (type == 0x8100 || type == 0x88a8 || type == 0x9100)) {
		if (!has(b, *at, 4))
			return -1;
		if (tags == 0)
			*vlan = u16(b, *at) & 0xfff;
		type = u16(b, *at + 2);
		*at += 4;
		tags++;
	}
	return (int)type;
}

static bool
ipv4(const struct bytes *b, uint32_t at, struct flow_model *m, struct transport *t)
{
	unsigned int header = (u8(b, at) & 15) * 4;

	if (!has(b, at, 20) || header < 20)
		return false;
	memset(m->from, 0, 16);
	memset(m->to, 0, 16);
	memcpy(m->from, b->p + at + 12, 4);
	memcpy(m->to, b->p + at + 16, 4);
	t->proto = (int)u8(b, at + 9);
	t->at = at + header;
	t->reached = (u16(b, at + 6) & 0x3fff) == 0 && has(b, at, header);
	return true;
}

static bool
ipv6(const struct bytes *b, uint32_t at, struct flow_model *m, struct transport *t)
{
	unsigned int n = 0, len;

	if (!has(b, at, 40))
		return false;
	memcpy(m->from, b->p + at + 8, 16);
	memcpy(m->to, b->p + at + 24, 16);
	t->proto = (int)u8(b, at + 6);
	t->at = at + 40;
	t->reached = false;
	while (t->proto == 0 || t->proto == 43 || t->proto == 60 || t->proto == 51) {
		len = t->proto == 51 ? (u8(b, t->at + 1) + 2) * 4 : (u8(b, t->at + 1) + 1) * 8;
		if (++n == 8 || !has(b, t->at, 8) || !has(b, t->at, len))
			return true;
		t->proto = (int)u8(b, t->at);
		t->at += len;
	}
	t->reached = t->proto != 44;
	return true;
}

static bool
ip(const struct bytes *b, int type, uint32_t at, struct flow_model *m, struct transport *t)
{
	memset(t, 0, sizeof(*t));
	if (type == 0x0800)
		return ipv4(b, at, m, t);
	if (type == 0x86dd)
		return ipv6(b, at, m, t);
	return false;
}

static int
udp_tunnel(const struct bytes *b, uint32_t *at)
{
	unsigned int port = u16(b, *at + 2);
	int type = 0x6558;
	uint32_t skip = 16;

	if (!has(b, *at, 16) || (port != 4789 && port != 6081))
		return -1;
	if (port == 6081) {
		skip += (u8(b, *at + 8) & 63) * 4;
		type = (int)u16(b, *at + 10);
	}
	if (!has(b, *at, skip))
		return -1;
	*at += skip;
	return type;
}

static int
gre(const struct bytes *b, uint32_t *at)
{
	unsigned int flags = u8(b, *at), skip = 4;
	int type = (int)u16(b, *at + 2);

	if (!has(b, *at, 4) || (u8(b, *at + 1) & 7) != 0)
		return -1;
	skip += (flags & 0x80) != 0 ? 4 : 0;
	skip += (flags & 0x20) != 0 ? 4 : 0;
	skip += (flags & 0x10) != 0 ? 4 : 0;
	if (!has(b, *at, skip))
		return -1;
	*at += skip;
	return type;
}

/* The inner packet's type and place, or -1 when this is no tunnel that carries IP. */
static int
tunnel(const struct bytes *b, const struct transport *t, uint32_t *at)
{
	uint16_t vlan;
	int type = -1;

	*at = t->at;
	if (t->proto == 4)
		type = 0x0800;
	else if (t->proto == 41)
		type = 0x86dd;
	else if (t->proto == 47)
		type = gre(b, at);
	else if (t->proto == 17)
		type = udp_tunnel(b, at);
	if (type == 0x6558)
		type = ethernet(b, at, &vlan);
	return type == 0x0800 || type == 0x86dd ? type : -1;
}

static void
ports(const struct bytes *b, const struct transport *t, struct flow_model *m)
{
	if (!t->reached || (t->proto != 6 && t->proto != 17 && t->proto != 132) ||
		!has(b, t->at, 4))
		return;
	m->l4 = true;
	m->proto = (uint8_t)t->proto;
	memcpy(m->ports, b->p + t->at, 4);
}

void
flow_model_read(const uint8_t *data, uint32_t len, enum bf_policy policy, struct flow_model *m)
{
	struct bytes b = {data, len};
	bool with_ports = policy == BF_POLICY_L34 || policy == BF_POLICY_ENCAP34;
	bool inner = policy == BF_POLICY_ENCAP23 || policy == BF_POLICY_ENCAP34;
	struct transport t;
	uint32_t at = 0;
	int type, in;

	memset(m, 0, sizeof(*m));
	if (!has(&b, 0, 14))
		return;
	memcpy(m->dst, data, 6);
	memcpy(m->src, data + 6, 6);
	m->l2 = true;
	type = ethernet(&b, &at, &m->vlan);
	if (policy == BF_POLICY_L2 || type < 0)
		return;
	m->vlan_src = policy == BF_POLICY_VLAN_SRCMAC;
	if (m->vlan_src || !ip(&b, type, at, m, &t))
		return;
	m->l3 = true;
	in = inner && t.reached ? tunnel(&b, &t, &at) : -1;
	if (in >= 0 && !ip(&b, in, at, m, &t))
		t.reached = false; /* a cut inner header: the outer addresses are left */
	if (with_ports)
		ports(&b, &t, m);
	m->l2 = !with_ports; /* l34 and encap34: addresses and ports only */
}

bool
flow_model_agrees(const struct flow_model *m, const struct bf_flow_key *k)
{
	uint64_t dst = 0, src = 0, vlan = m->vlan;
	uint8_t l3[32] = {0};

	memcpy(&dst, m->dst, 6);
	memcpy(&src, m->src, 6);
	if (m->l3) {
		/* An IPv4 address stands at the start of its half. */
		memcpy(l3, m->from, 16);
		memcpy(l3 + 16, m->to, 16);
	}
	if (k->l2[0] != (m->vlan_src ? vlan : m->l2 ? dst : 0) || k->l2[1] != (m->l2 ? src : 0))
		return false;
	if ((k->has_l3 != 0) != m->l3 || memcmp(k->l3, l3, sizeof(l3)) != 0)
		return false;
	return (k->has_l4 != 0) == m->l4 && memcmp(&k->ports, m->ports, 4) == 0 &&
		(!m->l4 || k->proto == m->proto);
}

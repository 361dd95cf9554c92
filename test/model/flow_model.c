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

enum {
	TYPE_TEB = 0x6558,
	TYPE_PPP = 0x880b,
	NO_IP = -1,
	SPI = -2, /* no IP, but *at is the place of an ESP SPI */
	SESSION = -3, /* the same for a session of L2TPv3 */
};

static int
version_of(const struct bytes *b, uint32_t at)
{
	unsigned int version = u8(b, at) / 16;

	if (!has(b, at, 1))
		return NO_IP;
	return version == 4 ? 0x0800 : version == 6 ? 0x86dd : NO_IP;
}

static int
ppp(const struct bytes *b, uint32_t *at)
{
	unsigned int proto;
	uint32_t n = 2;

	if (has(b, *at, 2) && u16(b, *at) == 0xff03)
		*at += 2;
	if (!has(b, *at, 2))
		return NO_IP;
	proto = u16(b, *at);
	if (u8(b, *at) % 2 == 1) {
		proto = u8(b, *at);
		n = 1;
	}
	*at += n;
	return proto == 0x21 ? 0x0800 : proto == 0x57 ? 0x86dd : NO_IP;
}

static int
labels(const struct bytes *b, uint32_t *at)
{
	for (unsigned int n = 0; n < 16 && has(b, *at, 4); n++) {
		unsigned int last = u8(b, *at + 2) & 1;

		*at += 4;
		if (last != 0)
			return version_of(b, *at);
	}
	return NO_IP;
}

/* The IP behind an ethertype, and its place. */
static int
link_type(const struct bytes *b, int type, uint32_t *at)
{
	switch (type) {
	case 0x0800:
	case 0x86dd:
		return type;
	case 0x8847:
	case 0x8848:
		return labels(b, at);
	case 0x8864:
		if (!has(b, *at, 6) || u16(b, *at) != 0x1100)
			return NO_IP;
		*at += 6;
		return ppp(b, at);
	case TYPE_PPP:
		return ppp(b, at);
	default:
		return NO_IP;
	}
}

static int
carried(const struct bytes *b, int type, uint32_t *at)
{
	uint16_t vlan;

	if (type == TYPE_TEB)
		type = ethernet(b, at, &vlan);
	return type < 0 ? NO_IP : link_type(b, type, at);
}

static int
gre(const struct bytes *b, uint32_t *at)
{
	unsigned int flags = u8(b, *at), version = u8(b, *at + 1) & 7, skip = 4;
	int type = (int)u16(b, *at + 2);

	if (!has(b, *at, 4) || !(version == 0 || (version == 1 && type == TYPE_PPP)))
		return NO_IP;
	skip += (flags & 0x80) != 0 ? 4 : 0;
	skip += (flags & 0x20) != 0 ? 4 : 0;
	skip += (flags & 0x10) != 0 ? 4 : 0;
	if (version == 1 && u8(b, *at + 1) >= 0x80)
		skip += 4;
	if (!has(b, *at, skip))
		return NO_IP;
	*at += skip;
	return carried(b, type, at);
}

static int
l2tp_session(const struct bytes *b, uint32_t *at)
{
	if (!has(b, *at, 4) || (u16(b, *at) == 0 && u16(b, *at + 2) == 0))
		return NO_IP;
	for (uint32_t skip = 4; skip <= 16; skip += 4) {
		uint32_t place = *at + skip;
		uint16_t vlan;
		int type = has(b, *at, skip) ? ethernet(b, &place, &vlan) : -1;

		if (type < 0)
			break;
		if ((type == 0x0800 || type == 0x86dd) && version_of(b, place) == type) {
			*at = place;
			return type;
		}
	}
	return SESSION;
}

static int
l2tp(const struct bytes *b, uint32_t *at)
{
	unsigned int flags = u16(b, *at), version = flags & 15;
	uint32_t skip = 6;

	if (!has(b, *at, 8) || flags >= 0x8000 || (version != 2 && version != 3))
		return NO_IP;
	if (version == 3) {
		*at += 4;
		return l2tp_session(b, at);
	}
	if ((flags & 0x4000) != 0)
		skip += 2;
	if ((flags & 0x0800) != 0)
		skip += 4;
	if ((flags & 0x0200) != 0) {
		if (!has(b, *at, skip + 2))
			return NO_IP;
		skip += 2 + u16(b, *at + skip);
	}
	if (!has(b, *at, skip))
		return NO_IP;
	*at += skip;
	return ppp(b, at);
}

static int
gtpu(const struct bytes *b, uint32_t *at)
{
	unsigned int first = u8(b, *at), next = 0;

	if (!has(b, *at, 8) || first / 16 != 3 || u8(b, *at + 1) != 255)
		return NO_IP;
	*at += 8;
	if (first % 8 != 0) {
		if (!has(b, *at, 4))
			return NO_IP;
		next = (first & 4) != 0 ? u8(b, *at + 3) : 0;
		*at += 4;
	}
	for (unsigned int n = 0; next != 0; n++) {
		uint32_t len = u8(b, *at) * 4;

		if (n == 8 || len == 0 || !has(b, *at, len))
			return NO_IP;
		next = u8(b, *at + len - 1);
		*at += len;
	}
	return version_of(b, *at);
}

static int
udp_tunnel(const struct bytes *b, uint32_t *at)
{
	unsigned int from = u16(b, *at), port = u16(b, *at + 2), skip;
	int type;

	if (!has(b, *at, 16))
		return NO_IP;
	*at += 8;
	if (port == 4789 || port == 6081) {
		skip = port == 6081 ? 8 + (u8(b, *at) & 63) * 4 : 8;
		type = port == 6081 ? (int)u16(b, *at + 2) : TYPE_TEB;
		if (!has(b, *at, skip))
			return NO_IP;
		*at += skip;
		return carried(b, type, at);
	}
	if (port == 2152)
		return gtpu(b, at);
	if (port == 6635)
		return labels(b, at);
	if (port == 1701 || from == 1701)
		return l2tp(b, at);
	if (port == 4500 || from == 4500)
		return u16(b, *at) == 0 && u16(b, *at + 2) == 0 ? NO_IP : SPI;
	return NO_IP;
}

/* The inner packet's type and place, or what else names the flow, or NO_IP. */
static int
tunnel(const struct bytes *b, const struct transport *t, uint32_t *at)
{
	*at = t->at;
	switch (t->proto) {
	case 4:
		return 0x0800;
	case 41:
		return 0x86dd;
	case 47:
		return gre(b, at);
	case 137:
		return labels(b, at);
	case 115:
		return l2tp_session(b, at);
	case 17:
		return udp_tunnel(b, at);
	default:
		return NO_IP;
	}
}

static void
ports(const struct bytes *b, const struct transport *t, struct flow_model *m)
{
	bool named = t->proto == 6 || t->proto == 17 || t->proto == 132 || t->proto == 50 ||
		t->proto == 115;

	if (!t->reached || !named || !has(b, t->at, 4))
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
	if (inner)
		type = link_type(&b, type, &at);
	if (m->vlan_src || !ip(&b, type, at, m, &t))
		return;
	m->l3 = true;
	in = inner && t.reached ? tunnel(&b, &t, &at) : NO_IP;
	if (in >= 0 && !ip(&b, in, at, m, &t))
		t.reached = false; /* a cut inner header: the outer addresses are left */
	if (in == SPI || in == SESSION) {
		t.proto = in == SPI ? 50 : 115;
		t.at = at;
	}
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

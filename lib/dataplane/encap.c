/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tunnels and what they carry; see encap.h.
 *
 * Threads: any (pure functions).
 */
#include "dataplane/encap.h"

#include "base/be.h"
#include "base/net.h"

#define MAX_TAGS 2
#define MAX_LABELS 16
#define MAX_GTP_EXT 8
#define L2TP_OFFSETS 4 /* cookie of 0, 4 or 8 bytes, and 4 of a sublayer, or none */

enum {
	PPP_IPV4 = 0x21,
	PPP_IPV6 = 0x57,
	PORT_L2TP = 1701,
	PORT_GTPU = 2152,
	PORT_NAT_T = 4500,
	PORT_VXLAN = 4789,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
};

static bool
is_tag(uint16_t type)
{
	return type == BF_ETHERTYPE_VLAN || type == BF_ETHERTYPE_QINQ ||
		type == BF_ETHERTYPE_QINQ_OLD;
}

static bool
is_ip(uint16_t type)
{
	return type == BF_ETHERTYPE_IPV4 || type == BF_ETHERTYPE_IPV6;
}

bool
bf_encap_ethernet(struct bf_cursor *c, uint16_t *vlan)
{
	if (c->left < 14)
		return false;
	c->type = bf_be16(c->p + 12);
	bf_step(c, 14);
	for (int i = 0; i < MAX_TAGS && is_tag(c->type); i++) {
		if (c->left < 4)
			return false;
		if (i == 0)
			*vlan = bf_be16(c->p) & 0xfff;
		c->type = bf_be16(c->p + 2);
		bf_step(c, 4);
	}
	return true;
}

/* Where only the packet itself says which IP it is. */
static bool
ip_by_version(struct bf_cursor *c)
{
	if (c->left < 1)
		return false;
	c->type = c->p[0] >> 4 == 4 ? BF_ETHERTYPE_IPV4 : c->p[0] >> 4 == 6 ? BF_ETHERTYPE_IPV6 : 0;
	return c->type != 0;
}

/* A PPP frame; address and control, and the first byte of the protocol, may be left out. */
static bool
enter_ppp(struct bf_cursor *c)
{
	uint32_t len;

	if (c->left >= 2 && c->p[0] == 0xff && c->p[1] == 3)
		bf_step(c, 2);
	if (c->left < 2)
		return false;
	len = c->p[0] & 1 ? 1 : 2;
	c->type = len == 1 ? c->p[0] : bf_be16(c->p);
	if (c->type != PPP_IPV4 && c->type != PPP_IPV6)
		return false;
	c->type = c->type == PPP_IPV4 ? BF_ETHERTYPE_IPV4 : BF_ETHERTYPE_IPV6;
	return bf_step(c, len);
}

/* RFC 2516: version and type 1, code 0, session, length. */
static bool
enter_pppoe(struct bf_cursor *c)
{
	return c->left >= 6 && c->p[0] == 0x11 && c->p[1] == 0 && bf_step(c, 6) && enter_ppp(c);
}

static bool
enter_mpls(struct bf_cursor *c)
{
	for (int i = 0; i < MAX_LABELS && c->left >= 4; i++) {
		bool bottom = (c->p[2] & 1) != 0;

		bf_step(c, 4);
		if (bottom)
			return ip_by_version(c);
	}
	return false;
}

/* Over what may stand between an ethertype and IP. */
static bool
enter_link(struct bf_cursor *c)
{
	switch (c->type) {
	case BF_ETHERTYPE_PPPOE_SESSION:
		return enter_pppoe(c);
	case BF_ETHERTYPE_MPLS:
	case BF_ETHERTYPE_MPLS_MULTICAST:
		return enter_mpls(c);
	case BF_ETHERTYPE_PPP:
		return enter_ppp(c);
	default:
		return is_ip(c->type);
	}
}

void
bf_encap_link(struct bf_cursor *c)
{
	if (!is_ip(c->type) && !enter_link(c))
		c->type = 0;
}

static bool
enter_gre(struct bf_cursor *c)
{
	uint32_t len = 4, version;

	if (c->left < 4)
		return false;
	version = c->p[1] & 7;
	c->type = bf_be16(c->p + 2);
	if (version > 1 || (version == 1 && c->type != BF_ETHERTYPE_PPP))
		return false;
	len += (c->p[0] & 0x80) ? 4u : 0;
	len += (c->p[0] & 0x20) ? 4u : 0;
	len += (c->p[0] & 0x10) ? 4u : 0;
	len += version == 1 && (c->p[1] & 0x80) ? 4u : 0; /* PPTP, RFC 2637: acknowledgement */
	return bf_step(c, len);
}

/*
 * L2TPv3 does not say how long its cookie is, nor whether a sublayer follows: the Ethernet frame in it
 * is looked for where it may stand, and taken where an IP header of the right version follows.
 * What is found there is the same for all frames of a flow.
 */
static enum bf_encap
enter_l2tp_session(struct bf_cursor *c)
{
	struct bf_cursor session = *c;

	session.type = BF_PROTO_L2TP;
	if (c->left < 4 || (bf_be16(c->p) | bf_be16(c->p + 2)) == 0) /* session 0: control */
		return BF_ENCAP_NONE;
	for (uint32_t i = 1; i <= L2TP_OFFSETS; i++) {
		struct bf_cursor in = session;
		uint16_t vlan = 0, type;

		if (!bf_step(&in, 4 * i) || !bf_encap_ethernet(&in, &vlan))
			break;
		type = in.type;
		if (is_ip(type) && ip_by_version(&in) && in.type == type) {
			*c = in;
			return BF_ENCAP_IP;
		}
	}
	*c = session;
	return BF_ENCAP_ID;
}

/* RFC 2661 3.1: a data message; a control message is no tunnel. */
static enum bf_encap
enter_l2tp_udp(struct bf_cursor *c)
{
	uint32_t len = 6, flags;

	if (c->left < 8)
		return BF_ENCAP_NONE;
	flags = bf_be16(c->p);
	if ((flags & 0x8000) != 0)
		return BF_ENCAP_NONE;
	if ((flags & 0xf) == 3) { /* RFC 3931 4.1.2.1 */
		bf_step(c, 4);
		return enter_l2tp_session(c);
	}
	if ((flags & 0xf) != 2)
		return BF_ENCAP_NONE;
	len += (flags & 0x4000) ? 2u : 0;
	len += (flags & 0x0800) ? 4u : 0;
	if ((flags & 0x0200) != 0) { /* an offset, and as many bytes */
		if (c->left < len + 2)
			return BF_ENCAP_NONE;
		len += 2u + bf_be16(c->p + len);
	}
	return bf_step(c, len) && enter_ppp(c) ? BF_ENCAP_IP : BF_ENCAP_NONE;
}

/* 3GPP TS 29.281 5.1: a G-PDU of version 1, with its optional fields and extension headers. */
static bool
enter_gtpu(struct bf_cursor *c)
{
	uint32_t flags, next;

	if (c->left < 8 || (c->p[0] & 0xf0) != 0x30 || c->p[1] != 0xff)
		return false;
	flags = c->p[0];
	bf_step(c, 8);
	if ((flags & 7) == 0)
		return ip_by_version(c);
	if (c->left < 4)
		return false;
	next = (flags & 4) ? c->p[3] : 0;
	bf_step(c, 4);
	for (int i = 0; i < MAX_GTP_EXT && next != 0; i++) {
		uint32_t len = c->left > 0 ? c->p[0] * 4u : 0;

		if (len == 0 || c->left < len)
			return false;
		next = c->p[len - 1];
		bf_step(c, len);
	}
	return next == 0 && ip_by_version(c);
}

/* VXLAN and Geneve: what they carry, as an ethertype. */
static bool
enter_overlay(struct bf_cursor *c, uint16_t port)
{
	uint32_t len = 8;

	if (c->left < 8)
		return false;
	c->type = BF_ETHERTYPE_TEB;
	if (port == PORT_GENEVE) {
		len += (c->p[0] & 0x3fu) * 4;
		c->type = bf_be16(c->p + 2);
	}
	return bf_step(c, len);
}

/* A link layer in a tunnel, and the IP packet in that. */
static enum bf_encap
enter_carried(struct bf_cursor *c)
{
	uint16_t vlan = 0;

	if (c->type == BF_ETHERTYPE_TEB && !bf_encap_ethernet(c, &vlan))
		return BF_ENCAP_NONE;
	return enter_link(c) ? BF_ENCAP_IP : BF_ENCAP_NONE;
}

/* RFC 3948: four zero bytes are IKE, anything else is the SPI. */
static enum bf_encap
enter_nat_t(struct bf_cursor *c)
{
	if (c->left < 8 || (bf_be16(c->p) | bf_be16(c->p + 2)) == 0)
		return BF_ENCAP_NONE;
	c->type = BF_PROTO_ESP;
	return BF_ENCAP_ID;
}

static enum bf_encap
enter_udp(struct bf_cursor *c)
{
	uint16_t from, port;

	if (c->left < 16)
		return BF_ENCAP_NONE;
	from = bf_be16(c->p);
	port = bf_be16(c->p + 2);
	bf_step(c, 8);
	switch (port) {
	case PORT_VXLAN:
	case PORT_GENEVE:
		return enter_overlay(c, port) ? enter_carried(c) : BF_ENCAP_NONE;
	case PORT_GTPU:
		return enter_gtpu(c) ? BF_ENCAP_IP : BF_ENCAP_NONE;
	case PORT_MPLS:
		return enter_mpls(c) ? BF_ENCAP_IP : BF_ENCAP_NONE;
	default:
		break;
	}
	if (port == PORT_L2TP || from == PORT_L2TP) /* an answer may go to another port */
		return enter_l2tp_udp(c);
	return port == PORT_NAT_T || from == PORT_NAT_T ? enter_nat_t(c) : BF_ENCAP_NONE;
}

enum bf_encap
bf_encap_enter(struct bf_cursor *c)
{
	switch (c->type) {
	case BF_PROTO_IPIP:
		c->type = BF_ETHERTYPE_IPV4;
		return BF_ENCAP_IP;
	case BF_PROTO_IPV6:
		c->type = BF_ETHERTYPE_IPV6;
		return BF_ENCAP_IP;
	case BF_PROTO_GRE:
		return enter_gre(c) ? enter_carried(c) : BF_ENCAP_NONE;
	case BF_PROTO_MPLS:
		return enter_mpls(c) ? BF_ENCAP_IP : BF_ENCAP_NONE;
	case BF_PROTO_L2TP:
		return enter_l2tp_session(c);
	case BF_PROTO_UDP:
		return enter_udp(c);
	default:
		return BF_ENCAP_NONE;
	}
}

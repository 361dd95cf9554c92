/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See dhcp.h.
 *
 * Threads: any (pure functions).
 */
#include "dataplane/dhcp.h"

#include <string.h>

#include "base/be.h"
#include "dataplane/packet.h"

#define UDP_LEN 8

/* RFC 2131, 2132. */
enum {
	V4_REPLY = 2, /* op */
	V4_ETHERNET = 1, /* htype */
	V4_YOUR_ADDRESS_AT = 16,
	V4_CLIENT_AT = 28,
	V4_COOKIE_AT = 236,
	V4_OPTIONS_AT = 240,
	V4_PAD = 0,
	V4_LEASE_TIME = 51,
	V4_TYPE = 53,
	V4_END = 255,
	V4_ACK = 5
};

/* RFC 8415. */
enum {
	V6_REPLY = 7,
	V6_OPTIONS_AT = 4,
	V6_IA_NA = 3,
	V6_IA_TA = 4,
	V6_ADDRESS = 5,
	V6_IA_PD = 25,
	V6_PREFIX = 26,
};

/* A client takes what comes from any port; servers use their own, and only they are believed. */
bool
bf_dhcp_is_of_server(const struct bf_inside *in)
{
	bool v4 = in->type == BF_ET_IPV4;

	return (v4 || in->type == BF_ET_IPV6) && !in->hidden && in->upper != NULL &&
		in->proto == BF_PROTO_UDP && in->upper_len > UDP_LEN &&
		bf_be16(in->upper) == (v4 ? BF_PORT_DHCP_SERVER : BF_PORT_DHCPV6_SERVER) &&
		bf_be16(in->upper + 2) == (v4 ? BF_PORT_DHCP_CLIENT : BF_PORT_DHCPV6_CLIENT);
}

/* @return false: it is no DHCPACK with a lease. */
static bool
v4_options_read(const uint8_t *p, uint32_t len, uint32_t *seconds)
{
	bool acks = false;

	*seconds = 0;
	for (uint32_t at = V4_OPTIONS_AT; at < len && p[at] != V4_END;) {
		uint32_t n = at + 1 < len ? p[at + 1] : 0;

		if (p[at] == V4_PAD) {
			at++;
			continue;
		}
		if (at + 2 + n > len)
			return false;
		if (p[at] == V4_TYPE && n == 1)
			acks = p[at + 2] == V4_ACK;
		else if (p[at] == V4_LEASE_TIME && n == 4)
			*seconds = bf_be32(p + at + 2);
		at += 2 + n;
	}
	return acks && *seconds > 0;
}

static bool
v4_read(const uint8_t *p, uint32_t len, struct bf_dhcp_answer *a)
{
	static const uint8_t cookie[4] = {99, 130, 83, 99};
	struct bf_dhcp_given *g = &a->at[0];

	if (len < V4_OPTIONS_AT || p[0] != V4_REPLY || p[1] != V4_ETHERNET || p[2] != 6 ||
		memcmp(p + V4_COOKIE_AT, cookie, sizeof(cookie)) != 0 ||
		bf_be32(p + V4_YOUR_ADDRESS_AT) == 0 || !v4_options_read(p, len, &g->seconds))
		return false;
	memcpy(g->addr, p + V4_YOUR_ADDRESS_AT, 4);
	g->len = 32;
	a->has_client = true;
	memcpy(&a->client, p + V4_CLIENT_AT, 6);
	a->n = 1;
	return true;
}

static void
prefix_set(struct bf_dhcp_given *g, const uint8_t *addr, uint8_t len)
{
	memcpy(g->addr, addr, 16);
	for (unsigned int bit = len; bit < 128; bit++)
		g->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	g->len = len;
	g->v6 = true;
}

/* Options of an association: addresses, or prefixes, with how long they are valid. */
static void
v6_association_read(const uint8_t *p, uint32_t len, struct bf_dhcp_answer *a)
{
	for (uint32_t at = 0; at + 4 <= len && a->n < BF_DHCP_GIVEN;) {
		const uint8_t *o = p + at + 4;
		uint32_t n = bf_be16(p + at + 2);

		if (at + 4 + n > len)
			return;
		if (bf_be16(p + at) == V6_ADDRESS && n >= 24) {
			a->at[a->n].seconds = bf_be32(o + 20);
			prefix_set(&a->at[a->n++], o, 128);
		} else if (bf_be16(p + at) == V6_PREFIX && n >= 25 && o[8] > 0 && o[8] <= 128) {
			a->at[a->n].seconds = bf_be32(o + 4);
			prefix_set(&a->at[a->n++], o + 9, o[8]);
		}
		at += 4 + n;
	}
}

static bool
v6_read(const uint8_t *p, uint32_t len, struct bf_dhcp_answer *a)
{
	if (len < V6_OPTIONS_AT || p[0] != V6_REPLY)
		return false;
	for (uint32_t at = V6_OPTIONS_AT; at + 4 <= len;) {
		uint32_t code = bf_be16(p + at), n = bf_be16(p + at + 2);
		uint32_t head = code == V6_IA_NA || code == V6_IA_PD ? 12 : 4;
		bool gives = code == V6_IA_NA || code == V6_IA_TA || code == V6_IA_PD;

		if (at + 4 + n > len)
			break;
		if (gives && n > head)
			v6_association_read(p + at + 4 + head, n - head, a);
		at += 4 + n;
	}
	return a->n > 0;
}

bool
bf_dhcp_read(const struct bf_inside *in, struct bf_dhcp_answer *a)
{
	const uint8_t *p;
	uint32_t len;

	*a = (struct bf_dhcp_answer){.n = 0};
	if (!bf_dhcp_is_of_server(in))
		return false;
	p = in->upper + UDP_LEN;
	len = in->upper_len - UDP_LEN;
	return in->type == BF_ET_IPV4 ? v4_read(p, len, a) : v6_read(p, len, a);
}

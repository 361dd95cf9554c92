/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See inside.h.
 *
 * Threads: any (pure functions).
 */
#include "dataplane/inside.h"

#include "base/be.h"
#include "dataplane/packet.h"

#define STEPS_MAX 8 /* tags and LLC headers */
#define EXTENSIONS_MAX 16
#define TELLING 4 /* bytes of UDP with the ports, of ICMPv6 with its type */
#define LLC_LEN 6 /* up to the ethertype */

/* An ethertype follows: RFC 1042, and the bridge-tunnel encapsulation of 802.1H. */
static bool
is_llc(const uint8_t *p)
{
	static const uint8_t snap[2][LLC_LEN] = {
		{0xaa, 0xaa, 0x03, 0, 0, 0}, {0xaa, 0xaa, 0x03, 0, 0, 0xf8}};

	return memcmp(p, snap[0], LLC_LEN) == 0 || memcmp(p, snap[1], LLC_LEN) == 0;
}

static void
payload_find(const uint8_t *p, uint32_t len, struct bf_inside *in)
{
	uint32_t at = 12;
	uint16_t type;

	for (unsigned int i = 0; i <= STEPS_MAX; i++) {
		if (len < at + 2)
			return;
		memcpy(&type, p + at, 2);
		at += 2;
		if (bf_frame_is_tag(type)) {
			at += 2;
		} else if (rte_be_to_cpu_16(type) < 0x600 && len >= at + LLC_LEN &&
			is_llc(p + at)) {
			at += LLC_LEN;
		} else {
			in->type = type;
			in->payload = p + at;
			in->len = len - at;
			return;
		}
	}
	in->hidden = true;
}

static void
upper_set(struct bf_inside *in, uint8_t proto, uint32_t at)
{
	in->proto = proto;
	in->upper = in->payload + at;
	in->upper_len = in->len - at;
	in->hidden = in->upper_len < TELLING && (proto == BF_PROTO_UDP || proto == BF_PROTO_ICMPV6);
}

static void
ipv4_read(struct bf_inside *in)
{
	const uint8_t *p = in->payload;
	uint32_t at = in->len >= BF_IPV4_LEN ? (p[0] & 15u) * 4 : 0;

	if (at < BF_IPV4_LEN || in->len < at || (bf_be16(p + 6) & 0x1fff) != 0)
		return;
	upper_set(in, p[9], at);
}

/* @return its length; 0: it is no extension header that may be skipped. */
static uint32_t
extension_len(uint8_t proto, const uint8_t *p)
{
	switch (proto) {
	case BF_PROTO_HOPOPTS:
	case BF_PROTO_ROUTING:
	case BF_PROTO_DSTOPTS:
	case BF_PROTO_MOBILITY:
	case BF_PROTO_HIP:
	case BF_PROTO_SHIM6:
		return (p[1] + 1u) * 8;
	case BF_PROTO_AH:
		return (p[1] + 2u) * 4;
	case BF_PROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static void
ipv6_read(struct bf_inside *in)
{
	static const uint8_t none[2];
	const uint8_t *p = in->payload;
	uint32_t at = BF_IPV6_LEN, n;
	uint8_t proto;

	if (in->len < at)
		return;
	proto = p[6];
	for (unsigned int i = 0; i <= EXTENSIONS_MAX; i++) {
		n = extension_len(proto, in->len >= at + 2 ? p + at : none);
		if (n == 0) {
			upper_set(in, proto, at);
			return;
		}
		if (in->len < at + n)
			break;
		if (proto == BF_PROTO_FRAGMENT && (bf_be16(p + at + 2) & 0xfff8) != 0)
			return;
		proto = p[at];
		at += n;
	}
	in->hidden = true;
}

void
bf_inside_read(const struct rte_mbuf *m, struct bf_inside *in)
{
	*in = (struct bf_inside){.type = 0};
	payload_find(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, in);
	if (in->type == BF_ET_IPV4)
		ipv4_read(in);
	else if (in->type == BF_ET_IPV6)
		ipv6_read(in);
}

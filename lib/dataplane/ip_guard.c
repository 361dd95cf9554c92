/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See ip_guard.h.
 *
 * Threads: worker (pure functions).
 */
#include "dataplane/ip_guard.h"

#include "base/be.h"

#define ARP_SENDER_MAC 8
#define ARP_SENDER_IP 14
#define ND_TARGET 8
#define ND_OPTIONS BF_ND_LEN

/* Whose frame it is, and the frame's own MAC address at the guest's side. */
struct judge {
	const struct bf_guard *g;
	const struct bf_guard_ips *ips;
	const uint8_t *mac;
};

/* The frame's own address, or another one of the guest's. */
static bool
is_own_mac(const struct judge *j, const uint8_t *mac)
{
	uint64_t mac48 = 0;

	memcpy(&mac48, mac, 6);
	return memcmp(mac, j->mac, 6) == 0 || bf_guard_permits(j->g, mac48);
}

/* fe80::/64 and an interface id that is made from a MAC address (RFC 4291, appendix A). */
static bool
is_own_link_local(const struct judge *j, const uint8_t *a)
{
	static const uint8_t prefix[8] = {0xfe, 0x80};
	const uint8_t mac[6] = {a[8] ^ 2, a[9], a[10], a[13], a[14], a[15]};

	return memcmp(a, prefix, 8) == 0 && a[11] == 0xff && a[12] == 0xfe && is_own_mac(j, mac);
}

/* Is the family open? */
static bool
has_ipv4(const struct judge *j)
{
	return j->ips->n4 > 0 || j->ips->dhcp;
}

static bool
has_ipv6(const struct judge *j)
{
	return j->ips->n6 > 0 || j->ips->dhcp;
}

static bool
is_own_ipv6(const struct judge *j, const uint8_t *a)
{
	return bf_guard_has_ipv6(j->ips, a) || (has_ipv6(j) && is_own_link_local(j, a));
}

/* Are the first four bytes behind the IP headers there, ports or a type, and of this protocol? */
static bool
is_upper(const struct bf_inside *in, uint8_t proto)
{
	return in->upper != NULL && in->upper_len >= 4 && in->proto == proto;
}

static bool
is_dhcp_request(const struct bf_inside *in)
{
	const uint8_t *p = in->payload;

	return bf_be32(p + 12) == 0 && bf_be32(p + 16) == UINT32_MAX &&
		is_upper(in, BF_PROTO_UDP) && bf_be16(in->upper) == BF_PORT_DHCP_CLIENT &&
		bf_be16(in->upper + 2) == BF_PORT_DHCP_SERVER;
}

/* To the servers, from whatever link-local address (RFC 8415 7.1, 7.2). */
static bool
is_dhcpv6_request(const struct bf_inside *in)
{
	static const uint8_t servers[16] = {0xff, 0x02, [13] = 1, [15] = 2};
	const uint8_t *p = in->payload;

	return p[8] == 0xfe && (p[9] & 0xc0) == 0x80 && memcmp(p + 24, servers, 16) == 0 &&
		is_upper(in, BF_PROTO_UDP) && bf_be16(in->upper) == BF_PORT_DHCPV6_CLIENT &&
		bf_be16(in->upper + 2) == BF_PORT_DHCPV6_SERVER;
}

static enum bf_drop
ipv4_from(const struct judge *j, const struct bf_inside *in)
{
	uint32_t src;

	if (in->len < BF_IPV4_LEN || !has_ipv4(j))
		return BF_DROP_FORGED_IP;
	memcpy(&src, in->payload + 12, 4);
	return bf_guard_has_ipv4(j->ips, src) || is_dhcp_request(in) ? BF_DROP_COUNT
								     : BF_DROP_FORGED_IP;
}

static enum bf_drop
arp_from(const struct judge *j, const struct bf_inside *in)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4 */
	uint32_t sender;

	if (in->len < BF_ARP_LEN || memcmp(in->payload, head, sizeof(head)) != 0)
		return BF_DROP_FORGED_NEIGHBOR;
	memcpy(&sender, in->payload + ARP_SENDER_IP, 4);
	return bf_guard_has_ipv4(j->ips, sender) && is_own_mac(j, in->payload + ARP_SENDER_MAC)
		? BF_DROP_COUNT
		: BF_DROP_FORGED_NEIGHBOR;
}

/* Before it has an address: RFC 4862 5.4.2, RFC 3590, RFC 3810 5.2.13. */
static bool
is_from_nobody(const struct bf_inside *in)
{
	static const uint8_t nobody[16];
	const uint8_t *p = in->payload, *u = in->upper;

	return memcmp(p + 8, nobody, 16) == 0 && p[24] == 0xff && p[25] == 0x02 &&
		is_upper(in, BF_PROTO_ICMPV6) && u[1] == 0 &&
		(u[0] == BF_ND_SOLICIT || u[0] == BF_MLD_REPORT || u[0] == BF_MLD2_REPORT);
}

/* The addresses that options of a kind tell of; receivers differ in which one of several they take. */
static bool
are_options_own(const struct judge *j, const uint8_t *p, uint32_t len, uint8_t kind)
{
	while (len > 0) {
		uint32_t n = len >= 2 ? p[1] * 8u : 0;

		if (n == 0 || n > len || (p[0] == kind && !is_own_mac(j, p + 2)))
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* Only what receivers take counts: RFC 4861 7.1. */
static bool
is_neighbor_own(const struct judge *j, const struct bf_inside *in)
{
	const uint8_t *u = in->upper;
	bool solicits;

	if (!is_upper(in, BF_PROTO_ICMPV6) || in->payload[7] != 255 ||
		(u[0] != BF_ND_SOLICIT && u[0] != BF_ND_ADVERT))
		return true;
	solicits = u[0] == BF_ND_SOLICIT;
	if (u[1] != 0 || in->upper_len < BF_ND_LEN)
		return false;
	if (!solicits && !is_own_ipv6(j, u + ND_TARGET))
		return false;
	return are_options_own(j, u + ND_OPTIONS, in->upper_len - ND_OPTIONS,
		solicits ? BF_ND_SOURCE_MAC : BF_ND_TARGET_MAC);
}

static enum bf_drop
ipv6_from(const struct judge *j, const struct bf_inside *in)
{
	if (in->len < BF_IPV6_LEN || !has_ipv6(j))
		return BF_DROP_FORGED_IP;
	if (j->ips->dhcp && is_dhcpv6_request(in))
		return BF_DROP_COUNT;
	if (!is_own_ipv6(j, in->payload + 8) && !is_from_nobody(in))
		return BF_DROP_FORGED_IP;
	return is_neighbor_own(j, in) ? BF_DROP_COUNT : BF_DROP_FORGED_NEIGHBOR;
}

enum bf_drop
bf_ip_guard_from(const struct bf_guard *g, const struct bf_guard_ips *ips, const struct rte_mbuf *m,
	const struct bf_inside *in)
{
	const struct judge j = {g, ips, rte_pktmbuf_mtod_offset(m, const uint8_t *, 6)};

	if (in->type == BF_ET_IPV4)
		return ipv4_from(&j, in);
	if (in->type == BF_ET_IPV6)
		return ipv6_from(&j, in);
	return in->type == BF_ET_ARP ? arp_from(&j, in) : BF_DROP_COUNT;
}

static bool
is_ipv4_for(const struct judge *j, const uint8_t *p)
{
	uint32_t dst;

	memcpy(&dst, p + 16, 4);
	return has_ipv4(j) &&
		(bf_guard_has_ipv4(j->ips, dst) || p[16] >> 4 == 0xe || dst == UINT32_MAX);
}

enum bf_drop
bf_ip_guard_to(const struct bf_guard *g, const struct bf_guard_ips *ips, const struct rte_mbuf *m)
{
	const struct judge j = {g, ips, rte_pktmbuf_mtod(m, const uint8_t *)};
	struct bf_inside in;
	bool own = true;

	if (j.mac[0] & 1)
		return BF_DROP_COUNT;
	bf_inside_read(m, &in);
	if (in.type == BF_ET_IPV4 && in.len >= BF_IPV4_LEN)
		own = is_ipv4_for(&j, in.payload);
	else if (in.type == BF_ET_IPV6 && in.len >= BF_IPV6_LEN)
		own = has_ipv6(&j) && (in.payload[24] == 0xff || is_own_ipv6(&j, in.payload + 24));
	return own ? BF_DROP_COUNT : BF_DROP_NOT_ITS_IP;
}

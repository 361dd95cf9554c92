/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers of Ethernet, ARP and neighbour discovery, in host order.
 *
 * Threads: any (constants).
 */
#ifndef BF_BASE_NET_H
#define BF_BASE_NET_H

/* Ethertypes. */
enum {
	BF_ETHERTYPE_IPV4 = 0x0800,
	BF_ETHERTYPE_ARP = 0x0806,
	BF_ETHERTYPE_TEB = 0x6558, /* transparent Ethernet bridging */
	BF_ETHERTYPE_RARP = 0x8035,
	BF_ETHERTYPE_VLAN = 0x8100,
	BF_ETHERTYPE_IPV6 = 0x86dd,
	BF_ETHERTYPE_SLOW = 0x8809, /* LACP, marker, OAM */
	BF_ETHERTYPE_PPP = 0x880b, /* in GRE */
	BF_ETHERTYPE_MPLS = 0x8847,
	BF_ETHERTYPE_MPLS_MULTICAST = 0x8848,
	BF_ETHERTYPE_PPPOE_SESSION = 0x8864,
	BF_ETHERTYPE_QINQ = 0x88a8,
	BF_ETHERTYPE_LLDP = 0x88cc,
	BF_ETHERTYPE_QINQ_OLD = 0x9100,
};

/* ARP (RFC 826) and RARP (RFC 903) between Ethernet and IPv4. */
enum {
	BF_ARP_LEN = 28,
	BF_ARP_REQUEST = 1,
	BF_ARP_REPLY = 2,
	BF_RARP_REQUEST = 3,
};

/* Reports of multicast listeners (RFC 2710, RFC 3810): ICMPv6 types. */
enum {
	BF_MLD_REPORT = 131,
	BF_MLD2_REPORT = 143,
};

/* Neighbour discovery (RFC 4861): lengths, ICMPv6 types, flags of an advertisement, options. */
enum {
	BF_ND_LEN = 24, /* solicitation or advertisement up to its target address */
	BF_ND_ROUTER_ADVERT = 134,
	BF_ND_SOLICIT = 135,
	BF_ND_ADVERT = 136,
	BF_ND_REDIRECT = 137,
	BF_ND_OVERRIDE = 0x20,
	BF_ND_SOLICITED = 0x40,
	BF_ND_ROUTER = 0x80,
	BF_ND_SOURCE_MAC = 1,
	BF_ND_TARGET_MAC = 2,
};

#endif

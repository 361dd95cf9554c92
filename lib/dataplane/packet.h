/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers of IP, TCP and UDP as they stand in packets.
 *
 * Threads: any (constants).
 */
#ifndef BF_DATAPLANE_PACKET_H
#define BF_DATAPLANE_PACKET_H

/* IP protocols and IPv6 extension headers (IANA). */
enum {
	BF_PROTO_HOPOPTS = 0,
	BF_PROTO_ICMP = 1,
	BF_PROTO_IGMP = 2,
	BF_PROTO_IPIP = 4,
	BF_PROTO_TCP = 6,
	BF_PROTO_UDP = 17,
	BF_PROTO_IPV6 = 41,
	BF_PROTO_ROUTING = 43,
	BF_PROTO_FRAGMENT = 44,
	BF_PROTO_GRE = 47,
	BF_PROTO_ESP = 50,
	BF_PROTO_AH = 51,
	BF_PROTO_ICMPV6 = 58,
	BF_PROTO_DSTOPTS = 60,
	BF_PROTO_PIM = 103,
	BF_PROTO_VRRP = 112,
	BF_PROTO_L2TP = 115,
	BF_PROTO_SCTP = 132,
	BF_PROTO_MOBILITY = 135,
	BF_PROTO_MPLS = 137,
	BF_PROTO_HIP = 139,
	BF_PROTO_SHIM6 = 140,
};

/* UDP ports of DHCP (RFC 2131, RFC 8415). */
enum {
	BF_PORT_DHCP_SERVER = 67,
	BF_PORT_DHCP_CLIENT = 68,
	BF_PORT_DHCPV6_CLIENT = 546,
	BF_PORT_DHCPV6_SERVER = 547,
};

enum {
	BF_IPV4_LEN = 20, /* without options */
	BF_IPV6_LEN = 40,
};

/* RFC 9293 3.1, RFC 768. */
enum {
	BF_TCP_LEN = 20, /* without options */
	BF_TCP_SEQUENCE_AT = 4,
	BF_TCP_FLAGS_AT = 13,
	BF_TCP_CHECKSUM_AT = 16,
	BF_UDP_CHECKSUM_AT = 6,
	BF_TCP_FIN = 0x01,
	BF_TCP_SYN = 0x02,
	BF_TCP_RST = 0x04,
	BF_TCP_PSH = 0x08,
	BF_TCP_URG = 0x20,
	BF_TCP_CWR = 0x80,
};

#endif

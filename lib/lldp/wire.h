/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers of LLDP: types of TLVs, subtypes, organisations (IEEE 802.1AB-2016 8.4, 802.1Q annex D, 802.3 clause 79).
 *
 * Threads: any (constants).
 */
#ifndef BF_LLDP_WIRE_H
#define BF_LLDP_WIRE_H

enum {
	TLV_END = 0,
	TLV_CHASSIS = 1,
	TLV_PORT = 2,
	TLV_TTL = 3,
	TLV_PORT_DESCRIPTION = 4,
	TLV_SYSTEM_NAME = 5,
	TLV_SYSTEM_DESCRIPTION = 6,
	TLV_CAPABILITIES = 7,
	TLV_MANAGEMENT = 8,
	TLV_ORGANISATION = 127,
};

enum {
	CHASSIS_MAC = 4,
	CHASSIS_ADDRESS = 5,
	PORT_MAC = 3,
	PORT_ADDRESS = 4,
	PORT_INTERFACE = 5,
	ADDRESS_IPV4 = 1,
	ADDRESS_IPV6 = 2,
};

/* An organisation's TLVs: its number, and then the subtype. */
enum {
	ORG_802_1 = 0x0080c2,
	ORG_802_1_PVID = 1,
	ORG_802_1_VLAN_NAME = 3,
	ORG_802_1_LAG = 7,
	ORG_802_3 = 0x00120f,
	ORG_802_3_PHY = 1,
	ORG_802_3_LAG = 3,
	ORG_802_3_MAX_FRAME = 4,
	ORG_LEN = 4, /* of number and subtype */
};

enum {
	LAG_CAPABLE = 1,
	LAG_ENABLED = 2,
	AUTONEG_SUPPORTED = 1,
	AUTONEG_ENABLED = 2,
};

#endif

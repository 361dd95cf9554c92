/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Why a frame died: one list gives the enum, the counter, the name and the help text.
 * A frame that enters the switch is delivered or counted under exactly one of these.
 *
 * "at" says whose counter takes it: the port it came from (IN) or was meant for (OUT).
 *
 * Threads: any.
 */
#ifndef BF_DATAPLANE_DROP_LIST_H
#define BF_DATAPLANE_DROP_LIST_H

#include <stdbool.h>

#define BF_DROP_LIST(X) \
	X(RUNT, "runt", "in", "shorter than an Ethernet header") \
	X(RESERVED, "reserved_address", "in", \
		"sent to 01:80:c2:00:00:00-0f, which no bridge forwards") \
	X(SLOW_PROTOCOL, "slow_protocol", "in", \
		"ethertype 0x8809 (LACP, marker, OAM), tagged or not") \
	X(LACP, "lacp", "in", "LACPDU or marker on the bond: read, not forwarded") \
	X(LLDP, "lldp", "in", "LLDP frame on the bond: read, not forwarded") \
	X(LLDP_FLOOD, "lldp_flood", "in", \
		"LLDP frame on a member that received more than 25 in half a second: not read") \
	X(INACTIVE_MEMBER, "inactive_member", "in", \
		"received on a member that accepts no traffic now (backup, or LACP does not " \
		"collect)") \
	X(BAD_SOURCE, "bad_source", "in", "source address is multicast or zero") \
	X(GUEST_BUFFER, "guest_buffer", "in", \
		"the guest's buffer was empty, or longer than any frame may be") \
	X(BAD_OFFLOAD, "bad_offload", "in", \
		"the guest's virtio header requests what was not negotiated, or is invalid") \
	X(GUEST_RING_DISABLED, "guest_ring_disabled", "in", \
		"sent on a ring that the guest's front end has disabled") \
	X(FORGED_MAC, "forged_mac", "in", \
		"the guest may not send from this address: its mac= does not list it, or it " \
		"is another port's") \
	X(MAC_LIMIT, "mac_limit", "in", \
		"sent from a new address by a guest that has reached its mac_limit") \
	X(CONTROL_PROTOCOL, "control_protocol", "in", \
		"a protocol of switches (STP, LLDP, CDP, VTP and others) from a guest") \
	X(ROGUE_DHCP, "rogue_dhcp", "in", \
		"sent to a DHCP client's port by a guest that may not be a DHCP server") \
	X(ROGUE_ROUTER, "rogue_router", "in", \
		"a router advertisement or redirect of IPv6 from a guest that may not be a router") \
	X(FORGED_IP, "forged_ip", "in", \
		"an IP packet from a guest whose ip= does not list the source address") \
	X(FORGED_NEIGHBOR, "forged_neighbor", "in", \
		"ARP or neighbour discovery in which a guest claims an address that is not " \
		"its own") \
	X(HIDDEN_HEADER, "hidden_header", "in", \
		"too many tags or extension headers, or too short a fragment: the guest's " \
		"guards cannot check it") \
	X(RATE_IN, "rate_in", "in", "sent by a guest above its rate_in or peak_in") \
	X(FILTER_IN, "filter_in", "in", "a rule of the guest's filter_in drops it") \
	X(VLAN_TAG, "vlan_tag", "in", \
		"a VLAN that the port is not in, or a tag behind a priority tag") \
	X(SAME_PORT, "same_port", "in", "destination is behind the port the frame came from") \
	X(REFLECTED, "reflected", "in", "a guest's own frame came back on the bond") \
	X(DUPLICATE, "duplicate", "in", "flooded copy on a member that is not the designated one") \
	X(STOPPED, "stopped", "in", "forwarding is stopped") \
	X(FOR_US, "for_us", "in", \
		"sent to the bond's own address (probe replies): read, not forwarded") \
	X(FROM_DISABLED, "from_disabled", "in", \
		"sent by a guest whose port is administratively down") \
	X(LOCKED_PORT, "locked_port", "in", \
		"sent from an address that is not a known station behind the guest, whose " \
		"port is locked") \
	X(ISOLATED, "isolated", "in", "sent from one isolated guest to another") \
	X(FLOOD_SEGMENTS, "flood_segments", "in", \
		"a superframe of more than 128 segments whose destination is not known") \
	X(STORM_BROADCAST, "storm_broadcast", "in", \
		"broadcast above the port's limit, storm_broadcast") \
	X(STORM_MULTICAST, "storm_multicast", "in", \
		"multicast above the port's limit, storm_multicast") \
	X(STORM_UNKNOWN, "storm_unknown", "in", \
		"unicast to an unknown station above the port's limit, storm_unknown") \
	X(ANSWERED, "answered", "in", \
		"ARP request or neighbour solicitation that bondfwd answered for a guest") \
	X(NO_DESTINATION, "no_destination", "in", "flooded, and no other port is up") \
	X(PORT_GONE, "port_gone", "out", "the destination port was removed") \
	X(GUEST_DOWN, "guest_down", "out", "the guest is not connected") \
	X(GUEST_RING_OFF, "guest_ring_off", "out", "the guest has no receive ring enabled") \
	X(GUEST_RING_UNREAD, "guest_ring_unread", "out", \
		"the guest has not refilled its receive ring since it connected: it is booting, or its " \
		"interface is down") \
	X(GUEST_RING_FULL, "guest_ring_full", "out", \
		"the guest's receive ring is full: the guest has refilled it before, but is " \
		"too slow or stuck now") \
	X(RING_BUSY, "ring_busy", "out", "another worker held the guest's only ring") \
	X(TO_DISABLED, "to_disabled", "out", \
		"sent to a guest whose port is administratively down") \
	X(VLAN_OUT, "vlan_out", "out", \
		"a VLAN that the port is not in, or a second tag behind the one that is " \
		"removed for the port") \
	X(FILTER_OUT, "filter_out", "out", "a rule of the guest's filter_out drops it") \
	X(RATE_OUT, "rate_out", "out", "sent to a guest above its rate_out or peak_out") \
	X(NOT_ADDRESSED, "not_addressed", "out", \
		"flooded to an address that is not one of the guarded guest's") \
	X(NOT_ITS_IP, "not_its_ip", "out", \
		"sent to an IP address that the guest's ip= does not list") \
	X(OVERSIZE, "oversize", "out", "longer than the destination port accepts") \
	X(NO_MEMORY, "no_memory", "out", "no buffer was left in the pool to segment a superframe") \
	X(NO_MEMBER, "no_member", "out", "no member of the bond may send") \
	X(MEMBER_FULL, "member_full", "out", "the member's transmit ring is full")

enum bf_drop {
#define BF_DROP_ENUM(sym, name, at, help) BF_DROP_##sym,
	BF_DROP_LIST(BF_DROP_ENUM)
#undef BF_DROP_ENUM
	BF_DROP_COUNT
};

/** Does the port that the frame came from count it? */
static inline bool
bf_drop_is_in(enum bf_drop why)
{
	static const bool is_in[BF_DROP_COUNT] = {
#define BF_DROP_IS_IN(sym, name, at, help) [BF_DROP_##sym] = sizeof(at) == sizeof("in"),
		BF_DROP_LIST(BF_DROP_IS_IN)
#undef BF_DROP_IS_IN
	};

	return is_in[why];
}

#endif

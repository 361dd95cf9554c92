/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The keys of a guest: a row each.
 *
 * Threads: ctx control.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mac.h"
#include "base/own_mac.h"
#include "control/config/config.h"
#include "control/config/types.h"

static const char *const offload_names[] = {"auto", "off", "csum", "tso"};
static const char *const too_big_names[] = {"drop", "icmp"};
static const char *const admin_names[] = {"up", "down"};
static const char *const over_names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "drop", "wait"};
#define OVER_OUT_NAMES (sizeof(over_names) / sizeof(over_names[0]) - 1) /* nothing waits for us */
static const char *const mark_names[] = {
	"0", "1", "2", "3", "4", "5", "6", "7", "keep", "pcp", "dscp"};
static const char *const uplink_down_names[] = {"keep", "link"};
static const char *const guest_mode_names[] = {"client", "server"};

#define G(field) offsetof(struct bf_guest_config, field)

/* `auto` offers what `tso` does. */
static bool
offers_other(const struct bf_key *k, const void *from, const void *to)
{
	uint32_t a = *(const uint32_t *)from, b = *(const uint32_t *)to;

	(void)k;
	return (a == BF_OFFER_AUTO ? BF_OFFER_TSO : a) != (b == BF_OFFER_AUTO ? BF_OFFER_TSO : b);
}

const struct bf_key bf_guest_keys[] = {
	{.name = "name",
		BF_STRING(name, G(name), BF_NAME_MAX),
		.flags = BF_KEY_IDENTITY | BF_KEY_IN_CREATE,
		.help = "name of the guest"},
	{.name = "profile",
		BF_ONE_OF(G(profile), bf_profile_names),
		.def = "trusted",
		.flags = BF_KEY_PROFILE,
		.help = "sets the defaults of other keys; tenant: a guest that you do not trust"},
	{.name = "group",
		BF_STRING(name, G(group), BF_NAME_MAX),
		.flags = BF_KEY_OF_ONE,
		.help = "port group of the guest: its keys apply, except where the guest sets "
			"the key itself"},
	{.name = "socket",
		.other_names = BF_NAMES("path"),
		BF_STRING(path, G(socket), BF_SOCKET_MAX),
		.flags = BF_KEY_OF_ONE,
		.reopens = bf_reopen_if_other,
		.help = "vhost-user socket"},
	{.name = "mode",
		BF_EITHER(G(server), guest_mode_names),
		.def = "client",
		.reopens = bf_reopen_if_other,
		.help = "client: QEMU listens (server=on); server: bondfwd listens"},
	{.name = "queues",
		BF_NUM(G(queues), 1, BF_MAX_QP),
		.def = BF_KEY_NUMBER(BF_MAX_QP),
		.reopens = bf_reopen_if_other,
		.help = "maximum number of queue pairs"},
	{.name = "mtu",
		BF_NUM(G(mtu), BF_MIN_MTU, BF_MAX_MTU),
		.def = "1500",
		.reopens = bf_reopen_if_more,
		.help = "largest packet, bytes"},
	{.name = "too_big",
		BF_EITHER(G(too_big), too_big_names),
		.def = "drop",
		.help = "icmp: the sender of an IP packet longer than the mtu gets an ICMP message"},
	{.name = "mrg_rxbuf",
		BF_ONOFF(G(mrg_rxbuf)),
		.def = "on",
		.reopens = bf_reopen_if_other,
		.help = "offer mergeable receive buffers"},
	{.name = "packed",
		BF_ONOFF(G(packed)),
		.def = "on",
		.reopens = bf_reopen_if_other,
		.help = "offer packed rings"},
	{.name = "offload",
		BF_ONE_OF(G(offload), offload_names),
		.def = "auto",
		.reopens = offers_other,
		.help = "offer partial checksums (csum), superframes as well (tso), or nothing; auto: all"},
	{.name = "features",
		BF_VALUE(features, G(features)),
		.reopens = bf_reopen_if_other,
		.help = "for migration: offer no more features than this version of bondfwd "
			"could offer, or than a mask has; none: no limit"},
	{.name = "mbufs",
		BF_NUM_OF_BOND(G(mbufs), 512, 262144),
		.def = "bond",
		.reopens = bf_reopen_if_other,
		.help = "frames in a pool of its own; bond: the bond's pool, unless its "
			"frames are too short for the mtu"},
	{.name = "mac_limit",
		BF_NUM(G(mac_limit), 1, 1048576),
		.def = "1024",
		.tenant = "8",
		.help = "maximum number of stations that are learned behind the guest"},
	{.name = "learning",
		BF_ONOFF(G(learning)),
		.def = "on",
		.help = "off: stations behind the guest are not learned; add them with add fdb"},
	{.name = "locked",
		BF_ONOFF(G(locked)),
		.def = "off",
		.help = "on: the guest's frames are dropped if their source is not a known "
			"station behind it"},
	{.name = "flood",
		BF_ONOFF(G(flood)),
		.def = "on",
		.help = "off: the guest gets no flooded frames to unknown stations"},
	{.name = "mcast_flood",
		BF_ONOFF(G(mcast_flood)),
		.def = "on",
		.help = "off: the guest gets no multicast frames"},
	{.name = "bcast_flood",
		BF_ONOFF(G(bcast_flood)),
		.def = "on",
		.help = "off: the guest gets no broadcast frames"},
	{.name = "isolated",
		BF_ONOFF(G(isolated)),
		.def = "off",
		.help = "on: no frames pass between this guest and other isolated guests"},
	{.name = "neigh_suppress",
		BF_ONOFF(G(neigh_suppress)),
		.def = "off",
		.help = "on: bondfwd answers ARP requests and neighbour solicitations for the "
			"guest's addresses instead of flooding them"},
	{.name = "address",
		BF_VALUE(mac, G(address)),
		.flags = BF_KEY_OF_ONE,
		.help = "MAC address of a host port's interface; default: derived from the "
			"machine and the name"},
	{.name = "storm_broadcast",
		BF_VALUE(rate, G(storm[BF_STORM_BROADCAST])),
		.def = "off",
		.tenant = "1kpps",
		.help = "limit of broadcast from the guest: frames/s (1000, 5kpps) or bit/s "
			"(10mbit), off"},
	{.name = "storm_multicast",
		BF_VALUE(rate, G(storm[BF_STORM_MULTICAST])),
		.def = "off",
		.tenant = "2kpps",
		.help = "the same for multicast that is flooded"},
	{.name = "storm_unknown",
		BF_VALUE(rate, G(storm[BF_STORM_UNKNOWN])),
		.def = "off",
		.tenant = "5kpps",
		.help = "the same for unicast to unknown stations"},
	{.name = "uplink",
		BF_STRING(name, G(uplink), BF_NAME_MAX),
		.help = "bond whose switch the guest is on, if there are several"},
	{.name = "uplink_down",
		BF_EITHER(G(uplink_down), uplink_down_names),
		.def = "keep",
		.help = "link: the guest's link is down while its bond has no usable member, "
			"for guests with another uplink; needs mode=client"},
	{.name = "tx_retries",
		BF_NUM(G(tx_retries), 0, 32),
		.def = "0",
		.help = "how often a worker tries again when the guest's receive ring is full"},
	{.name = "label",
		BF_STRING(name, G(label), BF_NAME_MAX),
		.help = "a note of yours in one word, such as the guest's owner; it is only "
			"shown"},
	{.name = "admin",
		BF_EITHER(G(disabled), admin_names),
		.def = "up",
		.help = "down: frames from and to the guest are dropped, its connection stays"},
	{.name = "vlan",
		.other_names = BF_NAMES("tag"),
		BF_VALUE(access, G(vlan)),
		.def = "any",
		.tenant = "untagged",
		.help = "VLAN of an access port: the guest sends and gets untagged frames; "
			"untagged: the same in no VLAN; any: all VLANs, frames keep their "
			"tags"},
	{.name = "trunk",
		.other_names = BF_NAMES("trunks"),
		BF_VALUE(vlans, G(trunk)),
		.help = "VLANs that the guest sends and gets with their tags"},
	{.name = "native",
		BF_VALUE(vlan, G(native)),
		.def = "none",
		.help = "VLAN of the untagged frames of a trunk; none: they are dropped"},
	{.name = "qinq",
		BF_VALUE(vlan, G(qinq)),
		.def = "none",
		.help = "802.1ad VLAN: the guest's frames get this tag in front of their own "
			"tags"},
	{.name = "mac_guard",
		BF_ONOFF(G(mac_guard)),
		.def = "off",
		.tenant = "on",
		.help = "on: the guest can send only from its own MAC addresses, and gets no "
			"unicast to others"},
	{.name = "mac",
		BF_VALUE(macs, G(mac)),
		.help = "the guest's own MAC addresses and prefixes; auto: one derived from "
			"the machine and the name; none: the first mac_limit addresses that "
			"it uses"},
	{.name = "team",
		BF_STRING(name, G(team), BF_NAME_MAX),
		.help = "guests of the same team may use each other's addresses; for ports of "
			"one machine that are bonded in it"},
	{.name = "protocol_guard",
		BF_ONOFF(G(protocol_guard)),
		.def = "off",
		.tenant = "on",
		.help = "on: protocols of switches (STP, LLDP, CDP, VTP and others) are dropped"},
	{.name = "dhcp_guard",
		BF_ONOFF(G(dhcp_guard)),
		.def = "off",
		.tenant = "on",
		.help = "on: the guest may not answer as a DHCP server, of IPv4 or IPv6"},
	{.name = "ra_guard",
		BF_ONOFF(G(ra_guard)),
		.def = "off",
		.tenant = "on",
		.help = "on: the guest may send no router advertisements and redirects of IPv6"},
	{.name = "ip",
		BF_VALUE(ips, G(ip)),
		.help = "the guest's IP addresses and networks: packets from and to others "
			"are dropped; dhcp: those that a DHCP server leases to it; none: any"},
	{.name = "rate_in",
		BF_RATE_BURST(G(rate[BF_QOS_IN]), 2),
		.def = "off",
		.help = "rate limit of what the guest sends"},
	{.name = "over_in",
		BF_ONE_OF(G(over[BF_QOS_IN]), over_names),
		.def = "wait",
		.help = "frames beyond rate_in stay in the guest's ring (wait), are dropped, or get a class of "
			"0 to 7"},
	{.name = "peak_in",
		BF_RATE_BURST(G(peak[BF_QOS_IN]), 1),
		.def = "off",
		.help = "with over_in=0 to 7: frames beyond this rate are dropped"},
	{.name = "rate_out",
		BF_RATE_BURST(G(rate[BF_QOS_OUT]), 2),
		.def = "off",
		.help = "rate limit of what the guest gets"},
	{.name = "over_out",
		.type = &bf_type_enum,
		.offset = G(over[BF_QOS_OUT]),
		.words = over_names,
		.n_words = OVER_OUT_NAMES,
		.def = "drop",
		.help = "frames beyond rate_out are dropped, or get a class of 0 to 7"},
	{.name = "peak_out",
		BF_RATE_BURST(G(peak[BF_QOS_OUT]), 1),
		.def = "off",
		.help = "with over_out=0 to 7: frames beyond this rate are dropped"},
	{.name = "weight",
		BF_NUM(G(weight), 0, 100),
		.def = "0",
		.help = "the guest's share of a worker or member that is overloaded, relative "
			"to other guests; 0: not set, which counts as 1 if other guests have "
			"a weight"},
	{.name = "mark_in",
		BF_ONE_OF(G(mark[BF_QOS_IN]), mark_names),
		.def = "keep",
		.help = "class of frames from the guest: 0 to 7, written into tag and DSCP; "
			"pcp: taken from the 802.1p tag and written into the DSCP; dscp: the "
			"reverse; keep: frames are not changed"},
	{.name = "mark_out",
		BF_ONE_OF(G(mark[BF_QOS_OUT]), mark_names),
		.def = "keep",
		.help = "the same for frames to the guest"},
	{.name = "filter_in",
		BF_STRING(filter, G(filter[BF_QOS_IN]), BF_FILTER_TEXT_MAX),
		.help = "rules for frames from the guest; the first match decides, but count "
			"only counts"},
	{.name = "filter_out",
		BF_STRING(filter, G(filter[BF_QOS_OUT]), BF_FILTER_TEXT_MAX),
		.help = "the same for frames to the guest"},
};
const unsigned int bf_n_guest_keys = sizeof(bf_guest_keys) / sizeof(bf_guest_keys[0]);
const struct bf_key_table bf_guest_table = {.what = "guest",
	.keys = bf_guest_keys,
	.n = sizeof(bf_guest_keys) / sizeof(bf_guest_keys[0]),
	.size = sizeof(struct bf_guest_config),
	.has_profile = true,
	.profile = G(profile),
	.given = G(given),
	.has_groups = true};

static_assert(sizeof(bf_guest_keys) / sizeof(bf_guest_keys[0]) <= 64, "a bit for each key");

void
bf_guest_config_init(struct bf_guest_config *g)
{
	bf_keys_init(&bf_guest_table, g);
}

void
bf_config_init_guest(const struct bf_config *c, struct bf_guest_config *g)
{
	bf_guest_config_init(g);
	bf_keys_set_profile(&bf_guest_table, g, c->profile);
}

bool
bf_guest_config_has_profile(const struct bf_guest_config *g)
{
	for (unsigned int i = 0; i < bf_n_guest_keys; i++)
		if (bf_guest_keys[i].flags & BF_KEY_PROFILE)
			return (g->given >> i & 1) != 0;
	return false;
}

int
bf_guest_config_set(
	struct bf_guest_config *g, const char *key, const char *value, struct bf_err *err)
{
	return bf_keys_set(&bf_guest_table, g, key, value, err);
}

int
bf_guest_config_parse(struct bf_guest_config *g, const char *pairs, struct bf_err *err)
{
	return bf_keys_parse(&bf_guest_table, g, pairs, err);
}

const char *
bf_guest_config_kind(const struct bf_guest_config *g)
{
	return g->host ? "host" : "guest";
}

bool
bf_guest_config_has_auto_mac(const struct bf_guest_config *g)
{
	for (uint32_t i = 0; i < g->mac.n; i++)
		if (g->mac.at[i].len == 0)
			return true;
	return false;
}

void
bf_guest_config_own_mac(const struct bf_guest_config *g, uint8_t mac[6])
{
	if (g->host && !bf_mac_is_zero(g->address))
		memcpy(mac, g->address, sizeof(g->address));
	else
		bf_own_mac(g->name, mac);
}

struct bf_mac_prefix
bf_guest_config_mac(const struct bf_guest_config *g, uint32_t i)
{
	struct bf_mac_prefix p = g->mac.at[i];

	if (p.len == 0) {
		bf_guest_config_own_mac(g, p.addr);
		p.len = 48;
	}
	return p;
}

bool
bf_guest_config_is_equal(const struct bf_guest_config *a, const struct bf_guest_config *b)
{
	return a->host == b->host && bf_keys_are_equal(&bf_guest_table, a, b) &&
		(a->group[0] == '\0' || a->given == b->given) &&
		memcmp(a->pin, b->pin, sizeof(a->pin)) == 0;
}

bool
bf_guest_config_reopens(const struct bf_guest_config *from, const struct bf_guest_config *to)
{
	return from->host != to->host || bf_keys_reopen(&bf_guest_table, from, to);
}

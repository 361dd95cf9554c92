/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The keys of a bond and of its members: a row each.
 *
 * Threads: ctx control.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/words.h"
#include "control/config/config.h"
#include "control/config/types.h"

const char *const bf_mode_names[BF_MODE_COUNT] = {"balance-rr", "active-backup", "balance-xor",
	"broadcast", "802.3ad", "balance-tlb", "balance-alb"};
const char *const bf_mode_hints[BF_MODE_COUNT] = {
	"needs a static LAG; frames of a flow may arrive out of order",
	"must not have a LAG; one member carries, the others wait",
	"needs a static LAG",
	"must not have a LAG; every frame leaves on every member: receivers see copies, for labs only",
	"needs a LAG with LACP",
	"must not have a LAG; each guest station keeps to one member, moved when loads differ",
	"must not have a LAG; as balance-tlb: stations keep to members, no guest's frame is rewritten",
};
const char *const bf_policy_names[BF_POLICY_COUNT] = {
	"l2", "l23", "l34", "vlan+srcmac", "encap23", "encap34"};
static const char *const reselect_names[] = {"always", "better", "failure"};
static const char *const agg_names[] = {"stable", "bandwidth", "count", "priority"};
static const char *const lacp_rate_names[] = {"slow", "fast"};
static const char *const detect_names[] = {"auto", "interrupt", "poll"};
static const char *const member_detect_names[] = {"bond", "auto", "interrupt", "poll"};
static const char *const member_offload_names[] = {"auto", "off"};
static const char *const lldp_names[] = {"off", "rx", "both"};
static const char *const too_big_names[] = {"drop", "icmp"};

/* Modes that read a key. */
#define AB (1u << BF_MODE_ACTIVE_BACKUP)
#define LACP (1u << BF_MODE_8023AD)
#define FLOW (1u << BF_MODE_XOR | LACP)
#define HASH (FLOW | 1u << BF_MODE_TLB | 1u << BF_MODE_ALB)

#define B(field) offsetof(struct bf_bond_config, field)
#define M(field) offsetof(struct bf_member_config, field)

static int
member_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	(void)k;
	return bf_bond_config_add_member(at, text, err);
}

static void
members_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const struct bf_bond_config *b = at;

	(void)k;
	buf[0] = '\0';
	for (uint32_t i = 0; i < b->n_members; i++)
		bf_words_add(buf, size, " ", b->members[i].name);
	if (b->n_members == 0)
		bf_words_add(buf, size, "", "none");
}

static void
member_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	buf[0] = '\0';
	bf_words_add(buf, size, "", "device");
}

static bool
members_are_equal(const void *a, const void *b)
{
	const struct bf_bond_config *one = a, *other = b;

	if (one->n_members != other->n_members)
		return false;
	for (uint32_t i = 0; i < one->n_members; i++)
		if (strcmp(one->members[i].name, other->members[i].name) != 0 ||
			!bf_keys_are_equal(&bf_member_table, &one->members[i], &other->members[i]))
			return false;
	return true;
}

/* The value is the whole bond's: members have keys of their own. */
static const struct bf_key_type members_type = {.parse = member_parse,
	.print = members_print,
	.values = member_values,
	.is_equal = members_are_equal,
	.adds = true};

const struct bf_key bf_bond_keys[] = {
	{.name = "name",
		BF_STRING(name, B(name), BF_NAME_MAX),
		.def = BF_BOND_DEFAULT_NAME,
		.flags = BF_KEY_IDENTITY | BF_KEY_IN_CREATE,
		.help = "name of the bond"},
	{.name = "member",
		.other_names = BF_NAMES("slave"),
		.type = &members_type,
		.flags = BF_KEY_IDENTITY | BF_KEY_IN_CREATE,
		.help = "a member's device name or PCI address; repeat the key for more, up to 16"},
	{.name = "mode",
		BF_ONE_OF(B(mode), bf_mode_names),
		.other_words =
			BF_WORDS({"roundrobin", "balance-rr"}, {"activebackup", "active-backup"},
				{"loadbalance", "balance-xor"}, {"lacp", "802.3ad"}),
		.def = "active-backup",
		.flags = BF_KEY_IN_CREATE,
		.help = "bonding mode, by name or Linux number"},
	{.name = "primary",
		BF_STRING(device, B(primary), BF_DEV_NAME_MAX),
		.modes = AB,
		.help = "member that active-backup prefers"},
	{.name = "primary_reselect",
		BF_ONE_OF(B(primary_reselect), reselect_names),
		.def = "always",
		.modes = AB,
		.help = "when a recovered primary takes over again"},
	{.name = "xmit_policy",
		.other_names = BF_NAMES("balance_xmit_policy", "xmit_hash_policy"),
		BF_ONE_OF(B(policy), bf_policy_names),
		.other_words = BF_WORDS({"layer2", "l2"}, {"layer2+3", "l23"}, {"layer3+4", "l34"},
			{"encap2+3", "encap23"}, {"encap3+4", "encap34"}),
		.def = "l34",
		.modes = FLOW,
		.help = "which fields of a frame choose its member"},
	{.name = "seed",
		.other_names = BF_NAMES("hash_seed"),
		BF_NUM(B(seed), 0, UINT32_MAX),
		.def = "0",
		.modes = HASH,
		.help = "seed of the hash; another seed spreads flows differently"},
	{.name = "mac",
		BF_VALUE(mac, B(mac)),
		.help = "address of the bond; default: its first member's"},
	{.name = "mtu",
		BF_NUM(B(mtu), BF_MIN_MTU, BF_MAX_MTU),
		.def = "1500",
		.help = "largest packet, bytes"},
	{.name = "too_big",
		BF_EITHER(B(too_big), too_big_names),
		.def = "drop",
		.help = "icmp: the sender of an IP packet longer than the mtu gets an ICMP message"},
	{.name = "rxd",
		BF_NUM(B(rxd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		.def = BF_KEY_NUMBER(BF_RING_SIZE),
		.help = "receive descriptors of each queue of a member"},
	{.name = "txd",
		BF_NUM(B(txd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		.def = BF_KEY_NUMBER(BF_RING_SIZE),
		.help = "transmit descriptors of each queue of a member"},
	{.name = "link_detect",
		BF_ONE_OF(B(link_detect), detect_names),
		.def = "auto",
		.help = "how link changes are detected: by the driver's interrupt, by polling it every "
			"mon_period, or auto: by interrupt until that fails"},
	{.name = "mon_period",
		.other_names = BF_NAMES("lsc_poll_period_ms", "miimon"),
		BF_NUM(B(mon_period_ms), 1, 10000),
		.def = "10",
		.help = "ms between two polls of the links of members that are polled"},
	{.name = "up_delay",
		.other_names = BF_NAMES("updelay"),
		BF_NUM(B(up_delay_ms), 0, 600000),
		.def = "0",
		.help = "ms a member's link must be up before it is used"},
	{.name = "down_delay",
		.other_names = BF_NAMES("downdelay"),
		BF_NUM(B(down_delay_ms), 0, 600000),
		.def = "0",
		.help = "ms a member without link is still used"},
	{.name = "flap_limit",
		BF_NUM(B(flap_limit), 0, BF_FLAPS_MAX),
		.def = "0",
		.help = "link losses within flap_window after which a member is taken out of "
			"service, 0 = never"},
	{.name = "flap_window",
		BF_NUM(B(flap_window_ms), 1, 3600000),
		.def = "10000",
		.help = "ms in which flap_limit is counted"},
	{.name = "flap_hold",
		BF_NUM(B(flap_hold_ms), 1, 3600000),
		.def = "60000",
		.help = "ms the link of a member that flapped must be up before the member is "
			"used again"},
	{.name = "vlans",
		BF_VALUE(vlans, B(vlans)),
		.help = "VLANs that pass between the LAN and the switch; none: all, and "
			"untagged frames"},
	{.name = "native",
		BF_VALUE(vlan, B(native)),
		.def = "none",
		.help = "VLAN of the LAN's untagged frames; LACP, LLDP and probes stay untagged"},
	{.name = "storm_broadcast",
		BF_VALUE(rate, B(storm[BF_STORM_BROADCAST])),
		.def = "off",
		.tenant = "10kpps",
		.help = "limit of broadcast from the LAN: frames/s (1000, 5kpps) or bit/s "
			"(10mbit), off"},
	{.name = "storm_multicast",
		BF_VALUE(rate, B(storm[BF_STORM_MULTICAST])),
		.def = "off",
		.tenant = "20kpps",
		.help = "the same for multicast that is flooded"},
	{.name = "storm_unknown",
		BF_VALUE(rate, B(storm[BF_STORM_UNKNOWN])),
		.def = "off",
		.tenant = "50kpps",
		.help = "the same for unicast to unknown stations"},
	{.name = "mcast_snooping",
		BF_ONOFF(B(mcast_snooping)),
		.def = "off",
		.help = "on: multicast is sent only to ports that joined the group by IGMP or "
			"MLD; off: it is flooded"},
	{.name = "allow_duplicates",
		.other_names = BF_NAMES("all_slaves_active"),
		BF_ONOFF(B(allow_duplicates)),
		.def = "off",
		.help = "modes without a LAG, on: accept flooded frames from every member; "
			"off: from one"},
	{.name = "num_peer_notif",
		.other_names = BF_NAMES("num_grat_arp", "num_unsol_na"),
		BF_NUM(B(num_peer_notif), 0, 255),
		.def = "1",
		.help = "announcements per guest address after a failover"},
	{.name = "peer_notif_delay",
		BF_NUM(B(peer_notif_delay_ms), 0, 300000),
		.def = "200",
		.help = "ms between repeated announcements"},
	{.name = "resend_igmp",
		BF_NUM(B(resend_igmp), 0, 255),
		.def = "1",
		.help = "IGMP and MLD reports repeated per group of a guest after a failover"},
	{.name = "rebalance",
		BF_ONOFF(B(rebalance)),
		.def = "off",
		.modes = FLOW,
		.help = "balance-xor, 802.3ad: move flows off a member that carries too much"},
	{.name = "rebalance_interval",
		BF_NUM(B(rebalance_interval_ms), 0, 10000000),
		.def = "10000",
		.help = "ms between two checks of the balance, 0 = never"},
	{.name = "mac_move_budget",
		BF_NUM(B(mac_move_budget), 1, 1000000),
		.def = "60",
		.help = "maximum number of stations that rebalancing moves per minute"},
	{.name = "probe_target",
		.other_names = BF_NAMES("arp_ip_target", "ns_ip6_target"),
		BF_VALUE(targets, B(probe_targets)),
		.help = "address to probe, ADDRESS[/VLAN]; repeat the key for more, up to 16"},
	{.name = "probe_interval",
		.other_names = BF_NAMES("arp_interval"),
		BF_NUM(B(probe_interval_ms), 0, 600000),
		.def = "0",
		.help = "ms between two probes of the targets, 0 = no probes"},
	{.name = "probe_missed_max",
		.other_names = BF_NAMES("arp_missed_max", "missed_max"),
		BF_NUM(B(probe_missed_max), 1, 255),
		.def = "2",
		.help = "intervals without an answer after which a member is taken out of "
			"service"},
	{.name = "probe_validate",
		.other_names = BF_NAMES("arp_validate"),
		BF_ONOFF(B(probe_validate)),
		.other_words = BF_WORDS({"all", "on"}, {"none", "off"}, {"3", "on"}),
		.def = "on",
		.help = "on: only an answer of a target counts; off: any frame counts"},
	{.name = "lldp",
		BF_ONE_OF(B(lldp), lldp_names),
		.def = "rx",
		.help = "LLDP of members: listen to neighbours (rx), also send (both), or neither (off)"},
	{.name = "error_limit",
		BF_NUM(B(error_limit), 0, 1000000),
		.def = "0",
		.help = "frames with errors per million, in the last 10 s, above which a "
			"member is drained; 0 = off"},
	{.name = "agg_mode",
		.other_names = BF_NAMES("agg_select", "ad_select"),
		BF_ONE_OF(B(agg_mode), agg_names),
		.other_words = BF_WORDS({"actor_port_prio", "priority"}),
		.def = "stable",
		.modes = LACP,
		.help = "802.3ad: which aggregator is active"},
	{.name = "lacp_rate",
		BF_ONE_OF(B(lacp_rate), lacp_rate_names),
		.def = "slow",
		.modes = LACP,
		.help = "how often the partner shall send LACPDUs: slow (30 s) or fast (1 s)"},
	{.name = "lacp_active",
		BF_ONOFF(B(lacp_active)),
		.def = "on",
		.modes = LACP,
		.help = "send LACPDUs even if the partner does not"},
	{.name = "lacp_system_priority",
		.other_names = BF_NAMES("ad_actor_sys_prio"),
		BF_NUM(B(lacp_system_priority), 1, 65535),
		.def = "65535",
		.modes = LACP,
		.help = "LACP system priority"},
	{.name = "lacp_system_id",
		.other_names = BF_NAMES("ad_actor_system"),
		BF_VALUE(mac, B(lacp_system_id)),
		.flags = BF_KEY_RANDOM,
		.modes = LACP,
		.help = "LACP system id; default: the bond's MAC; \"random\": bondfwd chooses "
			"one"},
	{.name = "lacp_key",
		.other_names = BF_NAMES("ad_user_port_key"),
		BF_NUM(B(lacp_key), 0, 65535),
		.def = "0",
		.modes = LACP,
		.help = "LACP admin key, 0 = by speed"},
	{.name = "min_links",
		BF_NUM(B(min_links), 0, BF_MAX_MEMBERS),
		.def = "0",
		.modes = LACP,
		.help = "802.3ad: carrier is off with fewer members in service"},
	{.name = "max_links",
		BF_NUM(B(max_links), 0, BF_MAX_MEMBERS),
		.def = "0",
		.modes = LACP,
		.help = "802.3ad: maximum number of members in service, the others stand by; "
			"0 = no limit"},
	{.name = "lacp_fallback",
		BF_ONOFF(B(lacp_fallback)),
		.def = "off",
		.modes = LACP,
		.help = "one member forwards until a partner appears"},
	{.name = "lacp_strict",
		BF_ONOFF(B(lacp_strict)),
		.def = "off",
		.modes = LACP,
		.help = "no carrier while no member has a partner"},
	{.name = "lacp_partner",
		BF_VALUE(mac, B(lacp_partner)),
		.modes = LACP,
		.help = "system id of the only partner that is accepted"},
	{.name = "lacp_pdu_limit",
		BF_NUM(B(lacp_pdu_limit), 1, 1000),
		.def = "20",
		.modes = LACP,
		.help = "maximum number of LACPDUs per second that are accepted from a member"},
};
const unsigned int bf_n_bond_keys = sizeof(bf_bond_keys) / sizeof(bf_bond_keys[0]);
const struct bf_key_table bf_bond_table = {.what = "bond",
	.keys = bf_bond_keys,
	.n = sizeof(bf_bond_keys) / sizeof(bf_bond_keys[0]),
	.size = sizeof(struct bf_bond_config),
	.has_profile = true,
	.profile = B(profile),
	.given = B(given)};

static_assert(sizeof(bf_bond_keys) / sizeof(bf_bond_keys[0]) <= 64, "a bit for each key");

const struct bf_key bf_member_keys[] = {
	{.name = "priority",
		.other_names = BF_NAMES("prio"),
		BF_SIGNED(M(priority), -1000000, 1000000),
		.def = "0",
		.help = "active-backup prefers the member with the highest"},
	{.name = "up_delay",
		.other_names = BF_NAMES("updelay"),
		BF_NUM_OF_BOND(M(up_delay_ms), 0, 600000),
		.def = "bond",
		.help = "ms this member's link must be up before it is used"},
	{.name = "down_delay",
		.other_names = BF_NAMES("downdelay"),
		BF_NUM_OF_BOND(M(down_delay_ms), 0, 600000),
		.def = "bond",
		.help = "ms this member is still used without link"},
	{.name = "rxd",
		BF_NUM_OF_BOND(M(rxd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		.def = "bond",
		.help = "receive descriptors of each of its queues"},
	{.name = "txd",
		BF_NUM_OF_BOND(M(txd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		.def = "bond",
		.help = "transmit descriptors of each of its queues"},
	{.name = "link_detect",
		BF_ONE_OF(M(link_detect), member_detect_names),
		.def = "bond",
		.help = "how link changes of this member are detected"},
	{.name = "lacp_port_priority",
		.other_names = BF_NAMES("ad_actor_port_prio", "actor_port_prio"),
		BF_NUM(M(lacp_port_priority), 1, 65535),
		.def = "255",
		.help = "LACP port priority"},
	{.name = "offload",
		BF_EITHER(M(no_offload), member_offload_names),
		.def = "auto",
		.help = "auto: the card computes checksums and segments superframes if it "
			"can; off: bondfwd does"},
	{.name = "spare",
		BF_ONOFF(M(spare)),
		.def = "off",
		.help = "on: the member stands by, and serves only in place of one that is "
			"lost"},
	{.name = "drained",
		BF_ONOFF(M(drained)),
		.def = "off",
		.help = "send this member's traffic over the other members while any are available"},
};
const unsigned int bf_n_member_keys = sizeof(bf_member_keys) / sizeof(bf_member_keys[0]);
const struct bf_key_table bf_member_table = {.what = "member",
	.keys = bf_member_keys,
	.n = sizeof(bf_member_keys) / sizeof(bf_member_keys[0]),
	.size = sizeof(struct bf_member_config)};

void
bf_bond_config_init(struct bf_bond_config *b)
{
	bf_keys_init(&bf_bond_table, b);
}

void
bf_member_config_init(struct bf_member_config *m)
{
	bf_keys_init(&bf_member_table, m);
}

int
bf_bond_config_set(struct bf_bond_config *b, const char *key, const char *value, struct bf_err *err)
{
	return bf_keys_set(&bf_bond_table, b, key, value, err);
}

int
bf_member_config_set(
	struct bf_member_config *m, const char *key, const char *value, struct bf_err *err)
{
	return bf_keys_set(&bf_member_table, m, key, value, err);
}

int
bf_bond_config_parse(struct bf_bond_config *b, const char *pairs, struct bf_err *err)
{
	return bf_keys_parse(&bf_bond_table, b, pairs, err);
}

int
bf_member_config_parse(struct bf_member_config *m, const char *pairs, struct bf_err *err)
{
	return bf_keys_parse(&bf_member_table, m, pairs, err);
}

bool
bf_bond_config_is_equal(const struct bf_bond_config *a, const struct bf_bond_config *b)
{
	return bf_keys_are_equal(&bf_bond_table, a, b);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The operator's wishes as values: tables of keys, and the rules that need no device.
 *
 * Threads: ctx control.
 */
#include "control/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/parse.h"
#include "base/suggest.h"
#include "base/words.h"

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
static const char *const rate_names[] = {"slow", "fast"};
static const char *const detect_names[] = {"auto", "interrupt", "poll"};
static const char *const member_detect_names[] = {"bond", "auto", "interrupt", "poll"};
static const char *const offload_names[] = {"auto", "off", "csum", "tso"};
static const char *const member_offload_names[] = {"auto", "off"};
static const char *const too_big_names[] = {"drop", "icmp"};
static const char *const admin_names[] = {"up", "down"};
static const char *const guest_mode_names[] = {"client", "server"};

#define B(field) offsetof(struct bf_bond_config, field)
#define G(field) offsetof(struct bf_guest_config, field)
#define M(field) offsetof(struct bf_member_config, field)
#define NUM(off, lo, hi) BF_KEY_U32, (off), (lo), (hi), NULL, 0
#define SIGNED(off, lo, hi) BF_KEY_I32, (off), (lo), (hi), NULL, 0
#define OF_BOND(off, lo, hi) BF_KEY_OF_BOND, (off), (lo), (hi), NULL, 0
#define ONOFF(off) BF_KEY_BOOL, (off), 0, 1, NULL, 0
#define ONE_OF(off, words) BF_KEY_ENUM, (off), 0, 0, (words), sizeof(words) / sizeof((words)[0])
#define MACADDR(off) BF_KEY_MAC, (off), 0, 0, NULL, 0

const struct bf_key bf_bond_keys[] = {
	{"mode", NULL, ONE_OF(B(mode), bf_mode_names), "bonding mode, by name or Linux number"},
	{"primary", NULL, BF_KEY_DEVICE, B(primary), 0, BF_DEV_NAME_MAX, NULL, 0,
		"member that active-backup prefers"},
	{"primary_reselect", NULL, ONE_OF(B(primary_reselect), reselect_names),
		"when a recovered primary takes over again"},
	{"xmit_policy", "balance_xmit_policy", ONE_OF(B(policy), bf_policy_names),
		"which fields of a frame choose its member"},
	{"seed", "hash_seed", NUM(B(seed), 0, UINT32_MAX), "changes the spread of flows"},
	{"mac", NULL, MACADDR(B(mac)), "address of the bond; default: its first member's"},
	{"mtu", NULL, NUM(B(mtu), BF_MIN_MTU, BF_MAX_MTU), "largest packet, bytes"},
	{"too_big", NULL, BF_KEY_BOOL, B(too_big), 0, 0, too_big_names, 2,
		"icmp: the sender of an IP packet longer than the mtu gets an ICMP message"},
	{"rxd", NULL, NUM(B(rxd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		"receive descriptors of each queue of a member"},
	{"txd", NULL, NUM(B(txd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		"transmit descriptors of each queue of a member"},
	{"link_detect", NULL, ONE_OF(B(link_detect), detect_names),
		"how link changes are noticed: by the driver's interrupt, by asking it every "
		"mon_period, or auto: by interrupt until that is seen to fail"},
	{"mon_period", "lsc_poll_period_ms", NUM(B(mon_period_ms), 1, 10000),
		"ms between two questions to the drivers of members that are polled for their link"},
	{"up_delay", "updelay", NUM(B(up_delay_ms), 0, 600000),
		"ms a member's link must be up before it is used"},
	{"down_delay", "downdelay", NUM(B(down_delay_ms), 0, 600000),
		"ms a member without link is still used"},
	{"flap_limit", NULL, NUM(B(flap_limit), 0, BF_FLAPS_MAX),
		"link losses within flap_window that put a member out of service, 0 = never"},
	{"flap_window", NULL, NUM(B(flap_window_ms), 1, 3600000),
		"ms in which flap_limit is counted"},
	{"flap_hold", NULL, NUM(B(flap_hold_ms), 1, 3600000),
		"ms the link of a member that flapped must be up before it is used"},
	{"allow_duplicates", "all_slaves_active", ONOFF(B(allow_duplicates)),
		"modes without a LAG: take flooded frames from every member, not from one"},
	{"num_peer_notif", "num_grat_arp", NUM(B(num_peer_notif), 0, 255),
		"announcements per guest address after a failover"},
	{"peer_notif_delay", NULL, NUM(B(peer_notif_delay_ms), 0, 300000),
		"ms between repeated announcements"},
	{"resend_igmp", NULL, NUM(B(resend_igmp), 0, 255),
		"IGMP and MLD reports repeated per group of a guest after a failover"},
	{"rebalance", NULL, ONOFF(B(rebalance)),
		"balance-xor, 802.3ad: move flows off a member that carries too much"},
	{"rebalance_interval", NULL, NUM(B(rebalance_interval_ms), 0, 10000000),
		"ms between two looks at the balance, 0 = never"},
	{"mac_move_budget", NULL, NUM(B(mac_move_budget), 1, 1000000),
		"stations that rebalancing moves per minute at most"},
	{"probe_target", "arp_ip_target", BF_KEY_TARGETS, B(n_probe_targets), 0, BF_PROBE_TARGETS,
		NULL, 0,
		"address that probes ask, ADDRESS[/VLAN]; given again: one more, up to 16"},
	{"probe_interval", "arp_interval", NUM(B(probe_interval_ms), 0, 600000),
		"ms between two probes of the targets, 0 = no probes"},
	{"probe_missed_max", "arp_missed_max", NUM(B(probe_missed_max), 1, 255),
		"intervals without an answer that take a member out of service"},
	{"probe_validate", "arp_validate", ONOFF(B(probe_validate)),
		"only a target's answer counts, not just any frame"},
	{"agg_mode", "agg_select", ONE_OF(B(agg_mode), agg_names),
		"802.3ad: which aggregator is active"},
	{"lacp_rate", NULL, ONE_OF(B(lacp_rate), rate_names),
		"rate at which the partner is asked to send"},
	{"lacp_active", NULL, ONOFF(B(lacp_active)), "send LACPDUs without being asked"},
	{"lacp_system_priority", NULL, NUM(B(lacp_system_priority), 1, 65535),
		"LACP system priority"},
	{"lacp_system_id", NULL, MACADDR(B(lacp_system_id)),
		"LACP system id; default: the bond's MAC; \"random\" draws one"},
	{"lacp_key", NULL, NUM(B(lacp_key), 0, 65535), "LACP admin key, 0 = by speed"},
	{"min_links", NULL, NUM(B(min_links), 0, BF_MAX_MEMBERS),
		"802.3ad: carrier is off with fewer members in service"},
	{"lacp_fallback", NULL, ONOFF(B(lacp_fallback)),
		"one member forwards until a partner appears"},
	{"lacp_strict", NULL, ONOFF(B(lacp_strict)), "no carrier while no member has a partner"},
	{"lacp_partner", NULL, MACADDR(B(lacp_partner)), "the only partner that is accepted"},
	{"lacp_pdu_limit", NULL, NUM(B(lacp_pdu_limit), 1, 1000),
		"LACPDUs per second taken from a member"},
};
const unsigned int bf_n_bond_keys = sizeof(bf_bond_keys) / sizeof(bf_bond_keys[0]);

const struct bf_key bf_member_keys[] = {
	{"priority", "prio", SIGNED(M(priority), -1000000, 1000000),
		"active-backup prefers the member with the highest"},
	{"up_delay", "updelay", OF_BOND(M(up_delay_ms), 0, 600000),
		"ms this member's link must be up before it is used"},
	{"down_delay", "downdelay", OF_BOND(M(down_delay_ms), 0, 600000),
		"ms this member is still used without link"},
	{"rxd", NULL, OF_BOND(M(rxd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		"receive descriptors of each of its queues"},
	{"txd", NULL, OF_BOND(M(txd), BF_RING_SIZE_MIN, BF_RING_SIZE_MAX),
		"transmit descriptors of each of its queues"},
	{"link_detect", NULL, ONE_OF(M(link_detect), member_detect_names),
		"how link changes of this member are noticed"},
	{"lacp_port_priority", "ad_actor_port_prio", NUM(M(lacp_port_priority), 1, 65535),
		"LACP port priority"},
	{"offload", NULL, BF_KEY_BOOL, M(no_offload), 0, 0, member_offload_names, 2,
		"auto: its card computes checksums and cuts superframes where it can"},
	{"drained", NULL, ONOFF(M(drained)),
		"its traffic goes by the others as long as there are any"},
};
const unsigned int bf_n_member_keys = sizeof(bf_member_keys) / sizeof(bf_member_keys[0]);

const struct bf_key bf_guest_keys[] = {
	{"socket", "path", BF_KEY_PATH, G(socket), 0, BF_SOCKET_MAX, NULL, 0, "vhost-user socket"},
	{"mode", NULL, BF_KEY_BOOL, G(server), 0, 0, guest_mode_names, 2,
		"client: QEMU listens (server=on); server: bondfwd listens"},
	{"queues", NULL, NUM(G(queues), 1, BF_MAX_QP), "queue pairs used at most"},
	{"mtu", NULL, NUM(G(mtu), BF_MIN_MTU, BF_MAX_MTU), "largest packet, bytes"},
	{"too_big", NULL, BF_KEY_BOOL, G(too_big), 0, 0, too_big_names, 2,
		"icmp: the sender of an IP packet longer than the mtu gets an ICMP message"},
	{"mrg_rxbuf", NULL, ONOFF(G(mrg_rxbuf)), "offer mergeable receive buffers"},
	{"packed", NULL, ONOFF(G(packed)), "offer packed rings"},
	{"offload", NULL, ONE_OF(G(offload), offload_names),
		"offer partial checksums (csum), superframes as well (tso), or nothing; auto: all"},
	{"mbufs", NULL, OF_BOND(G(mbufs), 512, 262144), "frames of memory of its own"},
	{"mac_limit", NULL, NUM(G(mac_limit), 1, 1048576),
		"stations learned behind the guest at most"},
	{"uplink", NULL, BF_KEY_NAME, G(uplink), 0, BF_NAME_MAX, NULL, 0,
		"the bond whose switch the guest is on, where there are several"},
	{"tx_retries", NULL, NUM(G(tx_retries), 0, 32), "further attempts at a full receive ring"},
	{"admin", NULL, BF_KEY_BOOL, G(disabled), 0, 0, admin_names, 2,
		"down: frames from and to the guest are dropped, its connection stays"},
};
const unsigned int bf_n_guest_keys = sizeof(bf_guest_keys) / sizeof(bf_guest_keys[0]);

void
bf_bond_config_init(struct bf_bond_config *b)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->name, BF_BOND_DEFAULT_NAME, sizeof(BF_BOND_DEFAULT_NAME));
	b->mode = BF_MODE_ACTIVE_BACKUP;
	b->policy = BF_POLICY_L34;
	b->mtu = 1500;
	b->rxd = b->txd = BF_RING_SIZE;
	b->mon_period_ms = 10;
	b->flap_window_ms = 10000;
	b->flap_hold_ms = 60000;
	b->num_peer_notif = 1;
	b->peer_notif_delay_ms = 200;
	b->resend_igmp = 1;
	b->rebalance_interval_ms = 10000;
	b->probe_missed_max = 2;
	b->probe_validate = true;
	b->mac_move_budget = 60;
	b->lacp_active = true;
	b->lacp_system_priority = 65535;
	b->lacp_pdu_limit = 20;
}

void
bf_member_config_init(struct bf_member_config *m)
{
	memset(m, 0, sizeof(*m));
	m->up_delay_ms = BF_OF_BOND;
	m->down_delay_ms = BF_OF_BOND;
	m->rxd = m->txd = BF_OF_BOND;
	m->lacp_port_priority = 255;
}

void
bf_guest_config_init(struct bf_guest_config *g)
{
	memset(g, 0, sizeof(*g));
	g->queues = BF_MAX_QP;
	g->mbufs = BF_OF_BOND;
	g->mtu = 1500;
	g->mrg_rxbuf = true;
	g->packed = true;
	g->mac_limit = 1024;
}

struct bf_config *
bf_config_new(void)
{
	struct bf_config *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	for (unsigned int i = 0; i < BF_MAX_BONDS; i++)
		bf_bond_config_init(&c->bonds[i]);
	c->forwarding = true;
	c->fdb_aging_s = 300;
	return c;
}

struct bf_config *
bf_config_copy(const struct bf_config *c)
{
	struct bf_config *d = malloc(sizeof(*d));

	if (d != NULL)
		memcpy(d, c, sizeof(*d));
	return d;
}

static int add_probe_target(struct bf_bond_config *b, const char *text, struct bf_err *err);
static void print_probe_targets(const struct bf_bond_config *b, char *buf, size_t size);

static int
path_set(const struct bf_key *k, const char *value, char *out, struct bf_err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len >= (size_t)k->max || value[0] != '/')
		return bf_err_set(err, EINVAL,
			"%s: \"%.120s\": expected an absolute path of 2 to %" PRId64 " characters",
			k->name, value, k->max - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] <= ' ' || (unsigned char)value[i] >= 0x7f ||
			value[i] == '"' || value[i] == '\'')
			return bf_err_set(err, EINVAL,
				"%s: \"%.120s\": expected printable ASCII without blanks and quotes",
				k->name, value);
	memcpy(out, value, len + 1);
	return 0;
}

static int
mac_set(const struct bf_key *k, const char *value, uint8_t *out, struct bf_err *err)
{
	if (strcmp(value, "none") == 0 || strcmp(value, "default") == 0) {
		memset(out, 0, 6);
		return 0;
	}
	if (strcmp(value, "random") == 0 && strcmp(k->name, "lacp_system_id") == 0) {
		if (getrandom(out, 6, 0) != 6)
			return bf_err_set(err, errno, "%s: no random numbers", k->name);
		out[0] = (uint8_t)((out[0] & 0xfc) | 0x02); /* local, unicast */
		return 0;
	}
	return bf_parse_mac(k->name, value, false, out, err);
}

static int
i32_set(const struct bf_key *k, const char *value, int32_t *out, struct bf_err *err)
{
	bool negative = value[0] == '-';
	uint64_t n = 0;

	if (bf_parse_u64(k->name, value + negative, 0, (uint64_t)k->max, &n, NULL) != 0)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected %" PRId64 " to %" PRId64,
			k->name, value, k->min, k->max);
	*out = negative ? -(int32_t)n : (int32_t)n;
	return 0;
}

static int
of_bond_set(const struct bf_key *k, const char *value, uint32_t *out, struct bf_err *err)
{
	uint64_t n = BF_OF_BOND;

	if (strcmp(value, "bond") != 0 &&
		bf_parse_u64(k->name, value, (uint64_t)k->min, (uint64_t)k->max, &n, NULL) != 0)
		return bf_err_set(err, EINVAL,
			"%s: \"%.60s\": expected %" PRId64 " to %" PRId64 ", or bond: the bond's",
			k->name, value, k->min, k->max);
	*out = (uint32_t)n;
	return 0;
}

static int
key_set(const struct bf_key *k, void *object, const char *value, struct bf_err *err)
{
	void *at = (char *)object + k->offset;
	uint64_t u64 = 0;
	unsigned int word = 0;
	int ret;

	switch (k->type) {
	case BF_KEY_U32:
		ret = bf_parse_u64(k->name, value, (uint64_t)k->min, (uint64_t)k->max, &u64, err);
		if (ret == 0)
			*(uint32_t *)at = (uint32_t)u64;
		return ret;
	case BF_KEY_I32:
		return i32_set(k, value, at, err);
	case BF_KEY_OF_BOND:
		return of_bond_set(k, value, at, err);
	case BF_KEY_BOOL:
		if (k->words == NULL)
			return bf_parse_bool(k->name, value, at, err);
		ret = bf_parse_enum(k->name, value, k->words, k->n_words, &word, err);
		if (ret == 0)
			*(bool *)at = word != 0;
		return ret;
	case BF_KEY_ENUM:
		ret = bf_parse_enum(k->name, value, k->words, k->n_words, &word, err);
		if (ret == 0)
			*(uint32_t *)at = word;
		return ret;
	case BF_KEY_MAC:
		return mac_set(k, value, at, err);
	case BF_KEY_TARGETS:
		return add_probe_target(object, value, err);
	case BF_KEY_NAME:
		return bf_parse_name(k->name, value, at, (size_t)k->max, err);
	case BF_KEY_DEVICE:
		if (strcmp(value, "none") == 0) {
			*(char *)at = '\0';
			return 0;
		}
		return bf_parse_device(k->name, value, at, (size_t)k->max, err);
	default:
		return path_set(k, value, at, err);
	}
}

void
bf_key_print(const struct bf_key *k, const void *object, char *buf, size_t size)
{
	const void *at = (const char *)object + k->offset;
	static const uint8_t zero[6];
	const uint8_t *m = at;

	switch (k->type) {
	case BF_KEY_U32:
		snprintf(buf, size, "%" PRIu32, *(const uint32_t *)at);
		break;
	case BF_KEY_I32:
		snprintf(buf, size, "%" PRId32, *(const int32_t *)at);
		break;
	case BF_KEY_OF_BOND:
		if (*(const uint32_t *)at == BF_OF_BOND)
			snprintf(buf, size, "bond");
		else
			snprintf(buf, size, "%" PRIu32, *(const uint32_t *)at);
		break;
	case BF_KEY_BOOL:
		if (k->words != NULL)
			snprintf(buf, size, "%s", k->words[*(const bool *)at ? 1 : 0]);
		else
			snprintf(buf, size, "%s", *(const bool *)at ? "on" : "off");
		break;
	case BF_KEY_ENUM:
		snprintf(buf, size, "%s", k->words[*(const uint32_t *)at]);
		break;
	case BF_KEY_MAC:
		if (memcmp(m, zero, 6) == 0)
			snprintf(buf, size, "none");
		else
			snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
				m[4], m[5]);
		break;
	case BF_KEY_TARGETS:
		print_probe_targets(object, buf, size);
		break;
	default:
		snprintf(buf, size, "%s", *(const char *)at != '\0' ? (const char *)at : "none");
		break;
	}
}

/* @p extra: keys that are not in the table, ended by NULL. */
static int
table_set(const struct bf_key *table, unsigned int n, const char *const *extra, const char *what,
	void *object, const char *key, const char *value, struct bf_err *err)
{
	struct bf_suggest near;
	char list[900] = "", hint[64] = "";

	for (unsigned int i = 0; i < n; i++)
		if (strcmp(key, table[i].name) == 0 ||
			(table[i].alias != NULL && strcmp(key, table[i].alias) == 0))
			return key_set(&table[i], object, value, err);
	bf_suggest_init(&near, key);
	for (unsigned int i = 0; extra[i] != NULL; i++) {
		bf_suggest_offer(&near, extra[i]);
		bf_words_add(list, sizeof(list), " ", extra[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		bf_suggest_offer(&near, table[i].name);
		if (table[i].alias != NULL)
			bf_suggest_offer(&near, table[i].alias);
		bf_words_add(list, sizeof(list), " ", table[i].name);
	}
	bf_suggest_append(&near, hint, sizeof(hint));
	return bf_err_set(err, EINVAL, "%s: unknown key \"%.40s\": expected one of %s%s", what, key,
		list, hint);
}

int
bf_bond_config_member(const struct bf_bond_config *b, const char *name)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (strcmp(b->members[i].name, name) == 0)
			return (int)i;
	return -1;
}

int
bf_bond_config_add_member(struct bf_bond_config *b, const char *name, struct bf_err *err)
{
	char clean[BF_DEV_NAME_MAX];
	int ret = bf_parse_device("member", name, clean, sizeof(clean), err);

	if (ret != 0)
		return ret;
	if (bf_bond_config_member(b, clean) >= 0)
		return bf_err_set(err, EINVAL, "member: \"%s\": named twice", clean);
	if (b->n_members == BF_MAX_MEMBERS)
		return bf_err_set(err, EINVAL, "member: \"%s\": expected at most %d members", clean,
			BF_MAX_MEMBERS);
	bf_member_config_init(&b->members[b->n_members]);
	memcpy(b->members[b->n_members].name, clean, strlen(clean));
	b->n_members++;
	return 0;
}

int
bf_bond_config_remove_member(struct bf_bond_config *b, const char *name, struct bf_err *err)
{
	int i = bf_bond_config_member(b, name);
	unsigned int after;

	if (i < 0)
		return bf_err_set(
			err, EINVAL, "member: \"%.60s\": not a member of %s", name, b->name);
	after = b->n_members - (unsigned int)i - 1;
	memmove(&b->members[i], &b->members[i + 1], after * sizeof(b->members[0]));
	b->n_members--;
	memset(&b->members[b->n_members], 0, sizeof(b->members[0]));
	if (strcmp(b->primary, name) == 0)
		b->primary[0] = '\0';
	return 0;
}

int
bf_probe_target_parse(const char *text, struct bf_probe_target *t, struct bf_err *err)
{
	char addr[BF_PROBE_TARGET_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint64_t vlan = 0;

	memset(t, 0, sizeof(*t));
	if (len < sizeof(addr)) {
		memcpy(addr, text, len);
		addr[len] = '\0';
		t->v6 = inet_pton(AF_INET, addr, t->addr) != 1;
	}
	if (len >= sizeof(addr) || (t->v6 && inet_pton(AF_INET6, addr, t->addr) != 1))
		return bf_err_set(err, EINVAL,
			"probe_target: \"%.60s\": expected an IPv4 or IPv6 address, with /VLAN behind it "
			"where the target is in one",
			text);
	if (slash != NULL && bf_parse_u64("probe_target vlan", slash + 1, 1, 4094, &vlan, err) != 0)
		return -EINVAL;
	t->vlan = (uint16_t)vlan;
	return 0;
}

static int
add_probe_target(struct bf_bond_config *b, const char *text, struct bf_err *err)
{
	struct bf_probe_target t;

	if (strcmp(text, "none") == 0) {
		b->n_probe_targets = 0;
		memset(b->probe_targets, 0, sizeof(b->probe_targets));
		return 0;
	}
	if (bf_probe_target_parse(text, &t, err) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < b->n_probe_targets; i++) {
		struct bf_probe_target had;

		bf_probe_target_parse(b->probe_targets[i], &had, NULL);
		if (memcmp(had.addr, t.addr, sizeof(t.addr)) == 0 && had.vlan == t.vlan &&
			had.v6 == t.v6)
			return 0; /* it is one already */
	}
	if (b->n_probe_targets == BF_PROBE_TARGETS)
		return bf_err_set(err, EINVAL, "probe_target: \"%s\": expected at most %d targets",
			text, BF_PROBE_TARGETS);
	snprintf(b->probe_targets[b->n_probe_targets++], BF_PROBE_TARGET_MAX, "%s", text);
	return 0;
}

static void
print_probe_targets(const struct bf_bond_config *b, char *buf, size_t size)
{
	size_t len = 0;

	snprintf(buf, size, "none");
	for (uint32_t i = 0; i < b->n_probe_targets && len < size; i++)
		len += (size_t)snprintf(
			buf + len, size - len, "%s%s", i > 0 ? " " : "", b->probe_targets[i]);
}

int
bf_bond_config_set(struct bf_bond_config *b, const char *key, const char *value, struct bf_err *err)
{
	static const char *const extra[] = {"name", "member", NULL};

	if (strcmp(key, "name") == 0)
		return bf_parse_name("bond name", value, b->name, sizeof(b->name), err);
	if (strcmp(key, "member") == 0 || strcmp(key, "slave") == 0)
		return bf_bond_config_add_member(b, value, err);
	if (strcmp(key, "ns_ip6_target") == 0)
		return add_probe_target(b, value, err);
	return table_set(bf_bond_keys, bf_n_bond_keys, extra, "bond", b, key, value, err);
}

int
bf_member_config_set(
	struct bf_member_config *m, const char *key, const char *value, struct bf_err *err)
{
	static const char *const extra[] = {NULL};

	return table_set(bf_member_keys, bf_n_member_keys, extra, "member", m, key, value, err);
}

int
bf_guest_config_set(
	struct bf_guest_config *g, const char *key, const char *value, struct bf_err *err)
{
	static const char *const extra[] = {"name", NULL};

	if (strcmp(key, "name") == 0)
		return bf_parse_name("guest name", value, g->name, sizeof(g->name), err);
	return table_set(bf_guest_keys, bf_n_guest_keys, extra, "guest", g, key, value, err);
}

static int
bond_pair(void *arg, const char *key, const char *value, struct bf_err *err)
{
	return bf_bond_config_set(arg, key, value, err);
}

static int
member_pair(void *arg, const char *key, const char *value, struct bf_err *err)
{
	return bf_member_config_set(arg, key, value, err);
}

static int
guest_pair(void *arg, const char *key, const char *value, struct bf_err *err)
{
	return bf_guest_config_set(arg, key, value, err);
}

int
bf_bond_config_parse(struct bf_bond_config *b, const char *pairs, struct bf_err *err)
{
	return bf_parse_pairs("bond", pairs, NULL, bond_pair, b, err);
}

int
bf_member_config_parse(struct bf_member_config *m, const char *pairs, struct bf_err *err)
{
	return bf_parse_pairs("member", pairs, NULL, member_pair, m, err);
}

int
bf_guest_config_parse(struct bf_guest_config *g, const char *pairs, struct bf_err *err)
{
	return bf_parse_pairs("guest", pairs, NULL, guest_pair, g, err);
}

const struct bf_bond_config *
bf_config_find_bond(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_bonds; i++)
		if (strcmp(c->bonds[i].name, name) == 0)
			return &c->bonds[i];
	return NULL;
}

struct bf_bond_config *
bf_config_bond(struct bf_config *c, const char *name)
{
	const struct bf_bond_config *b = bf_config_find_bond(c, name);

	return b == NULL ? NULL : &c->bonds[b - c->bonds];
}

/* With several bonds each guest says which one is its own: the removal of one moves nobody. */
static void
name_uplinks(struct bf_config *c)
{
	for (uint32_t i = 0; c->n_bonds > 1 && i < c->n_guests; i++)
		if (c->guests[i].uplink[0] == '\0')
			memcpy(c->guests[i].uplink, c->bonds[0].name, sizeof(c->bonds[0].name));
}

int
bf_config_add_bond(struct bf_config *c, const struct bf_bond_config *b, struct bf_err *err)
{
	if (bf_config_find_bond(c, b->name) != NULL || bf_config_find_guest(c, b->name) != NULL)
		return bf_err_set(err, EINVAL,
			"bond name: \"%s\": already in use: expected another one (name=NAME)",
			b->name);
	if (c->n_bonds == BF_MAX_BONDS)
		return bf_err_set(err, EINVAL, "bond \"%s\": expected at most %d bonds", b->name,
			BF_MAX_BONDS);
	c->bonds[c->n_bonds++] = *b;
	name_uplinks(c);
	return 0;
}

int
bf_config_remove_bond(struct bf_config *c, const char *name, struct bf_err *err)
{
	struct bf_bond_config *b = bf_config_bond(c, name);

	if (b == NULL)
		return bf_err_set(err, EINVAL, "bond: \"%.60s\": no such bond", name);
	for (uint32_t i = 0; c->n_bonds > 1 && i < c->n_guests; i++)
		if (strcmp(c->guests[i].uplink, name) == 0)
			return bf_err_set(err, EINVAL,
				"bond \"%s\": is the uplink of guest %s: remove the guest, or give it "
				"another one: set guest %s uplink=NAME",
				name, c->guests[i].name, c->guests[i].name);
	/* Guests of the last bond wait for the next one. */
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].uplink, name) == 0)
			c->guests[i].uplink[0] = '\0';
	memmove(b, b + 1, (size_t)(&c->bonds[c->n_bonds] - (b + 1)) * sizeof(*b));
	c->n_bonds--;
	return 0;
}

const struct bf_guest_config *
bf_config_find_guest(const struct bf_config *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, name) == 0)
			return &c->guests[i];
	return NULL;
}

struct bf_guest_config *
bf_config_guest(struct bf_config *c, const char *name)
{
	const struct bf_guest_config *g = bf_config_find_guest(c, name);

	return g == NULL ? NULL : &c->guests[g - c->guests];
}

/* What a guest must have, and must not share with the bond or with guests other than @p self. */
static int
check_guest(const struct bf_config *c, const struct bf_guest_config *g,
	const struct bf_guest_config *self, struct bf_err *err)
{
	if (g->name[0] == '\0')
		return bf_err_set(err, EINVAL, "guest: name missing: expected name=NAME");
	if (g->socket[0] == '\0')
		return bf_err_set(
			err, EINVAL, "guest \"%s\": socket missing: expected socket=PATH", g->name);
	if (strcmp(g->name, "all") == 0 || bf_config_find_bond(c, g->name) != NULL)
		return bf_err_set(err, EINVAL, "guest name: \"%s\": already in use", g->name);
	for (uint32_t i = 0; i < c->n_guests; i++) {
		if (&c->guests[i] == self)
			continue;
		if (strcmp(c->guests[i].name, g->name) == 0)
			return bf_err_set(
				err, EINVAL, "guest name: \"%s\": already in use", g->name);
		if (strcmp(c->guests[i].socket, g->socket) == 0)
			return bf_err_set(err, EINVAL, "socket: \"%s\": already used by guest %s",
				g->socket, c->guests[i].name);
	}
	return 0;
}

int
bf_config_add_guest(struct bf_config *c, const struct bf_guest_config *g, struct bf_err *err)
{
	if (check_guest(c, g, NULL, err) != 0)
		return -EINVAL;
	if (c->n_guests == BF_MAX_GUESTS)
		return bf_err_set(err, EINVAL, "guest \"%s\": expected at most %d guests", g->name,
			BF_MAX_GUESTS);
	c->guests[c->n_guests++] = *g;
	name_uplinks(c);
	return 0;
}

int
bf_config_replace_guest(
	struct bf_config *c, const char *name, const struct bf_guest_config *g, struct bf_err *err)
{
	struct bf_guest_config *old = bf_config_guest(c, name);

	if (old == NULL)
		return bf_err_set(err, EINVAL, "guest: \"%.60s\": no such guest", name);
	if (check_guest(c, g, old, err) != 0)
		return -EINVAL;
	*old = *g;
	name_uplinks(c);
	for (unsigned int q = g->queues; q < BF_MAX_QP; q++)
		old->pin[q] = 0; /* it has no such queue any more */
	return 0;
}

int
bf_config_remove_guest(struct bf_config *c, const char *name, struct bf_err *err)
{
	struct bf_guest_config *g = bf_config_guest(c, name);

	if (g == NULL)
		return bf_err_set(err, EINVAL, "guest: \"%.60s\": no such guest", name);
	memmove(g, g + 1, (size_t)(&c->guests[c->n_guests] - (g + 1)) * sizeof(*g));
	c->n_guests--;
	return 0;
}

/* One contradiction after another, each to @p cb. */
static void
check_bond(const struct bf_config *c, const struct bf_bond_config *b, bf_config_fault_cb *cb,
	void *arg)
{
	struct bf_err err;

	for (uint32_t i = 0; i < c->n_guests; i++)
		if (strcmp(c->guests[i].name, b->name) == 0) {
			bf_err_set(&err, EINVAL, "guest name: \"%s\": is the bond's name", b->name);
			cb(arg, &err);
		}
	if (b->primary[0] != '\0' && bf_bond_config_member(b, b->primary) < 0) {
		bf_err_set(&err, EINVAL, "primary: \"%s\": expected a member of %s", b->primary,
			b->name);
		cb(arg, &err);
	}
	if (b->n_members > 0 && b->min_links > b->n_members) {
		bf_err_set(&err, EINVAL,
			"min_links: \"%" PRIu32 "\": expected 0 to %" PRIu32 " (members of %s)",
			b->min_links, b->n_members, b->name);
		cb(arg, &err);
	}
	if (b->probe_interval_ms != 0 && b->n_probe_targets == 0) {
		bf_err_set(&err, EINVAL,
			"probe_interval: \"%" PRIu32 "\": expected a probe_target as well",
			b->probe_interval_ms);
		cb(arg, &err);
	}
	if (b->probe_interval_ms != 0 &&
		(b->mode == BF_MODE_8023AD || b->mode == BF_MODE_TLB || b->mode == BF_MODE_ALB)) {
		bf_err_set(&err, EINVAL,
			"probe_interval: not in mode %s: expected balance-rr, "
			"active-backup, balance-xor or broadcast",
			bf_mode_names[b->mode]);
		cb(arg, &err);
	}
}

/* A device is a member of one bond. */
static void
check_members(const struct bf_config *c, uint32_t bond, bf_config_fault_cb *cb, void *arg)
{
	const struct bf_bond_config *b = &c->bonds[bond];
	struct bf_err err;

	for (uint32_t i = 0; i < b->n_members; i++)
		for (uint32_t k = 0; k < bond; k++) {
			if (bf_bond_config_member(&c->bonds[k], b->members[i].name) < 0)
				continue;
			bf_err_set(&err, EINVAL, "member: \"%s\": is a member of %s already",
				b->members[i].name, c->bonds[k].name);
			cb(arg, &err);
		}
}

static void
check_uplink(const struct bf_config *c, const struct bf_guest_config *g, bf_config_fault_cb *cb,
	void *arg)
{
	char names[BF_MAX_BONDS * (BF_NAME_MAX + 2)] = "";
	struct bf_err err;

	if (g->uplink[0] == '\0' || bf_config_find_bond(c, g->uplink) != NULL)
		return;
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bf_words_add(names, sizeof(names), ", ", c->bonds[i].name);
	bf_err_set(&err, EINVAL, "guest \"%s\": uplink: \"%s\": expected %s", g->name, g->uplink,
		c->n_bonds > 0 ? names : "a bond: there is none");
	cb(arg, &err);
}

void
bf_config_faults(const struct bf_config *c, bf_config_fault_cb *cb, void *arg)
{
	for (uint32_t i = 0; i < c->n_bonds; i++) {
		check_bond(c, &c->bonds[i], cb, arg);
		check_members(c, i, cb, arg);
	}
	for (uint32_t i = 0; i < c->n_guests; i++)
		check_uplink(c, &c->guests[i], cb, arg);
}

struct first_fault {
	struct bf_err *err;
	bool found;
};

static void
keep_first(void *arg, const struct bf_err *err)
{
	struct first_fault *f = arg;

	if (!f->found && f->err != NULL)
		*f->err = *err;
	f->found = true;
}

int
bf_config_check(const struct bf_config *c, struct bf_err *err)
{
	struct first_fault f = {err, false};

	bf_config_faults(c, keep_first, &f);
	if (f.found)
		errno = EINVAL;
	return f.found ? -EINVAL : 0;
}

/* Keys that only some modes read. */
static uint32_t
modes_of(const char *key)
{
	static const struct {
		const char *key;
		uint32_t modes;
	} table[] = {
		{"primary", 1u << BF_MODE_ACTIVE_BACKUP},
		{"primary_reselect", 1u << BF_MODE_ACTIVE_BACKUP},
		{"xmit_policy", 1u << BF_MODE_XOR | 1u << BF_MODE_8023AD},
		{"seed",
			1u << BF_MODE_XOR | 1u << BF_MODE_8023AD | 1u << BF_MODE_TLB |
				1u << BF_MODE_ALB},
		{"rebalance", 1u << BF_MODE_XOR | 1u << BF_MODE_8023AD},
		{"agg_mode", 1u << BF_MODE_8023AD},
		{"min_links", 1u << BF_MODE_8023AD},
	};

	if (strncmp(key, "lacp_", 5) == 0)
		return 1u << BF_MODE_8023AD;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].modes;
	return UINT32_MAX;
}

static void
bond_warnings(const struct bf_bond_config *b, bf_config_line_cb *cb, void *arg)
{
	struct bf_bond_config plain;
	char line[256], value[128], usual[128];

	bf_bond_config_init(&plain);
	for (unsigned int i = 0; i < bf_n_bond_keys; i++) {
		bf_key_print(&bf_bond_keys[i], b, value, sizeof(value));
		bf_key_print(&bf_bond_keys[i], &plain, usual, sizeof(usual));
		if (strcmp(value, usual) == 0 || (modes_of(bf_bond_keys[i].name) & 1u << b->mode))
			continue;
		snprintf(line, sizeof(line), "%s=%s: has no effect in mode %s",
			bf_bond_keys[i].name, value, bf_mode_names[b->mode]);
		cb(arg, line);
	}
}

void
bf_config_warnings(const struct bf_config *c, bf_config_line_cb *cb, void *arg)
{
	for (uint32_t i = 0; i < c->n_bonds; i++)
		bond_warnings(&c->bonds[i], cb, arg);
}

static void
print_member(const struct bf_bond_config *b, const struct bf_member_config *m,
	bf_config_line_cb *cb, void *arg)
{
	struct bf_member_config plain;
	char line[256], value[32], usual[32];

	bf_member_config_init(&plain);
	for (unsigned int i = 0; i < bf_n_member_keys; i++) {
		bf_key_print(&bf_member_keys[i], m, value, sizeof(value));
		bf_key_print(&bf_member_keys[i], &plain, usual, sizeof(usual));
		if (strcmp(value, usual) == 0)
			continue;
		snprintf(line, sizeof(line), "set bonding member %s %s %s=%s", m->name, b->name,
			bf_member_keys[i].name, value);
		cb(arg, line);
	}
}

static void
print_bond(const struct bf_bond_config *b, bf_config_line_cb *cb, void *arg)
{
	struct bf_bond_config plain;
	char line[512], value[128], usual[128];

	bf_bond_config_init(&plain);
	snprintf(line, sizeof(line), "create bonding device %s 0 %s", bf_mode_names[b->mode],
		b->name);
	cb(arg, line);
	for (uint32_t i = 0; i < b->n_members; i++) {
		snprintf(line, sizeof(line), "add bonding member %s %s", b->members[i].name,
			b->name);
		cb(arg, line);
	}
	for (unsigned int i = 1; i < bf_n_bond_keys; i++) { /* the mode stands above */
		bf_key_print(&bf_bond_keys[i], b, value, sizeof(value));
		bf_key_print(&bf_bond_keys[i], &plain, usual, sizeof(usual));
		if (strcmp(value, usual) == 0 || bf_bond_keys[i].type == BF_KEY_TARGETS)
			continue; /* a target has a line of its own */
		snprintf(line, sizeof(line), "set bonding option %s %s=%s", b->name,
			bf_bond_keys[i].name, value);
		cb(arg, line);
	}
	for (uint32_t i = 0; i < b->n_probe_targets; i++) {
		snprintf(line, sizeof(line), "set bonding option %s probe_target=%s", b->name,
			b->probe_targets[i]);
		cb(arg, line);
	}
	for (uint32_t i = 0; i < b->n_members; i++)
		print_member(b, &b->members[i], cb, arg);
}

static void
print_guest(const struct bf_guest_config *g, bf_config_line_cb *cb, void *arg)
{
	struct bf_guest_config plain;
	char line[1024], value[128], usual[128];
	int len;

	bf_guest_config_init(&plain);
	len = snprintf(line, sizeof(line), "add guest %s", g->name);
	for (unsigned int i = 0; i < bf_n_guest_keys; i++) {
		bf_key_print(&bf_guest_keys[i], g, value, sizeof(value));
		bf_key_print(&bf_guest_keys[i], &plain, usual, sizeof(usual));
		if (i > 0 && strcmp(value, usual) == 0)
			continue;
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%c%s=%s",
			i == 0 ? ' ' : ',', bf_guest_keys[i].name, value);
	}
	cb(arg, line);
	for (unsigned int q = 0; q < g->queues && q < BF_MAX_QP; q++) {
		if (g->pin[q] == 0)
			continue;
		snprintf(line, sizeof(line), "set lcore %u guest %s queue %u", g->pin[q] - 1u,
			g->name, q);
		cb(arg, line);
	}
}

void
bf_config_print(const struct bf_config *c, bf_config_line_cb *cb, void *arg)
{
	static const char *const idle_names[] = {"poll", "pause", "sleep"};
	char line[128];

	for (uint32_t i = 0; i < c->n_bonds; i++)
		print_bond(&c->bonds[i], cb, arg);
	for (uint32_t i = 0; i < c->n_guests; i++)
		print_guest(&c->guests[i], cb, arg);
	snprintf(line, sizeof(line), "set fdb aging %" PRIu32, c->fdb_aging_s);
	cb(arg, line);
	if (c->idle != 0) {
		snprintf(line, sizeof(line), "set lcore idle %s", idle_names[c->idle]);
		cb(arg, line);
	}
	if (c->lcore_rebalance)
		cb(arg, "set lcore rebalance on");
	cb(arg, c->forwarding ? "start" : "stop");
}

static void
hash_line(void *arg, const char *line)
{
	uint64_t *h = arg;

	for (; *line != '\0'; line++)
		*h = (*h ^ (unsigned char)*line) * 0x100000001b3u;
	*h = (*h ^ '\n') * 0x100000001b3u;
}

/* FNV-1a of what is printed: padding and what stands behind a name's end do not count. */
uint64_t
bf_config_hash(const struct bf_config *c)
{
	uint64_t h = 0xcbf29ce484222325u;

	bf_config_print(c, hash_line, &h);
	return h != 0 ? h : 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The bond of an import: mode, members, LACP.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define OPTIONS_MAX BF_DRAFT_LINE_MAX
#define DEVICE_MAX 64 /* as BF_DEV_NAME_MAX */
#define DELAY_MAX_MS 600000
#define MTU_MIN 68
#define MTU_MAX 9216
#define RING_MIN 64
#define RING_MAX 4096

static const char *const port_keys[] = {"lacp-system-id", "lacp-system-priority", "lacp-time",
	"lacp-fallback-ab", "bond-detect-mode", "bond-miimon-interval", "bond-rebalance-interval",
	"bond-primary", "bond-hash-basis", "qinq-ethtype", NULL};
static const char *const iface_keys[] = {"lacp-port-priority", "lacp-aggregation-key", NULL};
static const char *const device_keys[] = {
	"dpdk-devargs", "n_rxq", "n_rxq_desc", "n_txq_desc", "dpdk-lsc-interrupt", NULL};

static bool
has_lacp(const struct bf_ovs_port *p)
{
	const char *lacp = bf_ovsdb_text(p->row, "lacp");

	return strcmp(lacp, "active") == 0 || strcmp(lacp, "passive") == 0;
}

/* The mode, and in @p options what goes with it. */
static const char *
mode_of(struct bf_ovs *o, const struct bf_ovs_port *p, char *options, size_t size)
{
	const char *theirs = bf_ovsdb_text(p->row, "bond_mode");
	bool is_slb = strcmp(theirs, "balance-slb") == 0;
	bool is_tcp = strcmp(theirs, "balance-tcp") == 0;

	if (has_lacp(p)) {
		if (is_slb)
			bf_ovs_option(options, size, "xmit_policy=vlan+srcmac");
		else if (!is_tcp && p->n_ifaces > 1)
			bf_ovs_option(options, size, "max_links=1");
		return "802.3ad";
	}
	if (is_slb)
		return "balance-tlb";
	if (is_tcp)
		bf_draft_lost(o->d,
			"port %s: bond_mode=balance-tcp without LACP: expected lacp=active: is "
			"active-backup now",
			p->name);
	return "active-backup";
}

/* A column of ms that has no counterpart beyond the range. */
static void
delay_write(struct bf_ovs *o, const struct bf_ovs_port *p, const char *column, const char *key,
	char *options)
{
	int64_t ms;

	if (!bf_ovsdb_number(p->row, column, &ms) || ms == 0)
		return;
	if (ms < 0 || ms > DELAY_MAX_MS)
		bf_draft_lost(o->d, "port %s: %s: \"%" PRId64 "\": expected 0 to %d", p->name,
			column, ms, DELAY_MAX_MS);
	else
		bf_ovs_option(options, OPTIONS_MAX, "%s=%" PRId64, key, ms);
}

static void
number_write(struct bf_ovs *o, const struct bf_ovs_port *p, const char *theirs, const char *ours,
	uint64_t max, char *options)
{
	char who[80];
	uint64_t n;

	snprintf(who, sizeof(who), "port %.60s", p->name);
	if (bf_ovs_entry_number(o, who, p->row, "other_config", theirs, 0, max, &n))
		bf_ovs_option(options, OPTIONS_MAX, "%s=%" PRIu64, ours, n);
}

static void
lacp_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	const char *time = bf_ovsdb_entry(p->row, "other_config", "lacp-time");
	const char *id = bf_ovsdb_entry(p->row, "other_config", "lacp-system-id");
	const char *fallback = bf_ovsdb_entry(p->row, "other_config", "lacp-fallback-ab");
	uint8_t mac[6];

	if (strcmp(bf_ovsdb_text(p->row, "lacp"), "passive") == 0)
		bf_ovs_option(options, OPTIONS_MAX, "lacp_active=off");
	if (time != NULL && strcmp(time, "fast") == 0)
		bf_ovs_option(options, OPTIONS_MAX, "lacp_rate=fast");
	if (id != NULL && bf_parse_mac("lacp-system-id", id, false, mac, NULL) == 0)
		bf_ovs_option(options, OPTIONS_MAX, "lacp_system_id=%s", id);
	else if (id != NULL)
		bf_draft_lost(
			o->d, "port %s: lacp-system-id: \"%s\": expected an address", p->name, id);
	if (fallback != NULL && strcmp(fallback, "true") == 0)
		bf_ovs_option(options, OPTIONS_MAX, "lacp_fallback=on");
	number_write(o, p, "lacp-system-priority", "lacp_system_priority", 65535, options);
}

/* Open vSwitch moves flows between members unless its interval is 0. */
static void
rebalance_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	uint64_t ms = 10000;

	if (p->n_ifaces < 2 || !has_lacp(p) ||
		strncmp(bf_ovsdb_text(p->row, "bond_mode"), "balance-", 8) != 0)
		return;
	if (bf_ovs_entry_number(o, p->name, p->row, "other_config", "bond-rebalance-interval", 0,
		    10000000, &ms) &&
		ms == 0)
		return;
	bf_ovs_option(options, OPTIONS_MAX, "rebalance=on");
	if (ms != 10000)
		bf_ovs_option(options, OPTIONS_MAX, "rebalance_interval=%" PRIu64, ms);
}

static void
detect_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options)
{
	const char *how = bf_ovsdb_entry(p->row, "other_config", "bond-detect-mode");
	uint64_t ms;

	if (how == NULL || strcmp(how, "miimon") != 0)
		return;
	bf_ovs_option(options, OPTIONS_MAX, "link_detect=poll");
	if (bf_ovs_entry_number(
		    o, p->name, p->row, "other_config", "bond-miimon-interval", 1, 10000, &ms))
		bf_ovs_option(options, OPTIONS_MAX, "mon_period=%" PRIu64, ms);
}

static void
primary_write(struct bf_ovs *o, const struct bf_ovs_port *p, json_t *const *ifaces, size_t n,
	char *options)
{
	const char *name = bf_ovsdb_entry(p->row, "other_config", "bond-primary");
	char device[DEVICE_MAX];

	for (size_t i = 0; name != NULL && i < n; i++)
		if (strcmp(bf_ovsdb_text(ifaces[i], "name"), name) == 0 &&
			bf_ovs_device(ifaces[i], device, sizeof(device))) {
			bf_ovs_option(options, OPTIONS_MAX, "primary=%s", device);
			return;
		}
	if (name != NULL)
		bf_draft_lost(o->d, "port %s: bond-primary=%s: expected a member", p->name, name);
}

/* One MTU for all members, and one LACP key, which is the bond's here. */
static void
members_write_shared(struct bf_ovs *o, json_t *const *ifaces, size_t n, char *options)
{
	uint64_t key = 0, k;
	int64_t mtu = 0, m;

	for (size_t i = 0; i < n; i++) {
		const char *name = bf_ovsdb_text(ifaces[i], "name");

		if (bf_ovsdb_number(ifaces[i], "mtu_request", &m) && (m < MTU_MIN || m > MTU_MAX))
			bf_draft_lost(o->d,
				"interface %s: mtu_request: \"%" PRId64 "\": expected %d to %d",
				name, m, MTU_MIN, MTU_MAX);
		else if (m > mtu)
			mtu = m;
		if (!bf_ovs_entry_number(o, name, ifaces[i], "other_config", "lacp-aggregation-key",
			    1, 65535, &k))
			continue;
		if (key != 0 && k != key)
			bf_draft_lost(o->d,
				"interface %s: lacp-aggregation-key=%" PRIu64
				": expected one for all members",
				name, k);
		key = key == 0 ? k : key;
	}
	if (mtu != 0)
		bf_ovs_option(options, OPTIONS_MAX, "mtu=%" PRId64, mtu);
	if (key != 0)
		bf_ovs_option(options, OPTIONS_MAX, "lacp_key=%" PRIu64, key);
}

static void
rings_write(struct bf_ovs *o, const json_t *iface, const char *who, const char *theirs,
	const char *ours, char *options, size_t size)
{
	uint64_t n;

	if (bf_ovs_entry_number(o, who, iface, "options", theirs, RING_MIN, RING_MAX, &n))
		bf_ovs_option(options, size, "%s=%" PRIu64, ours, n);
}

static void
member_write_options(struct bf_ovs *o, const json_t *iface, const char *device)
{
	const char *lsc = bf_ovsdb_entry(iface, "options", "dpdk-lsc-interrupt");
	char options[200] = "", who[80];
	uint64_t n;

	snprintf(who, sizeof(who), "interface %.60s", bf_ovsdb_text(iface, "name"));
	rings_write(o, iface, who, "n_rxq_desc", "rxd", options, sizeof(options));
	rings_write(o, iface, who, "n_txq_desc", "txd", options, sizeof(options));
	if (lsc != NULL && strcmp(lsc, "true") == 0)
		bf_ovs_option(options, sizeof(options), "link_detect=interrupt");
	if (bf_ovs_entry_number(o, who, iface, "other_config", "lacp-port-priority", 1, 65535, &n))
		bf_ovs_option(options, sizeof(options), "lacp_port_priority=%" PRIu64, n);
	if (options[0] != '\0')
		bf_draft_line(o->d, "set bonding member %s %s %s", device, o->bond, options);
	bf_ovs_rest(o, who, iface, "options", device_keys);
	bf_ovs_rest(o, who, iface, "other_config", iface_keys);
	if (json_object_get(iface, "ingress_policing_rate") != NULL ||
		json_object_get(iface, "ingress_policing_kpkts_rate") != NULL)
		bf_draft_lost(o->d,
			"%s: ingress_policing: no counterpart at a bond: rate_in of guests", who);
}

static void
members_write(struct bf_ovs *o, json_t *const *ifaces, size_t n)
{
	char device[DEVICE_MAX];

	for (size_t i = 0; i < n; i++) {
		const char *name = bf_ovsdb_text(ifaces[i], "name");

		if (!bf_ovs_device(ifaces[i], device, sizeof(device))) {
			const char *devargs = bf_ovsdb_entry(ifaces[i], "options", "dpdk-devargs");

			bf_draft_lost(o->d,
				"interface %s: dpdk-devargs=%s: expected a PCI address or a virtual device",
				name, devargs != NULL ? devargs : "");
			continue;
		}
		bf_draft_line(o->d, "add bonding member %s %s", device, o->bond);
		member_write_options(o, ifaces[i], device);
	}
}

void
bf_ovs_bond(struct bf_ovs *o)
{
	struct bf_ovs_port *p = o->uplink;
	char options[OPTIONS_MAX] = "", who[80];
	json_t *ifaces[BF_OVS_MEMBERS_MAX];
	const char *mode;
	size_t n;

	if (p == NULL) {
		bf_draft_blank(o->d);
		bf_draft_line(o->d, "create bonding device active-backup 0 %s", o->bond);
		bf_draft_lost(o->d, "no port has cards: the bond has no member yet");
		return;
	}
	p->is_taken = true;
	n = bf_ovs_members(o, p, ifaces);
	if (p->n_ifaces > n)
		bf_draft_lost(o->d, "port %s: %zu interfaces: expected at most %d", p->name,
			p->n_ifaces, BF_OVS_MEMBERS_MAX);
	mode = mode_of(o, p, options, sizeof(options));
	bf_draft_blank(o->d);
	bf_draft_line(o->d, "create bonding device %s 0 %s", mode, o->bond);
	members_write(o, ifaces, n);
	members_write_shared(o, ifaces, n, options);
	if (has_lacp(p))
		lacp_write(o, p, options);
	if (strcmp(mode, "active-backup") == 0)
		primary_write(o, p, ifaces, n, options);
	delay_write(o, p, "bond_updelay", "up_delay", options);
	delay_write(o, p, "bond_downdelay", "down_delay", options);
	detect_write(o, p, options);
	rebalance_write(o, p, options);
	number_write(o, p, "bond-hash-basis", "seed", UINT32_MAX, options);
	bf_ovs_vlans(o, p, options, sizeof(options));
	if (options[0] != '\0')
		bf_draft_line(o->d, "set bonding option %s %s", o->bond, options);
	snprintf(who, sizeof(who), "port %.60s", p->name);
	bf_ovs_rest(o, who, p->row, "other_config", port_keys);
	if (bf_ovsdb_count(p->row, "qos") > 0)
		bf_draft_lost(o->d, "%s: qos: no counterpart at a bond: rate_out of guests", who);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Settings of the bridges and of Open vSwitch as a whole: the head of the draft with the EAL's
 * arguments, ageing, multicast, and what only a switch with OpenFlow has.
 *
 * Threads: one.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/words.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define CPUS_MAX 1024
#define ARGUMENTS_MAX 2000
#define AGING_MAX_S 1000000

static const char *const root_keys[] = {"dpdk-init", "dpdk-lcore-mask", "pmd-cpu-mask",
	"dpdk-socket-mem", "dpdk-socket-limit", "dpdk-alloc-mem", "dpdk-hugepage-dir", "dpdk-extra",
	"vhost-sock-dir", "userspace-tso-enable", "pmd-auto-lb", "pmd-sleep-max", "pmd-maxsleep",
	"pmd-perf-metrics", "emc-insert-inv-prob", "smc-enable", "tx-flush-interval",
	"per-port-memory", "n-handler-threads", "n-revalidator-threads", "max-idle",
	"max-revalidator", "flow-limit", "stats-update-interval", "hw-offload", "vlan-limit",
	"flow-restore-wait", NULL};
static const char *const bridge_keys[] = {"mac-aging-time", "mac-table-size", "hwaddr",
	"datapath-id", "dp-desc", "dp-sn", "disable-in-band", "in-band-queue", NULL};

struct cpus {
	bool has[CPUS_MAX];
	unsigned int n;
};

/* @return less than 0: it is no hexadecimal digit */
static int
digit_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Hexadecimal digits, the lowest CPU last. @return false: it is no mask */
static bool
mask_read(const char *text, struct cpus *c)
{
	size_t len;

	memset(c, 0, sizeof(*c));
	if (text == NULL)
		return true;
	if (strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0)
		text += 2;
	len = strlen(text);
	if (len == 0 || len > CPUS_MAX / 4)
		return false;
	for (size_t cpu = 0; cpu < 4 * len; cpu++) {
		int digit = digit_value(text[len - 1 - cpu / 4]);

		if (digit < 0)
			return false;
		c->has[cpu] = (digit >> (cpu % 4) & 1) != 0;
		c->n += c->has[cpu];
	}
	return true;
}

/* "-l MAIN,WORKER,...": the main lcore sleeps, each CPU of pmd-cpu-mask becomes a worker. */
static void
lcores_print(struct bf_ovs *o, char *to, size_t size)
{
	const char *workers_mask = bf_ovsdb_entry(o->root, "other_config", "pmd-cpu-mask");
	const char *main_mask = bf_ovsdb_entry(o->root, "other_config", "dpdk-lcore-mask");
	struct cpus workers, mains;
	unsigned int main_cpu = 0;
	bool is_lowest = true;
	char word[16];

	if (!mask_read(workers_mask, &workers)) {
		bf_draft_lost(o->d, "pmd-cpu-mask: \"%s\": expected a mask of CPUs", workers_mask);
		mask_read(NULL, &workers);
	}
	if (!mask_read(main_mask, &mains)) {
		bf_draft_lost(o->d, "dpdk-lcore-mask: \"%s\": expected a mask of CPUs", main_mask);
		mask_read(NULL, &mains);
	}
	if (workers.n == 0) {
		snprintf(to, size, "-l 0,1");
		return;
	}
	while (main_cpu < CPUS_MAX - 1 &&
		(workers.has[main_cpu] || (mains.n > 0 && !mains.has[main_cpu])))
		main_cpu++;
	if (main_cpu == CPUS_MAX - 1)
		for (main_cpu = 0; main_cpu < CPUS_MAX - 1 && workers.has[main_cpu];)
			main_cpu++;
	snprintf(to, size, "-l %u", main_cpu);
	for (unsigned int i = 0; i < CPUS_MAX; i++)
		if (workers.has[i]) {
			snprintf(word, sizeof(word), "%u", i);
			bf_words_add(to, size, ",", word);
			is_lowest = is_lowest && i > main_cpu;
		}
	if (!is_lowest) { /* the EAL would take the lowest */
		snprintf(word, sizeof(word), "%u", main_cpu);
		bf_words_add(to, size, " --main-lcore ", word);
	}
}

static void
devices_print(const struct bf_ovs *o, char *to, size_t size)
{
	json_t *ifaces[BF_OVS_MEMBERS_MAX];
	size_t n = o->uplink != NULL ? bf_ovs_members(o, o->uplink, ifaces) : 0;
	char device[64], word[300];

	for (size_t i = 0; i < n; i++) {
		const char *devargs = bf_ovsdb_entry(ifaces[i], "options", "dpdk-devargs");

		if (!bf_ovs_device(ifaces[i], device, sizeof(device)))
			continue;
		if (devargs == NULL || strncmp(bf_ovsdb_text(ifaces[i], "type"), "afxdp", 5) == 0)
			snprintf(word, sizeof(word), "--vdev %s,iface=%s", device,
				bf_ovsdb_text(ifaces[i], "name"));
		else
			snprintf(word, sizeof(word), "%s %.200s",
				strchr(device, ':') != NULL ? "-a" : "--vdev", devargs);
		bf_words_add(to, size, " ", word);
	}
}

static void
memory_print(const struct bf_ovs *o, char *to, size_t size)
{
	static const char *const pairs[][2] = {{"dpdk-socket-mem", "--socket-mem"},
		{"dpdk-socket-limit", "--socket-limit"}, {"dpdk-alloc-mem", "-m"},
		{"dpdk-hugepage-dir", "--huge-dir"}, {"dpdk-extra", ""}};
	char word[400];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *value = bf_ovsdb_entry(o->root, "other_config", pairs[i][0]);

		if (value == NULL)
			continue;
		snprintf(word, sizeof(word), "%s%s%.300s", pairs[i][1],
			pairs[i][1][0] != '\0' ? " " : "", value);
		bf_words_add(to, size, " ", word);
	}
}

/* Settings that are a command here, and those that are none. */
static void
root_write(struct bf_ovs *o)
{
	const char *balance = bf_ovsdb_entry(o->root, "other_config", "pmd-auto-lb");
	const char *sleeps = bf_ovsdb_entry(o->root, "other_config", "pmd-sleep-max");
	const char *offload = bf_ovsdb_entry(o->root, "other_config", "hw-offload");

	if (sleeps == NULL)
		sleeps = bf_ovsdb_entry(o->root, "other_config", "pmd-maxsleep");
	if (balance != NULL && strcmp(balance, "true") == 0)
		bf_draft_line(o->d, "set lcore rebalance on");
	if (sleeps != NULL && strcmp(sleeps, "0") != 0)
		bf_draft_line(o->d, "set lcore idle sleep");
	if (offload != NULL && strcmp(offload, "true") == 0)
		bf_draft_lost(o->d, "hw-offload=true: no counterpart: cards switch nothing");
	bf_ovs_rest(o, "Open_vSwitch", o->root, "other_config", root_keys);
}

void
bf_ovs_head(struct bf_ovs *o, const char *path)
{
	char names[200] = "", lcores[ARGUMENTS_MAX] = "", devices[ARGUMENTS_MAX] = "",
	     memory[ARGUMENTS_MAX] = "";

	for (unsigned int i = 0; i < o->n_bridges; i++)
		bf_words_add(names, sizeof(names), ", ", bf_ovsdb_text(o->bridges[i], "name"));
	bf_draft_line(o->d, "# Imported from %s, bridge %s. Check: bondfwd --check --config FILE",
		path, names);
	bf_draft_line(
		o->d, "# OpenFlow rules are not in the database: ovs-ofctl dump-flows shows them.");
	lcores_print(o, lcores, sizeof(lcores));
	devices_print(o, devices, sizeof(devices));
	memory_print(o, memory, sizeof(memory));
	bf_draft_line(o->d, "#");
	bf_draft_line(o->d, "#   bondfwd %s %s%s%s -- --config FILE", lcores, devices,
		memory[0] != '\0' ? " " : "", memory);
}

static void
openflow_lost(struct bf_ovs *o, const json_t *bridge, const char *who)
{
	for (size_t i = 0; i < bf_ovsdb_count(bridge, "controller"); i++)
		bf_draft_lost(o->d, "%s: controller %s: no OpenFlow", who,
			bf_ovsdb_text(bf_ovsdb_row(o->db, "Controller",
					      bf_ovsdb_item(bridge, "controller", i)),
				"target"));
	if (strcmp(bf_ovsdb_text(bridge, "fail_mode"), "secure") == 0)
		bf_draft_lost(o->d,
			"%s: fail_mode=secure: no OpenFlow: the switch forwards by itself", who);
	if (bf_ovsdb_flag(bridge, "stp_enable") || bf_ovsdb_flag(bridge, "rstp_enable"))
		bf_draft_lost(o->d, "%s: STP: no counterpart: the bond is the only way out", who);
	if (bf_ovsdb_count(bridge, "flood_vlans") > 0)
		bf_draft_lost(o->d, "%s: flood_vlans: no counterpart", who);
	if (bf_ovsdb_count(bridge, "netflow") > 0)
		bf_draft_lost(
			o->d, "%s: NetFlow: expected sFlow or IPFIX: docs/flow-export.md", who);
}

/* References to rows that are not there: a server of Open vSwitch writes none. */
static void
refs_lost(
	struct bf_ovs *o, const char *who, const json_t *row, const char *column, const char *table)
{
	size_t n = bf_ovsdb_count(row, column), n_lost = 0;

	for (size_t i = 0; i < n; i++)
		n_lost += bf_ovsdb_row(o->db, table, bf_ovsdb_item(row, column, i)) == NULL;
	if (n_lost > 0)
		bf_draft_lost(o->d, "%s: %s: %zu of %zu: expected rows of table %s", who, column,
			n_lost, n, table);
}

static void
ports_lost(struct bf_ovs *o)
{
	char who[80];

	for (size_t i = 0; i < o->n_ports; i++) {
		snprintf(who, sizeof(who), "port %.60s", o->ports[i].name);
		refs_lost(o, who, o->ports[i].row, "interfaces", "Interface");
		refs_lost(o, who, o->ports[i].row, "qos", "QoS");
	}
}

void
bf_ovs_bridge(struct bf_ovs *o)
{
	uint64_t aging, longest = 0;
	bool has_aging = false, has_snooping = false;
	char who[80];

	bf_draft_blank(o->d);
	for (unsigned int i = 0; i < o->n_bridges; i++) {
		const json_t *b = o->bridges[i];

		snprintf(who, sizeof(who), "bridge %.60s", bf_ovsdb_text(b, "name"));
		if (bf_ovs_entry_number(
			    o, who, b, "other_config", "mac-aging-time", 15, AGING_MAX_S, &aging)) {
			has_aging = true;
			longest = aging > longest ? aging : longest;
		}
		if (bf_ovsdb_entry(b, "other_config", "mac-table-size") != NULL)
			bf_draft_lost(o->d, "%s: mac-table-size=%s: mac_limit of guests does that",
				who, bf_ovsdb_entry(b, "other_config", "mac-table-size"));
		has_snooping = has_snooping || bf_ovsdb_flag(b, "mcast_snooping_enable");
		openflow_lost(o, b, who);
		refs_lost(o, who, b, "ports", "Port");
		refs_lost(o, who, b, "mirrors", "Mirror");
		refs_lost(o, who, b, "sflow", "sFlow");
		refs_lost(o, who, b, "ipfix", "IPFIX");
		bf_ovs_rest(o, who, b, "other_config", bridge_keys);
	}
	if (has_aging)
		bf_draft_line(o->d, "set fdb aging %" PRIu64, longest);
	if (has_snooping)
		bf_draft_line(o->d, "set bonding option %s mcast_snooping=on", o->bond);
	ports_lost(o);
	root_write(o);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Commands of testpmd, Open vSwitch, VPP and Linux, and what does their work here: who types one is
 * told, and `show words` lists them.
 *
 * What testpmd has and bondfwd has too is a command here, with testpmd's words; this is the rest.
 *
 * Threads: constants; ctx control.
 */
#include <string.h>

#include "app.h"
#include "commands/commands.h"
#include "commands/words.h"

#define TESTPMD "testpmd"
#define OVS "Open vSwitch"
#define VPP "VPP"
#define LINUX "Linux"

const struct bf_cmd_foreign bf_app_foreign[] = {
	{TESTPMD, "start tx_first",
		"`start` begins forwarding; bondfwd sends no frames of its own"},
	{TESTPMD, "set fwd", "frames are always switched by MAC address; `start` and `stop`"},
	{TESTPMD, "set burst", "a burst is up to 32 frames, always"},
	{TESTPMD, "set nbcore", "`--lcores` of the start says how many; `show lcore` lists them"},
	{TESTPMD, "set corelist", "`--lcores` of the start says which; `show lcore` lists them"},
	{TESTPMD, "set coremask", "`--lcores` of the start says which; `show lcore` lists them"},
	{TESTPMD, "set portlist", "the ports are the bonds' members and the guests"},
	{TESTPMD, "set portmask", "the ports are the bonds' members and the guests"},
	{TESTPMD, "set verbose", "`capture start` shows frames"},
	{TESTPMD, "set log global", "`set log level`"},
	{TESTPMD, "set record-core-cycles", "always on: `show lcore`"},
	{TESTPMD, "set record-burst-stats", "always on: `show lcore`"},
	{TESTPMD, "set flow_ctrl", "pause frames are not switched: `show drops` counts them"},
	{TESTPMD, "set bonding lacp dedicated_queues",
		"every worker takes LACPDUs out; nothing is to be set"},
	{TESTPMD, "show config rxtx", "`show config fwd`, and `show rxq info`"},
	{TESTPMD, "show config", "`show config fwd`, or `show config cores`"},
	{TESTPMD, "show device info", "`show port info`"},
	{TESTPMD, "show port cap", "`show port info`"},
	{TESTPMD, "show port fdir", "bondfwd programs no filters of cards"},
	{TESTPMD, "show port dcb_tc", "`show qos`"},
	{TESTPMD, "show port <port> macs", "`show fdb port`"},
	{TESTPMD, "show port <port> rx_offload", "`show port info`"},
	{TESTPMD, "show port <port> tx_offload", "`show port info`"},
	{TESTPMD, "show port <port> rxq", "`show rxq info`"},
	{TESTPMD, "show port <port> txq", "`show txq info`"},
	{TESTPMD, "clear port info", "`clear port stats`, or `clear port xstats`"},
	{TESTPMD, "clear port fdir", "bondfwd programs no filters of cards"},
	{TESTPMD, "port close", "`remove bonding member`, then `port detach`"},
	{TESTPMD, "port reset", "`port stop`, then `port start`"},
	{TESTPMD, "port config all max-pkt-len", "`port config mtu`"},
	{TESTPMD, "port config all rxq", "each worker has a queue: `--lcores` of the start"},
	{TESTPMD, "port config all txq", "each worker has a queue: `--lcores` of the start"},
	{TESTPMD, "port <port> rxq", "`set lcore` lets a worker poll a guest's queue"},
	{TESTPMD, "port <port> txq", "`set lcore` lets a worker poll a guest's queue"},
	{TESTPMD, "mac_addr add", "`add fdb` pins a station to a port"},
	{TESTPMD, "mac_addr remove", "`remove fdb`"},
	{TESTPMD, "vlan set", "`set guest` NAME vlan=ID"},
	{TESTPMD, "rx_vlan", "`set guest` NAME trunk=IDS"},
	{TESTPMD, "tx_vlan", "`set guest` NAME vlan=ID"},
	{TESTPMD, "load_echo", "`load`; `diff` says before what it would change"},
	{TESTPMD, "dump mempool", "`show mempool`"},
	{TESTPMD, "dump lcores", "`show lcore`"},
	{TESTPMD, "dump mbuf",
		"`capture start`; `show drops` PORT REASON frames: what was dropped"},
	{TESTPMD, "dpdk-pdump", "`capture start`"},
	{TESTPMD, "dpdk-dumpcap", "`capture start`"},
	{TESTPMD, "dump", "`show mempool`, `show lcore`, `show numa`, or telemetry"},

	{OVS, "bond/list", "`show bonding config all`"},
	{OVS, "bond/show", "`show bonding config`, and `show bonding balance`"},
	{OVS, "bond/hash", "`show bonding path`"},
	{OVS, "bond/migrate", "`show bonding balance`; bondfwd moves flows itself"},
	{OVS, "bond/set-active-member", "`set bonding primary`"},
	{OVS, "bond/set-active-slave", "`set bonding primary`"},
	{OVS, "bond/enable-member", "`set bonding undrain`"},
	{OVS, "bond/enable-slave", "`set bonding undrain`"},
	{OVS, "bond/disable-member", "`set bonding drain`"},
	{OVS, "bond/disable-slave", "`set bonding drain`"},
	{OVS, "lacp/show", "`show bonding lacp info`"},
	{OVS, "lacp/show-stats", "`show bonding lacp info`"},
	{OVS, "fdb/show", "`show fdb`"},
	{OVS, "fdb/stats-show", "`show fdb`"},
	{OVS, "fdb/add", "`add fdb`"},
	{OVS, "fdb/del", "`remove fdb`"},
	{OVS, "fdb/flush", "`clear fdb`"},
	{OVS, "mdb/show", "`show mdb`"},
	{OVS, "mdb/flush", "`clear mdb`"},
	{OVS, "ofproto/trace",
		"`trace frame`; `why` for two stations that do not reach each other"},
	{OVS, "create mirror", "`set mirror`"},
	{OVS, "list mirror", "`show mirror`"},
	{OVS, "create sflow", "`create exporter`"},
	{OVS, "list sflow", "`show exporter`"},
	{OVS, "create ipfix", "`create exporter`"},
	{OVS, "list ipfix", "`show exporter`"},
	{OVS, "create netflow", "`create exporter` of IPFIX"},
	{OVS, "ovs-tcpdump", "`capture start`"},
	{OVS, "pmd-perf-show", "`show lcore`"},
	{OVS, "pmd-rxq-show", "`show config fwd`"},
	{OVS, "pmd-rxq-rebalance", "`set lcore rebalance on`"},
	{OVS, "pmd-stats-show", "`show lcore`"},
	{OVS, "pmd-stats-clear", "`clear fwd stats all`"},
	{OVS, "dpif-netdev/pmd-perf-show", "`show lcore`"},
	{OVS, "dpif-netdev/pmd-rxq-show", "`show config fwd`"},
	{OVS, "dpif-netdev/pmd-rxq-rebalance", "`set lcore rebalance on`"},
	{OVS, "dpif-netdev/pmd-stats-show", "`show lcore`"},
	{OVS, "dpif-netdev/pmd-stats-clear", "`clear fwd stats all`"},
	{OVS, "dpif/show", "`show port summary all`"},
	{OVS, "dpctl/show", "`show fwd stats all`"},
	{OVS, "dpctl/dump-flows", "`show fdb`: there are no flows, only stations"},
	{OVS, "dump-flows", "`show fdb`: there are no flows, only stations"},
	{OVS, "dump-ports", "`show port stats all`"},
	{OVS, "add-flow", "`set guest` NAME filter=...: there are no flows, but filters of guests"},
	{OVS, "del-flows", "`set guest` NAME filter=none"},
	{OVS, "netdev-dpdk/get-mempool-info", "`show mempool`"},
	{OVS, "netdev-dpdk/set-admin-state", "`set link-up port`, `set link-down port`"},
	{OVS, "netdev-dpdk/detach", "`port detach`"},
	{OVS, "netdev-dpdk/get-eal-info", "`show version`"},
	{OVS, "memory/show", "`show mempool`"},
	{OVS, "coverage/show", "`show drops`, and `show metrics`"},
	{OVS, "vlog/set", "`set log level`"},
	{OVS, "vlog/list", "`set log level`"},
	{OVS, "qos/show", "`show qos`"},
	{OVS, "bfd/show", "`show bonding probes`"},
	{OVS, "cfm/show", "`show bonding probes`"},
	{OVS, "stp/show", "bondfwd takes part in no spanning tree; it makes no loops"},
	{OVS, "rstp/show", "bondfwd takes part in no spanning tree; it makes no loops"},
	{OVS, "add-br", "`create bonding device`: a bond is a switch"},
	{OVS, "del-br", "`remove bonding device`"},
	{OVS, "list-br", "`show bonding config all`"},
	{OVS, "add-port", "`add guest`, or `add bonding member`"},
	{OVS, "del-port", "`remove guest`, or `remove bonding member`"},
	{OVS, "list-ports", "`show port summary all`"},
	{OVS, "add-bond", "`create bonding device`, then `add bonding member`"},
	{OVS, "set interface", "`set guest`, or `set bonding member`"},
	{OVS, "set port", "`set guest`, or `set bonding option`"},
	{OVS, "set bridge", "`set bonding option`, or `set fdb aging`"},
	{OVS, "set open_vswitch", "options of the start: bondfwd --help"},
	{OVS, "get", "`show guest`, or `show running-config`"},
	{OVS, "list", "`show guest`, or `show running-config`"},

	{VPP, "show interface", "`show port stats all`"},
	{VPP, "show hardware-interfaces", "`show port info all`"},
	{VPP, "show bond", "`show bonding config all`"},
	{VPP, "show lacp", "`show bonding lacp info all`"},
	{VPP, "show bridge-domain", "`show port summary all`"},
	{VPP, "show l2fib", "`show fdb`"},
	{VPP, "show vhost-user", "`show guest`"},
	{VPP, "show runtime", "`show lcore`"},
	{VPP, "show threads", "`show config cores`"},
	{VPP, "show errors", "`show drops`"},
	{VPP, "show buffers", "`show mempool`"},
	{VPP, "show logging", "`show events`"},
	{VPP, "trace add", "`capture start`; `trace frame` says what would become of one"},
	{VPP, "show trace", "`trace frame`; `show drops` PORT REASON frames: what was dropped"},
	{VPP, "set interface span", "`set mirror`"},
	{VPP, "show interface span", "`show mirror`"},
	{VPP, "flowprobe", "`create exporter`"},
	{VPP, "sflow", "`create exporter`"},
	{VPP, "show event-logger", "`show flight`"},
	{VPP, "pcap trace", "`capture start`"},
	{VPP, "create bond", "`create bonding device`"},
	{VPP, "create vhost-user", "`add guest`"},
	{VPP, "bond add", "`add bonding member`"},

	{LINUX, "cat /proc/net/bonding/<bond>", "`show bonding config`"},
	{LINUX, "ifenslave", "`add bonding member`"},
	{LINUX, "teamdctl", "`show bonding config`"},
	{LINUX, "ip link set", "`set link-up port`, `set link-down port`; keys: `set guest`"},
	{LINUX, "ip link add", "`add guest`, `add host`, or `create bonding device`"},
	{LINUX, "ip link del", "`remove guest`, `remove host`, or `remove bonding device`"},
	{LINUX, "ip link", "`show port summary all`"},
	{LINUX, "ip -s link", "`show port stats all`"},
	{LINUX, "ip neigh", "`show neighbors`"},
	{LINUX, "ip monitor", "`show events`"},
	{LINUX, "bridge fdb add", "`add fdb`"},
	{LINUX, "bridge fdb del", "`remove fdb`"},
	{LINUX, "bridge fdb", "`show fdb`"},
	{LINUX, "bridge link", "`show port summary all`"},
	{LINUX, "bridge mdb", "`show mdb`"},
	{LINUX, "bridge vlan", "`show guest`; vlan=ID or trunk=IDS of a guest"},
	{LINUX, "bridge monitor", "`show events`"},
	{LINUX, "brctl showmacs", "`show fdb`"},
	{LINUX, "brctl setageing", "`set fdb aging`"},
	{LINUX, "brctl addif", "`add guest`, or `add bonding member`"},
	{LINUX, "brctl delif", "`remove guest`, or `remove bonding member`"},
	{LINUX, "brctl addbr", "`create bonding device`: a bond is a switch"},
	{LINUX, "brctl delbr", "`remove bonding device`"},
	{LINUX, "brctl show", "`show port summary all`"},
	{LINUX, "ethtool -S", "`show port xstats`"},
	{LINUX, "ethtool -m", "`show port module_eeprom`"},
	{LINUX, "ethtool -g", "`show rxq info`; -G: `port config all rxd`, `port config all txd`"},
	{LINUX, "ethtool", "`show port info`"},
	{LINUX, "tc", "`show qos`; rates and filters are keys: `set guest`"},
	{LINUX, "tc filter",
		"`set mirror` copies frames; `set guest` NAME filter=... keeps them out"},
	{LINUX, "tcpdump", "`capture start`"},
	{LINUX, "tshark", "`capture start`"},
	{LINUX, "dropwatch", "`show drops`, and with PORT REASON frames: what was dropped"},
	{LINUX, "dmesg", "`show events`"},
	{LINUX, "journalctl", "`show events`"},
};

const unsigned int bf_app_n_foreign = sizeof(bf_app_foreign) / sizeof(bf_app_foreign[0]);

static bool
is_wanted(const struct bf_cmd_foreign *f, const char *text)
{
	return text == NULL || strcasestr(f->of, text) != NULL ||
		strcasestr(f->words, text) != NULL || strcasestr(f->instead, text) != NULL;
}

static void
cmd_words(struct bf_cmd_ctx *ctx)
{
	const char *text = bf_cmd_arg(ctx, "text");
	unsigned int n = 0;

	bf_out_arr_begin(ctx->out, NULL);
	for (unsigned int i = 0; i < bf_app_n_foreign; i++) {
		const struct bf_cmd_foreign *f = &bf_app_foreign[i];

		if (!is_wanted(f, text))
			continue;
		n++;
		bf_out_printf(ctx->out, "%s\n    %s: %s\n", f->words, f->of, f->instead);
		bf_out_obj_begin(ctx->out, NULL);
		bf_out_str(ctx->out, "of", f->of);
		bf_out_str(ctx->out, "words", f->words);
		bf_out_str(ctx->out, "instead", f->instead);
		bf_out_obj_end(ctx->out);
	}
	bf_out_arr_end(ctx->out);
	if (n == 0)
		bf_out_usage(ctx->out,
			"words: \"%s\": expected a part of a command: see show words", text);
}

static const struct bf_cmd words_cmds[] = {
	{"show words [<text>]",
		"Commands of testpmd, Open vSwitch, VPP and Linux, and what to use instead; with a text\n"
		"only those that contain it.",
		cmd_words, 0},
};

const struct bf_cmd_group bf_group_words = {
	"words", "Commands of other programs, and ours", BF_CMDS(words_cmds)};

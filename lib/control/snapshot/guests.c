/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show guest: guests, and one of them with its connection.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/memory/nodes.h"
#include "control/observe/stats.h"
#include "control/snapshot/connection.h"
#include "control/snapshot/options.h"
#include "control/snapshot/snapshot.h"

#define COUNTERS struct bf_port_counters

static const struct bf_field offload_fields[] = {
#define OFFLOAD(field, help) \
	BF_FIELD(COUNTERS, field, BF_COUNTER("bondfwd_guest_" #field, NULL, help)),
	BF_OFFLOAD_COUNTER_LIST(OFFLOAD)
#undef OFFLOAD
};

static const struct bf_table offload_table = BF_TABLE("offload counters", COUNTERS, offload_fields,
	.each = "    {.name:-16} {.value:12}  {.help}\n");

struct guest_row {
	uint32_t id;
	char name[BF_NAME_MAX], uplink[BF_NAME_MAX], group[BF_NAME_MAX], socket[BF_SOCKET_MAX];
	const char *mode;
	bool up, link_held, has_node, in_full, has_auto_mac;
	uint8_t auto_mac[6];
	uint16_t queue_pairs, max_frame, negotiated_mtu;
	uint32_t mtu, stations;
	uint64_t features, connects, drops, announcements;
	int memory_node;
	COUNTERS c;
	struct bf_connection conn;
	struct bf_rows options;
};

#define ROW struct guest_row

static const struct bf_field guest_fields[] = {
	BF_FIELD(ROW, id),
	BF_FIELD(ROW, uplink, .label = "bond"),
	BF_FIELD(ROW, name, .label = "guest"),
	BF_FIELD(ROW, group),
	BF_FIELD(ROW, auto_mac, BF_WHEN(ROW, has_auto_mac)),
	BF_FIELD(ROW, up, BF_GAUGE("bondfwd_guest_up", NULL, "1 while the guest is connected.")),
	BF_FIELD(ROW, link_held,
		BF_GAUGE("bondfwd_guest_link_held", NULL,
			"1 while the guest's link is held down because its bond carries nothing.")),
	BF_FIELD(ROW, queue_pairs,
		BF_GAUGE("bondfwd_guest_queue_pairs", NULL, "Queue pairs in use.")),
	BF_FIELD(ROW, max_frame),
	BF_FIELD(ROW, mtu),
	BF_FIELD(ROW, negotiated_mtu),
	BF_FIELD(ROW, features, .hex = true),
	BF_FIELD(ROW, memory_node),
	BF_FIELD(ROW, connects,
		BF_COUNTER("bondfwd_guest_connects", NULL, "Times that the guest has come up.")),
	BF_FIELD_AS(ROW, c.rx_frames, "rx_frames",
		BF_COUNTER("bondfwd_guest_receive", "frames", "Frames received from the guest.")),
	BF_FIELD_AS(ROW, c.rx_bytes, "rx_bytes",
		BF_COUNTER("bondfwd_guest_receive", "bytes",
			"Bytes received from the guest, without FCS.")),
	BF_FIELD_AS(ROW, c.tx_frames, "tx_frames",
		BF_COUNTER("bondfwd_guest_transmit", "frames", "Frames sent to the guest.")),
	BF_FIELD_AS(ROW, c.tx_bytes, "tx_bytes",
		BF_COUNTER("bondfwd_guest_transmit", "bytes",
			"Bytes sent to the guest, without FCS.")),
	BF_FIELD_AS(ROW, c.flooded, "flooded",
		BF_COUNTER("bondfwd_guest_flooded", "frames",
			"Frames from the guest that were flooded.")),
	BF_FIELD(ROW, drops,
		BF_COUNTER("bondfwd_guest_dropped", "frames",
			"Frames from and to the guest that were dropped.")),
	BF_FIELD(ROW, announcements,
		BF_COUNTER("bondfwd_guest_announcements", NULL,
			"Frames that announced the guest after failovers.")),
	BF_FIELD(ROW, stations,
		BF_GAUGE("bondfwd_guest_stations", NULL, "Stations known behind the guest.")),
	BF_FIELD_AS(ROW, c, "offload_counters", .table = &offload_table),
	BF_FIELD(ROW, socket, .text_only = true),
	BF_FIELD(ROW, mode, .text_only = true),
	BF_FIELD(ROW, has_node, .text_only = true),
	BF_FIELD(ROW, has_auto_mac, .text_only = true),
	BF_CONNECTION_FIELDS(ROW),
	BF_FIELD(ROW, options, .table = &bf_options_table),
};

static const struct bf_table guest_table = BF_TABLE("guest", ROW, guest_fields,
	.head = "Port Name             Link  Queues MTU   RX-frames  TX-frames  Drops      MACs   "
		"Socket\n",
	.text = "{id:-4} {name:-16} {#up}up   {/up}{^up}down {/up} {queue_pairs:-6} {mtu:-5} "
		"{rx_frames:-10} {tx_frames:-10} {drops:-10} {stations:-6} {socket} ({mode})\n"
		"{#is_known}{#group}  Port group: {group}\n{/group}{#has_auto_mac}  Own address: {auto_mac}\n{/has_auto_mac}{#is_connected}"
		"{#peer}  Front end: {name}, pid {pid}, user {uid}; {connections} connections\n"
		"{#has_vm}  Virtual machine: {vm}{#libvirt}, a domain of libvirt{/libvirt}\n{/has_vm}{/peer}"
		"  Features: {feature_names}\n  Protocol features: {protocol_feature_names}\n"
		"  Offloads (offered: {offered}):\n{offloads}{offload_counters}"
		"  Memory: {memory_mib} MiB in {regions.n} regions"
		"{#has_node}, node {memory_node}{/has_node}\n{regions}"
		"    Ring Direction  Mode Kind     Size   Next      Kicks      Calls\n"
		"{/is_connected}{^is_connected}"
		"{#link_held}  Link held down: bond {uplink} carries nothing\n{/link_held}"
		"{^link_held}  Front end: {#is_client}none listens at the socket{/is_client}"
		"{^is_client}none is connected{/is_client}\n{/link_held}{/is_connected}"
		"{#is_pinned}  Offered at most, by features=: {offered_names}\n{/is_pinned}"
		"{rings}{#refusals}  Refused {refusals} times, last: {last_refusal}\n{/refusals}"
		"{/is_known}");

static void
gather_guest(struct bf_bridge *br, const struct bf_guest *g, ROW *row, struct bf_snapshot *s)
{
	row->id = bf_guest_id(g);
	BF_ROW_TEXT(row->name, g->cfg.name);
	BF_ROW_TEXT(row->uplink, bf_bridge_port_name(br, bf_bond_slot(g->uplink)));
	BF_ROW_TEXT(row->group, g->cfg.group);
	BF_ROW_TEXT(row->socket, g->cfg.host ? g->cfg.name : g->cfg.socket);
	row->mode = g->cfg.host ? "interface" : g->cfg.server ? "server" : "client";
	row->up = g->up;
	row->link_held = g->loss.held;
	row->has_auto_mac = bf_guest_config_has_auto_mac(&g->cfg);
	bf_guest_config_own_mac(&g->cfg, row->auto_mac);
	row->queue_pairs = g->n_rings;
	row->max_frame = g->max_len;
	row->negotiated_mtu = g->mtu;
	row->mtu = bf_guest_mtu(g);
	row->features = g->features;
	row->memory_node = g->numa_node;
	row->has_node = bf_nodes_are_several() && g->numa_node >= 0;
	row->connects = g->connects;
	bf_stats_port(br, g->slot, &row->c);
	for (unsigned int d = 0; d < BF_DROP_COUNT; d++)
		row->drops += row->c.drops[d];
	row->announcements = bf_announce_sent_for(br->up[g->uplink].announcer, g->slot);
	row->stations = br->fdb->port_count[g->slot];
	if (s->in_full)
		bf_gather_connection(g, &row->conn, s);
	bf_gather_options(bf_guest_keys, bf_n_guest_keys, &g->cfg, &row->options, s);
}

static void
gather_guests(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];

		if (g != NULL && (only == NULL || strcmp(g->cfg.name, only) == 0))
			gather_guest(br, g, bf_rows_add(s, &s->rows, sizeof(ROW)), s);
	}
}

const struct bf_show bf_show_guests = {
	.table = &guest_table, .gather = gather_guests, .metrics = true, .endpoint = "guests"};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show host: host ports and their interfaces, as the kernel has them now.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/host/host.h"
#include "control/host/iface.h"
#include "control/observe/stats.h"
#include "control/snapshot/snapshot.h"

struct host_row {
	uint32_t id;
	char name[BF_NAME_MAX], bond[BF_NAME_MAX], label[BF_NAME_MAX];
	const char *state;
	bool up, carrier, connected;
	uint32_t mtu;
	uint8_t mac[6];
	uint64_t rx_frames, tx_frames;
};

#define ROW struct host_row

static const struct bf_field host_fields[] = {
	BF_FIELD(ROW, id),
	BF_FIELD(ROW, name, .label = "host"),
	BF_FIELD(ROW, bond, .label = "bond"),
	BF_FIELD(ROW, label),
	BF_FIELD(ROW, state),
	BF_FIELD(ROW, up, BF_GAUGE("bondfwd_host_up", NULL, "1 while the host's interface is up.")),
	BF_FIELD(ROW, carrier,
		BF_GAUGE("bondfwd_host_carrier", NULL,
			"1 while the host's interface has a carrier.")),
	BF_FIELD(ROW, connected),
	BF_FIELD(ROW, mac),
	BF_FIELD(ROW, mtu, BF_GAUGE("bondfwd_host_mtu", "bytes", "MTU of the host's interface.")),
	BF_FIELD(ROW, rx_frames),
	BF_FIELD(ROW, tx_frames),
};

static const struct bf_table host_table = BF_TABLE("host", ROW, host_fields,
	.head = "Interface        Bond             State  Carrier  MAC                MTU    RX-frames  "
		"TX-frames\n",
	.text = "{name:-16} {bond:-16} {state:-6} {#carrier}yes{/carrier}{^carrier}no {/carrier}"
		"      {mac}  {mtu:-6} {rx_frames:-10} {tx_frames}\n");

static const char *
host_state(const struct bf_guest *g, const struct bf_iface_info *info)
{
	if (bf_host_is_gone(g->host))
		return "gone";
	if (!info->exists)
		return "away"; /* in another network namespace */
	return info->up ? "up" : "down";
}

static void
gather_hosts(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];
		struct bf_port_counters c = {0};
		struct bf_iface_info info;
		ROW *row;

		if (g == NULL || g->host == NULL ||
			(only != NULL && strcmp(g->cfg.name, only) != 0))
			continue;
		bf_iface_look(g->cfg.name, &info);
		bf_stats_port(br, g->slot, &c);
		row = bf_rows_add(s, &s->rows, sizeof(*row));
		row->id = bf_guest_id(g);
		BF_ROW_TEXT(row->name, g->cfg.name);
		BF_ROW_TEXT(row->bond, bf_bridge_port_name(br, bf_bond_slot(g->uplink)));
		BF_ROW_TEXT(row->label, g->cfg.label);
		row->state = host_state(g, &info);
		row->up = info.exists && info.up && !bf_host_is_gone(g->host);
		row->carrier = info.carrier;
		row->connected = g->up;
		row->mtu = info.exists ? info.mtu : g->cfg.mtu;
		memcpy(row->mac, info.mac, sizeof(row->mac));
		row->rx_frames = c.rx_frames;
		row->tx_frames = c.tx_frames;
	}
}

const struct bf_show bf_show_hosts = {
	.table = &host_table, .gather = gather_hosts, .metrics = true, .endpoint = "hosts"};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show port summary and show port info: devices, bonds and guests as ports.
 *
 * Members without a device have no id and no counters: they are shown so that nobody overlooks them.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/mac.h"
#include "control/bond/link_ask.h"
#include "control/bridge.h"
#include "control/memory/nodes.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"
#include "dataplane/member.h"

struct port_row {
	bool there, missing; /* one or the other: has its device appeared? */
	uint32_t id;
	char name[BF_DEV_NAME_MAX];
	const char *kind;
	char driver[64], mac[BF_MAC_TEXT_SIZE];
	bool link;
	uint32_t speed_mbps;
	uint32_t available; /* ports that are there, in the first row */
	/* show port info */
	uint32_t mtu;
	int node;
	bool has_node; /* worth telling people */
	bool is_guest, is_device;
	char socket[BF_SOCKET_MAX];
	uint16_t queue_pairs;
	uint64_t features;
	bool promiscuous;
};

#define LOOKS \
	BF_FIELD(struct port_row, id, BF_WHEN(struct port_row, there)), \
		BF_FIELD(struct port_row, name), BF_FIELD(struct port_row, kind), \
		BF_FIELD(struct port_row, missing, BF_WHEN(struct port_row, missing)), \
		BF_FIELD(struct port_row, driver, BF_WHEN(struct port_row, there)), \
		BF_FIELD(struct port_row, mac, BF_WHEN(struct port_row, there)), \
		BF_FIELD(struct port_row, link), BF_FIELD(struct port_row, speed_mbps)

#define SPEED "{#speed_mbps}{speed_mbps} Mbps{/speed_mbps}{^speed_mbps}unknown{/speed_mbps}"

static const struct bf_field summary_fields[] = {
	LOOKS,
	BF_FIELD(struct port_row, available, .text_only = true),
};

static const struct bf_table summary_table = BF_TABLE("port", struct port_row, summary_fields,
	.text = "{#available}Number of available ports: {available}\n"
		"Port MAC Address       Name                 Driver         Status Link\n{/available}"
		"{#missing}-    -                 {name:-20} -              missing\n{/missing}"
		"{^missing}{id:-4} {mac:-17} {name:-20} {driver:-14} "
		"{#link}up    {/link}{^link}down  {/link} " SPEED "\n{/missing}");

static const struct bf_field info_fields[] = {
	LOOKS,
	BF_FIELD(struct port_row, mtu, BF_WHEN(struct port_row, there)),
	BF_FIELD(struct port_row, node, BF_WHEN(struct port_row, there)),
	BF_FIELD(struct port_row, has_node, .text_only = true),
	BF_FIELD(struct port_row, is_guest, .text_only = true),
	BF_FIELD(struct port_row, is_device, .text_only = true),
	BF_FIELD(struct port_row, socket, BF_WHEN(struct port_row, is_guest)),
	BF_FIELD(struct port_row, queue_pairs, BF_WHEN(struct port_row, is_guest)),
	BF_FIELD(struct port_row, features, BF_WHEN(struct port_row, is_guest), .hex = true),
	BF_FIELD(struct port_row, promiscuous, BF_WHEN(struct port_row, is_device)),
};

static const struct bf_table info_table = BF_TABLE("port info", struct port_row, info_fields,
	.text = "{#missing}\nDevice name: {name}\nMissing: no such device\n{/missing}{^missing}"
		"\n********************* Infos for port {id}  *********************\n"
		"Device name: {name}\nKind: {kind}\nDriver name: {driver}\nMAC address: {mac}\n"
		"Link status: {#link}up{/link}{^link}down{/link}\nLink speed: " SPEED
		"\nMTU: {mtu}\n{#has_node}Connect to socket: {node}\n{/has_node}"
		"{#is_guest}Socket: {socket}\nQueue pairs: {queue_pairs}\nFeatures: {features}\n{/is_guest}"
		"{#is_device}Promiscuous mode: "
		"{#promiscuous}enabled{/promiscuous}{^promiscuous}disabled{/promiscuous}\n{/is_device}"
		"{/missing}");

static bool
link_of(const struct bf_bridge *br, const struct bf_port_ref *r, uint32_t *speed)
{
	struct rte_eth_link link = {0};

	*speed = 0;
	if (r->kind == BF_REF_GUEST)
		return r->guest->up;
	if (r->kind == BF_REF_BOND) { /* up means: a frame would leave */
		const struct bf_bond_view *v = &br->lcores.view->bonds[r->up->bond.number];

		*speed = bf_bond_speed(&r->up->bond);
		return v->carrier != NULL && bf_bond_usable(v) != 0;
	}
	if (bf_link_ask(r->ethdev, &link) != 0)
		return false;
	*speed = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	return link.link_status == RTE_ETH_LINK_UP;
}

/* The station that was learned first behind a port, and is known still. */
static bool
first_station(const struct bf_fdb *f, uint16_t slot, uint8_t mac[6])
{
	const struct bf_fdb_entry *e = bf_fdb_first(f, slot);

	if (e == NULL)
		return false;
	memcpy(mac, &e->key, 6);
	return true;
}

/* A guest's is the first that was learned behind it. */
static void
read_mac(const struct bf_bridge *br, const struct bf_port_ref *r, char *buf)
{
	struct rte_ether_addr mac = {{0}};
	bool known = r->kind == BF_REF_GUEST
		? first_station(br->fdb, r->guest->slot, mac.addr_bytes)
		: rte_eth_macaddr_get(r->ethdev, &mac) == 0;

	memcpy(buf, "-", 2);
	if (known)
		bf_mac_text(mac.addr_bytes, buf);
}

static uint32_t
mtu_of(const struct bf_port_ref *r)
{
	uint16_t mtu = 0;

	if (r->kind == BF_REF_GUEST)
		return bf_guest_mtu(r->guest);
	if (r->kind == BF_REF_BOND)
		return r->up->bond.cfg.mtu;
	rte_eth_dev_get_mtu(r->ethdev, &mtu);
	return mtu;
}

static const char *
driver_of(const struct bf_port_ref *r, struct rte_eth_dev_info *info)
{
	if (r->kind == BF_REF_GUEST)
		return "vhost-user";
	return rte_eth_dev_info_get(r->ethdev, info) == 0 ? info->driver_name : "?";
}

static void
gather_guest(const struct bf_guest *g, struct port_row *row)
{
	row->is_guest = true;
	row->node = g->numa_node;
	BF_ROW_TEXT(row->socket, g->cfg.host ? "the host's interface" : g->cfg.socket);
	row->queue_pairs = g->n_rings;
	row->features = g->features;
}

static void
gather_port(struct bf_bridge *br, const struct bf_port_ref *r, struct port_row *row)
{
	struct rte_eth_dev_info info;

	row->there = true;
	row->id = r->id;
	BF_ROW_TEXT(row->name, r->name);
	row->kind = bf_port_ref_kind(r);
	BF_ROW_TEXT(row->driver, driver_of(r, &info));
	read_mac(br, r, row->mac);
	row->link = link_of(br, r, &row->speed_mbps);
	row->mtu = mtu_of(r);
	row->is_device = r->kind != BF_REF_GUEST;
	if (row->is_device) {
		row->node = bf_nodes_of_port(r->ethdev);
		row->promiscuous = rte_eth_promiscuous_get(r->ethdev) == 1;
	} else {
		gather_guest(r->guest, row);
	}
	row->has_node = bf_nodes_are_several() && row->node >= 0;
}

static void
gather_missing(const struct bf_uplink *u, struct bf_snapshot *s)
{
	for (uint32_t i = 0; i < u->missing.n; i++) {
		struct port_row *row = bf_rows_add(s, &s->rows, sizeof(*row));

		row->missing = true;
		row->kind = "ethdev";
		BF_ROW_TEXT(row->name, u->missing.members[i].name);
	}
}

static void
gather_ports(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct bf_port_ref r;

	for (unsigned int id = 0; id < BF_MAX_PORT_IDS; id++)
		if (bf_port_ref_at(br, id, &r) && (only == NULL || bf_port_ref_is(&r, only)))
			gather_port(br, &r, bf_rows_add(s, &s->rows, sizeof(struct port_row)));
	if (s->rows.n > 0)
		((struct port_row *)s->rows.at)->available = s->rows.n;
	for (unsigned int k = 0; k < BF_MAX_BONDS && only == NULL; k++)
		gather_missing(&br->up[k], s);
}

const struct bf_show bf_show_ports = {.table = &summary_table, .gather = gather_ports};
const struct bf_show bf_show_port_info = {.table = &info_table, .gather = gather_ports};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show topology.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/topology.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_version.h>

#include "base/mac.h"
#include "base/text.h"
#include "base/words.h"
#include "control/bridge.h"
#include "control/snapshot/connection.h"
#include "control/snapshot/lldp.h"
#include "control/snapshot/members.h"

#define MEMBER struct bf_topology_member
#define GUEST struct bf_topology_guest
#define BOND struct bf_topology_bond
#define WORKER struct bf_topology_worker
#define ROW struct bf_topology

static const struct bf_field member_fields[] = {
	BF_FIELD(MEMBER, name),
	BF_FIELD(MEMBER, driver),
	BF_FIELD(MEMBER, speed, .text_only = true),
	BF_FIELD(MEMBER, speed_mbps),
	BF_FIELD(MEMBER, missing),
	BF_FIELD(MEMBER, link),
	BF_FIELD(MEMBER, sending),
	BF_FIELD(MEMBER, neighbors, .table = &bf_lldp_of_member_table),
};

static const struct bf_table member_table = BF_TABLE("topology member", MEMBER, member_fields,
	.text = "  {#neighbors}{#counts}{system} port {port_id}, LAG: {lag} -> {/counts}{/neighbors}"
		"member {name}: {#missing}no device{/missing}{^missing}{driver}, {speed}, link "
		"{#link}up{/link}{^link}down{/link}{#sending}, in use{/sending}{/missing}\n");

static const struct bf_field guest_fields[] = {
	BF_FIELD(GUEST, id),
	BF_FIELD(GUEST, name),
	BF_FIELD(GUEST, group),
	BF_FIELD(GUEST, socket),
	BF_FIELD(GUEST, mode),
	BF_FIELD(GUEST, up),
	BF_FIELD(GUEST, has_front_end, .text_only = true),
	BF_FIELD(GUEST, front_end),
	BF_FIELD(GUEST, pid),
	BF_FIELD(GUEST, vlan),
	BF_FIELD(GUEST, stations),
	BF_FIELD(GUEST, queue_pairs),
	BF_FIELD(GUEST, mtu),
	BF_FIELD(GUEST, workers),
};

static const struct bf_table guest_table = BF_TABLE("topology guest", GUEST, guest_fields,
	.text = "    guest {name}: {#up}up{/up}{^up}down{/up}, {socket} ({mode})"
		"{#has_front_end}, front end {front_end} ({pid}){/has_front_end}, VLAN {vlan}, "
		"MACs {stations}, queues {queue_pairs}{#workers}, lcore {workers}{/workers}\n");

static const struct bf_field bond_fields[] = {
	BF_FIELD(BOND, name),
	BF_FIELD(BOND, mode),
	BF_FIELD(BOND, open),
	BF_FIELD(BOND, up),
	BF_FIELD(BOND, mac),
	BF_FIELD(BOND, mtu),
	BF_FIELD(BOND, vlans),
	BF_FIELD(BOND, native),
	BF_FIELD(BOND, stations),
	BF_FIELD(BOND, members, .table = &member_table),
	BF_FIELD(BOND, guests, .table = &guest_table),
};

static const struct bf_table bond_table = BF_TABLE("topology bond", BOND, bond_fields,
	.text = "{members}bond {name}: {mode}, {#up}up{/up}{^up}down{/up}, MTU {mtu}, VLANs {vlans}"
		"{#native}, native {native}{/native}, MACs {stations}\n  switch\n{guests}");

static const struct bf_field worker_fields[] = {
	BF_FIELD(WORKER, lcore),
	BF_FIELD(WORKER, socket),
};

static const struct bf_table worker_table =
	BF_TABLE("topology worker", WORKER, worker_fields, .text = " {lcore}");

static const struct bf_field fields[] = {
	BF_FIELD(ROW, host),
	BF_FIELD(ROW, bondfwd),
	BF_FIELD(ROW, dpdk),
	BF_FIELD(ROW, profile),
	BF_FIELD(ROW, command_line),
	BF_FIELD(ROW, workers, .table = &worker_table),
	BF_FIELD(ROW, bonds, .table = &bond_table),
};

static const struct bf_table topology_table = BF_TABLE("topology", ROW, fields,
	.text = "host {host}: bondfwd {bondfwd}, {dpdk}, profile {profile}, worker lcores:{workers}\n"
		"{bonds}");

/* ---- bonds ---- */

static void
gather_member(const struct bf_bridge *br, const struct bf_uplink *u, unsigned int i,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	const struct bf_member *m = &u->bond.members[i];
	MEMBER *row = bf_rows_add(s, rows, sizeof(*row));
	struct rte_eth_dev_info info;

	BF_ROW_TEXT(row->name, m->name);
	row->driver = rte_eth_dev_info_get(m->port, &info) == 0
		? bf_snapshot_copy(s, info.driver_name)
		: "?";
	row->speed_mbps = m->speed_mbps;
	bf_bond_speed_text(m->speed_mbps, row->speed, sizeof(row->speed));
	row->link = m->carrier;
	row->sending = (bf_members_sending(br, u) >> m->bit & 1) != 0;
	bf_gather_lldp(u, m->name, &row->neighbors, s);
}

static void
gather_members(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	for (unsigned int i = 0; u->bond.open && i < u->bond.n_members; i++)
		gather_member(br, u, i, rows, s);
	for (uint32_t i = 0; i < u->missing.n; i++) {
		MEMBER *row = bf_rows_add(s, rows, sizeof(*row));

		BF_ROW_TEXT(row->name, u->missing.members[i].name);
		row->missing = true;
		row->driver = "";
	}
}

/* Which VLANs a guest's port takes, in words. */
static const char *
vlan_of(const struct bf_guest_config *c, struct bf_snapshot *s)
{
	char text[BF_VLAN_SET_TEXT_MAX + 32], set[BF_VLAN_SET_TEXT_MAX];

	if (c->qinq != 0) {
		snprintf(text, sizeof(text), "qinq %u", c->qinq);
	} else if (!bf_vlan_set_is_empty(&c->trunk)) {
		bf_vlan_set_print(&c->trunk, set, sizeof(set));
		snprintf(text, sizeof(text), "trunk %s", set);
		if (c->native != 0)
			snprintf(text, sizeof(text), "trunk %s, native %u", set, c->native);
	} else if (c->vlan == BF_VLAN_ANY) {
		snprintf(text, sizeof(text), "any");
	} else if (c->vlan == 0) {
		snprintf(text, sizeof(text), "none");
	} else {
		snprintf(text, sizeof(text), "%u", c->vlan);
	}
	return bf_snapshot_copy(s, text);
}

/* The lcores that poll a guest's queues. */
static void
gather_workers_of(const struct bf_bridge *br, uint16_t slot, char *to, size_t size)
{
	to[0] = '\0';
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		const struct bf_worker_view *wv = &br->lcores.view->workers[w];
		char lcore[8];
		unsigned int q = 0;

		while (q < wv->n_rxq && wv->rxq[q].slot != slot)
			q++;
		snprintf(lcore, sizeof(lcore), "%u", br->lcores.workers[w]->lcore);
		if (q < wv->n_rxq)
			bf_words_add(to, size, " ", lcore);
	}
}

static void
gather_guest(const struct bf_bridge *br, const struct bf_guest *g, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	GUEST *row = bf_rows_add(s, rows, sizeof(*row));
	struct bf_connection conn = {0};

	row->id = bf_guest_id(g);
	BF_ROW_TEXT(row->name, g->cfg.name);
	BF_ROW_TEXT(row->group, g->cfg.group);
	row->socket = bf_snapshot_copy(s, g->cfg.host ? g->cfg.name : g->cfg.socket);
	row->mode = g->cfg.host ? "interface" : g->cfg.server ? "server" : "client";
	row->up = g->up;
	row->vlan = vlan_of(&g->cfg, s);
	row->stations = br->fdb->port_count[g->slot];
	row->queue_pairs = g->n_rings;
	row->mtu = bf_guest_mtu(g);
	gather_workers_of(br, g->slot, row->workers, sizeof(row->workers));
	bf_gather_connection(g, &conn, s);
	row->has_front_end = conn.is_connected && conn.peer.name[0] != '\0';
	row->pid = conn.is_connected ? conn.peer.pid : 0;
	if (conn.is_connected)
		BF_ROW_TEXT(row->front_end, conn.peer.name);
	bf_text_sanitize(row->front_end);
}

static void
gather_bond(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	const struct bf_bond_config *c = bf_config_find_bond(br->running, u->name);
	char set[BF_VLAN_SET_TEXT_MAX] = "any";
	BOND *row;

	if (c == NULL)
		return;
	row = bf_rows_add(s, rows, sizeof(*row));
	BF_ROW_TEXT(row->name, u->name);
	row->mode = bf_mode_names[c->mode];
	row->open = u->bond.open;
	row->up = u->bond.open && bf_members_sending(br, u) != 0;
	bf_mac_text(u->bond.mac.addr_bytes, row->mac);
	row->mtu = u->bond.open ? u->bond.cfg.mtu : c->mtu;
	if (!bf_vlan_set_is_empty(&c->vlans))
		bf_vlan_set_print(&c->vlans, set, sizeof(set));
	row->vlans = bf_snapshot_copy(s, set);
	row->native = c->native;
	row->stations = br->fdb->port_count[bf_bond_slot(u->bond.number)];
	gather_members(br, u, &row->members, s);
	for (uint16_t slot = 1; slot < BF_MAX_PORTS; slot++)
		if (br->guests[slot] != NULL && br->guests[slot]->uplink == u->bond.number)
			gather_guest(br, br->guests[slot], &row->guests, s);
}

/* ---- the whole ---- */

/* As the kernel has it: words with a blank between. */
static const char *
command_line(struct bf_snapshot *s)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return "";
	for (ssize_t i = 0; i < n - 1; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[n] = '\0';
	bf_text_sanitize(text);
	return bf_snapshot_copy(s, text);
}

static void
gather_topology(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

	(void)only;
	gethostname(row->host, sizeof(row->host) - 1);
	bf_text_sanitize(row->host);
	row->bondfwd = BF_VERSION;
	row->dpdk = rte_version();
	row->profile = bf_profile_names[br->running->profile];
	row->command_line = command_line(s);
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		WORKER *worker = bf_rows_add(s, &row->workers, sizeof(*worker));

		worker->lcore = br->lcores.workers[w]->lcore;
		worker->socket = br->lcores.workers[w]->socket;
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0')
			gather_bond(br, &br->up[k], &row->bonds, s);
}

const struct bf_show bf_show_topology = {
	.table = &topology_table, .gather = gather_topology, .one = true, .endpoint = "topology"};

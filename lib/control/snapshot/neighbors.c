/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show neighbors: IP addresses of guests.
 *
 * Threads: ctx control.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct neighbor_row {
	char guest[BF_NAME_MAX], address[INET6_ADDRSTRLEN];
	uint16_t vlan;
	uint8_t mac[6];
};

#define ROW struct neighbor_row

static const struct bf_field neighbor_fields[] = {
	BF_FIELD(ROW, guest),
	BF_FIELD(ROW, vlan),
	BF_FIELD(ROW, mac),
	BF_FIELD(ROW, address),
};

static const struct bf_table neighbor_table = BF_TABLE("neighbor", ROW, neighbor_fields,
	.head = "Guest            VLAN  MAC                Address\n",
	.text = "{guest:-16} {vlan:4}  {mac}  {address}\n");

struct neighbors {
	const struct bf_bridge *br;
	struct bf_snapshot *s;
};

static void
add_neighbor(void *arg, const struct bf_neighbor *nb)
{
	struct neighbors *to = arg;
	ROW *row = bf_rows_add(to->s, &to->s->rows, sizeof(*row));

	BF_ROW_TEXT(row->guest, bf_bridge_port_name(to->br, nb->port));
	row->vlan = BF_FDB_VLAN_OF(nb->key);
	memcpy(row->mac, &nb->key, sizeof(row->mac));
	inet_ntop(nb->v6 ? AF_INET6 : AF_INET, nb->addr, row->address, sizeof(row->address));
}

static void
gather_neighbors(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct neighbors to = {br, s};

	(void)only;
	bf_neighbors_visit(br->neighbors, add_neighbor, &to);
}

const struct bf_show bf_show_neighbors = {.table = &neighbor_table, .gather = gather_neighbors};

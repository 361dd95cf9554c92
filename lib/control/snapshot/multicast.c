/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show multicast: who asks for multicast, where routers are, and which groups were joined where.
 *
 * Threads: ctx control.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct querier_row {
	const char *uplink, *port, *protocol, *state;
	char speaks[8]; /* protocol and version, for people */
	uint16_t vlan;
	bool service, active;
	uint8_t version;
	char address[INET6_ADDRSTRLEN];
	uint32_t age;
};

#define QUERIER struct querier_row

static const struct bf_field querier_fields[] = {
	BF_FIELD(QUERIER, uplink),
	BF_FIELD(QUERIER, vlan),
	BF_FIELD(QUERIER, service),
	BF_FIELD(QUERIER, protocol),
	BF_FIELD(QUERIER, version),
	BF_FIELD(QUERIER, speaks, .text_only = true),
	BF_FIELD(QUERIER, address),
	BF_FIELD(QUERIER, port),
	BF_FIELD(QUERIER, age),
	BF_FIELD(QUERIER, active),
	BF_FIELD(QUERIER, state, .text_only = true),
};

static const struct bf_table querier_table = BF_TABLE("multicast querier", QUERIER, querier_fields,
	.head = "Querier of       VLAN  Protocol  Address                   Port              Age  State\n",
	.text = "{uplink:-16} {vlan:4}  {speaks:-8}  {address:-24}  {port:-16} {age:4}  {state}"
		"{#service} 802.1ad{/service}\n");

struct router_row {
	const char *uplink, *port, *protocol;
	uint16_t vlan;
	bool service;
	uint32_t age;
};

#define ROUTER struct router_row

static const struct bf_field router_fields[] = {
	BF_FIELD(ROUTER, uplink),
	BF_FIELD(ROUTER, vlan),
	BF_FIELD(ROUTER, service),
	BF_FIELD(ROUTER, protocol),
	BF_FIELD(ROUTER, port),
	BF_FIELD(ROUTER, age),
};

static const struct bf_table router_table = BF_TABLE("multicast router", ROUTER, router_fields,
	.head = "Router of        VLAN  Protocol  Port              Age\n",
	.text = "{uplink:-16} {vlan:4}  {protocol:-8}  {port:-16} {age:4}{#service} 802.1ad{/service}\n");

struct member_row {
	const char *port;
	uint8_t version;
	char speaks[8];
	uint32_t age;
	bool leaving;
};

#define MEMBER struct member_row

static const struct bf_field member_fields[] = {
	BF_FIELD(MEMBER, port),
	BF_FIELD(MEMBER, version),
	BF_FIELD(MEMBER, speaks, .text_only = true),
	BF_FIELD(MEMBER, age),
	BF_FIELD(MEMBER, leaving),
};

static const struct bf_table member_table = BF_TABLE("multicast member", MEMBER, member_fields,
	.text = "{uplink:-16} {vlan:4}  {speaks:-8}  {group:-24}  {port:-16} {age:4}"
		"{#leaving} leaving{/leaving}{#service} 802.1ad{/service}\n");

struct group_row {
	const char *uplink, *protocol;
	uint16_t vlan;
	bool service;
	char group[INET6_ADDRSTRLEN];
	uint8_t mac[6];
	struct bf_rows ports;
};

#define GROUP struct group_row

static const struct bf_field group_fields[] = {
	BF_FIELD(GROUP, uplink),
	BF_FIELD(GROUP, vlan),
	BF_FIELD(GROUP, service),
	BF_FIELD(GROUP, protocol),
	BF_FIELD(GROUP, group),
	BF_FIELD(GROUP, mac),
	BF_FIELD(GROUP, ports, .table = &member_table),
};

static const struct bf_table group_table = BF_TABLE("multicast group", GROUP, group_fields,
	.head = "Group of         VLAN  Protocol  Address                   Port              Age\n",
	.text = "{ports}");

struct multicast_row {
	char snooping[BF_MAX_BONDS * (BF_NAME_MAX + 1)]; /* bonds with the option */
	uint32_t n_groups, n_members, capacity, n_lan_members;
	bool pending; /* workers do not have all of it yet */
	bool full;
	struct bf_rows queriers, routers, groups;
};

#define ROW struct multicast_row

static const struct bf_field multicast_fields[] = {
	BF_FIELD(ROW, snooping),
	BF_FIELD_AS(ROW, n_groups, "group_count",
		BF_GAUGE("bondfwd_multicast_groups", NULL,
			"Multicast groups that were joined, by switch and VLAN.")),
	BF_FIELD_AS(ROW, n_members, "memberships",
		BF_GAUGE("bondfwd_multicast_memberships", NULL,
			"Guests' memberships in multicast groups.")),
	BF_FIELD(ROW, capacity,
		BF_GAUGE("bondfwd_multicast_capacity", NULL,
			"Guests' memberships that can be known.")),
	BF_FIELD_AS(ROW, n_lan_members, "lan_memberships",
		BF_GAUGE("bondfwd_multicast_lan_memberships", NULL,
			"Memberships in multicast groups behind bonds.")),
	BF_FIELD(ROW, pending),
	BF_FIELD(ROW, queriers, .table = &querier_table, .apart = true),
	BF_FIELD(ROW, routers, .table = &router_table, .apart = true),
	BF_FIELD(ROW, groups, .table = &group_table, .apart = true),
};

static const struct bf_table multicast_table = BF_TABLE("multicast", ROW, multicast_fields,
	.text = "Snooping: {#snooping}{snooping}{/snooping}{^snooping}off{/snooping}\n"
		"Groups: {group_count}, memberships of guests {memberships} of {capacity}, of the LAN "
		"{lan_memberships}\n"
		"{queriers}{routers}{groups}");

struct gathering {
	const struct bf_bridge *br;
	struct bf_snapshot *s;
	ROW *row;
	uint64_t now_ms;
	struct bf_mdb_member *members;
	uint32_t n;
};

static const char *
port_name(struct gathering *g, uint16_t slot)
{
	return bf_snapshot_copy(g->s, bf_bridge_port_name(g->br, slot));
}

static const char *
uplink_name(struct gathering *g, uint64_t vlan)
{
	return port_name(g, bf_bond_slot(BF_FDB_BOND_OF(vlan)));
}

static const char *
protocol_of(bool v6)
{
	return v6 ? "MLD" : "IGMP";
}

static void
speaks_print(bool v6, uint8_t version, char *text, size_t size)
{
	snprintf(text, size, "%sv%u", protocol_of(v6), version % 10u);
}

static void
address_print(const uint8_t *address, bool v6, char text[INET6_ADDRSTRLEN])
{
	inet_ntop(v6 ? AF_INET6 : AF_INET, address, text, INET6_ADDRSTRLEN);
}

static uint32_t
age_of(const struct gathering *g, uint64_t heard_ms)
{
	return (uint32_t)((g->now_ms - RTE_MIN(heard_ms, g->now_ms)) / 1000);
}

static void
add_querier(void *gathering, const struct bf_mdb_querier *q)
{
	struct gathering *g = gathering;
	QUERIER *row = bf_rows_add(g->s, &g->row->queriers, sizeof(*row));

	row->uplink = uplink_name(g, q->vlan);
	row->vlan = BF_FDB_VLAN_OF(q->vlan);
	row->service = (q->vlan & BF_FDB_SERVICE) != 0;
	row->protocol = protocol_of(q->v6);
	row->version = q->version;
	speaks_print(q->v6, q->version, row->speaks, sizeof(row->speaks));
	address_print(q->address, q->v6, row->address);
	row->port = port_name(g, q->port);
	row->age = age_of(g, q->heard_ms);
	row->active = q->active;
	row->state = q->active ? "active" : "waits for answers";
}

static void
add_router(void *gathering, const struct bf_mdb_router *r)
{
	struct gathering *g = gathering;
	ROUTER *row = bf_rows_add(g->s, &g->row->routers, sizeof(*row));

	row->uplink = uplink_name(g, r->vlan);
	row->vlan = BF_FDB_VLAN_OF(r->vlan);
	row->service = (r->vlan & BF_FDB_SERVICE) != 0;
	row->protocol = protocol_of(r->v6);
	row->port = port_name(g, r->port);
	row->age = age_of(g, r->heard_ms);
}

static void
note_member(void *gathering, const struct bf_mdb_member *mb)
{
	struct gathering *g = gathering;

	g->members[g->n++] = *mb;
}

static int
group_compare(const struct bf_mdb_member *a, const struct bf_mdb_member *b)
{
	if (a->vlan != b->vlan)
		return a->vlan < b->vlan ? -1 : 1;
	if (a->v6 != b->v6)
		return (int)a->v6 - (int)b->v6;
	return memcmp(a->group, b->group, sizeof(a->group));
}

static int
member_compare(const void *a, const void *b)
{
	const struct bf_mdb_member *x = a, *y = b;
	int ret = group_compare(x, y);

	return ret != 0 ? ret : (int)x->port - (int)y->port;
}

static GROUP *
add_group(struct gathering *g, const struct bf_mdb_member *mb)
{
	GROUP *row = bf_rows_add(g->s, &g->row->groups, sizeof(*row));
	uint64_t mac = bf_mdb_mac(mb->group, mb->v6);

	row->uplink = uplink_name(g, mb->vlan);
	row->vlan = BF_FDB_VLAN_OF(mb->vlan);
	row->service = (mb->vlan & BF_FDB_SERVICE) != 0;
	row->protocol = protocol_of(mb->v6);
	address_print(mb->group, mb->v6, row->group);
	memcpy(row->mac, &mac, sizeof(row->mac));
	return row;
}

static void
add_member(struct gathering *g, GROUP *group, const struct bf_mdb_member *mb)
{
	MEMBER *row = bf_rows_add(g->s, &group->ports, sizeof(*row));

	row->port = port_name(g, mb->port);
	row->version = mb->version;
	speaks_print(mb->v6, mb->version, row->speaks, sizeof(row->speaks));
	row->age = age_of(g, mb->heard_s * 1000ULL);
	row->leaving = mb->ends_ms != 0;
}

/* The members of a group side by side. */
static void
gather_groups(struct gathering *g)
{
	GROUP *row = NULL;

	qsort(g->members, g->n, sizeof(g->members[0]), member_compare);
	for (uint32_t i = 0; i < g->n; i++) {
		bool next = i == 0 || group_compare(&g->members[i - 1], &g->members[i]) != 0;

		g->row->n_groups += next;
		if (!g->s->in_full)
			continue;
		if (next)
			row = add_group(g, &g->members[i]);
		add_member(g, row, &g->members[i]);
	}
}

static void
gather_multicast(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct gathering g = {.br = br, .s = s, .row = row, .now_ms = bf_clock_ms()};
	const struct bf_mdb *m = br->mcast.mdb;

	(void)only;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (bf_mcast_switches(br) >> k & 1)
			bf_words_add(row->snooping, sizeof(row->snooping), " ",
				bf_bridge_port_name(br, bf_bond_slot(k)));
	row->n_members = bf_mdb_n_members(m, false);
	row->n_lan_members = bf_mdb_n_members(m, true);
	row->capacity = BF_MDB_GUESTS;
	row->pending = br->dirty || bf_mdb_has_changed(m);
	g.members = calloc(row->n_members + row->n_lan_members + 1, sizeof(*g.members));
	if (g.members == NULL) {
		bf_snapshot_fail(s, -ENOMEM, "out of memory");
		return;
	}
	bf_mdb_visit_members(m, note_member, &g);
	gather_groups(&g);
	free(g.members);
	if (!s->in_full)
		return;
	bf_mdb_visit_queriers(m, add_querier, &g);
	bf_mdb_visit_routers(m, add_router, &g);
}

const struct bf_show bf_show_multicast = {.table = &multicast_table,
	.gather = gather_multicast,
	.one = true,
	.metrics = true,
	.endpoint = "multicast"};

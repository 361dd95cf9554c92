/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See flow_export.h.
 *
 * Threads: ctx control.
 */
#include "flow_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/bridge.h"
#include "control/loop/task.h"
#include "snmp/lag_ports.h"

#define RETRY_MS 1000 /* when memory is short */

/* The key of a port of the switch, and the number of its bond. @return false: it is none, or has no device */
static bool
find_key(struct bf_bridge *br, const struct bf_snmp_port *p, struct bf_export_port *to)
{
	const struct bf_uplink *u =
		bf_bridge_uplink(br, p->kind == BF_SNMP_BOND ? p->name : p->bond);
	unsigned int slot = (unsigned int)p->id - BF_GUEST_ID_BASE + 1;

	if (p->kind == BF_SNMP_GUEST && slot < BF_MAX_PORTS) {
		to->key = (uint16_t)slot;
		to->bond = br->lcores.view->ports[slot].bond;
		return br->guests[slot] != NULL;
	}
	if (u == NULL || p->is_missing)
		return false;
	to->bond = (uint8_t)u->bond.number;
	to->key = bf_bond_slot(to->bond);
	if (p->kind == BF_SNMP_BOND)
		return true;
	for (unsigned int i = 0; p->kind == BF_SNMP_MEMBER && i < u->bond.n_members; i++)
		if (strcmp(u->bond.members[i].name, p->name) == 0) {
			to->key = bf_export_member_key(to->bond, u->bond.members[i].bit);
			return true;
		}
	return false;
}

static void
read_port(const struct bf_snmp_port *p, struct bf_export_port *to)
{
	to->index = (uint32_t)p->index;
	to->is_bond = p->kind == BF_SNMP_BOND;
	to->is_up = p->is_up != 0;
	to->is_off = p->is_off != 0;
	snprintf(to->name, sizeof(to->name), "%s", p->name);
	to->speed_mbps = p->speed_mbps;
	to->in_frames = p->in_frames;
	to->in_bytes = p->in_bytes;
	to->in_discards = p->in_discards;
	to->in_errors = p->in_errors;
	to->out_frames = p->out_frames;
	to->out_bytes = p->out_bytes;
	to->out_discards = p->out_discards;
	to->out_errors = p->out_errors;
}

/* The VLAN that its untagged frames have in the switch; a member's is its bond's. */
static void
read_vlan(const struct bf_bridge *br, struct bf_export_port *to)
{
	uint16_t slot = to->key < BF_MAX_PORTS ? to->key : bf_bond_slot(to->bond);
	const struct bf_port_vlan *v = &br->lcores.view->rules[slot].vlan;

	to->vlan = v->own;
	to->is_service_vlan = v->type == BF_ET_QINQ;
}

static void
read_lag(const struct bf_lag_port *l, struct bf_export_lag *to)
{
	to->there = true;
	memcpy(to->actor_id, l->actor.system_id, sizeof(to->actor_id));
	memcpy(to->partner_id, l->partner.system_id, sizeof(to->partner_id));
	to->attached = (uint32_t)l->attached;
	to->actor_state = (uint8_t)l->actor.state;
	to->partner_state = (uint8_t)l->partner.state;
	to->pdu_rx = (uint32_t)l->pdu_rx;
	to->marker_rx = (uint32_t)l->marker_rx;
	to->unknown_rx = (uint32_t)l->unknown_rx;
	to->illegal_rx = (uint32_t)l->illegal_rx;
	to->pdu_tx = (uint32_t)l->pdu_tx;
	to->response_tx = (uint32_t)l->response_tx;
}

static void
read_lags(struct bf_bridge *br, const struct bf_snmp_ports *all, struct bf_export_ports *ports)
{
	struct bf_lag_port list[BF_LAG_PORTS_MAX];
	unsigned int n;

	memset(list, 0, sizeof(list));
	n = bf_lag_ports_gather(br, all, list, BF_LAG_PORTS_MAX);
	for (unsigned int i = 0; i < n; i++)
		for (uint32_t k = 0; k < ports->n; k++)
			if (ports->list[k].index == list[i].index)
				read_lag(&list[i], &ports->list[k].lag);
}

static struct bf_export_ports *
ports_gather(struct bf_bridge *br)
{
	struct bf_export_ports *ports;
	struct bf_snmp_ports all;

	if (bf_snmp_ports_gather(br, &all) != 0)
		return NULL;
	ports = calloc(1, sizeof(*ports) + all.n * sizeof(ports->list[0]));
	for (unsigned int i = 0; ports != NULL && i < all.n; i++) {
		struct bf_export_port *to = &ports->list[ports->n];

		if (!find_key(br, &all.list[i], to))
			continue;
		read_port(&all.list[i], to);
		read_vlan(br, to);
		ports->at[to->key] = (uint16_t)++ports->n;
	}
	if (ports != NULL)
		read_lags(br, &all, ports);
	bf_snmp_ports_release(&all);
	return ports;
}

uint64_t
bf_flow_export_tick(struct bf_bridge *br, uint64_t now_ms)
{
	uint64_t due = bf_exporters_due(br, now_ms);
	struct bf_export_ports *ports;

	if (due != 0)
		return due;
	ports = ports_gather(br);
	if (ports == NULL)
		return now_ms + RETRY_MS;
	bf_exporters_give(br, ports, now_ms);
	free(ports);
	return bf_exporters_due(br, now_ms);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See lag_ports.h.
 *
 * Threads: ctx control.
 */
#include "snmp/lag_ports.h"

#include <stdlib.h>
#include <string.h>

#include "console/render.h"

#define STATE_AGGREGATION 0x04

/* The row that is a part of a row. */
static const void *
part_of(const struct bf_table *t, const void *row, const char *name, const struct bf_table **its)
{
	const struct bf_field *f = bf_table_field(t, name, strlen(name));

	*its = f->table;
	return (const char *)row + f->offset;
}

static void
read_end(const struct bf_table *member, const void *row, const char *name, struct bf_lag_end *e)
{
	const struct bf_table *t;
	const void *at = part_of(member, row, name, &t);

	bf_snmp_mac(t, at, "system_id", e->system_id);
	e->system_priority = bf_snmp_number(t, at, "system_priority");
	e->key = bf_snmp_number(t, at, "key");
	e->port = bf_snmp_number(t, at, "port_number");
	e->port_priority = bf_snmp_number(t, at, "port_priority");
	e->state = bf_snmp_number(t, at, "state_bits");
}

static void
read_counters(const struct bf_table *member, const void *row, struct bf_lag_port *p)
{
	const struct bf_table *t;
	const void *at = part_of(member, row, "counters", &t);

	p->pdu_rx = bf_snmp_number(t, at, "pdu_rx");
	p->pdu_tx = bf_snmp_number(t, at, "pdu_tx");
	p->marker_rx = bf_snmp_number(t, at, "marker_rx");
	p->response_tx = bf_snmp_number(t, at, "marker_response_tx");
	p->unknown_rx = bf_snmp_number(t, at, "rx_unknown");
	p->illegal_rx = bf_snmp_number(t, at, "rx_errors");
}

static void
read_port(const struct bf_table *t, const void *row, const struct bf_snmp_ports *all,
	struct bf_lag_port *p)
{
	char name[BF_DEV_NAME_MAX], bond[BF_NAME_MAX], mux[24];
	bool is_active = bf_snmp_number(t, row, "in_active_aggregator") != 0;

	bf_snmp_text(t, row, "name", name, sizeof(name));
	bf_snmp_text(t, row, "bond", bond, sizeof(bond));
	bf_snmp_text(t, row, "mux_machine", mux, sizeof(mux));
	p->index = bf_snmp_index(all, name);
	p->bond = bf_snmp_index(all, bond);
	read_end(t, row, "actor", &p->actor);
	read_end(t, row, "partner", &p->partner);
	read_counters(t, row, p);
	p->selected = is_active ? p->bond : 0;
	p->attached = is_active && strcmp(mux, "detached") != 0 && strcmp(mux, "waiting") != 0
		? p->bond
		: 0;
	p->aggregate = p->actor.state & STATE_AGGREGATION ? BF_LAG_TRUE : BF_LAG_FALSE;
}

static int
compare_lag_ports(const void *a, const void *b)
{
	const struct bf_lag_port *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

unsigned int
bf_lag_ports_gather(struct bf_bridge *br, const struct bf_snmp_ports *all, struct bf_lag_port *list,
	unsigned int room)
{
	const struct bf_table *t = bf_show_lacp_members.table;
	struct bf_snapshot s = {.ret = 0};
	unsigned int n = 0;

	bf_show_lacp_members.gather(br, NULL, &s);
	for (uint32_t i = 0; i < s.rows.n && n < room; i++) {
		const void *row = bf_rows_at(&s.rows, i, t->row_size);

		if (bf_snmp_number(t, row, "missing") == 0)
			read_port(t, row, all, &list[n++]);
	}
	bf_snapshot_fini(&s);
	qsort(list, n, sizeof(*list), compare_lag_ports);
	return n;
}

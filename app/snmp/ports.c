/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports for SNMP.
 *
 * Threads: ctx control.
 */
#include "snmp/ports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "control/bridge.h"

#define INDEX_END INT32_MAX

/* What is gathered, with the table that says what is where. */
struct source {
	const struct bf_show *show;
	struct bf_snapshot s;
};

static void
source_gather(struct source *src, const struct bf_show *show, struct bf_bridge *br)
{
	*src = (struct source){.show = show};
	show->gather(br, NULL, &src->s);
}

static const void *
source_row(const struct source *src, uint32_t i)
{
	return bf_rows_at(&src->s.rows, i, src->show->table->row_size);
}

static uint32_t
hashed_index(const char *name)
{
	return BF_SNMP_FIRST_INDEX +
		(uint32_t)(bf_hash_text(BF_HASH_START, name) % (INDEX_END - BF_SNMP_FIRST_INDEX));
}

static void
read_looks(const struct bf_table *t, const void *row, struct bf_snmp_port *p)
{
	char kind[16];

	bf_snmp_text(t, row, "name", p->name, sizeof(p->name));
	bf_snmp_text(t, row, "kind", kind, sizeof(kind));
	p->index = hashed_index(p->name);
	p->kind = strcmp(kind, "bond") == 0  ? BF_SNMP_BOND
		: strcmp(kind, "guest") == 0 ? BF_SNMP_GUEST
					     : BF_SNMP_DEVICE;
	p->id = bf_snmp_number(t, row, "id");
	p->is_missing = bf_snmp_number(t, row, "missing") != 0;
	p->is_up = bf_snmp_number(t, row, "link");
	p->speed_mbps = bf_snmp_number(t, row, "speed_mbps");
	p->mtu = bf_snmp_number(t, row, "mtu");
	bf_snmp_mac(t, row, "mac", p->mac);
}

/* What a device had no room for is discarded, what it could not read is an error; all that the switch drops at a
 * bond or a guest was good, and is discarded. */
static void
read_counters(const struct bf_table *t, const void *row, struct bf_snmp_port *p)
{
	bool is_device = p->kind == BF_SNMP_DEVICE;
	uint64_t in = bf_snmp_number(t, row, "rx_errors");
	uint64_t out = bf_snmp_number(t, row, "tx_errors");

	p->in_frames = bf_snmp_number(t, row, "rx_packets");
	p->in_bytes = bf_snmp_number(t, row, "rx_bytes");
	p->in_errors = is_device ? in : 0;
	p->in_discards = is_device
		? bf_snmp_number(t, row, "rx_missed") + bf_snmp_number(t, row, "rx_nombuf")
		: in;
	p->out_frames = bf_snmp_number(t, row, "tx_packets");
	p->out_bytes = bf_snmp_number(t, row, "tx_bytes");
	p->out_errors = is_device ? out : 0;
	p->out_discards = is_device ? 0 : out;
}

static struct bf_snmp_port *
port_named(struct bf_snmp_ports *p, const char *name)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return &p->list[i];
	return NULL;
}

/* Call @p add with each row of a show and the port of that name. */
static void
visit_rows(struct bf_snmp_ports *p, struct bf_bridge *br, const struct bf_show *show,
	void (*add)(const struct bf_table *t, const void *row, struct bf_snmp_port *port))
{
	char name[BF_DEV_NAME_MAX];
	struct source src;

	source_gather(&src, show, br);
	for (uint32_t i = 0; i < src.s.rows.n; i++) {
		struct bf_snmp_port *port;

		bf_snmp_text(show->table, source_row(&src, i), "name", name, sizeof(name));
		port = port_named(p, name);
		if (port != NULL)
			add(show->table, source_row(&src, i), port);
	}
	bf_snapshot_fini(&src.s);
}

static void
add_member(const struct bf_table *t, const void *row, struct bf_snmp_port *port)
{
	port->kind = BF_SNMP_MEMBER;
	bf_snmp_text(t, row, "bond", port->bond, sizeof(port->bond));
	port->is_up = bf_snmp_number(t, row, "link");
	port->is_off = bf_snmp_number(t, row, "off");
	port->out_discards = bf_snmp_number(t, row, "tx_full");
}

static void
add_bond(const struct bf_table *t, const void *row, struct bf_snmp_port *port)
{
	port->is_off = bf_snmp_number(t, row, "off");
}

static void
add_guest(const struct bf_table *t, const void *row, struct bf_snmp_port *port)
{
	bf_snmp_text(t, row, "uplink", port->bond, sizeof(port->bond));
}

/* Settings, which are not shown but configured. */
static void
add_settings(struct bf_snmp_port *p, const struct bf_bridge *br)
{
	static const char *const kinds[] = {"bond", "member", "guest", "port"};
	const struct bf_guest_config *g =
		p->kind == BF_SNMP_GUEST ? bf_config_find_guest(br->running, p->name) : NULL;

	if (g != NULL) {
		p->is_off = g->disabled;
		snprintf(p->label, sizeof(p->label), "%s", g->label);
	}
	snprintf(p->descr, sizeof(p->descr), "bondfwd %s %s%s%s",
		g != NULL && g->host ? "host port" : kinds[p->kind], p->name,
		p->bond[0] != '\0' ? " of " : "", p->bond);
}

static int
compare_ports(const void *a, const void *b)
{
	const struct bf_snmp_port *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
order_ports(struct bf_snmp_ports *p)
{
	qsort(p->list, p->n, sizeof(*p->list), compare_ports);
	for (unsigned int i = 1; i < p->n; i++)
		if (p->list[i].index <= p->list[i - 1].index)
			p->list[i].index = p->list[i - 1].index + 1;
}

int
bf_snmp_ports_gather(struct bf_bridge *br, struct bf_snmp_ports *p)
{
	struct source looks, counts;

	source_gather(&looks, &bf_show_port_info, br);
	source_gather(&counts, &bf_show_port_stats, br);
	p->n = looks.s.rows.n < counts.s.rows.n ? looks.s.rows.n : counts.s.rows.n;
	p->list = calloc(p->n + 1, sizeof(*p->list));
	for (unsigned int i = 0; p->list != NULL && i < p->n; i++) {
		/* Both list the same ports in the same order. */
		read_looks(looks.show->table, source_row(&looks, i), &p->list[i]);
		read_counters(counts.show->table, source_row(&counts, i), &p->list[i]);
	}
	bf_snapshot_fini(&looks.s);
	bf_snapshot_fini(&counts.s);
	if (p->list == NULL)
		return -ENOMEM;
	visit_rows(p, br, &bf_show_members, add_member);
	visit_rows(p, br, &bf_show_bonds, add_bond);
	visit_rows(p, br, &bf_show_guests, add_guest);
	for (unsigned int i = 0; i < p->n; i++)
		add_settings(&p->list[i], br);
	order_ports(p);
	return 0;
}

void
bf_snmp_ports_release(struct bf_snmp_ports *p)
{
	free(p->list);
	*p = (struct bf_snmp_ports){.list = NULL};
}

const struct bf_snmp_port *
bf_snmp_port_find(const struct bf_snmp_ports *p, const char *name)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return &p->list[i];
	return NULL;
}

uint32_t
bf_snmp_index(const struct bf_snmp_ports *p, const char *name)
{
	const struct bf_snmp_port *port = bf_snmp_port_find(p, name);

	return port != NULL ? port->index : hashed_index(name);
}

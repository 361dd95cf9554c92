/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show fdb: stations, the port each is behind, and its age.
 *
 * Threads: ctx control.
 */
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"

struct entry_row {
	const char *port, *uplink;
	uint16_t vlan;
	uint8_t mac[6];
	uint32_t age;
	bool is_static;
	bool service;
};

#define ENTRY struct entry_row

static const struct bf_field entry_fields[] = {
	BF_FIELD(ENTRY, port),
	BF_FIELD(ENTRY, uplink),
	BF_FIELD(ENTRY, vlan),
	BF_FIELD(ENTRY, mac),
	BF_FIELD(ENTRY, age),
	BF_FIELD_AS(ENTRY, is_static, "static"),
	BF_FIELD(ENTRY, service),
};

static const struct bf_table entry_table = BF_TABLE("fdb entry", ENTRY, entry_fields,
	.head = "Port             VLAN  MAC                 Age\n",
	.text = "{port:-16} {vlan:4}  {mac}  {age:5}{#static} static{/static}{#service} 802.1ad{/service}\n");

struct fdb_row {
	uint32_t count, capacity, n_static, aging;
	uint64_t learned, moved, damped, aged, evicted, refused;
	uint32_t held;
	struct bf_rows entries;
};

#define ROW struct fdb_row

static const struct bf_field fdb_fields[] = {
	BF_FIELD(ROW, count, BF_GAUGE("bondfwd_fdb_stations", NULL, "Stations that are known.")),
	BF_FIELD(ROW, capacity,
		BF_GAUGE("bondfwd_fdb_capacity", NULL, "Stations that can be known.")),
	BF_FIELD_AS(ROW, n_static, "static",
		BF_GAUGE(
			"bondfwd_fdb_static_stations", NULL, "Stations that were pinned by hand.")),
	BF_FIELD(ROW, aging),
	BF_FIELD(ROW, learned, BF_COUNTER("bondfwd_fdb_learned", NULL, "Stations that were new.")),
	BF_FIELD(ROW, moved,
		BF_COUNTER("bondfwd_fdb_moved", NULL, "Stations that went to another port.")),
	BF_FIELD(ROW, damped,
		BF_COUNTER("bondfwd_fdb_damped", NULL,
			"Moves that were refused: the station went back and forth.")),
	BF_FIELD(ROW, held,
		BF_GAUGE("bondfwd_fdb_held_stations", NULL,
			"Stations that may not move now, because they went back and forth.")),
	BF_FIELD(ROW, aged,
		BF_COUNTER("bondfwd_fdb_aged", NULL, "Stations forgotten after silence.")),
	BF_FIELD(ROW, evicted,
		BF_COUNTER("bondfwd_fdb_evicted", NULL, "Stations that made room for others.")),
	BF_FIELD(ROW, refused,
		BF_COUNTER("bondfwd_fdb_refused", NULL, "Stations for which there was no room.")),
	BF_FIELD(ROW, entries, .table = &entry_table, .apart = true),
};

static const struct bf_table fdb_table = BF_TABLE("fdb", ROW, fdb_fields,
	.text = "Stations: {count} of {capacity}, static {static}, ageing {aging} s\n"
		"Learned {learned}, moved {moved}, aged {aged}, evicted {evicted}, refused {refused}\n"
		"{#held}Held where they are, because they moved back and forth: {held}\n{/held}"
		"{entries}");

/** Names of ports, copied once however many stations are behind them. */
struct entries {
	const struct bf_bridge *br;
	struct bf_snapshot *s;
	ROW *row;
	const char *only;
	const char *names[BF_MAX_PORTS]; /* by slot */
};

static const char *
name_of(struct entries *e, uint16_t slot)
{
	if (e->names[slot] == NULL)
		e->names[slot] = bf_snapshot_copy(e->s, bf_bridge_port_name(e->br, slot));
	return e->names[slot];
}

static void
add_entry(void *arg, const struct bf_fdb_entry *of)
{
	struct entries *e = arg;
	const char *port = name_of(e, of->port);
	ENTRY *row;

	if (e->only != NULL && strcmp(port, e->only) != 0)
		return;
	row = bf_rows_add(e->s, &e->row->entries, sizeof(*row));
	row->port = port;
	row->uplink = name_of(e, bf_bond_slot(BF_FDB_BOND_OF(of->key)));
	row->vlan = BF_FDB_VLAN_OF(of->key);
	row->service = (of->key & BF_FDB_SERVICE) != 0;
	memcpy(row->mac, &of->key, sizeof(row->mac));
	row->age = e->br->fdb->now_s - of->last_seen;
	row->is_static = (of->flags & BF_FDB_STATIC) != 0;
}

static void
gather_fdb(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));
	struct entries e = {.br = br, .s = s, .row = row, .only = only};
	const struct bf_fdb *f = br->fdb;

	row->count = f->count;
	row->capacity = f->capacity;
	row->n_static = f->n_static;
	row->aging = f->age_s;
	row->learned = f->learned;
	row->moved = f->moved;
	row->damped = br->damping.refused;
	row->held = bf_damping_held(&br->damping, f->now_s);
	row->aged = f->aged;
	row->evicted = f->evicted;
	row->refused = f->refused;
	if (s->in_full)
		bf_fdb_visit(f, add_entry, &e);
}

const struct bf_show bf_show_fdb = {
	.table = &fdb_table, .gather = gather_fdb, .one = true, .metrics = true, .endpoint = "fdb"};

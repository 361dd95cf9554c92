/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * BONDFWD-MIB: what no standard MIB has. Its text is config/snmp/BONDFWD-MIB.txt.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snmp/mibs.h"

#define OBJECTS BF_SNMP_OWN ".1"
#define N(a) (sizeof(a) / sizeof((a)[0]))

struct own_bond {
	uint32_t index; /* first */
	char name[BF_NAME_MAX], mode[24];
	uint64_t state, members, active, failovers, lost;
};

struct own_member {
	uint32_t index; /* first */
	char name[BF_DEV_NAME_MAX];
	uint64_t bond, carries, collects, link_losses;
};

#define BOND(number, type, field) \
	{ \
		number, BF_SNMP_##type, offsetof(struct own_bond, field) \
	}
#define MEMBER(number, type, field) \
	{ \
		number, BF_SNMP_##type, offsetof(struct own_member, field) \
	}

static const struct bf_snmp_column bond_columns[] = {
	BOND(2, TEXT, name),
	BOND(3, TEXT, mode),
	BOND(4, INTEGER, state),
	BOND(5, GAUGE, members),
	BOND(6, GAUGE, active),
	BOND(7, COUNTER64, failovers),
	BOND(8, COUNTER64, lost),
};

static const struct bf_snmp_column member_columns[] = {
	MEMBER(2, TEXT, name),
	MEMBER(3, INTEGER, bond),
	MEMBER(4, INTEGER, carries),
	MEMBER(5, INTEGER, collects),
	MEMBER(6, COUNTER64, link_losses),
};

/* TruthValue of SNMPv2-TC. */
static uint64_t
truth_of(uint64_t value)
{
	return value != 0 ? 1 : 2;
}

static int
compare_indices(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void
write_program(const struct bf_snmp_writer *w, struct bf_bridge *br)
{
	const struct bf_table *info = bf_show_info.table, *ledger = bf_show_ledger.table;
	struct bf_snapshot s = {.ret = 0}, l = {.ret = 0};
	uint64_t ticks, received, dropped;
	char version[32];

	bf_show_info.gather(br, NULL, &s);
	bf_show_ledger.gather(br, NULL, &l);
	if (s.rows.n > 0 && l.rows.n > 0) {
		bf_snmp_text(info, s.rows.at, "bondfwd", version, sizeof(version));
		ticks = bf_snmp_number(info, s.rows.at, "uptime_s") * 100;
		dropped = bf_snmp_number(ledger, l.rows.at, "dropped");
		received = bf_snmp_number(ledger, l.rows.at, "received");
		bf_snmp_put(w, OBJECTS ".1.1.0", BF_SNMP_TEXT, version);
		bf_snmp_put(w, OBJECTS ".1.2.0", BF_SNMP_TICKS, &ticks);
		bf_snmp_put(w, OBJECTS ".1.3.0", BF_SNMP_COUNTER64, &received);
		bf_snmp_put(w, OBJECTS ".1.4.0", BF_SNMP_COUNTER64, &dropped);
	}
	bf_snapshot_fini(&s);
	bf_snapshot_fini(&l);
}

/* 0 down, 1 degraded, 2 redundant, as bondfwd_bond_state has it; 3: it is coming up. */
static uint64_t
state_of(const struct bf_snapshot *states, const char *bond)
{
	const struct bf_table *t = bf_show_bond_states.table;
	char name[BF_NAME_MAX];

	for (uint32_t i = 0; i < states->rows.n; i++) {
		const void *row = bf_rows_at(&states->rows, i, t->row_size);

		bf_snmp_text(t, row, "bond", name, sizeof(name));
		if (strcmp(name, bond) == 0)
			return bf_snmp_number(t, row, "number");
	}
	return 3;
}

static void
write_bonds(const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p)
{
	const struct bf_table *t = bf_show_bonds.table;
	struct bf_snapshot s = {.ret = 0}, states = {.ret = 0};
	struct own_bond rows[BF_MAX_BONDS];
	uint32_t n;

	bf_show_bonds.gather(br, NULL, &s);
	bf_show_bond_states.gather(br, NULL, &states);
	memset(rows, 0, sizeof(rows));
	for (n = 0; n < s.rows.n && n < N(rows); n++) {
		const void *row = bf_rows_at(&s.rows, n, t->row_size);

		bf_snmp_text(t, row, "name", rows[n].name, sizeof(rows[n].name));
		bf_snmp_text(t, row, "mode_in_force", rows[n].mode, sizeof(rows[n].mode));
		rows[n].index = bf_snmp_index(p, rows[n].name);
		rows[n].state = state_of(&states, rows[n].name);
		rows[n].members = bf_snmp_number(t, row, "n_members");
		rows[n].active = bf_snmp_number(t, row, "n_sending");
		rows[n].failovers = bf_snmp_number(t, row, "failovers");
		rows[n].lost = bf_snmp_number(t, row, "lost_frames");
	}
	bf_snapshot_fini(&s);
	bf_snapshot_fini(&states);
	qsort(rows, n, sizeof(rows[0]), compare_indices);
	bf_snmp_table(w, OBJECTS ".2.1", bond_columns, N(bond_columns), rows, n, sizeof(rows[0]));
}

static void
write_members(const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p)
{
	const struct bf_table *t = bf_show_members.table;
	struct own_member rows[BF_MAX_BONDS * BF_MAX_MEMBERS];
	struct bf_snapshot s = {.ret = 0};
	char bond[BF_NAME_MAX];
	uint32_t n;

	bf_show_members.gather(br, NULL, &s);
	memset(rows, 0, sizeof(rows));
	for (n = 0; n < s.rows.n && n < N(rows); n++) {
		const void *row = bf_rows_at(&s.rows, n, t->row_size);

		bf_snmp_text(t, row, "name", rows[n].name, sizeof(rows[n].name));
		bf_snmp_text(t, row, "bond", bond, sizeof(bond));
		rows[n].index = bf_snmp_index(p, rows[n].name);
		rows[n].bond = bf_snmp_index(p, bond);
		rows[n].carries = truth_of(bf_snmp_number(t, row, "carries"));
		rows[n].collects = truth_of(bf_snmp_number(t, row, "collecting"));
		rows[n].link_losses = bf_snmp_number(t, row, "link_losses");
	}
	bf_snapshot_fini(&s);
	qsort(rows, n, sizeof(rows[0]), compare_indices);
	bf_snmp_table(
		w, OBJECTS ".3.1", member_columns, N(member_columns), rows, n, sizeof(rows[0]));
}

void
bf_snmp_own(const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p)
{
	write_program(w, br);
	write_bonds(w, br, p);
	write_members(w, br, p);
}

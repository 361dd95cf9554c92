/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * States that explain why a port does not work.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/causes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "base/mac.h"
#include "control/bond/lldp.h"
#include "control/bond/spares.h"
#include "control/bridge.h"
#include "control/guests/rings.h"
#include "control/snapshot/members.h"
#include "dataplane/member.h"

static const struct bf_field cause_fields[] = {
	BF_FIELD(struct bf_cause_row, cause),
	BF_FIELD(struct bf_cause_row, object),
	BF_FIELD(struct bf_cause_row, text),
	BF_FIELD(struct bf_cause_row, command),
};

const struct bf_table bf_cause_table = BF_TABLE("cause", struct bf_cause_row, cause_fields,
	.text = "{cause}: {text}\n    next: {command}\n");

void
bf_cause_add(const struct bf_suspect *p, uint64_t weight, const char *cause, const char *object,
	const char *command, const char *fmt, ...)
{
	struct bf_cause_row *row = bf_rows_add(p->s, p->rows, sizeof(*row));
	va_list args;

	row->cause = cause;
	row->weight = weight != 0 ? weight : BF_CAUSE_STATE - p->rows->n;
	BF_ROW_TEXT(row->object, object);
	BF_ROW_TEXT(row->command, command);
	va_start(args, fmt);
	vsnprintf(row->text, sizeof(row->text), fmt, args);
	va_end(args);
}

static int
cause_compare(const void *a, const void *b)
{
	const struct bf_cause_row *x = a, *y = b;

	return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

static bool
is_same(const struct bf_cause_row *a, const struct bf_cause_row *b)
{
	return strcmp(a->cause, b->cause) == 0 && strcmp(a->object, b->object) == 0;
}

void
bf_causes_sort(struct bf_rows *rows)
{
	struct bf_cause_row *r = rows->at;
	uint32_t keep = 0;

	if (rows->n == 0)
		return;
	qsort(r, rows->n, sizeof(*r), cause_compare);
	for (uint32_t i = 0, k; i < rows->n; i++) {
		for (k = 0; k < keep && !is_same(&r[i], &r[k]); k++)
			;
		if (k == keep)
			r[keep++] = r[i];
	}
	rows->n = keep;
}

/* ---- of the whole ---- */

static void
find_stopped(const struct bf_suspect *p)
{
	if (!p->br->running->forwarding)
		bf_cause_add(p, 0, "stopped", "all ports", "start",
			"Forwarding is stopped: no frame is switched.");
}

/* ---- of a guest ---- */

static const struct bf_guest *
guest_of(const struct bf_suspect *p)
{
	return bf_is_bond_slot(p->slot) ? NULL : p->br->guests[p->slot];
}

static void
find_admin(const struct bf_suspect *p)
{
	const struct bf_guest *g = guest_of(p);
	char command[128];

	if (g == NULL || !g->cfg.disabled)
		return;
	snprintf(command, sizeof(command), "set guest %s admin=up", g->cfg.name);
	bf_cause_add(p, 0, "admin_down", g->cfg.name, command,
		"%s is administratively down (admin=down): its frames are dropped in both directions.",
		g->cfg.name);
}

static void
find_held(const struct bf_suspect *p)
{
	const struct bf_guest *g = guest_of(p);
	char command[128];

	if (g == NULL || !g->loss.held)
		return;
	snprintf(command, sizeof(command), "why %s", p->br->up[g->uplink].name);
	bf_cause_add(p, 0, "link_held", g->cfg.name, command,
		"The link of %s is held down (uplink_down=link): %s carries nothing.", g->cfg.name,
		p->br->up[g->uplink].name);
}

static void
find_connection(const struct bf_suspect *p)
{
	const struct bf_guest *g = guest_of(p);
	struct bf_door_info info;
	char command[128];

	if (g == NULL || g->up || g->loss.held)
		return;
	bf_guest_look(g, &info);
	snprintf(command, sizeof(command), "show guest %s", g->cfg.name);
	if (info.refusals > 0 && info.error[0] != '\0')
		bf_cause_add(p, 0, "refused", g->cfg.name, command,
			"The front end of %s was refused %llu times, the last time: %.160s.",
			g->cfg.name, (unsigned long long)info.refusals, info.error);
	else if (info.connections > 0)
		bf_cause_add(p, 0, "no_driver", g->cfg.name, command,
			"A front end is connected to %s, and its guest has set up no device yet: it boots, "
			"or has no driver for it.",
			g->cfg.name);
	else
		bf_cause_add(p, 0, "not_connected", g->cfg.name, command, "%s %s at %.100s: %s.",
			"No front end", g->cfg.server ? "is connected" : "listens",
			g->cfg.host ? "the host's interface" : g->cfg.socket,
			"the guest does not run, or uses another socket");
}

static void
find_rings(const struct bf_suspect *p)
{
	const struct bf_guest *g = guest_of(p);
	char command[128];

	if (g == NULL || !g->up)
		return;
	snprintf(command, sizeof(command), "show guest %s", g->cfg.name);
	for (unsigned int i = 0; i < 2 * BF_MAX_QP; i++)
		if (g->fault_seen[i] != BF_RING_FAULT_NONE)
			bf_cause_add(p, 0, "ring_fault", g->cfg.name, command,
				"%s queue %u of %s is off until its driver sets it up again: %s.",
				i % 2 == 0 ? "Receive" : "Transmit", i / 2, g->cfg.name,
				bf_ring_fault_help[g->fault_seen[i]]);
	if (g->rx_seen == 0)
		bf_cause_add(p, 0, "receive_off", g->cfg.name, command,
			"%s has enabled no receive queue: nothing can be sent to it.", g->cfg.name);
	if (g->tx_seen == 0)
		bf_cause_add(p, 0, "transmit_off", g->cfg.name, command,
			"%s has enabled no transmit queue: nothing of it is read.", g->cfg.name);
}

static void
visit_own_address(void *arg, const struct bf_fdb_entry *e)
{
	const struct bf_suspect *p = arg;
	const struct bf_bond *b = &p->br->up[BF_FDB_BOND_OF(e->key) % BF_MAX_BONDS].bond;

	if (e->port == p->slot && b->open && memcmp(&e->key, b->mac.addr_bytes, 6) == 0)
		bf_cause_add(p, 0, "own_address", bf_bridge_port_name(p->br, p->slot), "show fdb",
			"%s uses the address of %s: frames to it are read by bondfwd, not forwarded.",
			bf_bridge_port_name(p->br, p->slot), b->cfg.name);
}

static void
find_own_address(const struct bf_suspect *p)
{
	if (guest_of(p) != NULL)
		bf_fdb_visit(p->br->fdb, visit_own_address, (void *)(uintptr_t)p);
}

/* Stations of the port that may not move, and those that would move here. */
static void
find_restless(const struct bf_suspect *p)
{
	for (unsigned int i = 0; i < BF_DAMP_STATIONS; i++) {
		const struct bf_restless *r = &p->br->damping.at[i];
		uint8_t mac[8];
		char text[BF_MAC_TEXT_SIZE];

		if (r->key == 0 || r->held_until_s <= p->br->fdb->now_s ||
			(r->home != p->slot && r->other != p->slot))
			continue;
		memcpy(mac, &r->key, sizeof(mac));
		bf_cause_add(p, 0, "mac_flaps", bf_mac_text(mac, text), "clear fdb",
			"%s moved %u times between %s and %s and is held at the former for another %u s.",
			text, r->moves, bf_bridge_port_name(p->br, r->home),
			bf_bridge_port_name(p->br, r->other), r->held_until_s - p->br->fdb->now_s);
	}
}

/* ---- of a bond and its members ---- */

static const struct bf_uplink *
uplink_of(const struct bf_suspect *p)
{
	return bf_is_bond_slot(p->slot) ? &p->br->up[bf_bond_of_slot(p->slot)] : NULL;
}

/* Why LACP keeps a member out; "" when it does not. */
static void
lacp_reason(const struct bf_bond *b, unsigned int bit, char *buf, size_t size)
{
	struct bf_lacp_member_info m;

	buf[0] = '\0';
	for (unsigned int i = 0; b->lacp != NULL && bf_lacp_member_info_at(b->lacp, i, &m) == 0;
		i++)
		if (m.id == bit && !m.distributing)
			snprintf(buf, size, "%s", m.reason);
}

struct member_trouble {
	const char *cause, *command, *text;
};

/* The same order as in `show bonding config`; MEMBER and BOND are names. */
static struct member_trouble
trouble_of(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	if (m->gone)
		return (struct member_trouble){
			"member_gone", "show bonding config %s", "its device was taken out"};
	if (b->off || m->off)
		return (struct member_trouble){
			"switched_off", "set link-up port %s", "it was switched off by hand"};
	if (m->forced_down_ms != 0)
		return (struct member_trouble){"test_failover", "show bonding failover %s",
			"`test failover` has taken its carrier for two seconds"};
	if (!m->carrier)
		return (struct member_trouble){"link_down", "show port info %s", "it has no link"};
	if (m->damped)
		return (struct member_trouble){"member_flaps", "show bonding config %s",
			"it lost its link too often and waits until it has been up for flap_hold"};
	if (m->faulty)
		return (struct member_trouble){"member_faulty", "show port stats %s",
			"its ratio of errors is above error_limit"};
	if (m->draining || m->drained)
		return (struct member_trouble){
			"drained", "set bonding undrain", "it is drained by hand"};
	if (m->probe_failed)
		return (struct member_trouble){"probe_failed", "show bonding probes %s",
			"no probe target answers over it"};
	if (!m->usable)
		return (struct member_trouble){"link_delay", "show bonding config %s",
			"its link is up, and up_delay has not passed"};
	return (struct member_trouble){NULL, NULL, NULL};
}

static void
member_command(const struct bf_bond *b, const struct bf_member *m, const char *command, char *buf,
	size_t size)
{
	bool of_port = strstr(command, " port ") != NULL;

	if (strcmp(command, "set bonding undrain") == 0)
		snprintf(buf, size, "set bonding undrain %s %s", m->name, b->cfg.name);
	else
		snprintf(buf, size, "%.*s%s", (int)(strcspn(command, "%")), command,
			!of_port         ? b->cfg.name
				: b->off ? b->cfg.name
					 : m->name);
}

static bool
member_find(const struct bf_suspect *p, const struct bf_bond *b, unsigned int i)
{
	struct member_trouble t = trouble_of(b, i);
	const struct bf_member *m = &b->members[i];
	char command[128], reason[BF_LACP_REASON_SIZE];

	if (t.cause != NULL) {
		member_command(b, m, t.command, command, sizeof(command));
		bf_cause_add(p, 0, t.cause, m->name, command, "%s does not carry traffic: %s.",
			m->name, t.text);
		return true;
	}
	lacp_reason(b, m->bit, reason, sizeof(reason));
	if (reason[0] == '\0' || m->standby || bf_bond_mode_in_force(b) != BF_MODE_8023AD)
		return false;
	snprintf(command, sizeof(command), "show bonding lacp info %s", b->cfg.name);
	bf_cause_add(p, 0, "lacp", m->name, command, "LACP does not distribute on %s: %s.", m->name,
		reason);
	return true;
}

static void
find_missing(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);

	for (uint32_t i = 0; u != NULL && p->member < 0 && i < u->missing.n; i++)
		bf_cause_add(p, 0, "missing", u->missing.members[i].name, "show port summary all",
			"%s has no device%s.", u->missing.members[i].name,
			u->missing.members[i].unfit ? " that the bond can take: see show events"
						    : "");
}

static void
find_no_member(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);
	char command[128];

	if (u == NULL || p->member >= 0 || u->name[0] == '\0')
		return;
	snprintf(command, sizeof(command), "show bonding config %s", u->name);
	if (!u->bond.open || u->bond.n_members == 0)
		bf_cause_add(p, 0, "no_member", u->name, command, "%s has no member.", u->name);
	else if (bf_members_sending(p->br, u) == 0)
		bf_cause_add(p, 0, "bond_down", u->name, command,
			"No member of %s can send: none of %u carries traffic.", u->name,
			u->bond.n_members);
}

static void
find_members(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);

	for (unsigned int i = 0; u != NULL && u->bond.open && i < u->bond.n_members; i++)
		if (p->member < 0 || p->member == (int)i)
			member_find(p, &u->bond, i);
}

/* For a member that is asked about: a backup that does nothing wrong. */
static void
find_backup(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);
	const struct bf_member *m;
	char command[128];

	if (u == NULL || p->member < 0 ||
		trouble_of(&u->bond, (unsigned int)p->member).cause != NULL)
		return;
	m = &u->bond.members[p->member];
	snprintf(command, sizeof(command), "show bonding config %s", u->name);
	if (m->standby)
		bf_cause_add(p, 0, "standby", m->name, command, "%s stands by: %s.", m->name,
			bf_spares_word(&u->bond, (unsigned int)p->member));
	else if (bf_bond_mode_in_force(&u->bond) != BF_MODE_8023AD &&
		!(bf_members_sending(p->br, u) >> m->bit & 1))
		bf_cause_add(p, 0, "backup", m->name, command,
			"%s is a backup: another member is active.", m->name);
}

static void
find_no_lag(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);
	char command[128];

	if (u == NULL || !u->bond.open || !u->bond.came_back ||
		!bf_mode_has_lag(bf_bond_mode_in_force(&u->bond)))
		return;
	snprintf(command, sizeof(command), "show bonding config %s", u->name);
	bf_cause_add(p, 0, "no_lag", u->name, command,
		"Frames of guests come back to %s: the switch has no LAG for its members, or one that lacks some.",
		u->name);
}

/* What the switches say by LLDP. */
static void
find_cabling(const struct bf_suspect *p)
{
	const struct bf_uplink *u = uplink_of(p);
	const struct bf_lldp *l = u != NULL && u->bond.open ? u->bond.lldp : NULL;
	char command[128];

	for (uint32_t i = 0; l != NULL && i < l->cabling.n; i++) {
		const struct bf_cabling_finding *f = &l->cabling.at[i];

		if (!f->told ||
			(p->member >= 0 && strcmp(u->bond.members[p->member].name, f->member) != 0))
			continue;
		snprintf(command, sizeof(command), "show lldp neighbors %s detail", f->member);
		bf_cause_add(p, 0, "cabling", f->member, command, "%s: %s: %s.", f->member,
			bf_cabling_names[f->problem], f->text);
	}
}

/* ---- all of them ---- */

void
bf_causes_of_uplink(const struct bf_suspect *p)
{
	find_no_member(p);
}

/* The most likely first: what stops everything, then the port, then what it stands on. */
static void (*const causes[])(const struct bf_suspect *p) = {
	find_stopped,
	find_admin,
	find_held,
	find_connection,
	find_rings,
	find_own_address,
	find_no_member,
	find_missing,
	find_members,
	find_backup,
	find_no_lag,
	find_cabling,
	find_restless,
};

void
bf_causes_of_port(const struct bf_suspect *p)
{
	for (unsigned int i = 0; i < RTE_DIM(causes); i++)
		causes[i](p);
	bf_causes_of_drops(p);
}

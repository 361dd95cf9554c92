/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bonds: links, what members have in common, and whether the switch fits the mode.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

#define NO_PARTNER "00:00:00:00:00:00"
#define FRAME_HEADER 18 /* with FCS */

static const char *
mode_of(const json_t *bond)
{
	return bf_json_text(bond, "mode");
}

/* Modes in which all members must lead to one LAG. */
static bool
needs_lag(const json_t *bond)
{
	return strcmp(mode_of(bond), "802.3ad") == 0 ||
		strncmp(mode_of(bond), "balance-rr", 10) == 0 ||
		strcmp(mode_of(bond), "balance-xor") == 0 ||
		strcmp(mode_of(bond), "broadcast") == 0;
}

static void
look_at_link(struct bf_doctor *d, const json_t *m)
{
	const char *name = bf_json_text(m, "name");
	bool is_excused =
		bf_json_bool(m, "missing") || bf_json_bool(m, "off") || bf_json_bool(m, "gone");

	if (!bf_json_bool(m, "link") && !is_excused)
		bf_report_find(&d->report, BF_FAULT_MEMBER_NO_LINK, name,
			"its link is down, %" PRId64 " times so far",
			bf_json_number(m, "link_losses", 0));
	if (bf_json_bool(m, "link") && json_is_false(json_object_get(m, "full_duplex")))
		bf_report_find(&d->report, BF_FAULT_HALF_DUPLEX, name,
			"its link is half duplex at %" PRId64 " Mbit/s: LACP refuses such a link",
			bf_json_number(m, "link_speed_mbps", 0));
}

static void
look_at_links(struct bf_doctor *d, const json_t *bond)
{
	const char *name = bf_json_text(bond, "name");
	json_t *members = bf_json_list(bond, "member_details"), *m;
	int64_t slowest = INT64_MAX, fastest = 0;
	size_t i;

	if (json_array_size(members) == 0)
		bf_report_find(&d->report, BF_FAULT_ONE_MEMBER, name,
			"it has no member: guests reach each other only; expected two at least");
	if (json_array_size(members) == 1)
		bf_report_find(&d->report, BF_FAULT_ONE_MEMBER, name,
			"%s is its only member, expected two at least",
			bf_json_text(json_array_get(members, 0), "name"));
	for (i = 0; (m = json_array_get(members, i)) != NULL; i++) {
		int64_t speed = bf_json_number(m, "link_speed_mbps", 0);

		look_at_link(d, m);
		fastest = speed > fastest ? speed : fastest;
		slowest = speed > 0 && speed < slowest ? speed : slowest;
	}
	if (fastest > slowest)
		bf_report_find(&d->report, BF_FAULT_SPEEDS_DIFFER, name,
			"its links have from %" PRId64 " to %" PRId64 " Mbit/s", slowest, fastest);
}

static void
look_at_mtu(struct bf_doctor *d, const json_t *bond)
{
	int64_t mtu = bf_json_number(bond, "mtu", 0);
	json_t *m, *port;
	size_t i, k;

	for (i = 0; (m = json_array_get(bf_json_list(bond, "member_details"), i)) != NULL; i++)
		for (k = 0; (port = json_array_get(d->ports, k)) != NULL; k++)
			if (strcmp(bf_json_text(port, "name"), bf_json_text(m, "name")) == 0 &&
				bf_json_number(port, "mtu", 0) > 0 &&
				bf_json_number(port, "mtu", 0) < mtu)
				bf_report_find(&d->report, BF_FAULT_MTU_MEMBERS,
					bf_json_text(m, "name"),
					"its MTU is %" PRId64 ", that of %s %" PRId64,
					bf_json_number(port, "mtu", 0), bf_json_text(bond, "name"),
					mtu);
}

/* ---- cards and slots ---- */

/* The first bridge below the root of the bus: "0000:3a:00.0". "" not known */
static void
root_port_of(const struct bf_doctor *d, const struct bf_doctor_member *m, char *buf, size_t size)
{
	char path[PATH_MAX], real[PATH_MAX];
	const char *at;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", d->root, m->name);
	if (realpath(path, real) == NULL)
		return;
	at = strstr(real, "/pci");
	at = at != NULL ? strchr(at + 1, '/') : NULL;
	if (at != NULL)
		snprintf(buf, size, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
}

static bool
is_same_card(const struct bf_doctor_member *a, const struct bf_doctor_member *b)
{
	const char *one =
		a->nic != NULL && a->nic->physical[0] != '\0' ? a->nic->physical : a->name;
	const char *other =
		b->nic != NULL && b->nic->physical[0] != '\0' ? b->nic->physical : b->name;

	return strncmp(one, other, strcspn(one, ".")) == 0;
}

static bool
is_same_slot(const struct bf_doctor *d, const struct bf_doctor_member *a,
	const struct bf_doctor_member *b, char *slot, size_t size)
{
	char other[32];

	if (a->nic == NULL || b->nic == NULL)
		return false;
	if (a->nic->slot[0] != '\0' && b->nic->slot[0] != '\0') {
		snprintf(slot, size, "slot %.24s", a->nic->slot);
		return strcmp(a->nic->slot, b->nic->slot) == 0;
	}
	root_port_of(d, a, slot, size);
	root_port_of(d, b, other, sizeof(other));
	return slot[0] != '\0' && strcmp(slot, other) == 0;
}

/* Of the file's members, too. */
static void
look_at_cards(struct bf_doctor *d)
{
	static const enum bf_fault cards[] = {BF_FAULT_ONE_CARD, BF_FAULT_ONE_SLOT};

	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(cards)) && json_array_size(d->plan_bonds) == 0)
		return;
	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
		bf_report_check(&d->report, cards[i]);
	for (unsigned int i = 1; i < d->n_members; i++)
		for (unsigned int k = 0; k < i; k++) {
			const struct bf_doctor_member *a = &d->members[i], *b = &d->members[k];
			char slot[32];

			if (strcmp(a->bond, b->bond) != 0 || a->bond[0] == '\0')
				continue;
			if (is_same_card(a, b))
				bf_report_find(&d->report, BF_FAULT_ONE_CARD, a->bond,
					"%s and %s are ports of one card: it fails with both",
					b->name, a->name);
			else if (is_same_slot(d, a, b, slot, sizeof(slot)))
				bf_report_find(&d->report, BF_FAULT_ONE_SLOT, a->bond,
					"%s and %s are both behind %s", b->name, a->name, slot);
		}
}

/* ---- the switch ---- */

/* What LLDP says of a member's other end: the first of the list is the switch. NULL: nothing */
static json_t *
neighbor_of(const json_t *member)
{
	json_t *n = json_array_get(bf_json_list(member, "neighbors"), 0);

	return bf_json_text(n, "chassis_id")[0] != '\0' ? n : NULL;
}

/* The LACP partner of a member; "" none, or none is known. */
static const char *
partner_of(const struct bf_doctor *d, const char *member)
{
	json_t *bond, *m;
	size_t i, k;

	for (i = 0; (bond = json_array_get(d->lacp, i)) != NULL; i++)
		for (k = 0; (m = json_array_get(bf_json_list(bond, "members"), k)) != NULL; k++)
			if (strcmp(bf_json_text(m, "name"), member) == 0) {
				const char *id =
					bf_json_text(json_object_get(m, "partner"), "system_id");

				return strcmp(id, NO_PARTNER) != 0 ? id : "";
			}
	return "";
}

static void
look_at_lacp(struct bf_doctor *d, const json_t *bond)
{
	const char *first = "", *first_member = "";
	json_t *m;
	size_t i;

	if (strcmp(mode_of(bond), "802.3ad") != 0)
		return;
	for (i = 0; (m = json_array_get(bf_json_list(bond, "member_details"), i)) != NULL; i++) {
		const char *name = bf_json_text(m, "name"), *partner = partner_of(d, name);

		if (!bf_json_bool(m, "link") || bf_json_bool(m, "missing"))
			continue;
		if (partner[0] == '\0')
			bf_report_find(&d->report, BF_FAULT_LACP_NO_PARTNER, name,
				"its link is up, and no LACPDU of a partner has come");
		else if (first[0] == '\0') {
			first = partner;
			first_member = name;
		} else if (strcmp(first, partner) != 0)
			bf_report_find(&d->report, BF_FAULT_SWITCHES_UNRELATED,
				bf_json_text(bond, "name"),
				"LACP partner of %s is %s, of %s %s, expected one", first_member,
				first, name, partner);
	}
}

/* Switches that say of every port that it is in a LAG share one, as far as LLDP can tell. */
static bool
are_in_lag(const json_t *members)
{
	json_t *m;
	size_t i;

	for (i = 0; (m = json_array_get(members, i)) != NULL; i++)
		if (!json_is_true(json_object_get(neighbor_of(m), "lag_enabled")))
			return false;
	return true;
}

/* A neighbor that says nothing of LAGs may have one or not. */
static void
look_at_neighbor(struct bf_doctor *d, const json_t *bond, const json_t *m, const json_t *n)
{
	const char *name = bf_json_text(bond, "name"), *member = bf_json_text(m, "name");
	const char *port = bf_json_text(n, "port_id");
	const json_t *lag = json_object_get(n, "lag_enabled");
	int64_t frame = bf_json_number(n, "max_frame", 0), mtu = bf_json_number(bond, "mtu", 0);

	if (json_is_true(lag) && !needs_lag(bond))
		bf_report_find(&d->report, BF_FAULT_LAG_UNWANTED, name,
			"mode %s, and by LLDP port %s of the switch, at %s, is in a LAG",
			mode_of(bond), port, member);
	if (frame > 0 && frame < mtu + FRAME_HEADER)
		bf_report_find(&d->report, BF_FAULT_SWITCH_MTU, member,
			"by LLDP port %s of the switch takes frames of %" PRId64
			" bytes, expected %" PRId64 " for mtu %" PRId64,
			port, frame, mtu + FRAME_HEADER, mtu);
}

/*
 * What bondfwd makes of the switch's words about LAGs.  They may be half a minute old, or never become true: so it asks
 * LACP first, and gives the switch some time.
 */
static void
look_at_cabling(struct bf_doctor *d, const json_t *bond)
{
	const char *name = bf_json_text(bond, "name");
	json_t *row, *f;
	size_t i, k;

	for (i = 0; (row = json_array_get(d->lldp, i)) != NULL; i++)
		for (k = 0; (f = json_array_get(bf_json_list(row, "cabling"), k)) != NULL; k++) {
			const char *problem = bf_json_text(f, "problem");
			bool is_split = strcmp(problem, "two_lags") == 0;

			if (strcmp(bf_json_text(row, "bond"), name) != 0 ||
				(!is_split && strcmp(problem, "no_lag") != 0))
				continue;
			bf_report_find(&d->report,
				is_split ? BF_FAULT_TWO_LAGS : BF_FAULT_LAG_MISSING, name,
				"by LLDP, at %s: %s", bf_json_text(f, "member"),
				bf_json_text(f, "text"));
		}
}

/* By LLDP: how many switches, and whether they bundle the ports. */
static void
look_at_neighbors(struct bf_doctor *d, const json_t *bond)
{
	const char *name = bf_json_text(bond, "name"), *first = "";
	size_t n_known = 0, n_same = 0, i;
	json_t *members = bf_json_list(bond, "member_details"), *m;

	for (i = 0; (m = json_array_get(members, i)) != NULL; i++) {
		json_t *n = neighbor_of(m);

		if (n == NULL)
			continue;
		first = n_known++ == 0 ? bf_json_text(n, "chassis_id") : first;
		n_same += strcmp(first, bf_json_text(n, "chassis_id")) == 0 ? 1 : 0;
		bf_report_check(&d->report, BF_FAULT_SWITCH_MTU);
		look_at_neighbor(d, bond, m, n);
	}
	if (n_known < 2)
		return;
	bf_report_check(&d->report, BF_FAULT_ONE_SWITCH);
	bf_report_check(&d->report, BF_FAULT_TWO_LAGS);
	if (n_same == json_array_size(members))
		bf_report_find(&d->report, BF_FAULT_ONE_SWITCH, name,
			"by LLDP all %zu members lead to switch %s: it fails with all of them",
			n_same, first);
	if (n_same < n_known && needs_lag(bond) && strcmp(mode_of(bond), "802.3ad") != 0 &&
		!are_in_lag(members))
		bf_report_find(&d->report, BF_FAULT_SWITCHES_UNRELATED, name,
			"mode %s needs one LAG, and by LLDP the members lead to several switches",
			mode_of(bond));
}

static int64_t
lacpdus_of(const struct bf_doctor *d, const char *bond)
{
	json_t *drop;
	size_t i;

	for (i = 0; (drop = json_array_get(bf_json_list(d->drops, "ports"), i)) != NULL; i++)
		if (strcmp(bf_json_text(drop, "port"), bond) == 0 &&
			strcmp(bf_json_text(drop, "reason"), "lacp") == 0)
			return bf_json_number(drop, "frames", 0);
	return 0;
}

/* LACPDUs that were counted before may be those of 802.3ad. */
static bool
has_changed_mode(const struct bf_doctor *d, const char *bond)
{
	json_t *e;
	size_t i;

	for (i = 0; (e = json_array_get(d->events, i)) != NULL; i++) {
		const char *text = bf_json_text(e, "text");

		if (strcmp(bf_json_text(e, "what"), "config_changed") == 0 &&
			strncmp(text, "set bonding mode ", 17) == 0 && strstr(text, bond) != NULL)
			return true;
	}
	return false;
}

static void
look_at_lag(struct bf_doctor *d, const json_t *bond)
{
	const char *name = bf_json_text(bond, "name");
	char line[64];
	json_t *why, *cause;
	size_t i;

	if (!needs_lag(bond) && lacpdus_of(d, name) > 0 && !has_changed_mode(d, name))
		bf_report_find(&d->report, BF_FAULT_LAG_UNWANTED, name,
			"mode %s, and the switch has sent %" PRId64 " LACPDUs", mode_of(bond),
			lacpdus_of(d, name));
	if (!needs_lag(bond))
		return;
	snprintf(line, sizeof(line), "why %.40s", name);
	why = bf_doctor_answer(d, line);
	for (i = 0; (cause = json_array_get(bf_json_list(why, "causes"), i)) != NULL; i++)
		if (strcmp(bf_json_text(cause, "cause"), "no_lag") == 0)
			bf_report_find(&d->report, BF_FAULT_LAG_MISSING, name,
				"mode %s, and frames of guests come back by another member",
				mode_of(bond));
	json_decref(why);
}

void
bf_doctor_bond(struct bf_doctor *d)
{
	static const enum bf_fault answers[] = {BF_FAULT_ONE_MEMBER, BF_FAULT_MEMBER_NO_LINK,
		BF_FAULT_HALF_DUPLEX, BF_FAULT_SPEEDS_DIFFER, BF_FAULT_SWITCHES_UNRELATED,
		BF_FAULT_LACP_NO_PARTNER, BF_FAULT_LAG_MISSING, BF_FAULT_LAG_UNWANTED,
		BF_FAULT_MTU_MEMBERS};
	static const enum bf_fault neighbors[] = {
		BF_FAULT_ONE_SWITCH, BF_FAULT_TWO_LAGS, BF_FAULT_SWITCH_MTU};
	json_t *bond;
	size_t i;

	look_at_cards(d);
	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(answers))) {
		bf_doctor_has_answers(d, BF_DOCTOR_LIST(neighbors));
		return;
	}
	for (i = 0; (bond = json_array_get(d->bonds, i)) != NULL; i++) {
		d->report.bond = bf_json_text(bond, "name");
		look_at_links(d, bond);
		look_at_mtu(d, bond);
		look_at_lacp(d, bond);
		look_at_neighbors(d, bond);
		look_at_cabling(d, bond);
		look_at_lag(d, bond);
	}
	d->report.bond = NULL;
	bf_report_skip(&d->report, BF_FAULT_ONE_SWITCH, "LLDP names no switch of two members");
	bf_report_skip(&d->report, BF_FAULT_TWO_LAGS, "LLDP names no switch of two members");
	bf_report_skip(&d->report, BF_FAULT_SWITCH_MTU, "LLDP names no switch of a member");
}

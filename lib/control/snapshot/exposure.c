/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show exposure: what each guest is not protected from, because another port of its switch has no guard or
 * limit against it.
 *
 * Threads: ctx control.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "control/bridge.h"
#include "control/snapshot/snapshot.h"
#include "control/workers/floods.h"

#define NAMED 3 /* ports of which the names are shown */

/** Something that a port could do to a guest. */
struct threat_row {
	const char *threat;
	const char *what; /* in words */
	char by[NAMED * (BF_NAME_MAX + 2) + 24];
	uint32_t ports;
	const char *remedy; /* a key of these ports */
};

#define ROW struct threat_row

static const struct bf_field threat_fields[] = {
	BF_FIELD(ROW, threat, .label = "threat"),
	BF_FIELD(ROW, what),
	BF_FIELD(ROW, ports,
		BF_GAUGE("bondfwd_exposure_ports", NULL,
			"Ports that could do this to the guest: no guard or limit of theirs prevents it.")),
	BF_FIELD(ROW, by),
	BF_FIELD(ROW, remedy),
};

static const struct bf_table threat_table =
	BF_TABLE("exposure", ROW, threat_fields, .text = "{guest:-16} {what:-46} {by}: {remedy}\n");

struct exposure_row {
	char guest[BF_NAME_MAX];
	struct bf_rows threats;
};

static const struct bf_field exposure_fields[] = {
	BF_FIELD(struct exposure_row, guest, .label = "guest"),
	BF_FIELD(struct exposure_row, threats, .table = &threat_table),
};

static const struct bf_table exposure_table = BF_TABLE("exposed guest", struct exposure_row,
	exposure_fields,
	.head = "Guest            Is not protected from                          By: until they have\n",
	.text = "{threats}{^threats}{guest:-16} nothing that guards and limits could prevent\n"
		"{/threats}");

static bool
may_take_macs(const struct bf_guest *g)
{
	return !g->cfg.mac_guard;
}

static bool
may_take_ips(const struct bf_guest *g)
{
	return !bf_leases_judge(g);
}

static bool
may_serve_dhcp(const struct bf_guest *g)
{
	return !g->cfg.dhcp_guard;
}

static bool
may_route(const struct bf_guest *g)
{
	return !g->cfg.ra_guard;
}

static bool
may_speak_to_switches(const struct bf_guest *g)
{
	return !g->cfg.protocol_guard;
}

static bool
has_no_limit(const struct bf_rate_limit *storm)
{
	for (unsigned int c = 0; c < BF_STORM_COUNT; c++)
		if (storm[c].frames_per_s == 0 && storm[c].bits_per_s == 0)
			return true;
	return false;
}

static bool
may_flood(const struct bf_guest *g)
{
	return has_no_limit(g->cfg.storm);
}

/* Where frames need not reach the guest, isolation does not help: they deceive the LAN. */
static const struct threat {
	const char *name, *what, *remedy;
	bool (*may)(const struct bf_guest *g);
	bool by_lan; /* the bond could, without a limit */
	bool reaches; /* by frames that the guest gets */
	bool anywhere; /* in whatever VLAN they are */
} threats[] = {
	{"mac", "others that take its MAC address", "mac_guard=on", may_take_macs, false, false,
		false},
	{"ip", "others that take its IP address", "ip=LIST, ip=dhcp", may_take_ips, false, false,
		false},
	{"dhcp", "answers of their DHCP servers", "dhcp_guard=on", may_serve_dhcp, false, true,
		false},
	{"router", "their IPv6 router advertisements", "ra_guard=on", may_route, false, true,
		false},
	{"protocol", "their words to switches, which may cut the LAN", "protocol_guard=on",
		may_speak_to_switches, false, false, true},
	{"flood", "floods without limit", "storm_broadcast, _multicast, _unknown", may_flood, true,
		true, false},
};

static void
port_add(ROW *row, const char *name)
{
	if (row->ports++ < NAMED)
		bf_words_add(row->by, sizeof(row->by), ", ", name);
}

#define THREATS (sizeof(threats) / sizeof(threats[0]))

/* What a port could do to a guest. @param meet they share a VLAN */
static void
port_judge(const struct bf_guest *g, const struct bf_guest *h, bool meet, ROW *found)
{
	bool apart = g->cfg.isolated && h->cfg.isolated;

	for (unsigned int i = 0; i < THREATS; i++) {
		const struct threat *t = &threats[i];

		if ((t->anywhere || meet) && !(t->reaches && apart) && t->may(h))
			port_add(&found[i], h->cfg.name);
	}
}

/* Who could do what to a guest. */
static void
ports_find(const struct bf_bridge *br, const struct bf_guest *g, ROW *found)
{
	struct bf_port_vlan of_guest = bf_floods_guest_vlan(&g->cfg), other;
	const struct bf_bond *b = &br->up[g->uplink].bond;
	char more[24];

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *h = br->guests[s];

		if (h == NULL || h == g || h->uplink != g->uplink)
			continue;
		other = bf_floods_guest_vlan(&h->cfg);
		port_judge(g, h, bf_floods_meet(&of_guest, &other), found);
	}
	other = bf_floods_bond_vlan(&b->cfg);
	for (unsigned int i = 0; i < THREATS; i++) {
		if (threats[i].by_lan && b->open && has_no_limit(b->cfg.storm) &&
			bf_floods_meet(&of_guest, &other))
			port_add(&found[i], b->cfg.name);
		if (found[i].ports > NAMED) {
			snprintf(
				more, sizeof(more), "and %" PRIu32 " more", found[i].ports - NAMED);
			bf_words_add(found[i].by, sizeof(found[i].by), " ", more);
		}
	}
}

static void
gather_guest(const struct bf_bridge *br, const struct bf_guest *g, struct exposure_row *row,
	struct bf_snapshot *s)
{
	ROW found[THREATS] = {{.ports = 0}};

	BF_ROW_TEXT(row->guest, g->cfg.name);
	ports_find(br, g, found);
	for (unsigned int i = 0; i < THREATS; i++) {
		found[i].threat = threats[i].name;
		found[i].what = threats[i].what;
		found[i].remedy = threats[i].remedy;
		if (found[i].ports > 0)
			*(ROW *)bf_rows_add(s, &row->threats, sizeof(ROW)) = found[i];
	}
}

static void
gather_exposure(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++) {
		const struct bf_guest *g = br->guests[slot];

		if (g != NULL && (only == NULL || strcmp(g->cfg.name, only) == 0))
			gather_guest(
				br, g, bf_rows_add(s, &s->rows, sizeof(struct exposure_row)), s);
	}
}

const struct bf_show bf_show_exposure = {.table = &exposure_table,
	.gather = gather_exposure,
	.metrics = true,
	.endpoint = "exposure"};

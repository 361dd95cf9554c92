/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show exposure: what each guest is not protected from, because another port of its switch has no guard or
 * limit against it.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/** What a guest could do to any other, looked at once: all pairs of a thousand guests are a million. */
struct power {
	const struct bf_guest *g;
	struct bf_port_vlan vlan;
	uint32_t may; /* threats, a bit each */
};

static struct power
power_of(const struct bf_guest *g)
{
	struct power p = {.g = g, .vlan = bf_floods_guest_vlan(&g->cfg)};

	for (unsigned int i = 0; i < THREATS; i++)
		p.may |= threats[i].may(g) ? 1u << i : 0;
	return p;
}

/* Threats that frames carry to the guest, or that are there in whatever VLAN. */
static uint32_t
threats_that(bool reach, bool are_anywhere)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < THREATS; i++)
		if ((reach && threats[i].reaches) || (are_anywhere && threats[i].anywhere))
			bits |= 1u << i;
	return bits;
}

static void
bond_judge(const struct bf_bond *b, const struct bf_port_vlan *of_guest, ROW *found)
{
	struct bf_port_vlan of_bond = bf_floods_bond_vlan(&b->cfg);

	for (unsigned int i = 0; i < THREATS; i++)
		if (threats[i].by_lan && b->open && has_no_limit(b->cfg.storm) &&
			bf_floods_meet(of_guest, &of_bond))
			port_add(&found[i], b->cfg.name);
}

/* Who could do what to a guest. */
static void
ports_find(const struct bf_bridge *br, const struct power *all, unsigned int n,
	const struct power *of, ROW *found)
{
	const uint32_t reaching = threats_that(true, false), anywhere = threats_that(false, true);
	const struct bf_guest *g = of->g;
	char more[24];

	for (unsigned int k = 0; k < n; k++) {
		const struct bf_guest *h = all[k].g;
		uint32_t may = all[k].may;

		if (may == 0 || h == g || h->uplink != g->uplink)
			continue;
		if (g->cfg.isolated && h->cfg.isolated)
			may &= ~reaching;
		if (!bf_floods_meet(&of->vlan, &all[k].vlan))
			may &= anywhere;
		for (; may != 0; may &= may - 1)
			port_add(&found[__builtin_ctz(may)], h->cfg.name);
	}
	bond_judge(&br->up[g->uplink].bond, &of->vlan, found);
	for (unsigned int i = 0; i < THREATS; i++) {
		if (found[i].ports <= NAMED)
			continue;
		snprintf(more, sizeof(more), "and %" PRIu32 " more", found[i].ports - NAMED);
		bf_words_add(found[i].by, sizeof(found[i].by), " ", more);
	}
}

static void
gather_guest(const struct bf_bridge *br, const struct power *all, unsigned int n,
	const struct power *of, struct bf_snapshot *s)
{
	struct exposure_row *row = bf_rows_add(s, &s->rows, sizeof(*row));
	ROW found[THREATS] = {{.ports = 0}};

	BF_ROW_TEXT(row->guest, of->g->cfg.name);
	ports_find(br, all, n, of, found);
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
	struct power *all = calloc(BF_MAX_PORTS, sizeof(*all));
	unsigned int n = 0;

	if (all == NULL) {
		bf_snapshot_fail(s, -ENOMEM, "out of memory");
		return;
	}
	for (unsigned int slot = 1; slot < BF_MAX_PORTS; slot++)
		if (br->guests[slot] != NULL)
			all[n++] = power_of(br->guests[slot]);
	for (unsigned int k = 0; k < n; k++)
		if (only == NULL || strcmp(all[k].g->cfg.name, only) == 0)
			gather_guest(br, all, n, &all[k], s);
	free(all);
}

const struct bf_show bf_show_exposure = {.table = &exposure_table,
	.gather = gather_exposure,
	.metrics = true,
	.endpoint = "exposure"};

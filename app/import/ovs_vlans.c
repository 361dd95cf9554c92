/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * VLANs of a port: tag, trunks and vlan_mode become keys of a guest or of the bond.
 *
 * Threads: one.
 */
#include <string.h>

#include "base/vlan_set.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

struct vlans {
	struct bf_vlan_set trunk;
	bool has_trunk; /* trunks says something */
	bool has_zero; /* VLAN 0 is among them: frames of no VLAN */
	bool has_tag;
	uint16_t tag;
	const char *mode;
};

/* @return how many are no VLANs */
static size_t
trunks_read(const json_t *port, struct vlans *v)
{
	size_t n = bf_ovsdb_count(port, "trunks"), n_bad = 0;
	int64_t vlan;

	for (size_t i = 0; i < n; i++) {
		if (!bf_ovsdb_vlan(bf_ovsdb_item(port, "trunks", i), &vlan))
			n_bad++;
		else if (vlan == 0)
			v->has_zero = true;
		else
			bf_vlan_set_add(&v->trunk, (uint16_t)vlan);
	}
	v->has_trunk = n > 0;
	return n_bad;
}

static bool
is_mode(const char *text)
{
	static const char *const modes[] = {
		"access", "trunk", "native-tagged", "native-untagged", "dot1q-tunnel"};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(text, modes[i]) == 0)
			return true;
	return false;
}

/* @return false: it is not known which VLANs the port has */
static bool
vlans_read(struct bf_ovs *o, const struct bf_ovs_port *p, struct vlans *v)
{
	size_t n_bad;
	int64_t tag;

	memset(v, 0, sizeof(*v));
	v->has_tag = bf_ovsdb_vlan(bf_ovsdb_item(p->row, "tag", 0), &tag);
	v->tag = (uint16_t)tag;
	n_bad = trunks_read(p->row, v);
	if (n_bad > 0)
		bf_draft_lost(o->d, "port %s: trunks: %zu of them: expected 0 to %d", p->name,
			n_bad, BF_VLAN_MAX);
	v->mode = bf_ovsdb_text(p->row, "vlan_mode");
	if (bf_ovsdb_count(p->row, "vlan_mode") == 0)
		v->mode = v->has_tag ? "access" : "trunk";
	return bf_ovsdb_count(p->row, "tag") == v->has_tag && is_mode(v->mode);
}

/* VLANs that no key says: a guest with all of them would see what it should not. */
static void
closed_write(
	struct bf_ovs *o, const struct bf_ovs_port *p, const char *why, char *options, size_t size)
{
	bool is_bond = p == o->uplink;

	bf_draft_lost(o->d, "port %s: %s%s", p->name, why,
		is_bond ? ": all VLANs pass" : ": the port is down");
	if (!is_bond)
		bf_ovs_option(options, size, "admin=down");
}

/* The text of a set, if a key takes so many ranges. */
static bool
set_print(const struct bf_vlan_set *s, char text[BF_VLAN_SET_TEXT_MAX])
{
	unsigned int n = 0;

	for (uint16_t vlan = 1; vlan <= BF_VLAN_MAX; vlan++)
		n += bf_vlan_set_has(s, vlan) && !bf_vlan_set_has(s, (uint16_t)(vlan - 1));
	if (n <= BF_VLAN_RANGES_MAX)
		bf_vlan_set_print(s, text, BF_VLAN_SET_TEXT_MAX);
	return n <= BF_VLAN_RANGES_MAX;
}

/* Frames of no VLAN only. */
static void
untagged_write(struct bf_ovs *o, const struct bf_ovs_port *p, char *options, size_t size)
{
	if (p == o->uplink)
		bf_draft_lost(o->d,
			"port %s: VLAN 0 only: no counterpart at a bond: all VLANs pass", p->name);
	else
		bf_ovs_option(options, size, "vlan=untagged");
}

static void
native_lost(struct bf_ovs *o, const struct bf_ovs_port *p, const struct vlans *v)
{
	if (v->has_zero && strncmp(v->mode, "native", 6) != 0)
		bf_draft_lost(o->d,
			"port %s: trunks: VLAN 0: a trunk takes untagged frames with native=VID only",
			p->name);
	if (strcmp(v->mode, "native-tagged") == 0)
		bf_draft_lost(o->d,
			"port %s: vlan_mode=native-tagged: expected native-untagged: untagged frames "
			"are dropped",
			p->name);
}

static void
trunk_write(
	struct bf_ovs *o, const struct bf_ovs_port *p, struct vlans *v, char *options, size_t size)
{
	bool is_bond = p == o->uplink, is_native = strcmp(v->mode, "native-untagged") == 0;
	char text[BF_VLAN_SET_TEXT_MAX];

	native_lost(o, p, v);
	if (!v->has_trunk && strncmp(v->mode, "native", 6) != 0)
		return;
	if (!v->has_trunk)
		for (uint16_t vlan = 1; vlan <= BF_VLAN_MAX; vlan++)
			bf_vlan_set_add(&v->trunk, vlan);
	if (v->tag != 0 && strncmp(v->mode, "native", 6) == 0)
		bf_vlan_set_add(&v->trunk, v->tag);
	if (bf_vlan_set_is_empty(&v->trunk)) {
		untagged_write(o, p, options, size);
	} else if (!set_print(&v->trunk, text)) {
		snprintf(text, sizeof(text), "trunks: expected at most %d ranges",
			BF_VLAN_RANGES_MAX);
		closed_write(o, p, text, options, size);
		return;
	} else {
		bf_ovs_option(options, size, "%s=%s", is_bond ? "vlans" : "trunk", text);
	}
	if (is_native && v->tag != 0)
		bf_ovs_option(options, size, "native=%u", v->tag);
}

static void
access_write(struct bf_ovs *o, const struct bf_ovs_port *p, const struct vlans *v, char *options,
	size_t size)
{
	if (v->tag == 0)
		untagged_write(o, p, options, size);
	else if (p == o->uplink)
		bf_ovs_option(options, size, "vlans=%u,native=%u", v->tag, v->tag);
	else
		bf_ovs_option(options, size, "vlan=%u", v->tag);
}

static void
tunnel_write(struct bf_ovs *o, const struct bf_ovs_port *p, const struct vlans *v, char *options,
	size_t size)
{
	const char *type = bf_ovsdb_entry(p->row, "other_config", "qinq-ethtype");

	if (p == o->uplink || v->tag == 0) {
		bf_draft_lost(o->d,
			"port %s: vlan_mode=dot1q-tunnel: expected at a guest, with a tag",
			p->name);
		return;
	}
	if (type != NULL && strcmp(type, "802.1ad") != 0)
		bf_draft_lost(o->d, "port %s: qinq-ethtype=%s: expected 802.1ad", p->name, type);
	if (bf_ovsdb_count(p->row, "cvlans") > 0)
		bf_draft_lost(o->d, "port %s: cvlans: no counterpart: all VLANs pass the tunnel",
			p->name);
	bf_ovs_option(options, size, "qinq=%u", v->tag);
}

void
bf_ovs_vlans(struct bf_ovs *o, const struct bf_ovs_port *p, char *options, size_t size)
{
	struct vlans v;

	if (!vlans_read(o, p, &v))
		closed_write(o, p,
			"tag, vlan_mode: expected a VLAN of 0 to 4094 and access, trunk, native-tagged, "
			"native-untagged or dot1q-tunnel",
			options, size);
	else if (strcmp(v.mode, "access") == 0)
		access_write(o, p, &v, options, size);
	else if (strcmp(v.mode, "dot1q-tunnel") == 0)
		tunnel_write(o, p, &v, options, size);
	else
		trunk_write(o, p, &v, options, size);
}

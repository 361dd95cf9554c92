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

static void
vlans_read(const json_t *port, struct vlans *v)
{
	int64_t n;

	memset(v, 0, sizeof(*v));
	v->has_tag = bf_ovsdb_number(port, "tag", &n) && n >= 0 && n <= BF_VLAN_MAX;
	v->tag = v->has_tag ? (uint16_t)n : 0;
	for (size_t i = 0; i < bf_ovsdb_count(port, "trunks"); i++) {
		n = json_integer_value(bf_ovsdb_item(port, "trunks", i));
		v->has_trunk = true;
		v->has_zero = v->has_zero || n == 0;
		if (n > 0 && n <= BF_VLAN_MAX)
			bf_vlan_set_add(&v->trunk, (uint16_t)n);
	}
	v->mode = bf_ovsdb_text(port, "vlan_mode");
	if (v->mode[0] == '\0')
		v->mode = v->has_tag ? "access" : "trunk";
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
		bf_draft_lost(o->d, "port %s: trunks: expected at most %d ranges%s", p->name,
			BF_VLAN_RANGES_MAX, is_bond ? ": all VLANs pass" : ": the port is down");
		if (!is_bond)
			bf_ovs_option(options, size, "admin=down");
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

	vlans_read(p->row, &v);
	if (strcmp(v.mode, "access") == 0)
		access_write(o, p, &v, options, size);
	else if (strcmp(v.mode, "dot1q-tunnel") == 0)
		tunnel_write(o, p, &v, options, size);
	else
		trunk_write(o, p, &v, options, size);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mirrors of an import.
 *
 * Theory of operation: a mirror of Open vSwitch with several sources or VLANs becomes several here, and two
 * mirrors of Open vSwitch may have one name. `set mirror` of a name that is there replaces that mirror, so each
 * line has a name of its own: the first one the mirror's, further ones NAME-2, NAME-3, ..., past those that are
 * another mirror's own.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/vlan_set.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

struct mirroring {
	struct bf_ovs *o;
	const json_t *row;
	const struct bf_ovs_port *to;
	const json_t *names; /* keys: what the mirrors of Open vSwitch are called here */
	struct bf_vlan_set vlans;
	bool has_vlans;
	char name[BF_OVS_NAME_MAX];
	unsigned int n;
};

static void
name_make(const json_t *row, char to[BF_OVS_NAME_MAX])
{
	const char *name = bf_ovsdb_text(row, "name");

	bf_ovs_name(name[0] != '\0' ? name : "mirror", to);
}

static struct bf_ovs_port *
port_find(const struct bf_ovs *o, const json_t *ref)
{
	const json_t *row = bf_ovsdb_row(o->db, "Port", ref);

	for (size_t i = 0; row != NULL && i < o->n_ports; i++)
		if (o->ports[i].row == row)
			return &o->ports[i];
	return NULL;
}

static bool
is_written(const struct bf_ovs *o, const char *name)
{
	for (unsigned int i = 0; i < o->n_mirrors; i++)
		if (strcmp(o->mirrors[i], name) == 0)
			return true;
	return false;
}

static void
name_choose(const struct mirroring *m, char to[BF_OVS_NAME_MAX])
{
	snprintf(to, BF_OVS_NAME_MAX, "%s", m->name);
	if (m->n == 0 && !is_written(m->o, to))
		return;
	for (unsigned int i = 2; is_written(m->o, to) || json_object_get(m->names, to) != NULL; i++)
		snprintf(to, BF_OVS_NAME_MAX, "%.20s-%u", m->name, i);
}

static void
mirror_write_one(
	struct mirroring *m, const char *source, const char *direction, const char *of_vlan)
{
	struct bf_ovs *o = m->o;
	char *name = o->mirrors[o->n_mirrors];

	name_choose(m, name);
	m->n++;
	o->n_mirrors++;
	bf_draft_line(o->d, "set mirror %s source %s %s%s to %s", name, source, direction, of_vlan,
		m->to->ours);
}

static bool
has_room(const struct mirroring *m, const char *source)
{
	if (m->o->n_mirrors < BF_OVS_MIRRORS_MAX)
		return true;
	bf_draft_lost(m->o->d, "mirror %s: source %s: expected at most %d mirrors", m->name, source,
		BF_OVS_MIRRORS_MAX);
	return false;
}

static void
mirror_write_source(struct mirroring *m, const char *source, const char *direction)
{
	char of_vlan[16];

	if (!m->has_vlans) {
		if (has_room(m, source))
			mirror_write_one(m, source, direction, "");
		return;
	}
	for (uint16_t vlan = 0; vlan <= BF_VLAN_MAX; vlan++) {
		if (!bf_vlan_set_has(&m->vlans, vlan))
			continue;
		if (!has_room(m, source))
			return;
		snprintf(of_vlan, sizeof(of_vlan), " vlan %u", vlan);
		mirror_write_one(m, source, direction, of_vlan);
	}
}

/* Which ports a column names; marked in those that are imported. */
static void
sources_mark(const struct mirroring *m, const char *column, bool is_from)
{
	size_t n = bf_ovsdb_count(m->row, column), n_lost = 0;

	for (size_t i = 0; i < n; i++) {
		struct bf_ovs_port *p = port_find(m->o, bf_ovsdb_item(m->row, column, i));

		if (p == NULL)
			n_lost++;
		else if (is_from)
			p->is_from = true;
		else
			p->is_to = true;
	}
	if (n_lost > 0)
		bf_draft_lost(m->o->d,
			"mirror %s: %s: %zu of %zu: expected ports of bridges that are imported",
			m->name, column, n_lost, n);
}

static void
mirror_write_ports(struct mirroring *m)
{
	struct bf_ovs *o = m->o;

	for (size_t i = 0; i < o->n_ports; i++)
		o->ports[i].is_from = o->ports[i].is_to = false;
	sources_mark(m, "select_src_port", true);
	sources_mark(m, "select_dst_port", false);
	for (size_t i = 0; i < o->n_ports; i++) {
		const struct bf_ovs_port *p = &o->ports[i];

		if (!p->is_from && !p->is_to)
			continue;
		if (!p->is_taken || p == m->to)
			bf_draft_lost(o->d,
				"mirror %s: source %s: expected a port that is imported", m->name,
				p->name);
		else
			mirror_write_source(m, p->ours,
				!p->is_to            ? "in"
					: p->is_from ? "both"
						     : "out");
	}
}

static void
vlans_read(struct mirroring *m)
{
	size_t n = bf_ovsdb_count(m->row, "select_vlan"), n_lost = 0;
	int64_t vlan;

	for (size_t i = 0; i < n; i++)
		if (bf_ovsdb_vlan(bf_ovsdb_item(m->row, "select_vlan", i), &vlan))
			bf_vlan_set_add(&m->vlans, (uint16_t)vlan);
		else
			n_lost++;
	m->has_vlans = n > 0;
	if (n_lost > 0)
		bf_draft_lost(m->o->d, "mirror %s: select_vlan: %zu of %zu: expected 0 to %d",
			m->name, n_lost, n, BF_VLAN_MAX);
}

static void
mirror_write(struct bf_ovs *o, const json_t *names, const json_t *row)
{
	struct mirroring m = {.o = o, .row = row, .names = names};
	int64_t n;

	name_make(row, m.name);
	m.to = port_find(o, bf_ovsdb_item(row, "output_port", 0));
	if (m.to == NULL || m.to->kind != BF_OVS_GUEST || !m.to->is_taken) {
		bf_draft_lost(o->d, "mirror %s: output: expected a guest that is imported", m.name);
		return;
	}
	if (bf_ovsdb_number(row, "snaplen", &n))
		bf_draft_lost(
			o->d, "mirror %s: snaplen=%" PRId64 ": whole frames are copied", m.name, n);
	vlans_read(&m);
	if (bf_ovsdb_flag(row, "select_all"))
		mirror_write_source(&m, "all", "both");
	else
		mirror_write_ports(&m);
	if (m.n == 0)
		bf_draft_lost(o->d, "mirror %s: selects no port that is imported", m.name);
}

void
bf_ovs_mirrors(struct bf_ovs *o)
{
	json_t *rows = json_object(), *names = json_object(), *row;
	char name[BF_OVS_NAME_MAX];
	const char *uuid;

	for (unsigned int i = 0; i < o->n_bridges; i++)
		for (size_t k = 0; k < bf_ovsdb_count(o->bridges[i], "mirrors"); k++) {
			const json_t *ref = bf_ovsdb_item(o->bridges[i], "mirrors", k);

			row = bf_ovsdb_row(o->db, "Mirror", ref);
			if (row == NULL)
				continue;
			name_make(row, name);
			json_object_set_new(names, name, json_true());
			json_object_set(rows, json_string_value(json_array_get(ref, 1)), row);
		}
	json_object_foreach(rows, uuid, row)
	{
		mirror_write(o, names, row);
	}
	json_decref(names);
	json_decref(rows);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mirrors and exporters of an import.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/udp_address.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define MIRRORS_MAX 8 /* as BF_MAX_MIRRORS */
#define EXPORTERS_MAX 4 /* as BF_MAX_EXPORTERS */

struct mirroring {
	struct bf_ovs *o;
	const json_t *row;
	const struct bf_ovs_port *to;
	char name[BF_OVS_NAME_MAX];
	unsigned int n;
};

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
has_port(const struct bf_ovs *o, const json_t *row, const char *column, const struct bf_ovs_port *p)
{
	for (size_t i = 0; i < bf_ovsdb_count(row, column); i++)
		if (port_find(o, bf_ovsdb_item(row, column, i)) == p)
			return true;
	return false;
}

/* One command; a mirror of Open vSwitch with several sources or VLANs becomes several. */
static void
mirror_write_one(struct mirroring *m, const char *source, const char *direction, int64_t vlan)
{
	char name[BF_OVS_NAME_MAX], of_vlan[32] = "";

	if (m->o->n_mirrors == MIRRORS_MAX) {
		bf_draft_lost(m->o->d, "mirror %s: source %s: expected at most %d mirrors", m->name,
			source, MIRRORS_MAX);
		return;
	}
	m->n++;
	m->o->n_mirrors++;
	if (m->n == 1)
		snprintf(name, sizeof(name), "%s", m->name);
	else
		snprintf(name, sizeof(name), "%.24s-%u", m->name, m->n);
	if (vlan >= 0)
		snprintf(of_vlan, sizeof(of_vlan), " vlan %" PRId64, vlan);
	bf_draft_line(m->o->d, "set mirror %s source %s %s%s to %s", name, source, direction,
		of_vlan, m->to->ours);
}

static void
mirror_write_source(struct mirroring *m, const char *source, const char *direction)
{
	size_t n = bf_ovsdb_count(m->row, "select_vlan");

	if (n == 0)
		mirror_write_one(m, source, direction, -1);
	for (size_t i = 0; i < n; i++)
		mirror_write_one(m, source, direction,
			json_integer_value(bf_ovsdb_item(m->row, "select_vlan", i)));
}

static void
mirror_write_ports(struct mirroring *m)
{
	struct bf_ovs *o = m->o;

	for (size_t i = 0; i < o->n_ports; i++) {
		const struct bf_ovs_port *p = &o->ports[i];
		bool from = has_port(o, m->row, "select_src_port", p);
		bool to = has_port(o, m->row, "select_dst_port", p);

		if (!from && !to)
			continue;
		if (!p->is_taken || p == m->to)
			bf_draft_lost(o->d,
				"mirror %s: source %s: expected a port that is imported", m->name,
				p->name);
		else
			mirror_write_source(m, p->ours, from && to ? "both" : from ? "in" : "out");
	}
}

static void
mirror_write(struct bf_ovs *o, const json_t *row)
{
	struct mirroring m = {.o = o, .row = row};
	int64_t n;

	snprintf(m.name, sizeof(m.name), "%s", bf_ovsdb_text(row, "name"));
	for (char *c = m.name; *c != '\0'; c++)
		if (strchr(" \t\"'#,=", *c) != NULL || (unsigned char)*c < ' ')
			*c = '_';
	if (m.name[0] == '\0')
		snprintf(m.name, sizeof(m.name), "mirror%u", o->n_mirrors + 1);
	m.to = port_find(o, bf_ovsdb_item(row, "output_port", 0));
	if (m.to == NULL || m.to->kind != BF_OVS_GUEST || !m.to->is_taken) {
		bf_draft_lost(o->d, "mirror %s: output: expected a guest that is imported", m.name);
		return;
	}
	if (bf_ovsdb_number(row, "snaplen", &n))
		bf_draft_lost(
			o->d, "mirror %s: snaplen=%" PRId64 ": whole frames are copied", m.name, n);
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
	for (unsigned int i = 0; i < o->n_bridges; i++)
		for (size_t k = 0; k < bf_ovsdb_count(o->bridges[i], "mirrors"); k++) {
			const json_t *row = bf_ovsdb_row(
				o->db, "Mirror", bf_ovsdb_item(o->bridges[i], "mirrors", k));

			if (row != NULL)
				mirror_write(o, row);
		}
}

struct exporting {
	struct bf_ovs *o;
	const char *table, *type;
	unsigned int n;
};

/* A key whose column is a number. */
static void
exporter_number(struct exporting *e, const json_t *row, const char *column, const char *key,
	int64_t min, int64_t max, char *options, size_t size)
{
	int64_t n;

	if (!bf_ovsdb_number(row, column, &n))
		return;
	if (n < min || n > max)
		bf_draft_lost(e->o->d, "%s: %s: \"%" PRId64 "\": expected %" PRId64 " to %" PRId64,
			e->table, column, n, min, max);
	else
		bf_ovs_option(options, size, "%s=%" PRId64, key, n);
}

static void
exporter_write(struct exporting *e, const json_t *row, const char *target)
{
	char options[300] = "";
	struct bf_udp_address a;
	struct bf_err err;

	if (bf_udp_address_parse("collector", target, 1, &a, &err) != 0) {
		bf_draft_lost(e->o->d, "%s: %s", e->table, err.text);
		return;
	}
	if (e->n == EXPORTERS_MAX) {
		bf_draft_lost(e->o->d, "%s: target %s: expected at most %d exporters", e->table,
			target, EXPORTERS_MAX);
		return;
	}
	bf_ovs_option(options, sizeof(options), "type=%s,collector=%.60s", e->type, target);
	exporter_number(e, row, "sampling", "sampling", 1, 1000000, options, sizeof(options));
	if (strcmp(e->type, "sflow") == 0) {
		exporter_number(e, row, "polling", "polling", 0, 86400, options, sizeof(options));
		exporter_number(e, row, "header", "header", 64, 512, options, sizeof(options));
	} else {
		exporter_number(
			e, row, "obs_domain_id", "domain", 0, UINT32_MAX, options, sizeof(options));
		exporter_number(e, row, "cache_active_timeout", "active", 1, 3600, options,
			sizeof(options));
	}
	bf_draft_line(e->o->d, "create exporter %s%u %s", e->type, ++e->n, options);
}

static void
exporters_write(struct exporting *e, const json_t *bridge, const char *column)
{
	const json_t *row = bf_ovsdb_row(e->o->db, e->table, bf_ovsdb_item(bridge, column, 0));
	const char *agent = bf_ovsdb_text(row, "agent");

	if (row == NULL)
		return;
	for (size_t i = 0; i < bf_ovsdb_count(row, "targets"); i++) {
		const char *target = json_string_value(bf_ovsdb_item(row, "targets", i));

		exporter_write(e, row, target != NULL ? target : "");
	}
	if (agent[0] != '\0')
		bf_draft_lost(e->o->d,
			"%s: agent=%s: expected an address: set exporter NAME agent=ADDRESS",
			e->table, agent);
}

void
bf_ovs_exporters(struct bf_ovs *o)
{
	struct exporting e = {.o = o};

	for (unsigned int i = 0; i < o->n_bridges; i++) {
		e.table = "sFlow";
		e.type = "sflow";
		exporters_write(&e, o->bridges[i], "sflow");
		e.table = "IPFIX";
		e.type = "ipfix";
		exporters_write(&e, o->bridges[i], "ipfix");
	}
}

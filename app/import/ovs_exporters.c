/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exporters of an import.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <string.h>

#include "base/udp_address.h"
#include "import/ovs.h"
#include "import/ovsdb.h"

#define EXPORTERS_MAX 4 /* as BF_MAX_EXPORTERS */

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

/* The row of a bridge, unless that of an earlier one is the same: all of them are one switch here. */
static const json_t *
row_find(const struct exporting *e, unsigned int bridge, const char *column)
{
	const json_t *db = e->o->db, *row;

	row = bf_ovsdb_row(db, e->table, bf_ovsdb_item(e->o->bridges[bridge], column, 0));
	for (unsigned int i = 0; row != NULL && i < bridge; i++)
		if (bf_ovsdb_row(db, e->table, bf_ovsdb_item(e->o->bridges[i], column, 0)) == row)
			row = NULL;
	return row;
}

static void
exporters_write(struct exporting *e, unsigned int bridge, const char *column)
{
	const json_t *row = row_find(e, bridge, column);
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
		exporters_write(&e, i, "sflow");
		e.table = "IPFIX";
		e.type = "ipfix";
		exporters_write(&e, i, "ipfix");
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show exporter: exporters, what they sent and what was lost.
 *
 * Threads: ctx control.
 */
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/options.h"
#include "control/snapshot/snapshot.h"

struct exporter_row {
	char name[BF_NAME_MAX];
	const char *type;
	char collector[BF_COLLECTOR_MAX];
	uint32_t sampling;
	bool is_ipfix;
	struct bf_exporter_counts c;
	struct bf_rows options;
};

#define ROW struct exporter_row
#define COUNT(field, unit, help) \
	BF_FIELD_AS(ROW, c.field, #field, BF_COUNTER("bondfwd_exporter_" #field, unit, help))

static const struct bf_field exporter_fields[] = {
	BF_FIELD(ROW, name, .label = "exporter"),
	BF_FIELD(ROW, type, .label = "type"),
	BF_FIELD(ROW, collector),
	BF_FIELD(ROW, sampling),
	COUNT(samples, "frames", "Frames that were sampled for the exporter and read."),
	BF_FIELD_AS(ROW, c.lost, "lost",
		BF_COUNTER("bondfwd_exporter_lost", "frames",
			"Samples that workers found no room for.")),
	COUNT(counter_samples, NULL, "Reports of a port's counters that were made."),
	COUNT(flows, NULL, "Records of flows that were made."),
	BF_FIELD_AS(ROW, c.flow_entries, "flow_entries",
		BF_GAUGE("bondfwd_exporter_flow_entries", NULL,
			"Flows that are not reported for good yet.")),
	BF_FIELD_AS(ROW, c.datagrams, "datagrams",
		BF_COUNTER("bondfwd_exporter_datagrams", NULL, "Datagrams that were sent.")),
	BF_FIELD_AS(ROW, c.bytes, "bytes",
		BF_COUNTER("bondfwd_exporter_send", "bytes", "Bytes in these, without headers.")),
	COUNT(unsent, NULL, "Datagrams that the host's kernel did not take."),
	COUNT(refused, NULL, "Times that the collector's host said that nobody listens."),
	BF_FIELD(ROW, is_ipfix, .text_only = true),
	BF_FIELD(ROW, options, .table = &bf_options_table),
};

static const struct bf_table exporter_table = BF_TABLE("exporter", ROW, exporter_fields,
	.text = "{name}: {type} to {collector}, 1 of {sampling} frames\n"
		"  sampled {samples}, lost {lost}; {#is_ipfix}flows reported {flows}, in the table "
		"{flow_entries}{/is_ipfix}{^is_ipfix}reports of counters {counter_samples}{/is_ipfix}\n"
		"  datagrams sent {datagrams} ({bytes} bytes), not taken by the host {unsent}, refused "
		"by the collector {refused}\n");

static void
gather_exporter(
	struct bf_bridge *br, const struct bf_exporter_config *c, ROW *row, struct bf_snapshot *s)
{
	BF_ROW_TEXT(row->name, c->name);
	row->type = c->type == BF_EXPORTER_SFLOW ? "sflow" : "ipfix";
	row->is_ipfix = c->type == BF_EXPORTER_IPFIX;
	BF_ROW_TEXT(row->collector, c->collector);
	row->sampling = c->sampling;
	bf_exporters_count(br, c->name, &row->c);
	bf_gather_options(bf_exporter_keys, bf_n_exporter_keys, c, &row->options, s);
}

static void
gather_exporters(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	const struct bf_config *c = br->running;

	for (uint32_t i = 0; i < c->n_exporters; i++) {
		const struct bf_exporter_config *e = &c->exporters[i];

		if (only == NULL || strcmp(e->name, only) == 0)
			gather_exporter(br, e, bf_rows_add(s, &s->rows, sizeof(ROW)), s);
	}
}

const struct bf_show bf_show_exporters = {.table = &exporter_table,
	.gather = gather_exporters,
	.named_is_one = true,
	.metrics = true,
	.endpoint = "exporters"};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show port module_eeprom: pluggable modules, firmware, flow control and FEC of devices, as far as their
 * drivers tell.  Reading a module takes milliseconds: this is not among the metrics.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "control/bond/optics.h"
#include "control/bridge.h"
#include "control/snapshot/port_ref.h"
#include "control/snapshot/snapshot.h"

struct lane_row {
	uint32_t lane;
	double bias_ma, tx_mw, tx_dbm, rx_mw, rx_dbm;
};

static const struct bf_field lane_fields[] = {
	BF_FIELD(struct lane_row, lane),
	BF_FIELD(struct lane_row, bias_ma),
	BF_FIELD(struct lane_row, tx_mw),
	BF_FIELD(struct lane_row, tx_dbm),
	BF_FIELD(struct lane_row, rx_mw),
	BF_FIELD(struct lane_row, rx_dbm),
};

static const struct bf_table lane_table = BF_TABLE("lane", struct lane_row, lane_fields,
	.text = "Lane {lane}: bias {bias_ma:.2} mA, sent {tx_dbm:.2} dBm ({tx_mw:.4} mW), received "
		"{rx_dbm:.2} dBm ({rx_mw:.4} mW)\n");

struct module_row {
	uint32_t id;
	char name[BF_DEV_NAME_MAX], firmware[64];
	const char *flow_control, *fec, *kind;
	struct bf_optics o;
	bool has_module, has_values;
	struct bf_rows lanes;
};

#define ROW struct module_row
#define MODULE BF_WHEN(ROW, has_module)
#define VALUES BF_WHEN(ROW, has_values)

static const struct bf_field module_fields[] = {
	BF_FIELD(ROW, id),
	BF_FIELD(ROW, name),
	BF_FIELD(ROW, firmware),
	BF_FIELD(ROW, flow_control),
	BF_FIELD(ROW, fec),
	BF_FIELD(ROW, has_module, .text_only = true),
	BF_FIELD(ROW, has_values, .text_only = true),
	BF_FIELD_AS(ROW, kind, "module"),
	BF_FIELD_AS(ROW, o.vendor, "vendor", MODULE),
	BF_FIELD_AS(ROW, o.part, "part", MODULE),
	BF_FIELD_AS(ROW, o.serial, "serial", MODULE),
	BF_FIELD_AS(ROW, o.celsius, "temperature_celsius", VALUES),
	BF_FIELD_AS(ROW, o.volts, "supply_volts", VALUES),
	BF_FIELD(ROW, lanes, .table = &lane_table),
};

static const struct bf_table module_table = BF_TABLE("module", ROW, module_fields,
	.text = "\n********************* Module of port {id}  *********************\n"
		"Device name: {name}\n"
		"Firmware: {#firmware}{firmware}{/firmware}{^firmware}unknown{/firmware}\n"
		"Flow control: {flow_control}\nFEC: {fec}\n"
		"{#has_module}Module: {module}, {vendor} {part}, serial {serial}\n"
		"{#has_values}Temperature: {temperature_celsius:.1} C\nSupply: {supply_volts:.3} V\n"
		"{lanes}{/has_values}"
		"{^has_values}It gives no calibrated values.\n{/has_values}{/has_module}"
		"{^has_module}Module: none, or the driver does not tell\n{/has_module}");

static const char *
flow_control_of(uint16_t port)
{
	static const char *const names[] = {
		[RTE_ETH_FC_NONE] = "none",
		[RTE_ETH_FC_RX_PAUSE] = "rx",
		[RTE_ETH_FC_TX_PAUSE] = "tx",
		[RTE_ETH_FC_FULL] = "full",
	};
	struct rte_eth_fc_conf conf = {0};

	if (rte_eth_dev_flow_ctrl_get(port, &conf) != 0 || (size_t)conf.mode >= RTE_DIM(names))
		return "unknown";
	return names[conf.mode];
}

static const char *
fec_of(uint16_t port)
{
	uint32_t mode = 0;

	if (rte_eth_fec_get(port, &mode) != 0)
		return "unknown";
	if (mode & RTE_ETH_FEC_MODE_CAPA_MASK(RS))
		return "RS";
	if (mode & RTE_ETH_FEC_MODE_CAPA_MASK(BASER))
		return "BASER";
	return mode & RTE_ETH_FEC_MODE_CAPA_MASK(AUTO) ? "auto" : "none";
}

static void
gather_lanes(const struct bf_optics *o, struct bf_rows *rows, struct bf_snapshot *s)
{
	for (unsigned int i = 0; i < o->n_lanes; i++) {
		struct lane_row *row = bf_rows_add(s, rows, sizeof(*row));

		row->lane = i + 1;
		row->bias_ma = o->bias_ma[i];
		row->tx_mw = o->tx_mw[i];
		row->tx_dbm = bf_optics_dbm(o->tx_mw[i]);
		row->rx_mw = o->rx_mw[i];
		row->rx_dbm = bf_optics_dbm(o->rx_mw[i]);
	}
}

static void
gather_device(const struct bf_port_ref *r, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, &s->rows, sizeof(*row));

	row->id = r->id;
	BF_ROW_TEXT(row->name, r->name);
	if (rte_eth_dev_fw_version_get(r->ethdev, row->firmware, sizeof(row->firmware)) != 0)
		row->firmware[0] = '\0';
	row->flow_control = flow_control_of(r->ethdev);
	row->fec = fec_of(r->ethdev);
	row->has_module = bf_optics_ask(r->ethdev, &row->o) == 0;
	row->kind = row->has_module ? row->o.kind : NULL;
	row->has_values = row->has_module && row->o.has_values;
	if (row->has_values)
		gather_lanes(&row->o, &row->lanes, s);
}

static void
gather_modules(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct bf_port_ref r;

	for (unsigned int id = 0; id < BF_MAX_PORT_IDS; id++)
		if (bf_port_ref_at(br, id, &r) && r.kind == BF_REF_ETHDEV &&
			(only == NULL || bf_port_ref_is(&r, only)))
			gather_device(&r, s);
}

const struct bf_show bf_show_modules = {.table = &module_table, .gather = gather_modules};

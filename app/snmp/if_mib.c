/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IF-MIB (RFC 2863): a row for each port.
 *
 * The switch does not count unicast, multicast and broadcast apart at its ports: ifInUcastPkts and its like have
 * them all, and the columns of the others are left out.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snmp/mibs.h"

#define MBPS 1000000u

enum {
	TYPE_OTHER = 1,
	TYPE_ETHERNET = 6,
	TYPE_LAG = 161
};
enum {
	STATUS_UP = 1,
	STATUS_DOWN = 2,
	STATUS_NOT_PRESENT = 6
};
enum {
	TRUTH_TRUE = 1,
	TRUTH_FALSE = 2
};

/* What is not in a port as it goes out. */
struct interface {
	uint32_t index; /* first */
	struct bf_snmp_port port;
	uint64_t if_index, type, speed, admin, oper, traps, connector, discontinuity;
};

#define COLUMN(number, type, field) \
	{ \
		number, BF_SNMP_##type, offsetof(struct interface, field) \
	}

static const struct bf_snmp_column if_columns[] = {
	COLUMN(1, INTEGER, if_index),
	COLUMN(2, TEXT, port.descr),
	COLUMN(3, INTEGER, type),
	COLUMN(4, INTEGER, port.mtu),
	COLUMN(5, GAUGE, speed),
	COLUMN(6, ADDRESS, port.mac),
	COLUMN(7, INTEGER, admin),
	COLUMN(8, INTEGER, oper),
	COLUMN(10, COUNTER, port.in_bytes),
	COLUMN(11, COUNTER, port.in_frames),
	COLUMN(13, COUNTER, port.in_discards),
	COLUMN(14, COUNTER, port.in_errors),
	COLUMN(16, COUNTER, port.out_bytes),
	COLUMN(17, COUNTER, port.out_frames),
	COLUMN(19, COUNTER, port.out_discards),
	COLUMN(20, COUNTER, port.out_errors),
};

static const struct bf_snmp_column ifx_columns[] = {
	COLUMN(1, TEXT, port.name),
	COLUMN(6, COUNTER64, port.in_bytes),
	COLUMN(7, COUNTER64, port.in_frames),
	COLUMN(10, COUNTER64, port.out_bytes),
	COLUMN(11, COUNTER64, port.out_frames),
	COLUMN(14, INTEGER, traps),
	COLUMN(15, GAUGE, port.speed_mbps),
	COLUMN(17, INTEGER, connector),
	COLUMN(18, TEXT, port.label),
	COLUMN(19, TICKS, discontinuity),
};

static void
interface_fill(const struct bf_snmp_port *p, struct interface *i)
{
	*i = (struct interface){.index = p->index, .port = *p, .if_index = p->index};
	i->type = p->kind == BF_SNMP_BOND ? TYPE_LAG : TYPE_ETHERNET;
	i->speed = p->speed_mbps * MBPS;
	i->admin = p->is_off ? STATUS_DOWN : STATUS_UP;
	i->oper = p->is_missing ? STATUS_NOT_PRESENT : p->is_up ? STATUS_UP : STATUS_DOWN;
	i->traps = TRUTH_TRUE; /* ifLinkUpDownTrapEnable: enabled(1) */
	i->connector = p->kind == BF_SNMP_MEMBER ? TRUTH_TRUE : TRUTH_FALSE;
}

static void
write_interfaces(const struct bf_snmp_writer *w, const struct bf_snmp_ports *p, const char *entry,
	const struct bf_snmp_column *columns, unsigned int n_columns)
{
	struct interface *rows = calloc(p->n + 1, sizeof(*rows));

	if (rows == NULL) {
		bf_out_error(w->out, "out of memory");
		return;
	}
	for (unsigned int i = 0; i < p->n; i++)
		interface_fill(&p->list[i], &rows[i]);
	bf_snmp_table(w, entry, columns, n_columns, rows, p->n, sizeof(*rows));
	free(rows);
}

void
bf_snmp_interfaces(const struct bf_snmp_writer *w, const struct bf_snmp_ports *p)
{
	uint64_t number = p->n;

	bf_snmp_put(w, BF_SNMP_INTERFACES ".1.0", BF_SNMP_INTEGER, &number);
	write_interfaces(w, p, BF_SNMP_INTERFACES ".2.1", if_columns,
		sizeof(if_columns) / sizeof(if_columns[0]));
}

void
bf_snmp_ifx(const struct bf_snmp_writer *w, const struct bf_snmp_ports *p)
{
	write_interfaces(w, p, BF_SNMP_IF_MIB ".1.1.1", ifx_columns,
		sizeof(ifx_columns) / sizeof(ifx_columns[0]));
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows of SNMP: an OID, a type and a value, in the words of net-snmp's pass_persist.
 *
 * A table of a MIB is an array of rows in ascending order of their index, and an array of columns that say where
 * in a row a value is and as what it goes out.  SNMP's order is column by column.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_SNMP_WRITE_H
#define BF_APP_SNMP_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "console/out.h"

#define BF_SNMP_OID_SIZE 64

/** How a value goes out, and what it is in a row. */
enum bf_snmp_type {
	BF_SNMP_INTEGER, /* uint64_t; at most INT32_MAX */
	BF_SNMP_GAUGE, /* uint64_t; at most UINT32_MAX */
	BF_SNMP_COUNTER, /* uint64_t, its low 32 bits */
	BF_SNMP_COUNTER64, /* uint64_t */
	BF_SNMP_TICKS, /* uint64_t, hundredths of a second */
	BF_SNMP_TEXT, /* char[] */
	BF_SNMP_MAC, /* uint8_t[6] */
	BF_SNMP_ADDRESS, /* the same; without octets when it is zero */
	BF_SNMP_STATE, /* uint64_t, the octet of LACP's state, as BITS: the lowest bit comes first */
};

struct bf_snmp_column {
	uint16_t number;
	uint8_t type; /* enum bf_snmp_type */
	uint16_t offset; /* in the row */
};

/** Where rows go. */
struct bf_snmp_writer {
	struct bf_out *out;
	const char *below; /* only rows of this OID and below it; NULL: all */
};

/** Begin and end the list of rows. */
void bf_snmp_begin(const struct bf_snmp_writer *w, const char *key);
void bf_snmp_end(const struct bf_snmp_writer *w);

/** One row: the value at @p at, which has the form that @p type says. */
void bf_snmp_put(
	const struct bf_snmp_writer *w, const char *oid, enum bf_snmp_type type, const void *at);

/** One row with octets, at most 16. */
void bf_snmp_put_octets(
	const struct bf_snmp_writer *w, const char *oid, const uint8_t *octets, size_t n);

/**
 * All rows of a table.
 *
 * @param entry
 *   OID of the table's entry.
 * @param rows
 *   Each begins with its index, an uint32_t.
 */
void bf_snmp_table(const struct bf_snmp_writer *w, const char *entry,
	const struct bf_snmp_column *columns, unsigned int n_columns, const void *rows,
	unsigned int n_rows, size_t row_size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The database file of Open vSwitch: a log of JSON records (RFC 7047), read from its beginning to what
 * the tables hold at its end.
 *
 * Threads: one.
 */
#ifndef BF_IMPORT_OVSDB_H
#define BF_IMPORT_OVSDB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/** Most elements of a set or a map, and most bytes of a record. */
#define BF_OVSDB_ITEMS_MAX 10000
#define BF_OVSDB_RECORD_MAX (64UL << 20)

/**
 * Read a file of the database Open_vSwitch.
 *
 * @return
 *   {TABLE: {UUID: {COLUMN: value}}} of the tables that an import looks at, to be given back with
 *   json_decref(). A column that has its default is not in its row. NULL with the file, the record and
 *   what is wrong with it in @p err.
 */
json_t *bf_ovsdb_read(const char *path, struct bf_err *err);

/** The row that a reference names; NULL: none does. */
json_t *bf_ovsdb_row(const json_t *db, const char *table, const json_t *ref);

/** A column of one string; "": it has none. */
const char *bf_ovsdb_text(const json_t *row, const char *column);
bool bf_ovsdb_flag(const json_t *row, const char *column);

/** @return false: the column has no number. */
bool bf_ovsdb_number(const json_t *row, const char *column, int64_t *value);

/** @return false: the element is no VLAN of 0 to 4094; @p vlan is 0 then. */
bool bf_ovsdb_vlan(const json_t *item, int64_t *vlan);

/** Elements of a column that is a set, by their number; one that stands alone is a set of one. */
size_t bf_ovsdb_count(const json_t *row, const char *column);
json_t *bf_ovsdb_item(const json_t *row, const char *column, size_t i);

/** Value of a key in a column that is a map of strings; NULL: the key is not there. */
const char *bf_ovsdb_entry(const json_t *row, const char *column, const char *key);

/** The pairs of such a column by their number; what is no string in one is "". @return false: no more. */
bool bf_ovsdb_pair(
	const json_t *row, const char *column, size_t i, const char **key, const char **value);

#endif

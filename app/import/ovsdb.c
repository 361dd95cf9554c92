/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reads the log of a database of Open vSwitch.
 *
 * Theory of operation: the first record is the schema, each further one a transaction: rows by table and
 * UUID, null for a row that was deleted, and of a row only the columns that changed. A transaction with
 * _is_diff gives, for columns of rows that exist, the difference: elements that a set gained or lost, and
 * pairs of a map that were added, changed, or (with the old value) removed. Columns of at most one value
 * are replaced. Only the schema says which columns may have several.
 *
 * Threads: one.
 */
#include "import/ovsdb.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/vlan_set.h"
#include "import/sha1.h"

#define DATABASE "Open_vSwitch"
#define MAGIC "OVSDB JSON "

struct reading {
	const char *path;
	FILE *file;
	unsigned int n; /* records so far */
	json_t *schema;
	json_t *db;
	struct bf_err *err;
};

static const char *const tables[] = {DATABASE, "Bridge", "Port", "Interface", "QoS", "Mirror",
	"sFlow", "IPFIX", "NetFlow", "Controller"};

/* Everything that is wrong with a record. @return false */
static bool __attribute__((format(printf, 2, 3)))
record_refuse(const struct reading *r, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	(void)bf_err_set(r->err, EINVAL, "%.200s: record %u: %s", r->path, r->n, why);
	return false;
}

/* Sets and maps: ["set", [...]], ["map", [[key, value], ...]]. NULL: it is something else */
static json_t *
items_of(const json_t *value, const char *kind)
{
	const char *word = json_string_value(json_array_get(value, 0));
	json_t *items = json_array_get(value, 1);

	if (json_array_size(value) != 2 || word == NULL || strcmp(word, kind) != 0)
		return NULL;
	return json_is_array(items) ? items : NULL;
}

/* A set in its long form; a reference to be json_decref()ed. */
static json_t *
items_copy(const json_t *value, const char *kind)
{
	json_t *items = items_of(value, kind), *copy = json_array();

	if (items != NULL)
		json_array_extend(copy, items);
	else if (value != NULL && strcmp(kind, "set") == 0)
		json_array_append(copy, (json_t *)(uintptr_t)value);
	return copy;
}

/* Where an element, or a pair with the key of this one, stands; the number of elements: nowhere */
static size_t
item_find(const json_t *items, const json_t *item, bool is_map)
{
	size_t n = json_array_size(items), i;

	for (i = 0; i < n; i++) {
		const json_t *other = json_array_get(items, i);

		if (is_map ? json_equal(json_array_get(other, 0), json_array_get(item, 0))
			   : json_equal(other, item))
			break;
	}
	return i;
}

/* @return false: too many */
static bool
column_change(json_t *row, const char *name, const json_t *diff, bool is_map)
{
	const char *kind = is_map ? "map" : "set";
	json_t *items = items_copy(json_object_get(row, name), kind);
	json_t *changes = items_copy(diff, kind), *item;
	size_t i;
	bool fits = json_array_size(changes) <= BF_OVSDB_ITEMS_MAX;

	for (size_t k = 0; fits && k < json_array_size(changes); k++) {
		item = json_array_get(changes, k);
		i = item_find(items, item, is_map);
		if (i == json_array_size(items))
			json_array_append(items, item);
		else if (!is_map || json_equal(json_array_get(items, i), item))
			json_array_remove(items, i);
		else
			json_array_set(items, i, item);
		fits = json_array_size(items) <= BF_OVSDB_ITEMS_MAX;
	}
	json_object_set_new(row, name, json_pack("[so]", kind, items));
	json_decref(changes);
	return fits;
}

/* Whether a column holds several values: only then is there a difference to apply. */
static bool
is_composite(const json_t *type, bool *is_map)
{
	const json_t *max = json_object_get(type, "max");

	*is_map = json_object_get(type, "value") != NULL;
	return json_is_string(max) || json_integer_value(max) > 1;
}

static bool
columns_take(const struct reading *r, const char *table, json_t *row, json_t *columns, bool is_diff)
{
	const json_t *known = json_object_get(json_object_get(r->schema, table), "columns");
	const char *name;
	json_t *value;
	bool is_map;

	json_object_foreach(columns, name, value)
	{
		const json_t *type = json_object_get(json_object_get(known, name), "type");

		if (type == NULL)
			return record_refuse(
				r, "%s.%.40s: expected a column of the schema", table, name);
		if (!is_diff || !is_composite(type, &is_map)) {
			if (json_array_size(json_array_get(value, 1)) > BF_OVSDB_ITEMS_MAX)
				return record_refuse(r, "%s.%s: expected at most %d values", table,
					name, BF_OVSDB_ITEMS_MAX);
			json_object_set(row, name, value);
		} else if (!column_change(row, name, value, is_map)) {
			return record_refuse(r, "%s.%s: expected at most %d values", table, name,
				BF_OVSDB_ITEMS_MAX);
		}
	}
	return true;
}

static bool
rows_take(const struct reading *r, const char *table, json_t *rows, bool is_diff)
{
	json_t *have = json_object_get(r->db, table), *columns, *row;
	const char *uuid;

	if (!json_is_object(rows))
		return record_refuse(r, "%s: expected an object of rows", table);
	json_object_foreach(rows, uuid, columns)
	{
		row = json_object_get(have, uuid);
		if (json_is_null(columns)) {
			json_object_del(have, uuid);
			continue;
		}
		if (!json_is_object(columns))
			return record_refuse(r, "%s %.40s: expected a row or null", table, uuid);
		if (row == NULL) {
			row = json_object();
			json_object_set_new(have, uuid, row);
			if (!columns_take(r, table, row, columns, false))
				return false;
		} else if (!columns_take(r, table, row, columns, is_diff)) {
			return false;
		}
	}
	return true;
}

static bool
schema_take(struct reading *r, json_t *record)
{
	const char *name = json_string_value(json_object_get(record, "name"));
	json_t *known = json_object_get(record, "tables");

	if (name == NULL || !json_is_object(known))
		return record_refuse(r, "expected a schema with name and tables");
	if (strcmp(name, DATABASE) != 0)
		return record_refuse(r, "schema \"%.40s\": expected " DATABASE, name);
	r->schema = json_incref(known);
	return true;
}

static bool
record_take(struct reading *r, json_t *record)
{
	bool is_diff = json_is_true(json_object_get(record, "_is_diff"));

	if (!json_is_object(record))
		return record_refuse(r, "expected an object");
	if (r->n == 1)
		return schema_take(r, record);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		json_t *rows = json_object_get(record, tables[i]);

		if (rows != NULL && !rows_take(r, tables[i], rows, is_diff))
			return false;
	}
	return true;
}

/* "OVSDB JSON LENGTH HASH" */
static bool
header_parse(const char *line, unsigned long *len, char hash[BF_SHA1_TEXT_MAX])
{
	char *end;

	if (strncmp(line, MAGIC, strlen(MAGIC)) != 0 ||
		!isdigit((unsigned char)line[strlen(MAGIC)]))
		return false;
	*len = strtoul(line + strlen(MAGIC), &end, 10);
	if (*end++ != ' ' || strspn(end, "0123456789abcdef") != BF_SHA1_TEXT_MAX - 1 ||
		end[BF_SHA1_TEXT_MAX - 1] != '\n')
		return false;
	snprintf(hash, BF_SHA1_TEXT_MAX, "%s", end);
	return true;
}

/* The line in front of a record. @return 1, 0 at the end of the file, -1 with the error */
static int
header_read(struct reading *r, size_t *len, char hash[BF_SHA1_TEXT_MAX])
{
	char line[128];
	unsigned long n;

	if (fgets(line, sizeof(line), r->file) == NULL)
		return ferror(r->file) ? -1 : 0;
	r->n++;
	if (strncmp(line, "OVSDB CLUSTER ", 14) == 0) {
		record_refuse(r,
			"is of a cluster: expected a database that stands alone: "
			"`ovsdb-tool cluster-to-standalone NEW FILE` makes one");
		return -1;
	}
	if (!header_parse(line, &n, hash)) {
		record_refuse(r,
			"expected \"OVSDB JSON LENGTH HASH\": is no database of Open vSwitch, "
			"or damaged");
		return -1;
	}
	if (n == 0 || n > BF_OVSDB_RECORD_MAX) {
		record_refuse(r, "length \"%lu\": expected 1 to %lu bytes", n, BF_OVSDB_RECORD_MAX);
		return -1;
	}
	*len = n;
	return 1;
}

/* @return the record, NULL with the error */
static json_t *
body_read(struct reading *r, size_t len, const char *hash)
{
	char *text = malloc(len), found[BF_SHA1_TEXT_MAX];
	size_t got = text != NULL ? fread(text, 1, len, r->file) : 0;
	json_t *record = NULL;
	json_error_t why;

	if (text == NULL) {
		record_refuse(r, "length %zu: out of memory", len);
	} else if (got != len) {
		record_refuse(r, "expected %zu bytes, the file ends after %zu of them", len, got);
	} else {
		bf_sha1_text(text, len, found);
		if (strcmp(found, hash) != 0)
			record_refuse(r, "hash %s: expected %s: the file is damaged", found, hash);
		else if ((record = json_loadb(text, len, 0, &why)) == NULL)
			record_refuse(r, "line %d: %.120s", why.line, why.text);
	}
	free(text);
	return record;
}

static bool
log_read(struct reading *r)
{
	char hash[BF_SHA1_TEXT_MAX];
	size_t len = 0;
	int ret;
	bool good = true;

	while (good && (ret = header_read(r, &len, hash)) != 0) {
		json_t *record = ret > 0 ? body_read(r, len, hash) : NULL;

		good = record != NULL && record_take(r, record);
		json_decref(record);
	}
	if (good && r->n == 0)
		good = record_refuse(r, "the file is empty: expected a database of Open vSwitch");
	return good;
}

json_t *
bf_ovsdb_read(const char *path, struct bf_err *err)
{
	struct reading r = {.path = path, .err = err, .db = json_object()};
	struct stat st;
	bool good;

	(void)bf_err_set(err, EIO, "%.200s: cannot be read", path);
	r.file = fopen(path, "re");
	if (r.file == NULL || fstat(fileno(r.file), &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)bf_err_set(err, EINVAL, "%.200s: %s", path,
			r.file == NULL ? strerror(errno) : "expected a regular file");
		if (r.file != NULL)
			(void)fclose(r.file);
		json_decref(r.db);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		json_object_set_new(r.db, tables[i], json_object());
	good = log_read(&r);
	(void)fclose(r.file);
	json_decref(r.schema);
	if (good)
		return r.db;
	json_decref(r.db);
	return NULL;
}

json_t *
bf_ovsdb_row(const json_t *db, const char *table, const json_t *ref)
{
	const char *kind = json_string_value(json_array_get(ref, 0));
	const char *uuid = json_string_value(json_array_get(ref, 1));

	if (kind == NULL || uuid == NULL || strcmp(kind, "uuid") != 0)
		return NULL;
	return json_object_get(json_object_get(db, table), uuid);
}

/* The one value of a column; optional ones are a set when they are empty. */
static json_t *
value_of(const json_t *row, const char *column)
{
	return bf_ovsdb_count(row, column) == 1 ? bf_ovsdb_item(row, column, 0) : NULL;
}

const char *
bf_ovsdb_text(const json_t *row, const char *column)
{
	const char *text = json_string_value(value_of(row, column));

	return text != NULL ? text : "";
}

bool
bf_ovsdb_flag(const json_t *row, const char *column)
{
	return json_is_true(value_of(row, column));
}

bool
bf_ovsdb_number(const json_t *row, const char *column, int64_t *value)
{
	const json_t *v = value_of(row, column);

	*value = json_integer_value(v);
	return json_is_integer(v);
}

bool
bf_ovsdb_vlan(const json_t *item, int64_t *vlan)
{
	int64_t n = json_integer_value(item);
	bool is_vlan = json_is_integer(item) && n >= 0 && n <= BF_VLAN_MAX;

	*vlan = is_vlan ? n : 0;
	return is_vlan;
}

size_t
bf_ovsdb_count(const json_t *row, const char *column)
{
	const json_t *value = json_object_get(row, column), *items = items_of(value, "set");

	return items != NULL ? json_array_size(items) : value != NULL;
}

json_t *
bf_ovsdb_item(const json_t *row, const char *column, size_t i)
{
	json_t *value = json_object_get(row, column), *items = items_of(value, "set");

	if (items != NULL)
		return json_array_get(items, i);
	return i == 0 ? value : NULL;
}

bool
bf_ovsdb_pair(const json_t *row, const char *column, size_t i, const char **key, const char **value)
{
	const json_t *items = items_of(json_object_get(row, column), "map");
	const json_t *pair = json_array_get(items, i);

	*key = json_string_value(json_array_get(pair, 0));
	*value = json_string_value(json_array_get(pair, 1));
	*key = *key != NULL ? *key : "";
	*value = *value != NULL ? *value : "";
	return i < json_array_size(items);
}

const char *
bf_ovsdb_entry(const json_t *row, const char *column, const char *key)
{
	const char *k, *value;

	for (size_t i = 0; bf_ovsdb_pair(row, column, i, &k, &value); i++)
		if (strcmp(k, key) == 0)
			return value;
	return NULL;
}

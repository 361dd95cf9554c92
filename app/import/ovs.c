/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The order of an import, and what all its parts use.
 *
 * Threads: one.
 */
#include "import/ovs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "import/ovsdb.h"

void
bf_ovs_option(char *options, size_t size, const char *fmt, ...)
{
	size_t len = strlen(options);
	va_list ap;

	if (len > 0 && len + 1 < size)
		options[len++] = ',';
	va_start(ap, fmt);
	vsnprintf(options + len, size - len, fmt, ap);
	va_end(ap);
}

bool
bf_ovs_entry_number(struct bf_ovs *o, const char *who, const json_t *row, const char *column,
	const char *key, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *text = bf_ovsdb_entry(row, column, key);
	struct bf_err err;

	if (text == NULL)
		return false;
	if (bf_parse_u64(key, text, min, max, value, &err) == 0)
		return true;
	bf_draft_lost(o->d, "%s: %s", who, err.text);
	return false;
}

static bool
is_among(const char *key, const char *const words[])
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], key) == 0)
			return true;
	return false;
}

void
bf_ovs_rest(struct bf_ovs *o, const char *who, const json_t *row, const char *column,
	const char *const read[])
{
	const char *key, *value;

	for (size_t i = 0; bf_ovsdb_pair(row, column, i, &key, &value); i++)
		if (!is_among(key, read))
			bf_draft_lost(
				o->d, "%s: %s:%s=%s: no counterpart", who, column, key, value);
}

static void
switch_write(struct bf_ovs *o, const char *path)
{
	bf_ovs_head(o, path);
	bf_draft_blank(o->d);
	bf_draft_line(o->d,
		"# Open vSwitch guards no port: docs/guards.md says what profile tenant adds.");
	bf_draft_line(o->d, "set profile default trusted");
	bf_ovs_bond(o);
	bf_ovs_guests(o);
	bf_ovs_bridge(o);
	bf_ovs_mirrors(o);
	bf_ovs_exporters(o);
	bf_draft_blank(o->d);
	bf_draft_line(o->d, "start");
}

int
bf_ovs_import(const char *path, const struct bf_ovs_wanted *wanted, struct bf_draft *d,
	struct bf_err *err)
{
	struct bf_ovs o = {.d = d};
	int ret = -EINVAL;

	o.db = bf_ovsdb_read(path, err);
	if (o.db == NULL)
		return -EINVAL;
	o.ports = calloc(BF_OVS_PORTS_MAX, sizeof(*o.ports));
	if (o.ports == NULL) {
		ret = bf_err_set(err, ENOMEM, "%.200s: out of memory", path);
	} else if (bf_ovs_collect(&o, wanted, err)) {
		switch_write(&o, path);
		ret = 0;
	}
	free(o.ports);
	json_decref(o.db);
	return ret;
}

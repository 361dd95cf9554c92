/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows of SNMP, as text and JSON.
 *
 * Text is one row in a line: OID, type, value.  The value is the rest of the line, so a text has no line end.
 *
 * Threads: ctx control.
 */
#include "snmp/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"

#define VALUE_SIZE 300

static const char *const type_names[] = {
	[BF_SNMP_INTEGER] = "integer",
	[BF_SNMP_GAUGE] = "gauge",
	[BF_SNMP_COUNTER] = "counter",
	[BF_SNMP_COUNTER64] = "counter64",
	[BF_SNMP_TICKS] = "timeticks",
	[BF_SNMP_TEXT] = "string",
	[BF_SNMP_MAC] = "octet",
	[BF_SNMP_ADDRESS] = "octet",
	[BF_SNMP_STATE] = "octet",
};

static bool
is_wanted(const struct bf_snmp_writer *w, const char *oid)
{
	size_t len = w->below == NULL ? 0 : strlen(w->below);

	return len == 0 ||
		(strncmp(oid, w->below, len) == 0 && (oid[len] == '.' || oid[len] == '\0'));
}

static void
row_put(const struct bf_snmp_writer *w, const char *oid, const char *type, const char *value)
{
	bf_out_printf(w->out, "%s %s %s\n", oid, type, value);
	bf_out_obj_begin(w->out, NULL);
	bf_out_str(w->out, "oid", oid);
	bf_out_str(w->out, "type", type);
	bf_out_str(w->out, "value", value);
	bf_out_obj_end(w->out);
}

void
bf_snmp_begin(const struct bf_snmp_writer *w, const char *key)
{
	bf_out_arr_begin(w->out, key);
}

void
bf_snmp_end(const struct bf_snmp_writer *w)
{
	bf_out_arr_end(w->out);
}

void
bf_snmp_put_octets(const struct bf_snmp_writer *w, const char *oid, const uint8_t *octets, size_t n)
{
	char text[3 * 16 + 1] = "";

	for (size_t i = 0; i < n && i < 16; i++)
		snprintf(&text[3 * i], 4, "%02x ", octets[i]);
	if (text[0] != '\0')
		text[strlen(text) - 1] = '\0';
	if (is_wanted(w, oid))
		row_put(w, oid, "octet", text);
}

static uint8_t
octet_turned(uint64_t bits)
{
	uint8_t turned = 0;

	for (unsigned int i = 0; i < 8; i++)
		turned |= (uint8_t)((bits >> i & 1) << (7 - i));
	return turned;
}

static void
text_put(const struct bf_snmp_writer *w, const char *oid, const char *text)
{
	char value[VALUE_SIZE];

	snprintf(value, sizeof(value), "%s", text);
	for (char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	row_put(w, oid, type_names[BF_SNMP_TEXT], value);
}

static void
number_put(const struct bf_snmp_writer *w, const char *oid, enum bf_snmp_type type, uint64_t value)
{
	uint64_t most = type == BF_SNMP_INTEGER ? INT32_MAX : UINT32_MAX;
	char text[24];

	if (type == BF_SNMP_COUNTER || type == BF_SNMP_TICKS)
		value &= UINT32_MAX;
	else if (type != BF_SNMP_COUNTER64 && value > most)
		value = most;
	snprintf(text, sizeof(text), "%" PRIu64, value);
	row_put(w, oid, type_names[type], text);
}

void
bf_snmp_put(const struct bf_snmp_writer *w, const char *oid, enum bf_snmp_type type, const void *at)
{
	uint8_t turned;

	if (!is_wanted(w, oid))
		return;
	switch (type) {
	case BF_SNMP_TEXT:
		text_put(w, oid, at);
		break;
	case BF_SNMP_MAC:
		bf_snmp_put_octets(w, oid, at, 6);
		break;
	case BF_SNMP_ADDRESS:
		bf_snmp_put_octets(w, oid, at, bf_mac_is_zero(at) ? 0 : 6);
		break;
	case BF_SNMP_STATE:
		turned = octet_turned(*(const uint64_t *)at);
		bf_snmp_put_octets(w, oid, &turned, 1);
		break;
	default:
		number_put(w, oid, type, *(const uint64_t *)at);
	}
}

/* Rows of a column that nobody asked for are not even looked at. */
static bool
is_column_wanted(const struct bf_snmp_writer *w, const char *column)
{
	size_t len = strlen(column);

	return is_wanted(w, column) ||
		(strncmp(column, w->below, len) == 0 && w->below[len] == '.');
}

void
bf_snmp_table(const struct bf_snmp_writer *w, const char *entry,
	const struct bf_snmp_column *columns, unsigned int n_columns, const void *rows,
	unsigned int n_rows, size_t row_size)
{
	char column[BF_SNMP_OID_SIZE], oid[BF_SNMP_OID_SIZE + 16];

	for (unsigned int c = 0; c < n_columns; c++) {
		snprintf(column, sizeof(column), "%s.%u", entry, columns[c].number);
		for (unsigned int i = 0; is_column_wanted(w, column) && i < n_rows; i++) {
			const char *row = (const char *)rows + i * row_size;
			uint32_t index;

			memcpy(&index, row, sizeof(index));
			snprintf(oid, sizeof(oid), "%s.%" PRIu32, column, index);
			bf_snmp_put(w, oid, columns[c].type, row + columns[c].offset);
		}
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fields of what `show` gathers, by their names.
 *
 * Threads: ctx control.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "console/render.h"
#include "snmp/ports.h"

static void
field_read(const struct bf_table *t, const void *row, const char *field, struct bf_value *v)
{
	const struct bf_field *f = bf_table_field(t, field, strlen(field));

	assert(f != NULL);
	*v = (struct bf_value){.kind = BF_VALUE_NONE};
	if (f != NULL)
		bf_value_of(f, row, v);
}

uint64_t
bf_snmp_number(const struct bf_table *t, const void *row, const char *field)
{
	struct bf_value v;

	field_read(t, row, field, &v);
	return v.kind == BF_VALUE_UNSIGNED ? v.u
		: v.kind == BF_VALUE_BOOL  ? v.b
					   : (uint64_t)bf_value_number(&v);
}

void
bf_snmp_text(const struct bf_table *t, const void *row, const char *field, char *buf, size_t size)
{
	struct bf_value v;

	field_read(t, row, field, &v);
	snprintf(buf, size, "%s", v.kind == BF_VALUE_TEXT ? v.text : "");
}

void
bf_snmp_mac(const struct bf_table *t, const void *row, const char *field, uint8_t mac[6])
{
	char text[32];

	bf_snmp_text(t, row, field, text, sizeof(text));
	if (bf_parse_mac(field, text, true, mac, NULL) != 0)
		memset(mac, 0, 6);
}

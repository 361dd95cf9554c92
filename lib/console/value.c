/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a field of a row holds.
 *
 * Threads: any (pure functions).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "console/render.h"

bool
bf_field_is_there(const struct bf_field *f, const void *row)
{
	return f->when == 0 || *((const bool *)row + f->when - 1);
}

const struct bf_field *
bf_table_field(const struct bf_table *t, const char *name, size_t len)
{
	for (unsigned int i = 0; i < t->n_fields; i++)
		if (strlen(t->fields[i].name) == len && memcmp(t->fields[i].name, name, len) == 0)
			return &t->fields[i];
	return NULL;
}

static void
read_unsigned(struct bf_value *v, const struct bf_field *f, uint64_t value)
{
	v->kind = f->hex ? BF_VALUE_TEXT : BF_VALUE_UNSIGNED;
	v->u = value;
	if (!f->hex)
		return;
	snprintf(v->buf, sizeof(v->buf), "0x%" PRIx64, value);
	v->text = v->buf;
}

static void
read_signed(struct bf_value *v, int64_t value)
{
	v->kind = BF_VALUE_SIGNED;
	v->i = value;
}

static void
read_text(struct bf_value *v, const char *text)
{
	v->kind = text == NULL ? BF_VALUE_NONE : BF_VALUE_TEXT;
	v->text = text;
}

void
bf_value_of(const struct bf_field *f, const void *row, struct bf_value *v)
{
	const void *at = (const char *)row + f->offset;

	*v = (struct bf_value){.kind = BF_VALUE_NONE};
	if (!bf_field_is_there(f, row))
		return;
	switch ((enum bf_field_type)f->type) {
	case BF_FIELD_U64:
		read_unsigned(v, f, *(const uint64_t *)at);
		break;
	case BF_FIELD_U32:
		read_unsigned(v, f, *(const uint32_t *)at);
		break;
	case BF_FIELD_U16:
		read_unsigned(v, f, *(const uint16_t *)at);
		break;
	case BF_FIELD_U8:
		read_unsigned(v, f, *(const uint8_t *)at);
		break;
	case BF_FIELD_I64:
		read_signed(v, *(const int64_t *)at);
		break;
	case BF_FIELD_INT:
		read_signed(v, *(const int *)at);
		break;
	case BF_FIELD_F64:
		v->kind = BF_VALUE_REAL;
		v->d = *(const double *)at;
		break;
	case BF_FIELD_BOOL:
		v->kind = BF_VALUE_BOOL;
		v->b = *(const bool *)at;
		break;
	case BF_FIELD_TEXT:
		read_text(v, *(const char *const *)at);
		break;
	case BF_FIELD_CHARS:
		read_text(v, at);
		break;
	case BF_FIELD_MAC:
		bf_mac_text(at, v->buf);
		read_text(v, v->buf);
		break;
	case BF_FIELD_HISTOGRAM:
	case BF_FIELD_ROWS:
	case BF_FIELD_PART:
	case BF_FIELD_TYPE_COUNT:
		break;
	}
}

double
bf_value_number(const struct bf_value *v)
{
	switch (v->kind) {
	case BF_VALUE_UNSIGNED:
		return (double)v->u;
	case BF_VALUE_SIGNED:
		return (double)v->i;
	case BF_VALUE_REAL:
		return v->d;
	case BF_VALUE_BOOL:
		return v->b;
	case BF_VALUE_NONE:
	case BF_VALUE_TEXT:
		break;
	}
	return 0;
}

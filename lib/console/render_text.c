/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows as text, by the templates of their tables.
 *
 * Templates are right: bf_table_check() says so in a test.  What is not is shown as "?".
 *
 * Threads: none of its own.
 */
#include <inttypes.h>
#include <string.h>

#include "console/render_parts.h"

/** A row in hand, and what is around it. */
struct scope {
	const struct scope *outer;
	const struct bf_table *table;
	const void *row;
	const struct bf_rows *rows; /* that the row is one of, or NULL */
	bool is_first;
	const struct bf_field *field; /* in hand, in `each` */
};

static void write_template(
	const char *text, const char *end, const struct scope *s, struct bf_out *out);

static bool
is_name(const struct bf_tag *tag, const char *name)
{
	return strlen(name) == tag->name_len && memcmp(tag->name, name, tag->name_len) == 0;
}

/* The field that a tag names, and the scope that it was found in; "list" of "list.n". */
static const struct bf_field *
find_field(const struct scope **s, const struct bf_tag *tag)
{
	size_t len = tag->name_len;
	const struct bf_field *f = NULL;

	if (len > 2 && memcmp(tag->name + len - 2, ".n", 2) == 0)
		len -= 2;
	for (; *s != NULL; *s = (*s)->outer) {
		if ((*s)->table != NULL)
			f = bf_table_field((*s)->table, tag->name, len);
		if (f != NULL)
			return f;
	}
	return NULL;
}

/* The text of the present field of `each`: {.name} {.value} {.help}. */
static void
read_own(const struct bf_tag *tag, const struct scope *s, struct bf_value *v)
{
	const struct bf_field *f = s->field;

	*v = (struct bf_value){.kind = BF_VALUE_TEXT, .text = "?"};
	if (is_name(tag, ".first"))
		*v = (struct bf_value){.kind = BF_VALUE_BOOL, .b = s->is_first};
	else if (is_name(tag, ".n") && s->rows != NULL)
		*v = (struct bf_value){.kind = BF_VALUE_UNSIGNED, .u = s->rows->n};
	else if (is_name(tag, ".") && s->table != NULL)
		bf_value_of(&s->table->fields[0], s->row, v);
	else if (f != NULL && is_name(tag, ".name"))
		v->text = f->name;
	else if (f != NULL && is_name(tag, ".help"))
		v->text = f->help;
	else if (f != NULL && is_name(tag, ".value"))
		bf_value_of(f, s->row, v);
}

/* What a tag stands for; @return its field where it is a list or a part, else NULL. */
static const struct bf_field *
read_tag(const struct bf_tag *tag, const struct scope **s, struct bf_value *v)
{
	const struct bf_field *f;

	if (tag->name[0] == '.') {
		read_own(tag, *s, v);
		return NULL;
	}
	f = find_field(s, tag);
	if (f == NULL) {
		*v = (struct bf_value){.kind = BF_VALUE_TEXT, .text = "?"};
		return NULL;
	}
	bf_value_of(f, (*s)->row, v);
	if (f->type != BF_FIELD_ROWS)
		return f->type == BF_FIELD_PART ? f : NULL;
	if (tag->name_len == strlen(f->name))
		return f;
	*v = (struct bf_value){.kind = BF_VALUE_UNSIGNED,
		.u = ((const struct bf_rows *)((const char *)(*s)->row + f->offset))->n};
	return NULL;
}

static void
write_value(const struct bf_tag *tag, const struct bf_value *v, struct bf_out *out)
{
	int width = tag->left ? -tag->width : tag->width;

	switch (v->kind) {
	case BF_VALUE_UNSIGNED:
		if (tag->hex)
			bf_out_printf(out, "%0*" PRIx64, tag->width, v->u);
		else
			bf_out_printf(out, "%*" PRIu64, width, v->u);
		break;
	case BF_VALUE_SIGNED:
		bf_out_printf(out, "%*" PRId64, width, v->i);
		break;
	case BF_VALUE_REAL:
		bf_out_printf(out, "%*.*f", width, tag->digits < 0 ? 6 : tag->digits, v->d);
		break;
	case BF_VALUE_BOOL:
		bf_out_printf(out, "%*s", width, v->b ? "yes" : "no");
		break;
	case BF_VALUE_TEXT:
	case BF_VALUE_NONE:
		bf_out_printf(out, "%*s", width, v->text == NULL ? "" : v->text);
		break;
	}
}

static bool
is_true(const struct bf_value *v)
{
	return v->kind == BF_VALUE_TEXT ? v->text[0] != '\0' : bf_value_number(v) != 0;
}

static void
write_fields(const struct bf_table *t, struct scope *s, struct bf_out *out)
{
	s->is_first = true;
	for (unsigned int i = 0; t->each != NULL && i < t->n_fields; i++) {
		s->field = &t->fields[i];
		if (!bf_field_is_there(s->field, s->row) || s->field->text_only)
			continue;
		write_template(t->each, t->each + strlen(t->each), s, out);
		s->is_first = false;
	}
	s->field = NULL;
}

/* A row by its table's own templates. */
static void
write_row(struct scope *s, struct bf_out *out)
{
	const struct bf_table *t = s->table;

	if (t->text != NULL)
		write_template(t->text, t->text + strlen(t->text), s, out);
	write_fields(t, s, out);
}

/* A list or a part; @p text NULL: by its own templates. */
static void
write_below(const struct bf_field *f, const struct scope *outer, const char *text, const char *end,
	struct bf_out *out)
{
	const void *at = (const char *)outer->row + f->offset;
	struct bf_rows part = {.n = bf_field_is_there(f, outer->row)};
	const struct bf_rows *rows = f->type == BF_FIELD_ROWS ? at : &part;
	struct scope s = {.outer = outer, .table = f->table, .rows = rows};

	if (text == NULL && f->table->head != NULL)
		bf_out_printf(out, "%s", f->table->head);
	for (uint32_t i = 0; i < rows->n; i++) {
		s.row = f->type == BF_FIELD_ROWS ? bf_rows_at(rows, i, f->table->row_size) : at;
		s.is_first = i == 0;
		if (text == NULL)
			write_row(&s, out);
		else
			write_template(text, end, &s, out);
	}
}

static bool
is_below_empty(const struct bf_field *f, const void *row)
{
	return !bf_field_is_there(f, row) ||
		(f->type == BF_FIELD_ROWS &&
			((const struct bf_rows *)((const char *)row + f->offset))->n == 0);
}

/* A tag, with its section if it begins one; @return what follows. */
static const char *
write_tag(const char *text, const struct scope *s, struct bf_out *out)
{
	const struct scope *at = s;
	const struct bf_field *below;
	const char *end, *next;
	struct bf_value v;
	struct bf_tag tag;

	next = bf_tag_read(text, &tag);
	if (next == NULL || tag.kind == BF_TAG_END)
		return text + strlen(text);
	below = read_tag(&tag, &at, &v);
	if (tag.kind == BF_TAG_VALUE) {
		if (below != NULL)
			write_below(below, at, NULL, NULL, out);
		else
			write_value(&tag, &v, out);
		return next;
	}
	end = bf_tag_section_end(next);
	if (end == NULL)
		return text + strlen(text);
	if (below != NULL && tag.kind == BF_TAG_SECTION)
		write_below(below, at, next, end, out);
	else if (below != NULL ? is_below_empty(below, at->row)
			       : is_true(&v) == (tag.kind == BF_TAG_SECTION))
		write_template(next, end, s, out);
	return strchr(end, '}') + 1;
}

static void
write_template(const char *text, const char *end, const struct scope *s, struct bf_out *out)
{
	const char *p = text;

	while (p < end) {
		size_t plain = strcspn(p, "{");

		if (plain > (size_t)(end - p))
			plain = (size_t)(end - p);
		bf_out_write(out, p, plain);
		p += plain;
		if (p < end)
			p = write_tag(p + 1, s, out);
	}
}

void
bf_render_text(const struct bf_table *t, const struct bf_rows *rows, struct bf_out *out)
{
	struct scope s = {.table = t, .rows = rows};

	if (t->head != NULL)
		bf_out_printf(out, "%s", t->head);
	for (uint32_t i = 0; i < rows->n; i++) {
		s.row = bf_rows_at(rows, i, t->row_size);
		s.is_first = i == 0;
		write_row(&s, out);
	}
}

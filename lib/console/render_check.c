/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Are tables well made?  Tests ask for every table that there is.
 *
 * Threads: any (pure functions).
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "console/render_parts.h"

/** A table in hand and those around it. */
struct place {
	const struct place *outer;
	const struct bf_table *table;
	bool in_each;
};

static int check_table(const struct bf_table *t, const struct place *outer, struct bf_err *err);

/* Behind "list.n" is the list. */
static const struct bf_field *
tag_find(const struct place *at, const struct bf_tag *tag)
{
	size_t len = tag->name_len;
	const struct bf_field *f = NULL;

	if (len > 2 && memcmp(tag->name + len - 2, ".n", 2) == 0)
		len -= 2;
	for (; at != NULL && f == NULL; at = at->outer)
		f = bf_table_field(at->table, tag->name, len);
	if (f != NULL && len < tag->name_len && f->type != BF_FIELD_ROWS)
		return NULL;
	return f;
}

static bool
is_own_name(const struct bf_tag *tag, bool in_each)
{
	static const char *const names[] = {".", ".n", ".first", ".name", ".value", ".help"};

	for (unsigned int i = 0; i < (in_each ? 6u : 3u); i++)
		if (strlen(names[i]) == tag->name_len &&
			memcmp(names[i], tag->name, tag->name_len) == 0)
			return true;
	return false;
}

static int check_template(
	const char *text, const char *end, const struct place *at, struct bf_err *err);

/* Inside a section of a list or a part its rows are in hand. */
static int
check_section(const char *from, const char *end, const struct bf_field *f, const struct place *at,
	struct bf_err *err)
{
	struct place inner = {at, f == NULL ? NULL : f->table, at->in_each};

	return check_template(from, end, inner.table != NULL ? &inner : at, err);
}

/* One tag; @return 0 with what follows in @p next. */
static int
check_tag(const char *text, const struct place *at, const char **next, struct bf_err *err)
{
	const struct bf_field *f = NULL;
	struct bf_tag tag, last;
	const char *end;

	*next = bf_tag_read(text, &tag);
	if (*next == NULL || tag.kind == BF_TAG_END)
		return bf_err_set(
			err, EINVAL, "%s: \"{%.30s\": expected a tag", at->table->name, text);
	if (tag.name[0] != '.')
		f = tag_find(at, &tag);
	if (tag.name[0] == '.' ? !is_own_name(&tag, at->in_each) : f == NULL)
		return bf_err_set(err, EINVAL, "%s: \"%.*s\": expected the name of a field",
			at->table->name, (int)tag.name_len, tag.name);
	if (tag.kind == BF_TAG_VALUE)
		return 0;
	end = bf_tag_section_end(*next);
	if (end == NULL || bf_tag_read(end + 1, &last) == NULL || last.name_len != tag.name_len ||
		memcmp(last.name, tag.name, tag.name_len) != 0)
		return bf_err_set(
			err, EINVAL, "%s: \"{%.30s\": expected its end", at->table->name, text);
	if (tag.kind == BF_TAG_INVERTED)
		f = NULL;
	if (check_section(*next, end, f, at, err) != 0)
		return -EINVAL;
	*next = strchr(end, '}') + 1;
	return 0;
}

static int
check_template(const char *text, const char *end, const struct place *at, struct bf_err *err)
{
	const char *p = text;

	while (p < end) {
		p += strcspn(p, "{");
		if (p < end && check_tag(p + 1, at, &p, err) != 0)
			return -EINVAL;
	}
	return 0;
}

/* Letters as Prometheus wants them: also of labels. */
static bool
is_metric_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!islower((unsigned char)*p) && *p != '_' && !isdigit((unsigned char)*p))
			return false;
	return name[0] != '\0' && !isdigit((unsigned char)name[0]);
}

static int
check_metric(const struct bf_table *t, const struct bf_field *f, struct bf_err *err)
{
	if (f->label != NULL && !is_metric_name(f->label))
		return bf_err_set(err, EINVAL, "%s.%s: label \"%s\": expected a-z, 0-9, _", t->name,
			f->name, f->label);
	if (f->metric == NULL)
		return 0;
	if (!is_metric_name(f->metric) || strncmp(f->metric, "bondfwd_", 8) != 0)
		return bf_err_set(err, EINVAL, "%s.%s: metric \"%s\": expected bondfwd_...",
			t->name, f->name, f->metric);
	if (f->help == NULL || f->help[0] == '\0' || strpbrk(f->help, "\\\n\"") != NULL ||
		f->help[strlen(f->help) - 1] != '.')
		return bf_err_set(
			err, EINVAL, "%s.%s: help: expected a sentence", t->name, f->name);
	if ((f->kind == BF_METRIC_HISTOGRAM) != (f->type == BF_FIELD_HISTOGRAM) ||
		f->kind == BF_METRIC_NONE || f->table != NULL)
		return bf_err_set(err, EINVAL, "%s.%s: expected a value of the metric's kind",
			t->name, f->name);
	return 0;
}

static int
check_field(const struct bf_field *f, const struct place *at, struct bf_err *err)
{
	const struct bf_table *t = at->table;

	if (f->offset >= t->row_size)
		return bf_err_set(
			err, EINVAL, "%s.%s: expected a member of the row", t->name, f->name);
	if (bf_table_field(t, f->name, strlen(f->name)) != f)
		return bf_err_set(err, EINVAL, "%s: \"%s\": expected once", t->name, f->name);
	if ((f->type == BF_FIELD_ROWS || f->type == BF_FIELD_PART) != (f->table != NULL))
		return bf_err_set(err, EINVAL, "%s.%s: expected a table, for a list or a part only",
			t->name, f->name);
	if (check_metric(t, f, err) != 0)
		return -EINVAL;
	return f->table == NULL ? 0 : check_table(f->table, at, err);
}

static int
check_table(const struct bf_table *t, const struct place *outer, struct bf_err *err)
{
	struct place at = {outer, t, false};
	int ret = 0;

	if (t->row_size > BF_ROW_MAX)
		return bf_err_set(err, EINVAL, "%s: rows of %u bytes: expected at most %d", t->name,
			t->row_size, BF_ROW_MAX);
	if (t->n_fields < (t->shape == BF_SHAPE_MAP ? 2 : 1))
		return bf_err_set(err, EINVAL, "%s: expected fields", t->name);
	for (unsigned int i = 0; i < t->n_fields && ret == 0; i++)
		ret = check_field(&t->fields[i], &at, err);
	if (ret == 0 && t->text != NULL)
		ret = check_template(t->text, t->text + strlen(t->text), &at, err);
	at.in_each = true;
	if (ret == 0 && t->each != NULL)
		ret = check_template(t->each, t->each + strlen(t->each), &at, err);
	return ret;
}

int
bf_table_check(const struct bf_table *t, struct bf_err *err)
{
	return check_table(t, NULL, err);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows as text, JSON and metrics: one table, all renderings; and what a table may not be.
 *
 * Threads: one.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "console/render.h"

struct child {
	const char *name;
	uint64_t n, frames;
};

static const struct bf_field child_fields[] = {
	BF_FIELD(struct child, name, .label = "child"),
	BF_FIELD(struct child, n, BF_COUNTER("bondfwd_t_child", "bytes", "Of a child.")),
};
static const struct bf_field counted_fields[] = {
	BF_FIELD(struct child, n, BF_COUNTER("bondfwd_t", "bytes", "Bytes.")),
	BF_FIELD(struct child, frames, BF_COUNTER("bondfwd_t", "frames", "Frames.")),
};
static const struct bf_table child_table =
	BF_TABLE("child", struct child, child_fields, .head = "children:\n", .text = " {name}={n}");
static const struct bf_table map_table =
	BF_TABLE("map", struct child, child_fields, .shape = BF_SHAPE_MAP);
static const struct bf_table values_table = BF_TABLE("values", struct child, child_fields,
	.shape = BF_SHAPE_VALUES, .text = "{^.first}, {/.first}{.}");

struct part {
	uint32_t a, b;
};

static const struct bf_field part_fields[] = {
	BF_FIELD(struct part, a, BF_GAUGE("bondfwd_t_a", NULL, "An a.")),
	BF_FIELD(struct part, b, .help = "What b is."),
};
static const struct bf_table part_table =
	BF_TABLE("part", struct part, part_fields, .each = "{^.first}|{/.first}{.name}:{.value:3}");

struct row {
	char name[16];
	bool on, extra;
	int64_t i64;
	int i;
	uint8_t u8, mac[6];
	double d;
	uint64_t hex;
	const char *text;
	struct part part;
	struct bf_rows children;
	struct bf_histogram h;
};

static const double upper[] = {0.1, 1};

#define ALL_FIELDS \
	BF_FIELD(struct row, name, .label = "row"), \
		BF_FIELD(struct row, on, BF_GAUGE("bondfwd_t_on", NULL, "Whether it is on.")), \
		BF_FIELD(struct row, extra, .text_only = true), BF_FIELD(struct row, i64), \
		BF_FIELD(struct row, i, BF_WHEN(struct row, extra), \
			BF_GAUGE("bondfwd_t_i", NULL, "An i.")), \
		BF_FIELD(struct row, u8, BF_INFO("bondfwd_t", "What it is.")), \
		BF_FIELD(struct row, mac, BF_INFO("bondfwd_t", "What it is.")), \
		BF_FIELD(struct row, d), BF_FIELD(struct row, hex, .hex = true), \
		BF_FIELD(struct row, text), BF_FIELD(struct row, part, .table = &part_table), \
		BF_FIELD(struct row, h, BF_HISTOGRAM("bondfwd_t_wait", "seconds", "A wait."))

static const struct bf_field row_fields[] = {
	ALL_FIELDS,
	BF_FIELD(struct row, children, .table = &child_table),
};
static const struct bf_field map_fields[] = {
	BF_FIELD(struct row, name),
	BF_FIELD(struct row, children, .table = &map_table),
};
static const struct bf_field values_fields[] = {
	BF_FIELD(struct row, children, .table = &values_table),
};

static void
add_rows(struct bf_snapshot *s)
{
	for (int i = 0; i < 2; i++) {
		struct row *r = bf_rows_add(s, &s->rows, sizeof(*r));

		snprintf(r->name, sizeof(r->name), "r%d", i);
		r->on = r->extra = i == 0;
		r->i64 = -5;
		r->i = -7;
		r->u8 = 200;
		r->mac[5] = 0xab;
		r->d = 2.5;
		r->hex = 0xbeef;
		r->text = i == 0 ? "a \"b\"" : NULL;
		r->part = (struct part){1, 22};
		r->h = (struct bf_histogram){
			.upper = upper, .n_bins = 2, .bins = {3, 4}, .count = 8, .sum = 9.5};
		for (int k = 0; i == 0 && k < 20; k++) {
			struct child *c = bf_rows_add(s, &r->children, sizeof(*c));

			c->name = k == 0 ? "x\\\"\n" : k == 1 ? "y" : "z";
			c->n = UINT64_MAX - (uint64_t)k;
		}
		r->children.n = i == 0 ? 2 : 0;
	}
}

static void
assert_rendered(const struct bf_table *t, enum bf_out_format format, bool one, const char *expected)
{
	struct bf_out *out = bf_out_create(format, 0);
	struct bf_snapshot s = {.ret = 0};
	struct bf_err err;

	add_rows(&s);
	assert_int_equal(bf_table_check(t, &err), 0);
	bf_render(t, &s.rows, one, out);
	assert_string_equal(bf_out_data(out, NULL), expected);
	bf_snapshot_fini(&s);
	bf_out_destroy(out);
}

static void
assert_text(const char *head, const char *text, const char *expected)
{
	struct bf_table t = BF_TABLE("row", struct row, row_fields, .head = head, .text = text);

	assert_rendered(&t, BF_OUT_TEXT, false, expected);
}

static void
test_templates_hold_values_with_their_widths(void **state)
{
	(void)state;
	assert_text("Name\n", "[{name:-4}][{name:4}] {i64} {u8:5} {mac} {d:7.2} {hex} {on}\n",
		"Name\n[r0  ][  r0] -5   200 00:00:00:00:00:ab    2.50 0xbeef yes\n"
		"[r1  ][  r1] -5   200 00:00:00:00:00:ab    2.50 0xbeef no\n");
	assert_text(NULL, "{u8:4x} {i}.", "00c8 -7.00c8 .");
}

static void
test_sections_are_for_what_is_there(void **state)
{
	(void)state;
	assert_text(NULL, "{#on}on{/on}{^on}off{/on} {#text}{text}{/text}{^text}none{/text};",
		"on a \"b\";off none;");
	assert_text(NULL, "{name}{#children}({name} {u8}){/children}{^children}-{/children}",
		"r0(x\\\"\n 200)(y 200)r1-");
	assert_text(NULL, "{children.n}{#children.n}!{/children.n} ", "2! 0 ");
	assert_text(NULL, "{#part}{#extra}{a}{/extra}{^extra}{b}{/extra}{/part} ", "1 22 ");
	assert_text(NULL, "{^.first}, {/.first}{name} of {.n}", "r0 of 2, r1 of 2");
}

static void
test_a_list_or_a_part_shows_itself(void **state)
{
	struct bf_table values = BF_TABLE("row", struct row, values_fields, .text = "{children};");

	(void)state;
	assert_text(NULL, "{name} {children}\n",
		"r0 children:\n x\\\"\n=18446744073709551615 y=18446744073709551614\n"
		"r1 children:\n\n");
	assert_text(NULL, "<{part}>", "<a:  1|b: 22><a:  1|b: 22>");
	assert_rendered(&values, BF_OUT_TEXT, false, "x\\\"\n, y;;");
}

static void
test_json_has_the_same_fields(void **state)
{
	static const char row[] =
		"{\"name\": \"r0\", \"on\": true, \"i64\": -5, \"i\": -7, \"u8\": 200, "
		"\"mac\": \"00:00:00:00:00:ab\", \"d\": 2.5, \"hex\": \"0xbeef\", "
		"\"text\": \"a \\\"b\\\"\", \"part\": {\"a\": 1, \"b\": 22}, "
		"\"h\": {\"count\": 8, \"sum\": 9.5, \"at_most\": {\"0.1\": 3, \"1\": 7}}, "
		"\"children\": [{\"name\": \"x\\\\\\\"\\n\", \"n\": 18446744073709551615}, "
		"{\"name\": \"y\", \"n\": 18446744073709551614}]}\n";
	struct bf_table t = BF_TABLE("row", struct row, row_fields);

	(void)state;
	assert_rendered(&t, BF_OUT_JSON, true, row);
}

static void
test_json_of_maps_and_values(void **state)
{
	struct bf_table map = BF_TABLE("row", struct row, map_fields);
	struct bf_table values = BF_TABLE("row", struct row, values_fields);

	(void)state;
	assert_rendered(&map, BF_OUT_JSON, false,
		"[{\"name\": \"r0\", \"children\": {\"x\\\\\\\"\\n\": 18446744073709551615, "
		"\"y\": 18446744073709551614}}, {\"name\": \"r1\", \"children\": {}}]\n");
	assert_rendered(&values, BF_OUT_JSON, false,
		"[{\"children\": [\"x\\\\\\\"\\n\", \"y\"]}, {\"children\": []}]\n");
}

static void
assert_metrics(enum bf_out_format format, enum bf_metrics_form form, const char *expected)
{
	struct bf_table t = BF_TABLE("row", struct row, row_fields);
	struct bf_out *out = bf_out_create(format, 0);
	struct bf_snapshot s = {.ret = 0}, none = {.ret = 0};
	struct bf_shown shown[] = {{&t, &s.rows}, {&t, &none.rows}};

	add_rows(&s);
	((struct row *)s.rows.at)[1].children = (struct bf_rows){NULL, 0, 0};
	s.rows.n = 1 + (form == BF_METRICS_PROMETHEUS && format == BF_OUT_TEXT);
	bf_render_metrics(shown, 2, form, out);
	assert_string_equal(bf_out_data(out, NULL), expected);
	bf_snapshot_fini(&s);
	bf_out_destroy(out);
}

static void
test_metrics_in_prometheus_format(void **state)
{
	(void)state;
	assert_metrics(BF_OUT_TEXT, BF_METRICS_PROMETHEUS,
		"# HELP bondfwd_t_on Whether it is on.\n# TYPE bondfwd_t_on gauge\n"
		"bondfwd_t_on{row=\"r0\"} 1\nbondfwd_t_on{row=\"r1\"} 0\n"
		"# HELP bondfwd_t_i An i.\n# TYPE bondfwd_t_i gauge\nbondfwd_t_i{row=\"r0\"} -7\n"
		"# HELP bondfwd_t_info What it is.\n# TYPE bondfwd_t_info gauge\n"
		"bondfwd_t_info{row=\"r0\",u8=\"200\",mac=\"00:00:00:00:00:ab\"} 1\n"
		"bondfwd_t_info{row=\"r1\",u8=\"200\",mac=\"00:00:00:00:00:ab\"} 1\n"
		"# HELP bondfwd_t_a An a.\n# TYPE bondfwd_t_a gauge\n"
		"bondfwd_t_a{row=\"r0\"} 1\nbondfwd_t_a{row=\"r1\"} 1\n"
		"# HELP bondfwd_t_wait_seconds A wait.\n# TYPE bondfwd_t_wait_seconds histogram\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"0.1\"} 3\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"1\"} 7\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"+Inf\"} 8\n"
		"bondfwd_t_wait_seconds_count{row=\"r0\"} 8\n"
		"bondfwd_t_wait_seconds_sum{row=\"r0\"} 9.5\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r1\",le=\"0.1\"} 3\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r1\",le=\"1\"} 7\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r1\",le=\"+Inf\"} 8\n"
		"bondfwd_t_wait_seconds_count{row=\"r1\"} 8\n"
		"bondfwd_t_wait_seconds_sum{row=\"r1\"} 9.5\n"
		"# HELP bondfwd_t_child_bytes_total Of a child.\n"
		"# TYPE bondfwd_t_child_bytes_total counter\n"
		"bondfwd_t_child_bytes_total{row=\"r0\",child=\"x\\\\\\\"\\n\"} 18446744073709551615\n"
		"bondfwd_t_child_bytes_total{row=\"r0\",child=\"y\"} 18446744073709551614\n");
}

static void
test_metrics_in_openmetrics(void **state)
{
	(void)state;
	assert_metrics(BF_OUT_TEXT, BF_METRICS_OPEN,
		"# HELP bondfwd_t_on Whether it is on.\n# TYPE bondfwd_t_on gauge\n"
		"bondfwd_t_on{row=\"r0\"} 1\n"
		"# HELP bondfwd_t_i An i.\n# TYPE bondfwd_t_i gauge\nbondfwd_t_i{row=\"r0\"} -7\n"
		"# HELP bondfwd_t What it is.\n# TYPE bondfwd_t info\n"
		"bondfwd_t_info{row=\"r0\",u8=\"200\",mac=\"00:00:00:00:00:ab\"} 1\n"
		"# HELP bondfwd_t_a An a.\n# TYPE bondfwd_t_a gauge\nbondfwd_t_a{row=\"r0\"} 1\n"
		"# HELP bondfwd_t_wait_seconds A wait.\n# TYPE bondfwd_t_wait_seconds histogram\n"
		"# UNIT bondfwd_t_wait_seconds seconds\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"0.1\"} 3\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"1.0\"} 7\n"
		"bondfwd_t_wait_seconds_bucket{row=\"r0\",le=\"+Inf\"} 8\n"
		"bondfwd_t_wait_seconds_count{row=\"r0\"} 8\n"
		"bondfwd_t_wait_seconds_sum{row=\"r0\"} 9.5\n"
		"# HELP bondfwd_t_child_bytes Of a child.\n# TYPE bondfwd_t_child_bytes counter\n"
		"# UNIT bondfwd_t_child_bytes bytes\n"
		"bondfwd_t_child_bytes_total{row=\"r0\",child=\"x\\\\\\\"\\n\"} 18446744073709551615\n"
		"bondfwd_t_child_bytes_total{row=\"r0\",child=\"y\"} 18446744073709551614\n# EOF\n");
}

static void
test_metrics_in_json_are_samples(void **state)
{
	struct bf_table t = BF_TABLE("part", struct part, part_fields);
	struct bf_out *out = bf_out_create(BF_OUT_JSON, 0);
	struct part part = {3, 4};
	struct bf_rows rows = {&part, 1, 1};
	struct bf_shown shown = {&t, &rows};

	(void)state;
	bf_render_metrics(&shown, 1, BF_METRICS_PROMETHEUS, out);
	assert_string_equal(bf_out_data(out, NULL),
		"[{\"name\": \"bondfwd_t_a\", \"labels\": {}, \"value\": 3.0}]\n");
	bf_out_destroy(out);
}

static void
test_one_name_in_two_units_is_two_families(void **state)
{
	struct bf_table t = BF_TABLE("counted", struct child, counted_fields);
	struct bf_out *out = bf_out_create(BF_OUT_TEXT, 0);
	struct child child = {NULL, 3, 4};
	struct bf_rows rows = {&child, 1, 1};
	struct bf_shown shown = {&t, &rows};

	(void)state;
	bf_render_metrics(&shown, 1, BF_METRICS_PROMETHEUS, out);
	assert_string_equal(bf_out_data(out, NULL),
		"# HELP bondfwd_t_bytes_total Bytes.\n# TYPE bondfwd_t_bytes_total counter\n"
		"bondfwd_t_bytes_total 3\n"
		"# HELP bondfwd_t_frames_total Frames.\n# TYPE bondfwd_t_frames_total counter\n"
		"bondfwd_t_frames_total 4\n");
	bf_out_destroy(out);
}

static void
test_rows_outgrow_their_memory_and_stay(void **state)
{
	struct bf_snapshot s = {.ret = 0};

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct part *p = bf_rows_add(&s, &s.rows, sizeof(*p));

		assert_int_equal(p->a + p->b, 0);
		p->a = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(
			((struct part *)bf_rows_at(&s.rows, i, sizeof(struct part)))->a, i);
	assert_string_equal(bf_snapshot_copy(&s, "text"), "text");
	bf_snapshot_fail(&s, -EIO, "first %d", 1);
	bf_snapshot_fail(&s, -EPERM, "second");
	assert_int_equal(s.ret, -EIO);
	assert_string_equal(s.err.text, "first 1");
	bf_snapshot_fini(&s);
	assert_int_equal(s.rows.n, 0);
}

/* Of a line for each CPU: those of arm64 are longer. */
static void
test_rows_may_hold_what_is_aligned_to_a_cache_line(void **state)
{
	struct line {
		uint64_t n;
	} __rte_cache_aligned;
	struct bf_snapshot s = {0};

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct line *l = bf_rows_add(&s, &s.rows, sizeof(*l));

		assert_int_equal((uintptr_t)l % RTE_CACHE_LINE_SIZE, 0);
	}
	assert_false(s.is_short);
	bf_snapshot_fini(&s);
}

static void
test_rows_without_memory_are_nowhere_and_so_are_theirs(void **state)
{
	struct bf_snapshot s = {.is_short = true};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct row *r = bf_rows_add(&s, &s.rows, sizeof(*r));

		memset(r, 0xff, sizeof(*r));
		r = bf_rows_add(&s, &s.rows, sizeof(*r));
		assert_int_equal(r->i64, 0);
		for (unsigned int k = 0; k < 2; k++) {
			struct child *c = bf_rows_add(&s, &r->children, sizeof(*c));

			assert_null(c->name);
			memset(c, 0xff, sizeof(*c)); /* over the list itself */
		}
	}
	assert_int_equal(s.rows.n, 0);
	bf_snapshot_fini(&s);
}

static void
assert_refused(const struct bf_field *fields, unsigned int n, const char *text, const char *why)
{
	struct bf_table t = {.name = "t",
		.fields = fields,
		.n_fields = (uint16_t)n,
		.row_size = sizeof(struct row),
		.text = text};
	struct bf_err err = {""};

	assert_int_equal(bf_table_check(&t, &err), -EINVAL);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\": expected \"%s\"", err.text, why);
}

static void
test_bad_templates_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"{nosuch}", "\"nosuch\": expected the name of a field"},
		{"{name", "expected a tag"},
		{"{name:q}", "expected a tag"},
		{"{#name}", "expected its end"},
		{"{#name}{/on}", "expected its end"},
		{"{/name}", "expected a tag"},
		{"{#children}{a}{/children}", "\"a\": expected the name of a field"},
		{"{name.n}", "\"name.n\": expected the name of a field"},
		{"{.name}", "\".name\": expected the name of a field"},
		{"{name:999}", "expected a tag"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(row_fields, sizeof(row_fields) / sizeof(row_fields[0]), bad[i].text,
			bad[i].why);
}

static void
test_bad_fields_are_refused(void **state)
{
	static const struct bf_field twice[] = {
		BF_FIELD(struct row, name), BF_FIELD_AS(struct row, on, "name")};
	static const struct bf_field no_table[] = {BF_FIELD(struct row, children)};
	static const struct bf_field no_help[] = {
		BF_FIELD(struct row, on, BF_GAUGE("bondfwd_x", NULL, ""))};
	static const struct bf_field bad_name[] = {
		BF_FIELD(struct row, on, BF_GAUGE("bondfwd_X", NULL, "A."))};
	static const struct bf_field bad_label[] = {BF_FIELD(struct row, on, .label = "a-b")};
	static const struct bf_field bad_kind[] = {
		BF_FIELD(struct row, on, BF_HISTOGRAM("bondfwd_x", NULL, "A."))};

	(void)state;
	assert_refused(twice, 2, NULL, "\"name\": expected once");
	assert_refused(no_table, 1, NULL, "expected a table");
	assert_refused(no_help, 1, NULL, "expected a sentence");
	assert_refused(bad_name, 1, NULL, "expected bondfwd_");
	assert_refused(bad_label, 1, NULL, "expected a-z");
	assert_refused(bad_kind, 1, NULL, "expected a value");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates_hold_values_with_their_widths),
		cmocka_unit_test(test_sections_are_for_what_is_there),
		cmocka_unit_test(test_a_list_or_a_part_shows_itself),
		cmocka_unit_test(test_json_has_the_same_fields),
		cmocka_unit_test(test_json_of_maps_and_values),
		cmocka_unit_test(test_metrics_in_prometheus_format),
		cmocka_unit_test(test_metrics_in_openmetrics),
		cmocka_unit_test(test_metrics_in_json_are_samples),
		cmocka_unit_test(test_one_name_in_two_units_is_two_families),
		cmocka_unit_test(test_rows_outgrow_their_memory_and_stay),
		cmocka_unit_test(test_rows_may_hold_what_is_aligned_to_a_cache_line),
		cmocka_unit_test(test_rows_without_memory_are_nowhere_and_so_are_theirs),
		cmocka_unit_test(test_bad_templates_are_refused),
		cmocka_unit_test(test_bad_fields_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

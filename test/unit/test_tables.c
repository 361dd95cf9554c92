/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Every table that is shown: templates name fields, metrics are well formed and unique.
 *
 * Threads: one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "console/render.h"
#include "control/snapshot/queues.h"
#include "control/snapshot/snapshot.h"

#define FAMILIES_MAX 512

static void
test_every_table_is_well_made(void **state)
{
	struct bf_err err = {""};

	(void)state;
	for (unsigned int i = 0; i < bf_n_shows; i++)
		if (bf_table_check(bf_shows[i]->table, &err) != 0)
			fail_msg("%s", err.text);
	if (bf_table_check(&bf_queue_table, &err) != 0)
		fail_msg("%s", err.text);
}

/** Families seen, and the table that each is of. */
struct families {
	unsigned int n;
	const struct bf_field *field[FAMILIES_MAX];
	const struct bf_table *table[FAMILIES_MAX];
};

static void
add_family(struct families *all, const struct bf_table *t, const struct bf_field *f)
{
	for (unsigned int i = 0; i < all->n; i++) {
		const struct bf_field *is = all->field[i];
		bool same_unit = is->unit == NULL || f->unit == NULL
			? is->unit == f->unit
			: strcmp(is->unit, f->unit) == 0;

		if (strcmp(is->metric, f->metric) != 0 || !same_unit)
			continue;
		if (f->kind != BF_METRIC_INFO || is->kind != f->kind || all->table[i] != t)
			fail_msg("%s: of %s and of %s", f->metric, all->table[i]->name, t->name);
	}
	assert_true(all->n < FAMILIES_MAX);
	all->field[all->n] = f;
	all->table[all->n++] = t;
}

static void
add_families(struct families *all, const struct bf_table *t)
{
	for (unsigned int i = 0; i < t->n_fields; i++) {
		if (t->fields[i].metric != NULL)
			add_family(all, t, &t->fields[i]);
		if (t->fields[i].table != NULL && !t->fields[i].apart)
			add_families(all, t->fields[i].table);
	}
}

static void
test_a_family_is_one_field(void **state)
{
	struct families all = {.n = 0};

	(void)state;
	for (unsigned int i = 0; i < bf_n_shows; i++)
		if (bf_shows[i]->metrics)
			add_families(&all, bf_shows[i]->table);
	assert_true(all.n > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_table_is_well_made),
		cmocka_unit_test(test_a_family_is_one_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

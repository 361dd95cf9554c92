/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rows for telemetry: how many an answer takes, and no container is lost.
 *
 * Threads: one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telemetry_data.h"

struct child {
	uint32_t n;
};
static const struct bf_field child_fields[] = {BF_FIELD(struct child, n)};
static const struct bf_table child_table = BF_TABLE("child", struct child, child_fields);

struct row {
	struct bf_rows children;
};
static const struct bf_field fields[] = {BF_FIELD(struct row, children, .table = &child_table)};
static const struct bf_table table = BF_TABLE("row", struct row, fields);

struct rte_tel_data *__real_rte_tel_data_alloc(void);
struct rte_tel_data *__wrap_rte_tel_data_alloc(void);
void __real_rte_tel_data_free(struct rte_tel_data *d);
void __wrap_rte_tel_data_free(struct rte_tel_data *d);
int __real_rte_tel_data_add_dict_container(
	struct rte_tel_data *d, const char *name, struct rte_tel_data *val, int keep);
int __wrap_rte_tel_data_add_dict_container(
	struct rte_tel_data *d, const char *name, struct rte_tel_data *val, int keep);

static unsigned int allocated, freed, taken; /* containers */
static unsigned int taken_at_most; /* then the library refuses */

struct rte_tel_data *
__wrap_rte_tel_data_alloc(void)
{
	allocated++;
	return __real_rte_tel_data_alloc();
}

void
__wrap_rte_tel_data_free(struct rte_tel_data *d)
{
	freed += d != NULL;
	__real_rte_tel_data_free(d);
}

int
__wrap_rte_tel_data_add_dict_container(
	struct rte_tel_data *d, const char *name, struct rte_tel_data *val, int keep)
{
	int ret = taken < taken_at_most ? __real_rte_tel_data_add_dict_container(d, name, val, keep)
					: -ENOSPC;

	taken += ret == 0;
	return ret;
}

/* The library's own array of an answer's rows has room for RTE_TEL_MAX_DICT_ENTRIES. */
static int
fill(uint32_t n_rows, uint32_t n_children, uint32_t from, unsigned int at_most)
{
	struct rte_tel_data *d = __real_rte_tel_data_alloc();
	struct child *c = calloc(n_children + 1, sizeof(*c));
	struct row *r = calloc(n_rows, sizeof(*r));
	struct bf_rows rows = {r, n_rows, n_rows};
	int ret;

	assert_true(d != NULL && c != NULL && r != NULL);
	allocated = freed = taken = 0;
	taken_at_most = at_most;
	for (uint32_t i = 0; i < n_rows; i++)
		r[i].children = (struct bf_rows){c, n_children, n_children};
	ret = bf_telemetry_fill(d, &table, &rows, n_rows == 1, from);
	__real_rte_tel_data_free(d);
	free(r);
	free(c);
	return ret;
}

static void
test_a_list_below_ends_where_the_librarys_do(void **state)
{
	(void)state;
	assert_int_equal(fill(1, RTE_TEL_MAX_DICT_ENTRIES + 10, 0, UINT32_MAX), 0);
	assert_int_equal(taken, RTE_TEL_MAX_DICT_ENTRIES + 1);
	assert_int_equal(allocated, taken + freed);
	assert_int_equal(freed, 0);
}

static void
test_what_the_library_refuses_is_freed(void **state)
{
	(void)state;
	for (unsigned int at_most = 0; at_most < 5; at_most++) {
		fill(1, 4, 0, at_most);
		assert_int_equal(taken, at_most);
		assert_int_equal(allocated, taken + freed);
		assert_true(freed > 0);
	}
}

static void
test_rows_that_have_no_place_are_announced(void **state)
{
	(void)state;
	assert_int_equal(fill(2000, 0, 0, UINT32_MAX), 1);
	assert_true(taken > 100 && taken < RTE_TEL_MAX_DICT_ENTRIES);
	assert_int_equal(fill(2000, 0, 1990, UINT32_MAX), 0);
	assert_int_equal(taken, 10);
	assert_int_equal(fill(2000, 0, 2000, UINT32_MAX), 0);
	assert_int_equal(taken, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_below_ends_where_the_librarys_do),
		cmocka_unit_test(test_what_the_library_refuses_is_freed),
		cmocka_unit_test(test_rows_that_have_no_place_are_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which versions of DPDK have a hole.
 *
 * Threads: one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "doctor/holes.h"

static const struct bf_hole *
hole_find(const char *name)
{
	const struct bf_hole *hole;

	for (unsigned int i = 0; (hole = bf_hole_at(i)) != NULL; i++)
		if (strcmp(hole->name, name) == 0)
			return hole;
	return NULL;
}

static void
test_a_version_has_the_hole_until_its_branch_has_closed_it(void **state)
{
	static const struct {
		const char *version, *fixed; /* NULL: it has none */
	} cases[] = {
		{"DPDK 22.11.6", "22.11.7"},
		{"22.11.6-1~deb12u1", "22.11.7"},
		{"22.11-1", "22.11.7"},
		{"DPDK 22.11.7", NULL},
		{"22.11.11-0+deb12u1", NULL},
		{"DPDK 23.11.2", "23.11.3"},
		{"DPDK 23.11.3", NULL},
		{"DPDK 24.11.0", "24.11.1"},
		{"DPDK 24.11.1", NULL},
		{"DPDK 24.07.0", "25.03.0"}, /* a branch that ended before */
		{"DPDK 25.03.0", NULL},
		{"DPDK 25.11.0-rc1", NULL},
		{"", NULL},
		{"unknown", NULL},
	};
	const struct bf_hole *hole = hole_find("CVE-2024-11614");
	char fixed[32];

	(void)state;
	assert_non_null(hole);
	assert_string_equal(hole->driver, "net_vhost");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_in = bf_hole_is_in(hole, cases[i].version, fixed, sizeof(fixed));

		if (is_in != (cases[i].fixed != NULL) ||
			(is_in && strcmp(fixed, cases[i].fixed) != 0))
			fail_msg("%s: %s", cases[i].version, is_in ? fixed : "no hole");
	}
}

static void
test_a_row_is_whole(void **state)
{
	const struct bf_hole *hole;

	(void)state;
	for (unsigned int i = 0; (hole = bf_hole_at(i)) != NULL; i++) {
		assert_true(strncmp(hole->name, "CVE-", 4) == 0);
		assert_non_null(hole->what);
		assert_true(hole->clean.year > 0);
		for (unsigned int k = 0; k < BF_HOLE_BRANCHES; k++)
			assert_true(hole->fixed[k].year <= hole->clean.year);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_version_has_the_hole_until_its_branch_has_closed_it),
		cmocka_unit_test(test_a_row_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

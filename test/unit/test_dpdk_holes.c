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
		const char *hole, *version, *fixed; /* NULL: it has none */
	} cases[] = {
		{"CVE-2024-11614", "DPDK 22.11.6", "22.11.7"},
		{"CVE-2024-11614", "22.11.6-1~deb12u1", "22.11.7"},
		{"CVE-2024-11614", "22.11-1", "22.11.7"},
		{"CVE-2024-11614", "DPDK 22.11.7", NULL},
		{"CVE-2024-11614", "22.11.11-0+deb12u1", NULL},
		{"CVE-2024-11614", "DPDK 23.11.2", "23.11.3"},
		{"CVE-2024-11614", "DPDK 23.11.3", NULL},
		{"CVE-2024-11614", "DPDK 24.11.0", "24.11.1"},
		{"CVE-2024-11614", "DPDK 24.11.1", NULL},
		{"CVE-2024-11614", "DPDK 24.07.0", "25.03.0"}, /* a branch that ended before */
		{"CVE-2024-11614", "DPDK 25.03.0", NULL},
		{"CVE-2024-11614", "DPDK 25.11.0-rc1", NULL},
		{"CVE-2024-11614", "", NULL},
		{"CVE-2024-11614", "unknown", NULL},
		{"285e6b8b1874", "DPDK 22.11.10", "22.11.11"},
		{"285e6b8b1874", "DPDK 23.11.5", "23.11.6"},
		{"285e6b8b1874", "DPDK 24.11.3", "24.11.4"},
		{"285e6b8b1874", "DPDK 25.07.0", "25.11.0"},
		{"285e6b8b1874", "DPDK 25.11.0", NULL},
		{"CVE-2025-23259", "DPDK 22.11.9", "22.11.10"},
		{"CVE-2025-23259", "DPDK 22.11.10", NULL},
		{"CVE-2025-23259", "DPDK 23.11.4", "23.11.5"},
		{"CVE-2025-23259", "DPDK 23.11.5", NULL},
		{"CVE-2025-23259", "DPDK 24.11.2", "24.11.3"},
		{"CVE-2025-23259", "DPDK 24.11.3", NULL},
		{"CVE-2025-23259", "DPDK 25.03.0", "25.07.0"},
		{"CVE-2025-23259", "DPDK 25.07.0", NULL},
		{"CVE-2025-23259", "DPDK 26.07.0", NULL},
	};
	char fixed[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bf_hole *hole = hole_find(cases[i].hole);
		bool is_in =
			hole != NULL && bf_hole_is_in(hole, cases[i].version, fixed, sizeof(fixed));

		if (hole == NULL || is_in != (cases[i].fixed != NULL) ||
			(is_in && strcmp(fixed, cases[i].fixed) != 0))
			fail_msg("%s: %s: %s", cases[i].hole, cases[i].version,
				is_in ? fixed : "no hole");
	}
}

static void
test_a_card_is_its_drivers_by_vendor_and_device(void **state)
{
	static const struct {
		const char *hole;
		uint16_t vendor, device;
		bool is_its;
	} cases[] = {
		{"CVE-2025-23259", 0x15b3, 0x1017, true},
		{"CVE-2025-23259", 0x15b3, 0xa2dc, true},
		{"CVE-2025-23259", 0x15b3, 0x1003, false}, /* mlx4 */
		{"CVE-2025-23259", 0x8086, 0x1017, false},
		{"CVE-2024-11614", 0x15b3, 0x1017, false},
		{"CVE-2024-11614", 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bf_hole_has_card(hole_find(cases[i].hole), cases[i].vendor,
					 cases[i].device),
			cases[i].is_its);
}

static void
test_a_row_is_whole(void **state)
{
	const struct bf_hole *hole;

	(void)state;
	for (unsigned int i = 0; (hole = bf_hole_at(i)) != NULL; i++) {
		assert_true(strncmp(hole->name, "CVE-", 4) == 0 || strlen(hole->name) == 12);
		assert_non_null(hole->what);
		assert_non_null(hole->driver);
		assert_true((hole->vendor != 0) == (hole->devices != NULL));
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
		cmocka_unit_test(test_a_card_is_its_drivers_by_vendor_and_device),
		cmocka_unit_test(test_a_row_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

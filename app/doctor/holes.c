/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Security holes of DPDK: see holes.h.
 *
 * Threads: any (pure functions).
 */
#include "doctor/holes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bf_hole holes[] = {
	{.name = "CVE-2024-11614",
		.what = "who is at the other end of a net_vhost port ends bondfwd with a wrong checksum offset",
		.driver = "net_vhost",
		.fixed = {{21, 11, 9}, {22, 11, 7}, {23, 11, 3}, {24, 11, 1}},
		.clean = {25, 3, 0}},
};

const struct bf_hole *
bf_hole_at(unsigned int i)
{
	return i < sizeof(holes) / sizeof(holes[0]) ? &holes[i] : NULL;
}

static bool
is_before(const struct bf_release *a, const struct bf_release *b)
{
	return a->year != b->year      ? a->year < b->year
		: a->month != b->month ? a->month < b->month
				       : a->minor < b->minor;
}

/* YEAR.MONTH, and .MINOR where there is one. */
static bool
version_parse(const char *text, struct bf_release *r)
{
	char *end;

	*r = (struct bf_release){0, 0, 0};
	text += strcspn(text, "0123456789");
	r->year = (unsigned int)strtoul(text, &end, 10);
	if (end == text || *end != '.')
		return false;
	r->month = (unsigned int)strtoul(end + 1, &end, 10);
	if (*end == '.')
		r->minor = (unsigned int)strtoul(end + 1, &end, 10);
	return r->month > 0;
}

bool
bf_hole_is_in(const struct bf_hole *hole, const char *version, char *fixed, size_t size)
{
	struct bf_release r;
	const struct bf_release *until = &hole->clean;

	if (!version_parse(version, &r))
		return false;
	for (unsigned int i = 0; i < BF_HOLE_BRANCHES; i++)
		if (hole->fixed[i].year == r.year && hole->fixed[i].month == r.month)
			until = &hole->fixed[i];
	snprintf(fixed, size, "%u.%02u.%u", until->year, until->month, until->minor);
	return is_before(&r, until);
}

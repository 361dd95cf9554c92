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

/* Of DPDK's drivers/net/mlx5/mlx5.c; the vendor's older cards have the driver mlx4. */
static const uint16_t mlx5_devices[] = {0x1013, 0x1014, 0x1015, 0x1016, 0x1017, 0x1018, 0x1019,
	0x101a, 0x101b, 0x101c, 0x101d, 0x101e, 0x101f, 0x1021, 0x1023, 0x1025, 0x1027, 0x2101,
	0xa2d2, 0xa2d3, 0xa2d6, 0xa2dc, 0xa2df, 0};

/*
 * Their commits, upstream: 4dc4e33ffa10, 285e6b8b1874, 5f9223611f35.  By the last one the hole of mlx5 is in receive queues
 * that ports share.  bondfwd never asks for such a queue, which the text says.
 */
static const struct bf_hole holes[] = {
	{.name = "CVE-2024-11614",
		.what = "who is at the other end of a net_vhost port ends bondfwd with a wrong checksum offset",
		.driver = "net_vhost",
		.fixed = {{21, 11, 9}, {22, 11, 7}, {23, 11, 3}, {24, 11, 1}},
		.clean = {25, 3, 0}},
	{.name = "285e6b8b1874",
		.what = "who is at the other end of a net_vhost port ends bondfwd by changing a checksum offset while it is read",
		.driver = "net_vhost",
		.fixed = {{22, 11, 11}, {23, 11, 6}, {24, 11, 4}},
		.clean = {25, 11, 0}},
	{.name = "CVE-2025-23259",
		.what = "frames of a receive queue that several ports share are taken from wrong buffers (bondfwd itself shares none)",
		.driver = "mlx5",
		.vendor = 0x15b3,
		.devices = mlx5_devices,
		.fixed = {{22, 11, 10}, {23, 11, 5}, {24, 11, 3}},
		.clean = {25, 7, 0}},
};

const struct bf_hole *
bf_hole_at(unsigned int i)
{
	return i < sizeof(holes) / sizeof(holes[0]) ? &holes[i] : NULL;
}

bool
bf_hole_has_card(const struct bf_hole *hole, uint16_t vendor, uint16_t device)
{
	for (const uint16_t *at = hole->devices; at != NULL && *at != 0; at++)
		if (vendor == hole->vendor && device == *at)
			return true;
	return false;
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

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Limits of rates as text.
 *
 * Threads: any (pure functions).
 */
#include "base/rate_limit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

/* The largest of a kind comes first: the printer takes the first that fits. */
static const struct {
	const char *name;
	bool is_frames;
	uint64_t factor;
} units[] = {{"gbit", false, 1000000000}, {"mbit", false, 1000000}, {"kbit", false, 1000},
	{"bit", false, 1}, {"mpps", true, 1000000}, {"kpps", true, 1000}, {"pps", true, 1},
	{"frames", true, 1}, {"m", true, 1000000}, {"k", true, 1000}, {"", true, 1}};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

int
bf_rate_limit_parse(const char *what, const char *text, struct bf_rate_limit *r, struct bf_err *err)
{
	size_t digits = strspn(text, "0123456789"), u = 0;
	char number[16];
	uint64_t n = 0, max;

	if (strcmp(text, "off") == 0 || strcmp(text, "none") == 0) {
		*r = (struct bf_rate_limit){.bits_per_s = 0};
		return 0;
	}
	while (u < N_UNITS && strcasecmp(text + digits, units[u].name) != 0)
		u++;
	snprintf(number, sizeof(number), "%.*s", (int)digits, text);
	if (u < N_UNITS && digits < sizeof(number)) {
		max = units[u].is_frames ? BF_RATE_LIMIT_FRAMES_MAX : BF_RATE_LIMIT_BITS_MAX;
		if (bf_parse_u64(what, number, 1, max / units[u].factor, &n, NULL) != 0 ||
			(!units[u].is_frames && n * units[u].factor < BF_RATE_LIMIT_BITS_MIN))
			n = 0;
	}
	if (n == 0)
		return bf_err_set(err, EINVAL,
			"%s: \"%.60s\": expected a rate from 1kbit to 1000gbit, from 1pps to "
			"1000mpps, or off",
			what, text);
	*r = (struct bf_rate_limit){.bits_per_s = units[u].is_frames ? 0 : n * units[u].factor,
		.frames_per_s = units[u].is_frames ? n * units[u].factor : 0};
	return 0;
}

void
bf_rate_limit_print(const struct bf_rate_limit *r, char *buf, size_t size)
{
	uint64_t n = r->frames_per_s != 0 ? r->frames_per_s : r->bits_per_s;
	size_t u = 0;

	while (units[u].is_frames != (r->frames_per_s != 0) || n % units[u].factor != 0)
		u++;
	if (n == 0)
		snprintf(buf, size, "off");
	else
		snprintf(buf, size, "%" PRIu64 "%s", n / units[u].factor, units[u].name);
}

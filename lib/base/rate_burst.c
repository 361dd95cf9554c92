/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rates with bursts as text.
 *
 * Threads: any (pure functions).
 */
#include "base/rate_burst.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define TEXT_MAX 96

static int
burst_refuse(const char *what, const char *text, bool frames, struct bf_err *err)
{
	if (frames)
		return bf_err_set(err, EINVAL,
			"%s: \"%.60s\": expected a burst of 1 to %llu frames, such as 64 or 10k",
			what, text, BF_BURST_FRAMES_MAX);
	return bf_err_set(err, EINVAL,
		"%s: \"%.60s\": expected a burst of %llu to %llu bytes, such as 64000 or 256k",
		what, text, BF_BURST_BYTES_MIN, BF_BURST_BYTES_MAX);
}

static int
burst_parse(const char *what, const char *text, bool frames, uint64_t *burst, struct bf_err *err)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t factor = 1, n = 0, most = frames ? BF_BURST_FRAMES_MAX : BF_BURST_BYTES_MAX;
	char number[16];

	if (strcmp(text + digits, "k") == 0)
		factor = 1000;
	else if (strcmp(text + digits, "m") == 0)
		factor = 1000000;
	else if (text[digits] != '\0')
		return burst_refuse(what, text, frames, err);
	snprintf(number, sizeof(number), "%.*s", (int)digits, text);
	if (digits >= sizeof(number) ||
		bf_parse_u64(what, number, 1, most / factor, &n, NULL) != 0 ||
		(!frames && n * factor < BF_BURST_BYTES_MIN))
		return burst_refuse(what, text, frames, err);
	*burst = n * factor;
	return 0;
}

/* Cut at the slashes. @return how many parts, at most 4. */
static unsigned int
parts_of(char *text, char *part[4])
{
	unsigned int n = 0;
	char *slash;

	do {
		part[n++] = text;
		slash = strchr(text, '/');
		if (slash != NULL) {
			*slash = '\0';
			text = slash + 1;
		}
	} while (slash != NULL && n < 4);
	return n;
}

int
bf_rate_burst_parse(const char *what, const char *text, unsigned int n_bursts,
	struct bf_rate_burst *r, struct bf_err *err)
{
	struct bf_rate_burst fresh = {.burst = 0};
	char copy[TEXT_MAX], *part[4];
	unsigned int n;

	snprintf(copy, sizeof(copy), "%s", text);
	n = parts_of(copy, part);
	if (strlen(text) >= sizeof(copy) || n > 1 + n_bursts)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected RATE%s, or off", what, text,
			n_bursts > 1 ? ", RATE/BURST or RATE/BURST/EXCESS" : " or RATE/BURST");
	if (bf_rate_limit_parse(what, part[0], &fresh.rate, err) != 0)
		return -EINVAL;
	if (n > 1 && bf_rate_burst_is_off(&fresh))
		return bf_err_set(
			err, EINVAL, "%s: \"%.60s\": expected no burst behind off", what, text);
	if (n > 1 &&
		burst_parse(what, part[1], fresh.rate.frames_per_s != 0, &fresh.burst, err) != 0)
		return -EINVAL;
	if (n > 2 &&
		burst_parse(what, part[2], fresh.rate.frames_per_s != 0, &fresh.excess, err) != 0)
		return -EINVAL;
	*r = fresh;
	return 0;
}

static void
burst_print(uint64_t burst, char *buf, size_t size)
{
	if (burst % 1000000 == 0)
		snprintf(buf, size, "/%" PRIu64 "m", burst / 1000000);
	else if (burst % 1000 == 0)
		snprintf(buf, size, "/%" PRIu64 "k", burst / 1000);
	else
		snprintf(buf, size, "/%" PRIu64, burst);
}

void
bf_rate_burst_print(const struct bf_rate_burst *r, char *buf, size_t size)
{
	char rate[32], burst[32] = "", excess[32] = "";

	bf_rate_limit_print(&r->rate, rate, sizeof(rate));
	if (r->burst != 0)
		burst_print(r->burst, burst, sizeof(burst));
	if (r->excess != 0)
		burst_print(r->excess, excess, sizeof(excess));
	snprintf(buf, size, "%s%s%s", rate, burst, excess);
}

uint64_t
bf_rate_burst_units(const struct bf_rate_burst *r)
{
	return r->rate.frames_per_s != 0 ? r->rate.frames_per_s : r->rate.bits_per_s / 8;
}

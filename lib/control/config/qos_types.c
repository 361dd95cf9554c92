/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Values of a guest's share: rates with bursts, filters.
 *
 * Threads: ctx control.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rate_burst.h"
#include "control/config/filter_text.h"
#include "control/config/types.h"

static int
rate_burst_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_rate_burst_parse(k->name, text, (unsigned int)k->max, at, err);
}

static void
rate_burst_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	bf_rate_burst_print(at, buf, size);
}

static void
rate_burst_values(const struct bf_key *k, char *buf, size_t size)
{
	snprintf(buf, size,
		"RATE%s, a rate in bit, kbit, mbit, gbit, pps, kpps or mpps and bursts in bytes "
		"or frames; off",
		k->max > 1 ? "[/BURST[/EXCESS]]" : "[/BURST]");
}

const struct bf_key_type bf_type_rate_burst = {.parse = rate_burst_parse,
	.print = rate_burst_print,
	.values = rate_burst_values,
	.size = sizeof(struct bf_rate_burst)};

/* As the console takes it: in quotes, which stand for nothing. */
static int
quotes_cut(const struct bf_key *k, const char *text, char *out, struct bf_err *err)
{
	size_t len = strlen(text);

	if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
		text++;
		len -= 2;
	}
	if (len >= (size_t)k->max)
		return bf_err_set(err, EINVAL, "%s: %zu bytes: expected at most %d", k->name, len,
			(int)k->max - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] >= 0x7f ||
			strchr("\"'\\#", text[i]) != NULL)
			return bf_err_set(err, EINVAL,
				"%s: \"%.*s\": expected printable ASCII without quotes, \\ and #",
				k->name, 60, text);
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

static int
filter_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	char plain[BF_FILTER_TEXT_MAX];
	struct bf_filter f;

	if (quotes_cut(k, text, plain, err) != 0)
		return -EINVAL;
	if (strcmp(plain, "none") == 0)
		plain[0] = '\0';
	else if (bf_filter_text_compile(k->name, plain, &f, err) != 0)
		return -EINVAL;
	else
		bf_filter_text_close(&f);
	memset(at, 0, (size_t)k->max);
	memcpy(at, plain, strlen(plain));
	return 0;
}

static void
filter_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const char *text = at;

	(void)k;
	if (text[0] == '\0')
		snprintf(buf, size, "none");
	else
		snprintf(buf, size, "\"%s\"", text);
}

static void
filter_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size,
		"up to %d rules \"pass|drop|mark N|count NAME [EXPRESSION of tcpdump]; ...\", none",
		BF_FILTER_RULES);
}

static bool
filter_is_equal(const void *a, const void *b)
{
	return strcmp(a, b) == 0;
}

const struct bf_key_type bf_type_filter = {.parse = filter_parse,
	.print = filter_print,
	.values = filter_values,
	.is_equal = filter_is_equal,
	.is_list = true};

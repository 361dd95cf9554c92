/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sets of VLANs as text.
 *
 * Threads: any (pure functions).
 */
#include "base/vlan_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"

static int
vlan_refuse(const char *what, const char *item, struct bf_err *err)
{
	return bf_err_set(err, EINVAL, "%s: \"%s\": expected 1 to %d, or a range such as 10-20",
		what, item, BF_VLAN_MAX);
}

static int
add_range(void *arg, const char *what, const char *item, struct bf_err *err)
{
	const char *minus = strchr(item, '-');
	char first[BF_PARSE_ITEM_MAX + 1];
	uint64_t from, to;

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(item, "-"), item);
	if (bf_parse_u64(what, first, 1, BF_VLAN_MAX, &from, NULL) != 0 ||
		bf_parse_u64(
			what, minus != NULL ? minus + 1 : first, from, BF_VLAN_MAX, &to, NULL) != 0)
		return vlan_refuse(what, item, err);
	for (; from <= to; from++)
		bf_vlan_set_add(arg, (uint16_t)from);
	return 0;
}

/* The first range at or behind *from. @return false when there is none. */
static bool
next_range(const struct bf_vlan_set *s, unsigned int *from, unsigned int *to)
{
	while (*from <= BF_VLAN_MAX && !bf_vlan_set_has(s, (uint16_t)*from))
		++*from;
	*to = *from;
	while (*to < BF_VLAN_MAX && bf_vlan_set_has(s, (uint16_t)(*to + 1)))
		++*to;
	return *from <= BF_VLAN_MAX;
}

int
bf_vlan_set_parse(const char *what, const char *text, struct bf_vlan_set *s, struct bf_err *err)
{
	struct bf_vlan_set fresh = {{0}};
	unsigned int n = 0, from, to;

	if (strcmp(text, "none") != 0 && bf_parse_items(what, text, add_range, &fresh, err) != 0)
		return -EINVAL;
	for (from = 1; next_range(&fresh, &from, &to); from = to + 1)
		n++;
	if (n > BF_VLAN_RANGES_MAX)
		return bf_err_set(err, EINVAL, "%s: \"%.60s...\": %u ranges: expected at most %d",
			what, text, n, BF_VLAN_RANGES_MAX);
	*s = fresh;
	return 0;
}

void
bf_vlan_set_print(const struct bf_vlan_set *s, char *buf, size_t size)
{
	unsigned int from, to;
	char range[16];

	buf[0] = '\0';
	for (from = 1; next_range(s, &from, &to); from = to + 1) {
		snprintf(range, sizeof(range), to > from ? "%u-%u" : "%u", from, to);
		bf_words_add(buf, size, ",", range);
	}
	if (buf[0] == '\0')
		snprintf(buf, size, "none");
}

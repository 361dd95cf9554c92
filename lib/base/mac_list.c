/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lists of MAC addresses as text.
 *
 * Threads: any (pure functions).
 */
#include "base/mac_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"

/* "xx:xx:..." of @p len characters. @return the number of bytes; 0: it is none. */
static unsigned int
take_bytes(const char *text, size_t len, uint8_t addr[6])
{
	if (len % 3 != 2 || len > 17)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (i % 3 == 2 ? text[i] != ':' : isxdigit((unsigned char)text[i]) == 0)
			return 0;
	for (size_t i = 0; i < len; i += 3)
		addr[i / 3] = (uint8_t)strtoul(text + i, NULL, 16);
	return (unsigned int)(len + 1) / 3;
}

/* Bytes that the prefix does not need may be left out, or are zero. */
static bool
take_prefix(const char *item, struct bf_mac_prefix *p)
{
	const char *slash = strchr(item, '/');
	unsigned int n =
		take_bytes(item, slash != NULL ? (size_t)(slash - item) : strlen(item), p->addr);
	uint64_t len = 48, value = 0;

	if (n == 0 || (slash == NULL && n < 6))
		return false;
	if (slash != NULL && bf_parse_u64("", slash + 1, 1, 48, &len, NULL) != 0)
		return false;
	for (unsigned int i = 0; i < 6; i++)
		value = value << 8 | p->addr[i];
	p->len = (uint8_t)len;
	return len <= n * 8ULL && (value & ((1ULL << (48 - len)) - 1)) == 0 && value != 0;
}

static int
add_prefix(void *arg, const char *what, const char *item, struct bf_err *err)
{
	struct bf_mac_prefix p = {.len = 0};
	struct bf_mac_list *l = arg;

	if (strcmp(item, "auto") != 0 && !take_prefix(item, &p))
		return bf_err_set(err, EINVAL,
			"%s: \"%s\": expected a MAC address xx:xx:xx:xx:xx:xx, the first bytes of "
			"one with the length in bits: 00:00:5e:00:01/40, or auto",
			what, item);
	for (uint32_t i = 0; i < l->n; i++)
		if (memcmp(&l->at[i], &p, sizeof(p)) == 0)
			return 0;
	if (l->n == BF_MAC_LIST_MAX)
		return bf_err_set(err, EINVAL, "%s: \"%s\": expected at most %d addresses", what,
			item, BF_MAC_LIST_MAX);
	l->at[l->n++] = p;
	return 0;
}

int
bf_mac_list_parse(const char *what, const char *text, struct bf_mac_list *l, struct bf_err *err)
{
	struct bf_mac_list fresh = {.n = 0};

	if (strcmp(text, "none") != 0 && bf_parse_items(what, text, add_prefix, &fresh, err) != 0)
		return -EINVAL;
	*l = fresh;
	return 0;
}

static void
print_prefix(const struct bf_mac_prefix *p, char *buf, size_t size)
{
	int at = 0;

	if (p->len == 0) {
		snprintf(buf, size, "auto");
		return;
	}
	for (unsigned int i = 0; i * 8 < p->len; i++)
		at += snprintf(buf + at, size - (size_t)at, "%s%02x", i > 0 ? ":" : "", p->addr[i]);
	if (p->len < 48)
		snprintf(buf + at, size - (size_t)at, "/%u", p->len);
}

void
bf_mac_list_print(const struct bf_mac_list *l, char *buf, size_t size)
{
	char text[24];

	buf[0] = '\0';
	for (uint32_t i = 0; i < l->n; i++) {
		print_prefix(&l->at[i], text, sizeof(text));
		bf_words_add(buf, size, ",", text);
	}
	if (l->n == 0)
		snprintf(buf, size, "none");
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Words to values.
 *
 * Threads: any (pure functions).
 */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/suggest.h"
#include "base/words.h"

int
bf_parse_u64(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out,
	struct bf_err *err)
{
	char *end = NULL;
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, hex ? 16 : 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || v < min || v > max)
		return bf_err_set(err, EINVAL, "%s: \"%.80s\": expected %" PRIu64 " to %" PRIu64,
			what, text, min, max);
	*out = v;
	return 0;
}

int
bf_parse_bool(const char *what, const char *text, bool *out, struct bf_err *err)
{
	static const char *const word[] = {"off", "on", "no", "yes", "false", "true", "0", "1"};

	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		if (strcasecmp(text, word[i]) == 0) {
			*out = (i & 1) != 0;
			return 0;
		}
	}
	return bf_err_set(err, EINVAL, "%s: \"%.80s\": expected on or off", what, text);
}

int
bf_parse_mac(
	const char *what, const char *text, bool multicast_ok, uint8_t out[6], struct bf_err *err)
{
	uint8_t mac[6];
	bool zero = true, good = strlen(text) == 17;

	for (int i = 0; good && i < 17; i++)
		good = i % 3 == 2 ? text[i] == ':' : isxdigit((unsigned char)text[i]) != 0;
	if (!good)
		return bf_err_set(err, EINVAL,
			"%s: \"%.80s\": expected a MAC address xx:xx:xx:xx:xx:xx", what, text);
	for (int i = 0; i < 6; i++) {
		mac[i] = (uint8_t)strtoul(text + (size_t)i * 3, NULL, 16);
		zero = zero && mac[i] == 0;
	}
	if (zero || (!multicast_ok && (mac[0] & 1) != 0))
		return bf_err_set(
			err, EINVAL, "%s: \"%s\": expected a unicast MAC address", what, text);
	memcpy(out, mac, sizeof(mac));
	return 0;
}

/* Then a number is one of them, and not a place in the list. */
static bool
numbers_are_names(const char *const *names, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (names[i][0] != '\0' && names[i][strspn(names[i], "0123456789")] == '\0')
			return true;
	return false;
}

int
bf_parse_enum(const char *what, const char *text, const char *const *names, unsigned int n,
	unsigned int *out, struct bf_err *err)
{
	char list[256] = "", hint[64] = "";
	struct bf_suggest near;
	char *end = NULL;
	unsigned long v;

	for (unsigned int i = 0; i < n; i++) {
		if (names[i][0] != '\0' && strcasecmp(text, names[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	v = strtoul(text, &end, 10);
	if (!numbers_are_names(names, n) && isdigit((unsigned char)text[0]) && *end == '\0' &&
		v < n) {
		*out = (unsigned int)v;
		return 0;
	}
	bf_suggest_init(&near, text);
	for (unsigned int i = 0; i < n; i++) {
		if (names[i][0] == '\0')
			continue;
		bf_suggest_offer(&near, names[i]);
		bf_words_add(list, sizeof(list), ", ", names[i]);
	}
	bf_suggest_append(&near, hint, sizeof(hint));
	if (numbers_are_names(names, n))
		return bf_err_set(
			err, EINVAL, "%s: \"%.80s\": expected one of %s%s", what, text, list, hint);
	return bf_err_set(err, EINVAL, "%s: \"%.80s\": expected one of %s, or 0 to %u%s", what,
		text, list, n - 1, hint);
}

static int
parse_word(const char *what, const char *text, const char *extra, char *out, size_t max,
	struct bf_err *err)
{
	size_t len = strlen(text);
	bool ok = len > 0 && len < max && text[0] != '-' && text[0] != '.';

	for (size_t i = 0; ok && i < len; i++)
		ok = isalnum((unsigned char)text[i]) || strchr(extra, text[i]) != NULL;
	if (!ok)
		return bf_err_set(err, EINVAL,
			"%s: \"%.80s\": expected 1 to %zu characters of A-Z a-z 0-9 %s", what, text,
			max - 1, extra);
	memcpy(out, text, len + 1);
	return 0;
}

int
bf_parse_name(const char *what, const char *text, char *out, size_t max, struct bf_err *err)
{
	return parse_word(what, text, "._-", out, max, err);
}

int
bf_parse_device(const char *what, const char *text, char *out, size_t max, struct bf_err *err)
{
	return parse_word(what, text, "._-:", out, max, err);
}

/* Where the pair at @p p ends; the value of a list goes on behind a comma. */
static char *
pair_end(char *p, bool is_list)
{
	char *end = p + strcspn(p, ",");

	while (is_list && *end == ',') {
		size_t len = strcspn(end + 1, ",");

		if (memchr(end + 1, '=', len) != NULL)
			break;
		end += 1 + len;
	}
	return end;
}

int
bf_parse_pairs(const char *what, const char *text, bf_parse_is_list_cb *is_list,
	bf_parse_pair_cb *cb, void *arg, struct bf_err *err)
{
	char buf[4096], *end;
	int ret = 0;

	if (strlen(text) >= sizeof(buf))
		return bf_err_set(err, EINVAL, "%s: %zu characters: expected at most %zu", what,
			strlen(text), sizeof(buf) - 1);
	memcpy(buf, text, strlen(text) + 1);
	for (char *p = buf + strspn(buf, ","); *p != '\0' && ret == 0; p = end + strspn(end, ",")) {
		char *value = p + strcspn(p, "=,");
		bool has_value = *value == '=';

		if (has_value)
			*value++ = '\0';
		end = pair_end(value, has_value && is_list != NULL && is_list(arg, p));
		if (*end != '\0')
			*end++ = '\0';
		if (p[0] == '\0')
			return bf_err_set(
				err, EINVAL, "%s: \"=%.60s\": expected KEY=VALUE", what, value);
		ret = cb(arg, p, has_value ? value : "", err);
	}
	return ret;
}

int
bf_parse_items(
	const char *what, const char *text, bf_parse_item_cb *cb, void *arg, struct bf_err *err)
{
	char item[BF_PARSE_ITEM_MAX + 1];
	unsigned int n = 0;
	size_t len;
	int ret = 0;

	for (const char *p = text; *p != '\0' && ret == 0; p += len + (p[len] == ',')) {
		len = strcspn(p, ",");
		if (len >= sizeof(item))
			return bf_err_set(err, EINVAL,
				"%s: \"%.80s\": expected at most %d characters between commas",
				what, p, BF_PARSE_ITEM_MAX);
		if (len == 0)
			continue;
		memcpy(item, p, len);
		item[len] = '\0';
		n++;
		ret = cb(arg, what, item, err);
	}
	if (n == 0)
		return bf_err_set(
			err, EINVAL, "%s: \"%.80s\": expected a list A,B,... or none", what, text);
	return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Plain values: numbers, words, addresses, names.
 *
 * Threads: ctx control.
 */
#include "control/config/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/mac.h"
#include "base/parse.h"
#include "base/words.h"
#include "control/config/config.h"

/* Numbers. */

static int
u32_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint64_t n;
	int ret = bf_parse_u64(k->name, text, (uint64_t)k->min, (uint64_t)k->max, &n, err);

	if (ret == 0)
		*(uint32_t *)at = (uint32_t)n;
	return ret;
}

static void
u32_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "%" PRIu32, *(const uint32_t *)at);
}

static void
number_values(const struct bf_key *k, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRId64 " to %" PRId64, k->min, k->max);
}

const struct bf_key_type bf_type_u32 = {
	.parse = u32_parse, .print = u32_print, .values = number_values, .size = sizeof(uint32_t)};

static int
i32_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	bool negative = text[0] == '-';
	uint64_t n = 0;

	if (bf_parse_u64(k->name, text + negative, 0, (uint64_t)k->max, &n, NULL) != 0)
		return bf_err_set(err, EINVAL, "%s: \"%.60s\": expected %" PRId64 " to %" PRId64,
			k->name, text, k->min, k->max);
	*(int32_t *)at = negative ? -(int32_t)n : (int32_t)n;
	return 0;
}

static void
i32_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "%" PRId32, *(const int32_t *)at);
}

const struct bf_key_type bf_type_i32 = {
	.parse = i32_parse, .print = i32_print, .values = number_values, .size = sizeof(int32_t)};

static int
of_bond_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint64_t n = BF_OF_BOND;

	if (strcmp(text, "bond") != 0 &&
		bf_parse_u64(k->name, text, (uint64_t)k->min, (uint64_t)k->max, &n, NULL) != 0)
		return bf_err_set(err, EINVAL,
			"%s: \"%.60s\": expected %" PRId64 " to %" PRId64 ", or bond: the bond's",
			k->name, text, k->min, k->max);
	*(uint32_t *)at = (uint32_t)n;
	return 0;
}

static void
of_bond_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	if (*(const uint32_t *)at == BF_OF_BOND)
		snprintf(buf, size, "bond");
	else
		u32_print(k, at, buf, size);
}

static void
of_bond_values(const struct bf_key *k, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRId64 " to %" PRId64 ", bond", k->min, k->max);
}

const struct bf_key_type bf_type_of_bond = {.parse = of_bond_parse,
	.print = of_bond_print,
	.values = of_bond_values,
	.size = sizeof(uint32_t)};

/* Words. */

static int
bool_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	return bf_parse_bool(k->name, text, at, err);
}

static void
bool_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "%s", *(const bool *)at ? "on" : "off");
}

static void
bool_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "on, off");
}

const struct bf_key_type bf_type_bool = {
	.parse = bool_parse, .print = bool_print, .values = bool_values, .size = sizeof(bool)};

static int
either_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	unsigned int word;
	int ret = bf_parse_enum(k->name, text, k->words, k->n_words, &word, err);

	if (ret == 0)
		*(bool *)at = word != 0;
	return ret;
}

static void
either_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	snprintf(buf, size, "%s", k->words[*(const bool *)at ? 1 : 0]);
}

static void
word_values(const struct bf_key *k, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int i = 0; i < k->n_words; i++)
		bf_words_add(buf, size, ", ", k->words[i]);
}

const struct bf_key_type bf_type_either = {
	.parse = either_parse, .print = either_print, .values = word_values, .size = sizeof(bool)};

static int
enum_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	unsigned int word;
	int ret = bf_parse_enum(k->name, text, k->words, k->n_words, &word, err);

	if (ret == 0)
		*(uint32_t *)at = word;
	return ret;
}

static void
enum_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	snprintf(buf, size, "%s", k->words[*(const uint32_t *)at]);
}

const struct bf_key_type bf_type_enum = {
	.parse = enum_parse, .print = enum_print, .values = word_values, .size = sizeof(uint32_t)};

/* Addresses and names. */

static int
mac_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	uint8_t *mac = at;

	if (strcmp(text, "none") == 0 || strcmp(text, "default") == 0) {
		memset(mac, 0, 6);
		return 0;
	}
	if (strcmp(text, "random") == 0 && (k->flags & BF_KEY_RANDOM)) {
		if (getrandom(mac, 6, 0) != 6)
			return bf_err_set(err, errno, "%s: no random numbers", k->name);
		mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* local, unicast */
		return 0;
	}
	return bf_parse_mac(k->name, text, false, mac, err);
}

static void
mac_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	char text[BF_MAC_TEXT_SIZE];

	(void)k;
	bf_mac_text(at, text);
	snprintf(buf, size, "%s", bf_mac_is_zero(at) ? "none" : text);
}

static void
mac_values(const struct bf_key *k, char *buf, size_t size)
{
	snprintf(buf, size, "MAC address, none%s", k->flags & BF_KEY_RANDOM ? ", random" : "");
}

const struct bf_key_type bf_type_mac = {
	.parse = mac_parse, .print = mac_print, .values = mac_values, .size = 6};

static void
string_print(const struct bf_key *k, const void *at, char *buf, size_t size)
{
	const char *text = at;

	(void)k;
	snprintf(buf, size, "%s", text[0] != '\0' ? text : "none");
}

static bool
string_is_equal(const void *a, const void *b)
{
	return strcmp(a, b) == 0;
}

static int
name_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	if (strcmp(text, "none") == 0 && k->def == NULL && !(k->flags & BF_KEY_IDENTITY)) {
		*(char *)at = '\0';
		return 0;
	}
	return bf_parse_name(k->name, text, at, (size_t)k->max, err);
}

static void
name_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "name");
}

const struct bf_key_type bf_type_name = {.parse = name_parse,
	.print = string_print,
	.values = name_values,
	.is_equal = string_is_equal};

static int
device_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	if (strcmp(text, "none") == 0) {
		*(char *)at = '\0';
		return 0;
	}
	return bf_parse_device(k->name, text, at, (size_t)k->max, err);
}

static void
device_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "device, none");
}

const struct bf_key_type bf_type_device = {.parse = device_parse,
	.print = string_print,
	.values = device_values,
	.is_equal = string_is_equal};

static int
path_parse(const struct bf_key *k, const char *text, void *at, struct bf_err *err)
{
	size_t len = strlen(text);

	if (len < 2 || len >= (size_t)k->max || text[0] != '/')
		return bf_err_set(err, EINVAL,
			"%s: \"%.120s\": expected an absolute path of 2 to %" PRId64 " characters",
			k->name, text, k->max - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f ||
			text[i] == '"' || text[i] == '\'')
			return bf_err_set(err, EINVAL,
				"%s: \"%.120s\": expected printable ASCII without blanks and quotes",
				k->name, text);
	memcpy(at, text, len + 1);
	return 0;
}

static void
path_values(const struct bf_key *k, char *buf, size_t size)
{
	(void)k;
	snprintf(buf, size, "path");
}

const struct bf_key_type bf_type_path = {.parse = path_parse,
	.print = string_print,
	.values = path_values,
	.is_equal = string_is_equal};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * UTF-8 and control characters, by the table of well-formed sequences in the Unicode standard.
 *
 * Threads: pure functions, any.
 */

#include <stdint.h>
#include <string.h>

#include "base/text.h"

static bool
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Range of the second byte, which rules out overlong forms, surrogates and what is too large. */
static bool
second_is_valid(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_tail(second);
	}
}

size_t
bf_text_utf8_len(const char *s, size_t len)
{
	unsigned char first;
	size_t want, i;

	if (len == 0)
		return 0;
	first = (unsigned char)s[0];
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	want = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (len < want || !second_is_valid(first, (unsigned char)s[1]))
		return 0;
	for (i = 2; i < want; i++)
		if (!is_tail((unsigned char)s[i]))
			return 0;
	return want;
}

static bool
is_control(const char *s, size_t char_len)
{
	unsigned char c = (unsigned char)s[0];

	if (char_len == 1)
		return (c < 0x20 && c != '\t') || c == 0x7f;
	/* U+0080 to U+009F: a terminal may take them for escape sequences. */
	return char_len == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;
}

bool
bf_text_is_printable(const char *s, size_t len, size_t *bad_idx)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = bf_text_utf8_len(s + i, len - i);
		if (n == 0 || is_control(s + i, n)) {
			*bad_idx = i;
			return false;
		}
	}
	return true;
}

void
bf_text_sanitize(char *s)
{
	size_t len = strlen(s), i = 0, n;

	while (i < len) {
		n = bf_text_utf8_len(s + i, len - i);
		if (n == 0 || s[i] == '\t' || is_control(s + i, n)) {
			s[i] = '?';
			n = 1;
		}
		i += n;
	}
}

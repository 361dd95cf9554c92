/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Splitting of a line into words: blanks, quotes, comments.
 *
 * Threads: none of its own.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/line.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Copy one word to dst without its quotes.  Returns the end of the word in the source, or NULL
 * and the place of the quote that is not closed.
 */
static const char *
take_word(const char *p, const char *end, char **dst, const char **open_quote)
{
	char quote = '\0';

	for (; p < end; p++) {
		if (quote == '\0' && is_blank(*p))
			break;
		if (quote == '\0' && (*p == '"' || *p == '\'')) {
			quote = *p;
			*open_quote = p;
			continue;
		}
		if (quote != '\0' && *p == quote) {
			quote = '\0';
			continue;
		}
		if (quote == '"' && *p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
			p++;
		*(*dst)++ = *p;
	}
	if (quote != '\0')
		return NULL;
	*(*dst)++ = '\0';
	return p;
}

static bool
check_text(const char *text, size_t len, struct bf_err *err)
{
	size_t bad;

	if (len > BF_CMD_LINE_MAX) {
		bf_err_set(err, EINVAL, "line: longer than %d bytes: expected at most that",
			BF_CMD_LINE_MAX);
		return false;
	}
	if (!bf_text_is_printable(text, len, &bad)) {
		bf_err_set(err, EINVAL,
			"line: byte 0x%02x at column %zu: expected printable UTF-8 text",
			(unsigned char)text[bad], bad + 1);
		return false;
	}
	return true;
}

bool
bf_line_split(struct bf_line *line, const char *text, struct bf_err *err)
{
	size_t len = strnlen(text, BF_CMD_LINE_MAX + 2);
	const char *p = text, *end, *open_quote = text;
	char *dst = line->text;

	line->n_words = 0;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (!check_text(text, len, err))
		return false;
	end = text + len;
	for (;;) {
		while (p < end && is_blank(*p))
			p++;
		if (p == end || *p == '#')
			return true;
		if (line->n_words == BF_CMD_WORDS_MAX) {
			bf_err_set(err, EINVAL, "line: more than %d words", BF_CMD_WORDS_MAX);
			return false;
		}
		line->words[line->n_words] = dst;
		p = take_word(p, end, &dst, &open_quote);
		if (p == NULL) {
			bf_err_set(err, EINVAL, "line: %c at column %zu: expected a closing %c",
				*open_quote, (size_t)(open_quote - text) + 1, *open_quote);
			return false;
		}
		line->n_words++;
	}
}

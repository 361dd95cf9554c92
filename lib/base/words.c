/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lists of words, and text for one line.
 *
 * Threads: any (pure functions).
 */
#include "base/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DOTS " ..."

static bool
has_ended(const char *list, size_t len)
{
	return len >= strlen(DOTS) && strcmp(list + len - strlen(DOTS), DOTS) == 0;
}

/* Room for the dots is kept free: the next word may be the one that does not fit. */
void
bf_words_add(char *list, size_t size, const char *separator, const char *word)
{
	size_t len = strlen(list), between = len > 0 ? strlen(separator) : 0;

	if (has_ended(list, len))
		return;
	if (len + between + strlen(word) + sizeof(DOTS) <= size)
		snprintf(list + len, size - len, "%s%s", len > 0 ? separator : "", word);
	else
		memcpy(list + len, DOTS, sizeof(DOTS));
}

char *
bf_words_plain(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return text;
}

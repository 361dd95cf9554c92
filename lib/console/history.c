/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lines that were typed.
 *
 * Threads: none of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "console/history.h"

bool
bf_history_add(struct bf_history *h, const char *line)
{
	char *copy;

	if (line[strspn(line, " \t")] == '\0' ||
		(h->n > 0 && strcmp(h->lines[h->n - 1], line) == 0))
		return false;
	copy = strdup(line);
	if (copy == NULL)
		return false;
	if (h->n == BF_HISTORY_MAX) {
		free(h->lines[0]);
		memmove(&h->lines[0], &h->lines[1], (h->n - 1) * sizeof(h->lines[0]));
		h->n--;
	}
	h->lines[h->n++] = copy;
	return true;
}

int
bf_history_find(const struct bf_history *h, unsigned int before, const char *text)
{
	for (unsigned int i = before; i > 0; i--)
		if (strstr(h->lines[i - 1], text) != NULL)
			return (int)i - 1;
	return -1;
}

void
bf_history_fini(struct bf_history *h)
{
	while (h->n > 0)
		free(h->lines[--h->n]);
}

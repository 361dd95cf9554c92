/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A line that is no command here, but one of another program.
 *
 * Threads: pure functions over immutable data, any.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "console/set.h"

/* What people type in front of a command, from habit. */
static const char *const tools[] = {"ovs-appctl", "ovs-vsctl", "ovs-ofctl", "vppctl"};

static bool
is_tool(const char *word)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(word, tools[i]) == 0)
			return true;
	return false;
}

/* A word of a row; `<` begins the part that may be anything. */
static bool
word_fits(const char *pattern, size_t len, const char *word)
{
	const char *any = memchr(pattern, '<', len);

	if (any != NULL)
		return strncasecmp(pattern, word, (size_t)(any - pattern)) == 0;
	return strlen(word) == len && strncasecmp(pattern, word, len) == 0;
}

/* How many words of the line a row takes, all of its own; 0: it is another command. */
static unsigned int
row_fits(const char *row, const struct bf_line *line, unsigned int first)
{
	unsigned int n = 0;

	while (*row != '\0') {
		size_t len = strcspn(row, " ");

		if (first + n == line->n_words || !word_fits(row, len, line->words[first + n]))
			return 0;
		n++;
		row += len + strspn(row + len, " ");
	}
	return n;
}

bool
bf_foreign_explain(const struct bf_cmd_set *set, const struct bf_line *line, char *buf, size_t size)
{
	unsigned int first = line->n_words > 1 && is_tool(line->words[0]) ? 1 : 0;
	const struct bf_cmd_foreign *best = NULL;
	unsigned int n, most = 0;

	for (unsigned int i = 0; i < set->n_foreign; i++) {
		n = row_fits(set->foreign[i].words, line, first);
		if (n <= most)
			continue;
		most = n;
		best = &set->foreign[i];
	}
	if (best == NULL)
		return false;
	snprintf(buf, size, "\"%s\" is a command of %s; here: %s", best->words, best->of,
		best->instead);
	return true;
}

void
bf_cmd_set_foreign(
	struct bf_cmd_set *set, const struct bf_cmd_foreign *foreign, unsigned int n_foreign)
{
	set->foreign = foreign;
	set->n_foreign = n_foreign;
}

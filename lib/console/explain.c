/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Why a line is not understood: the first word that fits nowhere, and what would have fitted.
 *
 * Threads: pure functions over immutable data, any.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "console/set.h"

/* Bytes of the line and of the word that an explanation repeats. */
#define LINE_SHOWN 120
#define WORD_SHOWN 64

bool
bf_names_add(struct bf_names *names, const char *before, const char *text, const char *after)
{
	char **grown;
	char *name;

	if (names->n == BF_NAMES_MAX)
		return true;
	if (names->n == names->cap) {
		grown = realloc(names->names, (names->cap + 64) * sizeof(*grown));
		if (grown == NULL)
			return false;
		names->names = grown;
		names->cap += 64;
	}
	if (asprintf(&name, "%s%s%s", before, text, after) < 0)
		return false;
	names->names[names->n++] = name;
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
bf_names_sort(struct bf_names *names)
{
	unsigned int i, n = 0;

	if (names->n == 0)
		return;
	qsort(names->names, names->n, sizeof(*names->names), compare_names);
	for (i = 0; i < names->n; i++) {
		if (n > 0 && strcmp(names->names[n - 1], names->names[i]) == 0)
			free(names->names[i]);
		else
			names->names[n++] = names->names[i];
	}
	names->n = n;
}

void
bf_names_fini(struct bf_names *names)
{
	while (names->n > 0)
		free(names->names[--names->n]);
	free(names->names);
	memset(names, 0, sizeof(*names));
}

/* Append text; what does not fit is left out and ends the text with dots. */
static void
text_append(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf);

	if (len + strlen(text) < size)
		memcpy(buf + len, text, strlen(text) + 1);
	else if (len + 4 <= size && (len < 3 || strcmp(buf + len - 3, "...") != 0))
		memcpy(buf + len, "...", 4);
}

/* Append at most max bytes of a word, not cutting a UTF-8 character. */
static void
append_cut(char *buf, size_t size, const char *text, size_t max)
{
	char shown[LINE_SHOWN + 4];
	size_t len = strlen(text);

	if (len <= max) {
		text_append(buf, size, text);
		return;
	}
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	memcpy(shown, text, max);
	memcpy(shown + max, "...", 4);
	text_append(buf, size, shown);
}

static void
append_line(char *buf, size_t size, const struct bf_line *line)
{
	unsigned int i;

	for (i = 0; i < line->n_words; i++) {
		if (strlen(buf) > LINE_SHOWN) {
			text_append(buf, size, " ...");
			break;
		}
		if (i > 0)
			text_append(buf, size, " ");
		append_cut(buf, size, line->words[i], WORD_SHOWN);
	}
	text_append(buf, size, ": ");
}

static void
collect_expected(struct bf_names *names, const struct bf_form *form, unsigned int word_idx)
{
	const struct bf_item *item = bf_form_item(form, word_idx);
	unsigned int a;

	if (word_idx >= bf_form_min_words(form))
		(void)bf_names_add(names, "", "end of line", "");
	for (a = 0; item != NULL && a < item->n_alts; a++) {
		if (item->alts[a].is_arg)
			(void)bf_names_add(names, "<", item->alts[a].text, ">");
		else
			(void)bf_names_add(names, "", item->alts[a].text, "");
	}
}

static void
append_names(char *buf, size_t size, const struct bf_names *names)
{
	unsigned int i;

	text_append(buf, size, names->n > 1 ? "expected one of: " : "expected ");
	for (i = 0; i < names->n; i++) {
		if (i > 0)
			text_append(buf, size, ", ");
		text_append(buf, size, names->names[i]);
	}
}

static void
append_nearest(char *buf, size_t size, const char *word, const struct bf_names *names)
{
	struct bf_suggest near;

	bf_suggest_init(&near, word);
	for (unsigned int i = 0; i < names->n; i++)
		if (names->names[i][0] != '<' && strcmp(names->names[i], "end of line") != 0)
			bf_suggest_offer(&near, names->names[i]);
	bf_suggest_append(&near, buf, size);
}

/*
 * The longest prefix of the line that fits a form; among equals the one with fixed words further
 * left.  Returns its length in words.
 */
static unsigned int
find_prefix(const struct bf_cmd_set *set, const struct bf_line *line, unsigned char *best_ranks)
{
	unsigned char ranks[BF_CMD_WORDS_MAX];
	unsigned int i, n, best = 0;

	for (i = 0; i < set->grammar.n_forms; i++) {
		n = bf_form_fit(&set->grammar.forms[i], line, ranks);
		if (n < best || (n == best && memcmp(ranks, best_ranks, n) <= 0))
			continue;
		best = n;
		memcpy(best_ranks, ranks, n);
	}
	return best;
}

void
bf_explain_line(const struct bf_cmd_set *set, const struct bf_line *line, char *buf, size_t size)
{
	unsigned char ranks[BF_CMD_WORDS_MAX], best_ranks[BF_CMD_WORDS_MAX];
	struct bf_names names = {0};
	unsigned int i, n_fit;

	n_fit = find_prefix(set, line, best_ranks);
	for (i = 0; i < set->grammar.n_forms; i++) {
		const struct bf_form *form = &set->grammar.forms[i];

		if (bf_form_fit(form, line, ranks) == n_fit &&
			memcmp(ranks, best_ranks, n_fit) == 0)
			collect_expected(&names, form, n_fit);
	}
	bf_names_sort(&names);
	buf[0] = '\0';
	append_line(buf, size, line);
	if (n_fit < line->n_words) {
		text_append(buf, size, "\"");
		append_cut(buf, size, line->words[n_fit], WORD_SHOWN);
		text_append(buf, size, "\": ");
	}
	append_names(buf, size, &names);
	if (n_fit < line->n_words)
		append_nearest(buf, size, line->words[n_fit], &names);
	bf_names_fini(&names);
}

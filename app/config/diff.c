/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Differences of configurations, by the lines that print them.
 *
 * Threads: ctx control.
 */
#include "config/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"

/** The lines of a config; sorted, where they are looked up. */
struct lines {
	char **line;
	unsigned int n, room;
	bool failed;
};

static void
lines_add(void *arg, const char *line)
{
	struct lines *l = arg;

	if (l->n == l->room) {
		unsigned int room = l->room + 256;
		char **grown = realloc(l->line, room * sizeof(*grown));

		if (grown == NULL) {
			l->failed = true;
			return;
		}
		l->line = grown;
		l->room = room;
	}
	l->line[l->n] = strdup(line);
	if (l->line[l->n] == NULL)
		l->failed = true;
	else
		l->n++;
}

static void
lines_fini(struct lines *l)
{
	while (l->n > 0)
		free(l->line[--l->n]);
	free(l->line);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same lines by their text; they stay the other's. */
static int
lines_sort(const struct lines *l, struct lines *sorted)
{
	*sorted = (struct lines){.line = malloc((l->n + 1) * sizeof(char *)), .n = l->n};
	if (l->failed || sorted->line == NULL)
		return -ENOMEM;
	if (l->n == 0)
		return 0;
	memcpy(sorted->line, l->line, l->n * sizeof(char *));
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(sorted->line, sorted->n, sizeof(sorted->line[0]), by_text);
	return 0;
}

/* The lines of one that the other does not have. */
static unsigned int
show_missing(const struct lines *of, const struct lines *sorted, const char *sign, const char *key,
	struct bf_out *out)
{
	unsigned int n = 0;

	bf_out_arr_begin(out, key);
	for (unsigned int i = 0; i < of->n; i++) {
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are compared */
		if (bsearch(&of->line[i], sorted->line, sorted->n, sizeof(sorted->line[0]),
			    by_text) != NULL)
			continue;
		bf_out_printf(out, "%s %s\n", sign, of->line[i]);
		bf_out_str(out, NULL, of->line[i]);
		n++;
	}
	bf_out_arr_end(out);
	return n;
}

int
bf_diff_show(const struct bf_config *from, const struct bf_config *to, struct bf_diff *d,
	struct bf_out *out)
{
	struct lines a = {0}, b = {0}, sorted_a = {0}, sorted_b = {0};
	int ret;

	bf_config_print(from, lines_add, &a);
	bf_config_print(to, lines_add, &b);
	ret = lines_sort(&a, &sorted_a);
	if (ret == 0)
		ret = lines_sort(&b, &sorted_b);
	if (ret == 0) {
		d->removed = show_missing(&a, &sorted_b, "-", "removed", out);
		d->added = show_missing(&b, &sorted_a, "+", "added", out);
	}
	free(sorted_a.line);
	free(sorted_b.line);
	lines_fini(&a);
	lines_fini(&b);
	return ret;
}

static void
line_append(char *text, size_t size, const char *what, const char *name)
{
	char words[128];

	snprintf(words, sizeof(words), "%s %s", what, name);
	bf_words_add(text, size, ", ", words);
}

static bool
loses_bond(const struct bf_bond_config *from, const struct bf_config *to)
{
	const struct bf_bond_config *now = bf_config_find_bond(to, from->name);

	if (from->n_members == 0)
		return false;
	for (uint32_t i = 0; now != NULL && i < from->n_members; i++)
		if (bf_bond_config_member(now, from->members[i].name) >= 0)
			return false;
	return true;
}

bool
bf_diff_cuts(const struct bf_bridge *br, const struct bf_config *to, char *text, size_t size)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < br->running->n_bonds; i++)
		if (loses_bond(&br->running->bonds[i], to))
			line_append(text, size, "remove bond", br->running->bonds[i].name);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];
		const struct bf_guest_config *w =
			g == NULL ? NULL : bf_config_find_guest(to, g->cfg.name);

		if (g != NULL && bf_guest_is_cut(g, w))
			line_append(text, size,
				w != NULL             ? "cut guest"
					: g->cfg.host ? "remove host"
						      : "remove guest",
				g->cfg.name);
	}
	return text[0] != '\0';
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Nearest words, by the number of letters to insert, delete, replace, or swap with their neighbour.
 *
 * Threads: any (pure functions).
 */
#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 40 /* longer words get no suggestion */

static unsigned int
min3(unsigned int a, unsigned int b, unsigned int c)
{
	return a < b ? (a < c ? a : c) : (b < c ? b : c);
}

/* Damerau's distance between neighbours (optimal string alignment). */
static unsigned int
word_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];

	for (unsigned int i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (unsigned int j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int differ = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[a_len][b_len];
}

void
bf_suggest_init(struct bf_suggest *s, const char *typed)
{
	s->typed = typed;
	s->best = NULL;
	s->distance = strlen(typed) < 4 ? 2 : 3; /* nearer than this is near */
}

void
bf_suggest_offer(struct bf_suggest *s, const char *word)
{
	size_t a = strlen(s->typed), b = strlen(word);
	unsigned int d;

	if (a == 0 || a > WORD_MAX || b > WORD_MAX)
		return;
	d = word_distance(s->typed, a, word, b);
	if (d >= s->distance || d >= b)
		return;
	s->best = word;
	s->distance = d;
}

void
bf_suggest_append(const struct bf_suggest *s, char *buf, size_t size)
{
	size_t len = strlen(buf);

	if (s->best != NULL && len + strlen(s->best) + sizeof("; did you mean ?") <= size)
		snprintf(buf + len, size - len, "; did you mean %s?", s->best);
}

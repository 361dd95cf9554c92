/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "Did you mean": the known word that is nearest to one that was typed.
 *
 * Threads: any; the object belongs to its caller.
 */
#ifndef BF_BASE_SUGGEST_H
#define BF_BASE_SUGGEST_H

#include <stddef.h>

/** The best word so far. */
struct bf_suggest {
	const char *typed;
	const char *best; /* NULL: none is near */
	unsigned int distance;
};

/** ctx any. @p typed must outlive the object. */
void bf_suggest_init(struct bf_suggest *s, const char *typed);

/** Offer a word, which must outlive the object. A word far from the typed one is not taken. */
void bf_suggest_offer(struct bf_suggest *s, const char *word);

/** Append `; did you mean WORD?` when there is one; as a whole or not at all. */
void bf_suggest_append(const struct bf_suggest *s, char *buf, size_t size);

#endif

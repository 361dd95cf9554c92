/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lists of words in a bounded buffer: a word is in it as a whole, or the list ends in dots; and text for
 * one line.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_WORDS_H
#define BF_BASE_WORDS_H

#include <stddef.h>

/**
 * Append a word.
 *
 * ctx any.
 *
 * @param list
 *   A string, "" at first.  When there is no room for @p word it gets " ..." at its end, once; then
 *   every further word is left out.
 * @param size
 *   Its room in bytes, 5 or more.
 * @param separator
 *   Stands in front of every word but the first.
 */
void bf_words_add(char *list, size_t size, const char *separator, const char *word);

/** Make control bytes of a text "?", so that a line stays one. ctx any. @return @p text. */
char *bf_words_plain(char *text);

#endif

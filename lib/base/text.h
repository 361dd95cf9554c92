/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes that people or other programs gave us: what may be shown, what may be believed.
 *
 * Threads: pure functions, any.
 */

#ifndef BF_BASE_TEXT_H
#define BF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Length of the UTF-8 character at the start of some bytes.
 *
 * @return
 *   1 to 4; 0 when there is none (no bytes, wrong, overlong or cut encoding, surrogates).
 */
size_t bf_text_utf8_len(const char *s, size_t len);

/**
 * Check that bytes can be shown on a terminal: UTF-8 without control characters.  Tab is allowed.
 *
 * @param bad_idx
 *   Gets the index of the first byte that cannot.
 */
bool bf_text_is_printable(const char *s, size_t len, size_t *bad_idx);

/** Replace what bf_text_is_printable() refuses, and tabs, by '?'. */
void bf_text_sanitize(char *s);

#endif

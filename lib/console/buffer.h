/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes that grow at their end.
 *
 * Threads: none of its own; a buffer belongs to its caller.
 */
#ifndef BF_CONSOLE_BUFFER_H
#define BF_CONSOLE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/** Zero is empty; free(data) at the end. */
struct bf_buffer {
	char *data; /* a NUL follows the content; NULL: never added to */
	size_t len;
	size_t cap;
};

/** @return false when out of memory: nothing has changed. */
bool bf_buffer_add(struct bf_buffer *b, const char *data, size_t len);

/** Empty it; memory stays, unless it is more than @p keep bytes. */
void bf_buffer_reset(struct bf_buffer *b, size_t keep);

#endif

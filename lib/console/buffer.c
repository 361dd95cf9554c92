/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bytes that grow at their end: see buffer.h.
 *
 * Threads: none of its own.
 */
#include "console/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool
buffer_reserve(struct bf_buffer *b, size_t more)
{
	size_t cap = b->cap == 0 ? 256 : b->cap;
	char *data;

	/* One byte beyond the content is kept for the NUL. */
	while (cap - b->len <= more)
		cap *= 2;
	if (cap == b->cap)
		return true;
	data = realloc(b->data, cap);
	if (data == NULL)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

bool
bf_buffer_add(struct bf_buffer *b, const char *data, size_t len)
{
	if (!buffer_reserve(b, len))
		return false;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return true;
}

void
bf_buffer_reset(struct bf_buffer *b, size_t keep)
{
	b->len = 0;
	if (b->cap > keep) {
		free(b->data);
		b->data = NULL;
		b->cap = 0;
	} else if (b->data != NULL) {
		b->data[0] = '\0';
	}
}

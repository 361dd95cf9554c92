/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The memory of snapshots: blocks that are freed together.  Rows that outgrow theirs move to one twice
 * as big; the old one stays until the end.
 *
 * Threads: any; a snapshot belongs to one thread at a time.
 */
#include "base/table.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 8

#define ALIGN 128 /* a row may hold what is aligned to a cache line: 64 bytes, or 128 of arm64 */

struct bf_snapshot_block {
	struct bf_snapshot_block *next;
	_Alignas(ALIGN) char data[];
};

static void *
take_block(struct bf_snapshot *s, size_t size)
{
	size_t whole = (sizeof(struct bf_snapshot_block) + size + ALIGN - 1) / ALIGN * ALIGN;
	struct bf_snapshot_block *b = aligned_alloc(ALIGN, whole);

	if (b == NULL) {
		s->is_short = true;
		bf_snapshot_fail(s, -ENOMEM, "out of memory");
		return NULL;
	}
	memset(b, 0, whole);
	b->next = s->blocks;
	s->blocks = b;
	return b->data;
}

void
bf_snapshot_fini(struct bf_snapshot *s)
{
	struct bf_snapshot_block *b, *next;

	for (b = s->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	memset(s, 0, sizeof(*s));
}

void *
bf_rows_add(struct bf_snapshot *s, struct bf_rows *rows, size_t row_size)
{
	static _Thread_local _Alignas(ALIGN) char nowhere[BF_ROW_MAX];

	assert(row_size <= sizeof(nowhere));
	if (s->is_short) /* @p rows may be in a row that is nowhere itself */
		return memset(nowhere, 0, sizeof(nowhere));
	if (rows->n == rows->room) {
		uint32_t room = rows->room == 0 ? FIRST_ROOM : 2 * rows->room;
		void *at = take_block(s, room * row_size);

		if (at == NULL)
			return memset(nowhere, 0, sizeof(nowhere));
		if (rows->n > 0)
			memcpy(at, rows->at, rows->n * row_size);
		rows->at = at;
		rows->room = room;
	}
	return bf_rows_at(rows, rows->n++, row_size);
}

const char *
bf_snapshot_copy(struct bf_snapshot *s, const char *text)
{
	size_t size = strlen(text) + 1;
	void *copy = take_block(s, size);

	return copy == NULL ? "" : memcpy(copy, text, size);
}

void
bf_snapshot_fail(struct bf_snapshot *s, int ret, const char *fmt, ...)
{
	va_list ap;

	if (s->ret != 0)
		return;
	s->ret = ret;
	va_start(ap, fmt);
	vsnprintf(s->err.text, sizeof(s->err.text), fmt, ap);
	va_end(ap);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A config file that is being written, and what of the source has no place in it.
 *
 * Threads: one.
 */
#ifndef BF_IMPORT_DRAFT_H
#define BF_IMPORT_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Longest line, less than a config file may have; a longer one is cut. */
#define BF_DRAFT_LINE_MAX 4000
/** Most lines of what is lost; more are only counted: one row may be referred to by thousands of others. */
#define BF_DRAFT_LOST_MAX 50000

struct bf_draft {
	FILE *file;
	char *text; /* after bf_draft_end(): len bytes */
	size_t len;
	FILE *losses_file;
	char *losses; /* the same of what is lost, a line each */
	size_t losses_len;
	unsigned int n_lost;
};

/** @return false: out of memory */
bool bf_draft_begin(struct bf_draft *d);
/** No more lines. @return false: out of memory */
bool bf_draft_end(struct bf_draft *d);
void bf_draft_free(struct bf_draft *d);

/** An empty line. */
void bf_draft_blank(struct bf_draft *d);

/** A line. Control bytes in it become "?", so that it stays one. */
void bf_draft_line(struct bf_draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Something that has no counterpart: a comment in the file, and a line for the operator. */
void bf_draft_lost(struct bf_draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

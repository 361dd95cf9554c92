/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which events are wanted: of a level and graver, of certain kinds.  The console's monitor and bondctl's share it.
 *
 * Threads: none of its own.
 */
#ifndef BF_APP_EVENT_FILTER_H
#define BF_APP_EVENT_FILTER_H

#include <stdbool.h>

#include "base/err.h"

#define BF_EVENT_FILTER_MAX 16

/** Filled by bf_event_filter_parse(). */
struct bf_event_filter {
	unsigned int level; /* enum bf_log_level: this one and graver */
	const char *kinds[BF_EVENT_FILTER_MAX]; /* the caller's; a * at the end stands for any */
	unsigned int n_kinds; /* 0: all */
};

/**
 * Read the words of a filter: a level, kinds, both or nothing.
 *
 * @param words
 *   Must outlive the filter.
 * @return
 *   0, or -EINVAL with the reason.
 */
int bf_event_filter_parse(struct bf_event_filter *f, const char *const *words, unsigned int n_words,
	struct bf_err *err);

/** The level of a name, or -1. */
int bf_event_level(const char *name);

bool bf_event_filter_has(const struct bf_event_filter *f, unsigned int level, const char *what);

#endif

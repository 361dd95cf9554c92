/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The last configurations that were written: a folder FILE.history beside the file of --config, in it a file for
 * each, by its number.
 *
 * Theory of operation.  Numbers go up and are never used again while the newest stays, so that a number means the
 * same for two operators.  A file begins with two comments, who and why; the rest is the configuration file, byte
 * by byte.  What somebody has edited by hand is kept, too, before it is written over.
 *
 * Threads: ctx control.  May block on a disk, as writing the configuration does.
 */
#ifndef BF_APP_CONFIG_EARLIER_H
#define BF_APP_CONFIG_EARLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define BF_EARLIER_MAX 100
#define BF_EARLIER_PATH_MAX 4200
#define BF_EARLIER_TEXT_MAX 160

struct bf_earlier_entry {
	uint32_t number;
	uint64_t time_s; /* since 1970 */
	char author[BF_EARLIER_TEXT_MAX], reason[BF_EARLIER_TEXT_MAX];
};

/**
 * Keep the file as it is now, and only the newest @p keep.
 *
 * @param reason
 *   "": none.  Without one, a file that is the newest kept one already is not kept again.
 * @return
 *   0, or -errno with the path and the reason; the file itself is never touched.
 */
int bf_earlier_keep(const char *file, uint32_t keep, const char *author, const char *reason,
	struct bf_err *err);

/** Before the file is written over: keep it if others than us have changed it. @return as bf_earlier_keep() */
int bf_earlier_keep_foreign(const char *file, uint32_t keep, struct bf_err *err);

/**
 * What is kept, the newest first.
 *
 * @param list
 *   Gets an array; free() it.
 * @return
 *   How many; 0: none, or nothing can be read.
 */
uint32_t bf_earlier_list(const char *file, struct bf_earlier_entry **list);

/** Where a number is kept. @return 0, or -ENOENT with what there is */
int bf_earlier_find(
	const char *file, uint32_t number, char path[BF_EARLIER_PATH_MAX], struct bf_err *err);

/** Is this a file of the folder? */
bool bf_earlier_has(const char *file, const char *path);

#endif

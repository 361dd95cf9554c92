/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Could guests migrate to another host?  Of that host there is a file: its configuration, or what
 * `bondctl -j show guest` prints there.
 *
 * Threads: ctx control.
 */
#ifndef BF_MIGRATE_H
#define BF_MIGRATE_H

#include "app.h"

#define BF_MIGRATE_DIFFERENCES 16
#define BF_MIGRATE_TEXT_MAX 240

/** Of one guest. */
struct bf_migration {
	const char *guest;
	bool is_known; /* it has negotiated something */
	struct bf_err why; /* it could not; "": it could */
	uint32_t n_differences;
	char difference[BF_MIGRATE_DIFFERENCES][BF_MIGRATE_TEXT_MAX]; /* of its port, in words */
};

typedef void bf_migrate_cb(void *arg, const struct bf_migration *m);

/**
 * Judge each guest that is here and in the file.
 *
 * @return
 *   0, or -errno with the reason: the file cannot be read, or has no guest of ours.
 */
int bf_migrate_check(
	struct bf_app *app, const char *path, bf_migrate_cb *cb, void *arg, struct bf_err *err);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration as a file, written over an older one without losing what people wrote there.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_SAVE_H
#define BF_APP_CONFIG_SAVE_H

#include "control/config/config.h"

struct bf_save {
	char path[4096]; /* where it is, whole, links followed */
	unsigned int dropped; /* lines of comments that had nowhere to go */
};

/**
 * Write a config file.
 *
 * ctx control. A block of comments stays above the command it stood above, as long as that is
 * printed still (with other values, too); the first block of the file stays at its head.
 * Comments at the end of a line, and those of commands that are gone, are dropped and counted.
 * Mode and owner of the file stay. May block on a disk.
 *
 * @return 0 or -errno; then the old file is untouched.
 */
int bf_save_config(const char *path, const struct bf_config *c, struct bf_save *s);

#endif

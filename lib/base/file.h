/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Files that are read and replaced as a whole.
 *
 * Threads: any.
 */
#ifndef BF_BASE_FILE_H
#define BF_BASE_FILE_H

#include <stdio.h>
#include <sys/types.h>

/** Writes the content. */
typedef void bf_file_cb(void *arg, FILE *f);

/**
 * Write a file beside the target and then over it: a reader finds the old content or the new one,
 * whole, also after a crash of the host. Mode, owner and group stay those of the old file; a new one
 * has mode 0640. It may block on a disk.
 *
 * @return 0 or -errno; then the old file is untouched.
 */
int bf_file_replace(const char *path, bf_file_cb *cb, void *arg);

/** The same with another mode for a new file, less the umask. */
int bf_file_replace_mode(const char *path, mode_t mode, bf_file_cb *cb, void *arg);

/** Open a file of ours to read it: no link, and nothing that blocks. @return fclose() it; NULL with errno */
FILE *bf_file_open_own(const char *path);

#endif

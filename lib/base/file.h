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

/** Room for bf_file_why(). */
#define BF_FILE_WHY_MAX 400

/**
 * Why a file that somebody named was not opened: strerror(), and where this process looks if it finds none. A client
 * has another folder than the process, and a service may not see all folders of the host. errno is @p error then.
 *
 * @param buf
 *   BF_FILE_WHY_MAX bytes.
 * @return buf
 */
const char *bf_file_why(const char *path, int error, char *buf);

/**
 * Open a file that somebody named, to read it: nothing that blocks or has no end.
 *
 * @return the descriptor, or -1 with errno; EINVAL: it is no regular file.
 */
int bf_file_open_regular(const char *path);

/** Open a file of ours to read it: no link, and nothing that blocks. @return fclose() it; NULL with errno */
FILE *bf_file_open_own(const char *path);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Small files of the kernel: /sys and /proc, below a root that a test may choose.
 *
 * Each function takes the root first: "" for the machine itself, otherwise a folder that has `sys` and `proc`.
 * A path is a format, from "/sys" or "/proc" on.
 *
 * Threads: any.  A file may make its driver answer, which takes some microseconds, rarely more.
 */
#ifndef BF_MACHINE_SYSFS_H
#define BF_MACHINE_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BF_SYSFS_PATH 512

/**
 * The first line of a file, without white space at its end.
 *
 * @return
 *   0, or -errno and @p buf is "".
 */
int bf_sysfs_text(const char *root, char *buf, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/** A number, decimal or 0x...; @p fallback if the file or the number is not there. */
int64_t bf_sysfs_number(const char *root, int64_t fallback, const char *path, ...)
	__attribute__((format(printf, 3, 4)));

/** The last part of what a link points to, as in driver -> ../../bus/pci/drivers/vfio-pci. @return as bf_sysfs_text() */
int bf_sysfs_link(const char *root, char *buf, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/** Is there such a file, folder or link? */
bool bf_sysfs_has(const char *root, const char *path, ...) __attribute__((format(printf, 2, 3)));

/** Takes an entry of a folder or a line of a file. @return whether to go on */
typedef bool bf_sysfs_cb(void *arg, const char *text);

/** The entries of a folder in order of their names, without those that begin with a dot. None if there is no folder. */
void bf_sysfs_entries(const char *root, bf_sysfs_cb *cb, void *arg, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/** The lines of a file, without their ends. None if there is no file. */
void bf_sysfs_lines(const char *root, bf_sysfs_cb *cb, void *arg, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * SHA-1 (RFC 3174), as Open vSwitch guards the records of its database with it: against accidents of
 * disks and copies, not against people.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_IMPORT_SHA1_H
#define BF_IMPORT_SHA1_H

#include <stddef.h>

/** 40 digits of the hexadecimal form, and the end. */
#define BF_SHA1_TEXT_MAX 41

/** The hash of @p len bytes, in lower-case hexadecimal digits. */
void bf_sha1_text(const void *data, size_t len, char text[BF_SHA1_TEXT_MAX]);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * FNV-1a of texts: the same number on every machine and in every version.
 *
 * Threads: any (pure function).
 */
#ifndef BF_BASE_HASH_H
#define BF_BASE_HASH_H

#include <stdint.h>

#define BF_HASH_START 0xcbf29ce484222325u

/** Go on with a text. ctx any. @param h BF_HASH_START, or what came before. */
static inline uint64_t
bf_hash_text(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h;
}

#endif

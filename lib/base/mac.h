/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * MAC addresses: their one spelling (lower case, colons), and whether they are set.
 *
 * Threads: any (pure function).
 */
#ifndef BF_BASE_MAC_H
#define BF_BASE_MAC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BF_MAC_TEXT_SIZE 18

/** ctx any. @param m six bytes. @return @p text. */
static inline const char *
bf_mac_text(const uint8_t *m, char text[BF_MAC_TEXT_SIZE])
{
	snprintf(text, BF_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
		m[4], m[5]);
	return text;
}

/** An address that is not set. ctx any. @param m six bytes. */
static inline bool
bf_mac_is_zero(const uint8_t *m)
{
	return (m[0] | m[1] | m[2] | m[3] | m[4] | m[5]) == 0;
}

#endif

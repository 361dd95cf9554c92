/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A limit of a rate, in bits or in frames per second: "100mbit", "1gbit", "2000pps" or just "2000", or "off".
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_RATE_LIMIT_H
#define BF_BASE_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BF_RATE_LIMIT_BITS_MIN 1000ULL
#define BF_RATE_LIMIT_BITS_MAX 1000000000000ULL
#define BF_RATE_LIMIT_FRAMES_MAX 1000000000ULL

/** At most one of the two is not 0. */
struct bf_rate_limit {
	uint64_t bits_per_s;
	uint64_t frames_per_s;
};

/**
 * A whole number and a unit: bit, kbit, mbit, gbit, or pps, kpps, mpps (frames is another word
 * for pps; without a unit, and with k or m alone, frames are meant).  none is another word for off.
 *
 * @param r
 *   Unchanged when the text is refused.
 */
int bf_rate_limit_parse(
	const char *what, const char *text, struct bf_rate_limit *r, struct bf_err *err);
/** With the largest unit of which it is a whole number. */
void bf_rate_limit_print(const struct bf_rate_limit *r, char *buf, size_t size);

#endif

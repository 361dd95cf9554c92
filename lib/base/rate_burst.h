/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A rate with the bursts that it allows: "100mbit", "100mbit/256k", "100mbit/256k/512k", or "off".
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_RATE_BURST_H
#define BF_BASE_RATE_BURST_H

#include "base/rate_limit.h"

#define BF_BURST_BYTES_MIN 1518ULL
#define BF_BURST_BYTES_MAX 1000000000ULL
#define BF_BURST_FRAMES_MAX 10000000ULL

/** Bursts are in bytes where the rate is in bits, else in frames; 0: not said. */
struct bf_rate_burst {
	struct bf_rate_limit rate;
	uint64_t burst;
	uint64_t excess; /* a second burst, beyond the first */
};

/**
 * A rate as bf_rate_limit_parse() reads it, and behind slashes the burst and the excess burst: whole numbers,
 * with k or m for thousands and millions.
 *
 * @param n_bursts
 *   How many bursts may be said: 1 or 2.
 * @param r
 *   Unchanged when the text is refused.
 * @return
 *   0, or -EINVAL with @p what, the text and what was expected.
 */
int bf_rate_burst_parse(const char *what, const char *text, unsigned int n_bursts,
	struct bf_rate_burst *r, struct bf_err *err);
void bf_rate_burst_print(const struct bf_rate_burst *r, char *buf, size_t size);

/** The rate itself, in bytes or frames per second. */
uint64_t bf_rate_burst_units(const struct bf_rate_burst *r);
static inline bool
bf_rate_burst_is_off(const struct bf_rate_burst *r)
{
	return r->rate.bits_per_s == 0 && r->rate.frames_per_s == 0;
}

#endif

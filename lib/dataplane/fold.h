/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The mixing step of every hash here.
 *
 * Threads: any.
 */
#ifndef BF_DATAPLANE_FOLD_H
#define BF_DATAPLANE_FOLD_H

#include <stdint.h>

/**
 * A product of 128 bits folded in two.  The upper half is what makes it good: of a product of 64 bits, words that
 * count up in their high bytes (addresses in a row) see few bits of the multiplier.
 */
static inline uint64_t
bf_fold_by(uint64_t a, uint64_t mul)
{
	__uint128_t p = (__uint128_t)a * mul;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/** Two words in, one well mixed word out. */
static inline uint64_t
bf_fold(uint64_t a, uint64_t b, uint64_t seed)
{
	return bf_fold_by(a ^ seed ^ 0x9e3779b97f4a7c15ULL,
		b ^ (seed << 32 | seed >> 32) ^ 0xd6e8feb86659fd93ULL);
}

#endif

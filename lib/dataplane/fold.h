/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The mixing step of every hash here.
 *
 * Threads: any.
 */
#ifndef BF_DATAPLANE_FOLD_H
#define BF_DATAPLANE_FOLD_H

#include <stdint.h>

#define BF_FOLD_A 0x9e3779b97f4a7c15ULL
#define BF_FOLD_B 0xd6e8feb86659fd93ULL

/** A product of 128 bits folded in two. */
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
	return bf_fold_by(a ^ seed ^ BF_FOLD_A, b ^ (seed << 32 | seed >> 32) ^ BF_FOLD_B);
}

/**
 * One word that may count up from key to key (addresses in a row), mixed with two that were drawn.  What was drawn is
 * never a multiplier: 1 of 50 would put such keys on top of each other.
 */
static inline uint64_t
bf_fold_key(uint64_t key, const uint64_t seed[2])
{
	return bf_fold_by(bf_fold_by(key ^ seed[0], BF_FOLD_B) ^ seed[1], BF_FOLD_A);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Random numbers that are the same in every run: splitmix64.
 *
 * Threads: the state belongs to its caller.
 */
#ifndef BF_TEST_DRAW_H
#define BF_TEST_DRAW_H

#include <stdint.h>

static inline uint64_t
draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/** 0 to n - 1. */
static inline uint32_t
draw_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(draw(state) >> 32) % n;
}

#endif

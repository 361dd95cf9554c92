/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers in network order, as they stand in frames and messages: at any address.
 *
 * Compilers know these forms: each is one load or store, and a swap.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_BASE_BE_H
#define BF_BASE_BE_H

#include <stdint.h>

static inline uint16_t
bf_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
bf_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/** The low 16 bits of @p value. */
static inline void
bf_put_be16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void
bf_put_be32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

#endif

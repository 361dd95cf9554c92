/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers in network order and Internet checksums, byte by byte: slow and obviously right.  What the product
 * makes fast is compared with these.
 *
 * Threads: any.
 */
#ifndef BF_TEST_SUMS_H
#define BF_TEST_SUMS_H

#include <stdbool.h>
#include <stdint.h>

/** The lower 16 bits. */
static inline void
put_16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint32_t
get_16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline void
put_32(uint8_t *p, uint32_t v)
{
	put_16(p, v >> 16);
	put_16(p + 2, v);
}

static inline uint32_t
get_32(const uint8_t *p)
{
	return get_16(p) << 16 | get_16(p + 2);
}

/** To what is there; it wraps. */
static inline void
add_32(uint8_t *p, uint32_t more)
{
	put_32(p, get_32(p) + more);
}

/**
 * RFC 1071 section 1 as it is written, as a number.  @p sum: of what stands before these bytes, at an even
 * place.  @return the sum in 16 bits, not inverted: 0xffff over all of which the checksum is right.
 */
static inline uint32_t
naive(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/** The sum of a pseudo header, for naive() over TCP or UDP.  @p ip: the IP header; @p len: what is behind it. */
static inline uint32_t
naive_pseudo(const uint8_t *ip, bool v6, uint8_t proto, uint32_t len)
{
	const uint8_t rest[] = {0, proto, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
		(uint8_t)(len >> 8), (uint8_t)len};

	return naive(naive(0, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8), rest, sizeof(rest));
}

#endif

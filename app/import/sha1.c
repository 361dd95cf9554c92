/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * SHA-1 of bytes in memory.
 *
 * Threads: any (pure functions).
 */
#include "import/sha1.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE 64
#define LENGTH_SIZE 8 /* at the end of the last block: the length in bits */

static uint32_t
word_rotate(uint32_t x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static void
words_expand(const uint8_t *block, uint32_t w[80])
{
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			(uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 80; i++)
		w[i] = word_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
}

/* RFC 3174, 5 and 6.1 */
static void
block_add(uint32_t h[5], const uint8_t *block)
{
	static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	words_expand(block, w);
	for (int i = 0; i < 80; i++) {
		uint32_t f, next;

		if (i < 20)
			f = (b & c) | (~b & d);
		else if (i >= 40 && i < 60)
			f = (b & c) | (b & d) | (c & d);
		else
			f = b ^ c ^ d;
		next = word_rotate(a, 5) + f + e + k[i / 20] + w[i];
		e = d;
		d = c;
		c = word_rotate(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void
bf_sha1_text(const void *data, size_t len, char text[BF_SHA1_TEXT_MAX])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t last[2 * BLOCK_SIZE] = {0};
	size_t whole = len / BLOCK_SIZE * BLOCK_SIZE, rest = len - whole;
	size_t padded = rest < BLOCK_SIZE - LENGTH_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
	uint64_t bits = (uint64_t)len * 8;

	for (size_t at = 0; at < whole; at += BLOCK_SIZE)
		block_add(h, (const uint8_t *)data + at);
	memcpy(last, (const uint8_t *)data + whole, rest);
	last[rest] = 0x80;
	for (unsigned int i = 0; i < LENGTH_SIZE; i++)
		last[padded - 1 - i] = (uint8_t)(bits >> (8 * i));
	for (size_t at = 0; at < padded; at += BLOCK_SIZE)
		block_add(h, last + at);
	snprintf(text, BF_SHA1_TEXT_MAX, "%08x%08x%08x%08x%08x", h[0], h[1], h[2], h[3], h[4]);
}

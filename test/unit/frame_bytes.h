/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that tests build from their front, byte by byte.
 *
 * Threads: one.
 */
#ifndef BF_TEST_FRAME_BYTES_H
#define BF_TEST_FRAME_BYTES_H

#include <stdint.h>
#include <string.h>

struct frame {
	uint16_t len;
	uint8_t data[600];
};

static inline void
add(struct frame *f, const void *bytes, uint16_t n)
{
	memcpy(f->data + f->len, bytes, n);
	f->len = (uint16_t)(f->len + n);
}

static inline void
add_be16(struct frame *f, uint16_t value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	add(f, bytes, 2);
}

#endif

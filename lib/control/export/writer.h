/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Writing numbers in network order one behind the other. Whoever writes has made sure of the room.
 *
 * Threads: any (pure functions).
 */
#ifndef BF_CONTROL_EXPORT_WRITER_H
#define BF_CONTROL_EXPORT_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/be.h"

struct bf_writer {
	uint8_t *at;
};

static inline void
bf_write(struct bf_writer *w, const void *from, size_t len)
{
	memcpy(w->at, from, len);
	w->at += len;
}

static inline void
bf_write_zero(struct bf_writer *w, size_t len)
{
	memset(w->at, 0, len);
	w->at += len;
}

static inline void
bf_write8(struct bf_writer *w, uint8_t value)
{
	*w->at++ = value;
}

/** The low 16 bits. */
static inline void
bf_write16(struct bf_writer *w, uint32_t value)
{
	bf_put_be16(w->at, value);
	w->at += 2;
}

static inline void
bf_write32(struct bf_writer *w, uint32_t value)
{
	bf_put_be32(w->at, value);
	w->at += 4;
}

static inline void
bf_write64(struct bf_writer *w, uint64_t value)
{
	bf_write32(w, (uint32_t)(value >> 32));
	bf_write32(w, (uint32_t)value);
}

#endif

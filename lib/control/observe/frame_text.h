/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The head of a frame in one line: addresses, VLAN, what is in it, and from where to where.
 *
 * Threads: any.
 */
#ifndef BF_CONTROL_OBSERVE_FRAME_TEXT_H
#define BF_CONTROL_OBSERVE_FRAME_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define BF_FRAME_TEXT_MAX 320

/**
 * Describe a frame's head.
 *
 * @param len
 *   Bytes of @p data, any number; what is cut off is not described.
 * @param buf
 *   Gets the text, of less than BF_FRAME_TEXT_MAX bytes.
 */
void bf_frame_text(const uint8_t *data, size_t len, char *buf, size_t size);

#endif

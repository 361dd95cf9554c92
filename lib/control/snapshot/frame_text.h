/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A frame's headers in one line: addresses, tags, and what is behind them.
 *
 * Threads: any (pure function).
 */
#ifndef BF_CONTROL_SNAPSHOT_FRAME_TEXT_H
#define BF_CONTROL_SNAPSHOT_FRAME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/** As in "52:54:00:00:00:01 > ff:ff:ff:ff:ff:ff, VLAN 5 priority 0, ARP 10.0.0.1 asks for 10.0.0.2". */
void bf_frame_text(const uint8_t *frame, uint32_t len, char *text, size_t size);

#endif

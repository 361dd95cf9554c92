/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What arrived: one tally per (port, stream), kept for the life of the process or until cleared.
 *
 * Threads: one.
 */

#ifndef BF_PEER_TALLY_H
#define BF_PEER_TALLY_H

#include <stdio.h>

#include "frame.h"

#define TALLY_LISTED 8
/* Streams that go on beside everything else: no quiet waits for their end, and what came of them stays. */
#define TALLY_STEADY_FIRST 0xff00
#define TALLY_STEADY_LAST 0xffef

bool tally_is_steady(uint16_t stream);

/**
 * Account one numbered frame.  A corrupt frame counts as received and corrupt.
 */
void tally_add(uint16_t port, uint16_t queue, uint32_t len, const struct frame_report *report);

/**
 * Distinct intact frames of a stream that arrived at a port.
 */
uint64_t tally_distinct(uint16_t port, uint16_t stream);

/**
 * Forget everything. @param steady what came of steady streams, too
 */
void tally_clear(bool steady);

/**
 * Print one JSON object for a stream at a port.
 *
 * @param n_expected
 *   Frames 0 to n_expected - 1 should be there; the others count as missing.
 * @param n_listed
 *   The first of the missing ones, so many of them, are listed by their numbers.
 */
void tally_print(FILE *out, uint16_t port, uint16_t stream, uint32_t n_expected, uint32_t n_listed);

/**
 * Print a JSON array with one object for each stream seen.
 *
 * @param port
 *   UINT16_MAX means every port.
 */
void tally_print_all(FILE *out, uint16_t port);

#endif

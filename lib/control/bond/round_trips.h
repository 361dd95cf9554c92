/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Round trips of probes, for each member and target: from the moment that control hands over a question to the one
 * that it reads the answer.  So the time that a worker and control take is in it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_ROUND_TRIPS_H
#define BF_CONTROL_BOND_ROUND_TRIPS_H

#include <stdint.h>

#define BF_TRIP_BINS 12

/** Upper ends of the bins in seconds; the last one has none. */
extern const double bf_trip_bin_s[BF_TRIP_BINS - 1];

/** Zero is empty. */
struct bf_round_trips {
	uint64_t asked_ns; /* the latest question that has no answer yet; 0: none */
	uint64_t sent, answered;
	uint64_t bins[BF_TRIP_BINS];
	double last_us, min_us, max_us, sum_us;
	double jitter_us; /* RFC 3550 6.4.1: the smoothed difference between two round trips */
};

/** A question was sent. */
void bf_trip_ask(struct bf_round_trips *t, uint64_t now_ns);

/** An answer came: to the latest question; others are counted, and their time is not known. */
void bf_trip_answer(struct bf_round_trips *t, uint64_t now_ns);

#endif

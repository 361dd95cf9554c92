/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "control/bond/round_trips.h"

#define SMOOTH 16 /* RFC 3550 6.4.1 */

const double bf_trip_bin_s[BF_TRIP_BINS - 1] = {
	50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3};

void
bf_trip_ask(struct bf_round_trips *t, uint64_t now_ns)
{
	t->asked_ns = now_ns;
	t->sent++;
}

void
bf_trip_answer(struct bf_round_trips *t, uint64_t now_ns)
{
	double us = (double)(now_ns - t->asked_ns) / 1e3, difference;
	unsigned int bin = 0;

	t->answered++;
	if (t->asked_ns == 0 || now_ns < t->asked_ns)
		return;
	t->asked_ns = 0;
	if (t->max_us > 0) {
		difference = us > t->last_us ? us - t->last_us : t->last_us - us;
		t->jitter_us += (difference - t->jitter_us) / SMOOTH;
	}
	while (bin < BF_TRIP_BINS - 1 && us > 1e6 * bf_trip_bin_s[bin] + 1e-3)
		bin++;
	t->bins[bin]++;
	t->last_us = us;
	t->sum_us += us;
	t->min_us = t->max_us > 0 && t->min_us < us ? t->min_us : us;
	t->max_us = t->max_us > us ? t->max_us : us;
}

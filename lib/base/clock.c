/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Monotonic time.
 *
 * Threads: any.
 */
#include "base/clock.h"

#include <time.h>

uint64_t
bf_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
bf_clock_ms(void)
{
	return bf_clock_ns() / 1000000u;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The only readers of the clock in the slow room; everything else is given `now`.
 * The clock is monotonic: setting the date moves no timer.
 *
 * Threads: any.
 */
#ifndef BF_BASE_CLOCK_H
#define BF_BASE_CLOCK_H

#include <stdint.h>

/** Monotonic nanoseconds. */
uint64_t bf_clock_ns(void);

/** Monotonic milliseconds. */
uint64_t bf_clock_ms(void);

#endif

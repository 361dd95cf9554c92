/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Latencies of a trial: a log-linear histogram of TSC ticks.
 *
 * Every power of two is cut into HISTOGRAM_STEPS equal steps, so a value is known to 1/64 (1.6 %)
 * and counting one is a shift and an increment.
 *
 * Threads: one.
 */

#ifndef BF_GEN_HISTOGRAM_H
#define BF_GEN_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_SHIFT 6
#define HISTOGRAM_STEPS (1u << HISTOGRAM_SHIFT)
/* Up to 2^40 ticks, some minutes; longer ones are counted in the last bucket. */
#define HISTOGRAM_BUCKETS ((40 - HISTOGRAM_SHIFT) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t n;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t counts[HISTOGRAM_BUCKETS];
};

/**
 * Bucket of a value.
 */
static inline uint32_t
histogram_bucket(uint64_t ticks)
{
	uint32_t shift, bucket;

	if (ticks < 2 * HISTOGRAM_STEPS)
		return (uint32_t)ticks;
	shift = 63 - HISTOGRAM_SHIFT - (uint32_t)__builtin_clzll(ticks);
	bucket = shift * HISTOGRAM_STEPS + (uint32_t)(ticks >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static inline void
histogram_add(struct histogram *h, uint64_t ticks)
{
	h->counts[histogram_bucket(ticks)]++;
	h->n++;
	h->sum += ticks;
	if (ticks > h->max)
		h->max = ticks;
	if (ticks < h->min)
		h->min = ticks;
}

void histogram_clear(struct histogram *h);

/**
 * Smallest value that at least @p share of all values do not exceed, in ticks.
 *
 * @param share
 *   0 to 1.
 * @return
 *   Upper end of the bucket, at most the largest value; 0 when nothing was counted.
 */
uint64_t histogram_percentile(const struct histogram *h, double share);

/**
 * Print percentiles and mean in nanoseconds as a JSON object.
 */
void histogram_print(FILE *out, const struct histogram *h, uint64_t tsc_hz);

#endif

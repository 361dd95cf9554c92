/* SPDX-License-Identifier: BSD-3-Clause */

/* Latencies, see histogram.h. */

#include "histogram.h"

#include <string.h>

void
histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

/* Largest value of a bucket. */
static uint64_t
bucket_end(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	shift = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << shift) - 1;
}

uint64_t
histogram_percentile(const struct histogram *h, double share)
{
	uint64_t seen = 0, wanted = (uint64_t)(share * (double)h->n);
	uint32_t i;

	if (h->n == 0)
		return 0;
	if ((double)wanted < share * (double)h->n)
		wanted++;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= wanted && seen != 0)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}

void
histogram_print(FILE *out, const struct histogram *h, uint64_t tsc_hz)
{
	static const struct {
		const char *name;
		double share;
	} rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
	double ns = 1e9 / (double)tsc_hz;
	double n = h->n != 0 ? (double)h->n : 1;
	unsigned int i;

	fprintf(out, "{\"n\":%llu,\"min\":%.0f,\"mean\":%.0f", (unsigned long long)h->n,
		h->n != 0 ? (double)h->min * ns : 0, (double)h->sum / n * ns);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, ",\"%s\":%.0f", rows[i].name,
			(double)histogram_percentile(h, rows[i].share) * ns);
	fprintf(out, ",\"max\":%.0f}", (double)h->max * ns);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a worker counts beside ports: bursts, the time of each stage, how full rings are.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_COUNT_H
#define BF_DATAPLANE_COUNT_H

#include <rte_cycles.h>

#include "dataplane/lcore.h"

/** The bin of struct bf_pmd_counters.bursts for a burst of so many frames. */
extern const uint8_t bf_burst_bin[BF_BURST + 1];

static inline void
bf_count_burst(struct bf_worker *w, uint16_t n)
{
	w->counters->pmd.bursts[bf_burst_bin[n]]++;
}

static inline uint64_t
bf_stage_begin(const struct bf_worker *w)
{
	return unlikely(w->timed) ? rte_rdtsc() : 0;
}

static inline void
bf_stage_end(struct bf_worker *w, enum bf_stage_id stage, uint64_t begin)
{
	if (unlikely(w->timed))
		w->counters->pmd.stage_tsc[stage] += rte_rdtsc() - begin;
}

/* Frames are counted where they come in; what they cost later on is shared out over them. */
static inline void
bf_stage_end_rx(struct bf_worker *w, uint64_t begin, uint16_t frames)
{
	bf_stage_end(w, BF_STAGE_RX, begin);
	if (unlikely(w->timed))
		w->counters->pmd.stage_frames += frames;
}

/* Bins go up to powers of 4. */
static inline unsigned int
bf_fill_bin(uint32_t n)
{
	unsigned int bits = n > 1 ? 32 - (unsigned int)__builtin_clz(n - 1) : 0;

	return n == 0 ? 0 : RTE_MIN(1 + (bits + 1) / 2, BF_FILL_BINS - 1U);
}

static inline void
bf_count_fill(struct bf_worker *w, enum bf_fill_id ring, uint32_t n)
{
	struct bf_pmd_counters *p = &w->counters->pmd;

	p->fill_samples[ring]++;
	p->fill_sum[ring] += n;
	p->fill_max[ring] = RTE_MAX(p->fill_max[ring], n);
	p->fill_bins[ring][bf_fill_bin(n)]++;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See meter.h.
 *
 * Threads: worker.
 */
#include "dataplane/meter.h"

#include <rte_common.h>

static uint64_t
burst_steps(const struct bf_meter_rates *r, uint64_t rate, uint64_t burst, double cost)
{
	uint64_t least = r->by_bytes ? BF_METER_BURST_BYTES : BF_METER_BURST_FRAMES;

	if (burst == 0)
		burst = RTE_MAX(
			rate * (r->soft ? BF_METER_SOFT_MS : BF_METER_BURST_MS) / 1000, least);
	return (uint64_t)((double)burst * cost);
}

void
bf_meter_init(struct bf_meter *m, uint64_t tsc_hz, const struct bf_meter_rates *r)
{
	double second = (double)tsc_hz * BF_METER_STEPS;

	*m = (struct bf_meter){.by_bytes = r->by_bytes};
	if (r->rate == 0)
		return;
	m->cost = second / (double)r->rate;
	m->burst = burst_steps(r, r->rate, r->burst, m->cost);
	if (r->soft) {
		m->early = m->burst;
		m->burst += m->burst / BF_METER_EARLY_PART;
	}
	if (r->peak != 0) {
		m->peak_cost = second / (double)r->peak;
		m->second_burst = burst_steps(r, r->peak, r->peak_burst, m->peak_cost);
	} else {
		m->second_burst = (uint64_t)((double)r->excess * m->cost);
	}
}

/*
 * Take from a bucket that is kept as a time. @param idle gets how long it had been full @return false: it does
 * not have as much
 */
static inline bool
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
bucket_take(uint64_t *due, uint64_t now, uint64_t burst, uint64_t cost, uint64_t *idle)
{
	uint64_t was = __atomic_load_n(due, __ATOMIC_RELAXED), from;

	do {
		from = RTE_MAX(was, now);
		if (from + RTE_MIN(cost, burst) > now + burst)
			return false;
	} while (!__atomic_compare_exchange_n(
		due, &was, from + cost, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	*idle = from - was;
	return true;
}

/* Put into the bucket that is kept as what it lacks. */
static void
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
excess_add(uint64_t *lacks, uint64_t more)
{
	uint64_t was = __atomic_load_n(lacks, __ATOMIC_RELAXED);

	while (was != 0 &&
		!__atomic_compare_exchange_n(lacks, &was, was - RTE_MIN(was, more), true,
			__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static bool
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
excess_take(uint64_t *lacks, uint64_t burst, uint64_t cost)
{
	uint64_t was = __atomic_load_n(lacks, __ATOMIC_RELAXED);

	do {
		if (was + RTE_MIN(cost, burst) > burst)
			return false;
	} while (!__atomic_compare_exchange_n(
		lacks, &was, was + cost, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* RFC 2698, colour-blind. */
static enum bf_colour
two_rates(struct bf_meter *m, uint64_t now, uint32_t units, uint64_t cost)
{
	uint64_t peak_cost = (uint64_t)(m->peak_cost * units), idle;

	if (!bucket_take(&m->second, now, m->second_burst, peak_cost, &idle))
		return BF_RED;
	return bucket_take(&m->due, now, m->burst, cost, &idle) ? BF_GREEN : BF_YELLOW;
}

/* RFC 2697, colour-blind. */
static enum bf_colour
two_bursts(struct bf_meter *m, uint64_t now, uint64_t cost)
{
	uint64_t idle = 0;

	if (bucket_take(&m->due, now, m->burst, cost, &idle)) {
		if (idle > 0)
			excess_add(&m->second, idle);
		return BF_GREEN;
	}
	return excess_take(&m->second, m->second_burst, cost) ? BF_YELLOW : BF_RED;
}

enum bf_colour
bf_meter_judge(struct bf_meter *m, uint64_t now, uint32_t units)
{
	uint64_t cost = (uint64_t)(m->cost * units), idle;

	if (m->peak_cost != 0)
		return two_rates(m, now, units, cost);
	if (m->second_burst != 0)
		return two_bursts(m, now, cost);
	if (bucket_take(&m->due, now, m->burst, cost, &idle))
		return BF_GREEN;
	return m->over == BF_OVER_MARK ? BF_YELLOW : BF_RED;
}

bool
bf_meter_take_all(struct bf_meter *m, uint64_t now, uint64_t units)
{
	uint64_t cost = (uint64_t)(m->cost * (double)units), idle = 0;
	uint64_t burst = m->early != 0 ? m->early : m->burst;

	if (m->peak_cost != 0 || cost > burst || !bucket_take(&m->due, now, burst, cost, &idle))
		return false;
	if (m->second_burst != 0 && idle > 0)
		excess_add(&m->second, idle);
	return true;
}

bool
bf_meter_is_early(struct bf_meter *m, uint64_t now)
{
	uint64_t due = __atomic_load_n(&m->due, __ATOMIC_RELAXED), beyond, room;
	uint32_t part, debt;

	if (m->early == 0 || due <= now + m->early)
		return false;
	room = m->burst - m->early;
	beyond = RTE_MIN(due - now - m->early, room);
	part = (uint32_t)((double)beyond / (double)room * (UINT16_MAX / BF_METER_EARLY));
	debt = __atomic_add_fetch(&m->debt, part, __ATOMIC_RELAXED);
	return debt / UINT16_MAX != (debt - part) / UINT16_MAX;
}

bool
bf_meter_has_credit(const struct bf_meter *m, uint64_t now)
{
	return __atomic_load_n(&m->due, __ATOMIC_RELAXED) <= now + m->burst;
}

void
bf_meter_charge(struct bf_meter *m, uint64_t now, uint64_t units)
{
	uint64_t was = __atomic_load_n(&m->due, __ATOMIC_RELAXED);
	uint64_t cost = (uint64_t)(m->cost * (double)units);

	while (!__atomic_compare_exchange_n(
		&m->due, &was, RTE_MAX(was, now) + cost, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

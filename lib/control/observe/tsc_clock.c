/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See tsc_clock.h.
 *
 * Threads: any.
 */
#include "control/observe/tsc_clock.h"

#include <time.h>

#include <rte_cycles.h>

#include "base/clock.h"

#define LONG_ENOUGH_NS 50000000 /* to measure a tick to some parts in a million */
#define TRIES 5

/* Both clocks at one moment: of some tries the one that was interrupted least. */
static void
clock_look(struct bf_tsc_clock *c)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < TRIES; i++) {
		uint64_t before = rte_rdtsc(), took;
		struct timespec ts;

		clock_gettime(CLOCK_REALTIME, &ts);
		took = rte_rdtsc() - before;
		if (took >= best)
			continue;
		best = took;
		c->tsc = before + took / 2;
		c->wall_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
}

void
bf_tsc_clock_init(struct bf_tsc_clock *c)
{
	c->ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
	c->first_ns = bf_clock_ns();
	c->first_tsc = rte_rdtsc();
	clock_look(c);
}

static void
clock_renew(struct bf_tsc_clock *c)
{
	uint64_t ns = bf_clock_ns() - c->first_ns, ticks = rte_rdtsc() - c->first_tsc;

	if (ns >= LONG_ENOUGH_NS)
		c->ns_per_tick = (double)ns / (double)ticks;
	clock_look(c);
}

uint64_t
bf_tsc_clock_wall_ns(struct bf_tsc_clock *c, uint64_t tsc)
{
	if ((int64_t)(tsc - c->tsc) > (int64_t)(rte_get_tsc_hz() / 10))
		clock_renew(c);
	return c->wall_ns + (uint64_t)(int64_t)((double)(int64_t)(tsc - c->tsc) * c->ns_per_tick);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "control/observe/watchdog.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/bridge.h"

#define LOOK_MS 100

static void
worker_look(struct bf_bridge *br, unsigned int i, uint64_t now_ms)
{
	const struct bf_worker *w = br->lcores.workers[i];
	uint64_t loops = __atomic_load_n(&w->counters->pmd.loops, __ATOMIC_RELAXED);
	struct bf_watchdog *d = &br->watchdog;
	uint64_t still_ms = now_ms - d->worker[i].since_ms;
	char name[24];

	snprintf(name, sizeof(name), "lcore %u", w->lcore);
	if (loops != d->worker[i].loops || d->worker[i].since_ms == 0) {
		if (d->worker[i].told)
			bf_event(&br->events, BF_LOG_NOTICE, "lcore_goes_on", name,
				"it stood still for %" PRIu64 ".%" PRIu64 " s", still_ms / 1000,
				still_ms % 1000 / 100);
		d->worker[i].loops = loops;
		d->worker[i].since_ms = now_ms;
		d->worker[i].told = false;
	} else if (!d->worker[i].told && still_ms >= BF_WATCHDOG_MS) {
		d->worker[i].told = true;
		d->worker_stalls++;
		bf_event(&br->events, BF_LOG_WARNING, "lcore_stalled", name,
			"no turn for %d ms: something else has its CPU, or it hangs",
			BF_WATCHDOG_MS);
	}
}

uint64_t
bf_watchdog_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_watchdog *d = &br->watchdog;
	uint64_t late_ms = d->last_ms == 0 ? 0 : now_ms - d->last_ms;

	if (d->last_ms != 0 && late_ms < LOOK_MS)
		return d->last_ms + LOOK_MS;
	d->last_ms = now_ms;
	if (late_ms >= BF_WATCHDOG_MS + LOOK_MS) {
		d->control_stalls++;
		bf_event(&br->events, BF_LOG_WARNING, "control_stalled", "control",
			"its loop stood still for %" PRIu64 ".%" PRIu64
			" s: something else has its CPU, it waited for a disk, or a change or a command took "
			"long",
			late_ms / 1000, late_ms % 1000 / 100);
	}
	for (unsigned int i = 0; br->lcores.launched && i < br->lcores.n; i++)
		worker_look(br, i, now_ms);
	return now_ms + LOOK_MS;
}

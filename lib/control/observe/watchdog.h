/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The watchdog: who stands still, a worker or control itself, is told of with how long it did.
 *
 * A worker makes a turn every few ms even when it sleeps.  One that has made none for a second has lost
 * its CPU or hangs: guests and LACP notice that before an operator does.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_WATCHDOG_H
#define BF_CONTROL_OBSERVE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/sizes.h"

#define BF_WATCHDOG_MS 1000

/** Zero is empty. */
struct bf_watchdog {
	uint64_t last_ms; /* of the latest look */
	uint64_t control_stalls, worker_stalls; /* ever */
	struct {
		uint64_t loops; /* at the latest look */
		uint64_t since_ms; /* when they were first so many */
		bool told;
	} worker[BF_MAX_WORKERS];
};

/** A task's tick. */
uint64_t bf_watchdog_tick(void *bridge, uint64_t now_ms);

#endif

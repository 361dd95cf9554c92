/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tasks of the control loop: see task.h.
 *
 * Threads: ctx control.
 */
#include "control/loop/task.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/log.h"

#define SLOW_MS 20 /* LACP, the console and the front door's thread wait meanwhile */

static uint64_t
task_tick(const struct bf_task *t, void *arg, uint64_t now_ms)
{
	uint64_t start_ms = bf_clock_ms(), due_ms, took_ms;

	if (t->tick == NULL)
		return BF_TASK_NEVER;
	due_ms = t->tick(arg, now_ms);
	took_ms = bf_clock_ms() - start_ms;
	if (took_ms >= SLOW_MS)
		BF_DEBUG("loop", "%s took %" PRIu64 " ms", t->name, took_ms);
	return due_ms;
}

uint64_t
bf_tasks_tick(const struct bf_task *tasks, unsigned int n, void *arg, uint64_t now_ms)
{
	uint64_t first_ms = BF_TASK_NEVER;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t due_ms = task_tick(&tasks[i], arg, now_ms);

		first_ms = due_ms < first_ms ? due_ms : first_ms;
	}
	return first_ms;
}

void
bf_tasks_slot_gone(const struct bf_task *tasks, unsigned int n, void *arg, uint16_t slot)
{
	for (unsigned int i = 0; i < n; i++)
		if (tasks[i].slot_gone != NULL)
			tasks[i].slot_gone(arg, slot);
}

int
bf_task_timeout_ms(uint64_t due_ms, uint64_t now_ms)
{
	if (due_ms == BF_TASK_NEVER)
		return -1;
	if (due_ms <= now_ms)
		return 0;
	return due_ms - now_ms < INT_MAX ? (int)(due_ms - now_ms) : INT_MAX;
}

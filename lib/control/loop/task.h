/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tasks of the control loop: what is done in every turn, in which order, and how long the loop may sleep
 * until the next turn; and hooks that are called when a guest's slot becomes free.
 *
 * Tasks are rows of a constant array; the order of the array is the order of work.  A turn may come early
 * (a notice, a console line), so every task is called in every turn, and one with nothing to do returns at
 * once.  The next turn comes when the first of them is due.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LOOP_TASK_H
#define BF_CONTROL_LOOP_TASK_H

#include <stdint.h>

#define BF_TASK_NEVER UINT64_MAX /* no turn is needed for this task alone */
#define BF_TURN_MS 10 /* what does not wake the loop is looked at so often */

struct bf_task {
	const char *name;
	/**
	 * Do what is due.
	 *
	 * @return
	 *   Absolute ms: the next turn must not come later. At or before @p now_ms: at once.
	 *
	 * NULL: the task has a hook only.
	 */
	uint64_t (*tick)(void *arg, uint64_t now_ms);
	/**
	 * A guest has left a slot: forget what was kept by its number, before another guest gets it. No
	 * worker has the guest any more. NULL: the task keeps nothing by slot.
	 */
	void (*slot_gone)(void *arg, uint16_t slot);
};

/** Call all tasks, in their order. @return absolute ms of the next turn, BF_TASK_NEVER: none is due. */
uint64_t bf_tasks_tick(const struct bf_task *tasks, unsigned int n, void *arg, uint64_t now_ms);

/** Call all hooks, in the tasks' order. */
void bf_tasks_slot_gone(const struct bf_task *tasks, unsigned int n, void *arg, uint16_t slot);

/** A timeout for epoll_wait(): ms from now until a turn is due, -1: for ever. */
int bf_task_timeout_ms(uint64_t due_ms, uint64_t now_ms);

#endif

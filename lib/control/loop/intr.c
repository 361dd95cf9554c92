/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is to be done goes there as an alarm; alarms run in the order of their times, one at a time.
 *
 * Threads: ctx control; intr_on_alarm ctx intr.
 */
#include "control/loop/intr.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_alarm.h>

struct intr_errand {
	bf_intr_cb fn;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
};

static void
intr_on_alarm(void *arg)
{
	struct intr_errand *e = arg;

	e->fn(e->arg);
	pthread_mutex_lock(&e->lock);
	e->done = true;
	pthread_cond_signal(&e->ended);
	pthread_mutex_unlock(&e->lock);
}

int
bf_intr_run(bf_intr_cb fn, void *arg, uint64_t delay_ms)
{
	/* Static: the interrupt thread unlocks it when the one who waits may have gone on. */
	static struct intr_errand e = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	int ret;

	e.fn = fn;
	e.arg = arg;
	e.done = false;
	ret = rte_eal_alarm_set(delay_ms * 1000 + 1, intr_on_alarm, &e);
	if (ret != 0)
		return ret;
	pthread_mutex_lock(&e.lock);
	while (!e.done)
		pthread_cond_wait(&e.ended, &e.lock);
	pthread_mutex_unlock(&e.lock);
	return 0;
}

static void
intr_nothing(void *arg)
{
	(void)arg;
}

void
bf_intr_wait(uint64_t delay_ms)
{
	bf_intr_run(intr_nothing, NULL, delay_ms);
}

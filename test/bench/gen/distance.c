/* SPDX-License-Identifier: BSD-3-Clause */

#include "distance.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define SAMPLES 400
#define TRIPS 32 /* per sample */
#define LIMIT_MS 500 /* the other CPU may have been taken away for a while */

/* Even: it is here; odd: the other one's turn. */
struct line {
	uint64_t turn;
	bool stop;
} __rte_cache_aligned;

static void *
answer(void *arg)
{
	struct line *l = arg;

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		uint64_t turn = __atomic_load_n(&l->turn, __ATOMIC_ACQUIRE);

		if (turn & 1)
			__atomic_store_n(&l->turn, turn + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* One way there and back; false when it does not come back. */
static bool
trip(struct line *l, uint64_t deadline)
{
	uint64_t turn = __atomic_load_n(&l->turn, __ATOMIC_RELAXED);

	__atomic_store_n(&l->turn, turn + 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&l->turn, __ATOMIC_ACQUIRE) != turn + 2)
		if (unlikely(rte_rdtsc() > deadline))
			return false;
	return true;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
take_samples(struct line *l, double *ns)
{
	uint64_t deadline = rte_rdtsc() + rte_get_tsc_hz() / 1000 * LIMIT_MS;
	uint64_t cycles[SAMPLES];

	if (!trip(l, deadline)) /* until the thread runs */
		return -ETIMEDOUT;
	for (uint32_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = rte_rdtsc();

		for (uint32_t k = 0; k < TRIPS; k++)
			if (!trip(l, deadline))
				return -ETIMEDOUT;
		cycles[i] = rte_rdtsc() - begin;
	}
	qsort(cycles, SAMPLES, sizeof(*cycles), compare);
	*ns = (double)cycles[SAMPLES / 2] / TRIPS * 1e9 / (double)rte_get_tsc_hz();
	return 0;
}

int
distance_measure(uint32_t cpu, double *ns)
{
	struct line l = {0};
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int ret;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	ret = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (ret == 0)
		ret = pthread_create(&thread, &attr, answer, &l);
	pthread_attr_destroy(&attr);
	if (ret != 0)
		return -ret;
	ret = take_samples(&l, ns);
	__atomic_store_n(&l.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return ret;
}

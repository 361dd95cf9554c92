/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which worker polls a guest's queue: shares, pins, and what happens while memory is short.
 *
 * Threads: one.
 */
#include "unit.h"

#include <errno.h>

#include "control/bridge.h"

int __wrap_bf_bridge_publish_and_wait(struct bf_bridge *b);

#define N_WORKERS 2

static struct bf_bridge br;
static struct bf_worker worker[N_WORKERS];
static struct bf_guest guest;
static struct bf_view *view;
static int answer; /* of the next publications */
static uint16_t published[BF_MAX_QP]; /* the pollers of the guest's queues in the newest view */

int
__wrap_bf_bridge_publish_and_wait(struct bf_bridge *b)
{
	if (answer == 0)
		memcpy(published, b->guests[1]->poller, sizeof(published));
	return answer;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&br, 0, sizeof(br));
	memset(&guest, 0, sizeof(guest));
	answer = 0;
	view = calloc(1, sizeof(*view));
	br.running = bf_config_new();
	br.lcores.n = N_WORKERS;
	br.lcores.view = view;
	for (unsigned int w = 0; w < N_WORKERS; w++) {
		worker[w] = (struct bf_worker){.lcore = w + 1, .idx = (uint16_t)w};
		worker[w].counters =
			aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*worker[w].counters));
		memset(worker[w].counters, 0, sizeof(*worker[w].counters));
		br.lcores.workers[w] = &worker[w];
	}
	bf_guest_config_init(&guest.cfg);
	guest.cfg.queues = 4;
	guest.up = true;
	guest.numa_node = -1;
	guest.slot = 1;
	for (unsigned int q = 0; q < BF_MAX_QP; q++)
		guest.poller[q] = published[q] = BF_NO_POLLER;
	br.guests[1] = &guest;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned int w = 0; w < N_WORKERS; w++)
		free(worker[w].counters);
	free(br.running);
	free(view);
	return 0;
}

static void
test_queues_are_shared_out_and_pins_are_kept(void **state)
{
	unsigned int of[N_WORKERS] = {0};

	(void)state;
	guest.cfg.pin[3] = 1 + 1; /* lcore 1 is worker 0 */
	bf_plan_guest(&br, &guest);
	for (unsigned int q = 0; q < 4; q++) {
		assert_true(guest.poller[q] < N_WORKERS);
		of[guest.poller[q]]++;
	}
	assert_int_equal(guest.poller[3], 0);
	assert_int_equal(of[0], of[0] > of[1] ? 3 : 2);
	assert_int_equal(guest.poller[4], BF_NO_POLLER);
	assert_true(br.dirty);
}

static void
test_a_queue_leaves_its_worker_before_it_comes_to_the_other(void **state)
{
	(void)state;
	bf_plan_guest(&br, &guest);
	assert_int_equal(guest.poller[0], 0);
	guest.cfg.pin[0] = 2 + 1;
	bf_plan_guest(&br, &guest);
	assert_int_equal(published[0], BF_NO_POLLER);
	assert_int_equal(guest.poller[0], 1);
}

static void
test_without_memory_a_queue_keeps_its_worker_until_there_is_some(void **state)
{
	(void)state;
	bf_plan_guest(&br, &guest);
	guest.cfg.pin[0] = 2 + 1;
	answer = -ENOMEM;
	bf_plan_guest(&br, &guest);
	assert_int_equal(guest.poller[0], 0);
	bf_plan_tick(&br, 10000);
	assert_int_equal(guest.poller[0], 0);
	answer = 0;
	bf_plan_tick(&br, 20000);
	assert_int_equal(published[0], BF_NO_POLLER);
	assert_int_equal(guest.poller[0], 1);
}

static void
test_a_busy_worker_gives_a_queue_that_is_not_pinned_to_an_idle_one(void **state)
{
	(void)state;
	for (unsigned int q = 0; q < 4; q++)
		guest.poller[q] = 0;
	guest.cfg.pin[0] = 1 + 1;
	br.running->lcore_rebalance = true;
	worker[0].counters->pmd.busy_tsc = 95;
	worker[0].counters->pmd.idle_tsc = 5;
	worker[1].counters->pmd.idle_tsc = 100;
	answer = -ENOMEM;
	bf_plan_tick(&br, 10000);
	assert_int_equal(guest.poller[1], 0);
	assert_int_equal(br.plan.moves, 0);
	worker[0].counters->pmd.busy_tsc += 95;
	worker[0].counters->pmd.idle_tsc += 5;
	worker[1].counters->pmd.idle_tsc += 100;
	answer = 0;
	bf_plan_tick(&br, 20000);
	assert_int_equal(guest.poller[0], 0);
	assert_int_equal(guest.poller[1], 1);
	assert_int_equal(guest.poller[2], 0);
	assert_int_equal(br.plan.moves, 1);
}

#define T(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_queues_are_shared_out_and_pins_are_kept),
		T(test_a_queue_leaves_its_worker_before_it_comes_to_the_other),
		T(test_without_memory_a_queue_keeps_its_worker_until_there_is_some),
		T(test_a_busy_worker_gives_a_queue_that_is_not_pinned_to_an_idle_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

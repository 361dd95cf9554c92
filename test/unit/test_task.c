/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tasks of the control loop: order, deadlines, hooks.
 *
 * Threads: one.
 */
#include "unit.h"

#include <limits.h>

#include <rte_common.h>

#include "control/loop/task.h"

static struct log {
	char called[64];
	unsigned int n;
	uint64_t now_ms, due_ms[3];
	uint16_t slots[8];
} said;

static uint64_t
task_called(void *arg, char which, uint64_t now_ms)
{
	struct log *l = arg;

	l->called[l->n++] = which;
	l->now_ms = now_ms;
	return l->due_ms[which - 'a'];
}

static uint64_t
tick_a(void *arg, uint64_t now_ms)
{
	return task_called(arg, 'a', now_ms);
}

static uint64_t
tick_b(void *arg, uint64_t now_ms)
{
	return task_called(arg, 'b', now_ms);
}

static uint64_t
tick_c(void *arg, uint64_t now_ms)
{
	return task_called(arg, 'c', now_ms);
}

static void
slot_gone_a(void *arg, uint16_t slot)
{
	struct log *l = arg;

	l->called[l->n] = 'A';
	l->slots[l->n++] = slot;
}

static void
slot_gone_c(void *arg, uint16_t slot)
{
	struct log *l = arg;

	l->called[l->n] = 'C';
	l->slots[l->n++] = slot;
}

static const struct bf_task tasks[] = {
	{"a", tick_a, slot_gone_a},
	{"b", tick_b, NULL},
	{"hook only", NULL, slot_gone_c},
	{"c", tick_c, NULL},
};

static uint64_t
turn(uint64_t a_ms, uint64_t b_ms, uint64_t c_ms)
{
	said = (struct log){.due_ms = {a_ms, b_ms, c_ms}};
	return bf_tasks_tick(tasks, RTE_DIM(tasks), &said, 1000);
}

static void
test_every_task_is_called_in_the_order_of_the_array(void **state)
{
	(void)state;
	turn(5000, BF_TASK_NEVER, 0);
	assert_string_equal(said.called, "abc");
	assert_int_equal(said.now_ms, 1000);
}

static void
test_the_next_turn_comes_when_the_first_task_is_due(void **state)
{
	(void)state;
	assert_int_equal(turn(5000, 3000, 4000), 3000);
	assert_int_equal(turn(1001, BF_TASK_NEVER, 4000), 1001);
	assert_int_equal(turn(BF_TASK_NEVER, BF_TASK_NEVER, 7), 7);
	assert_true(turn(BF_TASK_NEVER, BF_TASK_NEVER, BF_TASK_NEVER) == BF_TASK_NEVER);
	assert_true(bf_tasks_tick(tasks, 0, &said, 1000) == BF_TASK_NEVER);
}

static void
test_every_hook_is_called_for_each_slot_in_order(void **state)
{
	(void)state;
	said = (struct log){.n = 0};
	bf_tasks_slot_gone(tasks, RTE_DIM(tasks), &said, 7);
	bf_tasks_slot_gone(tasks, RTE_DIM(tasks), &said, 1023);
	assert_string_equal(said.called, "ACAC");
	assert_int_equal(said.slots[0], 7);
	assert_int_equal(said.slots[1], 7);
	assert_int_equal(said.slots[2], 1023);
	assert_int_equal(said.slots[3], 1023);
}

static void
test_a_timeout_is_never_negative_but_for_ever(void **state)
{
	(void)state;
	assert_int_equal(bf_task_timeout_ms(1010, 1000), 10);
	assert_int_equal(bf_task_timeout_ms(1000, 1000), 0);
	assert_int_equal(bf_task_timeout_ms(0, 1000), 0);
	assert_int_equal(bf_task_timeout_ms(BF_TASK_NEVER, 1000), -1);
	assert_int_equal(bf_task_timeout_ms(UINT64_C(1) << 40, 1000), INT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_task_is_called_in_the_order_of_the_array),
		cmocka_unit_test(test_the_next_turn_comes_when_the_first_task_is_due),
		cmocka_unit_test(test_every_hook_is_called_for_each_slot_in_order),
		cmocka_unit_test(test_a_timeout_is_never_negative_but_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

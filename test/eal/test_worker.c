/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker's own loop, turn by turn: the first turn is timed by stage, and guests that are polled end
 * each.
 *
 * Threads: one.
 */
#include "unit.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "dataplane/lines.h"
#include "dataplane/worker.h"
#include "driver.h"
#include "rig.h"

#define SLOW_TSC 2000000 /* what a slow guest's ring takes: more than the rest of a turn */

static struct rig *r;
static unsigned int got_when_asked; /* frames that guests had when one was asked for frames */
static bool was_asked;
static uint8_t guest[6], far[6];
static bool packed; /* the sender's ring */

static void
end_turn(void)
{
	if (!was_asked)
		got_when_asked = r->n_log;
	was_asked = true;
	__atomic_store_n(&r->w->quit, 1, __ATOMIC_RELAXED);
}

static void
be_slow(void)
{
	uint64_t end = rte_rdtsc() + SLOW_TSC;

	while (rte_rdtsc() < end)
		rte_pause();
}

static int
set_up(void **state)
{
	static struct bf_rxq rxq[2];
	uint8_t buf[64];
	struct rte_mbuf *m;

	packed = *state != NULL;
	r = rig_new(1, 2);
	for (uint16_t i = 0; i < 2; i++)
		rxq[i] = (struct bf_rxq){.slot = i + 1, .ring = 1, .guest = &r->dp[i + 1]};
	r->view->workers[0] = (struct bf_worker_view){.polls = 1, .n_rxq = 2, .rxq = rxq};
	r->lcores.view = r->view;
	rig_mac(guest, 1);
	rig_mac(far, 2);
	m = rig_frame(r, buf, rig_udp(buf, far, guest, 0), 0, RIG_MEMBERS);
	rig_burst(r, 1, &m, 1);
	rig_learn(r, r->fdb->now_s);
	rig_forget(r);
	rig_wire(r, 0, buf, rig_udp(buf, guest, far, 0), 1);
	was_asked = false;
	rig_poll_hook(end_turn);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_guest_hook(NULL);
	rig_poll_hook(NULL);
	r->lcores.view = NULL;
	return rig_end(r);
}

static void
test_what_the_wire_brought_leaves_before_guests_are_asked(void **state)
{
	(void)state;
	bf_worker_run(r->w);
	assert_true(was_asked);
	assert_int_equal(got_when_asked, 1);
	assert_int_equal(rig_got(r, 1), 1);
}

static void
test_sending_what_was_staged_counts_as_output(void **state)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;
	uint64_t before = pmd->stage_tsc[BF_STAGE_OUTPUT];

	(void)state;
	rig_guest_hook(be_slow);
	bf_worker_run(r->w);
	assert_int_equal(pmd->stage_frames, 1);
	assert_in_range(pmd->stage_tsc[BF_STAGE_OUTPUT] - before, SLOW_TSC, UINT64_MAX / 2);
	assert_in_range(pmd->stage_tsc[BF_STAGE_RX] + pmd->stage_tsc[BF_STAGE_OUTPUT], SLOW_TSC,
		pmd->busy_tsc);
}

/* The first guest sends. */
static void
send(struct driver *d, unsigned int n)
{
	uint8_t sent[12 + 64] = {0};
	uint32_t len = 12 + rig_udp(sent + 12, far, guest, 0);

	d->next_gpa = DRIVER_GPA;
	for (unsigned int i = 0; i < n; i++)
		driver_bytes(d, driver_post(d, &len, 1), sent, len, true);
}

/*
 * The first guest sends frames by a ring of our own, as many as lead to a judgement, and gets
 * `n_back` for each burst of them.  Each burst is looked at.
 */
static enum bf_give
judged(struct driver *d, unsigned int n_back)
{
	uint8_t back[64];
	uint32_t len_back = rig_udp(back, guest, far, 0);
	uint64_t before = r->w->counters->ports[1].rx_frames;

	for (unsigned int i = 0; i < BF_JUDGE_EVERY; i += BF_BURST) {
		send(d, BF_BURST);
		if (n_back > 0)
			rig_wire(r, 0, back, len_back, n_back);
		r->w->quit = 0;
		r->w->counters->pmd.loops = 0;
		bf_worker_run(r->w);
		rig_collect(r);
		rig_learn(r, r->fdb->now_s);
		rig_forget(r);
	}
	assert_int_equal(r->w->counters->ports[1].rx_frames - before, BF_JUDGE_EVERY);
	return r->dp[1].ring[1].give;
}

static struct driver *
sender_new(void)
{
	struct driver *d = packed ? driver_new_packed(64, true) : driver_new(64, true);

	d->access = 0;
	r->dp[1].pool = r->pool;
	r->dp[1].ring[1] = d->ring;
	return d;
}

static void
sender_free(struct driver *d)
{
	r->dp[1].ring[1].mode = BF_RING_OFF;
	driver_free(d);
}

static void
test_a_guest_gets_its_lines_back_while_it_gets_less_than_half_of_what_it_sends(void **state)
{
	struct driver *d = sender_new();

	(void)state;
	r->w->demotes = true;
	assert_int_equal(judged(d, 0), BF_GIVE_DEMOTE);
	assert_int_equal(judged(d, BF_BURST / 2 - 1), BF_GIVE_DEMOTE);
	assert_int_equal(judged(d, BF_BURST / 2), BF_GIVE_NOT);
	assert_int_equal(judged(d, BF_BURST), BF_GIVE_NOT);
	assert_int_equal(judged(d, 0), BF_GIVE_DEMOTE);
	r->view->n_workers = 2; /* the other one gives it as many */
	assert_int_equal(judged(d, BF_BURST / 4 - 1), BF_GIVE_DEMOTE);
	assert_int_equal(judged(d, BF_BURST / 4), BF_GIVE_NOT);
	r->w->demotes = false; /* an older processor */
	assert_int_equal(judged(d, 0), BF_GIVE_NOT);
	sender_free(d);
}

static void
test_lines_are_flushed_for_a_guest_that_is_farther_away_than_memory(void **state)
{
	enum bf_give flushed = bf_lines_can_flush() ? BF_GIVE_FLUSH : BF_GIVE_NOT;
	const uint32_t near = UINT32_MAX, far_away = 1; /* any guest is, beside that */
	struct driver *d = sender_new();

	(void)state;
	r->w->demotes = false;
	r->w->flushes = bf_lines_can_flush();
	r->w->far_tsc = near;
	assert_int_equal(judged(d, 0), BF_GIVE_NOT);
	r->w->far_tsc = far_away;
	assert_int_equal(judged(d, 0), flushed);
	assert_int_equal(judged(d, BF_BURST), BF_GIVE_NOT); /* it writes other lines next */
	assert_int_equal(judged(d, 0), flushed);
	r->w->far_tsc = near;
	assert_int_equal(judged(d, 0), BF_GIVE_NOT);
	r->w->far_tsc = far_away;
	r->w->flushes = false; /* an older processor */
	assert_int_equal(judged(d, 0), BF_GIVE_NOT);
	sender_free(d);
}

/* Turns until the second guest, who has been silent for long, is asked; the first one sends. */
static uint64_t
turns_until_asked(struct driver *d, unsigned int n_sent, uint64_t tsc_hz)
{
	uint64_t before = r->w->counters->pmd.loops;

	send(d, n_sent);
	r->w->tsc_hz = tsc_hz;
	r->w->cold_tsc = rte_rdtsc();
	r->w->rxq_state[1].cold = true;
	r->w->empty_loops = 0;
	r->w->quit = 0;
	bf_worker_run(r->w);
	rig_forget(r);
	return r->w->counters->pmd.loops - before;
}

static void
test_a_silent_guest_waits_its_time_while_frames_are_moved(void **state)
{
	const uint64_t for_ever = UINT64_MAX / 8;
	struct driver *d = sender_new();

	(void)state;
	bf_worker_run(r->w); /* the view is new, and all guests are asked */
	rig_forget(r);
	assert_int_equal(turns_until_asked(d, BF_BURST, 0), 1);
	/* Two turns move its frames; not before one that moves nothing is there time. */
	assert_in_range(turns_until_asked(d, 2 * BF_BURST, for_ever), 4, UINT64_MAX);
	sender_free(d);
}

/* The worker's queues are these from now on. */
static void
adopt(struct bf_view *v, struct bf_rxq *rxq, uint16_t n)
{
	memcpy(v, r->lcores.view, sizeof(*v));
	v->workers[0].rxq = rxq;
	v->workers[0].n_rxq = n;
	r->lcores.view = v;
	r->w->quit = 0;
	bf_worker_run(r->w);
	assert_ptr_equal(r->w->view, v);
}

/* A queue came, or went: who was silent stays so, and only the new one is asked at every turn. */
static void
test_queues_that_stay_in_a_view_stay_as_they_were(void **state)
{
	struct bf_view *v = rte_zmalloc(NULL, 3 * sizeof(*v), RTE_CACHE_LINE_SIZE);
	struct bf_rxq rxq[3];

	(void)state;
	for (uint16_t i = 0; i < 3; i++)
		rxq[i] = (struct bf_rxq){
			.slot = i / 2 + 1, .ring = i == 1 ? 3 : 1, .guest = &r->dp[i / 2 + 1]};
	adopt(&v[0], (struct bf_rxq[]){rxq[0], rxq[2]}, 2);
	r->w->rxq_state[0].taken = 3;
	r->w->rxq_state[1].cold = true;
	adopt(&v[1], rxq, 3);
	assert_int_equal(r->w->rxq_state[0].taken, 3);
	assert_int_equal(r->w->rxq_state[1].taken, 0);
	assert_false(r->w->rxq_state[1].cold);
	assert_true(r->w->rxq_state[2].cold);
	adopt(&v[2], &rxq[2], 1);
	assert_true(r->w->rxq_state[0].cold);
	rxq[2].generation++; /* another guest has the slot now */
	adopt(&v[0], &rxq[2], 1);
	assert_false(r->w->rxq_state[0].cold);
	r->w->view = r->view;
	rig_forget(r);
	rte_free(v);
}

/* What was decided before may be forbidden now, or allowed. */
static void
test_a_new_view_ends_remembered_decisions(void **state)
{
	struct bf_view *v = rte_zmalloc(NULL, sizeof(*v), RTE_CACHE_LINE_SIZE);
	struct bf_rxq rxq = {.slot = 1, .ring = 1, .guest = &r->dp[1]};
	uint64_t tag;

	(void)state;
	bf_worker_run(r->w);
	tag = r->w->epoch_tag;
	r->w->quit = 0;
	bf_worker_run(r->w);
	assert_int_equal(r->w->epoch_tag, tag);
	adopt(v, &rxq, 1);
	assert_int_not_equal(r->w->epoch_tag, tag);
	r->w->view = r->view;
	rig_forget(r);
	rte_free(v);
}

int
main(void)
{
	static bool is_packed = true;
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(test_what_the_wire_brought_leaves_before_guests_are_asked),
		T(test_sending_what_was_staged_counts_as_output),
		T(test_a_guest_gets_its_lines_back_while_it_gets_less_than_half_of_what_it_sends),
		T(test_a_silent_guest_waits_its_time_while_frames_are_moved),
		T(test_lines_are_flushed_for_a_guest_that_is_farther_away_than_memory),
		T(test_queues_that_stay_in_a_view_stay_as_they_were),
		T(test_a_new_view_ends_remembered_decisions),
#define PACKED(f) {#f ", packed", f, set_up, tear_down, &is_packed}
		PACKED(test_a_guest_gets_its_lines_back_while_it_gets_less_than_half_of_what_it_sends),
		PACKED(test_a_silent_guest_waits_its_time_while_frames_are_moved),
		PACKED(test_lines_are_flushed_for_a_guest_that_is_farther_away_than_memory),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

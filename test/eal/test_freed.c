/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * When a guest is told that buffers of frames that it sent are free: soon, but not for each of them; and
 * that no such call is lost, whatever becomes of its ring meanwhile.
 *
 * The drivers' rings are the worker's first queues, two of each guest, and the last queue is a double, whose
 * poll ends the turn.  Time does not pass: a test says when it is over.
 *
 * Threads: one.
 */
#include "unit.h"

#include <linux/virtio_config.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "control/guests/guest.h"
#include "control/guests/rings.h"
#include "dataplane/worker.h"
#include "driver.h"
#include "rig.h"
#include "vhost/session.h"

#define GUESTS 40
#define DRIVERS (BF_FREED + 6)
#define LONG_IDLE 100000 /* empty loops behind it */
#define NEVER_HZ 1000000000000000ULL /* BF_FREED_US take minutes, or hours */

static struct rig *r;
static struct driver *driver[DRIVERS];
static struct bf_rxq rxq[DRIVERS + 1];
static uint16_t n_drivers;
static int call[DRIVERS];
static bool packed;
static unsigned int turns_left;
static uint8_t guest[6], far[6];

static void
end_turn(void)
{
	if (--turns_left == 0)
		__atomic_store_n(&r->w->quit, 1, __ATOMIC_RELAXED);
}

static void
turns(unsigned int n)
{
	turns_left = n;
	r->w->quit = 0;
	bf_worker_run(r->w);
	rig_forget(r);
}

static void
turn(void)
{
	turns(1);
}

static void
time_is_over(void)
{
	assert_true(r->w->n_freed > 0);
	r->w->freed_tsc = 0;
}

static struct bf_ring *
ring(uint16_t i)
{
	return &rxq[i].guest->ring[rxq[i].ring];
}

static struct driver *
any_driver(uint16_t size)
{
	return packed ? driver_new_packed(size, true) : driver_new(size, true);
}

static void
driver_begin(uint16_t i, uint16_t size)
{
	driver[i] = any_driver(size);
	driver[i]->access = 0;
	call[i] = eventfd(0, EFD_NONBLOCK);
	assert_true(call[i] >= 0);
	rxq[i] = (struct bf_rxq){.slot = (uint16_t)(1 + i / 2),
		.ring = (uint16_t)(1 + i % 2 * 2),
		.guest = &r->dp[1 + i / 2]};
	rxq[i].guest->pool = r->pool;
	rxq[i].guest->kick_fd[i % 2] = -1;
	*ring(i) = driver[i]->ring;
	ring(i)->call_fd = call[i];
}

/* The worker has these queues, and the one that ends the turn. */
static void
fill_queues(struct bf_view *v, struct bf_rxq *q, uint16_t n)
{
	q[n] = (struct bf_rxq){.slot = GUESTS, .ring = 1, .guest = &r->dp[GUESTS]};
	v->workers[0] = (struct bf_worker_view){.n_rxq = (uint16_t)(n + 1), .rxq = q};
}

/* Guests that send by rings of this size. */
static void
begin(uint16_t n, uint16_t size)
{
	n_drivers = n;
	for (uint16_t i = 0; i < n; i++)
		driver_begin(i, size);
	fill_queues(r->view, rxq, n);
}

/* Control has another view; it is adopted at the next turn. */
static struct bf_view *
view_new(void)
{
	struct bf_view *v = rte_zmalloc(NULL, sizeof(*v), RTE_CACHE_LINE_SIZE);

	assert_non_null(v);
	memcpy(v, r->lcores.view, sizeof(*v));
	r->lcores.view = v;
	return v;
}

/* Back to the rig's own. */
static void
view_free(struct bf_view *v)
{
	r->lcores.view = r->view;
	r->w->view = r->view;
	rte_free(v);
}

static void
send(uint16_t i, unsigned int n)
{
	uint8_t sent[12 + 64] = {0};
	uint32_t len = 12 + rig_udp(sent + 12, far, guest, 0);

	driver[i]->next_gpa = DRIVER_GPA;
	for (unsigned int k = 0; k < n; k++)
		driver_bytes(driver[i], driver_post(driver[i], &len, 1), sent, len, true);
}

/* A turn in which they are taken. */
static void
taken(uint16_t i, unsigned int n)
{
	struct vring_used_elem e;

	send(i, n);
	turn();
	while (n-- > 0)
		assert_true(driver_used(driver[i], &e));
	assert_false(driver_used(driver[i], &e));
}

/* @return how often the guest was called since the last time. */
static uint64_t
calls(uint16_t i)
{
	eventfd_t n;

	return eventfd_read(call[i], &n) == 0 ? n : 0;
}

/* The driver is to be called when the buffer behind the next `n` is used. */
static void
wait_for_more(uint16_t i, uint16_t n)
{
	struct bf_ring *of = ring(i);
	uint32_t at = of->seen + n;
	bool wrap = of->wrap ^ (at >= of->size);

	of->event_idx = true;
	if (packed) {
		of->driver->flags = VRING_PACKED_EVENT_FLAG_DESC;
		of->driver->off_wrap =
			(uint16_t)(at % of->size | wrap << VRING_PACKED_EVENT_F_WRAP_CTR);
	} else {
		of->avail->ring[of->size] = (uint16_t)(of->used_idx + n);
	}
}

/* A ring that is told at the end of a turn may have been put down for later as well: nothing comes of it. */
static void
all_is_told(void)
{
	r->w->freed_tsc = 0;
	turn();
	for (uint16_t i = 0; i < n_drivers; i++)
		assert_int_equal(calls(i), 0);
	assert_int_equal(r->w->n_freed, 0);
}

static int
set_up(void **state)
{
	packed = *state != NULL;
	r = rig_new(0, GUESTS);
	r->lcores.view = r->view;
	r->dp[GUESTS].kick_fd[0] = -1;
	r->w->tsc_hz = NEVER_HZ;
	rig_mac(guest, 1);
	rig_mac(far, 2);
	n_drivers = 0;
	rig_poll_hook(end_turn);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rig_poll_hook(NULL);
	r->lcores.view = NULL;
	for (uint16_t i = 0; i < n_drivers; i++) {
		driver_free(driver[i]);
		close(call[i]);
	}
	return rig_end(r);
}

/* ---- when ---- */

static void
test_a_guest_is_told_of_few_free_buffers_later_and_once(void **state)
{
	(void)state;
	begin(1, 256);
	taken(0, 3);
	assert_int_equal(calls(0), 0);
	taken(0, 2);
	turns(8);
	assert_int_equal(calls(0), 0);
	assert_int_equal(r->w->n_freed, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
	turns(8);
	assert_int_equal(calls(0), 0);
	taken(0, 1); /* and again */
	assert_int_equal(calls(0), 0);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

static void
test_it_is_told_by_the_clock(void **state)
{
	uint64_t before, later;

	(void)state;
	begin(1, 256);
	r->w->tsc_hz = rte_get_tsc_hz();
	later = r->w->tsc_hz / 1000000 * BF_FREED_US;
	before = rte_rdtsc();
	taken(0, 1);
	assert_int_equal(calls(0), 0);
	assert_in_range(r->w->freed_tsc, before + later, rte_rdtsc() + later);
	while (rte_rdtsc() < r->w->freed_tsc)
		rte_pause();
	turn();
	assert_int_equal(calls(0), 1);
}

/* The first of several says when; the others are told with it. */
static void
test_time_counts_from_the_first_ring_that_waits(void **state)
{
	uint64_t due;

	(void)state;
	begin(3, 256);
	taken(0, 1);
	due = r->w->freed_tsc;
	taken(2, 1);
	taken(0, 1);
	assert_int_equal(r->w->n_freed, 2);
	assert_int_equal(r->w->freed_tsc, due);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
	assert_int_equal(calls(1), 0);
	assert_int_equal(calls(2), 1);
}

static void
test_a_burst_is_told_at_the_end_of_the_turn(void **state)
{
	(void)state;
	begin(2, 256);
	taken(0, BF_BURST - 1);
	assert_int_equal(calls(0), 0);
	taken(0, 1); /* those before count */
	assert_int_equal(calls(0), 1);
	taken(1, BF_BURST);
	assert_int_equal(calls(1), 1);
	all_is_told();
}

static void
test_a_quarter_of_the_ring_is_told_at_the_end_of_the_turn(void **state)
{
	(void)state;
	begin(1, 64);
	taken(0, 15);
	assert_int_equal(calls(0), 0);
	taken(0, 1);
	assert_int_equal(calls(0), 1);
	taken(0, 16);
	assert_int_equal(calls(0), 1);
}

static void
expect_told_at_once_from(uint16_t size, unsigned int n)
{
	begin(1, size);
	for (unsigned int lap = 0; lap < 5; lap++) {
		for (unsigned int k = 1; k < n; k++) {
			taken(0, 1);
			assert_int_equal(calls(0), 0);
		}
		taken(0, 1);
		assert_int_equal(calls(0), 1);
	}
	taken(0, size);
	assert_int_equal(calls(0), 1);
}

static void
test_a_ring_of_4_is_told_of_each(void **state)
{
	(void)state;
	expect_told_at_once_from(4, 1);
}

static void
test_a_ring_of_8_is_told_of_two(void **state)
{
	(void)state;
	expect_told_at_once_from(8, 2);
}

/* A quarter of it is none. */
static void
test_a_ring_of_2_is_told_of_each(void **state)
{
	(void)state;
	expect_told_at_once_from(2, 1);
	turns(4);
	assert_int_equal(r->w->n_freed, 0);
}

/* ---- whether ---- */

static void
test_a_driver_that_waits_for_later_buffers_is_not_called(void **state)
{
	(void)state;
	begin(1, 64);
	wait_for_more(0, 40);
	taken(0, 3);
	time_is_over();
	turn();
	taken(0, 32);
	assert_int_equal(calls(0), 0);
	taken(0, 6); /* 41 */
	assert_int_equal(calls(0), 0);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

static void
test_a_driver_that_has_looked_by_itself_is_not_called(void **state)
{
	(void)state;
	begin(1, 64);
	wait_for_more(0, 0);
	taken(0, 3);
	wait_for_more(0, 0);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 0);
	taken(0, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

/* Over the index' end, too: the ring is small, and split indices begin near it. */
static void
test_each_place_that_a_driver_waits_for_is_told_of(void **state)
{
	(void)state;
	begin(1, 64);
	if (!packed) {
		struct bf_ring *of = ring(0);

		of->seen = of->known = of->used_idx = of->told = of->avail->idx = 65500;
		of->used->idx = driver[0]->next_avail = driver[0]->next_used = 65500;
	}
	for (unsigned int k = 0; k < 70; k++) {
		wait_for_more(0, (uint16_t)(k % 3));
		taken(0, 3);
		assert_int_equal(calls(0), 0);
		time_is_over();
		turn();
		assert_int_equal(calls(0), 1);
	}
}

/* ---- many ---- */

static void
test_more_rings_than_are_remembered_are_all_told(void **state)
{
	(void)state;
	begin(DRIVERS, 64);
	for (uint16_t i = 0; i < DRIVERS; i++)
		send(i, 2);
	turn();
	assert_int_equal(r->w->n_freed, BF_FREED);
	for (uint16_t i = 0; i < DRIVERS; i++)
		assert_int_equal(calls(i), i < BF_FREED ? 0 : 1);
	time_is_over();
	turn();
	for (uint16_t i = 0; i < DRIVERS; i++)
		assert_int_equal(calls(i), i < BF_FREED ? 1 : 0);
	assert_int_equal(r->w->n_freed, 0);
}

/* ---- views ---- */

static void
test_a_ring_that_is_polled_no_more_is_told_with_the_view_that_says_so(void **state)
{
	struct bf_rxq less[3];
	struct bf_view *v;

	(void)state;
	begin(4, 64);
	for (uint16_t i = 0; i < 4; i++)
		taken(i, 1);
	less[0] = rxq[1];
	less[1] = rxq[3];
	v = view_new();
	fill_queues(v, less, 2);
	turn();
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(calls(i), 1);
	all_is_told();
	for (uint16_t i = 1; i < 4; i += 2) { /* those that stay are remembered at new places */
		taken(i, 1);
		assert_int_equal(calls(i), 0);
	}
	assert_int_equal(r->w->n_freed, 2);
	time_is_over();
	turn();
	assert_int_equal(calls(1) + calls(3), 2);
	view_free(v);
}

/* The worker that polls it now has it in hand when the former one wants to tell. */
static void
test_a_ring_that_is_in_other_hands_when_it_is_to_be_told_is_told_later(void **state)
{
	(void)state;
	begin(2, 64);
	taken(0, 1);
	ring(0)->lock = 1;
	time_is_over();
	turn();
	assert_int_equal(calls(0), 0);
	ring(0)->lock = 0;
	turn();
	assert_int_equal(calls(0), 0);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

/* As it is with a worker that takes a queue over: what the one before has left untold is its own. */
static void
test_what_another_worker_left_untold_is_told(void **state)
{
	(void)state;
	begin(1, 64);
	taken(0, 2);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
	ring(0)->told = (uint16_t)(ring(0)->told - 2);
	turn();
	assert_int_equal(r->w->n_freed, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

/* The first guest with memory of its own, as it is between add and removal. */
static struct bf_guest_dp *
guest_new(void)
{
	struct bf_guest_dp *g = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*g));

	assert_non_null(g);
	memcpy(g, &r->dp[1], sizeof(*g));
	r->view->ports[1].guest = g;
	rxq[0].guest = rxq[1].guest = g;
	return g;
}

static void
test_a_guest_that_is_gone_is_not_touched(void **state)
{
	struct bf_guest_dp *g;
	struct bf_view *v;

	(void)state;
	begin(3, 64);
	g = guest_new();
	send(0, 1);
	send(1, 1);
	taken(2, 1);
	assert_int_equal(r->w->n_freed, 3);
	v = view_new();
	v->ports[1] = (struct bf_port_view){.kind = BF_PORT_NONE};
	v->flood[0].n_guests = 0;
	fill_queues(v, &rxq[2], 1);
	free(g);
	turn();
	assert_int_equal(calls(0) + calls(1), 0);
	assert_int_equal(calls(2), 1);
	all_is_told();
	taken(2, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(2), 1);
	r->view->ports[1].guest = &r->dp[1];
	view_free(v);
}

static void
test_another_guest_in_its_slot_is_told_of_its_own_buffers_only(void **state)
{
	struct bf_guest_dp *g;
	struct bf_view *v;

	(void)state;
	begin(2, 64);
	g = guest_new();
	taken(0, 1);
	v = view_new();
	v->ports[1].guest = &r->dp[1];
	for (uint16_t i = 0; i < 2; i++) {
		rxq[i].guest = &r->dp[1];
		rxq[i].generation++;
		*ring(i) = g->ring[rxq[i].ring];
		ring(i)->told = ring(i)->used_idx;
	}
	free(g);
	turn();
	assert_int_equal(calls(0), 0);
	assert_int_equal(r->w->n_freed, 0);
	taken(0, 1);
	assert_int_equal(calls(0), 0);
	assert_int_equal(r->w->n_freed, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
	r->view->ports[1].guest = &r->dp[1];
	view_free(v);
}

/* The rings that a new view has told at once leave room for those of its first turn. */
static void
test_a_frame_to_a_guest_is_told_of_in_the_turn_of_a_new_view(void **state)
{
	struct bf_ring *to = &r->dp[GUESTS - 1].ring[0];
	struct driver *d = any_driver(64);
	int told = eventfd(0, EFD_NONBLOCK);
	uint16_t receiver = GUESTS - 1;
	struct bf_rxq first[2];
	struct bf_view *v;
	eventfd_t n;

	(void)state;
	*to = d->ring;
	to->call_fd = told;
	begin(DRIVERS, 64);
	for (uint16_t i = 0; i < BF_FREED; i++)
		send(i, 1);
	turn(); /* it has no buffer yet */
	assert_int_equal(r->w->n_freed, BF_FREED);
	driver_post(d, &(uint32_t){1600}, 1);
	v = view_new();
	first[0] = rxq[0];
	fill_queues(v, first, 1);
	v->flood[0].guests = &receiver;
	v->flood[0].n_guests = 1;
	send(0, 1);
	turn();
	assert_int_equal(to->used_idx, 1);
	assert_int_equal(eventfd_read(told, &n), 0);
	for (uint16_t i = 0; i < BF_FREED; i++)
		assert_int_equal(calls(i), 1);
	view_free(v);
	to->mode = BF_RING_OFF;
	driver_free(d);
	close(told);
}

/* ---- ends ---- */

static void
test_a_worker_does_not_sleep_while_guests_wait_to_be_told(void **state)
{
	const struct bf_pmd_counters *pmd = &r->w->counters->pmd;

	(void)state;
	begin(1, 64);
	r->view->idle[0] = BF_IDLE_SLEEP;
	taken(0, 1);
	r->w->empty_loops = LONG_IDLE;
	turns(16);
	assert_int_equal(pmd->sleeps, 0);
	assert_int_equal(calls(0), 0);
	time_is_over();
	r->w->empty_loops = LONG_IDLE;
	turns(16);
	assert_int_equal(calls(0), 1);
	assert_in_range(pmd->sleeps, 1, 15);
}

static void
test_a_ring_that_is_stopped_is_told_before(void **state)
{
	struct bf_guest *g = calloc(1, sizeof(*g));

	(void)state;
	assert_non_null(g);
	begin(3, 64);
	send(0, 1);
	taken(2, 1);
	bf_guest_rings_open();
	g->dp = &r->dp[1];
	bf_guest_rings_ops.ring_stop(g, 1);
	assert_int_equal(calls(0), 1);
	bf_guest_rings_ops.ring_stop(g, 1);
	bf_guest_rings_ops.ring_stop(g, 3); /* nothing is untold */
	bf_guest_rings_close();
	time_is_over();
	turn();
	assert_int_equal(calls(0) + calls(1), 0);
	assert_int_equal(calls(2), 1);
	free(g);
}

/* Let a process that knows nothing of the guest start its ring. */
static void
start_anew(uint16_t i)
{
	struct bf_vhost_session *s = calloc(1, sizeof(*s));
	struct bf_guest *g = calloc(1, sizeof(*g));

	assert_non_null(s);
	assert_non_null(g);
	g->dp = rxq[i].guest;
	s->features = 1ULL << VIRTIO_RING_F_EVENT_IDX | (uint64_t)packed << VIRTIO_F_RING_PACKED;
	s->ring[rxq[i].ring] = (struct bf_vhost_ring){.size = ring(i)->size,
		.base = bf_ring_base(ring(i)),
		.enabled = true,
		.kick = {.fd = -1},
		.call = {.fd = call[i], .kind = BF_VHOST_FD_EVENT},
		.desc = ring(i)->desc,
		.avail = ring(i)->avail,
		.used = ring(i)->used};
	bf_guest_rings_open();
	bf_guest_rings_ops.ring_start(g, s, rxq[i].ring);
	bf_guest_rings_close();
	free(s);
	free(g);
}

/*
 * The process before may have died before it told.  The driver waits for what was used then, and not for
 * what is used from here on.
 */
static void
test_a_ring_that_another_process_has_used_is_told_when_it_is_started(void **state)
{
	(void)state;
	skip_emulated("QEMU's user mode has no io_setup(), so a thread would have to call");
	begin(2, 64);
	wait_for_more(0, 0);
	taken(0, 1);
	assert_int_equal(calls(0), 0);
	start_anew(0);
	assert_int_equal(calls(0), 1);
	start_anew(1);
	assert_int_equal(calls(1), 0); /* nobody has used it */
}

static void
test_a_ring_that_was_set_up_anew_meanwhile_is_left_alone(void **state)
{
	int old;

	(void)state;
	begin(1, 64);
	taken(0, 1);
	driver_free(driver[0]);
	old = call[0];
	driver_begin(0, 64); /* with memory and a descriptor of its own */
	close(old);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 0);
	taken(0, 1);
	assert_int_equal(r->w->n_freed, 1);
	time_is_over();
	turn();
	assert_int_equal(calls(0), 1);
}

int
main(void)
{
	static bool is_packed = true;
	const struct CMUnitTest tests[] = {
#define T(f) \
	cmocka_unit_test_setup_teardown(f, set_up, tear_down), \
		{#f ", packed", f, set_up, tear_down, &is_packed}
		T(test_a_guest_is_told_of_few_free_buffers_later_and_once),
		T(test_it_is_told_by_the_clock),
		T(test_time_counts_from_the_first_ring_that_waits),
		T(test_a_burst_is_told_at_the_end_of_the_turn),
		T(test_a_quarter_of_the_ring_is_told_at_the_end_of_the_turn),
		T(test_a_ring_of_4_is_told_of_each),
		T(test_a_ring_of_8_is_told_of_two),
		T(test_a_ring_of_2_is_told_of_each),
		T(test_a_driver_that_waits_for_later_buffers_is_not_called),
		T(test_a_driver_that_has_looked_by_itself_is_not_called),
		T(test_each_place_that_a_driver_waits_for_is_told_of),
		T(test_more_rings_than_are_remembered_are_all_told),
		T(test_a_ring_that_is_polled_no_more_is_told_with_the_view_that_says_so),
		T(test_a_ring_that_is_in_other_hands_when_it_is_to_be_told_is_told_later),
		T(test_what_another_worker_left_untold_is_told),
		T(test_a_guest_that_is_gone_is_not_touched),
		T(test_another_guest_in_its_slot_is_told_of_its_own_buffers_only),
		T(test_a_frame_to_a_guest_is_told_of_in_the_turn_of_a_new_view),
		T(test_a_worker_does_not_sleep_while_guests_wait_to_be_told),
		T(test_a_ring_that_is_stopped_is_told_before),
		T(test_a_ring_that_another_process_has_used_is_told_when_it_is_started),
		T(test_a_ring_that_was_set_up_anew_meanwhile_is_left_alone),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a worker does while nothing comes: poll on, pause between polls, or sleep until it is woken.
 *
 * Theory of operation.  A sleeper is woken by guests' drivers through their kick descriptors, and by
 * members through the receive interrupts of drivers that have them.  What came before these were
 * asked for is not told, so the worker asks, turns once more through every queue, and sleeps when
 * that brought nothing either.  They stay asked for from sleep to sleep, until frames come: a kick
 * costs a guest an exit.
 *
 * Control wakes nobody, so no sleep is longer than LONG_US.  It ends after SHORT_US where something
 * that is polled cannot wake the worker (a member without interrupts, a driver that never kicks), and
 * in the time after a frame: being woken by another CPU takes 0.1 to 0.3 ms on some virtual hosts,
 * where being woken by its own timer takes less.
 *
 * The descriptors belong to control and to drivers, who close them when they like, and are read
 * by nobody here: they are watched edge by edge.  The set is made anew after every change of the view
 * or of a ring; what was closed elsewhere goes with the old one.
 *
 * Threads: worker.  But for bf_calls_send(), all system calls of the fast room are here.
 */
#include "dataplane/idle.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_spinlock.h>

#include "dataplane/ring.h"
#include "dataplane/ring_lock.h"

#define IDLE_AFTER 256 /* empty loops before a worker may pause or sleep */
#define SHORT_US 88 /* a frame waits for less than 100 */
#define LONG_US 1000
#define SHORT_SLEEPS 256 /* as many after the last frame, some 30 ms */
#define EVENTS 16 /* taken per call; the others are there the next time */

/* Drivers change one mask for all queues of a device, and workers have a queue each. */
static rte_spinlock_t member_lock = RTE_SPINLOCK_INITIALIZER;

static void
set_add(struct bf_idle_wait *s, int fd)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};

	if (s->set < 0 || fd < 0 || epoll_ctl(s->set, EPOLL_CTL_ADD, fd, &e) != 0)
		s->needs_timer = true;
}

/* A ring that is off brings nothing; when it comes on, the set is made anew. */
static void
guest_ask(struct bf_worker *w, const struct bf_rxq *q, bool is_new)
{
	struct bf_ring *r = &q->guest->ring[q->ring];

	if (!bf_ring_lock(w, r)) {
		w->idle.needs_timer = true;
		return;
	}
	if (r->mode == BF_RING_OWN) {
		bf_ring_want_kicks(r, true);
		if (is_new)
			set_add(&w->idle, q->guest->kick_fd[q->ring / 2]);
	}
	bf_ring_let_go(r);
}

static int
member_interrupt(const struct bf_worker *w, unsigned int bond, uint8_t member, bool on)
{
	uint16_t port = w->view->bonds[bond].member[member];
	int ret;

	rte_spinlock_lock(&member_lock);
	ret = on ? rte_eth_dev_rx_intr_enable(port, w->idx)
		 : rte_eth_dev_rx_intr_disable(port, w->idx);
	rte_spinlock_unlock(&member_lock);
	return ret;
}

static void
member_ask(struct bf_worker *w, unsigned int bond, uint8_t member, bool is_new)
{
	const struct bf_bond_view *b = &w->view->bonds[bond];

	if (!(b->wakes >> member & 1) || member_interrupt(w, bond, member, true) != 0) {
		w->idle.needs_timer = true;
		return;
	}
	w->idle.members[bond] |= 1u << member;
	if (is_new)
		set_add(&w->idle, rte_eth_dev_rx_intr_ctl_q_get_fd(b->member[member], w->idx));
}

static uint16_t
n_guest_queues(const struct bf_worker *w)
{
	return w->view->forwarding ? w->view->workers[w->idx].n_rxq : 0;
}

static uint32_t
members_polled(const struct bf_worker *w, unsigned int bond)
{
	bool polls = w->view->workers[w->idx].polls >> bond & 1;

	return polls ? w->view->bonds[bond].polled : 0;
}

/* Goes up whenever a ring of the worker's guests is set up. */
static uint32_t
changes_of(const struct bf_worker *w)
{
	const struct bf_worker_view *wv = &w->view->workers[w->idx];
	uint32_t sum = 0;

	for (uint16_t i = 0; i < n_guest_queues(w); i++)
		sum += __atomic_load_n(&wv->rxq[i].guest->changes, __ATOMIC_ACQUIRE);
	return sum;
}

static void
set_close(struct bf_idle_wait *s)
{
	if (s->set >= 0)
		close(s->set);
	s->set = -1;
}

static void
ask_all(struct bf_worker *w, uint32_t changes)
{
	const struct bf_worker_view *wv = &w->view->workers[w->idx];
	bool is_new = !w->idle.is_made || changes != w->idle.changes;

	if (is_new) {
		set_close(&w->idle);
		w->idle.set = epoll_create1(EPOLL_CLOEXEC);
		w->idle.is_made = true;
		w->idle.changes = changes;
		w->idle.needs_timer = false;
	}
	for (uint16_t i = 0; i < n_guest_queues(w); i++)
		guest_ask(w, &wv->rxq[i], is_new);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		for (uint32_t left = members_polled(w, k); left != 0; left &= left - 1)
			member_ask(w, k, (uint8_t)__builtin_ctz(left), is_new);
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST); /* the look that follows comes after */
	w->idle.asked = true;
}

void
bf_idle_end(struct bf_worker *w)
{
	const struct bf_worker_view *wv = &w->view->workers[w->idx];

	for (uint16_t i = 0; i < n_guest_queues(w); i++) {
		struct bf_ring *r = &wv->rxq[i].guest->ring[wv->rxq[i].ring];

		if (!bf_ring_lock(w, r))
			continue;
		if (r->mode == BF_RING_OWN)
			bf_ring_want_kicks(r, false);
		bf_ring_let_go(r);
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		uint32_t left = members_polled(w, k) & w->idle.members[k];

		for (; left != 0; left &= left - 1)
			member_interrupt(w, k, (uint8_t)__builtin_ctz(left), false);
		w->idle.members[k] = 0;
	}
	w->idle.asked = false;
	w->idle.sleeps = 0;
}

void
bf_idle_reset(struct bf_idle_wait *s)
{
	set_close(s);
	s->is_made = false;
	s->asked = true;
}

/* How much later than asked for the timer has woken it: what the machine adds to a frame's wait. */
static void
late_count(struct bf_worker *w, uint64_t slept_tsc, uint64_t asked_us)
{
	static const uint16_t upper_us[BF_LATE_BINS - 1] = {10, 30, 100, 300, 1000, 3000, 10000};
	struct bf_pmd_counters *p = &w->counters->pmd;
	uint64_t us_tsc = w->tsc_hz / 1000000, asked_tsc = asked_us * us_tsc;
	uint64_t late_tsc = slept_tsc > asked_tsc ? slept_tsc - asked_tsc : 0;
	unsigned int bin = 0;

	while (bin < BF_LATE_BINS - 1 && late_tsc > upper_us[bin] * us_tsc)
		bin++;
	p->late[bin]++;
	p->late_tsc += late_tsc;
}

static void
go_to_sleep(struct bf_worker *w)
{
	bool is_short = w->idle.needs_timer || w->idle.sleeps < SHORT_SLEEPS;
	uint64_t us = is_short ? SHORT_US : LONG_US, begin = rte_rdtsc();
	struct timespec t = {.tv_nsec = 1000L * (long)us};
	struct pollfd p = {.fd = w->idle.set, .events = POLLIN};
	struct epoll_event e[EVENTS];

	w->idle.sleeps += w->idle.sleeps < SHORT_SLEEPS;
	w->counters->pmd.sleeps++;
	if (ppoll(&p, 1, &t, NULL) <= 0) {
		late_count(w, rte_rdtsc() - begin, us);
		return;
	}
	epoll_wait(w->idle.set, e, EVENTS, 0);
	w->counters->pmd.woken++;
}

void
bf_idle(struct bf_worker *w)
{
	uint8_t how = w->view->idle[w->idx];
	uint32_t changes;

	if (unlikely(how != BF_IDLE_SLEEP && w->idle.asked))
		bf_idle_end(w);
	if (how == BF_IDLE_POLL || w->empty_loops < IDLE_AFTER)
		return;
	if (how == BF_IDLE_PAUSE) {
		for (int i = 0; i < 32; i++)
			rte_pause();
		return;
	}
	if ((w->in_hand | w->ahead) != 0 || w->n_freed > 0 ||
		(w->inject != NULL && !rte_ring_empty(w->inject)))
		return;
	changes = changes_of(w);
	if (!w->idle.asked || !w->idle.is_made || changes != w->idle.changes)
		ask_all(w, changes);
	else
		go_to_sleep(w);
}

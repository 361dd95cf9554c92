/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The failover stopwatch.
 *
 * Threads: ctx control.
 */
#include "control/bond/failover.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#define WAIT_FIRST_MS 2000 /* no frame within this time: nobody was sending */
#define AT_ONCE_US 10000 /* one that comes within this time was on its way */

const double bf_failover_bin_s[BF_FAILOVER_BINS] = {
	0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1};

static double
us_between(uint64_t from_tsc, uint64_t to_tsc)
{
	return to_tsc <= from_tsc ? 0
				  : (double)(to_tsc - from_tsc) * 1e6 / (double)rte_get_tsc_hz();
}

struct bf_failover *
bf_failover_begin(struct bf_failovers *f, uint64_t start_tsc, uint32_t losses, uint64_t lost_base,
	uint64_t now_ms)
{
	struct bf_failover *r = &f->ring[f->n % BF_FAILOVERS_MAX];
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	memset(r, 0, sizeof(*r));
	r->seq = ++f->n;
	r->wall_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	r->open = true;
	r->start_tsc = start_tsc;
	r->started_ms = now_ms;
	r->losses = losses;
	r->lost_base = lost_base;
	r->detect_us = us_between(start_tsc, rte_rdtsc());
	return r;
}

/* The earliest frame that any worker sent after the loss. */
static bool
first_frame(
	const struct bf_failover *r, const struct bf_lcores *l, unsigned int bond, uint64_t *tsc)
{
	bool found = false;

	for (unsigned int i = 0; i < l->n; i++) {
		const struct bf_worker *w = l->workers[i];
		uint64_t t;

		if (__atomic_load_n(&w->bonds[bond].losses_seen, __ATOMIC_ACQUIRE) < r->losses)
			continue;
		t = w->bonds[bond].first_tx_tsc;
		if (t >= r->start_tsc && (!found || t < *tsc)) {
			*tsc = t;
			found = true;
		}
	}
	return found;
}

static void
add_up(struct bf_failovers *f, const struct bf_failover *r)
{
	double s = r->first_frame_us / 1e6;

	f->announced += r->announced;
	f->lost += r->lost;
	if (!r->has_first)
		return;
	f->timed++;
	f->timed_s += s;
	for (unsigned int i = 0; i < BF_FAILOVER_BINS; i++) {
		if (s > bf_failover_bin_s[i])
			continue;
		f->bins[i]++;
		break;
	}
}

static void
close_record(struct bf_failovers *f, struct bf_failover *r, struct bf_events *ev)
{
	r->open = false;
	add_up(f, r);
	if (r->has_first)
		bf_event(ev, BF_LOG_NOTICE, "failover", r->from,
			"to %s: %s; first frame after %.3f ms, known after %.3f ms, %" PRIu64
			" announcements in %.1f ms, %" PRIu64 " frames lost",
			r->to, r->cause, r->first_frame_us / 1000, r->detect_us / 1000,
			r->announced, r->announced_ms, r->lost);
	else
		bf_event(ev, BF_LOG_NOTICE, "failover", r->from,
			"to %s: %s; no frame was waiting, known after %.3f ms, %" PRIu64
			" announcements in %.1f ms, %" PRIu64 " frames lost",
			r->to, r->cause, r->detect_us / 1000, r->announced, r->announced_ms,
			r->lost);
}

/*
 * Was the frame that left first one that had to wait?  A ping that happens to come half a second
 * later says nothing about the failover: it was sent when it came.
 */
static bool
was_waiting(const struct bf_failover *r)
{
	return r->busy || r->lost > 0 || r->first_frame_us <= RTE_MAX(r->detect_us, AT_ONCE_US);
}

void
bf_failover_tick(struct bf_failovers *f, const struct bf_lcores *l, unsigned int bond,
	struct bf_events *ev, bool announced, uint64_t sent, uint64_t lost_now, uint64_t now_ms)
{
	/* A record may have been opened within this very turn of the loop, by a later clock. */
	uint64_t oldest = f->n > BF_FAILOVERS_MAX ? f->n - BF_FAILOVERS_MAX : 0, tsc = 0, passed_ms;

	for (uint64_t s = oldest; s < f->n; s++) {
		struct bf_failover *r = &f->ring[s % BF_FAILOVERS_MAX];

		if (!r->open)
			continue;
		r->lost = lost_now - r->lost_base;
		if (!r->has_first && !r->idle && r->losses != 0 && first_frame(r, l, bond, &tsc)) {
			r->first_frame_us = us_between(r->start_tsc, tsc);
			r->has_first = was_waiting(r);
			r->idle = !r->has_first;
		}
		passed_ms = now_ms > r->started_ms ? now_ms - r->started_ms : 0;
		if (!announced && s + 1 == f->n)
			continue;
		if (r->announced_ms == 0) {
			r->announced = s + 1 == f->n ? sent : 0;
			r->announced_ms = (double)passed_ms + 0.001;
		}
		if (r->has_first || r->idle || r->losses == 0 || passed_ms >= WAIT_FIRST_MS)
			close_record(f, r, ev);
	}
}

const struct bf_failover *
bf_failover_at(const struct bf_failovers *f, unsigned int idx)
{
	uint64_t kept = f->n < BF_FAILOVERS_MAX ? f->n : BF_FAILOVERS_MAX;

	return idx < kept ? &f->ring[(f->n - 1 - idx) % BF_FAILOVERS_MAX] : NULL;
}

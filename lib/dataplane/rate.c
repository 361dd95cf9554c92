/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See rate.h.
 *
 * Threads: worker.
 */
#include "dataplane/rate.h"

#include <rte_cycles.h>

#include "dataplane/drop.h"
#include "dataplane/gso.h"
#include "dataplane/mark.h"

static inline uint64_t
now_steps(void)
{
	return rte_rdtsc() * BF_METER_STEPS;
}

bool
bf_rate_may_poll(struct bf_worker *w, uint16_t slot)
{
	const struct bf_qos *q = w->view->rules[slot].qos;
	const struct bf_meter *m = &q->meter[BF_QOS_IN];

	if (m->over != BF_OVER_WAIT || bf_meter_has_credit(m, now_steps()))
		return true;
	q->counts[w->idx].dir[BF_QOS_IN].waits++;
	return false;
}

static inline uint64_t
units_sum(const struct bf_meter *m, struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t units = 0;

	for (uint16_t i = 0; i < n; i++)
		units += bf_wire_units(pkts[i], m->by_bytes);
	return units;
}

static uint16_t
frames_charge(struct bf_worker *w, struct bf_qos *q, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_meter *m = &q->meter[BF_QOS_IN];
	uint64_t units = units_sum(m, pkts, n);

	bf_meter_charge(m, now_steps(), units);
	q->counts[w->idx].dir[BF_QOS_IN].passed += units;
	return n;
}

/* What is marked has passed. */
static inline void
yellow_mark(struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf *m)
{
	struct bf_qos *q = w->view->rules[slot].qos;

	q->counts[w->idx].dir[dir].over++;
	if (dir == BF_QOS_IN)
		bf_class_say(m, BF_CLASS_SAID | q->meter[dir].class);
	else
		bf_mark_late(w, slot, m, q->meter[dir].class);
}

/* Frame by frame. */
static __rte_noinline uint16_t
frames_judge(
	struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf **pkts, uint16_t n)
{
	enum bf_drop why = dir == BF_QOS_IN ? BF_DROP_RATE_IN : BF_DROP_RATE_OUT;
	struct bf_qos *q = w->view->rules[slot].qos;
	struct bf_meter *meter = &q->meter[dir];
	struct rte_mbuf *refused[BF_STAGE_SIZE];
	uint16_t pass = 0, n_refused = 0;
	uint64_t now = now_steps(), passed = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t units = bf_wire_units(pkts[i], meter->by_bytes);
		enum bf_colour colour = unlikely(bf_meter_is_early(meter, now))
			? BF_RED
			: bf_meter_judge(meter, now, units);

		if (unlikely(colour == BF_RED)) {
			refused[n_refused++] = pkts[i];
			continue;
		}
		if (colour == BF_YELLOW)
			yellow_mark(w, slot, dir, pkts[i]);
		else
			passed += units;
		pkts[pass++] = pkts[i];
	}
	q->counts[w->idx].dir[dir].passed += passed;
	if (n_refused > 0) {
		bf_drop_note(w, slot, why, refused, n_refused);
		bf_put_behind(pkts, pass, refused, n_refused);
	}
	return pass;
}

/* Mostly all of a burst is within the rate. */
static uint16_t
burst_judge(
	struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_qos *q = w->view->rules[slot].qos;
	uint64_t units = units_sum(&q->meter[dir], pkts, n);

	if (unlikely(!bf_meter_take_all(&q->meter[dir], now_steps(), units)))
		return frames_judge(w, slot, dir, pkts, n);
	q->counts[w->idx].dir[dir].passed += units;
	return n;
}

uint16_t
bf_rate_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_qos *q = w->view->rules[slot].qos;

	if (q->meter[BF_QOS_IN].over == BF_OVER_WAIT)
		return frames_charge(w, q, pkts, n);
	return burst_judge(w, slot, BF_QOS_IN, pkts, n);
}

uint16_t
bf_rate_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return burst_judge(w, slot, BF_QOS_OUT, pkts, n);
}

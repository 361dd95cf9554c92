/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See storm.h.
 *
 * Threads: worker.
 */
#include "dataplane/storm.h"

#include <assert.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/drop.h"
#include "dataplane/frame.h"
#include "dataplane/gso.h"
#include "dataplane/lcore.h"

static_assert(BF_DROP_STORM_MULTICAST == BF_DROP_STORM_BROADCAST + BF_STORM_MULTICAST &&
		BF_DROP_STORM_UNKNOWN == BF_DROP_STORM_BROADCAST + BF_STORM_UNKNOWN,
	"the reasons stand in the order of the classes");

void
bf_storm_budget_init(
	struct bf_storm_budget *b, uint64_t tsc_hz, uint64_t frames_per_s, uint64_t bytes_per_s)
{
	uint64_t rate = frames_per_s != 0 ? frames_per_s : bytes_per_s;
	double second = (double)tsc_hz * BF_STORM_STEPS;

	*b = (struct bf_storm_budget){.cost = rate != 0 ? second / (double)rate : 0,
		.allowance = (uint64_t)(second * BF_STORM_ALLOWANCE_MS / 1000),
		.by_bytes = frames_per_s == 0};
}

uint16_t
bf_storm_take(struct bf_storm_budget *b, uint64_t now, const uint32_t *units, uint16_t n)
{
	uint64_t was = __atomic_load_n(&b->due, __ATOMIC_RELAXED), due;
	uint64_t latest = now + b->allowance, offered = 0, passed = 0;
	uint16_t pass;

	do {
		due = RTE_MAX(was, now);
		passed = 0;
		for (pass = 0; pass < n && due <= latest; pass++) {
			due += (uint64_t)(b->cost * units[pass]);
			passed += units[pass];
		}
	} while (pass > 0 &&
		!__atomic_compare_exchange_n(
			&b->due, &was, due, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	offered = passed;
	for (uint16_t i = pass; i < n; i++)
		offered += units[i];
	__atomic_fetch_add(&b->offered, offered, __ATOMIC_RELAXED);
	__atomic_fetch_add(&b->passed, passed, __ATOMIC_RELAXED);
	return pass;
}

static enum bf_storm_class
class_of(const struct rte_mbuf *m)
{
	struct bf_frame f;

	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), &f);
	if (!(f.dst & BF_MAC_MULTICAST))
		return BF_STORM_UNKNOWN;
	return f.dst == BF_FDB_MAC_MASK ? BF_STORM_BROADCAST : BF_STORM_MULTICAST;
}

/* One class. @return how many of all frames are left, moved to the front. */
static uint16_t
class_limit(struct bf_worker *w, uint16_t in, struct bf_storm_budget *b, enum bf_storm_class class,
	struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t units[BF_BURST];
	struct rte_mbuf *lost[BF_BURST];
	uint16_t n_class = 0, n_lost = 0, seen = 0, keep = 0, pass;

	for (uint16_t i = 0; i < n; i++)
		if (class_of(pkts[i]) == class)
			units[n_class++] = bf_wire_units(pkts[i], b->by_bytes);
	if (n_class == 0)
		return n;
	pass = bf_storm_take(b, rte_rdtsc() * BF_STORM_STEPS, units, n_class);
	if (pass == n_class)
		return n;
	for (uint16_t i = 0; i < n; i++) {
		if (class_of(pkts[i]) == class && seen++ >= pass)
			lost[n_lost++] = pkts[i];
		else
			pkts[keep++] = pkts[i];
	}
	bf_drop(w, in, (enum bf_drop)(BF_DROP_STORM_BROADCAST + class), lost, n_lost);
	return keep;
}

uint16_t
bf_storm_limit(struct bf_worker *w, uint16_t in, struct bf_storm_limits *l, struct rte_mbuf **pkts,
	uint16_t n)
{
	for (unsigned int c = 0; c < BF_STORM_COUNT; c++)
		if (l->of[c].cost != 0)
			n = class_limit(w, in, &l->of[c], (enum bf_storm_class)c, pkts, n);
	return n;
}

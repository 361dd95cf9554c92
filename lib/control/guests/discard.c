/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rings that are started and disabled: see discard.h.
 *
 * A ring is disabled for a moment whenever a front end connects, between its start and its first
 * SET_VRING_ENABLE; what waits in it then is wanted.  So a ring is emptied from the second look after its
 * start on (bf_ring.discards).
 *
 * Threads: ctx control; bf_discard_count() ctx vhost.
 */
#include "control/guests/discard.h"

#include <rte_mbuf.h>

#include "base/call.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "dataplane/ring.h"

#define PERIOD_MS 100
#define TICK_BURSTS 64 /* of all rings at one look; the next one goes on where it ended */

static uint32_t n_rings; /* that are disabled, of all guests; vhost: w */
static struct bf_calls calls;

void
bf_discard_open(void)
{
	bf_calls_open(&calls);
}

void
bf_discard_close(void)
{
	bf_calls_close(&calls);
}

void
bf_discard_count(int change)
{
	__atomic_fetch_add(&n_rings, (uint32_t)change, __ATOMIC_RELAXED);
}

/* Under the lock, so that the call's descriptor stays open. */
static uint64_t
ring_discard(struct bf_guest_dp *g, struct bf_ring *r, unsigned int *bursts)
{
	struct rte_mbuf *pkts[BF_BURST];
	uint64_t lost = 0, count = 0;

	for (; *bursts > 0; (*bursts)--) {
		uint16_t n = bf_ring_take(r, g->pool, pkts, BF_BURST, &lost);

		rte_pktmbuf_free_bulk(pkts, n);
		r->refused = 0; /* no worker is to count them: they are not in the ledger */
		count += n;
		if (n == 0)
			break;
	}
	rte_atomic_thread_fence(__ATOMIC_SEQ_CST);
	bf_calls_add(&calls, bf_ring_tell(r));
	bf_calls_send(&calls);
	return count + lost;
}

/* A ring that a worker or the door has just now is looked at the next time. */
static uint64_t
ring_look(struct bf_guest_dp *g, struct bf_ring *r, unsigned int *bursts)
{
	uint64_t count = 0;

	if (__atomic_load_n(&r->mode, __ATOMIC_RELAXED) != BF_RING_DISCARD ||
		__atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE) != 0)
		return 0;
	if (r->mode == BF_RING_DISCARD) {
		if (r->discards)
			count = ring_discard(g, r, bursts);
		r->discards = true;
	}
	__atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
	return count;
}

static uint64_t
guest_discard(struct bf_guest_dp *g, unsigned int *bursts)
{
	uint64_t count = 0;

	for (unsigned int q = 1; q < 2 * BF_MAX_QP; q += 2)
		count += ring_look(g, &g->ring[q], bursts);
	return count;
}

uint64_t
bf_discard_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_discards *d = &br->discards;
	unsigned int bursts = TICK_BURSTS, ended = 0;

	if (__atomic_load_n(&n_rings, __ATOMIC_RELAXED) == 0)
		return BF_TASK_NEVER; /* PERIOD_MS is long: any turn is soon enough to begin */
	if (now_ms < d->next_ms)
		return d->next_ms;
	d->next_ms = now_ms + PERIOD_MS;
	for (unsigned int i = 0; i < BF_MAX_PORTS - 1; i++) {
		unsigned int s = 1 + (d->from + i) % (BF_MAX_PORTS - 1);

		if (br->guests[s] == NULL)
			continue;
		d->frames[s] += guest_discard(br->guests[s]->dp, &bursts);
		if (bursts == 0 && ended == 0)
			ended = s;
	}
	d->from = ended;
	return d->next_ms;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A guest's ring, whatever its kind: see ring.h.  The frames are moved by split.c and packed.c.
 *
 * Threads: worker.
 */
#include "dataplane/ring.h"

#include <string.h>

#include "base/build.h"
#include "base/net.h"
#include "dataplane/packed.h"
#include "dataplane/ring_parts.h"
#include "dataplane/split.h"

uint16_t
bf_ring_put(struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n)
{
	return likely(!r->packed) ? bf_split_put(r, pkts, n) : bf_packed_put(r, pkts, n);
}

uint16_t
bf_ring_put_formed(
	struct bf_ring *r, struct rte_mbuf *const *pkts, uint16_t n, const struct bf_form *form)
{
	return r->packed ? bf_packed_put_formed(r, pkts, n, form)
			 : bf_split_put_formed(r, pkts, n, form);
}

uint16_t
bf_ring_take(struct bf_ring *r, struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *lost)
{
	return likely(!r->packed) ? bf_split_take(r, pool, pkts, n, lost)
				  : bf_packed_take(r, pool, pkts, n, lost);
}

static bool
wants_call(const struct bf_ring *r, uint16_t was)
{
	return likely(!r->packed) ? bf_split_wants_call(r, was) : bf_packed_wants_call(r, was);
}

int
bf_ring_tell(struct bf_ring *r)
{
	uint16_t was = r->told;

	r->told = r->used_idx;
	if (was == r->used_idx || !wants_call(r, was) || r->call_fd < 0)
		return -1;
	r->calls++;
	return r->call_fd;
}

void
bf_ring_want_kicks(struct bf_ring *r, bool on)
{
	if (r->packed)
		bf_packed_want_kicks(r, on);
	else
		bf_split_want_kicks(r, on);
}

uint16_t
bf_ring_waiting(const struct bf_ring *r)
{
	return r->packed ? bf_packed_waiting(r) : bf_split_waiting(r);
}

bool
bf_ring_look(const struct bf_ring *r, uint32_t *way)
{
	return r->packed ? bf_packed_look(r, way) : bf_split_look(r, way);
}

uint32_t
bf_ring_base(const struct bf_ring *r)
{
	return r->packed ? bf_packed_base(r) : r->seen;
}

void
bf_ring_set_base(struct bf_ring *r, uint32_t base)
{
	if (r->packed)
		bf_packed_set_base(r, base);
	else
		r->seen = r->known = r->used_idx = r->told = (uint16_t)base;
}

void
bf_ring_announce(struct bf_ring *r, uint64_t mac)
{
	__atomic_store_n(&r->announce, mac, __ATOMIC_RELAXED);
	__atomic_store_n(&r->announces, true, __ATOMIC_RELEASE);
}

void
bf_ring_make_rarp(struct rte_mbuf *m, uint64_t mac)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint8_t *own = (const uint8_t *)&mac;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *), *at;

	memset(p, 0, BF_MIN_FRAME);
	at = bf_build_ethernet(p, broadcast, own, 0, BF_ETHERTYPE_RARP);
	bf_build_arp(at,
		&(struct bf_build_arp){
			.op = BF_RARP_REQUEST, .sender_mac = own, .target_mac = own});
	bf_frame_set(m, BF_MIN_FRAME);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The decision: where a frame goes, and what its source teaches.
 *
 * A worker remembers its latest decisions per (destination, source) in a small cache; a frame
 * that hits it costs one hash and one cache line.  The cache answers only for sources that are in
 * the FDB, and only until the FDB's epoch changes; everything else goes through decide().
 *
 * Threads: worker.
 */
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_hash_crc.h>

#include "dataplane/frame.h"
#include "dataplane/mailbox.h"

#define LEARN_REPEAT_MS 2 /* an address is posted again after this, not before */

/* Addresses say "I am here" with these, whatever they said before. */
static bool
is_announcement(const struct bf_frame *f)
{
	return f->type == BF_ET_ARP || f->type == BF_ET_RARP;
}

/* Tell control where a station is, unless this worker told it a moment ago. */
static void
learn_post(struct bf_worker *w, const struct bf_frame *f, uint16_t port)
{
	struct bf_mail mail = {.key = f->src,
		.port = port,
		.kind = BF_MAIL_STATION,
		.announced = is_announcement(f)};
	uint64_t mark = f->src ^ (uint64_t)port << 48 ^ (uint64_t)mail.announced << 63;

	bf_worker_post(w, &mail, mark, LEARN_REPEAT_MS);
}

/*
 * What the source address teaches.  BF_DROP_COUNT: the frame may go on; *known says that the
 * station is in the FDB behind this very port.
 */
static enum bf_drop
learn(struct bf_worker *w, uint16_t in, const struct bf_frame *f, bool *known)
{
	struct bf_fdb_entry *e;
	uint16_t port;

	*known = false;
	if (unlikely((f->src & BF_MAC_MULTICAST) || (f->src & BF_FDB_MAC_MASK) == 0))
		return BF_DROP_BAD_SOURCE;
	e = bf_fdb_find(w->fdb, f->src, &port);
	if (likely(e != NULL && port == in)) {
		bf_fdb_touch(w->fdb, e);
		if (is_announcement(f))
			__atomic_store_n(
				&e->announced, BF_FDB_ANNOUNCED(w->fdb->now_s), __ATOMIC_RELAXED);
		*known = true;
		return BF_DROP_COUNT;
	}
	if (e != NULL && in == BF_BOND_SLOT && bf_fdb_is_echo(w->fdb, e, is_announcement(f)))
		return BF_DROP_REFLECTED;
	learn_post(w, f, in);
	return BF_DROP_COUNT;
}

static uint16_t
decide(struct bf_worker *w, uint16_t in, const struct bf_frame *f, bool *cacheable)
{
	enum bf_drop why;
	uint16_t port;

	*cacheable = false;
	if (unlikely(bf_frame_is_reserved(f->dst)))
		return BF_OUT_DROP | BF_DROP_RESERVED;
	why = learn(w, in, f, cacheable);
	if (unlikely(why != BF_DROP_COUNT))
		return (uint16_t)(BF_OUT_DROP | why);
	if (unlikely(in == BF_BOND_SLOT && (f->dst & BF_FDB_MAC_MASK) == w->view->bond.mac)) {
		*cacheable = false;
		return BF_OUT_DROP | BF_DROP_FOR_US;
	}
	if (f->dst & BF_MAC_MULTICAST) {
		*cacheable = false; /* announcements are looked at one by one */
		return BF_OUT_FLOOD;
	}
	if (bf_fdb_find(w->fdb, f->dst, &port) == NULL)
		return BF_OUT_FLOOD; /* until the station is learned, which changes the epoch */
	return port == in ? BF_OUT_DROP | BF_DROP_SAME_PORT : port;
}

static uint16_t
decide_and_remember(
	struct bf_worker *w, uint16_t in, const struct bf_frame *f, struct bf_cache_set *set)
{
	bool cacheable;
	uint16_t out = decide(w, in, f, &cacheable);

	w->counters->pmd.cache_miss++;
	if (cacheable) {
		set->way[1] = set->way[0];
		set->way[0] = (struct bf_cache_entry){
			.dst = f->dst, .src = f->src, .tag = w->epoch_tag | in, .out = out};
	}
	return out;
}

static inline uint16_t
lookup(struct bf_worker *w, uint16_t in, const struct bf_frame *f)
{
	uint32_t h = rte_hash_crc_8byte(f->src, (uint32_t)f->dst ^ (uint32_t)(f->dst >> 24));
	struct bf_cache_set *set = &w->cache[h % BF_CACHE_SETS];
	uint64_t tag = w->epoch_tag | in;

	for (int i = 0; i < BF_CACHE_WAYS; i++)
		if (likely(set->way[i].src == f->src && set->way[i].dst == f->dst &&
			    set->way[i].tag == tag))
			return (uint16_t)set->way[i].out;
	return decide_and_remember(w, in, f, set);
}

/* Where each frame goes; returns 0 when all go to out[0]. */
static inline uint16_t
classify(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	struct bf_burst *sum)
{
	uint16_t diff = 0;

	out[0] = BF_OUT_FLOOD;
	*sum = (struct bf_burst){.bytes = 0, .max_len = 0, .min_len = UINT16_MAX};
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum bf_drop why = BF_DROP_COUNT;
		struct bf_frame f;

		sum->bytes += m->pkt_len;
		sum->max_len = RTE_MAX(sum->max_len, m->pkt_len);
		sum->min_len = RTE_MIN(sum->min_len, m->data_len);
		bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), &f);
		if (unlikely(bf_frame_is_special(m, f.type)))
			why = bf_frame_special(m, &f);
		if (likely(why == BF_DROP_COUNT))
			out[i] = lookup(w, in, &f);
		else
			out[i] = (uint16_t)(BF_OUT_DROP | why);
		diff |= (uint16_t)(out[i] ^ out[0]);
	}
	return diff;
}

static void
sum_of(struct rte_mbuf **pkts, uint16_t n, struct bf_burst *sum)
{
	*sum = (struct bf_burst){.bytes = 0, .max_len = 0, .min_len = UINT16_MAX};
	for (uint16_t i = 0; i < n; i++) {
		sum->bytes += pkts[i]->pkt_len;
		sum->max_len = RTE_MAX(sum->max_len, pkts[i]->pkt_len);
		sum->min_len = RTE_MIN(sum->min_len, pkts[i]->data_len);
	}
}

/* Without a LAG on the switch each member brings a copy of a flooded frame: one is taken. */
static uint16_t
drop_duplicates(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bond;
	uint16_t keep = 0;

	if (b->lag || b->n_members < 2)
		return n;
	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i]->port == b->member[b->designated])
			pkts[keep++] = pkts[i];
		else
			bf_drop(w, BF_BOND_SLOT, BF_DROP_DUPLICATE, &pkts[i], 1);
	}
	return keep;
}

/* Guests first, by copy; the bond last, by ownership.  Never back, never bond to bond. */
static void
flood(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *known)
{
	struct bf_port_counters *c = &w->counters->ports[in];
	const struct bf_view *v = w->view;
	uint16_t dests = 0, all = n;
	struct bf_burst sum;

	if (in == BF_BOND_SLOT)
		n = drop_duplicates(w, pkts, n);
	else
		bf_snoop(w, in, pkts, n);
	if (n == 0)
		return;
	if (likely(known != NULL && n == all))
		sum = *known;
	else
		sum_of(pkts, n, &sum);
	for (uint16_t g = 0; g < v->n_guests; g++) {
		uint16_t slot = v->guests[g];

		if (slot == in || __atomic_load_n(&v->ports[slot].guest->vid, __ATOMIC_RELAXED) < 0)
			continue;
		bf_tx_guest_copy(w, slot, pkts, n, &sum);
		dests++;
	}
	c->flooded += n;
	if (in != BF_BOND_SLOT && v->ports[BF_BOND_SLOT].kind == BF_PORT_BOND) {
		bf_tx_bond(w, pkts, n, &sum);
		dests++;
	} else if (dests > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
	} else {
		bf_drop(w, in, BF_DROP_NO_DESTINATION, pkts, n);
	}
	c->copies += dests > 0 ? (uint64_t)n * (dests - 1u) : 0;
}

/* Control reads what is sent to the bond itself; when it does not keep up, it reads less. */
static void
to_control(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned int kept = rte_ring_mp_enqueue_burst(w->for_us, (void **)pkts, n, NULL);

	w->counters->ports[BF_BOND_SLOT].drops[BF_DROP_FOR_US] += n;
	rte_pktmbuf_free_bulk(&pkts[kept], n - kept);
}

/* A burst with several destinations: runs of equal ones are staged together. */
static void
scatter(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, const uint16_t *out)
{
	struct rte_mbuf *flooded[BF_BURST];
	uint16_t n_flooded = 0;

	for (uint16_t i = 0, run; i < n; i = (uint16_t)(i + run)) {
		struct bf_burst sum;

		for (run = 1; i + run < n && out[i + run] == out[i]; run++)
			;
		if (out[i] < BF_MAX_PORTS) {
			sum_of(&pkts[i], run, &sum);
			bf_stage_add(w, out[i], &pkts[i], run, &sum);
		} else if (out[i] == BF_OUT_FLOOD) {
			for (uint16_t k = 0; k < run; k++)
				flooded[n_flooded++] = pkts[i + k];
		} else if (out[i] == (BF_OUT_DROP | BF_DROP_FOR_US)) {
			to_control(w, &pkts[i], run);
		} else {
			bf_drop(w, in, (enum bf_drop)(out[i] & ~BF_OUT_DROP), &pkts[i], run);
		}
	}
	if (n_flooded > 0)
		flood(w, in, flooded, n_flooded, NULL);
}

static inline void
output(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, const uint16_t *out,
	uint16_t diff, const struct bf_burst *sum)
{
	if (likely(diff == 0 && out[0] < BF_MAX_PORTS))
		bf_stage_add(w, out[0], pkts, n, sum);
	else if (diff == 0 && out[0] == BF_OUT_FLOOD)
		flood(w, in, pkts, n, sum);
	else
		scatter(w, in, pkts, n, out);
}

void
bf_switch_burst(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_port_counters *c = &w->counters->ports[in];
	struct bf_pmd_counters *pmd = &w->counters->pmd;
	uint64_t t0 = unlikely(w->timed) ? rte_rdtsc() : 0, t1 = 0;
	uint16_t out[BF_BURST];
	struct bf_burst sum;
	uint16_t diff = classify(w, in, pkts, n, out, &sum);

	c->rx_frames += n;
	c->rx_bytes += sum.bytes;
	if (unlikely(w->timed)) {
		t1 = rte_rdtsc();
		pmd->stage_tsc[BF_STAGE_DECIDE] += t1 - t0;
	}
	output(w, in, pkts, n, out, diff, &sum);
	if (unlikely(w->timed))
		pmd->stage_tsc[BF_STAGE_OUTPUT] += rte_rdtsc() - t1;
}

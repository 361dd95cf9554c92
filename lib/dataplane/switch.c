/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The decision: where a frame goes, and what its source teaches.
 *
 * A worker remembers its latest decisions per (destination, source) in a small cache; a frame
 * that hits it costs one hash and one cache line.  The cache answers only for sources that are in
 * the FDB, and only until the FDB says that decisions may be wrong; everything else goes
 * through decide().
 *
 * Threads: worker.
 */
#include "dataplane/switch.h"

#include <rte_cycles.h>
#include <rte_ether.h>

#include "dataplane/count.h"
#include "dataplane/drop.h"
#include "dataplane/frame.h"
#include "dataplane/post.h"
#include "dataplane/punt.h"
#include "dataplane/snoop.h"
#include "dataplane/stage.h"
#include "dataplane/tx_bond.h"
#include "dataplane/tx_guest.h"

#define LEARN_REPEAT_MS 2 /* an address is posted again after this, not before */
#define SAMPLE 16 /* frames of a flood of which one is remembered */
#define CLAIM_REPEAT_MS 250

/* Tell control where a station is, unless this worker told it a moment ago. */
static void
learn_post(struct bf_worker *w, const struct bf_frame *f, uint16_t port, enum bf_word word)
{
	/* What is said every second must not keep a station from moving on. */
	bool announced = port == BF_BOND_SLOT ? word != BF_WORD_NONE : word == BF_WORD_ANNOUNCEMENT;
	struct bf_mail mail = {
		.key = f->src, .port = port, .kind = BF_MAIL_STATION, .announced = announced};
	uint64_t mark = f->src ^ (uint64_t)port << 48 ^ (uint64_t)mail.announced << 63;

	bf_post(w, &mail, mark, LEARN_REPEAT_MS);
}

/* Control judges it again when the guest's own announcement does not count any more. */
static void
claim_post(struct bf_worker *w, const struct bf_frame *f)
{
	struct bf_mail mail = {.key = f->src, .port = BF_BOND_SLOT, .kind = BF_MAIL_CLAIM};

	bf_post(w, &mail, f->src ^ 1ULL << 62, CLAIM_REPEAT_MS);
}

/* A frame of the bond that a guest has sent to it just now. */
static bool
came_back(struct bf_worker *w, const struct rte_mbuf *m)
{
	if (w->view->bond.echo == BF_ECHO_NONE || !bf_echo_has(w->echoes, m))
		return false;
	/* An announcement may be another station's in the same words. */
	w->counters->pmd.echoes += bf_frame_word(m) == BF_WORD_NONE;
	return true;
}

/* The station is not known, or behind another port. */
static enum bf_drop
learn_new(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m, const struct bf_frame *f,
	const struct bf_fdb_entry *e, uint16_t out)
{
	enum bf_word word = BF_WORD_NONE;

	if (bf_frame_may_tell(f) || (f->dst & BF_MAC_MULTICAST))
		word = bf_frame_word(m);
	if (in != BF_BOND_SLOT) {
		if ((out == BF_BOND_SLOT || out == BF_OUT_FLOOD) &&
			w->view->bond.echo != BF_ECHO_NONE)
			bf_echo_note(w->echoes, m); /* a flood may only be sampled */
	} else if (e != NULL &&
		bf_fdb_is_echo(w->fdb, e, word != BF_WORD_NONE, w->view->bond.doubted)) {
		if (word != BF_WORD_NONE)
			claim_post(w, f);
		return BF_DROP_REFLECTED;
	}
	learn_post(w, f, in, word);
	return BF_DROP_COUNT;
}

static inline bool
is_arp(const struct bf_frame *f)
{
	return (f->type == BF_ET_ARP) | (f->type == BF_ET_RARP);
}

/*
 * Whatever is not IPv4 from a known station to another: what the source address teaches, and what the
 * station says of itself.  @p e is its entry or NULL, @p here: it is for this port.
 *
 * BF_DROP_COUNT: the frame may go on to @p out.
 */
static __rte_noinline enum bf_drop
look(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m, const struct bf_frame *f,
	struct bf_fdb_entry *e, bool here, uint16_t out)
{
	enum bf_drop why = BF_DROP_COUNT;

	if (in == BF_BOND_SLOT && (!here || out == BF_OUT_FLOOD) && came_back(w, m))
		return BF_DROP_REFLECTED;
	if (!here)
		why = learn_new(w, in, m, f, e, out);
	else if (in != BF_BOND_SLOT && bf_frame_may_tell(f) &&
		bf_frame_word(m) == BF_WORD_ANNOUNCEMENT)
		__atomic_store_n(&e->announced, BF_FDB_ANNOUNCED(w->fdb->now_s), __ATOMIC_RELAXED);
	/* What is flooded is read there. */
	if (why == BF_DROP_COUNT && out != BF_OUT_FLOOD && (is_arp(f) || f->type == BF_ET_IPV6))
		bf_snoop(w, in, m);
	return why;
}

/*
 * What is said to all, and ARP, is looked at frame by frame; so is what comes from a station that is
 * not known at its port.
 */
static uint16_t
decide(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m, const struct bf_frame *f,
	bool *cacheable)
{
	struct bf_fdb_entry *e;
	uint16_t port, out = BF_OUT_FLOOD;
	bool here;

	*cacheable = false;
	if (unlikely(bf_frame_is_reserved(f->dst)))
		return BF_OUT_DROP | BF_DROP_RESERVED;
	if (unlikely((f->src & BF_MAC_MULTICAST) || (f->src & BF_FDB_MAC_MASK) == 0))
		return BF_OUT_DROP | BF_DROP_BAD_SOURCE;
	e = bf_fdb_find(w->fdb, f->src, &port);
	here = e != NULL && port == in;
	if (likely(here))
		bf_fdb_touch(w->fdb, e);
	if (!(f->dst & BF_MAC_MULTICAST) && bf_fdb_find(w->fdb, f->dst, &port) != NULL)
		out = port == in ? BF_OUT_DROP | BF_DROP_SAME_PORT : port;
	if (unlikely(!here || out == BF_OUT_FLOOD || f->type != BF_ET_IPV4)) {
		enum bf_drop why = look(w, in, m, f, e, here, out);

		if (why != BF_DROP_COUNT)
			return (uint16_t)(BF_OUT_DROP | why);
		here = here && !(f->dst & BF_MAC_MULTICAST) && !is_arp(f);
	}
	if (unlikely(in == BF_BOND_SLOT && (f->dst & BF_FDB_MAC_MASK) == w->view->bond.mac))
		return BF_OUT_DROP | BF_DROP_FOR_US;
	*cacheable = here;
	return out;
}

/* A frame as the cache knows it: its first 14 bytes and its port in 16, the VLAN beside them. */
struct key {
	uint64_t k[2];
	uint64_t tag;
};

/*
 * A product's high bits spread addresses that count up evenly, and two products keep apart what
 * counts up on both sides, in guests and behind the bond.  Whoever aims at a set gains what he
 * gains by sending to many addresses: others' decisions are taken anew.
 */
static inline struct bf_cache_set *
set_of(const struct bf_worker *w, uint64_t k0, uint64_t k1)
{
	uint64_t mixed = k0 * 0x9e3779b97f4a7c15ULL ^ k1 * 0xd6e8feb86659fd93ULL;

	return &w->cache[mixed >> (64 - BF_CACHE_BITS)];
}

static inline bool
remembered(const struct bf_worker *w, uint64_t k0, uint64_t k1, uint64_t tag, uint16_t *out)
{
	const struct bf_cache_set *set = set_of(w, k0, k1);

	for (int i = 0; i < BF_CACHE_WAYS; i++) {
		const struct bf_cache_entry *e = &set->way[i];

		if (likely(e->k[0] == k0 && e->k[1] == k1 && (e->tag ^ tag) <= UINT16_MAX)) {
			*out = (uint16_t)e->tag;
			return true;
		}
	}
	return false;
}

static uint16_t
decide_and_remember(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m,
	const struct bf_frame *f, const struct key *k)
{
	struct bf_cache_set *set = set_of(w, k->k[0], k->k[1]);
	bool cacheable;
	uint16_t out = decide(w, in, m, f, &cacheable);

	w->counters->pmd.cache_miss++;
	if (cacheable) {
		w->floods = w->floods || out == BF_OUT_FLOOD;
		set->way[1] = set->way[0];
		set->way[0] = (struct bf_cache_entry){{k->k[0], k->k[1]}, k->tag | out};
	}
	return out;
}

/*
 * The long way: frames that are tagged, special, or new.  A tagged frame is remembered with its
 * VLAN, and the tag's ethertype keeps it apart from what the short way looks for.
 */
static uint16_t
prepare(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m, struct bf_frame *f,
	struct key *k)
{
	enum bf_drop why = BF_DROP_COUNT;
	uint64_t raw;
	uint16_t out;

	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), f);
	memcpy(&raw, rte_pktmbuf_mtod(m, const uint8_t *) + 6, 8);
	*k = (struct key){{f->dst | (uint64_t)in << 48, raw}, w->epoch_tag};
	if (unlikely(bf_frame_is_special(m, f->type))) {
		why = bf_frame_special(m, f);
		if (why != BF_DROP_COUNT)
			return (uint16_t)(BF_OUT_DROP | why);
		k->k[1] = (f->src & BF_FDB_MAC_MASK) | (uint64_t)BF_ET_VLAN << 48;
		k->tag |= (BF_CACHE_TAGGED | f->src >> 48) << 16;
		if (!is_arp(f) && remembered(w, k->k[0], k->k[1], k->tag, &out))
			return out;
	}
	bf_fdb_prefetch(w->fdb, f->src);
	bf_fdb_prefetch(w->fdb, f->dst);
	return BF_OUT_UNKNOWN;
}

static void
resolve(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, const uint8_t *miss,
	uint16_t n_miss, uint16_t *out)
{
	struct bf_frame f[BF_BURST];
	struct key k[BF_BURST];

	for (uint16_t i = 0; i < n_miss; i++)
		out[miss[i]] = prepare(w, in, pkts[miss[i]], &f[i], &k[i]);
	for (uint16_t i = 0; i < n_miss; i++)
		if (out[miss[i]] == BF_OUT_UNKNOWN)
			out[miss[i]] = decide_and_remember(w, in, pkts[miss[i]], &f[i], &k[i]);
}

static bool
all_equal(const uint16_t *out, uint16_t n)
{
	uint16_t diff = 0;

	for (uint16_t i = 0; i < n; i++)
		diff |= (uint16_t)(out[i] ^ out[0]);
	return diff == 0;
}

/* Where each frame goes; returns true when all go to out[0]. */
static inline bool
classify(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	struct bf_burst *sum)
{
	const uint64_t port = (uint64_t)in << 48, tag = w->epoch_tag;
	uint32_t max_len = 0, min_len = UINT16_MAX, bytes = 0;
	uint16_t n_miss = 0, any = 0, every = UINT16_MAX;
	uint8_t miss[BF_BURST];

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		uint64_t k0, k1;
		uint16_t to;

		memcpy(&k0, p, 8);
		memcpy(&k1, p + 6, 8);
		k0 = (k0 & BF_FDB_MAC_MASK) | port;
		bytes += m->pkt_len;
		max_len = RTE_MAX(max_len, m->pkt_len);
		min_len = RTE_MIN(min_len, (uint32_t)m->data_len);
		if (unlikely(!remembered(w, k0, k1, tag, &to))) {
			miss[n_miss++] = (uint8_t)i;
			continue;
		}
		out[i] = to;
		any |= to;
		every &= to;
	}
	*sum = (struct bf_burst){bytes, max_len, (uint16_t)min_len};
	if (likely(n_miss == 0 && min_len >= RTE_ETHER_HDR_LEN))
		return any == every;
	if (unlikely(
		    min_len < RTE_ETHER_HDR_LEN)) /* a hit may have been by old bytes in a buffer */
		for (n_miss = 0; n_miss < n; n_miss++)
			miss[n_miss] = (uint8_t)n_miss;
	resolve(w, in, pkts, miss, n_miss, out);
	return all_equal(out, n);
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

/*
 * Without a LAG on the switch each member brings a copy of a flooded frame: one is taken.  In
 * active-backup only one member is listened to.
 */
static uint16_t
drop_duplicates(struct bf_worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bond;

	if (b->lag || b->tx == BF_TX_ORDER || w->rx_member == b->designated)
		return n;
	bf_drop(w, BF_BOND_SLOT, BF_DROP_DUPLICATE, pkts, n);
	return 0;
}

/*
 * Before it is sent: what stations say of themselves, and what may come back.  Where the switch should
 * have a LAG and nothing speaks against it, a full burst of a flood is only sampled, once its station is
 * known: one sample that comes back is enough to doubt.
 */
static void
listen(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bond;
	bool sampled = b->echo == BF_ECHO_MAYBE && !b->doubted && n == BF_BURST;

	for (uint16_t i = 0; i < n; i++)
		bf_snoop(w, in, pkts[i]);
	if (in != BF_BOND_SLOT && b->echo != BF_ECHO_NONE)
		bf_echo_note_burst(w->echoes, pkts, n, sampled ? SAMPLE : 1);
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
	if (n == 0)
		return;
	listen(w, in, pkts, n);
	if (likely(known != NULL && n == all))
		sum = *known;
	else
		sum_of(pkts, n, &sum);
	for (uint16_t g = 0; g < v->n_guests; g++) {
		uint16_t slot = v->guests[g];

		if (slot == in || !__atomic_load_n(&v->ports[slot].guest->up, __ATOMIC_RELAXED))
			continue;
		bf_tx_guest_copy(w, slot, pkts, n, &sum);
		dests++;
	}
	c->flooded += n;
	if (in != BF_BOND_SLOT && v->ports[BF_BOND_SLOT].kind == BF_PORT_BOND) {
		bf_tx_bond(w, pkts, n, &sum);
		dests++;
	} else if (dests > 0) {
		bf_free_burst(pkts, n);
	} else {
		bf_drop(w, in, BF_DROP_NO_DESTINATION, pkts, n);
	}
	c->copies += dests > 0 ? (uint64_t)n * (dests - 1u) : 0;
}

/* Frames that go nowhere; control wants some of them, and reads fewer when it does not keep up. */
static void
refuse(struct bf_worker *w, uint16_t in, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n)
{
	if (why == BF_DROP_FOR_US) {
		for (uint16_t i = 0; i < n; i++) /* not every driver says so */
			pkts[i]->port = w->view->bond.member[w->rx_member];
		bf_punt(w, w->for_us, why, pkts, n);
	} else if (why == BF_DROP_SLOW_PROTOCOL && in == BF_BOND_SLOT) {
		bf_punt_slow(w, why, pkts, n);
	} else {
		bf_drop(w, in, why, pkts, n);
	}
}

/* A burst with several destinations; runs of frames for no port are treated together. */
static void
scatter(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	const struct bf_burst *sum)
{
	struct rte_mbuf *flooded[BF_BURST];
	uint16_t n_flooded = 0;

	n = bf_stage_scatter(w, pkts, n, out, sum);
	for (uint16_t i = 0, run; i < n; i = (uint16_t)(i + run)) {
		for (run = 1; i + run < n && out[i + run] == out[i]; run++)
			;
		if (out[i] == BF_OUT_FLOOD) {
			for (uint16_t k = 0; k < run; k++)
				flooded[n_flooded++] = pkts[i + k];
		} else {
			refuse(w, in, (enum bf_drop)(out[i] & ~BF_OUT_DROP), &pkts[i], run);
		}
	}
	if (n_flooded > 0)
		flood(w, in, flooded, n_flooded, NULL);
}

static inline void
output(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	bool one, const struct bf_burst *sum)
{
	if (likely(one && out[0] < BF_MAX_PORTS))
		bf_stage_add(w, out[0], pkts, n, sum);
	else if (one && out[0] == BF_OUT_FLOOD)
		flood(w, in, pkts, n, sum);
	else if (one)
		refuse(w, in, (enum bf_drop)(out[0] & ~BF_OUT_DROP), pkts, n);
	else
		scatter(w, in, pkts, n, out, sum);
}

void
bf_switch_burst(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_port_counters *c = &w->counters->ports[in];
	struct bf_pmd_counters *pmd = &w->counters->pmd;
	uint64_t t0 = bf_stage_begin(w), t1 = 0;
	uint16_t out[BF_BURST];
	struct bf_burst sum;
	bool one = classify(w, in, pkts, n, out, &sum);

	c->rx_frames += n;
	c->rx_bytes += sum.bytes;
	if (unlikely(w->timed)) {
		t1 = rte_rdtsc();
		pmd->stage_tsc[BF_STAGE_DECIDE] += t1 - t0;
	}
	output(w, in, pkts, n, out, one, &sum);
	if (unlikely(w->timed))
		pmd->stage_tsc[BF_STAGE_OUTPUT] += rte_rdtsc() - t1;
}

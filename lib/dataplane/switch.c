/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The decision: where a frame goes, and what its source teaches.
 *
 * A worker remembers its latest decisions per (destination, source) in a small cache; a frame
 * that hits it costs one hash and one cache line.  The cache answers only for sources that are in
 * the FDB, and only until the FDB says that decisions may be wrong; everything else goes
 * through bf_verdict() (verdict.c).
 *
 * Threads: worker.
 */
#include "dataplane/switch.h"

#include <rte_cycles.h>
#include <rte_ether.h>

#include "dataplane/checksum.h"
#include "dataplane/count.h"
#include "dataplane/drop.h"
#include "dataplane/frame.h"
#include "dataplane/guard.h"
#include "dataplane/post.h"
#include "dataplane/punt.h"
#include "dataplane/responder.h"
#include "dataplane/shape.h"
#include "dataplane/snoop.h"
#include "dataplane/stage.h"
#include "dataplane/storm.h"
#include "dataplane/tx_bond.h"
#include "dataplane/tx_guest.h"
#include "dataplane/verdict.h"
#include "dataplane/vlan.h"

#define LEARN_REPEAT_MS 2 /* an address is posted again after this, not before */
#define SAMPLE 16 /* frames of a flood of which one is remembered */
#define CLAIM_REPEAT_MS 250
#define ADMIT_REPEAT_MS 250 /* a new address that takes room in a guard */
#define FLOOD_SEGMENTS 128 /* 64 KiB in segments of the smallest MTU that hosts have */

/* Tell control where a station is, unless this worker told it a moment ago. */
static bool
learn_post(struct bf_worker *w, const struct bf_frame *f, uint16_t port, enum bf_word word,
	uint32_t repeat_ms)
{
	/* What is said every second must not keep a station from moving on. */
	bool announced =
		bf_is_bond_slot(port) ? word != BF_WORD_NONE : word == BF_WORD_ANNOUNCEMENT;
	struct bf_mail mail = {
		.key = f->src, .port = port, .kind = BF_MAIL_STATION, .announced = announced};
	uint64_t mark = f->src ^ (uint64_t)port << 48 ^ (uint64_t)mail.announced << 63;

	return bf_post(w, &mail, mark, repeat_ms);
}

/* Control judges it again when the guest's own announcement does not count any more. */
static void
claim_post(struct bf_worker *w, const struct bf_frame *f, uint16_t port)
{
	struct bf_mail mail = {.key = f->src, .port = port, .kind = BF_MAIL_CLAIM};

	bf_post(w, &mail, f->src ^ 1ULL << 62, CLAIM_REPEAT_MS);
}

/* What comes back does so as it was on the wire: whatever a guest left undone is done first. */
static void
effects_note(struct bf_worker *w, uint16_t in, struct rte_mbuf *m, uint16_t out)
{
	unsigned int bond = w->view->ports[in].bond;
	struct rte_mbuf *segments[BF_BURST];
	struct bf_gso g;
	uint16_t n;

	if (likely(!bf_is_superframe(m))) {
		if (bf_is_partial(m)) {
			bf_checksum_complete(m);
			w->counters->ports[bf_out_is_flood(out) ? in : out].sums++;
		}
		bf_echo_note(w->echoes, bond, m);
		return;
	}
	bf_gso_begin(&g, m);
	while ((n = bf_gso_next(&g, m->pool, segments, BF_BURST)) > 0) {
		bf_echo_note_burst(w->echoes, bond, segments, n, 1);
		bf_free_burst(segments, n);
	}
}

/* An address that is new to a guard takes of its room, however many workers hear it, and if no mailbox had a place. */
static void
effects_learn(struct bf_worker *w, uint16_t in, const struct bf_frame *f, struct bf_verdict v)
{
	bool admit = (v.effects & BF_EFFECT_ADMIT) != 0;
	bool is_new = learn_post(
		w, f, in, (enum bf_word)v.word, admit ? ADMIT_REPEAT_MS : LEARN_REPEAT_MS);

	if (admit && is_new)
		bf_guard_take_room(w->view->rules[in].guard);
}

/* What follows from a frame beside its way. */
static __rte_noinline void
take_effects(struct bf_worker *w, uint16_t in, struct rte_mbuf *m, const struct bf_frame *f,
	struct bf_verdict v)
{
	if (v.effects & BF_EFFECT_TOUCH)
		bf_fdb_touch(w->fdb, v.station);
	if (v.effects & BF_EFFECT_ECHO)
		w->bonds[bf_bond_of_slot(in)].echoes++;
	if (v.effects & BF_EFFECT_NOTE)
		effects_note(w, in, m, v.out);
	if (v.effects & BF_EFFECT_CLAIM)
		claim_post(w, f, in);
	if (v.effects & BF_EFFECT_LEARN)
		effects_learn(w, in, f, v);
	if (v.effects & BF_EFFECT_ANNOUNCED)
		__atomic_store_n(
			&v.station->announced, BF_FDB_ANNOUNCED(w->fdb->now_s), __ATOMIC_RELAXED);
	if (v.effects & BF_EFFECT_SNOOP)
		bf_snoop(w, in, m);
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
	uint64_t mixed = (k0 >> 16) * 0x9e3779b97f4a7c15ULL ^ k1 * 0xd6e8feb86659fd93ULL;

	return &w->cache[mixed >> (64 - BF_CACHE_BITS)];
}

static inline bool
decision_remembered(
	const struct bf_worker *w, uint64_t k0, uint64_t k1, uint64_t tag, uint16_t *out)
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

static inline void
decision_remember(struct bf_worker *w, const struct key *k, uint16_t out)
{
	struct bf_cache_set *set = set_of(w, k->k[0], k->k[1]);

	set->way[1] = set->way[0];
	set->way[0] = (struct bf_cache_entry){{k->k[0], k->k[1]}, k->tag | out};
	if (unlikely(bf_out_is_flood(out)))
		w->floods = true;
}

static uint16_t
decide_and_remember(struct bf_worker *w, uint16_t in, struct rte_mbuf *m, const struct bf_frame *f,
	const struct key *k)
{
	struct bf_verdict v =
		bf_verdict((struct bf_verdict_ground){w->view, w->fdb, w->echoes}, in, m, f);

	w->counters->pmd.cache_miss++;
	if (likely(v.effects == BF_EFFECT_TOUCH))
		bf_fdb_touch(w->fdb, v.station);
	else if (v.effects != 0)
		take_effects(w, in, m, f, v);
	if (v.lasts)
		decision_remember(w, k, v.out);
	return v.out;
}

/*
 * What the cache knows a tagged frame by beside the rest: VLAN and ethertype of its tag.
 * @p behind: 8 bytes of the frame from the 10th on.
 */
static inline uint64_t
tag_key(uint64_t behind)
{
	return behind >> 16 & (0xffffULL << 32 | (uint64_t)RTE_BE16(0xfff) << 16);
}

/*
 * A frame that is tagged, of a slow protocol, or too short.  Frames with several tags come here every time:
 * their last ethertype is not in the key.
 */
static __rte_noinline uint16_t
prepare_special(struct bf_worker *w, uint16_t in, const struct rte_mbuf *m, struct bf_frame *f,
	struct key *k)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	enum bf_drop why = bf_frame_special(m, f);
	uint64_t behind;
	uint16_t inner, out;

	if (why != BF_DROP_COUNT)
		return (uint16_t)(BF_OUT_DROP | why);
	memcpy(&behind, p + 10, 8);
	memcpy(&inner, p + 16, 2);
	w->tags[in] |= BF_TAGS_LINGER;
	k->tag |= tag_key(behind) | BF_CACHE_TAGGED;
	if (bf_frame_is_tag(inner)) {
		k->tag |= BF_CACHE_LONG;
		if (unlikely(bf_vlan_is_hidden(&w->view->rules[in].vlan, f->src)))
			return BF_OUT_DROP | BF_DROP_VLAN_TAG;
		if (unlikely(w->view->rules[in].guards & BF_GUARD_PROTOCOLS) &&
			bf_guard_is_control(f))
			return BF_OUT_UNKNOWN;
	}
	if (!bf_frame_is_arp(f) && decision_remembered(w, k->k[0], k->k[1], k->tag, &out))
		return out;
	return BF_OUT_UNKNOWN;
}

/* The long way: frames that are tagged, special, or new. */
static inline uint16_t
frames_prepare(struct bf_worker *w, uint16_t in, unsigned int bond, const struct rte_mbuf *m,
	struct bf_frame *f, struct key *k)
{
	uint16_t out = BF_OUT_UNKNOWN;
	uint64_t raw;

	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), f);
	memcpy(&raw, rte_pktmbuf_mtod(m, const uint8_t *) + 6, 8);
	*k = (struct key){{f->dst << 16 | in, raw}, w->epoch_tag};
	bf_frame_set_bond(f, bond);
	if (unlikely(bf_frame_is_special(m, f->type)))
		out = prepare_special(w, in, m, f, k);
	if (out == BF_OUT_UNKNOWN) {
		bf_fdb_prefetch(w->fdb, f->src);
		bf_fdb_prefetch(w->fdb, f->dst);
	}
	return out;
}

static void
frames_resolve(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, const uint8_t *miss,
	uint16_t n_miss, uint16_t *out)
{
	unsigned int bond = w->view->ports[in].bond;
	struct bf_frame f[BF_BURST];
	struct key k[BF_BURST];

	for (uint16_t i = 0; i < n_miss; i++)
		out[miss[i]] = frames_prepare(w, in, bond, pkts[miss[i]], &f[i], &k[i]);
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

/* How the frames of a burst are looked up. */
enum look_up {
	UNTAGGED, /* those that have a tag miss */
	TAGGED, /* those that have none miss */
	MIXED,
};

/* What look_up() found out about a burst. */
struct found {
	uint32_t max_len, min_len, bytes;
	uint16_t n_miss, any, every;
	uint16_t n_tagged; /* MIXED */
	uint8_t miss[BF_BURST];
};

/*
 * Ask the cache for each frame.  Three times in the program, so that no port pays for tags that it does
 * not send, and one that sends nothing else pays little.
 */
static __rte_always_inline void
look_up(const struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n,
	uint16_t *out, struct found *f, enum look_up how)
{
	const uint64_t all = w->epoch_tag | (how == TAGGED ? BF_CACHE_TAGGED : 0);
	uint32_t max_len = 0, min_len = UINT16_MAX, bytes = 0;
	uint16_t n_miss = 0, any = 0, every = UINT16_MAX, n_tagged = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		uint64_t k0, k1, tag = all, behind;
		uint16_t to, type;

		memcpy(&k0, p, 8);
		memcpy(&k1, p + 6, 8);
		memcpy(&behind, p + 10, 8);
		memcpy(&type, p + 12, 2);
		k0 = k0 << 16 | in;
		if (how == TAGGED) {
			tag |= tag_key(behind);
		} else if (how == MIXED && bf_frame_is_tag(type)) {
			tag |= tag_key(behind) | BF_CACHE_TAGGED;
			n_tagged++;
		}
		bytes += m->pkt_len;
		max_len = RTE_MAX(max_len, m->pkt_len);
		min_len = RTE_MIN(min_len, (uint32_t)m->data_len);
		if (unlikely(!decision_remembered(w, k0, k1, tag, &to))) {
			f->miss[n_miss++] = (uint8_t)i;
			continue;
		}
		out[i] = to;
		any |= to;
		every &= to;
	}
	f->max_len = max_len;
	f->min_len = min_len;
	f->bytes = bytes;
	f->n_miss = n_miss;
	f->any = any;
	f->every = every;
	f->n_tagged = n_tagged;
}

/* Ports that send tagged frames and others: until all of a burst are tagged, or none for some time. */
static __rte_noinline void
look_up_mixed(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n,
	uint16_t *out, struct found *f)
{
	uint8_t *tags = &w->tags[in];

	look_up(w, in, pkts, n, out, f, MIXED);
	if (f->n_tagged == n)
		*tags = BF_TAGS_LINGER;
	else if (f->n_tagged > 0)
		*tags = BF_TAGS_MIXED | BF_TAGS_LINGER;
	else if (--*tags == BF_TAGS_MIXED)
		*tags = BF_TAGS_NONE;
}

/* Ports whose last frames were tagged; what misses may have no tag. */
static inline void
look_up_tagged(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n,
	uint16_t *out, struct found *f)
{
	look_up(w, in, pkts, n, out, f, TAGGED);
	if (unlikely(f->n_miss > 0))
		w->tags[in] |= BF_TAGS_MIXED;
}

/* Where each frame goes; returns true when all go to out[0]. */
static inline bool
frames_classify(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n,
	uint32_t flags, uint16_t *out, struct bf_burst *sum)
{
	uint32_t shortest = RTE_ETHER_HDR_LEN;
	struct found f;

	if (likely(w->tags[in] == BF_TAGS_NONE)) {
		look_up(w, in, pkts, n, out, &f, UNTAGGED);
	} else {
		if (likely(!(w->tags[in] & BF_TAGS_MIXED)))
			look_up_tagged(w, in, pkts, n, out, &f);
		else
			look_up_mixed(w, in, pkts, n, out, &f);
		shortest += 4;
	}
	*sum = (struct bf_burst){f.bytes, f.max_len, (uint16_t)f.min_len, flags, false};
	if (likely(f.n_miss == 0 && f.min_len >= shortest))
		return f.any == f.every;
	if (unlikely(f.min_len < shortest)) /* a hit may have been by old bytes in a buffer */
		for (f.n_miss = 0; f.n_miss < n; f.n_miss++)
			f.miss[f.n_miss] = (uint8_t)f.n_miss;
	frames_resolve(w, in, pkts, f.miss, f.n_miss, out);
	return all_equal(out, n);
}

/*
 * Without a LAG on the switch each member brings a copy of a flooded frame: one is taken.  In
 * active-backup only one member is listened to.
 */
static uint16_t
drop_duplicates(struct bf_worker *w, unsigned int bond, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_bond_view *b = &w->view->bonds[bond];

	if (b->lag || b->tx == BF_TX_ORDER || w->bonds[bond].rx_member == b->designated)
		return n;
	bf_drop(w, bf_bond_slot(bond), BF_DROP_DUPLICATE, pkts, n);
	return 0;
}

/*
 * Before it is sent: what stations say of themselves, and what may come back.  Where the switch should
 * have a LAG and nothing speaks against it, a full burst of a flood is only sampled, once its station is
 * known: one sample that comes back is enough to doubt.
 */
static void
frame_listen(struct bf_worker *w, uint16_t in, struct rte_mbuf *const *pkts, uint16_t n)
{
	unsigned int bond = w->view->ports[in].bond;
	const struct bf_bond_view *b = &w->view->bonds[bond];
	bool sampled = b->echo == BF_ECHO_MAYBE && !b->doubted && n == BF_BURST;

	for (uint16_t i = 0; i < n; i++)
		bf_snoop(w, in, pkts[i]);
	if (!bf_is_bond_slot(in) && b->echo != BF_ECHO_NONE)
		bf_echo_note_burst(w->echoes, bond, pkts, n, sampled ? SAMPLE : 1);
}

/* Frames of a flood that one guest gets, @p *reached: those that any port gets, a bit for each. */
struct flood_pick {
	uint16_t n;
	uint16_t refused; /* not addressed to it: they ended there */
	uint32_t reached;
	struct rte_mbuf *pkts[BF_BURST];
};

static uint8_t
flooded_kind(const struct rte_mbuf *m)
{
	const uint8_t *dst = rte_pktmbuf_mtod(m, const uint8_t *);

	if (!(dst[0] & 1))
		return BF_FLOODED_UNKNOWN;
	return rte_is_broadcast_ether_addr((const struct rte_ether_addr *)dst)
		? BF_FLOODED_BROADCAST
		: BF_FLOODED_MULTICAST;
}

/* A guarded guest sees no frames between others. */
static bool
is_addressed(const struct bf_port_rules *r, const struct rte_mbuf *m, uint8_t kind)
{
	struct bf_frame f;

	if (!(r->guards & BF_GUARD_MAC) || kind != BF_FLOODED_UNKNOWN)
		return true;
	bf_frame_load(rte_pktmbuf_mtod(m, const uint8_t *), &f);
	return bf_guard_permits(r->guard, f.dst);
}

static void
flood_pick(struct bf_worker *w, uint16_t slot, struct rte_mbuf *const *pkts, uint16_t n,
	struct flood_pick *pick)
{
	const struct bf_port_rules *r = &w->view->rules[slot];

	pick->n = pick->refused = 0;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t kind = flooded_kind(pkts[i]);

		if (r->floods_not & kind)
			continue;
		pick->reached |= 1u << i;
		if (is_addressed(r, pkts[i], kind)) {
			pick->pkts[pick->n++] = pkts[i];
		} else {
			bf_drop_note(w, slot, BF_DROP_NOT_ADDRESSED, &pkts[i], 1);
			pick->refused++;
		}
	}
}

/* To every guest its frames. @return how many have been delivered; pick->reached: which. */
static __rte_noinline uint32_t
flood_guests_picked(struct bf_worker *w, uint16_t in, const struct bf_flood *to,
	struct rte_mbuf **pkts, uint16_t n, const struct bf_burst *burst, struct flood_pick *pick)
{
	const struct bf_view *v = w->view;
	uint32_t deliveries = 0;
	struct bf_burst sum;

	for (uint16_t g = 0; g < to->n_guests; g++) {
		uint16_t slot = to->guests[g];

		if (slot == in || (v->rules[in].isolated && v->rules[slot].isolated) ||
			!__atomic_load_n(&v->ports[slot].guest->up, __ATOMIC_RELAXED))
			continue;
		flood_pick(w, slot, pkts, n, pick);
		deliveries += pick->refused;
		if (pick->n == 0)
			continue;
		bf_shape_sum(pick->pkts, pick->n, burst->flags, &sum);
		sum.flooded = true;
		bf_tx_guest_copy(w, slot, pick->pkts, pick->n, &sum);
		deliveries += pick->n;
	}
	return deliveries;
}

/* To every guest all of them. */
static uint32_t
flood_guests(struct bf_worker *w, uint16_t in, const struct bf_flood *to, struct rte_mbuf **pkts,
	uint16_t n, const struct bf_burst *burst)
{
	const struct bf_view *v = w->view;
	uint32_t deliveries = 0;

	for (uint16_t g = 0; g < to->n_guests; g++) {
		uint16_t slot = to->guests[g];

		if (slot == in || !__atomic_load_n(&v->ports[slot].guest->up, __ATOMIC_RELAXED))
			continue;
		bf_tx_guest_copy(w, slot, pkts, n, burst);
		deliveries += n;
	}
	return deliveries;
}

/* Frames that went to guests only; those that reached nobody are dropped. @return how many are left out. */
static uint16_t
flood_end(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint32_t reached)
{
	uint16_t lost = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (reached >> i & 1) {
			rte_pktmbuf_free(pkts[i]);
			continue;
		}
		bf_drop(w, in, BF_DROP_NO_DESTINATION, &pkts[i], 1);
		lost++;
	}
	return lost;
}

/*
 * Guests first, by copy; the bond last, by ownership.  Never back, never bond to bond.
 * @p whole: the frames are all of @p burst.
 */
static void
flood_complete(struct bf_worker *w, uint16_t in, uint16_t domain, struct rte_mbuf **pkts,
	uint16_t n, const struct bf_burst *burst, bool whole)
{
	struct bf_port_counters *c = &w->counters->ports[in];
	const struct bf_flood *to = bf_flood_of(w->view, domain);
	struct bf_burst sum = *burst;
	struct flood_pick pick;
	uint32_t deliveries;

	frame_listen(w, in, pkts, n);
	if (unlikely(!whole))
		bf_shape_sum(pkts, n, burst->flags, &sum);
	sum.flooded = true;
	pick.reached = 0;
	if (likely(!to->picks)) {
		deliveries = flood_guests(w, in, to, pkts, n, &sum);
		pick.reached = deliveries > 0 ? UINT32_MAX : 0;
	} else {
		deliveries = flood_guests_picked(w, in, to, pkts, n, &sum, &pick);
	}
	c->flooded += n;
	if (to->bond && in != bf_bond_slot(to->number)) {
		bf_tx_bond(w, to->number, pkts, n, &sum);
		deliveries += n;
	} else {
		n -= flood_end(w, in, pkts, n, pick.reached);
	}
	c->copies += deliveries - n;
}

/* Segments for every guest are as many frames as guests, times that many. */
static uint16_t
drop_unfloodable(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t keep = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (bf_is_superframe(pkts[i]) && bf_gso_count(pkts[i]) > FLOOD_SEGMENTS)
			bf_drop(w, in, BF_DROP_FLOOD_SEGMENTS, &pkts[i], 1);
		else
			pkts[keep++] = pkts[i];
	}
	return keep;
}

/*
 * Flooded frames are everybody's, and those that come back are known by their bytes: whatever a guest left
 * undone is done first.
 */
static __rte_noinline void
flood_stated(struct bf_worker *w, uint16_t in, uint16_t domain, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *out[BF_BURST];
	struct bf_burst sum;
	struct bf_shape s;

	n = drop_unfloodable(w, in, pkts, n);
	bf_shape_begin(&s, in, 0, pkts, n);
	s.flooded = true;
	while ((n = bf_shape_next(w, &s, out, BF_BURST)) > 0) {
		bf_shape_sum(out, n, 0, &sum);
		flood_complete(w, in, domain, out, n, &sum, true);
	}
}

static __rte_noinline void
frames_flood(struct bf_worker *w, uint16_t in, uint16_t domain, struct rte_mbuf **pkts, uint16_t n,
	const struct bf_burst *burst, bool whole)
{
	uint16_t all = n;

	if (bf_is_bond_slot(in))
		n = drop_duplicates(w, bf_bond_of_slot(in), pkts, n);
	if (unlikely(w->view->storms[in] != NULL) && n > 0 && !bf_flood_of(w->view, domain)->joined)
		n = bf_storm_limit(w, in, w->view->storms[in], pkts, n);
	if (unlikely(w->view->responder != NULL) && n > 0)
		n = bf_respond(w, in, pkts, n);
	if (n == 0)
		return;
	whole = whole && n == all;
	if (unlikely(burst->flags & (BF_BURST_SEGMENTS | BF_BURST_PARTIAL)))
		flood_stated(w, in, domain, pkts, n);
	else
		flood_complete(w, in, domain, pkts, n, burst, whole);
}

/* Frames that go nowhere; control wants some of them, and reads fewer when it does not keep up. */
static void
frames_refuse(
	struct bf_worker *w, uint16_t in, enum bf_drop why, struct rte_mbuf **pkts, uint16_t n)
{
	if (why == BF_DROP_FOR_US)
		bf_punt(w, bf_bond_of_slot(in), w->for_us, why, pkts, n);
	else if ((why == BF_DROP_SLOW_PROTOCOL || why == BF_DROP_RESERVED) && bf_is_bond_slot(in))
		bf_punt_slow(w, bf_bond_of_slot(in), why, pkts, n);
	else
		bf_drop(w, in, why, pkts, n);
}

/* Flooded frames of a burst that are for one domain. */
struct flooded {
	const struct bf_burst *of;
	uint16_t domain, n;
	struct rte_mbuf *pkts[BF_BURST];
};

static void
flooded_send(struct bf_worker *w, uint16_t in, struct flooded *f)
{
	if (f->n > 0)
		frames_flood(w, in, f->domain, f->pkts, f->n, f->of, false);
	f->n = 0;
}

static void
flooded_add(struct bf_worker *w, uint16_t in, uint16_t domain, struct rte_mbuf *const *pkts,
	uint16_t n, struct flooded *f)
{
	if (f->domain != domain)
		flooded_send(w, in, f);
	f->domain = domain;
	for (uint16_t i = 0; i < n; i++)
		f->pkts[f->n++] = pkts[i];
}

/* A burst with several destinations; runs of frames for no port are treated together. */
static void
frames_scatter(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	const struct bf_burst *sum)
{
	struct flooded f;

	f.of = sum;
	f.domain = f.n = 0; /* what is behind `n` stays as it is: to clear it costs every burst */
	n = bf_stage_scatter(w, pkts, n, out, sum);
	for (uint16_t i = 0, run; i < n; i = (uint16_t)(i + run)) {
		for (run = 1; i + run < n && out[i + run] == out[i]; run++)
			;
		if (bf_out_is_flood(out[i]))
			flooded_add(w, in, bf_out_domain(out[i]), &pkts[i], run, &f);
		else
			frames_refuse(w, in, (enum bf_drop)(out[i] & ~BF_OUT_DROP), &pkts[i], run);
	}
	flooded_send(w, in, &f);
}

static inline void
frames_output(struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint16_t *out,
	bool one, const struct bf_burst *sum)
{
	if (likely(one && out[0] < BF_MAX_PORTS))
		bf_stage_add(w, out[0], pkts, n, sum);
	else if (one && bf_out_is_flood(out[0]))
		frames_flood(w, in, bf_out_domain(out[0]), pkts, n, sum, true);
	else if (one)
		frames_refuse(w, in, (enum bf_drop)(out[0] & ~BF_OUT_DROP), pkts, n);
	else
		frames_scatter(w, in, pkts, n, out, sum);
}

void
bf_switch_burst(
	struct bf_worker *w, uint16_t in, struct rte_mbuf **pkts, uint16_t n, uint32_t flags)
{
	struct bf_port_counters *c = &w->counters->ports[in];
	struct bf_pmd_counters *pmd = &w->counters->pmd;
	uint64_t t0 = bf_stage_begin(w), t1 = 0;
	uint16_t out[BF_BURST];
	struct bf_burst sum;
	bool one = frames_classify(w, in, pkts, n, flags, out, &sum);

	c->rx_frames += n;
	c->rx_bytes += sum.bytes - w->pushed; /* in one step: it never goes back */
	w->pushed = 0;
	if (unlikely(w->timed)) {
		t1 = rte_rdtsc();
		pmd->stage_tsc[BF_STAGE_DECIDE] += t1 - t0;
	}
	frames_output(w, in, pkts, n, out, one, &sum);
	if (unlikely(w->timed))
		pmd->stage_tsc[BF_STAGE_OUTPUT] += rte_rdtsc() - t1;
}

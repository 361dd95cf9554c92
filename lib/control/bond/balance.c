/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Load of buckets and flows, and rebalancing with Open vSwitch's thresholds.
 *
 * Threads: ctx control.
 */
#include "control/bond/balance.h"

#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#define SAMPLES_PER_TICK 4096
#define SAMPLE_EVERY 1024 /* frames towards the bond */
#define TAPE_BYTES 65536
#define MIN_GAIN_BPS 125000.0 /* a move worth less than 1 Mbit/s is not made */
#define MIN_SHARE 0.03 /* nor one of less than 3 % of the busier member's load */
#define MIN_IMPROVEMENT 0.1 /* of the ratio between the two members */

int
bf_balance_open(struct bf_balance *ba, struct bf_taps *taps, const struct bf_lcores *l,
	unsigned int bond, struct bf_err *err)
{
	struct bf_tap_spec spec = {.slot = bf_bond_slot(bond),
		.dirs = BF_TAP_OUT,
		.every = SAMPLE_EVERY,
		.snap = BF_FLOW_HEAD,
		.tape_bytes = TAPE_BYTES};

	ba->tap = bf_taps_open(taps, l, &spec, err);
	return ba->tap == NULL ? -errno : 0;
}

static void
flow_note(struct bf_balance *ba, const struct bf_tap_record *s, uint64_t now_ms)
{
	struct bf_flow *at = NULL;
	struct bf_flow_key k;
	uint32_t hash;

	bf_flow_key(s->data, s->len, BF_POLICY_L34, &k);
	memcpy(&k.l2[0], s->data, 6);
	memcpy(&k.l2[1], s->data + 6, 6);
	hash = bf_flow_hash_key(&k, 1) | 1;
	for (unsigned int i = 0; i < 8; i++) { /* eight places to look: the least busy gives way */
		struct bf_flow *f = &ba->flows[(hash + i) % BF_FLOWS_MAX];

		if (f->hash == hash) {
			at = f;
			break;
		}
		if (at == NULL || f->hash == 0 || (at->hash != 0 && f->bytes < at->bytes))
			at = f;
	}
	if (at->hash != hash) {
		memset(at, 0, sizeof(*at));
		at->hash = hash;
		at->head_len = (uint8_t)s->len;
		memcpy(at->head, s->data, s->len);
	}
	at->frames += s->weight;
	at->bytes += (uint64_t)s->weight * s->pkt_len;
	at->seen_ms = now_ms;
}

void
bf_balance_collect(struct bf_balance *ba, uint64_t now_ms)
{
	for (unsigned int i = 0; i < SAMPLES_PER_TICK; i++) {
		unsigned int worker = 0;
		const struct bf_tap_record *s = bf_tap_oldest(ba->tap, &worker);

		if (s == NULL)
			break;
		if (s->len >= RTE_ETHER_HDR_LEN)
			flow_note(ba, s, now_ms);
		bf_tap_done(ba->tap, worker);
	}
}

static void
buckets_measure(struct bf_balance *ba, const struct bf_bond *b, uint64_t now_ms)
{
	double s = (double)(now_ms - ba->last_ms) / 1000;

	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		uint64_t sum = 0;

		for (unsigned int w = 0; w < b->lcores->n; w++)
			sum += __atomic_load_n(
				&b->lcores->workers[w]->bonds[b->number].bucket_bytes[k],
				__ATOMIC_RELAXED);
		ba->load[k] = ba->last_ms == 0 || s <= 0
			? 0
			: (uint64_t)((double)(sum - ba->last_bytes[k]) / s);
		ba->last_bytes[k] = sum;
	}
	ba->last_ms = now_ms;
	for (unsigned int i = 0; i < BF_FLOWS_MAX; i++) {
		ba->flows[i].frames /= 2;
		ba->flows[i].bytes /= 2;
		if (ba->flows[i].bytes == 0)
			ba->flows[i].hash = 0;
	}
}

void
bf_balance_shares(const struct bf_balance *ba, const struct bf_bond *b, double *share)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		share[i] = 0;
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		int i = bf_bond_by_bit(b, bf_bond_bucket_member(b, k));

		if (i >= 0)
			share[i] += (double)ba->load[k];
	}
}

/* What each member can carry, in any unit; one that does not say counts as the slowest. */
static void
member_capacities(const struct bf_bond *b, double *capacity)
{
	uint32_t least = 0;

	for (unsigned int i = 0; i < b->n_members; i++) {
		uint32_t mbps = b->members[i].speed_mbps;

		least = mbps != 0 && (least == 0 || mbps < least) ? mbps : least;
	}
	for (unsigned int i = 0; i < b->n_members; i++)
		capacity[i] = RTE_MAX(RTE_MAX(b->members[i].speed_mbps, least), 1u);
}

double
bf_balance_ratio(const struct bf_bond *b, const double *share)
{
	double capacity[BF_MAX_MEMBERS], room = 0, sum = 0, most = 0;

	member_capacities(b, capacity);
	for (unsigned int i = 0; i < b->n_members; i++) {
		sum += share[i];
		room += capacity[i];
		most = RTE_MAX(most, share[i] / capacity[i]);
	}
	return sum > 0 ? most * room / sum : 0;
}

/* Load of the members, and what each can carry. */
struct shares {
	double load[BF_MAX_MEMBERS], capacity[BF_MAX_MEMBERS];
};

static double
member_use(const struct shares *s, unsigned int i, double more)
{
	return (s->load[i] + more) / s->capacity[i];
}

/* The bucket of one member whose move to the other evens them out best; -1 when none is worth it. */
static int
best_move(const struct bf_balance *ba, const struct bf_bond *b, unsigned int from, unsigned int to,
	const struct shares *s, const bool *moved)
{
	double best_left = member_use(s, from, 0) - member_use(s, to, 0), low, after;
	int best = -1;

	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		double load = (double)ba->load[k],
		       left = member_use(s, from, -load) - member_use(s, to, load);

		if (b->home[k] != b->members[from].bit || moved[k] || load < MIN_GAIN_BPS ||
			load < s->load[from] * MIN_SHARE)
			continue;
		left = left < 0 ? -left : left;
		if (left < best_left) {
			best_left = left;
			best = (int)k;
		}
	}
	if (best < 0)
		return -1;
	low = s->load[to] > 1 ? 0 : 1; /* nothing there: no division by zero */
	after = member_use(s, from, -(double)ba->load[best]) /
		member_use(s, to, low + (double)ba->load[best]);
	return member_use(s, from, 0) / member_use(s, to, low) - after < MIN_IMPROVEMENT ? -1
											 : best;
}

static bool
move_one(struct bf_balance *ba, struct bf_bond *b, const uint32_t *stations, bool *moved,
	struct shares *s)
{
	unsigned int from = 0, to = 0, cost;
	uint32_t carrying = bf_bond_carrying(b);
	bool any = false;
	int k;

	for (unsigned int i = 0; i < b->n_members; i++) {
		if (!(carrying >> b->members[i].bit & 1) || b->members[i].drained ||
			b->cfg.members[i].spare)
			continue;
		from = !any || member_use(s, i, 0) > member_use(s, from, 0) ? i : from;
		to = !any || member_use(s, i, 0) < member_use(s, to, 0) ? i : to;
		any = true;
	}
	if (!any || from == to)
		return false;
	k = best_move(ba, b, from, to, s, moved);
	if (k < 0)
		return false;
	cost = stations[k] > 0 ? stations[k] : 1;
	if (ba->moves_this_minute + cost > b->cfg.mac_move_budget)
		return false;
	ba->moves_this_minute += cost;
	b->home[k] = b->members[to].bit;
	s->load[from] -= (double)ba->load[k];
	s->load[to] += (double)ba->load[k];
	moved[k] = true;
	ba->moves++;
	return true;
}

bool
bf_balance_interval(struct bf_balance *ba, struct bf_bond *b, const uint32_t *stations, bool *moved,
	uint64_t now_ms)
{
	uint32_t mode = bf_bond_mode_in_force(b);
	bool balances = b->cfg.rebalance_interval_ms != 0 &&
		(mode == BF_MODE_TLB || mode == BF_MODE_ALB ||
			(b->cfg.rebalance && (mode == BF_MODE_XOR || mode == BF_MODE_8023AD)));
	struct shares s;
	bool any = false;

	buckets_measure(ba, b, now_ms);
	memset(moved, 0, BF_BUCKETS * sizeof(*moved));
	if (!balances || b->n_members < 2)
		return false;
	if (now_ms - ba->minute_ms >= 60000) {
		ba->minute_ms = now_ms;
		ba->moves_this_minute = 0;
	}
	bf_balance_shares(ba, b, s.load);
	member_capacities(b, s.capacity);
	while (move_one(ba, b, stations, moved, &s))
		any = true;
	b->dirty = b->dirty || any;
	return any;
}

static unsigned int
member_of_flow(
	const struct bf_bond *b, const struct bf_flow *f, enum bf_policy policy, uint64_t seed)
{
	struct bf_flow_key k;
	int i;

	bf_flow_key(f->head, f->head_len, policy, &k);
	i = bf_bond_by_bit(b, b->home[bf_flow_hash_key(&k, seed) % BF_BUCKETS]);
	return i < 0 ? 0 : (unsigned int)i;
}

/* The bond with another number of members: the last one gone, or one more. */
static void
bond_resize(struct bf_bond *b, unsigned int n)
{
	while (b->n_members > n) {
		b->n_members--;
		for (unsigned int k = 0; k < BF_BUCKETS; k++)
			if (b->home[k] == b->members[b->n_members].bit)
				b->home[k] = BF_NO_HOME;
	}
	while (b->n_members < n) {
		b->members[b->n_members].bit = bf_bond_free_bit(b);
		b->members[b->n_members].speed_mbps = b->members[0].speed_mbps;
		b->n_members++;
	}
	bf_bond_deal_buckets(b);
}

void
bf_balance_whatif(const struct bf_balance *ba, const struct bf_bond *b, enum bf_policy policy,
	uint64_t seed, unsigned int n_members, struct bf_whatif *w)
{
	struct bf_bond other = *b;
	double sum = 0;

	if (n_members != b->n_members)
		bond_resize(&other, n_members);
	memset(w, 0, sizeof(*w));
	w->policy = policy;
	w->seed = seed;
	w->n_members = n_members;
	for (unsigned int i = 0; i < BF_FLOWS_MAX; i++) {
		const struct bf_flow *f = &ba->flows[i];
		unsigned int m;

		if (f->hash == 0)
			continue;
		m = member_of_flow(&other, f, policy, seed);
		w->share[m] += (double)f->bytes;
		sum += (double)f->bytes;
		w->flows++;
		w->moved += m != member_of_flow(b, f, bf_bond_policy(b), b->cfg.seed);
	}
	w->ratio = bf_balance_ratio(&other, w->share);
	for (unsigned int i = 0; i < n_members && sum > 0; i++)
		w->share[i] /= sum;
}

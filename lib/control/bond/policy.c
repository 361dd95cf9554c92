/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which member carries what: usability with delays, the active member, valves, buckets.
 *
 * Threads: ctx control.
 */
#include "control/bond/bond.h"

#include <inttypes.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/log.h"
#include "control/bond/spares.h"
#include "dataplane/fdb.h"
#include "dataplane/member.h"

#define RESELECT_ALWAYS 0
#define RESELECT_BETTER 1
#define RESELECT_FAILURE 2

bool
bf_mode_has_lag(uint32_t mode)
{
	return mode == BF_MODE_RR || mode == BF_MODE_XOR || mode == BF_MODE_8023AD;
}

uint32_t
bf_bond_up_delay(const struct bf_bond *b, unsigned int i)
{
	uint32_t own = b->cfg.members[i].up_delay_ms;
	uint32_t ms = own == BF_OF_BOND ? b->cfg.up_delay_ms : own;

	return b->members[i].damped ? RTE_MAX(ms, b->cfg.flap_hold_ms) : ms;
}

uint32_t
bf_bond_down_delay(const struct bf_bond *b, unsigned int i)
{
	uint32_t own = b->cfg.members[i].down_delay_ms;

	return own == BF_OF_BOND ? b->cfg.down_delay_ms : own;
}

void
bf_bond_note_loss(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];
	uint32_t limit = b->cfg.flap_limit;

	m->lost_ms[m->flaps % BF_FLAPS_MAX] = now_ms;
	m->flaps++;
	if (m->damped || limit == 0 || m->flaps < limit ||
		now_ms - m->lost_ms[(m->flaps - limit) % BF_FLAPS_MAX] > b->cfg.flap_window_ms)
		return;
	m->damped = true;
	bf_event(b->events, BF_LOG_WARNING, "member_flaps", m->name,
		"%" PRIu32 " losses within %" PRIu32
		" ms: out of service until its link has been up for %" PRIu32 " ms",
		limit, b->cfg.flap_window_ms, b->cfg.flap_hold_ms);
}

static void
end_damping(struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];

	if (!m->damped || !m->carrier || now_ms - m->changed_ms < b->cfg.flap_hold_ms)
		return;
	m->damped = false;
	bf_event(b->events, BF_LOG_NOTICE, "member_steady", m->name,
		"link up for %" PRIu32 " ms: in service again", b->cfg.flap_hold_ms);
}

/* A carrier that came up waits its delay, unless nothing else is left to use. */
static bool
is_usable(const struct bf_bond *b, unsigned int i, bool others, uint64_t now_ms)
{
	const struct bf_member *m = &b->members[i];
	uint64_t since = now_ms - m->changed_ms;

	if (m->probe_failed)
		return false;
	if (m->carrier)
		return m->usable || !others || since >= bf_bond_up_delay(b, i);
	return m->usable && !m->damped && since < bf_bond_down_delay(b, i);
}

static void
decide_usable(struct bf_bond *b, uint64_t now_ms)
{
	bool others = false;

	for (unsigned int i = 0; i < b->n_members; i++)
		others = others || (b->members[i].usable && b->members[i].carrier);
	for (unsigned int i = 0; i < b->n_members; i++) {
		bool usable;

		end_damping(b, i, now_ms);
		usable = is_usable(b, i, others, now_ms);
		others = others || (usable && b->members[i].carrier);
		if (usable != b->members[i].usable) {
			b->members[i].usable = usable;
			b->dirty = true;
		}
	}
}

static int
member_better(const struct bf_bond *b, int best, unsigned int i)
{
	if (best >= 0 && b->cfg.members[i].spare != b->cfg.members[best].spare)
		return b->cfg.members[best].spare ? (int)i : best;
	if (best < 0 || b->cfg.members[i].priority > b->cfg.members[best].priority)
		return (int)i;
	return best;
}

static bool
takes_over(const struct bf_bond *b, int primary, int active)
{
	const struct bf_member *p = &b->members[primary], *a = &b->members[active];

	switch (b->cfg.primary_reselect) {
	case RESELECT_FAILURE:
		return false;
	case RESELECT_BETTER:
		return p->speed_mbps > a->speed_mbps ||
			(p->speed_mbps == a->speed_mbps && p->full_duplex && !a->full_duplex);
	default:
		return true;
	}
}

/* A spare may be the active one of active-backup; elsewhere not while it stands by. */
static bool
may_be_active(const struct bf_bond *b, unsigned int i)
{
	const struct bf_member *m = &b->members[i];

	return m->usable && !m->drained && !(m->standby && bf_spares_rule(b));
}

/* Who would take over from the active one: a usable primary, else a member of higher priority. */
static int
active_challenger(const struct bf_bond *b, int active)
{
	int primary = bf_bond_config_member(&b->cfg, b->cfg.primary), best = active;

	if (primary >= 0 && may_be_active(b, (unsigned int)primary))
		return primary;
	for (unsigned int i = 0; active >= 0 && i < b->n_members; i++)
		if (may_be_active(b, i) && b->members[i].carrier)
			best = member_better(b, best, i);
	return best == active ? -1 : best;
}

/* The member that was active before the bond was closed counts as active still. */
static int
active_kept(const struct bf_bond *b)
{
	int at = b->kept[0] == '\0' ? -1 : bf_bond_config_member(&b->cfg, b->kept);

	return at >= 0 && may_be_active(b, (unsigned int)at) && b->members[at].carrier ? at : -1;
}

/* Linux bonding's rule: keep the active one; a challenger takes over as reselect says. */
int
bf_bond_choose_active(const struct bf_bond *b)
{
	int best = active_kept(b) >= 0 ? active_kept(b) : b->active, other;

	if (best >= 0 && !may_be_active(b, (unsigned int)best))
		best = -1;
	other = active_challenger(b, best);
	if (other >= 0 && (best < 0 || takes_over(b, other, best)))
		return other;
	if (best >= 0)
		return best;
	for (unsigned int i = 0; i < b->n_members; i++)
		if (may_be_active(b, i) && b->members[i].carrier)
			best = member_better(b, best, i);
	for (unsigned int i = 0; best < 0 && i < b->n_members; i++)
		if (b->members[i].usable) /* only drained or held ones are left */
			best = member_better(b, best, i);
	return best;
}

static void
decide_active(struct bf_bond *b, uint64_t now_ms)
{
	int was = b->active, now = bf_bond_choose_active(b);

	if (active_kept(b) >= 0 || now_ms >= b->kept_until_ms)
		b->kept[0] = '\0';
	if (now == was)
		return;
	b->active = now;
	b->dirty = true;
	if (bf_bond_mode_in_force(b) != BF_MODE_ACTIVE_BACKUP)
		return;
	bf_event(b->events, now < 0 ? BF_LOG_WARNING : BF_LOG_NOTICE, "active_member", b->cfg.name,
		"%s, was %s", now < 0 ? "none" : b->members[now].name,
		was >= 0                           ? b->members[was].name
			: b->was_active[0] != '\0' ? b->was_active
						   : "none");
}

uint32_t
bf_bond_mode_in_force(const struct bf_bond *b)
{
	return b->held_until_ms != 0 ? b->held_mode : b->cfg.mode;
}

static bool
falls_back(const struct bf_bond *b)
{
	struct bf_lacp_info info = {0};

	if (b->lacp != NULL)
		bf_lacp_info(b->lacp, &info);
	return info.fallback;
}

bool
bf_bond_has_lag(const struct bf_bond *b)
{
	uint32_t mode = bf_bond_mode_in_force(b);

	return bf_mode_has_lag(mode) && (mode != BF_MODE_8023AD || !falls_back(b));
}

enum bf_echo
bf_bond_echo(const struct bf_bond *b)
{
	if (b->n_members < 2)
		return BF_ECHO_NONE;
	if (!bf_bond_has_lag(b))
		return BF_ECHO_ALL;
	return bf_bond_mode_in_force(b) == BF_MODE_8023AD ? BF_ECHO_NONE : BF_ECHO_MAYBE;
}

bool
bf_bond_is_doubted(const struct bf_bond *b)
{
	enum bf_echo echo = bf_bond_echo(b);

	return echo == BF_ECHO_ALL || (echo == BF_ECHO_MAYBE && b->came_back);
}

static bool
member_collects(const struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	if (b->held_until_ms != 0 && b->members[i].collect)
		return true; /* the partner may send here already */
	switch (bf_bond_mode_in_force(b)) {
	case BF_MODE_ACTIVE_BACKUP:
		return (int)i == b->active;
	case BF_MODE_8023AD:
		return b->members[i].collect || b->members[i].draining;
	default:
		return b->members[i].usable &&
			(!b->members[i].standby || bf_spares_collects(b, i, now_ms));
	}
}

void
bf_bond_decide(struct bf_bond *b, uint64_t now_ms)
{
	decide_usable(b, now_ms);
	bf_spares_decide(b, now_ms);
	decide_active(b, now_ms);
	bf_spares_note(b);
	for (unsigned int i = 0; i < b->n_members; i++)
		bf_bond_device_collect(b, i, member_collects(b, i, now_ms));
}

/* A spare has no flows of its own, unless there are only spares. */
static bool
may_be_home(const struct bf_bond *b, unsigned int i)
{
	return !b->cfg.members[i].spare || bf_bond_config_n_regular(&b->cfg) == 0;
}

static void
leave_spares(struct bf_bond *b)
{
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		int i = b->home[k] == BF_NO_HOME ? -1 : bf_bond_by_bit(b, b->home[k]);

		if (i >= 0 && !may_be_home(b, (unsigned int)i))
			b->home[k] = BF_NO_HOME;
	}
}

/* Number of the member with the fewest buckets. */
static unsigned int
least_home(const struct bf_bond *b, const unsigned int *count)
{
	int least = -1;

	for (unsigned int i = 0; i < b->n_members; i++)
		if (may_be_home(b, i) &&
			(least < 0 || count[b->members[i].bit] < count[b->members[least].bit]))
			least = (int)i;
	return b->members[least < 0 ? 0 : least].bit;
}

void
bf_bond_deal_buckets(struct bf_bond *b)
{
	unsigned int count[BF_MAX_MEMBERS] = {0};

	if (b->n_members == 0)
		return;
	leave_spares(b);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		if (b->home[k] != BF_NO_HOME)
			count[b->home[k]]++;
	for (unsigned int k = 0; k < BF_BUCKETS; k++) {
		unsigned int least = least_home(b, count), home = b->home[k];

		/* Homeless buckets find one; of a member with too many, the surplus moves. */
		if (home != BF_NO_HOME && count[home] <= count[least] + 1)
			continue;
		if (home != BF_NO_HOME)
			count[home]--;
		b->home[k] = (uint8_t)least;
		count[least]++;
	}
	b->dirty = true;
}

static uint32_t
members_eligible(const struct bf_bond *b)
{
	uint32_t set = 0, last = 0;

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];
		bool may = bf_bond_mode_in_force(b) == BF_MODE_8023AD
			? m->distribute
			: m->usable && !(m->standby && bf_spares_rule(b));

		last |= may ? 1u << m->bit : 0;
		set |= may && !m->drained ? 1u << m->bit : 0;
	}
	return set != 0 ? set : last; /* draining the last one would only lose frames */
}

static enum bf_bond_tx
tx_of(uint32_t mode)
{
	switch (mode) {
	case BF_MODE_RR:
		return BF_TX_RR;
	case BF_MODE_ACTIVE_BACKUP:
		return BF_TX_ORDER;
	case BF_MODE_BROADCAST:
		return BF_TX_BROADCAST;
	default:
		return BF_TX_BUCKET;
	}
}

uint32_t
bf_bond_carrying(const struct bf_bond *b)
{
	if (!b->open)
		return 0;
	if (bf_bond_mode_in_force(b) == BF_MODE_ACTIVE_BACKUP)
		return b->active < 0 ? 0 : 1u << b->members[b->active].bit;
	return members_eligible(b);
}

uint32_t
bf_bond_speed(const struct bf_bond *b)
{
	bool slowest = bf_bond_mode_in_force(b) == BF_MODE_BROADCAST;
	uint32_t carrying = bf_bond_carrying(b), speed = 0;

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];

		if (!(carrying & 1u << m->bit) || !m->carrier)
			continue;
		if (m->speed_mbps == 0)
			return 0;
		speed = !slowest     ? speed + m->speed_mbps
			: speed == 0 ? m->speed_mbps
				     : RTE_MIN(speed, m->speed_mbps);
	}
	return speed;
}

enum bf_policy
bf_bond_policy(const struct bf_bond *b)
{
	uint32_t mode = bf_bond_mode_in_force(b);

	return mode == BF_MODE_TLB || mode == BF_MODE_ALB ? BF_POLICY_VLAN_SRCMAC
							  : (enum bf_policy)b->cfg.policy;
}

/* The flows of a lost member go to the spares that serve in its place. */
static unsigned int
member_of_bucket(const struct bf_bond *b, uint32_t may, unsigned int bucket)
{
	uint32_t spares = may & bf_spares_serving(b);

	if (may == 0 || (may >> b->home[bucket] & 1))
		return b->home[bucket];
	return bf_bond_stand_in(spares != 0 ? spares : may, (uint8_t)bucket);
}

unsigned int
bf_bond_bucket_member(const struct bf_bond *b, unsigned int bucket)
{
	return member_of_bucket(b, bf_bond_carrying(b), bucket);
}

unsigned int
bf_bond_frame_bucket(const struct bf_bond *b, const uint8_t *frame, uint32_t len)
{
	struct bf_flow_key k;

	bf_flow_key(frame, len, bf_bond_policy(b), &k);
	return bf_flow_hash_key(&k, b->cfg.seed) % BF_BUCKETS;
}

unsigned int
bf_bond_station_bucket(const struct bf_bond *b, uint64_t key)
{
	struct bf_flow_key k = {.l2 = {BF_FDB_VLAN_OF(key), key & BF_FDB_MAC_MASK}};

	return bf_flow_hash_key(&k, b->cfg.seed) % BF_BUCKETS;
}

int
bf_bond_member_for(const struct bf_bond *b, const uint8_t *frame, uint32_t len)
{
	uint32_t may = bf_bond_carrying(b);

	if (may == 0)
		return -1;
	switch (tx_of(bf_bond_mode_in_force(b))) {
	case BF_TX_BUCKET:
		return bf_bond_by_bit(
			b, bf_bond_bucket_member(b, bf_bond_frame_bucket(b, frame, len)));
	default: /* the active one; round-robin and broadcast: any */
		return bf_bond_by_bit(b, (unsigned int)__builtin_ctz(may));
	}
}

static void
fill_order(const struct bf_bond *b, struct bf_bond_view *v)
{
	unsigned int n = 0;
	bool taken[BF_MAX_MEMBERS] = {false};

	if (b->active >= 0) {
		v->order[n++] = b->members[b->active].bit;
		taken[b->active] = true;
	}
	while (n < b->n_members) {
		int best = -1;

		for (unsigned int i = 0; i < b->n_members; i++)
			if (!taken[i])
				best = member_better(b, best, i);
		if (best < 0)
			return;
		v->order[n++] = b->members[best].bit;
		taken[best] = true;
	}
}

uint16_t
bf_bond_max_len(const struct bf_bond *b)
{
	return (uint16_t)(b->cfg.mtu + BF_FRAME_OVERHEAD);
}

static uint16_t
ring_size(const struct bf_member *m)
{
	struct rte_eth_txq_info info;

	return rte_eth_tx_queue_info_get(m->port, 0, &info) == 0 ? info.nb_desc : 0;
}

void
bf_bond_fill_view(const struct bf_bond *b, struct bf_view *v)
{
	struct bf_bond_view *bv = &v->bonds[b->number];
	struct bf_port_view *pv = &v->ports[bf_bond_slot(b->number)];
	uint32_t may = members_eligible(b);

	pv->kind = BF_PORT_BOND;
	pv->max_len = bf_bond_max_len(b);
	pv->bond = (uint8_t)b->number;
	v->rules[bf_bond_slot(b->number)].too_big = b->cfg.too_big;
	v->rules[bf_bond_slot(b->number)].mtu = (uint16_t)b->cfg.mtu;
	bv->tx = (uint8_t)tx_of(bf_bond_mode_in_force(b));
	bv->policy = (uint8_t)bf_bond_policy(b);
	bv->lag = b->cfg.allow_duplicates || bf_mode_has_lag(bf_bond_mode_in_force(b));
	bv->echo = (uint8_t)bf_bond_echo(b);
	bv->doubted = bf_bond_is_doubted(b);
	bv->n_members = (uint8_t)b->n_members;
	bv->designated = b->members[b->active < 0 ? 0 : b->active].bit;
	bv->carrier = bf_bond_device_carrier(b);
	bv->eligible = may;
	bv->standby = bf_spares_rule(b) ? bf_spares_standby(b) : 0;
	bv->seed = b->cfg.seed;
	memcpy(&bv->mac, b->mac.addr_bytes, 6);
	for (unsigned int i = 0; i < b->n_members; i++) {
		bv->member[b->members[i].bit] = b->members[i].port;
		bv->tx_desc[b->members[i].bit] = ring_size(&b->members[i]);
		/* Frames that several members send are not changed for one of them. */
		bv->offloads[b->members[i].bit] =
			bv->tx == BF_TX_BROADCAST ? 0 : b->members[i].offloads;
		bv->verifies |= b->members[i].verifies ? 1u << b->members[i].bit : 0;
		bv->wakes |= b->members[i].wakes ? 1u << b->members[i].bit : 0;
		bv->polled |= b->members[i].leaving ? 0 : 1u << b->members[i].bit;
		if (!b->members[i].carrier && b->members[i].usable)
			bv->hold |= 1u << b->members[i].bit;
		if (bf_bond_down_delay(b, i) > 0 && b->members[i].usable)
			bv->hold |= 1u << b->members[i].bit;
	}
	fill_order(b, bv);
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		bv->bucket[k] = (uint8_t)member_of_bucket(b, may, k);
}

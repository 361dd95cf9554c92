/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What follows when other members carry the traffic: see paths.h.
 *
 * Threads: ctx control.
 */
#include "control/bond/paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "base/log.h"
#include "base/words.h"
#include "control/bridge.h"
#include "control/loop/task.h"
#include "control/observe/stats.h"

#define BUSY_PPS 50 /* a bond that sends this much: the next frame was due at once */

/* Members come and go, and their counters are cleared: only what they grow by counts. */
static void
errors_note(struct bf_paths *p, const struct bf_member *m)
{
	struct rte_eth_stats s = {0};
	uint32_t port = (uint32_t)m->port + 1;

	if (rte_eth_stats_get(m->port, &s) != 0)
		return;
	if (p->sent_errors[m->bit].port == port && s.oerrors > p->sent_errors[m->bit].last)
		p->errors += s.oerrors - p->sent_errors[m->bit].last;
	p->sent_errors[m->bit].port = port;
	p->sent_errors[m->bit].last = s.oerrors;
}

/* Frames that died for want of a member, as far as anybody counts them. */
static uint64_t
lost_frames(const struct bf_bridge *br, struct bf_uplink *u)
{
	uint64_t lost = 0;

	for (unsigned int w = 0; w < br->lcores.n; w++) { /* only the bond has these reasons */
		const uint64_t *d =
			br->lcores.workers[w]->counters->ports[bf_bond_slot(u->bond.number)].drops;

		lost += __atomic_load_n(&d[BF_DROP_NO_MEMBER], __ATOMIC_RELAXED) +
			__atomic_load_n(&d[BF_DROP_MEMBER_FULL], __ATOMIC_RELAXED);
	}
	for (unsigned int i = 0; i < u->bond.n_members; i++)
		errors_note(&u->paths, &u->bond.members[i]);
	return lost + u->paths.errors;
}

/* Names of members by number: those that have left since are known from the last look. */
static void
names_of(const struct bf_uplink *u, uint32_t set, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int bit = 0; bit < BF_MAX_MEMBERS; bit++)
		if (set & 1u << bit)
			bf_words_add(buf, size, ",", u->paths.member_names[bit]);
	if (buf[0] == '\0')
		snprintf(buf, size, "none");
}

static void
cause_of(const struct bf_uplink *u, uint32_t lost, char *buf, size_t size)
{
	const struct bf_bond *b = &u->bond;
	char gone[64];

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member *m = &b->members[i];

		if (!(lost & 1u << m->bit))
			continue;
		if (m->forced_down_ms != 0)
			snprintf(buf, size, "test failover of %s", m->name);
		else if (b->off || m->off)
			snprintf(buf, size, "%s was switched off", m->name);
		else if (!m->carrier)
			snprintf(buf, size, "%s lost its link", m->name);
		else if (m->probe_failed)
			snprintf(buf, size, "no probe target answers over %s", m->name);
		else if (m->drained)
			snprintf(buf, size, "%s is drained", m->name);
		else if (m->standby && b->cfg.members[i].spare)
			snprintf(buf, size, "the spare %s stands by again", m->name);
		else if (m->standby && bf_bond_mode_in_force(b) == BF_MODE_8023AD)
			snprintf(buf, size, "%s stands by: max_links", m->name);
		else if (bf_bond_mode_in_force(b) == BF_MODE_8023AD)
			snprintf(buf, size, "LACP took %s out", m->name);
		else
			snprintf(buf, size, "another member is preferred to %s", m->name);
		return;
	}
	names_of(u, lost, gone, sizeof(gone));
	snprintf(buf, size, "%s was removed", gone);
}

static void
failover_time(struct bf_bridge *br, struct bf_uplink *u, uint32_t lost, uint32_t now_carry,
	uint64_t now_ms)
{
	const struct bf_carrier *c = bf_bond_device_carrier(&u->bond);
	const struct bf_bond *b = &u->bond;
	bool by_carrier = false;
	struct bf_failover *r;

	for (unsigned int i = 0; i < b->n_members; i++)
		by_carrier =
			by_carrier || ((lost & 1u << b->members[i].bit) && !b->members[i].carrier);
	r = bf_failover_begin(&u->failovers, by_carrier ? c->lost_tsc : rte_rdtsc(),
		by_carrier ? c->losses : 0, lost_frames(br, u), now_ms);
	cause_of(u, lost, r->cause, sizeof(r->cause));
	r->busy = bf_rates_tx_now(br, bf_bond_slot(u->bond.number)) >= BUSY_PPS;
	r->test = strncmp(r->cause, "test ", 5) == 0;
	names_of(u, lost, r->from, sizeof(r->from));
	names_of(u, now_carry, r->to, sizeof(r->to));
}

/* Of all stations as often as is configured; of the ones that were moved for balance, once. */
static void
uplink_announce(struct bf_uplink *u, const bool *buckets, uint64_t now_ms)
{
	const struct bf_bond_config *c = &u->bond.cfg;
	struct bf_announce_how how = {
		c->num_peer_notif, c->peer_notif_delay_ms, c->resend_igmp, buckets};

	if (buckets != NULL) {
		how.rounds = 1;
		how.report_rounds = RTE_MIN(how.report_rounds, 1u);
	}
	bf_announce_start(u->announcer, &u->bond, &how, now_ms);
}

void
bf_paths_check(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	uint32_t carry = bf_bond_carrying(&u->bond), lost = u->paths.carrying & ~carry;
	uint32_t mode = bf_bond_mode_in_force(&u->bond);

	bf_health_check_bond(br, u->bond.number, now_ms);
	if (carry == u->paths.carrying && mode == u->paths.mode)
		return;
	u->paths.carrying = carry;
	if (mode != u->paths.mode)
		bf_lag_check_trust(&u->lag_check);
	u->paths.mode = mode;
	for (unsigned int i = 0; i < u->bond.n_members; i++)
		memcpy(u->paths.member_names[u->bond.members[i].bit], u->bond.members[i].name,
			BF_DEV_NAME_MAX);
	if (lost != 0 && u->bond.open)
		failover_time(br, u, lost, carry, now_ms);
	/* With a LAG the switch sees one port, whichever member carries. */
	if (carry != 0 && !bf_bond_has_lag(&u->bond))
		uplink_announce(u, NULL, now_ms);
}

struct count {
	const struct bf_bond *bond;
	uint32_t *stations;
};

static void
count_station(void *arg, const struct bf_fdb_entry *e)
{
	struct count *c = arg;

	if (!bf_is_bond_slot(e->port) && BF_FDB_BOND_OF(e->key) == c->bond->number)
		c->stations[bf_bond_station_bucket(c->bond, e->key)]++;
}

static void
uplink_rebalance(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	uint32_t stations[BF_BUCKETS] = {0};
	struct count c = {&u->bond, stations};
	bool moved[BF_BUCKETS];
	unsigned int n = 0;

	bf_fdb_visit(br->fdb, count_station, &c);
	if (!bf_balance_interval(&u->balance, &u->bond, stations, moved, now_ms))
		return;
	for (unsigned int k = 0; k < BF_BUCKETS; k++)
		n += moved[k];
	bf_event(&br->events, BF_LOG_NOTICE, "rebalanced", u->bond.cfg.name,
		"%u of %d buckets moved to other members", n, BF_BUCKETS);
	if (!bf_bond_has_lag(&u->bond) && bf_announce_is_done(u->announcer))
		uplink_announce(u, moved, now_ms);
}

static uint64_t
uplink_paths_tick(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms)
{
	uint64_t next = bf_announce_tick(u->announcer, &u->bond, now_ms);
	uint32_t interval = u->bond.cfg.rebalance_interval_ms;
	const struct bf_failover *f = bf_failover_at(&u->failovers, 0);

	if (f != NULL && f->open)
		bf_failover_tick(&u->failovers, &br->lcores, u->bond.number, &br->events,
			bf_announce_is_done(u->announcer), bf_announce_sent(u->announcer),
			lost_frames(br, u), now_ms);
	bf_balance_collect(&u->balance, now_ms);
	if (u->bond.open && now_ms - u->balance.last_ms >= (interval != 0 ? interval : 10000))
		uplink_rebalance(br, u, now_ms);
	bf_lag_check_tick(br, u, now_ms);
	return next;
}

uint64_t
bf_paths_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	uint64_t due = BF_TASK_NEVER;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		uint64_t its = uplink_paths_tick(br, &br->up[k], now_ms);

		due = RTE_MIN(due, its);
	}
	return RTE_MIN(due, now_ms + BF_TURN_MS); /* workers' counters and samples */
}

void
bf_paths_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_announce_slot_gone(br->up[k].announcer, slot);
}

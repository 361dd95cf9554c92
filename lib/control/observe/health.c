/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: ctx control.
 */
#include "control/observe/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "control/bridge.h"
#include "control/observe/stats.h"
#include "dataplane/member.h"

#define LOOK_MS 1000
#define COME_UP_MS 3000 /* that links may take when a bond is opened */
#define OVER 0.8 /* of its limit: then what was found is over */
#define FEW_FRAMES 1000 /* in a window: too few for a ratio */

const char *const bf_bond_state_names[BF_BOND_STATE_COUNT] = {
	"none", "redundant", "degraded", "down"};

const struct bf_health_rule_info bf_health_rules[BF_HEALTH_COUNT] = {
#define ROW(id, name, level, limit, unit, help) {name, BF_LOG_##level, limit, unit, help},
	BF_HEALTH_LIST(ROW)
#undef ROW
};

/* A guest's connection, a bond's state, and spares have events of their own. */
static bool
has_event(enum bf_health_rule rule)
{
	return rule != BF_HEALTH_GUEST_DOWN && rule != BF_HEALTH_GUEST_LINK_HELD &&
		rule != BF_HEALTH_BOND_DOWN && rule != BF_HEALTH_NO_REDUNDANCY &&
		rule != BF_HEALTH_MEMBER_OUT && rule != BF_HEALTH_SPARE_IN_USE;
}

static const struct bf_finding *
finding_of(const struct bf_findings *f, enum bf_health_rule rule, const char *object)
{
	for (uint32_t i = f->of[rule].first; i < f->of[rule].end; i++)
		if (f->list[i].rule == rule && strcmp(f->list[i].object, object) == 0)
			return &f->list[i];
	return NULL;
}

/* Something is so, at present. */
static void __attribute__((format(printf, 5, 6))) finding_add(struct bf_health *h,
	enum bf_health_rule rule, const char *object, double value, const char *fmt, ...)
{
	const struct bf_finding *was;
	struct bf_finding *f;
	va_list ap;

	if (h->now.n == BF_FINDINGS_MAX) {
		h->now.n_more++;
		h->now.lacks = h->now.lacks || has_event(rule);
		return;
	}
	was = finding_of(&h->before, rule, object);
	if (h->now.of[rule].end == 0)
		h->now.of[rule].first = h->now.n;
	f = &h->now.list[h->now.n++];
	h->now.of[rule].end = h->now.n;
	f->rule = rule;
	f->value = value;
	f->since_ms = was != NULL ? was->since_ms : h->now_ms;
	snprintf(f->object, sizeof(f->object), "%s", object);
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* A value against its rule's limit. */
static void
value_add(struct bf_health *h, enum bf_health_rule rule, const char *object, double value)
{
	const struct bf_health_rule_info *r = &bf_health_rules[rule];
	double limit = r->limit * (finding_of(&h->before, rule, object) != NULL ? OVER : 1);

	if (value > limit)
		finding_add(h, rule, object, value, "%s: %.3g %s: expected at most %g %s", r->help,
			value, r->unit, r->limit, r->unit);
}

/* A ratio in percent, where enough was counted for one. */
static void
ratio_add(struct bf_health *h, enum bf_health_rule rule, const char *object,
	const struct bf_ratio *r, uint64_t enough)
{
	if (bf_ratio_whole(r) >= enough)
		value_add(h, rule, object, 100 * bf_ratio_of(r));
}

static void
member_counters(struct bf_bridge *br, unsigned int bond, const struct bf_member *m)
{
	struct bf_health *h = &br->health;
	struct bf_ratio *errors = &h->errors[bond][m->bit], *missed = &h->missed[bond][m->bit];
	bool was_faulty = h->faulty[bond] >> m->bit & 1;
	const struct bf_device_figures *s;
	struct bf_member_counters c;
	uint64_t bad;

	if (m->port >= RTE_DIM(br->rates.figures) || !br->rates.figures[m->port].known)
		return;
	s = &br->rates.figures[m->port];
	h->faulty[bond] &= ~(1u << m->bit);
	h->faulty[bond] |= m->faulty ? 1u << m->bit : 0;
	if ((was_faulty && !m->faulty) ||
		h->port[bond][m->bit] != m->port) { /* trusted again, or another member */
		memset(errors, 0, sizeof(*errors));
		memset(missed, 0, sizeof(*missed));
		memset(&h->sent[bond][m->bit], 0, sizeof(h->sent[bond][m->bit]));
		h->port[bond][m->bit] = m->port;
	}
	bf_stats_member(br, bond, m->bit, &c);
	bad = s->ierrors + bf_sent_errors_note(&h->sent[bond][m->bit], s->oerrors, c.tx_full);
	bf_ratio_note(errors, bad, s->ipackets + s->opackets + bad);
	bf_ratio_note(missed, s->imissed, s->ipackets + s->imissed);
	ratio_add(h, BF_HEALTH_MEMBER_ERRORS, m->name, errors, FEW_FRAMES);
	ratio_add(h, BF_HEALTH_MEMBER_MISSED, m->name, missed, FEW_FRAMES);
}

static void
member_load(struct bf_bridge *br, const struct bf_member *m)
{
	struct bf_rates r;

	if (m->speed_mbps == 0 || m->speed_mbps == RTE_ETH_SPEED_NUM_UNKNOWN ||
		m->port >= RTE_DIM(br->rates.devices))
		return;
	bf_rates_of(br->rates.devices[m->port], BF_RATE_LONG_S, &r);
	value_add(&br->health, BF_HEALTH_MEMBER_LOAD, m->name,
		100 * RTE_MAX(r.rx_bps, r.tx_bps) / (m->speed_mbps * 1e6));
}

static void
member_probes(struct bf_health *h, const struct bf_bond *b, const struct bf_member *m)
{
	double worst = 0;

	for (uint32_t t = 0; t < b->cfg.probe_targets.n; t++)
		worst = RTE_MAX(worst, m->trips[t].jitter_us);
	if (b->cfg.probe_interval_ms > 0)
		value_add(h, BF_HEALTH_PROBE_JITTER, m->name, worst / 1000);
}

/* A member with more errors than error_limit is drained. */
static void
drain_faulty(struct bf_bridge *br, struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	const struct bf_ratio *r = &br->health.errors[b->number][b->members[i].bit];
	const char *name = b->members[i].name;
	double per_million = 1e6 * bf_ratio_of(r);

	if (b->cfg.error_limit == 0 || b->members[i].faulty || bf_ratio_whole(r) < FEW_FRAMES ||
		per_million <= b->cfg.error_limit)
		return;
	bf_event(&br->events, BF_LOG_WARNING, "member_faulty", name,
		"%.0f of a million frames have errors: expected at most error_limit %" PRIu32
		"; drained until its link comes back or `set bonding undrain %s %s`",
		per_million, b->cfg.error_limit, name, b->cfg.name);
	bf_bond_set_faulty(b, i, true, now_ms);
}

/* Members that can send at present, by number. */
static uint32_t
members_that_carry(const struct bf_bridge *br, unsigned int bond)
{
	const struct bf_bond_view *bv = &br->lcores.view->bonds[bond];

	return br->up[bond].bond.open && bv->carrier != NULL ? bf_bond_usable(bv) : 0;
}

/* Those that do, and those that could at once. */
static uint32_t
members_that_are_fine(const struct bf_bridge *br, unsigned int bond)
{
	return members_that_carry(br, bond) | bf_spares_standby(&br->up[bond].bond);
}

static void
member_state(struct bf_health *h, const struct bf_bond *b, unsigned int i, bool is_fine)
{
	const struct bf_member *m = &b->members[i];
	char lost[128];

	if (!is_fine)
		finding_add(h, BF_HEALTH_MEMBER_OUT, m->name, 0, "%s %s of %s",
			m->carrier ? "link is up, but it can not carry traffic:" : "no link:",
			b->cfg.members[i].spare ? "spare" : "member", b->cfg.name);
	if (!m->stands_in)
		return;
	bf_spares_lost(b, lost, sizeof(lost));
	if (lost[0] != '\0')
		finding_add(h, BF_HEALTH_SPARE_IN_USE, m->name, 0,
			"a spare carries traffic in place of %s of %s", lost, b->cfg.name);
}

static void
bond_findings(struct bf_bridge *br, unsigned int k)
{
	struct bf_uplink *u = &br->up[k];
	uint32_t fine = members_that_are_fine(br, k);
	struct bf_health *h = &br->health;

	if (h->state[k] == BF_BOND_DOWN)
		finding_add(h, BF_HEALTH_BOND_DOWN, u->name, 0, "no member can carry traffic");
	else if (h->state[k] == BF_BOND_DEGRADED && __builtin_popcount(fine) == 1)
		finding_add(h, BF_HEALTH_NO_REDUNDANCY, u->name, 0,
			"one member carries all traffic: expected two at least");
	for (unsigned int i = 0; i < u->bond.n_members; i++) {
		const struct bf_member *m = &u->bond.members[i];

		member_state(h, &u->bond, i, (fine >> m->bit & 1) != 0);
		member_counters(br, k, m);
		drain_faulty(br, &u->bond, i, h->now_ms);
		member_load(br, m);
		member_probes(h, &u->bond, m);
	}
	for (unsigned int i = 0; i < u->missing.n; i++)
		finding_add(h, BF_HEALTH_MEMBER_OUT, u->missing.members[i].name, 0,
			"no such device: member of %s", u->name);
}

static void
lacp_findings(struct bf_health *h, const struct bf_bond *b)
{
	for (unsigned int i = 0; b->lacp != NULL && i < b->n_members; i++) {
		struct bf_lacp_member_info info;
		bool actor, partner;

		if (bf_lacp_member_info(b->lacp, b->members[i].bit, &info) != 0)
			continue;
		actor = info.actor_churn == BF_LACP_CHURN_CHURN;
		partner = info.partner_churn == BF_LACP_CHURN_CHURN;
		if (actor || partner)
			finding_add(h, BF_HEALTH_LACP_CHURN, b->members[i].name, 0,
				"%s not in sync: %s",
				actor ? partner ? "both ends are" : "our end is" : "the partner is",
				info.reason[0] != '\0' ? info.reason : "no reason");
	}
}

static void
worker_findings(struct bf_bridge *br)
{
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		const struct bf_worker *worker = br->lcores.workers[w];
		const struct bf_pmd_counters *p = &worker->counters->pmd;
		struct bf_ratio *r = &br->health.busy[w];
		char name[32];

		bf_ratio_note(r, p->busy_tsc, p->busy_tsc + p->idle_tsc);
		snprintf(name, sizeof(name), "lcore %u", worker->lcore);
		ratio_add(&br->health, BF_HEALTH_WORKER_BUSY, name, r, 1);
	}
}

static void
ring_findings(struct bf_bridge *br)
{
	for (uint16_t s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_ring_figures *r = &br->rates.rings[s];

		if (br->guests[s] == NULL)
			continue;
		bf_ratio_note(&br->health.full[s], r->full, r->all);
		ratio_add(&br->health, BF_HEALTH_RING_FULL, br->guests[s]->cfg.name,
			&br->health.full[s], FEW_FRAMES);
	}
}

static void
held_findings(struct bf_bridge *br)
{
	for (uint16_t s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];

		if (g != NULL && g->loss.held)
			finding_add(&br->health, BF_HEALTH_GUEST_LINK_HELD, g->cfg.name, 0,
				"its link is held down: %s carries nothing",
				br->up[g->uplink].name);
	}
}

/* They may be hundreds, and come last: none of the others goes without room for them. */
static void
connection_findings(struct bf_bridge *br)
{
	for (uint16_t s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];

		if (g != NULL && !g->up && !g->cfg.disabled && !g->loss.held)
			finding_add(&br->health, BF_HEALTH_GUEST_DOWN, g->cfg.name, 0,
				"guest is not connected");
	}
}

static void
findings_report(struct bf_bridge *br)
{
	const struct bf_findings *now = &br->health.now, *before = &br->health.before;

	if (now->lacks || before->lacks)
		return;
	for (uint32_t i = 0; i < now->n; i++) {
		const struct bf_finding *f = &now->list[i];

		if (has_event(f->rule) && finding_of(before, f->rule, f->object) == NULL)
			bf_event(&br->events, bf_health_rules[f->rule].level, "health", f->object,
				"%s: %s", bf_health_rules[f->rule].name, f->text);
	}
	for (uint32_t i = 0; i < before->n; i++) {
		const struct bf_finding *f = &before->list[i];

		if (has_event(f->rule) && finding_of(now, f->rule, f->object) == NULL)
			bf_event(&br->events, BF_LOG_NOTICE, "health", f->object, "%s: over",
				bf_health_rules[f->rule].name);
	}
}

static enum bf_bond_state
bond_state(const struct bf_bridge *br, unsigned int k)
{
	const struct bf_uplink *u = &br->up[k];
	unsigned int wanted = u->bond.n_members + u->missing.n;
	unsigned int carry = (unsigned int)__builtin_popcount(members_that_carry(br, k));
	unsigned int fine = (unsigned int)__builtin_popcount(members_that_are_fine(br, k));

	if (u->name[0] == '\0' || wanted == 0)
		return BF_BOND_NONE;
	if (carry == 0)
		return BF_BOND_DOWN;
	return fine >= 2 && fine >= wanted ? BF_BOND_REDUNDANT : BF_BOND_DEGRADED;
}

static bool
is_coming_up(struct bf_health *h, unsigned int bond, enum bf_bond_state is, uint64_t now_ms)
{
	if (h->state[bond] != BF_BOND_NONE || is != BF_BOND_DOWN) {
		h->opened_ms[bond] = 0;
		return false;
	}
	if (h->opened_ms[bond] == 0)
		h->opened_ms[bond] = now_ms;
	return now_ms < h->opened_ms[bond] + COME_UP_MS;
}

void
bf_health_bond_closed(struct bf_health *h, unsigned int bond)
{
	h->state[bond] = BF_BOND_NONE;
	h->opened_ms[bond] = 0;
}

/* Somebody has switched off the bond, or each of its members. */
static bool
is_off_by_hand(const struct bf_bond *b)
{
	unsigned int off = 0;

	for (unsigned int i = 0; i < b->n_members; i++)
		off += b->members[i].off;
	return b->off || (b->n_members > 0 && off == b->n_members);
}

void
bf_health_check_bond(struct bf_bridge *br, unsigned int bond, uint64_t now_ms)
{
	static const enum bf_log_level level[BF_BOND_STATE_COUNT] = {
		BF_LOG_NOTICE, BF_LOG_NOTICE, BF_LOG_WARNING, BF_LOG_ERR};
	const struct bf_uplink *u = &br->up[bond];
	enum bf_bond_state is = bond_state(br, bond);
	bool by_hand = is == BF_BOND_DOWN && is_off_by_hand(&u->bond);

	if (!u->bond.open && u->bond.n_members > 0) /* it is being closed: nothing is down */
		return;
	if (is == br->health.state[bond] || is_coming_up(&br->health, bond, is, now_ms))
		return;
	br->health.state[bond] = (uint8_t)is;
	if (is != BF_BOND_NONE)
		bf_event(&br->events, by_hand ? BF_LOG_NOTICE : level[is], "bond_state", u->name,
			"%s: %d of %" PRIu32 " members can carry traffic%s",
			bf_bond_state_names[is],
			__builtin_popcount(
				is == BF_BOND_DOWN ? 0 : members_that_are_fine(br, bond)),
			u->bond.n_members + u->missing.n, by_hand ? ": switched off" : "");
}

uint64_t
bf_health_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct bf_health *h = &br->health;

	if (now_ms < h->next_ms)
		return h->next_ms;
	h->now_ms = now_ms;
	memcpy(&h->before, &h->now, sizeof(h->before));
	h->now.n = h->now.n_more = 0;
	h->now.lacks = false;
	memset(h->now.of, 0, sizeof(h->now.of));
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		bf_health_check_bond(br, k, now_ms);
		if (h->state[k] == BF_BOND_NONE)
			continue;
		bond_findings(br, k);
		lacp_findings(h, &br->up[k].bond);
	}
	worker_findings(br);
	ring_findings(br);
	held_findings(br);
	connection_findings(br);
	findings_report(br);
	h->next_ms = now_ms + LOOK_MS;
	return h->next_ms;
}

void
bf_health_slot_gone(void *bridge, uint16_t slot)
{
	struct bf_bridge *br = bridge;

	memset(&br->health.full[slot], 0, sizeof(br->health.full[slot]));
}

enum bf_log_level
bf_health_level(const struct bf_health *h)
{
	enum bf_log_level gravest = BF_LOG_NOTICE;

	for (uint32_t i = 0; i < h->now.n; i++)
		gravest = RTE_MIN(gravest, bf_health_rules[h->now.list[i].rule].level);
	return gravest;
}

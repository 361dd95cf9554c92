/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memberships in two tables of shares, one of guests and one of bonds; queriers and routers, which are few, in
 * arrays.
 *
 * Threads: ctx control.
 */
#include "control/lan/mdb.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "control/lan/igmp.h"
#include "control/lan/shares.h"
#include "dataplane/fdb.h"
#include "dataplane/sizes.h"

#define ROBUSTNESS 2 /* RFC 3376 8.1 */

struct member_key {
	uint64_t vlan;
	uint8_t group[16];
	uint32_t v6;
	uint32_t port;
};

struct table {
	struct bf_shares *shares;
	uint32_t per_port;
	struct bf_mdb_member *members; /* by position */
	uint32_t n, n_ending;
	bool *changed;
};

/* Questions for one group cost a look-up for each port. */
#define ASKED_PER_MS 4
#define ANSWER_MIN_MS 100 /* the least that a question can grant */

struct bf_mdb {
	struct table guests, bonds;
	struct bf_mdb_querier queriers[BF_MDB_VLANS]; /* by VLAN and protocol */
	struct bf_mdb_router routers[BF_MDB_VLANS];
	uint32_t n_queriers, n_routers;
	uint64_t all_until_ms[BF_MAX_BONDS]; /* the bond gets all groups; 0: not */
	uint64_t asked_ms; /* the last question for a group */
	uint32_t n_asked; /* in that millisecond */
	bool changed;
	bf_mdb_change_cb *told;
	void *arg;
};

static void
member_gone(void *table, uint32_t pos)
{
	struct table *t = table;

	t->n_ending -= t->members[pos].ends_ms != 0;
	t->n--;
	*t->changed = true;
}

static bool
table_open(struct table *t, const char *name, uint32_t max, uint32_t per_port, bool *changed)
{
	t->changed = changed;
	t->per_port = per_port;
	t->shares =
		bf_shares_create(name, max, per_port, sizeof(struct member_key), member_gone, t);
	if (t->shares != NULL)
		t->members = calloc(bf_shares_size(t->shares), sizeof(*t->members));
	return t->members != NULL;
}

struct bf_mdb *
bf_mdb_create(bf_mdb_change_cb *told, void *arg)
{
	struct bf_mdb *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->told = told;
	m->arg = arg;
	if (!table_open(
		    &m->guests, "bf_mdb_guests", BF_MDB_GUESTS, BF_MDB_PER_GUEST, &m->changed) ||
		!table_open(&m->bonds, "bf_mdb_bonds", BF_MAX_BONDS * BF_MDB_PER_BOND,
			BF_MDB_PER_BOND, &m->changed)) {
		bf_mdb_destroy(m);
		return NULL;
	}
	return m;
}

void
bf_mdb_destroy(struct bf_mdb *m)
{
	if (m == NULL)
		return;
	bf_shares_destroy(m->guests.shares);
	bf_shares_destroy(m->bonds.shares);
	free(m->guests.members);
	free(m->bonds.members);
	free(m);
}

static struct table *
table_of(struct bf_mdb *m, uint16_t port)
{
	return bf_is_bond_slot(port) ? &m->bonds : &m->guests;
}

/* ---- queriers and routers ---- */

static int
querier_compare(const struct bf_mdb_querier *q, uint64_t vlan, bool v6)
{
	if (q->vlan != vlan)
		return q->vlan < vlan ? -1 : 1;
	return (int)q->v6 - (int)v6;
}

/* Where it is, or would be. */
static uint32_t
querier_place(const struct bf_mdb *m, uint64_t vlan, bool v6)
{
	uint32_t lo = 0, hi = m->n_queriers;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (querier_compare(&m->queriers[mid], vlan, v6) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct bf_mdb_querier *
bf_mdb_querier(const struct bf_mdb *m, uint64_t vlan, bool v6)
{
	uint32_t at = querier_place(m, BF_MDB_VLAN(vlan), v6);

	return at < m->n_queriers && querier_compare(&m->queriers[at], BF_MDB_VLAN(vlan), v6) == 0
		? &m->queriers[at]
		: NULL;
}

static void
querier_tell(struct bf_mdb *m, const struct bf_mdb_querier *q, bool gone)
{
	m->changed = true;
	if (m->told != NULL)
		m->told(m->arg, q, gone);
}

static void
querier_remove(struct bf_mdb *m, uint32_t at)
{
	if (m->queriers[at].active)
		querier_tell(m, &m->queriers[at], true);
	m->n_queriers--;
	memmove(&m->queriers[at], &m->queriers[at + 1],
		(m->n_queriers - at) * sizeof(m->queriers[0]));
}

static struct bf_mdb_querier *
querier_add(struct bf_mdb *m, uint64_t vlan, bool v6)
{
	uint32_t at = querier_place(m, vlan, v6);

	if (m->n_queriers == BF_MDB_VLANS)
		return NULL;
	memmove(&m->queriers[at + 1], &m->queriers[at],
		(m->n_queriers - at) * sizeof(m->queriers[0]));
	m->n_queriers++;
	m->queriers[at] = (struct bf_mdb_querier){.vlan = vlan, .v6 = v6};
	return &m->queriers[at];
}

/* There is a router behind a port. @return false: there is no room to know it */
static bool
router_hear(struct bf_mdb *m, uint64_t vlan, bool v6, uint16_t port, uint64_t now_ms)
{
	struct bf_mdb_router *r = m->routers;

	while (r < m->routers + m->n_routers && (r->vlan != vlan || r->v6 != v6 || r->port != port))
		r++;
	if (r == m->routers + m->n_routers) {
		if (m->n_routers == BF_MDB_VLANS)
			return false;
		m->n_routers++;
		m->changed = true;
		*r = (struct bf_mdb_router){.vlan = vlan, .v6 = v6, .port = port};
	}
	r->heard_ms = now_ms;
	return true;
}

/* What is said to be the time for answers; 0 would end all at once. */
static uint32_t
answer_time(uint32_t ms)
{
	return RTE_MAX(RTE_MIN(ms, (uint32_t)BF_MDB_ANSWER_MAX_MS), (uint32_t)ANSWER_MIN_MS);
}

/* Of several queriers the one with the lowest address asks on (RFC 3376 6.6.2, RFC 3810 7.6.2). */
static void
querier_hear(
	struct bf_mdb *m, const struct bf_report *r, const struct bf_igmp *said, uint64_t now_ms)
{
	uint64_t vlan = BF_MDB_VLAN(r->key);
	struct bf_mdb_querier *q = NULL;
	uint32_t at = querier_place(m, vlan, said->v6);

	if (bf_mdb_querier(m, vlan, said->v6) != NULL)
		q = &m->queriers[at];
	if (q == NULL) {
		q = querier_add(m, vlan, said->v6);
		if (q == NULL)
			return;
		q->active_ms = now_ms + answer_time(said->answer_ms);
	} else if (memcmp(said->from, q->address, said->v6 ? 16 : 4) > 0) {
		return; /* it hears the other one, and becomes silent */
	}
	q->heard_ms = now_ms;
	q->version = said->version;
	q->port = r->port;
	memcpy(q->address, said->from, sizeof(q->address));
}

/* ---- memberships ---- */

static void
member_ends(struct table *t, struct bf_mdb_member *mb, uint64_t ends_ms)
{
	t->n_ending += (ends_ms != 0) - (mb->ends_ms != 0);
	mb->ends_ms = ends_ms;
}

static struct member_key
member_key(const struct bf_mdb_member *mb)
{
	struct member_key k = {.vlan = mb->vlan, .v6 = mb->v6, .port = mb->port};

	memcpy(k.group, mb->group, sizeof(k.group));
	return k;
}

/* A message that is read. */
struct reading {
	struct bf_mdb *m;
	struct bf_mdb_member said;
	uint64_t now_ms;
	enum bf_mdb_heard heard;
};

/* Of these no list is kept: their frames are flooded. */
static bool
is_for_all(const struct bf_mdb_member *mb)
{
	uint64_t mac = bf_mdb_mac(mb->group, mb->v6);

	if (!mb->v6) /* with 224.0.0.0/24, all that share its addresses */
		return (mb->group[0] & 0xf0) != 0xe0 || (mac & 0xffffffffff) == 0x5e0001;
	/* What does not leave a host; all nodes and all routers. */
	return mb->group[0] != 0xff || (mb->group[1] & 0xf) < 2 || mac == 0x010000003333 ||
		mac == 0x020000003333;
}

static void
member_join(struct reading *rd)
{
	struct table *t = table_of(rd->m, rd->said.port);
	struct member_key k = member_key(&rd->said);
	uint32_t now_s = (uint32_t)(rd->now_ms / 1000), n = t->n;
	struct bf_mdb_member *mb;
	int32_t pos;

	if (is_for_all(&rd->said))
		return;
	pos = bf_shares_find(t->shares, &k);
	if (pos < 0) {
		pos = bf_shares_hear(t->shares, &k, rd->said.port, now_s);
		if (pos < 0)
			return;
		if (t->n < n) /* another one had to go */
			rd->heard = bf_shares_count(t->shares, rd->said.port) >= t->per_port
				? BF_MDB_LIMIT
				: BF_MDB_FULL;
		t->n++;
		t->members[pos] = rd->said;
		rd->m->changed = true;
	} else {
		bf_shares_hear(t->shares, &k, rd->said.port, now_s);
	}
	mb = &t->members[pos];
	member_ends(t, mb, 0);
	mb->version = rd->said.version;
	mb->heard_s = now_s;
}

static void
member_leave(struct reading *rd)
{
	struct table *t = table_of(rd->m, rd->said.port);
	struct member_key k = member_key(&rd->said);
	int32_t pos = bf_shares_find(t->shares, &k);

	if (pos >= 0 && t->members[pos].ends_ms == 0)
		member_ends(t, &t->members[pos], rd->now_ms + BF_MDB_LEAVE_MS);
}

static void
record_hear(void *reading, enum bf_igmp_record type, const uint8_t *group, const uint8_t *sources,
	unsigned int n)
{
	struct reading *rd = reading;

	(void)sources;
	memset(rd->said.group, 0, sizeof(rd->said.group));
	memcpy(rd->said.group, group, rd->said.v6 ? 16 : 4);
	switch (type) {
	case BF_IGMP_IS_EXCLUDE:
	case BF_IGMP_TO_EXCLUDE:
		member_join(rd);
		break;
	case BF_IGMP_IS_INCLUDE:
	case BF_IGMP_TO_INCLUDE:
		if (n > 0)
			member_join(rd);
		else
			member_leave(rd);
		break;
	case BF_IGMP_ALLOW_NEW:
		if (n > 0)
			member_join(rd);
		break;
	default: /* BLOCK_OLD: other sources may be wanted */
		break;
	}
}

/* The querier asks who wants a group: whoever does not say so in time, at whatever port, has left. */
static void
group_asked(struct reading *rd, uint32_t answer_ms)
{
	uint32_t wait_ms = answer_time(answer_ms) * ROBUSTNESS;

	if (rd->m->asked_ms != rd->now_ms)
		rd->m->n_asked = 0;
	rd->m->asked_ms = rd->now_ms;
	if (rd->m->n_asked++ >= ASKED_PER_MS)
		return; /* they end when they are old */
	for (uint16_t p = 0; p < BF_MAX_PORTS; p++) {
		struct table *t = table_of(rd->m, p);
		struct member_key k;
		int32_t pos;

		rd->said.port = p;
		k = member_key(&rd->said);
		pos = bf_shares_find(t->shares, &k);
		if (pos >= 0 && t->members[pos].ends_ms == 0)
			member_ends(t, &t->members[pos], rd->now_ms + wait_ms);
	}
}

static void
query_hear(struct reading *rd, const struct bf_report *r, const struct bf_igmp *said)
{
	static const uint8_t all[16];

	if (!bf_igmp_has_source(said) ||
		!router_hear(rd->m, rd->said.vlan, said->v6, r->port, rd->now_ms)) {
		rd->heard = BF_MDB_IGNORED;
		return;
	}
	if (memcmp(said->group, all, sizeof(all)) == 0)
		querier_hear(rd->m, r, said, rd->now_ms);
	else if (!said->quiet)
		group_asked(rd, said->answer_ms);
}

/* The bond's share is full: one of its memberships made room. */
static void
lan_limit(struct bf_mdb *m, uint16_t port, uint64_t now_ms)
{
	uint64_t *until = &m->all_until_ms[bf_bond_of_slot(port)];

	m->changed |= *until == 0;
	*until = now_ms + BF_MDB_MEMBER_S * 1000ULL;
}

enum bf_mdb_heard
bf_mdb_hear(struct bf_mdb *m, const struct bf_report *r, bool may_route, uint64_t now_ms)
{
	struct reading rd = {.m = m, .now_ms = now_ms, .heard = BF_MDB_TAKEN};
	struct bf_igmp said;
	bool of_router;

	bf_igmp_read(r, &said);
	of_router = said.kind == BF_IGMP_QUERY || said.kind == BF_IGMP_ROUTER;
	if (said.kind == BF_IGMP_NOTHING || !bf_igmp_is_sound(r, &said) ||
		(of_router && !may_route))
		return BF_MDB_IGNORED;
	rd.said = (struct bf_mdb_member){.vlan = BF_MDB_VLAN(r->key),
		.v6 = said.v6,
		.version = said.version,
		.port = r->port};
	memcpy(rd.said.group, said.group, sizeof(rd.said.group));
	if (said.kind == BF_IGMP_QUERY)
		query_hear(&rd, r, &said);
	else if (said.kind == BF_IGMP_ROUTER)
		router_hear(m, rd.said.vlan, said.v6, r->port, now_ms);
	else if (said.kind == BF_IGMP_JOIN)
		member_join(&rd);
	else if (said.kind == BF_IGMP_LEAVE)
		member_leave(&rd);
	else
		bf_igmp_visit(&said, record_hear, &rd);
	if (rd.heard == BF_MDB_LIMIT && bf_is_bond_slot(r->port))
		lan_limit(m, r->port, now_ms);
	return rd.heard;
}

/* ---- what ends ---- */

static void
table_age(struct table *t, uint64_t now_ms)
{
	bf_shares_age(t->shares, (uint32_t)(now_ms / 1000), BF_MDB_MEMBER_S);
	for (uint16_t p = 0; t->n_ending > 0 && p < BF_MAX_PORTS; p++) {
		int32_t pos = bf_shares_first(t->shares, p);

		while (pos >= 0) {
			int32_t next = bf_shares_next(t->shares, (uint32_t)pos);
			uint64_t ends_ms = t->members[pos].ends_ms;

			if (ends_ms != 0 && now_ms >= ends_ms)
				bf_shares_remove(t->shares, (uint32_t)pos);
			pos = next;
		}
	}
}

/* Forget the queriers or routers of a port, or of a bond, or those that are silent. */
struct which {
	int port, bond; /* -1: any */
	uint64_t before_ms; /* heard before this */
};

static bool
is_meant(const struct which *w, uint64_t vlan, uint16_t port, uint64_t heard_ms)
{
	return (w->port < 0 || port == w->port) &&
		(w->bond < 0 || BF_FDB_BOND_OF(vlan) == (unsigned int)w->bond) &&
		heard_ms < w->before_ms;
}

static void
routers_forget(struct bf_mdb *m, const struct which *w)
{
	uint32_t keep = 0;

	for (uint32_t i = m->n_queriers; i-- > 0;) {
		const struct bf_mdb_querier *q = &m->queriers[i];

		if (is_meant(w, q->vlan, q->port, q->heard_ms))
			querier_remove(m, i);
	}
	for (uint32_t i = 0; i < m->n_routers; i++) {
		const struct bf_mdb_router *r = &m->routers[i];

		if (!is_meant(w, r->vlan, r->port, r->heard_ms))
			m->routers[keep++] = *r;
	}
	m->changed |= keep < m->n_routers;
	m->n_routers = keep;
}

void
bf_mdb_age(struct bf_mdb *m, uint64_t now_ms)
{
	const uint64_t silent_ms = BF_MDB_QUERIER_S * 1000ULL;

	if (now_ms >= silent_ms)
		routers_forget(m, &(struct which){-1, -1, now_ms - silent_ms});
	for (uint32_t i = 0; i < m->n_queriers; i++) {
		struct bf_mdb_querier *q = &m->queriers[i];

		if (q->active || now_ms < q->active_ms)
			continue;
		q->active = true;
		querier_tell(m, q, false);
	}
	table_age(&m->guests, now_ms);
	table_age(&m->bonds, now_ms);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (m->all_until_ms[k] != 0 && now_ms >= m->all_until_ms[k]) {
			m->all_until_ms[k] = 0;
			m->changed = true;
		}
}

void
bf_mdb_flush_port(struct bf_mdb *m, uint16_t port)
{
	bf_shares_flush_port(table_of(m, port)->shares, port);
	bf_mdb_flush_routers(m, port);
}

void
bf_mdb_flush_routers(struct bf_mdb *m, uint16_t port)
{
	routers_forget(m, &(struct which){port, -1, UINT64_MAX});
}

static void
table_flush_bond(struct table *t, unsigned int bond)
{
	for (uint16_t p = 0; p < BF_MAX_PORTS; p++) {
		int32_t pos = bf_shares_first(t->shares, p);

		while (pos >= 0) {
			int32_t next = bf_shares_next(t->shares, (uint32_t)pos);

			if (BF_FDB_BOND_OF(t->members[pos].vlan) == bond)
				bf_shares_remove(t->shares, (uint32_t)pos);
			pos = next;
		}
	}
}

void
bf_mdb_flush_bond(struct bf_mdb *m, unsigned int bond)
{
	table_flush_bond(&m->guests, bond);
	table_flush_bond(&m->bonds, bond);
	routers_forget(m, &(struct which){-1, (int)bond, UINT64_MAX});
	m->all_until_ms[bond] = 0;
}

bool
bf_mdb_take_changed(struct bf_mdb *m)
{
	bool changed = m->changed;

	m->changed = false;
	return changed;
}

bool
bf_mdb_has_changed(const struct bf_mdb *m)
{
	return m->changed;
}

/* ---- who asks ---- */

bool
bf_mdb_lan_wants_all(const struct bf_mdb *m, unsigned int bond)
{
	return m->all_until_ms[bond] != 0;
}

uint32_t
bf_mdb_n_members(const struct bf_mdb *m, bool of_bonds)
{
	return of_bonds ? m->bonds.n : m->guests.n;
}

uint32_t
bf_mdb_n_routers(const struct bf_mdb *m)
{
	return m->n_routers;
}

void
bf_mdb_visit_queriers(const struct bf_mdb *m, bf_mdb_querier_cb *cb, void *arg)
{
	for (uint32_t i = 0; i < m->n_queriers; i++)
		cb(arg, &m->queriers[i]);
}

void
bf_mdb_visit_routers(const struct bf_mdb *m, bf_mdb_router_cb *cb, void *arg)
{
	for (uint32_t i = 0; i < m->n_routers; i++)
		cb(arg, &m->routers[i]);
}

void
bf_mdb_visit_members(const struct bf_mdb *m, bf_mdb_member_cb *cb, void *arg)
{
	for (uint16_t p = 0; p < BF_MAX_PORTS; p++) {
		const struct table *t = bf_is_bond_slot(p) ? &m->bonds : &m->guests;

		for (int32_t pos = bf_shares_first(t->shares, p); pos >= 0;
			pos = bf_shares_next(t->shares, (uint32_t)pos))
			cb(arg, &t->members[pos]);
	}
}

uint64_t
bf_mdb_mac(const uint8_t *group, bool v6)
{
	uint8_t mac[8] = {0x01, 0, 0x5e};
	uint64_t as_loaded;

	if (v6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, group + 12, 4);
	} else {
		mac[3] = group[1] & 0x7f;
		mac[4] = group[2];
		mac[5] = group[3];
	}
	memcpy(&as_loaded, mac, sizeof(as_loaded));
	return as_loaded;
}

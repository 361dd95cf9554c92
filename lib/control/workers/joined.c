/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See joined.h.
 *
 * Threads: ctx control.
 */
#include "control/workers/joined.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

#include "base/err.h"
#include "control/bridge.h"
#include "control/workers/floods.h"
#include "dataplane/mcast.h"
#include "dataplane/verdict.h"

/* A port gets what has this destination, or is one with routers. */
struct item {
	uint64_t key;
	uint16_t port;
};

struct bf_joined_plan {
	uint8_t bonds;
	uint32_t n; /* items, in the order of keys and ports, none twice */
	uint32_t n_domains; /* keys, as many as there is room for */
	uint32_t n_places; /* ports of all domains together at most */
	uint32_t n_slots;
	struct item *items;
};

/* While a plan is made. */
struct gathering {
	const struct bf_bridge *br;
	struct bf_joined_plan *plan;
};

static uint32_t
items_most(const struct bf_mdb *m)
{
	/* A bond that gets all is a router of every VLAN. */
	return bf_mdb_n_members(m, false) + bf_mdb_n_members(m, true) + bf_mdb_n_routers(m) +
		BF_MDB_VLANS;
}

/* The port is on the switch, and in the VLAN. */
static bool
port_is_in(const struct bf_bridge *br, uint16_t port, uint64_t vlan)
{
	unsigned int bond = BF_FDB_BOND_OF(vlan);
	struct bf_port_vlan v;

	if (bf_is_bond_slot(port)) {
		if (bf_bond_of_slot(port) != bond || !br->up[bond].bond.open)
			return false;
		v = bf_floods_bond_vlan(&br->up[bond].bond.cfg);
	} else {
		if (br->guests[port] == NULL || br->guests[port]->uplink != bond)
			return false;
		v = bf_floods_guest_vlan(&br->guests[port]->cfg);
	}
	return bf_floods_takes(&v, vlan);
}

static void
item_add(struct gathering *g, uint64_t key, uint16_t port)
{
	if (port_is_in(g->br, port, BF_MDB_VLAN(key)))
		g->plan->items[g->plan->n++] = (struct item){key, port};
}

static bool
is_active(const struct gathering *g, uint64_t vlan, bool v6)
{
	const struct bf_mdb_querier *q = bf_mdb_querier(g->br->mcast.mdb, vlan, v6);

	return q != NULL && q->active && (g->plan->bonds >> BF_FDB_BOND_OF(vlan) & 1);
}

static void
add_member(void *gathering, const struct bf_mdb_member *mb)
{
	struct gathering *g = gathering;

	if (is_active(g, mb->vlan, mb->v6))
		item_add(g, mb->vlan | bf_mdb_mac(mb->group, mb->v6), mb->port);
}

static void
add_router(void *gathering, const struct bf_mdb_router *r)
{
	struct gathering *g = gathering;

	if (is_active(g, r->vlan, r->v6))
		item_add(g, bf_mcast_routers(r->vlan, r->v6), r->port);
}

/* A bond that wants all is where a router would be. */
static void
add_bond(void *gathering, const struct bf_mdb_querier *q)
{
	struct gathering *g = gathering;
	unsigned int bond = BF_FDB_BOND_OF(q->vlan);

	if (q->active && (g->plan->bonds >> bond & 1) &&
		bf_mdb_lan_wants_all(g->br->mcast.mdb, bond))
		item_add(g, bf_mcast_routers(q->vlan, q->v6), bf_bond_slot(bond));
}

static int
item_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (int)x->port - (int)y->port;
}

static int
key_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->key == y->key ? 0 : x->key < y->key ? -1 : 1;
}

static bool
is_of_routers(uint64_t key)
{
	return key == bf_mcast_routers(key, false) || key == bf_mcast_routers(key, true);
}

/* Items of one key: where they begin, and how many. */
struct run {
	uint32_t at, n;
};

static struct run
run_at(const struct bf_joined_plan *p, uint32_t at)
{
	struct run r = {at, 0};

	while (at + r.n < p->n && p->items[at + r.n].key == p->items[at].key)
		r.n++;
	return r;
}

/* The ports with routers that frames of a key must reach as well. */
static struct run
routers_of(const struct bf_joined_plan *p, uint64_t key)
{
	struct item want = {.key = bf_mcast_routers(key, (key & 0xffff) == 0x3333)};
	const struct item *at;

	if (is_of_routers(key))
		return (struct run){0, 0};
	at = bsearch(&want, p->items, p->n, sizeof(want), key_compare);
	if (at == NULL)
		return (struct run){0, 0};
	while (at > p->items && at[-1].key == want.key)
		at--;
	return run_at(p, (uint32_t)(at - p->items));
}

static void
plan_arrange(struct bf_joined_plan *p)
{
	uint32_t keep = 0;
	struct run r;

	qsort(p->items, p->n, sizeof(p->items[0]), item_compare);
	for (uint32_t i = 0; i < p->n; i++)
		if (keep == 0 || item_compare(&p->items[keep - 1], &p->items[i]) != 0)
			p->items[keep++] = p->items[i];
	p->n = keep;
	for (uint32_t i = 0; i < p->n && p->n_domains < BF_MCAST_DOMAINS; i += r.n) {
		r = run_at(p, i);
		p->n_domains++;
		p->n_places += r.n + routers_of(p, p->items[i].key).n;
	}
	for (p->n_slots = 16; p->n_slots < 2 * p->n_domains;)
		p->n_slots *= 2;
}

int
bf_joined_plan(const struct bf_bridge *br, struct bf_joined_plan **plan)
{
	uint8_t bonds = bf_mcast_switches(br);
	struct gathering g = {.br = br};

	*plan = NULL;
	if (bonds == 0)
		return 0;
	g.plan = calloc(1, sizeof(*g.plan));
	if (g.plan == NULL)
		return -ENOMEM;
	g.plan->bonds = bonds;
	g.plan->items = calloc(items_most(br->mcast.mdb), sizeof(g.plan->items[0]));
	if (g.plan->items == NULL) {
		free(g.plan);
		return -ENOMEM;
	}
	bf_mdb_visit_members(br->mcast.mdb, add_member, &g);
	bf_mdb_visit_routers(br->mcast.mdb, add_router, &g);
	bf_mdb_visit_queriers(br->mcast.mdb, add_bond, &g);
	plan_arrange(g.plan);
	*plan = g.plan;
	return 0;
}

void
bf_joined_free(struct bf_joined_plan *plan)
{
	if (plan != NULL)
		free(plan->items);
	free(plan);
}

/* In this order: the header, the hash, the domains, their ports. */
size_t
bf_joined_size(const struct bf_joined_plan *plan)
{
	return plan == NULL
		? 0
		: sizeof(struct bf_mcast) + plan->n_slots * sizeof(struct bf_mcast_slot) +
			plan->n_domains * sizeof(struct bf_flood) +
			plan->n_places * sizeof(uint16_t) + sizeof(uint64_t);
}

static void
port_add(const struct bf_view *v, struct bf_flood *f, uint16_t port)
{
	if (bf_is_bond_slot(port))
		f->bond = true;
	else
		bf_flood_add(v, f, port);
}

/* Both runs are in the order of ports; who is in both is there once. */
static void
domain_fill(
	const struct bf_joined_plan *p, const struct bf_view *v, struct run r, struct bf_flood *f)
{
	struct run also = routers_of(p, p->items[r.at].key);
	const struct item *a = &p->items[r.at], *a_end = a + r.n;
	const struct item *b = &p->items[also.at], *b_end = b + also.n;

	f->number = (uint8_t)BF_FDB_BOND_OF(a->key);
	f->joined = !is_of_routers(a->key);
	while (a < a_end || b < b_end) {
		uint16_t port = a < a_end ? a->port : b->port;

		if (b < b_end && b->port < port)
			port = b->port;
		port_add(v, f, port);
		a += a < a_end && a->port == port;
		b += b < b_end && b->port == port;
	}
}

/* Where the hash has no place, the group floods. */
static void
slot_fill(struct bf_mcast *t, uint64_t key, uint32_t domain)
{
	uint32_t at = bf_mcast_hash(t, key);

	for (uint32_t i = 0; i < BF_MCAST_PROBES; i++) {
		struct bf_mcast_slot *s = &t->slot[(at + i) & t->mask];

		if (s->key != 0)
			continue;
		s->key = key;
		s->out = (uint16_t)(BF_OUT_FLOOD | (BF_DOMAIN_GROUPS + domain));
		return;
	}
}

void
bf_joined_fill(const struct bf_joined_plan *plan, struct bf_view *v, void *room)
{
	struct bf_mcast *t = room;
	struct bf_flood *floods;
	uint16_t *guests;
	uint32_t at = 0;

	t->bonds = plan->bonds;
	t->mask = plan->n_slots - 1;
	t->seed[0] = rte_rand();
	t->seed[1] = rte_rand();
	t->slot = (struct bf_mcast_slot *)(t + 1);
	floods = (struct bf_flood *)(t->slot + plan->n_slots);
	guests = (uint16_t *)(floods + plan->n_domains);
	t->flood = floods;
	for (uint32_t d = 0; d < plan->n_domains; d++) {
		struct run r = run_at(plan, at);

		floods[d].guests = guests;
		domain_fill(plan, v, r, &floods[d]);
		guests += floods[d].n_guests;
		slot_fill(t, plan->items[at].key, d);
		at += r.n;
	}
	v->mcast = t;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See floods.h.
 *
 * Threads: ctx control.
 */
#include "control/workers/floods.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/bridge.h"
#include "dataplane/rules.h"
#include "dataplane/vlan.h"

static_assert(BF_FLOOD_VLANS == 2 * BF_VLAN_IDS, "both kinds of VLANs");

#define NOWHERE BF_MAX_BONDS /* the domain without ports */

/* The VLANs of one switch: those of a class go to the same ports. */
struct classes {
	uint16_t n; /* 0: all VLANs go to all ports */
	uint16_t of[BF_FLOOD_VLANS];
	uint16_t size[BF_FLOOD_VLANS]; /* by class */
};

struct bf_flood_plan {
	struct bf_port_vlan vlan[BF_MAX_PORTS];
	unsigned int n_sets;
	size_t n_places; /* guests of all classes together */
	struct classes of[BF_MAX_BONDS];
};

static uint64_t
key_of(unsigned int vlan)
{
	return (uint64_t)(vlan % BF_VLAN_IDS) << 48 | (vlan >= BF_VLAN_IDS ? BF_FDB_SERVICE : 0);
}

struct bf_port_vlan
bf_floods_guest_vlan(const struct bf_guest_config *g)
{
	struct bf_port_vlan v = {.takes = BF_VLANS_ONE, .type = BF_ET_VLAN, .some = &g->trunk};

	if (g->qinq != 0) {
		v.own = (uint16_t)g->qinq;
		v.type = BF_ET_QINQ;
	} else if (!bf_vlan_set_is_empty(&g->trunk)) {
		v.takes = BF_VLANS_SOME;
		v.own = (uint16_t)g->native;
	} else if (g->vlan == BF_VLAN_ANY) {
		v.takes = BF_VLANS_ALL;
	} else {
		v.own = (uint16_t)g->vlan;
	}
	return v;
}

struct bf_port_vlan
bf_floods_bond_vlan(const struct bf_bond_config *b)
{
	return (struct bf_port_vlan){
		.takes = !bf_vlan_set_is_empty(&b->vlans) ? BF_VLANS_SOME : BF_VLANS_ALL,
		.own = (uint16_t)b->native,
		.type = BF_ET_VLAN,
		.some = &b->vlans};
}

bool
bf_floods_same_vlan(const struct bf_port_vlan *a, const struct bf_port_vlan *b)
{
	return a->takes == b->takes && a->own == b->own && a->type == b->type &&
		(a->takes != BF_VLANS_SOME || memcmp(a->some, b->some, sizeof(*a->some)) == 0);
}

static bool
port_is_there(const struct bf_bridge *br, unsigned int slot, unsigned int *bond)
{
	if (!bf_is_bond_slot((uint16_t)slot)) {
		*bond = br->guests[slot] != NULL ? br->guests[slot]->uplink : 0;
		return br->guests[slot] != NULL;
	}
	*bond = bf_bond_of_slot((uint16_t)slot);
	return br->up[*bond].bond.open;
}

/* The port's own VLAN is one that it takes, whether its list names it or not. */
bool
bf_floods_takes(const struct bf_port_vlan *v, uint64_t key)
{
	return bf_vlan_is_taken(v, key) ||
		(v->takes == BF_VLANS_SOME && v->own != 0 && BF_FDB_VLAN_OF(key) == v->own &&
			!(key & BF_FDB_SERVICE));
}

static bool
port_takes(const struct bf_port_vlan *v, unsigned int vlan)
{
	return bf_floods_takes(v, key_of(vlan));
}

/* The only VLAN that is not as the others to a port: its own, or that of untagged frames. */
static unsigned int
odd_vlan(const struct bf_port_vlan *v)
{
	if (v->takes != BF_VLANS_ONE)
		return 0;
	return v->own + (v->type == BF_ET_QINQ ? BF_VLAN_IDS : 0);
}

/* The bits of 64 VLANs that a port with a set takes. */
static uint64_t
set_word(const struct bf_port_vlan *v, unsigned int word)
{
	uint64_t own = v->own != 0 && v->own / 64 == word ? 1ULL << v->own % 64 : 0;

	return (v->takes == BF_VLANS_SOME ? v->some->bits[word] : UINT64_MAX) | own;
}

static bool
sets_meet(const struct bf_port_vlan *a, const struct bf_port_vlan *b)
{
	for (unsigned int i = 0; i < BF_VLAN_IDS / 64; i++)
		if ((set_word(a, i) & set_word(b, i)) != 0)
			return true;
	return false;
}

bool
bf_floods_meet(const struct bf_port_vlan *a, const struct bf_port_vlan *b)
{
	if (a->takes == BF_VLANS_ONE)
		return port_takes(b, odd_vlan(a));
	if (b->takes == BF_VLANS_ONE)
		return port_takes(a, odd_vlan(b));
	return (a->takes == BF_VLANS_ALL && b->takes == BF_VLANS_ALL) || sets_meet(a, b);
}

/*
 * Take a VLAN out of its class, in which others stay.
 *
 * @param to
 *   The class where the others go that a port takes of the same one; set when this is the first.
 */
static void
class_split(struct classes *c, uint16_t *to, unsigned int vlan)
{
	uint16_t from = c->of[vlan];

	if (*to == UINT16_MAX) {
		*to = c->n++;
		c->size[*to] = 0;
	}
	c->of[vlan] = *to;
	c->size[*to]++;
	c->size[from]--;
}

/* A class that the port takes as a whole stays one: there are never more classes than VLANs. */
static void
classes_split_by_set(struct classes *c, const struct bf_port_vlan *v)
{
	uint16_t to[BF_FLOOD_VLANS], taken[BF_FLOOD_VLANS] = {0};

	memset(to, 0xff, sizeof(to));
	for (unsigned int vlan = 0; vlan < BF_VLAN_IDS; vlan++)
		taken[c->of[vlan]] += port_takes(v, vlan);
	for (uint16_t k = 0; k < c->n; k++)
		if (taken[k] == c->size[k])
			taken[k] = 0;
	for (unsigned int vlan = 0; vlan < BF_VLAN_IDS; vlan++) {
		uint16_t from = c->of[vlan];

		if (taken[from] > 0 && port_takes(v, vlan))
			class_split(c, &to[from], vlan);
	}
}

static void
classes_split(struct classes *c, const struct bf_port_vlan *v)
{
	uint16_t only = UINT16_MAX;

	if (v->takes == BF_VLANS_ALL && v->own == 0)
		return;
	if (c->n == 0) { /* the first port that is not like the others */
		c->n = 1;
		c->size[0] = BF_FLOOD_VLANS;
	}
	if (v->takes == BF_VLANS_SOME)
		classes_split_by_set(c, v);
	else if (c->size[c->of[odd_vlan(v)]] > 1)
		class_split(c, &only, odd_vlan(v));
}

/* Some VLAN of each class, for who asks what its ports are. */
static void
classes_name(const struct classes *c, uint16_t *vlan)
{
	for (unsigned int i = 0; i < BF_FLOOD_VLANS; i++)
		vlan[c->of[i]] = (uint16_t)i;
}

/* A port is in a class. */
typedef void place_cb(void *arg, uint16_t class, uint16_t slot);

/* Each class that a port is in; one with a VLAN of its own only costs no look at the others. */
static void
places_visit(const struct classes *c, const uint16_t *vlan, const struct bf_port_vlan *v,
	uint16_t slot, place_cb *cb, void *arg)
{
	if (v->takes == BF_VLANS_ONE) {
		cb(arg, c->of[odd_vlan(v)], slot);
		return;
	}
	for (uint16_t k = 0; k < c->n; k++)
		if (port_takes(v, vlan[k]))
			cb(arg, k, slot);
}

/* The same for all guests of a switch. */
static void
places_visit_all(const struct bf_bridge *br, const struct bf_flood_plan *p, unsigned int bond,
	place_cb *cb, void *arg)
{
	const struct classes *c = &p->of[bond];
	uint16_t vlan[BF_FLOOD_VLANS];
	unsigned int of;

	classes_name(c, vlan);
	for (uint16_t s = 1; c->n > 0 && s <= BF_MAX_GUESTS; s++)
		if (port_is_there(br, s, &of) && of == bond)
			places_visit(c, vlan, &p->vlan[s], s, cb, arg);
}

static void
place_count(void *plan, uint16_t class, uint16_t slot)
{
	(void)class;
	(void)slot;
	((struct bf_flood_plan *)plan)->n_places++;
}

int
bf_floods_plan(const struct bf_bridge *br, struct bf_flood_plan **plan)
{
	struct bf_flood_plan *p = NULL;

	for (unsigned int s = 0, bond; s < BF_MAX_PORTS; s++) {
		struct bf_port_vlan v;

		if (!port_is_there(br, s, &bond))
			continue;
		v = bf_is_bond_slot((uint16_t)s) ? bf_floods_bond_vlan(&br->up[bond].bond.cfg)
						 : bf_floods_guest_vlan(&br->guests[s]->cfg);
		if (v.takes == BF_VLANS_ALL && v.own == 0 && p == NULL)
			continue;
		if (p == NULL)
			p = calloc(1, sizeof(*p));
		if (p == NULL)
			return -ENOMEM;
		p->vlan[s] = v;
		p->n_sets += v.takes == BF_VLANS_SOME;
		classes_split(&p->of[bond], &v);
	}
	for (unsigned int k = 0; p != NULL && k < BF_MAX_BONDS; k++)
		places_visit_all(br, p, k, place_count, p);
	*plan = p;
	return 0;
}

void
bf_floods_free(struct bf_flood_plan *plan)
{
	free(plan);
}

static size_t
n_domains(const struct bf_flood_plan *p)
{
	size_t n = 1; /* the one without ports */

	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		n += p->of[k].n;
	return n;
}

size_t
bf_floods_size(const struct bf_flood_plan *plan, unsigned int n_guests)
{
	size_t n = n_guests * sizeof(uint16_t);

	if (plan != NULL)
		n += plan->n_sets * sizeof(struct bf_vlan_set) +
			n_domains(plan) * sizeof(struct bf_flood) +
			sizeof(uint16_t) * BF_MAX_BONDS * BF_FLOOD_VLANS +
			plan->n_places * sizeof(uint16_t);
	return n;
}

/* Room of a view, from the front. */
static void *
room_take(char **room, size_t size)
{
	void *at = *room;

	*room += size;
	return at;
}

void
bf_flood_add(const struct bf_view *v, struct bf_flood *f, uint16_t slot)
{
	const struct bf_port_rules *r = &v->rules[slot];

	f->guests[f->n_guests++] = slot;
	f->picks |= r->floods_not != 0 || (r->guards & BF_GUARD_MAC) || r->isolated;
}

/* All guests of a switch, whatever the VLAN. */
static void
flood_fill(const struct bf_bridge *br, struct bf_view *v, unsigned int bond, char **room)
{
	struct bf_flood *f = &v->flood[bond];

	f->number = (uint8_t)bond;
	f->bond = br->up[bond].bond.open;
	f->guests = (uint16_t *)*room;
	for (unsigned int s = 1; s <= BF_MAX_GUESTS; s++)
		if (br->guests[s] != NULL && br->guests[s]->uplink == bond)
			bf_flood_add(v, f, (uint16_t)s);
	*room += f->n_guests * sizeof(uint16_t);
}

/* The domains of a switch's classes, from the first one on. */
struct domains {
	const struct bf_view *v;
	struct bf_flood *first;
};

static void
place_room(void *domains, uint16_t class, uint16_t slot)
{
	(void)slot;
	((struct domains *)domains)->first[class].n_guests++;
}

static void
place_fill(void *domains, uint16_t class, uint16_t slot)
{
	struct domains *d = domains;

	bf_flood_add(d->v, &d->first[class], slot);
}

static void
domains_fill(const struct bf_bridge *br, const struct bf_flood_plan *p, struct bf_view *v,
	struct bf_flood *first, unsigned int bond, char **room)
{
	const struct classes *c = &p->of[bond];
	struct domains d = {v, first};
	uint16_t vlan[BF_FLOOD_VLANS];

	classes_name(c, vlan);
	places_visit_all(br, p, bond, place_room, &d);
	for (uint16_t k = 0; k < c->n; k++) {
		first[k].number = (uint8_t)bond;
		first[k].bond =
			br->up[bond].bond.open && port_takes(&p->vlan[bf_bond_slot(bond)], vlan[k]);
		first[k].guests = (uint16_t *)*room;
		*room += first[k].n_guests * sizeof(uint16_t);
		first[k].n_guests = 0;
	}
	places_visit_all(br, p, bond, place_fill, &d);
}

/* What the ports' rules say of VLANs, with sets of the view's own. */
static void
fill_rules(const struct bf_flood_plan *p, struct bf_view *v, char **room)
{
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++) {
		struct bf_vlan_set *set;

		v->rules[s].vlan = p->vlan[s];
		if (p->vlan[s].takes != BF_VLANS_SOME)
			continue;
		set = room_take(room, sizeof(*set));
		*set = *p->vlan[s].some;
		if (p->vlan[s].own != 0)
			bf_vlan_set_add(set, p->vlan[s].own);
		v->rules[s].vlan.some = set;
	}
}

static void
fill_vlans(
	const struct bf_bridge *br, const struct bf_flood_plan *p, struct bf_view *v, char **room)
{
	uint16_t domain = NOWHERE + 1, *of;

	fill_rules(p, v, room);
	v->vlan_flood = room_take(room, n_domains(p) * sizeof(struct bf_flood));
	of = room_take(room, sizeof(*of) * BF_MAX_BONDS * BF_FLOOD_VLANS);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++, of += BF_FLOOD_VLANS) {
		const struct classes *c = &p->of[k];

		if (c->n == 0)
			continue;
		domains_fill(br, p, v, &v->vlan_flood[domain - BF_MAX_BONDS], k, room);
		for (unsigned int i = 0; i < BF_FLOOD_VLANS; i++)
			of[i] = (uint16_t)(domain + c->of[i]);
		v->vlan_floods[k] = of;
		domain = (uint16_t)(domain + c->n);
	}
}

/* Memory is short: what is flooded in the switches concerned ends there. */
static void
fill_nowhere(const struct bf_flood_plan *p, struct bf_view *v)
{
	static struct bf_flood nobody;
	static uint16_t nowhere[BF_FLOOD_VLANS];
	static struct bf_vlan_set nothing;

	for (unsigned int i = 0; i < BF_FLOOD_VLANS; i++)
		nowhere[i] = NOWHERE;
	v->vlan_flood = &nobody;
	for (unsigned int s = 0; s < BF_MAX_PORTS; s++) {
		v->rules[s].vlan = p->vlan[s];
		v->rules[s].vlan.some = &nothing;
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (p->of[k].n > 0)
			v->vlan_floods[k] = nowhere;
}

void
bf_floods_fill(const struct bf_bridge *br, const struct bf_flood_plan *plan, struct bf_view *v,
	void *room, bool whole)
{
	char *at = room;

	if (plan != NULL && whole)
		fill_vlans(br, plan, v, &at);
	else if (plan != NULL)
		fill_nowhere(plan, v);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		flood_fill(br, v, k, &at);
}

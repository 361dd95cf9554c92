/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the slow room's state to the snapshot that workers use.
 *
 * Threads: ctx control.
 */
#include <rte_malloc.h>

#include "control/bridge.h"
#include "control/workers/floods.h"
#include "control/workers/joined.h"
#include "dataplane/guard.h"
#include "dataplane/responder.h"
#include "dataplane/rules.h"

#define QUANTUM 4096u /* bytes of a round for a weight of 1 */

static bool
is_polled(const struct bf_guest *g, unsigned int q)
{
	return g->up && (g->tx_seen & 1u << q);
}

/* Those that a guest's share asks for in one direction. */
static uint16_t
rules_qos(const struct bf_view *v, unsigned int s, enum bf_qos_dir dir)
{
	const struct bf_qos *q = v->rules[s].qos;

	if (q == NULL)
		return 0;
	return (uint16_t)((q->meter[dir].cost != 0 ? BF_RULE_BIT(RATE) : 0) |
		(q->filter[dir].n > 0 ? BF_RULE_BIT(FILTER) : 0) |
		(q->mark[dir] != BF_MARK_KEEP || (dir == BF_QOS_IN && q->says[dir])
				? BF_RULE_BIT(MARK)
				: 0));
}

/* Those of both ways, and what is read before it is switched. */
uint16_t
bf_view_rules_in(const struct bf_view *v, uint16_t s)
{
	bool reads = (v->rules[s].guards & BF_GUARD_READS) != 0;

	return (uint16_t)((v->ports[s].out & ~BF_RULES_QOS) | (reads ? BF_RULE_BIT(GUARD) : 0) |
		rules_qos(v, s, BF_QOS_IN));
}

static uint32_t
quantum_of(const struct bf_guest_config *g)
{
	return QUANTUM * (g->weight != 0 ? g->weight : 1);
}

/* Bit k: a guest at bond k has a weight, and all workers share that bond by weights. */
static uint32_t
bonds_shared(const struct bf_bridge *br)
{
	uint32_t bonds = 0;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];

		if (g != NULL && g->up && g->cfg.weight != 0)
			bonds |= 1u << g->uplink;
	}
	return bonds;
}

static void
give_queues(const struct bf_bridge *br, struct bf_view *v, struct bf_rxq *room)
{
	uint32_t shared = bonds_shared(br);

	for (unsigned int w = 0; w < br->lcores.n; w++) {
		v->workers[w].rxq = room;
		for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
			const struct bf_guest *g = br->guests[s];

			for (unsigned int q = 0; g != NULL && q < BF_MAX_QP; q++) {
				if (!is_polled(g, q) || g->poller[q] != w)
					continue;
				*room++ = (struct bf_rxq){.slot = (uint16_t)s,
					.ring = (uint16_t)(2 * q + 1),
					.in = bf_view_rules_in(v, (uint16_t)s),
					.generation = g->generation,
					.quantum = quantum_of(&g->cfg),
					.guest = g->dp};
				v->workers[w].n_rxq++;
				v->workers[w].shares |= shared >> g->uplink & 1;
			}
		}
	}
}

/* What the flood domains of a view follow from. */
struct plans {
	struct bf_flood_plan *vlans;
	struct bf_joined_plan *groups;
};

static int
plans_make(const struct bf_bridge *br, struct plans *p)
{
	int ret = bf_floods_plan(br, &p->vlans);

	if (ret == 0)
		ret = bf_joined_plan(br, &p->groups);
	return ret;
}

static void
plans_free(struct plans *p)
{
	bf_floods_free(p->vlans);
	bf_joined_free(p->groups);
}

/* Where the groups' part of a view begins. */
static size_t
groups_at(const struct plans *p, unsigned int n_guests)
{
	/* A ring may come up while we build: room for every queue of every guest. */
	size_t at = sizeof(struct bf_view) + sizeof(struct bf_rxq) * n_guests * BF_MAX_QP +
		bf_floods_size(p->vlans, n_guests);

	return RTE_ALIGN_CEIL(at, sizeof(uint64_t));
}

/* The same of the table of addresses: at its end. */
static size_t
responder_at(const struct plans *p, unsigned int n_guests)
{
	return RTE_ALIGN_CEIL(
		groups_at(p, n_guests) + bf_joined_size(p->groups), RTE_CACHE_LINE_SIZE);
}

static size_t
view_size(const struct plans *p, unsigned int n_guests, uint32_t n_answers)
{
	return responder_at(p, n_guests) + (n_answers > 0 ? bf_responder_size(n_answers) : 0);
}

struct bf_view *
bf_view_spare(void)
{
	const struct plans none = {NULL, NULL};

	return rte_zmalloc("bf_view", view_size(&none, BF_MAX_GUESTS, 0), RTE_CACHE_LINE_SIZE);
}

/* A port's rules for both ways. */
static uint16_t
rules_of(bool disabled, const struct bf_port_vlan *vlan)
{
	return (uint16_t)((disabled ? BF_RULE_BIT(DISABLED) : 0) |
		(vlan->own != 0 ? BF_RULE_BIT(VLAN) : 0));
}

static struct bf_port_rules
guest_rules(const struct bf_guest *guest)
{
	const struct bf_guest_config *g = &guest->cfg;

	return (struct bf_port_rules){.too_big = g->too_big,
		.mtu = (uint16_t)bf_guest_mtu(guest),
		.learns_not = !g->learning,
		.locked = g->locked,
		.isolated = g->isolated,
		.floods_not = (uint8_t)((g->flood ? 0 : BF_FLOODED_UNKNOWN) |
			(g->mcast_flood ? 0 : BF_FLOODED_MULTICAST) |
			(g->bcast_flood ? 0 : BF_FLOODED_BROADCAST)),
		.guards = (uint8_t)((g->mac_guard ? BF_GUARD_MAC : 0) |
			(g->protocol_guard ? BF_GUARD_PROTOCOLS : 0) |
			(g->dhcp_guard ? BF_GUARD_DHCP : 0) | (g->ra_guard ? BF_GUARD_ROUTER : 0) |
			(g->ip.dhcp ? BF_GUARD_DHCP_CLIENT : 0)),
		.guard = guest->guard.words,
		.qos = guest->qos.in_force ? guest->qos.of[guest->qos.current] : NULL,
		.ips = bf_leases_judge(guest) ? &guest->guard.words->ips[guest->guard.ips] : NULL};
}

static void
fill_bond(const struct bf_bond *b, struct bf_view *v)
{
	uint16_t slot = bf_bond_slot(b->number);
	struct bf_port_vlan vlan = bf_floods_bond_vlan(&b->cfg);

	bf_bond_fill_view(b, v);
	v->ports[slot].out = rules_of(false, &vlan);
	v->bonds[b->number].in = v->ports[slot].out;
	for (unsigned int w = 0; w < b->n_queues; w++)
		v->workers[w].polls |= (uint8_t)(1u << b->number);
}

static void
fill_guest(const struct bf_guest *g, unsigned int s, struct bf_view *v)
{
	struct bf_port_vlan vlan = bf_floods_guest_vlan(&g->cfg);

	v->rules[s] = guest_rules(g);
	v->isolates |= v->rules[s].isolated;
	v->ports[s] = (struct bf_port_view){.kind = BF_PORT_GUEST,
		.retries = (uint8_t)g->cfg.tx_retries,
		.max_len = (uint16_t)(g->max_len +
			(vlan.takes == BF_VLANS_ONE && vlan.own != 0 ? BF_TAG_LEN : 0)),
		.n_rings = (uint8_t)g->n_rings,
		.bond = g->uplink,
		.out = (uint16_t)(rules_of(g->cfg.disabled, &vlan) |
			(g->cfg.ip.n > 0 || g->cfg.ip.dhcp ? BF_RULE_BIT(GUARD) : 0) |
			rules_qos(v, s, BF_QOS_OUT)),
		.guest = g->dp};
}

static void
view_fill(const struct bf_bridge *br, const struct plans *plans, struct bf_view *v,
	unsigned int n_guests, bool whole)
{
	char *room = (char *)(v + 1);

	v->forwarding = br->running->forwarding;
	v->qos_map = br->running->qos_map;
	v->n_workers = (uint8_t)br->lcores.n;
	for (unsigned int w = 0; w < br->lcores.n; w++)
		v->idle[w] = (uint8_t)br->running->idle;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL)
			fill_guest(br->guests[s], s, v);
	give_queues(br, v, (struct bf_rxq *)room);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open)
			fill_bond(&br->up[k].bond, v);
	bf_floods_fill(
		br, plans->vlans, v, room + sizeof(struct bf_rxq) * n_guests * BF_MAX_QP, whole);
	if (plans->groups != NULL && whole) /* else all groups flood */
		bf_joined_fill(plans->groups, v, (char *)v + groups_at(plans, n_guests));
	bf_storms_fill_view(br, v);
	bf_taps_fill_view(&br->taps, v);
	bf_mirrors_fill_view(br, v);
}

struct bf_view *
bf_view_build(const struct bf_bridge *br, struct bf_view *v)
{
	struct plans plans = {NULL, NULL};
	unsigned int n_guests = 0;
	uint32_t n_answers = v == NULL ? bf_responder_count(br) : 0;
	bool whole = v == NULL;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		n_guests += br->guests[s] != NULL;
	if (plans_make(br, &plans) != 0)
		v = NULL;
	else if (v == NULL)
		v = rte_zmalloc(
			"bf_view", view_size(&plans, n_guests, n_answers), RTE_CACHE_LINE_SIZE);
	if (v != NULL) {
		view_fill(br, &plans, v, n_guests, whole);
		bf_responder_fill_view(
			br, v, (char *)v + responder_at(&plans, n_guests), n_answers);
	}
	plans_free(&plans);
	return v;
}

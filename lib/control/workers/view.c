/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the slow room's state to the snapshot that workers use.
 *
 * Threads: ctx control.
 */
#include <rte_malloc.h>

#include "control/bridge.h"
#include "dataplane/guard.h"
#include "dataplane/rules.h"

static bool
is_polled(const struct bf_guest *g, unsigned int q)
{
	return g->up && (g->tx_seen & 1u << q);
}

static uint16_t
rules_in(const struct bf_guest *g)
{
	bool reads = g->cfg.dhcp_guard || g->cfg.ra_guard;

	return (uint16_t)((g->cfg.disabled ? BF_RULE_BIT(DISABLED) : 0) |
		(reads ? BF_RULE_BIT(GUARD) : 0));
}

static void
give_queues(const struct bf_bridge *br, struct bf_view *v, struct bf_rxq *room)
{
	for (unsigned int w = 0; w < br->lcores.n; w++) {
		v->workers[w].rxq = room;
		for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
			const struct bf_guest *g = br->guests[s];

			for (unsigned int q = 0; g != NULL && q < BF_MAX_QP; q++) {
				if (!is_polled(g, q) || g->poller[q] != w)
					continue;
				*room++ = (struct bf_rxq){.slot = (uint16_t)s,
					.ring = (uint16_t)(2 * q + 1),
					.in = rules_in(g),
					.generation = g->generation,
					.guest = g->dp};
				v->workers[w].n_rxq++;
			}
		}
	}
}

static size_t
view_size(unsigned int n_guests)
{
	/* A ring may come up while we build: room for every queue of every guest. */
	return sizeof(struct bf_view) + sizeof(struct bf_rxq) * n_guests * BF_MAX_QP +
		n_guests * sizeof(uint16_t);
}

struct bf_view *
bf_view_spare(void)
{
	return rte_zmalloc("bf_view", view_size(BF_MAX_GUESTS), RTE_CACHE_LINE_SIZE);
}

/* The guests of each switch, one switch after the other. */
static void
fill_floods(const struct bf_bridge *br, struct bf_view *v, uint16_t *room)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		struct bf_flood *f = &v->flood[k];

		f->guests = room;
		f->bond = br->up[k].bond.open;
		for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
			if (br->guests[s] != NULL && br->guests[s]->uplink == k)
				f->guests[f->n_guests++] = (uint16_t)s;
		room += f->n_guests;
	}
}

static struct bf_port_rules
guest_rules(const struct bf_guest *guest)
{
	const struct bf_guest_config *g = &guest->cfg;

	return (struct bf_port_rules){.too_big = g->too_big,
		.mtu = (uint16_t)bf_guest_mtu(guest),
		.learns_not = !g->learning,
		.locked = g->locked,
		.floods_not = (uint8_t)((g->flood ? 0 : BF_FLOODED_UNKNOWN) |
			(g->mcast_flood ? 0 : BF_FLOODED_MULTICAST) |
			(g->bcast_flood ? 0 : BF_FLOODED_BROADCAST)),
		.guards = (uint8_t)((g->mac_guard ? BF_GUARD_MAC : 0) |
			(g->protocol_guard ? BF_GUARD_PROTOCOLS : 0) |
			(g->dhcp_guard ? BF_GUARD_DHCP : 0) | (g->ra_guard ? BF_GUARD_ROUTER : 0)),
		.guard = guest->guard.words};
}

static void
fill_bond(const struct bf_bond *b, struct bf_view *v)
{
	bf_bond_fill_view(b, v);
	for (unsigned int w = 0; w < b->n_queues; w++)
		v->workers[w].polls |= (uint8_t)(1u << b->number);
}

struct bf_view *
bf_view_build(const struct bf_bridge *br, struct bf_view *v)
{
	unsigned int n_guests = 0, n_rxq;
	char *room;

	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		n_guests += br->guests[s] != NULL;
	n_rxq = n_guests * BF_MAX_QP;
	if (v == NULL)
		v = rte_zmalloc("bf_view", view_size(n_guests), RTE_CACHE_LINE_SIZE);
	if (v == NULL)
		return NULL;
	room = (char *)(v + 1);
	fill_floods(br, v, (uint16_t *)(room + n_rxq * sizeof(struct bf_rxq)));
	v->forwarding = br->running->forwarding;
	v->n_workers = (uint8_t)br->lcores.n;
	for (unsigned int w = 0; w < br->lcores.n; w++)
		v->idle[w] = (uint8_t)br->running->idle;
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++) {
		const struct bf_guest *g = br->guests[s];

		if (g == NULL)
			continue;
		v->rules[s] = guest_rules(g);
		v->flood[g->uplink].picks |=
			v->rules[s].floods_not != 0 || (v->rules[s].guards & BF_GUARD_MAC);
		v->ports[s] = (struct bf_port_view){.kind = BF_PORT_GUEST,
			.retries = (uint8_t)g->cfg.tx_retries,
			.max_len = g->max_len,
			.n_rings = (uint8_t)g->n_rings,
			.bond = g->uplink,
			.out = g->cfg.disabled ? BF_RULE_BIT(DISABLED) : 0,
			.guest = g->dp};
	}
	give_queues(br, v, (struct bf_rxq *)room);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].bond.open)
			fill_bond(&br->up[k].bond, v);
	bf_storms_fill_view(br, v);
	bf_taps_fill_view(&br->taps, v);
	return v;
}

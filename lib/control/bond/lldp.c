/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Neighbours of members: heard, aged, told.
 *
 * Threads: ctx control.
 */
#include "control/bond/lldp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "control/bond/bond.h"
#include "control/bridge.h"
#include "control/loop/task.h"

#define TICK_MS 500
#define FRAMES_PER_TURN 4096 /* of all bonds: of a member that floods most are only counted */
#define FRAMES_PER_S 50 /* of a member */
#define MINUTE_MS 60000
#define LEFT ": its member has left the bond"

/* ---- who is known ---- */

static struct bf_lldp_member *
member_find(const struct bf_bond *b, const char *name)
{
	for (unsigned int i = 0; b->lldp != NULL && i < BF_MAX_MEMBERS; i++)
		if (strcmp(b->lldp->members[i].name, name) == 0)
			return &b->lldp->members[i];
	return NULL;
}

static bool
is_of_bond(const struct bf_bond *b, const char *name)
{
	for (unsigned int i = 0; i < b->n_members; i++)
		if (strcmp(b->members[i].name, name) == 0)
			return true;
	return false;
}

/* A place that no member has; NULL: there is none. */
static struct bf_lldp_member *
member_place(const struct bf_bond *b)
{
	for (unsigned int i = 0; i < BF_MAX_MEMBERS; i++) {
		struct bf_lldp_member *l = &b->lldp->members[i];

		if (l->name[0] == '\0' || !is_of_bond(b, l->name))
			return l;
	}
	return NULL;
}

const struct bf_lldp_member *
bf_bond_lldp_of(const struct bf_bond *b, const char *member)
{
	return member_find(b, member);
}

const struct bf_lldp_neighbor *
bf_lldp_main_neighbor(const struct bf_lldp_member *m)
{
	const struct bf_lldp_neighbor *best = NULL;

	for (uint32_t i = 0; m != NULL && i < m->n; i++) {
		const struct bf_lldp_neighbor *n = &m->at[i];
		bool is_bridge = (n->pdu.enabled & BF_LLDP_BRIDGE) != 0,
		     best_is = best != NULL && (best->pdu.enabled & BF_LLDP_BRIDGE) != 0;

		if (best == NULL || (is_bridge && !best_is) ||
			(is_bridge == best_is && n->here_ms >= best->here_ms))
			best = n;
	}
	return best;
}

void
bf_lldp_system_text(const struct bf_lldp_pdu *pdu, char *buf, size_t size)
{
	if (pdu->system_name[0] != '\0')
		snprintf(buf, size, "%s", pdu->system_name);
	else
		bf_lldp_chassis_text(&pdu->chassis, buf, size);
}

/* ---- what is told ---- */

static void
neighbor_tell(struct bf_bond *b, struct bf_lldp_member *l, const char *what,
	const struct bf_lldp_pdu *pdu, const char *why, uint64_t now_ms)
{
	char system[BF_LLDP_ID_TEXT_SIZE], chassis[BF_LLDP_ID_TEXT_SIZE],
		port[BF_LLDP_ID_TEXT_SIZE], lag[32] = "not said";

	if (l->minute != now_ms / MINUTE_MS) {
		l->minute = now_ms / MINUTE_MS;
		l->in_minute = 0;
	}
	if (++l->in_minute > BF_LLDP_EVENTS)
		return; /* the journal is not the neighbour's to fill */
	bf_lldp_system_text(pdu, system, sizeof(system));
	bf_lldp_chassis_text(&pdu->chassis, chassis, sizeof(chassis));
	bf_lldp_port_text(&pdu->port, port, sizeof(port));
	if (pdu->has_lag && pdu->lag_enabled)
		snprintf(lag, sizeof(lag), "%" PRIu32, pdu->lag_port);
	else if (pdu->has_lag)
		snprintf(lag, sizeof(lag), "none");
	bf_event(b->events, BF_LOG_NOTICE, what, l->name,
		"%.60s, chassis %.40s, port %.60s, LAG %s%s", system, chassis, port, lag, why);
}

static void
neighbor_remove(
	struct bf_bond *b, struct bf_lldp_member *l, uint32_t i, const char *why, uint64_t now_ms)
{
	neighbor_tell(b, l, "neighbor_removed", &l->at[i].pdu, why, now_ms);
	l->at[i] = l->at[--l->n];
	b->lldp->tick_ms = 0;
}

static void
neighbors_forget(struct bf_bond *b, struct bf_lldp_member *l, const char *why, uint64_t now_ms)
{
	while (l->n > 0)
		neighbor_remove(b, l, 0, why, now_ms);
}

/* By name: it stays what it is when the bond is closed and opened again. NULL: memory is short. */
static struct bf_lldp_member *
member_make(struct bf_bond *b, const char *name, uint64_t now_ms)
{
	struct bf_lldp_member *l;

	if (b->lldp == NULL)
		b->lldp = calloc(1, sizeof(*b->lldp));
	if (b->lldp == NULL)
		return NULL;
	l = member_find(b, name);
	if (l != NULL)
		return l;
	l = member_place(b);
	if (l == NULL)
		return NULL;
	neighbors_forget(b, l, LEFT, now_ms);
	memset(l, 0, sizeof(*l));
	snprintf(l->name, sizeof(l->name), "%s", name);
	return l;
}

/* Members that have left the bond have no neighbours. */
static void
strangers_forget(struct bf_bond *b, uint64_t now_ms)
{
	for (unsigned int i = 0; b->lldp != NULL && i < BF_MAX_MEMBERS; i++) {
		struct bf_lldp_member *l = &b->lldp->members[i];

		if (l->name[0] == '\0' || is_of_bond(b, l->name))
			continue;
		neighbors_forget(b, l, LEFT, now_ms);
		memset(l, 0, sizeof(*l));
	}
}

/* ---- reception ---- */

/* Something else than a minute ago, for people: not what is only counted. */
static bool
is_news(const struct bf_lldp_pdu *a, const struct bf_lldp_pdu *b)
{
	return strcmp(a->system_name, b->system_name) != 0 ||
		strcmp(a->port_description, b->port_description) != 0 ||
		strcmp(a->management, b->management) != 0 || a->enabled != b->enabled ||
		a->pvid != b->pvid || a->has_lag != b->has_lag ||
		a->lag_enabled != b->lag_enabled || a->lag_port != b->lag_port ||
		a->max_frame != b->max_frame;
}

static uint32_t
neighbor_oldest(const struct bf_lldp_member *l)
{
	uint32_t at = 0;

	for (uint32_t i = 1; i < l->n; i++)
		if (l->at[i].heard_ms < l->at[at].heard_ms)
			at = i;
	return at;
}

/* @param link_ms since when the link is there */
static void
neighbor_hear(struct bf_bond *b, struct bf_lldp_member *l, const struct bf_lldp_pdu *pdu,
	uint64_t link_ms, uint64_t now_ms)
{
	struct bf_lldp_neighbor *n;
	uint32_t i = 0;

	while (i < l->n && !bf_lldp_is_same(&l->at[i].pdu, pdu))
		i++;
	if (pdu->ttl_s == 0) {
		if (i < l->n)
			neighbor_remove(b, l, i, ": it is going", now_ms);
		return;
	}
	if (i == l->n && l->n == BF_LLDP_NEIGHBORS) {
		l->count.crowded_out++;
		neighbor_remove(b, l, neighbor_oldest(l), ": gave way to another", now_ms);
		i = l->n;
	}
	n = &l->at[i];
	if (i == l->n) {
		l->n++;
		n->since_ms = n->here_ms = now_ms;
		neighbor_tell(b, l, "neighbor_added", pdu, "", now_ms);
		bf_bond_lldp_hurry(l, now_ms);
		b->lldp->tick_ms = 0;
	} else if (is_news(&n->pdu, pdu)) {
		neighbor_tell(b, l, "neighbor_changed", pdu, "", now_ms);
		b->lldp->tick_ms = 0;
	}
	if (n->heard_ms < link_ms && n->since_ms != now_ms) {
		n->here_ms = now_ms; /* the cable has come back */
		b->lldp->tick_ms = 0;
	}
	n->pdu = *pdu;
	n->heard_ms = now_ms;
	n->expires_ms = now_ms + 1000ULL * pdu->ttl_s;
}

static bool
is_too_much(struct bf_lldp_member *l, uint64_t now_ms)
{
	if (l->second != now_ms / 1000) {
		l->second = now_ms / 1000;
		l->in_second = 0;
	}
	return ++l->in_second > FRAMES_PER_S;
}

void
bf_bond_lldp_read(
	struct bf_bond *b, unsigned int member, const uint8_t *frame, size_t len, uint64_t now_ms)
{
	struct bf_lldp_member *l;
	struct bf_lldp_pdu pdu;
	struct bf_err err;

	if (b->cfg.lldp == BF_LLDP_OFF)
		return;
	l = member_make(b, b->members[member].name, now_ms);
	if (l == NULL)
		return;
	l->count.rx++;
	if (is_too_much(l, now_ms)) {
		l->count.rx_limited++;
		return;
	}
	if (bf_lldp_parse(frame, len, &pdu, &err) != 0) {
		l->count.rx_errors++;
		snprintf(l->last_error, sizeof(l->last_error), "%.127s", err.text);
		return;
	}
	l->count.tlv_errors += pdu.n_malformed;
	l->count.tlv_unknown += pdu.n_unknown;
	neighbor_hear(b, l, &pdu, b->members[member].changed_ms, now_ms);
}

void
bf_bond_lldp_receive(struct bf_bond *b, struct rte_mbuf *m, uint64_t now_ms)
{
	for (unsigned int i = 0; b->open && i < b->n_members; i++)
		if (b->members[i].port == m->port)
			bf_bond_lldp_read(
				b, i, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, now_ms);
	rte_pktmbuf_free(m);
}

/* ---- what is due ---- */

static void
member_age(struct bf_bond *b, struct bf_lldp_member *l, uint64_t now_ms)
{
	for (uint32_t i = 0; i < l->n;) {
		if (now_ms < l->at[i].expires_ms) {
			i++;
			continue;
		}
		l->count.aged++;
		neighbor_remove(b, l, i, ": not heard for its time to live", now_ms);
	}
}

static void
look_at_cabling(struct bf_bond *b, uint64_t now_ms)
{
	struct bf_cabling_end ends[BF_MAX_MEMBERS];
	struct bf_cabling found;

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_lldp_neighbor *n =
			bf_lldp_main_neighbor(member_find(b, b->members[i].name));
		struct bf_lacp_member_info info;

		ends[i] = (struct bf_cabling_end){.member = b->members[i].name,
			.pdu = n == NULL ? NULL : &n->pdu,
			.in_lag = b->lacp != NULL && b->members[i].distribute};
		if (b->lacp == NULL ||
			bf_lacp_member_info(b->lacp, b->members[i].bit, &info) != 0 ||
			info.rx != BF_LACP_RX_CURRENT)
			continue;
		ends[i].has_partner = true;
		memcpy(ends[i].partner, info.partner.system_id, sizeof(ends[i].partner));
		ends[i].partner_key = info.partner.key;
	}
	bf_cabling_judge(b->cfg.mode, ends, b->n_members, &found);
	bf_cabling_take(b, &b->lldp->cabling, &found, now_ms);
}

void
bf_bond_lldp_tick(struct bf_bond *b, uint64_t now_ms)
{
	if (!b->open || (b->lldp == NULL && b->cfg.lldp != BF_LLDP_BOTH) ||
		(b->lldp != NULL && now_ms < b->lldp->tick_ms))
		return;
	strangers_forget(b, now_ms);
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_lldp_member *l = member_make(b, b->members[i].name, now_ms);

		if (l == NULL)
			return;
		member_age(b, l, now_ms);
		if (b->cfg.lldp == BF_LLDP_OFF)
			neighbors_forget(b, l, ": lldp=off", now_ms);
		if (b->cfg.lldp != BF_LLDP_BOTH)
			bf_bond_lldp_take_back(b, i, l);
		else
			bf_bond_lldp_send(b, i, l, now_ms);
	}
	look_at_cabling(b, now_ms);
	b->lldp->tick_ms = now_ms + TICK_MS;
}

bool
bf_bond_lldp_leave(struct bf_bond *b, int member)
{
	bool told = false;

	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_lldp_member *l = member_find(b, b->members[i].name);

		if (l != NULL && (member < 0 || (unsigned int)member == i))
			told = bf_bond_lldp_take_back(b, i, l) || told;
	}
	return told;
}

uint64_t
bf_lldp_tick(void *bridge, uint64_t now_ms)
{
	struct bf_bridge *br = bridge;
	struct rte_mbuf *m;

	for (int i = 0; i < FRAMES_PER_TURN; i++) {
		int owner;

		if (rte_ring_sc_dequeue(br->lcores.lldp, (void **)&m) != 0)
			break;
		owner = bf_bond_device_owner(m->port);
		if (owner >= 0)
			bf_bond_lldp_receive(&br->up[owner].bond, m, now_ms);
		else
			rte_pktmbuf_free(m);
	}
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_bond_lldp_tick(&br->up[k].bond, now_ms);
	return now_ms + TICK_MS;
}

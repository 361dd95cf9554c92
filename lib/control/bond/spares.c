/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Theory of operation.  In the load modes a spare is kept out of the tables here.  In active-backup it
 * is chosen last (policy.c), in 802.3ad the engine lets so many members in as are no spares.
 *
 * The switch of a static LAG cannot be told that a member stands by.  It keeps sending to it, so what
 * comes is taken there; in the modes without a LAG it is dropped, but for a short while after a spare
 * has stood by: the switch learns where the stations are now.
 *
 * Threads: ctx control.
 */
#include "control/bond/spares.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/words.h"

#define LINGER_MS 1000 /* while announcements spread */

bool
bf_spares_rule(const struct bf_bond *b)
{
	uint32_t mode = bf_bond_mode_in_force(b);

	return mode != BF_MODE_ACTIVE_BACKUP && mode != BF_MODE_8023AD;
}

static bool
has_spares(const struct bf_bond *b)
{
	return bf_bond_config_n_regular(&b->cfg) < b->cfg.n_members;
}

static uint32_t
n_wanted(const struct bf_bond *b)
{
	return bf_bond_config_n_regular(&b->cfg) + b->n_absent;
}

uint32_t
bf_spares_limit(const struct bf_bond *b)
{
	uint32_t n = RTE_MAX(n_wanted(b), 1u);

	if (!has_spares(b))
		return b->cfg.max_links;
	return b->cfg.max_links != 0 ? RTE_MIN(b->cfg.max_links, n) : n;
}

void
bf_spares_lost(const struct bf_bond *b, char *buf, size_t size)
{
	char absent[32];

	buf[0] = '\0';
	for (unsigned int i = 0; i < b->n_members; i++)
		if (!b->cfg.members[i].spare && !b->members[i].standby &&
			!(bf_bond_carrying(b) >> b->members[i].bit & 1))
			bf_words_add(buf, size, ", ", b->members[i].name);
	if (b->n_absent == 0)
		return;
	snprintf(absent, sizeof(absent), "%" PRIu32 " without a device", b->n_absent);
	bf_words_add(buf, size, ", ", absent);
}

static bool
can_serve(const struct bf_bond *b, unsigned int i)
{
	return b->members[i].usable && !b->members[i].drained;
}

/* The spare to call next: of the highest priority, the first of those. */
static int
next_spare(const struct bf_bond *b)
{
	int best = -1;

	for (unsigned int i = 0; i < b->n_members; i++) {
		const struct bf_member_config *c = &b->cfg.members[i];

		if (!c->spare || b->members[i].stands_in || !can_serve(b, i))
			continue;
		if (best < 0 || c->priority > b->cfg.members[best].priority)
			best = (int)i;
	}
	return best;
}

static void
spare_set(struct bf_bond *b, unsigned int i, bool serves, uint64_t now_ms)
{
	struct bf_member *m = &b->members[i];
	char lost[128];

	if (m->stands_in == serves)
		return;
	m->stands_in = serves;
	m->stood_by_ms = serves ? 0 : now_ms;
	b->dirty = true;
	if (b->events == NULL) /* a copy */
		return;
	bf_spares_lost(b, lost, sizeof(lost));
	if (serves)
		bf_event(b->events, BF_LOG_NOTICE, "spare_joined", m->name, "in place of %s",
			lost[0] != '\0' ? lost : "a member that left");
	else
		bf_event(b->events, BF_LOG_NOTICE, "spare_left", m->name, "%s",
			can_serve(b, i) ? "stands by again" : "cannot serve any more");
}

void
bf_spares_decide(struct bf_bond *b, uint64_t now_ms)
{
	uint32_t n = 0;

	if (!bf_spares_rule(b))
		return;
	for (unsigned int i = 0; i < b->n_members; i++)
		n += !b->cfg.members[i].spare && can_serve(b, i) ? 1 : 0;
	for (unsigned int i = 0; i < b->n_members; i++) {
		bool stays = b->cfg.members[i].spare && can_serve(b, i) && n < n_wanted(b);

		if (!b->members[i].stands_in)
			continue;
		spare_set(b, i, stays, now_ms);
		n += stays ? 1 : 0;
	}
	for (int i = next_spare(b); i >= 0 && n < n_wanted(b); i = next_spare(b), n++)
		spare_set(b, (unsigned int)i, true, now_ms);
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_member *m = &b->members[i];
		bool standby = b->cfg.members[i].spare && m->usable && !m->stands_in;

		b->dirty = b->dirty || standby != m->standby;
		m->standby = standby;
	}
}

void
bf_spares_note(struct bf_bond *b)
{
	uint32_t carrying = bf_bond_carrying(b);

	if (bf_spares_rule(b))
		return;
	for (unsigned int i = 0; i < b->n_members; i++) {
		struct bf_member *m = &b->members[i];
		bool spare = b->cfg.members[i].spare, serves = carrying >> m->bit & 1;
		struct bf_lacp_member_info info = {0};

		m->stands_in = spare && serves;
		m->standby = spare && !serves && can_serve(b, i);
		if (b->lacp != NULL && bf_bond_mode_in_force(b) == BF_MODE_8023AD)
			m->standby = bf_lacp_member_info(b->lacp, m->bit, &info) == 0 &&
				info.standby && info.rx == BF_LACP_RX_CURRENT;
	}
}

/* The one that LACP would let in, if the choice is ours. */
static int
next_of_lacp(const struct bf_bond *b)
{
	const struct bf_member_config *c = b->cfg.members;
	int best = -1;

	for (unsigned int i = 0; i < b->n_members; i++)
		if (b->members[i].standby &&
			(best < 0 || c[i].spare < c[best].spare ||
				(c[i].spare == c[best].spare &&
					c[i].lacp_port_priority < c[best].lacp_port_priority)))
			best = (int)i;
	return best;
}

void
bf_spares_without(struct bf_bond *copy, unsigned int i)
{
	struct bf_member *m = &copy->members[i];
	bool served = m->distribute;
	int next;

	copy->events = NULL;
	m->usable = m->carrier = m->distribute = false;
	bf_spares_decide(copy, 0);
	if (!served || bf_bond_mode_in_force(copy) != BF_MODE_8023AD)
		return;
	next = next_of_lacp(copy);
	if (next < 0)
		return;
	copy->members[next].distribute = true;
	copy->members[next].stands_in = copy->cfg.members[next].spare;
}

static bool
is_lingering(const struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	const struct bf_member *m = &b->members[i];
	uint32_t mode = bf_bond_mode_in_force(b);

	return (mode == BF_MODE_TLB || mode == BF_MODE_ALB) && m->standby && m->stood_by_ms != 0 &&
		now_ms < m->stood_by_ms + LINGER_MS;
}

bool
bf_spares_collects(const struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	return bf_bond_has_lag(b) || is_lingering(b, i, now_ms);
}

uint64_t
bf_spares_due(const struct bf_bond *b, unsigned int i, uint64_t now_ms)
{
	return is_lingering(b, i, now_ms) ? b->members[i].stood_by_ms + LINGER_MS : UINT64_MAX;
}

uint32_t
bf_spares_standby(const struct bf_bond *b)
{
	uint32_t set = 0;

	for (unsigned int i = 0; i < b->n_members; i++)
		set |= b->members[i].standby ? 1u << b->members[i].bit : 0;
	return set;
}

uint32_t
bf_spares_serving(const struct bf_bond *b)
{
	uint32_t set = 0;

	for (unsigned int i = 0; i < b->n_members; i++)
		set |= b->members[i].stands_in ? 1u << b->members[i].bit : 0;
	return set;
}

const char *
bf_spares_word(const struct bf_bond *b, unsigned int i)
{
	return b->cfg.members[i].spare ? "standby (spare)" : "standby (max_links)";
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See lead.h.
 *
 * Threads: worker.
 */
#include "dataplane/lead.h"

#include "dataplane/hand.h"

#define NOBODY UINT64_MAX

static uint64_t
tsc_of_us(const struct bf_worker *w, uint64_t us)
{
	return w->tsc_hz / 1000000 * us;
}

/* @return the rounds of the last one of the others for whom the member is full, or NOBODY */
static uint64_t
rivals_least(const struct bf_worker *w, unsigned int bond, unsigned int member, uint64_t now)
{
	uint64_t fresh = tsc_of_us(w, BF_LEAD_FRESH_US), least = NOBODY;

	for (unsigned int i = 0; i < w->view->n_workers; i++) {
		const struct bf_lead *l = &w->all[i]->lead;
		uint64_t full = __atomic_load_n(&l->full_tsc[bond][member], __ATOMIC_RELAXED);

		if (i != w->idx && full + fresh > now)
			least = RTE_MIN(least, __atomic_load_n(&l->rounds[bond], __ATOMIC_RELAXED));
	}
	return least;
}

/* Who comes begins where the last one is; who was away for long is not waited for as long. */
static uint64_t
rounds_adjust(struct bf_worker *w, unsigned int bond, uint64_t least)
{
	uint64_t *rounds = &w->lead.rounds[bond], from = *rounds;

	if (!(w->contending >> bond & 1))
		from = RTE_MAX(from, least);
	else if (from + BF_LEAD_MOST < least)
		from = least - BF_LEAD_MOST;
	__atomic_store_n(rounds, from, __ATOMIC_RELAXED);
	return from;
}

/* The member has had room for a while: others need not wait. */
static void
member_calm(struct bf_worker *w, unsigned int bond, uint8_t member)
{
	if (++w->calm[bond][member] == BF_LEAD_CALM)
		__atomic_store_n(&w->lead.full_tsc[bond][member], 0, __ATOMIC_RELAXED);
}

/* @return whether others are behind at this member */
static bool
member_look(struct bf_worker *w, unsigned int bond, uint8_t member, uint64_t now)
{
	uint64_t *full = &w->lead.full_tsc[bond][member], least;
	bool holds = bf_hand_holds(w, bond, member), leads = false;

	if (!holds && *full == 0)
		return false;
	least = rivals_least(w, bond, member, now);
	if (least != NOBODY)
		leads = rounds_adjust(w, bond, least) > least + BF_LEAD_ROUNDS;
	if (!holds && !leads) {
		member_calm(w, bond, member);
		return false;
	}
	w->contending |= 1u << bond;
	w->calm[bond][member] = 0;
	__atomic_store_n(full, now, __ATOMIC_RELAXED);
	return leads;
}

/* @return whether others are behind at some member of the bond */
static bool
bond_look(struct bf_worker *w, unsigned int bond, uint64_t now)
{
	bool leads = false;
	uint64_t full = 0;

	for (uint8_t m = 0; m < BF_MAX_MEMBERS; m++) {
		leads |= member_look(w, bond, m, now);
		full |= w->lead.full_tsc[bond][m];
	}
	if (full != 0)
		w->quiet[bond] = 0;
	else if (++w->quiet[bond] >= BF_LEAD_QUIET)
		w->contending &= ~(1u << bond);
	return leads;
}

static void
bonds_withdraw(struct bf_worker *w, uint32_t bonds)
{
	w->contending &= ~bonds;
	for (; unlikely(bonds != 0); bonds &= bonds - 1)
		for (unsigned int m = 0; m < BF_MAX_MEMBERS; m++)
			__atomic_store_n(
				&w->lead.full_tsc[__builtin_ctz(bonds)][m], 0, __ATOMIC_RELAXED);
}

void
bf_lead_look(struct bf_worker *w, uint64_t now)
{
	if (w->view->n_workers == 1 || now < w->lead_tsc)
		return;
	w->lead_tsc = now + tsc_of_us(w, BF_LEAD_US);
	w->ahead = 0;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (w->view->ports[bf_bond_slot(k)].kind == BF_PORT_BOND && bond_look(w, k, now))
			w->ahead |= 1u << k;
	if (w->ahead != 0) /* its member may have room meanwhile */
		w->tight_tsc = now + tsc_of_us(w, BF_TIGHT_US);
}

void
bf_lead_advance(struct bf_worker *w, uint32_t bonds, uint64_t rounds)
{
	for (uint32_t left = bonds; left != 0; left &= left - 1) {
		uint64_t *to = &w->lead.rounds[__builtin_ctz(left)];

		__atomic_store_n(to, *to + rounds, __ATOMIC_RELAXED);
	}
}

void
bf_lead_withdraw(struct bf_worker *w)
{
	bonds_withdraw(w, w->contending & ~(w->in_hand | w->ahead));
}

void
bf_lead_adopt(struct bf_worker *w)
{
	w->ahead = 0;
	if (!w->view->workers[w->idx].shares)
		bonds_withdraw(w, w->contending);
}

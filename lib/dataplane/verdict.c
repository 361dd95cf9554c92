/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See verdict.h.
 *
 * Threads: any reader of a view.
 */
#include "dataplane/verdict.h"

#include "dataplane/guard.h"

/* A frame of a bond that a guest has sent to it just now. */
static bool
came_back(const struct bf_verdict_ground *g, unsigned int bond, const struct rte_mbuf *m,
	struct bf_verdict *v)
{
	if (g->view->bonds[bond].echo == BF_ECHO_NONE || !bf_echo_has(g->echoes, bond, m))
		return false;
	/* An announcement may be another station's in the same words. */
	if (bf_frame_word(m) == BF_WORD_NONE)
		v->effects |= BF_EFFECT_ECHO;
	return true;
}

/* The guest says what it may not. @return BF_DROP_COUNT: it may. */
static enum bf_drop
guard_judge(const struct bf_verdict_ground *g, uint16_t in, const struct bf_frame *f, bool here,
	struct bf_verdict *v)
{
	const struct bf_port_rules *r = &g->view->rules[in];

	if ((r->guards & BF_GUARD_PROTOCOLS) && bf_guard_is_control(f))
		return BF_DROP_CONTROL_PROTOCOL;
	if (here || !(r->guards & BF_GUARD_MAC) ||
		bf_guard_permits(r->guard, f->src & BF_FDB_MAC_MASK))
		return BF_DROP_COUNT;
	if (v->station != NULL || r->guard->learns == 0)
		return BF_DROP_FORGED_MAC;
	v->effects |= BF_EFFECT_ADMIT;
	return bf_guard_has_room(r->guard) ? BF_DROP_COUNT : BF_DROP_MAC_LIMIT;
}

/* The station is not known, or behind another port. */
static enum bf_drop
judge_new(const struct bf_verdict_ground *g, uint16_t in, const struct rte_mbuf *m,
	const struct bf_frame *f, struct bf_verdict *v)
{
	unsigned int bond = g->view->ports[in].bond;
	const struct bf_bond_view *b = &g->view->bonds[bond];

	if (unlikely(g->view->rules[in].locked))
		return BF_DROP_LOCKED_PORT;
	if (bf_frame_may_tell(f) || (f->dst & BF_MAC_MULTICAST))
		v->word = (uint8_t)bf_frame_word(m);
	if (!bf_is_bond_slot(in)) {
		if ((v->out == bf_bond_slot(bond) || bf_out_is_flood(v->out)) &&
			b->echo != BF_ECHO_NONE)
			v->effects |= BF_EFFECT_NOTE; /* a flood may only be sampled */
	} else if (v->station != NULL &&
		bf_fdb_is_echo(g->fdb, v->station, v->word != BF_WORD_NONE, b->doubted)) {
		if (v->word != BF_WORD_NONE)
			v->effects |= BF_EFFECT_CLAIM;
		return BF_DROP_REFLECTED;
	}
	if (likely(!g->view->rules[in].learns_not))
		v->effects |= BF_EFFECT_LEARN;
	return BF_DROP_COUNT;
}

/* Isolated ports do not reach each other; what is flooded is looked at per guest. */
static bool
is_kept_apart(const struct bf_view *v, uint16_t in, uint16_t out)
{
	return v->isolates && out < BF_MAX_PORTS && v->rules[in].isolated && v->rules[out].isolated;
}

struct bf_verdict
bf_verdict_source(const struct bf_verdict_ground *g, uint16_t in, const struct rte_mbuf *m,
	const struct bf_frame *f, struct bf_verdict v, bool here)
{
	enum bf_drop why = BF_DROP_COUNT;

	if (unlikely(!bf_vlan_is_taken(&g->view->rules[in].vlan, f->src)))
		why = BF_DROP_VLAN_TAG;
	else if (unlikely(g->view->rules[in].guards != 0))
		why = guard_judge(g, in, f, here, &v);
	if (why != BF_DROP_COUNT)
		v.effects = 0;
	else if (bf_is_bond_slot(in) && (!here || bf_out_is_flood(v.out)) &&
		came_back(g, bf_bond_of_slot(in), m, &v))
		why = BF_DROP_REFLECTED;
	else if (!here)
		why = judge_new(g, in, m, f, &v);
	else if (!bf_is_bond_slot(in) && bf_frame_may_tell(f) &&
		bf_frame_word(m) == BF_WORD_ANNOUNCEMENT)
		v.effects |= BF_EFFECT_ANNOUNCED;
	if (why != BF_DROP_COUNT) {
		v.out = (uint16_t)(BF_OUT_DROP | why);
		v.lasts = false;
		return v;
	}
	if (unlikely(is_kept_apart(g->view, in, v.out)))
		v.out = BF_OUT_DROP | BF_DROP_ISOLATED;
	if (unlikely(g->view->mcast != NULL) && (f->dst & BF_MAC_MULTICAST))
		v.out = bf_mcast_out(g->view->mcast, m, f, v.out);
	/* What is flooded is read there. */
	if (!bf_out_is_flood(v.out) && (bf_frame_is_arp(f) || f->type == BF_ET_IPV6))
		v.effects |= BF_EFFECT_SNOOP;
	v.lasts = here && !(f->dst & BF_MAC_MULTICAST) && !bf_frame_is_arp(f);
	return v;
}

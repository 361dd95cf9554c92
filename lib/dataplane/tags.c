/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See tags.h.
 *
 * Threads: worker.
 */
#include "dataplane/tags.h"

#include "dataplane/drop.h"
#include "dataplane/offload.h"
#include "dataplane/vlan.h"

#define ID RTE_BE16(0xfff)
#define ADDRESSES 12

/* The frame in front of which there is a tag's room: its addresses move there. */
static inline void
addresses_move(uint8_t *to, const uint8_t *from)
{
	uint64_t a;
	uint32_t b;

	memcpy(&a, from, 8);
	memcpy(&b, from + 8, 4);
	memcpy(to, &a, 8);
	memcpy(to + 8, &b, 4);
}

/* @param tci in network order. @return false: there is no room in front of the frame. */
static inline bool
tag_push(struct rte_mbuf *m, uint16_t type, uint16_t tci, uint32_t *pushed)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, BF_TAG_LEN);

	if (unlikely(p == NULL))
		return false;
	*pushed += BF_TAG_LEN;
	addresses_move(p, p + BF_TAG_LEN);
	memcpy(p + ADDRESSES, &type, 2);
	memcpy(p + ADDRESSES + 2, &tci, 2);
	if (unlikely(bf_is_partial(m)))
		m->l2_len += BF_TAG_LEN;
	return true;
}

/* The tag is kept in front of the frame: bf_tags_restore(). */
static inline void
tag_pop(struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t tag;

	memcpy(&tag, p + ADDRESSES, BF_TAG_LEN);
	addresses_move(p + BF_TAG_LEN, p);
	memcpy(p, &tag, BF_TAG_LEN);
	rte_pktmbuf_adj(m, BF_TAG_LEN);
	if (unlikely(bf_is_partial(m)))
		m->l2_len -= BF_TAG_LEN;
}

void
bf_tags_restore(struct rte_mbuf *m)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, BF_TAG_LEN);
	uint32_t tag;

	memcpy(&tag, p, BF_TAG_LEN);
	addresses_move(p, p + BF_TAG_LEN);
	memcpy(p + ADDRESSES, &tag, BF_TAG_LEN);
	if (bf_is_partial(m))
		m->l2_len += BF_TAG_LEN;
}

/* A frame that has a tag already. @return false: the port does not take it. */
static __rte_noinline bool
tagged_enter(const struct bf_port_vlan *v, struct rte_mbuf *m, uint32_t *pushed)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t tci, inner;

	if (m->data_len < 18)
		return true; /* a runt, which the switch drops */
	memcpy(&tci, p + 14, 2);
	memcpy(&inner, p + 16, 2);
	if (v->type == BF_ET_QINQ) {
		return tag_push(m, v->type, (tci & ~ID) | rte_cpu_to_be_16(v->own), pushed);
	}
	if ((tci & ID) != 0) /* whether it is one of several is asked later */
		return v->takes != BF_VLANS_ONE;
	if (inner == BF_ET_SLOW)
		return true;
	if (bf_frame_is_tag(inner))
		return false;
	tci |= rte_cpu_to_be_16(v->own);
	memcpy(p + 12, &v->type, 2);
	memcpy(p + 14, &tci, 2);
	return true;
}

static inline bool
frame_enter(const struct bf_port_vlan *v, struct rte_mbuf *m, uint32_t *pushed)
{
	uint16_t type;

	if (unlikely(m->data_len < 14))
		return true;
	memcpy(&type, rte_pktmbuf_mtod(m, const uint8_t *) + 12, 2);
	if (unlikely(bf_frame_is_tag(type)))
		return tagged_enter(v, m, pushed);
	if (unlikely(type == BF_ET_SLOW))
		return true;
	return tag_push(m, v->type, rte_cpu_to_be_16(v->own), pushed);
}

uint16_t
bf_tags_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_port_vlan *v = &w->view->rules[slot].vlan;
	struct rte_mbuf *lost[BF_BURST];
	uint16_t pass = 0, n_lost = 0;
	uint32_t pushed = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (likely(frame_enter(v, m, &pushed)))
			pkts[pass++] = m;
		else
			lost[n_lost++] = m;
	}
	w->pushed = pushed;
	if (unlikely(n_lost > 0)) {
		bf_put_behind(pkts, pass, lost, n_lost);
		bf_drop_note(w, slot, BF_DROP_VLAN_TAG, lost, n_lost);
	}
	return pass;
}

/* @return false: it is not for the port. */
static inline bool
frame_leave(const struct bf_port_vlan *v, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type, tci, inner;

	if (unlikely(m->data_len < 18))
		return false;
	memcpy(&type, p + 12, 2);
	memcpy(&tci, p + 14, 2);
	memcpy(&inner, p + 16, 2);
	if (unlikely(type != v->type || (tci & ID) != rte_cpu_to_be_16(v->own)))
		return (v->takes == BF_VLANS_ALL && bf_frame_is_tag(type) && (tci & ID) != 0) ||
			(v->takes == BF_VLANS_SOME && bf_frame_is_tag(type) && type != BF_ET_QINQ &&
				bf_vlan_set_has(v->some, rte_be_to_cpu_16(tci & ID)));
	if (unlikely(v->type != BF_ET_QINQ && bf_frame_is_tag(inner)))
		return false;
	tag_pop(m);
	return true;
}

uint16_t
bf_tags_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	const struct bf_port_vlan *v = &w->view->rules[slot].vlan;
	struct rte_mbuf *lost[BF_STAGE_SIZE];
	uint16_t pass = 0, n_lost = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (likely(frame_leave(v, m)))
			pkts[pass++] = m;
		else
			lost[n_lost++] = m;
	}
	if (unlikely(n_lost > 0)) {
		bf_put_behind(pkts, pass, lost, n_lost);
		bf_drop_note(w, slot, BF_DROP_VLAN_OUT, lost, n_lost);
	}
	return pass;
}

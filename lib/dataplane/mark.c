/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See mark.h.
 *
 * Threads: worker.
 */
#include "dataplane/mark.h"

#include <string.h>

#include "dataplane/frame.h"
#include "dataplane/packet.h"

#define IPV4_SUM_AT 10 /* of the checksum in the header */
#define DSCP_SHIFT_V4 2 /* of the DSCP in the header's first two bytes */
#define DSCP_SHIFT_V6 6
#define DSCP_MASK 0x3fu
#define PCP_SHIFT 13

/* Where the marks of a frame are; 0: it has none. */
struct places {
	uint16_t tag_at, inner_at, ip_at;
	bool v6;
};

static inline void
places_find(const struct rte_mbuf *m, struct places *at)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t off = 14;
	uint16_t type = 0;

	*at = (struct places){0, 0, 0, false};
	if (unlikely(m->data_len < 14))
		return;
	memcpy(&type, p + 12, 2);
	if (bf_frame_is_tag(type) && m->data_len >= 18)
		at->tag_at = 14;
	for (int i = 0; i < BF_TAGS_MAX && bf_frame_is_tag(type) && m->data_len >= off + 4; i++) {
		if (i == 1)
			at->inner_at = (uint16_t)off;
		memcpy(&type, p + off + 2, 2);
		off += 4;
	}
	if ((type == BF_ET_IPV4 && m->data_len >= off + BF_IPV4_LEN) ||
		(type == BF_ET_IPV6 && m->data_len >= off + BF_IPV6_LEN))
		at->ip_at = (uint16_t)off;
	at->v6 = type == BF_ET_IPV6;
}

static inline uint16_t
word_read(const struct rte_mbuf *m, uint32_t at)
{
	uint16_t word;

	memcpy(&word, rte_pktmbuf_mtod_offset(m, const uint8_t *, at), 2);
	return rte_be_to_cpu_16(word);
}

static inline void
word_write(struct rte_mbuf *m, uint32_t at, uint16_t word)
{
	word = rte_cpu_to_be_16(word);
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, at), &word, 2);
}

/* RFC 1624, equation 3. */
static inline uint16_t
sum_change(uint16_t sum, uint16_t from, uint16_t to)
{
	uint32_t s = (uint32_t)(uint16_t)~sum + (uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static inline unsigned int
dscp_read(const struct rte_mbuf *m, const struct places *at)
{
	unsigned int shift = at->v6 ? DSCP_SHIFT_V6 : DSCP_SHIFT_V4;

	return word_read(m, at->ip_at) >> shift & DSCP_MASK;
}

static inline void
dscp_write(struct rte_mbuf *m, const struct places *at, unsigned int dscp)
{
	unsigned int shift = at->v6 ? DSCP_SHIFT_V6 : DSCP_SHIFT_V4;
	uint16_t was = word_read(m, at->ip_at);
	uint16_t is = (uint16_t)((was & ~(DSCP_MASK << shift)) | dscp << shift);

	if (was == is)
		return;
	word_write(m, at->ip_at, is);
	if (!at->v6)
		word_write(m, at->ip_at + IPV4_SUM_AT,
			sum_change(word_read(m, at->ip_at + IPV4_SUM_AT), was, is));
}

static inline unsigned int
pcp_read(const struct rte_mbuf *m, const struct places *at)
{
	return at->tag_at != 0 ? word_read(m, at->tag_at) >> PCP_SHIFT : 0;
}

static inline void
pcp_write(struct rte_mbuf *m, const struct places *at, unsigned int class)
{
	uint16_t tci = word_read(m, at->tag_at);

	word_write(m, at->tag_at, (uint16_t)((tci & ((1u << PCP_SHIFT) - 1)) | class << PCP_SHIFT));
}

static inline void
class_write(const struct bf_qos_map *map, struct rte_mbuf *m, const struct places *at,
	unsigned int class, enum bf_mark from)
{
	if (at->tag_at != 0 && from != BF_MARK_PCP)
		pcp_write(m, at, class);
	if (at->ip_at != 0 && from != BF_MARK_DSCP)
		dscp_write(m, at, map->dscp_of[class]);
}

/* @return the class, as the port's words say. */
static inline unsigned int
class_of(const struct bf_qos_map *map, const struct rte_mbuf *m, const struct places *at,
	enum bf_mark mark)
{
	if (mark == BF_MARK_PCP)
		return pcp_read(m, at);
	if (mark == BF_MARK_DSCP)
		return at->ip_at != 0 ? map->class_of[dscp_read(m, at)] : 0;
	return mark;
}

static inline void
class_count(struct bf_qos_counts *c, enum bf_qos_dir dir, unsigned int class, uint32_t bytes)
{
	c->dir[dir].class_frames[class]++;
	c->dir[dir].class_bytes[class] += bytes;
}

static uint16_t
frames_mark(struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf **pkts,
	uint16_t n, bool may_say)
{
	const struct bf_qos *q = w->view->rules[slot].qos;
	const struct bf_qos_map *map = &w->view->qos_map;
	struct bf_qos_counts *c = &q->counts[w->idx];

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum bf_mark mark = (enum bf_mark)q->mark[dir];
		struct places at;
		unsigned int class;

		if (may_say && (m->vlan_tci_outer & BF_CLASS_SAID))
			mark = (enum bf_mark)(m->vlan_tci_outer % BF_CLASSES);
		if (mark == BF_MARK_KEEP)
			continue;
		places_find(m, &at);
		class = class_of(map, m, &at, mark);
		class_write(map, m, &at, class, mark);
		class_count(c, dir, class, m->pkt_len);
	}
	return n;
}

uint16_t
bf_mark_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return frames_mark(w, slot, BF_QOS_IN, pkts, n, w->view->rules[slot].qos->says[BF_QOS_IN]);
}

uint16_t
bf_mark_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return frames_mark(w, slot, BF_QOS_OUT, pkts, n, false);
}

void
bf_mark_late(struct bf_worker *w, uint16_t slot, struct rte_mbuf *m, unsigned int class)
{
	struct places at;

	places_find(m, &at);
	class_write(&w->view->qos_map, m, &at, class, (enum bf_mark) class);
	class_count(&w->view->rules[slot].qos->counts[w->idx], BF_QOS_OUT, class, m->pkt_len);
}

void
bf_mark_save(const struct rte_mbuf *m, struct bf_mark_was *was)
{
	struct places at;

	places_find(m, &at);
	*was = (struct bf_mark_was){
		.tag_at = at.tag_at, .inner_at = at.inner_at, .ip_at = at.ip_at, .v6 = at.v6};
	if (at.tag_at != 0)
		was->tci = word_read(m, at.tag_at);
	if (at.inner_at != 0)
		was->inner_tci = word_read(m, at.inner_at);
	if (at.ip_at != 0)
		was->word = word_read(m, at.ip_at);
	if (at.ip_at != 0 && !at.v6)
		was->sum = word_read(m, at.ip_at + IPV4_SUM_AT);
}

void
bf_mark_restore(struct rte_mbuf *m, const struct bf_mark_was *was)
{
	if (was->tag_at != 0)
		word_write(m, was->tag_at, was->tci);
	if (was->inner_at != 0)
		word_write(m, was->inner_at, was->inner_tci);
	if (was->ip_at != 0)
		word_write(m, was->ip_at, was->word);
	if (was->ip_at != 0 && !was->v6)
		word_write(m, was->ip_at + IPV4_SUM_AT, was->sum);
}

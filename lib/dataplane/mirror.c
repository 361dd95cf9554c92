/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See mirror.h.
 *
 * Threads: worker.
 */
#include "dataplane/mirror.h"

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/program.h"

static bool
is_of_vlan(const struct rte_mbuf *m, uint32_t vlan)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_vlan_hdr *tag = (const void *)(eth + 1);

	if (eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN) ||
		m->data_len < sizeof(*eth) + sizeof(*tag))
		return vlan == 0 && eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_QINQ);
	return (rte_be_to_cpu_16(tag->vlan_tci) & 0xfff) == vlan;
}

static bool
mirror_wants(const struct bf_mirror *mirror, const struct rte_mbuf *m)
{
	if (unlikely(m->data_len < sizeof(struct rte_ether_hdr)))
		return false;
	return (mirror->vlan == BF_MIRROR_VLAN_ANY || is_of_vlan(m, mirror->vlan)) &&
		(mirror->program == NULL || bf_program_takes(mirror->program, m));
}

static void
mirror_copy(struct bf_worker *w, unsigned int k, struct bf_mirror *mirror, struct rte_mbuf *m)
{
	struct bf_mirror_counts *c = &mirror->count[w->idx];
	struct rte_mbuf *copy = NULL;

	if (w->n_mirrored < BF_MIRRORED)
		copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		c->lost++;
		return;
	}
	c->frames++;
	c->bytes += copy->pkt_len;
	copy->ol_flags |= BF_FLAG_OF_COPY; /* its sender is told nothing: too_big.h */
	w->mirrored_to[w->n_mirrored] = w->view->mirror_to[k];
	w->mirrored[w->n_mirrored++] = copy;
}

static uint16_t
mirror_burst(
	struct bf_worker *w, uint16_t slot, uint8_t dir, struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint32_t set = w->view->rules[slot].mirrors; set != 0; set &= set - 1) {
		unsigned int k = (unsigned int)__builtin_ctz(set);
		struct bf_mirror *mirror = w->view->mirrors[k];

		for (uint16_t i = 0; (mirror->dirs & dir) != 0 && i < n; i++)
			if (mirror_wants(mirror, pkts[i]))
				mirror_copy(w, k, mirror, pkts[i]);
	}
	return n;
}

uint16_t
bf_mirror_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return mirror_burst(w, slot, BF_MIRROR_IN, pkts, n);
}

uint16_t
bf_mirror_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return mirror_burst(w, slot, BF_MIRROR_OUT, pkts, n);
}

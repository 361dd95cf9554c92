/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See shape.h.
 *
 * Threads: worker.
 */
#include "dataplane/shape.h"

#include "dataplane/checksum.h"
#include "dataplane/drop.h"
#include "dataplane/too_big.h"
#include "dataplane/vnet_hdr.h"

/* All of it or nothing: its segments are cut to the sender's size, not to the receiver's. */
static void
cut_begin(struct bf_worker *w, struct bf_shape *s)
{
	struct rte_mbuf **m = &s->pkts[s->at];

	if (bf_wire_len(*m, BF_BURST_SEGMENTS) > w->view->ports[s->slot].max_len) {
		if (!s->flooded)
			bf_too_big_note(w, s->slot, *m);
		bf_drop(w, s->slot, BF_DROP_OVERSIZE, m, 1);
		s->at++;
		return;
	}
	bf_gso_begin(&s->gso, *m);
	s->cuts = true;
	s->made = 0;
}

/* The superframe that is being cut is done with, or lost for the rest. */
static void
cut_end(struct bf_worker *w, struct bf_shape *s)
{
	struct rte_mbuf **m = &s->pkts[s->at++];
	bool lost = s->gso.left > 0;

	w->counters->ports[s->slot].segments += s->made - (lost ? 0u : 1u);
	s->cuts = false;
	if (lost)
		bf_drop(w, s->slot, BF_DROP_NO_MEMORY, m, 1);
	else
		rte_pktmbuf_free(*m);
}

static uint16_t
cut_next(struct bf_worker *w, struct bf_shape *s, struct rte_mbuf **out, uint16_t room)
{
	uint16_t n = bf_gso_next(&s->gso, s->pkts[s->at]->pool, out, room);

	s->made = (uint16_t)(s->made + n);
	if (n < room || s->gso.left == 0)
		cut_end(w, s);
	return n;
}

uint16_t
bf_shape_next(struct bf_worker *w, struct bf_shape *s, struct rte_mbuf **out, uint16_t room)
{
	uint16_t n = 0;

	while (n < room && s->at < s->n) {
		struct rte_mbuf *m = s->pkts[s->at];

		if (s->cuts) {
			n = (uint16_t)(n + cut_next(w, s, &out[n], (uint16_t)(room - n)));
			continue;
		}
		if (!bf_offload_is_taken(m, s->takes)) {
			if (bf_is_superframe(m)) {
				cut_begin(w, s);
				continue;
			}
			bf_checksum_complete(m);
			w->counters->ports[s->slot].sums++;
		}
		out[n++] = m;
		s->at++;
	}
	return n;
}

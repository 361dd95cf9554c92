/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: worker.
 */
#include "dataplane/mirrored.h"

#include "dataplane/stage.h"

void
bf_mirrored_send(struct bf_worker *w)
{
	uint16_t n = w->n_mirrored;

	w->n_mirrored = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = w->mirrored[i];
		const struct bf_burst sum = {.bytes = m->pkt_len,
			.max_len = m->pkt_len,
			.min_len = m->data_len,
			.flags = (bf_is_superframe(m) ? BF_BURST_SEGMENTS : 0) |
				(bf_is_partial(m) ? BF_BURST_PARTIAL : 0),
			.flooded = true};

		w->counters->ports[w->mirrored_to[i]].copies++;
		bf_stage_add(w, w->mirrored_to[i], &m, 1, &sum);
	}
}

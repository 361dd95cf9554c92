/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Threads: worker.
 */
#include "dataplane/answers.h"

#include "dataplane/frame.h"
#include "dataplane/stage.h"

static bool
find_port(const struct bf_worker *w, const struct rte_mbuf *m, unsigned int bond, uint16_t *slot)
{
	struct bf_frame f;

	return bf_frame_parse(m, bond, &f) && bf_fdb_find(w->fdb, f.dst, slot) != NULL &&
		w->view->ports[*slot].kind != BF_PORT_NONE;
}

void
bf_answers_send(struct bf_worker *w)
{
	for (uint16_t i = 0; i < w->n_answers; i++) {
		struct rte_mbuf *m = w->answers[i];
		const struct bf_burst sum = {
			.bytes = m->pkt_len, .max_len = m->pkt_len, .min_len = m->data_len};
		uint16_t slot;

		if (!find_port(w, m, w->answer_bond[i], &slot)) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (w->answer_for[i] != BF_ANSWER_OF_RESPONDER)
			w->counters->ports[w->answer_for[i]].too_big++;
		w->counters->ports[slot].copies++; /* a delivery of a frame that did not come in */
		bf_stage_add(w, slot, &m, 1, &sum);
	}
	w->n_answers = 0;
}

void
bf_answers_forget(struct bf_worker *w)
{
	if (w->n_answers > 0)
		rte_pktmbuf_free_bulk(w->answers, w->n_answers);
	w->n_answers = 0;
}

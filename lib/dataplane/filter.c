/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See filter.h.
 *
 * Threads: worker.
 */
#include "dataplane/filter.h"

#include "dataplane/drop.h"
#include "dataplane/mark.h"
#include "dataplane/program.h"

enum bf_filter_action
bf_filter_judge(
	const struct bf_filter *f, const struct rte_mbuf *m, unsigned int *rule, uint32_t *counted)
{
	*counted = 0;
	for (*rule = 0; *rule < f->n; (*rule)++) {
		const struct bf_filter_rule *r = &f->rule[*rule];

		if (r->program != NULL && !bf_program_takes(r->program, m))
			continue;
		if (r->action != BF_FILTER_COUNT)
			return (enum bf_filter_action)r->action;
		*counted |= 1u << *rule;
	}
	*rule = BF_FILTER_RULES;
	return BF_FILTER_PASS;
}

static void
rules_count(struct bf_qos_counts *c, enum bf_qos_dir dir, uint32_t rules, uint32_t bytes)
{
	for (; rules != 0; rules &= rules - 1) {
		c->dir[dir].rule_frames[__builtin_ctz(rules)]++;
		c->dir[dir].rule_bytes[__builtin_ctz(rules)] += bytes;
	}
}

/* @return false: it is dropped. */
static bool
frame_filter(struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf *m)
{
	const struct bf_qos *q = w->view->rules[slot].qos;
	unsigned int rule;
	uint32_t counted;
	enum bf_filter_action action = bf_filter_judge(&q->filter[dir], m, &rule, &counted);

	if (rule < BF_FILTER_RULES)
		counted |= 1u << rule;
	rules_count(&q->counts[w->idx], dir, counted, m->pkt_len);
	if (action == BF_FILTER_MARK && dir == BF_QOS_IN)
		bf_class_say(m, BF_CLASS_SAID | q->filter[dir].rule[rule].class);
	else if (action == BF_FILTER_MARK)
		bf_mark_late(w, slot, m, q->filter[dir].rule[rule].class);
	return action != BF_FILTER_DROP;
}

static uint16_t
frames_filter(
	struct bf_worker *w, uint16_t slot, enum bf_qos_dir dir, struct rte_mbuf **pkts, uint16_t n)
{
	enum bf_drop why = dir == BF_QOS_IN ? BF_DROP_FILTER_IN : BF_DROP_FILTER_OUT;
	struct rte_mbuf *refused[BF_STAGE_SIZE];
	uint16_t pass = 0, n_refused = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (frame_filter(w, slot, dir, pkts[i]))
			pkts[pass++] = pkts[i];
		else
			refused[n_refused++] = pkts[i];
	}
	if (n_refused > 0) {
		bf_drop_note(w, slot, why, refused, n_refused);
		bf_put_behind(pkts, pass, refused, n_refused);
	}
	return pass;
}

uint16_t
bf_filter_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return frames_filter(w, slot, BF_QOS_IN, pkts, n);
}

uint16_t
bf_filter_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	return frames_filter(w, slot, BF_QOS_OUT, pkts, n);
}

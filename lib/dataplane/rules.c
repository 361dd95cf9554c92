/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See rules.h.
 *
 * Threads: worker.
 */
#include "dataplane/rules.h"

#include "dataplane/drop.h"
#include "dataplane/guard.h"
#include "dataplane/tags.h"
#include "dataplane/tap.h"

/* One rule for one burst. @return how many pass, moved to the front. */
typedef uint16_t (*rule_func)(
	struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

static uint16_t
tap_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_tap_frames(w, w->view->rules[slot].taps, BF_TAP_IN, slot, 0, pkts, n);
	return n;
}

static uint16_t
tap_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_tap_frames(w, w->view->rules[slot].taps, BF_TAP_OUT, slot, 0, pkts, n);
	return n;
}

static uint16_t
disabled_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_drop_note(w, slot, BF_DROP_FROM_DISABLED, pkts, n);
	return 0;
}

static uint16_t
disabled_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	bf_drop_note(w, slot, BF_DROP_TO_DISABLED, pkts, n);
	return 0;
}

static uint16_t
guard_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t guards = w->view->rules[slot].guards;
	struct rte_mbuf *refused[BF_BURST];
	uint16_t pass = 0, n_refused = 0;

	while (pass < n && bf_guard_is_plain(pkts[pass]))
		pass++;
	for (uint16_t i = pass; i < n; i++) {
		enum bf_drop why = bf_guard_is_plain(pkts[i]) ? BF_DROP_COUNT
							      : bf_guard_judge(guards, pkts[i]);

		if (why == BF_DROP_COUNT) {
			pkts[pass++] = pkts[i];
		} else {
			bf_drop_note(w, slot, why, &pkts[i], 1);
			refused[n_refused++] = pkts[i];
		}
	}
	for (uint16_t i = 0; i < n_refused; i++)
		pkts[pass + i] = refused[i];
	return pass;
}

static uint16_t
guard_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n)
{
	(void)w;
	(void)slot;
	(void)pkts;
	return n;
}

static const struct {
	rule_func in, out;
} rules[BF_RULE_COUNT] = {
#define RULE_ROW(sym, func, name, help) {func##_in, func##_out},
	BF_RULE_LIST(RULE_ROW)
#undef RULE_ROW
};

uint16_t
bf_rules_in(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n)
{
	struct bf_port_counters *c = &w->counters->ports[slot];
	uint16_t pass = n;

	for (; set != 0 && pass > 0; set &= set - 1)
		pass = rules[__builtin_ctz(set)].in(w, slot, pkts, pass);
	if (pass == n)
		return n;
	c->rx_frames += (uint64_t)n - pass;
	c->rx_bytes += bf_bytes_of(&pkts[pass], (uint16_t)(n - pass));
	bf_free_burst(&pkts[pass], (uint16_t)(n - pass));
	return pass;
}

uint16_t
bf_rules_out(struct bf_worker *w, uint16_t slot, uint32_t set, struct rte_mbuf **pkts, uint16_t n)
{
	while (set != 0 && n > 0) {
		uint32_t last = 31u - (uint32_t)__builtin_clz(set);

		n = rules[last].out(w, slot, pkts, n);
		set &= ~(1u << last);
	}
	return n;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See tap.h.
 *
 * Threads: worker.
 */
#include "dataplane/tap.h"

#include <string.h>

#include <rte_cycles.h>

#include "dataplane/program.h"

/* Frames to be passed over: 0 to twice the mean, evenly spread. */
static uint32_t
tap_skip(const struct bf_tap *tap, struct bf_tap_worker *tw)
{
	uint64_t x = tw->random;

	if (tap->every <= 1)
		return 0;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	tw->random = x;
	return (uint32_t)((x >> 32) * (2ULL * tap->every - 1) >> 32);
}

static void
tap_write(const struct bf_tap *tap, struct bf_tape *tape, struct bf_tap_record head,
	const struct rte_mbuf *m)
{
	uint32_t len = RTE_MIN(tap->snap, m->pkt_len);
	struct bf_tap_record *to = bf_tape_begin(tape, (uint32_t)sizeof(head) + len);
	const void *from;

	if (to == NULL)
		return;
	*to = head;
	to->pkt_len = m->pkt_len;
	to->len = len;
	to->lost = (uint32_t)tape->lost;
	from = rte_pktmbuf_read(m, 0, len, to->data);
	if (from != to->data)
		memcpy(to->data, from, len);
	bf_tape_end(tape, (uint32_t)sizeof(head) + len);
}

static bool
tap_passes(const struct bf_tap *tap, struct rte_mbuf *m)
{
	if (tap->program == NULL)
		return tap->filter == NULL || tap->filter(m) != 0;
	return bf_program_takes(tap->program, m);
}

void
bf_tap_take(const struct bf_tap *tap, struct bf_tap_worker *tw, struct bf_tap_record head,
	struct rte_mbuf *const *pkts, uint16_t n)
{
	uint32_t i = tw->left;

	head.tsc = rte_rdtsc();
	head.weight = tap->every;
	while (i < n) {
		if (tap_passes(tap, pkts[i]))
			tap_write(tap, tw->tape, head, pkts[i]);
		i += 1 + tap_skip(tap, tw);
	}
	tw->left = i - n;
}

uint8_t
bf_tap_member_of(const struct bf_worker *w, enum bf_tap_dir dir, uint16_t slot, enum bf_drop why)
{
	const struct bf_bond_lcore *b;

	if (!bf_is_bond_slot(slot) || dir == BF_TAP_OUT)
		return BF_TAP_NO_MEMBER;
	b = &w->bonds[bf_bond_of_slot(slot)];
	if (dir == BF_TAP_IN || bf_drop_is_in(why))
		return b->rx_member;
	return why == BF_DROP_MEMBER_FULL ? b->full_member : BF_TAP_NO_MEMBER;
}

void
bf_tap_member_out(struct bf_worker *w, unsigned int k, uint8_t member, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	uint16_t slot = bf_bond_slot(k);

	for (uint32_t set = w->view->rules[slot].taps; set != 0; set &= set - 1) {
		struct bf_tap *tap = w->view->taps[__builtin_ctz(set)];
		struct bf_tap_record head = {.slot = slot, .dir = BF_TAP_OUT, .member = member};

		if (bf_tap_is_of(tap, member) && (tap->dirs & BF_TAP_OUT))
			bf_tap_take(tap, &tap->worker[w->idx], head, pkts, n);
	}
}

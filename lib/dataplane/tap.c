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

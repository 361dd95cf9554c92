/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See tap.h.
 *
 * Threads: worker.
 */
#include "dataplane/tap.h"

#include <string.h>

#include <pcap/bpf.h>
#include <rte_cycles.h>

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
	from = rte_pktmbuf_read(m, 0, len, to->data);
	if (from != to->data)
		memcpy(to->data, from, len);
	bf_tape_end(tape, (uint32_t)sizeof(head) + len);
}

/* A frame in several pieces is put together, as far as it is one that we forward. */
static __rte_noinline bool
pieces_pass(const struct bf_tap *tap, const struct rte_mbuf *m)
{
	uint8_t flat[BF_MAX_MTU + BF_FRAME_OVERHEAD];
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)sizeof(flat));
	const void *data = rte_pktmbuf_read(m, 0, len, flat);

	return bpf_filter(tap->program, data, m->pkt_len, len) != 0;
}

static bool
tap_passes(const struct bf_tap *tap, struct rte_mbuf *m)
{
	if (tap->program == NULL)
		return tap->filter == NULL || tap->filter(m) != 0;
	if (unlikely(m->data_len != m->pkt_len))
		return pieces_pass(tap, m);
	return bpf_filter(tap->program, rte_pktmbuf_mtod(m, const u_char *), m->pkt_len,
		       m->data_len) != 0;
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

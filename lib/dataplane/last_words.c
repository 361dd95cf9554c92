/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See last_words.h.
 *
 * Threads: worker; bf_last_words_read(): control.
 */
#include "dataplane/last_words.h"

#include <string.h>

#include <rte_cycles.h>

#include "dataplane/tap.h"

#define READ_TRIES 100

/* May it make room?  Not more often than its frames are kept, else a flood at many ports costs copies of each. */
static bool
is_quiet(const struct bf_worker *w, struct bf_last_words *l, uint32_t set,
	const struct bf_last_word_cell *oldest)
{
	if (l->loop[set] == w->counters->pmd.loops + 1)
		return false;
	if (oldest->last_tsc == 0 || rte_rdtsc() - oldest->last_tsc >= w->tsc_hz / 1000)
		return true;
	l->loop[set] = w->counters->pmd.loops + 1;
	return false;
}

/* The cell of a port and reason; one that is new has n 0. @return NULL: there is none for it now */
static inline struct bf_last_word_cell *
cell_of(const struct bf_worker *w, uint16_t slot, enum bf_drop why)
{
	struct bf_last_words *l = w->last_words;
	uint32_t key = 1u << 31 | (uint32_t)why << 16 | slot, oldest = 0;
	uint32_t set = (slot * 31u + (uint32_t)why) % BF_LAST_WORD_SETS;
	struct bf_last_word_cell *cell = l->cell[set];

	for (uint32_t i = 0; i < BF_LAST_WORD_WAYS; i++) {
		if (likely(l->key[set][i] == key))
			return &cell[i];
		if (cell[i].last_tsc < cell[oldest].last_tsc)
			oldest = i;
	}
	if (!is_quiet(w, l, set, &cell[oldest]))
		return NULL;
	l->key[set][oldest] = key;
	cell[oldest].n = 0; /* of another port: control does not read it before the next write */
	cell[oldest].in_window = 0;
	return &cell[oldest];
}

/* Has this millisecond had its frames? */
static inline bool
is_flooded(const struct bf_worker *w, struct bf_last_word_cell *cell)
{
	if (likely(cell->in_window < BF_LAST_WORDS))
		return false;
	if (cell->loop == w->counters->pmd.loops)
		return true;
	cell->loop = w->counters->pmd.loops;
	return rte_rdtsc() - cell->window_tsc < w->tsc_hz / 1000;
}

static void
word_write(const struct bf_worker *w, uint16_t slot, struct bf_last_word *to,
	const struct rte_mbuf *m, uint64_t now)
{
	uint32_t len = RTE_MIN(m->pkt_len, (uint32_t)BF_LAST_WORD_BYTES);
	const void *from = rte_pktmbuf_read(m, 0, len, to->data);

	if (from != to->data && from != NULL)
		memcpy(to->data, from, len);
	to->tsc = now;
	to->pkt_len = m->pkt_len;
	to->len = (uint8_t)len;
	to->member = bf_is_bond_slot(slot) ? w->bonds[bf_bond_of_slot(slot)].rx_member
					   : BF_TAP_NO_MEMBER;
}

static __rte_noinline void
cell_write(struct bf_worker *w, struct bf_last_word_cell *cell, uint16_t slot, enum bf_drop why,
	struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t now = rte_rdtsc();
	uint16_t take;

	if (now - cell->window_tsc >= w->tsc_hz / 1000) {
		cell->window_tsc = now;
		cell->in_window = 0;
	}
	take = RTE_MIN(n, (uint16_t)(BF_LAST_WORDS - cell->in_window));
	__atomic_store_n(&cell->seq, cell->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	cell->slot = slot;
	cell->why = (uint8_t)why;
	for (uint16_t i = (uint16_t)(n - take); i < n; i++)
		word_write(w, slot, &cell->word[cell->n++ % BF_LAST_WORDS], pkts[i], now);
	cell->in_window = (uint8_t)(cell->in_window + take);
	cell->last_tsc = now;
	__atomic_store_n(&cell->seq, cell->seq + 1, __ATOMIC_RELEASE);
}

void
bf_last_words_keep(struct bf_worker *w, uint16_t slot, enum bf_drop why,
	struct rte_mbuf *const *pkts, uint16_t n)
{
	struct bf_last_word_cell *cell = cell_of(w, slot, why);

	if (cell != NULL && !is_flooded(w, cell))
		cell_write(w, cell, slot, why, pkts, n);
}

bool
bf_last_words_read(const struct bf_last_words *l, unsigned int i, struct bf_last_word_cell *to)
{
	const struct bf_last_word_cell *cell =
		&l->cell[i / BF_LAST_WORD_WAYS][i % BF_LAST_WORD_WAYS];

	for (unsigned int t = 0; t < READ_TRIES; t++) {
		uint32_t seq = __atomic_load_n(&cell->seq, __ATOMIC_ACQUIRE);

		if (seq % 2 != 0)
			continue;
		memcpy(to, cell, sizeof(*to));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&cell->seq, __ATOMIC_RELAXED) == seq)
			return to->n > 0;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The last words of dropped frames: the heads of the last ones of each port and reason, always kept.
 *
 * Theory of operation.  A worker has a table of cells of a fixed size; a cell is of one port and one reason, and
 * takes the place of the one among a few that was quiet for longest, a millisecond at least.  Of each cell a millisecond keeps at most as many
 * frames as the cell holds: what is rarer is kept frame by frame, and in a flood a dropped burst costs a look at
 * the cell, and once in a loop a look at the clock.  Control reads a cell while nobody writes it: `seq` is odd
 * meanwhile, and another number afterwards.
 *
 * Threads: the worker whose table it is writes; control reads with bf_last_words_read().
 */
#ifndef BF_DATAPLANE_LAST_WORDS_H
#define BF_DATAPLANE_LAST_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/drop_list.h"
#include "dataplane/lcore.h"

#define BF_LAST_WORDS 8 /* frames of a port and reason */
#define BF_LAST_WORD_BYTES 128 /* that are kept of one */
#define BF_LAST_WORD_SETS 64
#define BF_LAST_WORD_WAYS 4
#define BF_LAST_WORD_CELLS (BF_LAST_WORD_SETS * BF_LAST_WORD_WAYS)

struct bf_last_word {
	uint64_t tsc;
	uint32_t pkt_len;
	uint8_t len; /* bytes of data */
	uint8_t member; /* number of the one that the burst in hand came by, or BF_TAP_NO_MEMBER */
	uint8_t data[BF_LAST_WORD_BYTES];
};

struct bf_last_word_cell {
	uint32_t seq;
	uint32_t
		n; /* frames that were kept, ever; the next one's place is n modulo BF_LAST_WORDS */
	uint16_t slot;
	uint8_t why; /* enum bf_drop */
	uint8_t in_window; /* kept since window_tsc */
	uint64_t window_tsc;
	uint64_t loop; /* of the worker, when the clock was last looked at for nothing */
	uint64_t last_tsc;
	struct bf_last_word word[BF_LAST_WORDS];
} __rte_cache_aligned;

struct bf_last_words {
	uint32_t key[BF_LAST_WORD_SETS][BF_LAST_WORD_WAYS]; /* of a port and reason; 0: free */
	uint64_t loop[BF_LAST_WORD_SETS]; /* of the worker + 1, when last none could make room */
	struct bf_last_word_cell cell[BF_LAST_WORD_SETS][BF_LAST_WORD_WAYS];
};

/** Keep what is due of frames that are dropped. ctx the worker. @param n >= 1 */
void bf_last_words_keep(struct bf_worker *w, uint16_t slot, enum bf_drop why,
	struct rte_mbuf *const *pkts, uint16_t n);

/**
 * A cell as it is.  ctx control.
 *
 * @param i
 *   0 to BF_LAST_WORD_CELLS - 1.
 * @return
 *   false: nobody has used it, or the worker writes it all the time.
 */
bool bf_last_words_read(
	const struct bf_last_words *l, unsigned int i, struct bf_last_word_cell *to);

#endif

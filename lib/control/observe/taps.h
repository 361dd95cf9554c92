/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The taps of the switch: made, shown to workers with the next view, read, and taken away.
 *
 * Threads: ctx control; bf_tap_oldest() and bf_tap_done(): the one thread that reads a tap.
 */
#ifndef BF_CONTROL_OBSERVE_TAPS_H
#define BF_CONTROL_OBSERVE_TAPS_H

#include <stdint.h>

#include "base/err.h"
#include "control/workers/lcores.h"
#include "dataplane/tap.h"

#define BF_TAP_ALL_PORTS (-1)

/** What a tap is to look at. */
struct bf_tap_spec {
	int slot; /* a port, or BF_TAP_ALL_PORTS */
	uint8_t dirs; /* enum bf_tap_dir, together */
	uint32_t members; /* of the bond in slot, a set: it looks at their frames only; 0: at all */
	uint32_t every; /* of how many frames one is taken on average; 1: each */
	uint32_t snap; /* bytes copied of a frame at most */
	uint32_t
		tape_bytes; /* for each worker; a power of two, at least four times as long as a record */
	uint64_t (*filter)(void *arg); /* or NULL; see struct bf_tap */
	const struct bpf_program *program; /* the same */
};

struct bf_taps {
	struct bf_tap *tap[BF_MAX_TAPS]; /* NULL: free */
	int slot[BF_MAX_TAPS];
};

/**
 * Make a tap.  Workers use it with the next view.
 *
 * @return
 *   It, or NULL with the reason: all BF_MAX_TAPS are in use (EBUSY), or out of memory (ENOMEM).
 */
struct bf_tap *bf_taps_open(struct bf_taps *t, const struct bf_lcores *l,
	const struct bf_tap_spec *spec, struct bf_err *err);

/** Take a tap out of the views that are built from now on; its memory stays. */
void bf_taps_retire(struct bf_taps *t, const struct bf_tap *tap);

/** Free a retired tap, after a grace period and when nobody reads it any more. NULL is allowed. */
void bf_tap_free(struct bf_tap *tap);

/** Name the taps in a view, and the ports that they look at. */
void bf_taps_fill_view(const struct bf_taps *t, struct bf_view *v);

/**
 * The oldest record of all workers that are done with theirs.
 *
 * @param worker
 *   Whose it is, for bf_tap_done().
 * @return
 *   Valid until bf_tap_done(); NULL when there is none.
 */
const struct bf_tap_record *bf_tap_oldest(struct bf_tap *tap, unsigned int *worker);
void bf_tap_done(struct bf_tap *tap, unsigned int worker);

/** Records that found no room on their tape. */
uint64_t bf_tap_lost(const struct bf_tap *tap);

#endif

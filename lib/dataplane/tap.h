/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Taps: frames that are looked at on their way, as samples, captures or the last words of dropped ones.
 *
 * Theory of operation.  A tap looks at some ports, in some directions.  Of the frames that its filter
 * lets through it takes each, or one in `every` on average: the distance to the next one is drawn by
 * chance, so that no pattern of the traffic is preferred.  What it takes it copies, with the time and
 * where it was seen, onto a tape of the worker's own.  A tap of one member looks at what its bond gets by it, and at
 * what is handed to its driver.  Control makes a tap, publishes a view that names
 * it, and frees it a grace period after a view that does not.
 *
 * Threads: control makes it; workers write; one reader for all of its tapes.
 */
#ifndef BF_DATAPLANE_TAP_H
#define BF_DATAPLANE_TAP_H

#include "dataplane/lcore.h"
#include "dataplane/tape.h"

enum bf_tap_dir {
	BF_TAP_IN = 1, /* from the port */
	BF_TAP_OUT = 2, /* to the port */
	BF_TAP_DROP = 4, /* counted as dropped at the port */
};

#define BF_TAP_NO_MEMBER UINT8_MAX

/** What stands before a frame's bytes on a tape. */
struct bf_tap_record {
	uint64_t tsc;
	uint32_t pkt_len;
	uint32_t len; /* bytes of data[] */
	uint32_t weight; /* frames that this one stands for */
	uint16_t slot;
	uint8_t dir; /* enum bf_tap_dir */
	uint8_t why; /* BF_TAP_DROP: enum bf_drop */
	uint8_t member; /* number of the one that the frame came by, or was meant for; or BF_TAP_NO_MEMBER */
	uint8_t pad[3];
	uint32_t lost; /* records that had found no room on the tape before it, modulo 2^32 */
	uint8_t data[];
};

struct bpf_program;

/** A tap as one worker has it. */
struct bf_tap_worker {
	struct bf_tape *tape;
	uint64_t random; /* state of xorshift64, not 0 */
	uint32_t left; /* frames before the next one that is taken */
} __rte_cache_aligned;

struct bf_tap {
	uint32_t every; /* 1: each frame */
	uint32_t snap; /* bytes that are copied of a frame at most */
	uint8_t dirs; /* enum bf_tap_dir, together */
	uint32_t members; /* of the bond that it looks at: only their frames; 0: all */
	/** NULL: every frame passes; else not 0 for a frame that does. @param arg the frame */
	uint64_t (*filter)(void *arg);
	/** NULL, or a program of libpcap in place of filter: validated, and without loops. */
	const struct bpf_program *program;
	struct bf_tap_worker worker[BF_MAX_WORKERS];
};

/** Take of a burst what is due, which is at least one frame as far as the filter lets it pass. */
void bf_tap_take(const struct bf_tap *tap, struct bf_tap_worker *tw, struct bf_tap_record head,
	struct rte_mbuf *const *pkts, uint16_t n);

/** Is it a tap of a member, and of this one? */
static inline bool
bf_tap_is_of(const struct bf_tap *tap, uint8_t member)
{
	return member != BF_TAP_NO_MEMBER && (tap->members >> member & 1);
}

/** The member that a frame at a port has to do with. @param why BF_TAP_DROP: the reason */
uint8_t bf_tap_member_of(
	const struct bf_worker *w, enum bf_tap_dir dir, uint16_t slot, enum bf_drop why);

/** Let the taps of a member look at frames that are about to be handed to its driver. @param k its bond */
void bf_tap_member_out(struct bf_worker *w, unsigned int k, uint8_t member,
	struct rte_mbuf *const *pkts, uint16_t n);

/**
 * Let taps look at frames.  Samples are rare: what is passed over costs no call and no look at the clock.
 *
 * @param set
 *   Bit k: w->view->taps[k].
 * @param why
 *   BF_TAP_DROP: the reason.
 */
static inline void
bf_tap_frames(struct bf_worker *w, uint32_t set, enum bf_tap_dir dir, uint16_t slot, uint8_t why,
	struct rte_mbuf *const *pkts, uint16_t n)
{
	for (; set != 0; set &= set - 1) {
		struct bf_tap *tap = w->view->taps[__builtin_ctz(set)];
		struct bf_tap_worker *tw = &tap->worker[w->idx];
		struct bf_tap_record head = {.slot = slot, .dir = (uint8_t)dir, .why = why};

		if (!(tap->dirs & dir))
			continue;
		if (likely(tw->left >= n)) {
			tw->left -= n;
			continue;
		}
		head.member = bf_tap_member_of(w, dir, slot, (enum bf_drop)why);
		if (unlikely(tap->members != 0) && !bf_tap_is_of(tap, head.member))
			continue;
		bf_tap_take(tap, tw, head, pkts, n);
	}
}

#endif

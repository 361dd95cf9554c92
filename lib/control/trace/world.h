/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A worker's world once more, for frames that are not there: what is done in it is what the worker would do, and
 * nothing of it is seen outside.
 *
 * Theory of operation.  The fast room changes nothing but what its worker and its view refer to.  So a worker of our
 * own with a copy of the view runs the same functions, the very same machine code, and whatever they write to is
 * ours:
 *
 *   counters, cache, mailboxes,  of our own, empty
 *   last words
 *   the FDB                      one bucket with the entries of the frame's addresses: a worker asks for no others
 *   echoes, meters, storm        copies: a frame is judged by what is left of a rate now, and takes nothing of it
 *   budgets, a guard's room
 *   guests' rings                rings of ours with buffers of ours that have what the front end negotiated
 *   members                      one port number that no device has, whose driver is a function here
 *   mirrors                      copies without room for what they copy: they count it
 *   taps                         none: no capture sees a frame that was not there
 *
 * What is only read stays as it is: filters, flood domains, groups, carriers.  The fast room pays nothing for any
 * of this: it has no seam for it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_TRACE_WORLD_H
#define BF_CONTROL_TRACE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/frame.h"
#include "dataplane/guard.h"
#include "dataplane/hand.h"
#include "dataplane/last_words.h"
#include "dataplane/lcore.h"
#include "dataplane/mirror.h"
#include "dataplane/storm.h"

/** What is copied. */
struct bf_trace_ground {
	const struct bf_view *view;
	const struct bf_worker *worker; /* whose turn it would be */
	const bool *is_full; /* by slot: guests whose receive rings have no room now; NULL: none */
};

struct bf_trace_rings;

struct bf_trace_world {
	struct bf_trace_ground ground;
	struct bf_worker w;
	struct bf_view view;
	struct bf_counters counters;
	struct bf_fdb fdb;
	struct bf_fdb_bucket bucket;
	struct bf_echoes echoes;
	struct bf_guard guard;
	struct bf_storm_limits storms;
	struct bf_mirror mirrors[BF_MAX_MIRRORS];
	struct bf_last_words last_words;
	struct bf_qos_counts counts[BF_MAX_WORKERS];
	struct bf_cache_set cache[BF_CACHE_SETS];
	struct bf_stage stages[BF_MAX_PORTS];
	struct bf_hand hands[BF_MAX_BONDS * BF_MAX_MEMBERS];
	uint16_t n_guests, guest[BF_MAX_GUESTS]; /* slots */
	struct bf_guest_dp *dp; /* of each, like the next */
	struct bf_qos *qos;
	struct bf_trace_rings *rings;
	struct rte_mempool *pool;
	uint16_t port; /* of all members: no device has it */
	struct rte_eth_fp_ops *driver_was;
};

/**
 * Make one. @p worker, and what the view refers to, must stay while it is there.
 *
 * @return NULL with errno ENOMEM, or ENOSPC: every port number has a device.
 */
struct bf_trace_world *bf_trace_world_create(
	const struct bf_trace_ground *ground, struct bf_err *err);
void bf_trace_world_destroy(struct bf_trace_world *t);

/** Everything as it is now, for a frame from port @p in; what the frame before has left is gone. */
void bf_trace_world_renew(struct bf_trace_world *t, uint16_t in);

/** A frame of it; @p len is at most BF_LONGEST_FRAME. @return NULL: there is no buffer */
struct rte_mbuf *bf_trace_world_frame(struct bf_trace_world *t, const uint8_t *data, uint32_t len);

/** Let its FDB know what the real one knows of a frame's stations. */
void bf_trace_world_know(struct bf_trace_world *t, const struct bf_frame *f);

/** What the frame has made the worker say: messages to control by kind, and frames for it. */
struct bf_trace_said {
	uint32_t mails[8]; /* by enum bf_mail_kind */
	uint32_t slow, lldp, for_us, reports, answers;
	uint32_t copies[BF_MAX_MIRRORS]; /* by mirrors, as numbered in the view */
};
void bf_trace_world_hear(struct bf_trace_world *t, struct bf_trace_said *said);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Stations that come, move, or say that they have moved while their guest has just said the contrary:
 * what workers post about them.
 *
 * A claim is an announcement on the bond that workers refused, because the guest had announced the
 * same station a moment before.  When the guest's word does not count any more it is judged again: a
 * guest that has not been heard since has lost the station.  So one announcement and then silence is
 * enough to move.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SWITCH_MOVES_H
#define BF_CONTROL_SWITCH_MOVES_H

#include <stdint.h>

#include "base/log.h"

#define BF_CLAIMS_MAX 256 /* the oldest makes room */

struct bf_claim {
	uint64_t key; /* BF_FDB_KEY */
	uint32_t heard_s;
};

struct bf_moves {
	uint32_t n_claims;
	uint32_t judged_s;
	struct bf_claim claims[BF_CLAIMS_MAX]; /* in the order they came */
	struct bf_log_limit limit; /* of the event mac_move */
	struct bf_log_limit own_limit; /* of the event guest_has_bond_address */
};

struct bf_bridge;
struct bf_mail;

/** A worker heard a station, BF_MAIL_STATION or BF_MAIL_CLAIM. */
void bf_moves_hear(struct bf_bridge *br, const struct bf_mail *m);

/** Judge the claims whose time has come; the clock is the FDB's. A task's tick. */
uint64_t bf_moves_tick(void *bridge, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Stations that move back and forth, and the loops that this is a sign of.
 *
 * Theory of operation.  A station moves when its machine does, or its guest is started elsewhere: now and then.
 * One that moves BF_DAMP_MOVES times within BF_DAMP_WINDOW_S is in two places, or its frames go round. It is
 * then held for BF_DAMP_HOLD_S: between two ports, at the one where it was before the first of these moves; among more, where
 * it is then.  Several stations held
 * between the same two ports are a loop: something connects the two.
 *
 * The table is of a fixed size; where it is full, the station that has been in it for longest makes room.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SWITCH_DAMPING_H
#define BF_CONTROL_SWITCH_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

#define BF_DAMP_MOVES 10
#define BF_DAMP_WINDOW_S 10
#define BF_DAMP_HOLD_S 10
#define BF_DAMP_STATIONS 256
#define BF_DAMP_LOOP 3 /* stations between two ports */

struct bf_restless {
	uint64_t key; /* BF_FDB_KEY; 0 none */
	uint32_t since_s, moves;
	uint32_t held_until_s; /* 0: it may move */
	uint16_t home; /* where it was */
	uint16_t other; /* whereto it moved last */
};

struct bf_damping {
	struct bf_restless at[BF_DAMP_STATIONS];
	uint64_t refused; /* moves */
	struct bf_log_limit told, loop_told;
};

struct bf_bridge;

/**
 * A station is about to move.
 *
 * @return
 *   false: it stays where it is; an event has said why.
 */
bool bf_damping_permits(struct bf_bridge *br, uint64_t key, uint16_t from, uint16_t to);

/** How many stations are held now. */
uint32_t bf_damping_held(const struct bf_damping *d, uint32_t now_s);

/** Forget what is known of a port, whose stations are forgotten; -1: of all. */
void bf_damping_forget(struct bf_damping *d, int port);

#endif

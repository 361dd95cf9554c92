/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does the switch have the LAG that the mode expects?  Guests' own frames that come back over the bond show
 * that it has none.  Then the operator is told, and stations of guests that are heard on the bond are doubted.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_LAG_CHECK_H
#define BF_CONTROL_BOND_LAG_CHECK_H

#include <stdint.h>

struct bf_bridge;
struct bf_uplink;

struct bf_lag_check {
	uint64_t next_ms, quiet_until_ms; /* when the count starts over; of the event */
	uint64_t doubt_until_ms;
	uint64_t echoes_seen, echoes_told; /* at the last look, when the count started */
};

/** Look at the workers' counters of echoes, in every turn. */
void bf_lag_check_tick(struct bf_bridge *br, struct bf_uplink *u, uint64_t now_ms);

/** Another mode is in force: whoever set it may have mended the switch. */
void bf_lag_check_trust(struct bf_lag_check *c);

#endif

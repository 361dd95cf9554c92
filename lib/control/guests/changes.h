/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What control does when a guest's front end has changed something: take it over into the next view, and
 * say so.
 *
 * A front end may connect, stop and enable rings as often as it likes.  Each look at a guest costs a
 * view, which every worker takes up, and perhaps a walk through the FDB.  So a guest that has been quiet is
 * looked at once it is noticed, and some times in a row; one that goes on changing, every 50 ms, as it is
 * then.  What is said of it is limited likewise.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_CHANGES_H
#define BF_CONTROL_GUESTS_CHANGES_H

#include <stdint.h>

#include "control/loop/notify.h"

struct bf_bridge;
struct bf_guest;

/** When guests are looked at again: that wait for it, and all of them in case a notice was lost. */
struct bf_guest_changes {
	uint64_t next_change_ms, next_look_ms;
};

/** A notice of the guest came, of either kind. */
void bf_guest_changes_note(
	struct bf_bridge *br, struct bf_guest *g, enum bf_notice_kind kind, uint64_t now_ms);

/** Look at guests whose time has come. A task's tick. */
uint64_t bf_guest_changes_tick(void *bridge, uint64_t now_ms);

#endif

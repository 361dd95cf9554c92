/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * uplink_down=link: a guest's link goes down while the bond of its switch carries nothing.
 *
 * See docs/decisions/017-uplink-loss.md for the way it is told.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_GUESTS_UPLINK_LOSS_H
#define BF_CONTROL_GUESTS_UPLINK_LOSS_H

#include <stdbool.h>
#include <stdint.h>

/** A guest's part; zero: its link is its own. */
struct bf_uplink_loss {
	bool held; /* its link is held down: its front end is not connected to */
	bool fresh; /* since the port was opened: the bond has not carried yet */
	bool told; /* that it is held since then */
	uint64_t since_ms; /* the bond is as it is, and the link otherwise; 0: they agree */
};

/** The switch's part; zero is empty. */
struct bf_uplink_watch {
	uint32_t carrying; /* bonds that carry, by number */
	uint64_t next_ms; /* when to look at the guests again, whatever the bonds do */
};

struct bf_bridge;

/** A task of the loop: hold links, and let them go. */
uint64_t bf_uplink_loss_tick(void *bridge, uint64_t now_ms);

#endif

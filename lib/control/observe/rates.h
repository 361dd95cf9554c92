/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rates over the last second and the last ten, kept by the program: whoever looks, and however
 * often, sees the same.
 *
 * Once a second the counters of every port that is in use are noted; a rate is the difference of
 * two notes. So a rate is up to a second old, and there is none in a port's first second.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_OBSERVE_RATES_H
#define BF_CONTROL_OBSERVE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "control/observe/stats.h"
#include "dataplane/sizes.h"

#define BF_RATE_SHORT_S 1
#define BF_RATE_LONG_S 10
#define BF_RATE_NOTES (BF_RATE_LONG_S + 1)

/** Notes of one port, the newest at (n - 1) % BF_RATE_NOTES. */
struct bf_rate_notes {
	uint32_t n;
	struct bf_rate note[BF_RATE_NOTES];
};

/** What a device had counted at the last look. */
struct bf_device_figures {
	bool known; /* it answered */
	uint64_t ipackets, opackets, ierrors, oerrors, imissed;
};

/** Frames for a guest, up to the last look. */
struct bf_ring_figures {
	uint64_t full; /* that found its ring full */
	uint64_t all;
};

/** Zero is empty. */
struct bf_rate_windows {
	uint64_t next_ms;
	struct bf_device_figures figures[256]; /* by ethdev port */
	struct bf_ring_figures rings[BF_MAX_PORTS]; /* by slot */
	struct bf_rate_notes *ports[BF_MAX_PORTS]; /* by slot, NULL: never noted */
	struct bf_rate_notes *devices[256]; /* by ethdev port */
};

/** Note one port's counters. @return 0 or -ENOMEM. */
int bf_rates_note(struct bf_rate_notes **port, const struct bf_rate *now);

/**
 * Rates over about so many seconds up to the newest note; over as many as there are notes for.
 * All zero where there are not two notes, or the counters were cleared in between.
 */
void bf_rates_of(const struct bf_rate_notes *port, unsigned int seconds, struct bf_rates *r);

/** Forget a port. */
void bf_rates_forget(struct bf_rate_notes **port);
void bf_rates_fini(struct bf_rate_windows *w);

struct bf_bridge;
/** Note every port, once a second. A task's tick. */
uint64_t bf_rates_tick(void *bridge, uint64_t now_ms);
/** The next guest in a slot has no notes yet. A task's hook. */
void bf_rates_slot_gone(void *bridge, uint16_t slot);

/** Frames per second that a switch port is sent at present: since the last note, or in the window. */
double bf_rates_tx_now(const struct bf_bridge *br, uint16_t slot);

#endif

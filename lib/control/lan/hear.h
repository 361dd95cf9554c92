/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What workers have heard of stations comes to those who keep it: where a station is to the FDB, its
 * addresses to the neighbours, IGMP and MLD to the groups; and is forgotten with the port.
 *
 * Workers post without waking control, so their mailboxes are looked at in every turn; soon again while
 * there is mail.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_HEAR_H
#define BF_CONTROL_LAN_HEAR_H

#include <stdint.h>

struct bf_bridge;

struct bf_hearing {
	uint32_t aged_s; /* when addresses and groups were last looked at */
	uint64_t busy_until_ms; /* mail came: look again soon */
};

/** Take the workers' mail and reports, and forget what is too old. A task's tick. */
uint64_t bf_hear_tick(void *bridge, uint64_t now_ms);

/**
 * Forget what is known of a port, and what is on its way from workers, who do not have it any more
 * or have it on another switch.
 */
void bf_hear_out(struct bf_bridge *br, uint16_t slot);
/** The same as a task's hook. */
void bf_hear_slot_gone(void *bridge, uint16_t slot);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the bonds need in every turn of the control loop.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_UPLINKS_H
#define BF_CONTROL_UPLINKS_H

#include <stdint.h>

struct bf_bridge;

/** A member's link has changed. @param port its ethdev port; of a member that has left: nothing happens */
void bf_uplinks_on_link(struct bf_bridge *br, uint16_t port, uint64_t now_ms);

/* Ticks of tasks (loop/task.h). */

/** LACPDUs, markers and answers to probes that workers took from the bonds for us. */
uint64_t bf_uplinks_frames_tick(void *bridge, uint64_t now_ms);
/** Links, LACP, probes; a mode change that found no partner is undone. */
uint64_t bf_uplinks_tick(void *bridge, uint64_t now_ms);
/** Members whose devices were not there: those that have appeared are taken in. */
uint64_t bf_uplinks_missing_tick(void *bridge, uint64_t now_ms);

#endif

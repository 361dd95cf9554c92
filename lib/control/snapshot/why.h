/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Why a port, or two stations, do not work: the causes that were found, the most likely first.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_WHY_H
#define BF_CONTROL_SNAPSHOT_WHY_H

#include <stdint.h>

#include "control/snapshot/snapshot.h"

/** One row: what was asked, with its causes. */
extern const struct bf_table bf_why_table;

#define BF_WHY_ANY_VLAN (-1)

/** @param member as in struct bf_suspect @param name of the port, as it was asked for */
void bf_why_port(
	struct bf_bridge *br, uint16_t slot, int member, const char *name, struct bf_snapshot *s);

/** Why frames of one station do not reach another. @param vlan 0 to 4094, or BF_WHY_ANY_VLAN */
void bf_why_stations(struct bf_bridge *br, const uint8_t from[6], const uint8_t to[6], int vlan,
	struct bf_snapshot *s);

#endif

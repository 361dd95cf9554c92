/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Network devices of the host, as rows: for `show devices`, and for advice that is given without a switch.
 *
 * Threads: ctx control, or the only thread there is.
 */
#ifndef BF_CONTROL_SNAPSHOT_DEVICES_H
#define BF_CONTROL_SNAPSHOT_DEVICES_H

#include "base/table.h"

struct bf_bridge;
struct bf_nics;

/** Of a struct bf_rows that bf_gather_devices() fills. */
extern const struct bf_table bf_devices_table;

/**
 * Devices that could be members, and members.
 *
 * @param br
 *   NULL: there is no switch, so nothing is a member.
 */
void bf_gather_devices(const struct bf_bridge *br, const struct bf_nics *nics, struct bf_rows *rows,
	struct bf_snapshot *s);

#endif

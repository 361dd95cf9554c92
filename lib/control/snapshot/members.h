/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Members of a bond, as rows: for the bond that they are shown with, and by themselves.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_MEMBERS_H
#define BF_CONTROL_SNAPSHOT_MEMBERS_H

#include "base/table.h"

struct bf_bridge;
struct bf_uplink;

/** Of a struct bf_rows that bf_gather_members() fills. */
extern const struct bf_table bf_members_table;

/** The members of a bond, then those without a device. */
void bf_gather_members(const struct bf_bridge *br, const struct bf_uplink *u, struct bf_rows *rows,
	struct bf_snapshot *s);

/** Members (by number) that frames go by now: in active-backup the first usable one only. */
uint32_t bf_members_sending(const struct bf_bridge *br, const struct bf_uplink *u);

#endif

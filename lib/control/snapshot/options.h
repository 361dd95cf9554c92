/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys of bonds, members and guests with their values, as the configuration has them.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_OPTIONS_H
#define BF_CONTROL_SNAPSHOT_OPTIONS_H

#include "base/table.h"
#include "control/config/config.h"

struct bf_option_row {
	const char *key, *value;
};

extern const struct bf_field bf_option_fields[2];

/** Of a struct bf_rows that bf_gather_options() fills. */
extern const struct bf_table bf_options_table;

/** None unless the snapshot is in full. @param of the bond's, member's or guest's configuration that the keys are of */
void bf_gather_options(const struct bf_key *keys, unsigned int n_keys, const void *of,
	struct bf_rows *rows, struct bf_snapshot *s);
/** The keys that were set, but for the name; of a table with profiles. */
void bf_gather_own_options(
	const struct bf_key_table *t, const void *of, struct bf_rows *rows, struct bf_snapshot *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a change of configuration does: the lines that go and come, and whom it cuts off.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_CONFIG_DIFF_H
#define BF_APP_CONFIG_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "console/out.h"
#include "control/bridge.h"

struct bf_diff {
	unsigned int removed, added; /* lines */
};

/**
 * Write the lines of @p from that are not in @p to ("- ..."), then those that are new ("+ ..."),
 * as `show running-config` prints them.
 *
 * ctx control. JSON: the members "removed" and "added" of the object that is open.
 *
 * @param d
 *   Gets the numbers of lines.
 * @return
 *   0 or -ENOMEM.
 */
int bf_diff_show(const struct bf_config *from, const struct bf_config *to, struct bf_diff *d,
	struct bf_out *out);

/**
 * Does going to @p to remove the bond, or cut a guest that is connected?
 *
 * @param text
 *   Gets it in words: `remove bond bond0, cut guest vm1`.
 */
bool bf_diff_cuts(const struct bf_bridge *br, const struct bf_config *to, char *text, size_t size);

#endif

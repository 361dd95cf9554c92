/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The console's commands, one group per topic, each in the file of its name.
 *
 * Threads: constants.
 */
#ifndef BF_APP_COMMANDS_COMMANDS_H
#define BF_APP_COMMANDS_COMMANDS_H

#include "console/command.h"

struct bf_guest;
struct bf_port_counters;

extern const struct bf_cmd_group bf_group_run, bf_group_port, bf_group_queues, bf_group_bond,
	bf_group_paths, bf_group_guest, bf_group_fdb, bf_group_stats, bf_group_metrics,
	bf_group_capture, bf_group_keys;

/** All of them, in the order of the help; NULL ends. */
extern const struct bf_cmd_group *const bf_app_groups[];

/** Who is at a guest's other end, what was agreed upon, where its rings stand: text and JSON. */
void bf_show_connection(
	const struct bf_guest *g, const struct bf_port_counters *c, struct bf_out *out);

/** On which memory node everything is. */
bf_cmd_fn bf_show_numa;

/** For the end of a line: ", node 1"; "" where it is not known, or there is only one. @return @p buf. */
#define BF_SHOW_NODE_SIZE 24
const char *bf_show_node(int node, char buf[BF_SHOW_NODE_SIZE]);

#endif

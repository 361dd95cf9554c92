/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The console's commands, one array per topic.
 *
 * Threads: constants.
 */
#ifndef BF_APP_COMMANDS_COMMANDS_H
#define BF_APP_COMMANDS_COMMANDS_H

#include "console/command.h"

struct bf_guest;
struct bf_port_counters;

#define BF_APP_N_GROUPS 10
#define BF_N_CMDS_RUN 15
#define BF_N_CMDS_PORT 8
#define BF_N_CMDS_QUEUES 2
#define BF_N_CMDS_BOND 17
#define BF_N_CMDS_PATHS 6
#define BF_N_CMDS_GUEST 4
#define BF_N_CMDS_FDB 5
#define BF_N_CMDS_STATS 8
#define BF_N_CMDS_METRICS 1
#define BF_N_CMDS_CAPTURE 4

extern const struct bf_cmd_group bf_app_groups[BF_APP_N_GROUPS];
extern const struct bf_cmd bf_cmds_run[BF_N_CMDS_RUN];
extern const struct bf_cmd bf_cmds_port[BF_N_CMDS_PORT];
extern const struct bf_cmd bf_cmds_queues[BF_N_CMDS_QUEUES];
extern const struct bf_cmd bf_cmds_bond[BF_N_CMDS_BOND];
extern const struct bf_cmd bf_cmds_paths[BF_N_CMDS_PATHS];
extern const struct bf_cmd bf_cmds_guest[BF_N_CMDS_GUEST];
extern const struct bf_cmd bf_cmds_fdb[BF_N_CMDS_FDB];
extern const struct bf_cmd bf_cmds_stats[BF_N_CMDS_STATS];
extern const struct bf_cmd bf_cmds_metrics[BF_N_CMDS_METRICS];
extern const struct bf_cmd bf_cmds_capture[BF_N_CMDS_CAPTURE];

/** Who is at a guest's other end, what was agreed upon, where its rings stand: text and JSON. */
void bf_show_connection(
	const struct bf_guest *g, const struct bf_port_counters *c, struct bf_out *out);

/** On which memory node everything is. */
bf_cmd_fn bf_show_numa;

/** For the end of a line: ", node 1"; "" where it is not known, or there is only one. @return @p buf. */
#define BF_SHOW_NODE_SIZE 24
const char *bf_show_node(int node, char buf[BF_SHOW_NODE_SIZE]);

#endif

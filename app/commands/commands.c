/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The console's commands by topic, in the order of the help; each topic is one file.
 *
 * Threads: constants.
 */
#include "commands/commands.h"
#include "app.h"

const struct bf_cmd_group bf_app_groups[BF_APP_N_GROUPS] = {
	{"control", "Forwarding, configuration, this session", bf_cmds_run, BF_N_CMDS_RUN},
	{"ports", "Ports: information, statistics, links", bf_cmds_port, BF_N_CMDS_PORT},
	{"queues", "Queues: descriptors and thresholds", bf_cmds_queues, BF_N_CMDS_QUEUES},
	{"bonding", "The bond, its members, LACP", bf_cmds_bond, BF_N_CMDS_BOND},
	{"paths", "Which member carries what, failovers", bf_cmds_paths, BF_N_CMDS_PATHS},
	{"guests", "Guest ports (vhost-user)", bf_cmds_guest, BF_N_CMDS_GUEST},
	{"fdb", "Stations and where they are", bf_cmds_fdb, BF_N_CMDS_FDB},
	{"display", "Forwarding figures, drops, lcores, events, memory", bf_cmds_stats,
		BF_N_CMDS_STATS},
	{"metrics", "Figures for Prometheus", bf_cmds_metrics, BF_N_CMDS_METRICS},
	{"capture", "Frames into files", bf_cmds_capture, BF_N_CMDS_CAPTURE},
};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The console's commands by topic, in the order of the help; each topic is one file.
 *
 * Threads: constants.
 */
#include "commands/commands.h"
#include "app.h"

const struct bf_cmd_group *const bf_app_groups[] = {&bf_group_run, &bf_group_history,
	&bf_group_port, &bf_group_queues, &bf_group_bond, &bf_group_paths, &bf_group_guest,
	&bf_group_reconnect, &bf_group_groups, &bf_group_fdb, &bf_group_multicast, &bf_group_lldp,
	&bf_group_topology, &bf_group_qos, &bf_group_stats, &bf_group_metrics, &bf_group_snmp,
	&bf_group_capture, &bf_group_mirror, &bf_group_exporter, &bf_group_trace, &bf_group_flight,
	&bf_group_names, &bf_group_keys, &bf_group_words, &bf_group_session, NULL};

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The topology: which port of which switch, which member, which bond, which guests behind it.
 *
 * The rows are public: pages and drawings are made from them by hand (app/commands/topology.c).  Texts live as long as
 * the snapshot.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_TOPOLOGY_H
#define BF_CONTROL_SNAPSHOT_TOPOLOGY_H

#include "control/config/config.h"
#include "control/snapshot/snapshot.h"

struct bf_topology_member {
	char name[BF_DEV_NAME_MAX], speed[32];
	const char *driver;
	uint32_t speed_mbps;
	bool missing, link, sending;
	struct bf_rows neighbors; /* struct bf_lldp_row */
};

struct bf_topology_guest {
	char name[BF_NAME_MAX], group[BF_NAME_MAX], front_end[32], workers[64];
	const char *socket, *mode, *vlan;
	uint32_t id, stations, queue_pairs, mtu;
	int pid;
	bool up, has_front_end;
};

struct bf_topology_bond {
	char name[BF_NAME_MAX], mac[18];
	const char *mode, *vlans;
	uint32_t mtu, native, stations;
	bool open, up;
	struct bf_rows members; /* struct bf_topology_member */
	struct bf_rows guests; /* struct bf_topology_guest */
};

struct bf_topology_worker {
	uint32_t lcore;
	int socket;
};

/** The one row of bf_show_topology. */
struct bf_topology {
	char host[65];
	const char *bondfwd, *dpdk, *profile, *command_line;
	struct bf_rows workers; /* struct bf_topology_worker */
	struct bf_rows bonds; /* struct bf_topology_bond */
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Neighbours of members by LLDP, as rows: by themselves, with their member, and in the topology.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_LLDP_H
#define BF_CONTROL_SNAPSHOT_LLDP_H

#include "base/table.h"
#include "control/config/config.h"

struct bf_uplink;

/** Texts live as long as the snapshot. */
struct bf_lldp_row {
	char bond[BF_NAME_MAX], member[BF_DEV_NAME_MAX];
	const char *system, *chassis_id, *chassis_id_kind, *port_id, *port_id_kind;
	const char *system_name, *system_description, *port_description, *management_address;
	char capabilities[96], lag[16];
	uint16_t ttl_s, pvid, mau_type, max_frame;
	uint32_t heard_s, known_s, expires_s, lag_port;
	bool counts; /* of the neighbours of a member, it is the one */
	bool has_pvid, has_lag, lag_capable, lag_enabled, has_phy, autonegotiation;
	struct bf_rows vlans;
};

/** Of rows that bf_gather_lldp() fills: a line each below a member. */
extern const struct bf_table bf_lldp_of_member_table;

/** All that is known of each. */
extern const struct bf_table bf_lldp_detail_table;

/** The neighbours of a member, the one that counts first. */
void bf_gather_lldp(
	const struct bf_uplink *u, const char *member, struct bf_rows *rows, struct bf_snapshot *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Drop reasons as causes: which of them are worth a word, and the command that helps.
 *
 * Threads: ctx control.
 */
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "control/bridge.h"
#include "control/observe/recent.h"
#include "control/observe/stats.h"
#include "control/snapshot/causes.h"

/* PORT is the port's name. What a reason means says drop_list.h; a cause has the reason's name. */
struct drop_cause {
	enum bf_drop why;
	const char *command;
};

/*
 * Not here: what is normal (LACPDUs, backups' frames, echoes, addresses that no bridge forwards), and what
 * is a state that causes.c looks for (a guest that is not connected, forwarding that is stopped).
 */
static const struct drop_cause drop_causes[] = {
	{BF_DROP_BAD_SOURCE, "capture start PORT file FILE"},
	{BF_DROP_GUEST_BUFFER, "show guest PORT"},
	{BF_DROP_BAD_OFFLOAD, "set guest PORT offload=off"},
	{BF_DROP_GUEST_RING_DISABLED, "show guest PORT"},
	{BF_DROP_FORGED_MAC, "show guest PORT guards"},
	{BF_DROP_MAC_LIMIT, "show guest PORT guards"},
	{BF_DROP_CONTROL_PROTOCOL, "set guest PORT protocol_guard=off"},
	{BF_DROP_ROGUE_DHCP, "set guest PORT dhcp_guard=off"},
	{BF_DROP_ROGUE_ROUTER, "set guest PORT ra_guard=off"},
	{BF_DROP_FORGED_IP, "show guest PORT guards"},
	{BF_DROP_FORGED_NEIGHBOR, "show guest PORT guards"},
	{BF_DROP_HIDDEN_HEADER, "show guest PORT guards"},
	{BF_DROP_RATE_IN, "show qos guest PORT"},
	{BF_DROP_FILTER_IN, "show qos guest PORT"},
	{BF_DROP_VLAN_TAG, "show running-config"},
	{BF_DROP_SAME_PORT, "show fdb port PORT"},
	{BF_DROP_LOCKED_PORT, "set guest PORT locked=off"},
	{BF_DROP_ISOLATED, "set guest PORT isolated=off"},
	{BF_DROP_FLOOD_SEGMENTS, "show fdb"},
	{BF_DROP_STORM_BROADCAST, "show storms"},
	{BF_DROP_STORM_MULTICAST, "show storms"},
	{BF_DROP_STORM_UNKNOWN, "show storms"},
	{BF_DROP_NO_DESTINATION, "show port summary all"},
	{BF_DROP_GUEST_RING_UNREAD, "show guest PORT"},
	{BF_DROP_GUEST_RING_FULL, "show guest PORT"},
	{BF_DROP_RING_BUSY, "show guest PORT"},
	{BF_DROP_VLAN_OUT, "show running-config"},
	{BF_DROP_FILTER_OUT, "show qos guest PORT"},
	{BF_DROP_RATE_OUT, "show qos guest PORT"},
	{BF_DROP_NOT_ITS_IP, "show guest PORT guards"},
	{BF_DROP_OVERSIZE, "show port info PORT"},
	{BF_DROP_NO_MEMORY, "show mempool"},
	{BF_DROP_NO_MEMBER, "show bonding config PORT"},
	{BF_DROP_MEMBER_FULL, "show bonding balance PORT"},
};

/* The command with the port's name in it. */
static void
command_for(const char *command, const char *port, char *buf, size_t size)
{
	const char *at = strstr(command, "PORT");

	if (at == NULL)
		snprintf(buf, size, "%s", command);
	else
		snprintf(buf, size, "%.*s%s%s", (int)(at - command), command, port, at + 4);
}

static const struct drop_cause *
drop_cause_find(enum bf_drop why)
{
	for (unsigned int i = 0; i < RTE_DIM(drop_causes); i++)
		if (drop_causes[i].why == why)
			return &drop_causes[i];
	return NULL;
}

void
bf_cause_of_drop(const struct bf_suspect *p, enum bf_drop why, uint64_t frames)
{
	const struct drop_cause *c = drop_cause_find(why);
	const char *port = bf_bridge_port_name(p->br, p->slot);
	const struct bf_drop_info *info = &bf_drop_info[why];
	char command[128];

	command_for(c != NULL ? c->command : "show drops", port, command, sizeof(command));
	if (frames == 0)
		bf_cause_add(p, 0, info->name, port, command, "Such a frame is dropped %s %s: %s.",
			bf_drop_is_in(why) ? "at" : "on the way to", port, info->help);
	else
		bf_cause_add(p, frames, info->name, port, command,
			"%llu frames %s %s were dropped in the last %u s: %s.",
			(unsigned long long)frames, bf_drop_is_in(why) ? "from" : "to", port,
			bf_recent_s(p->br, p->now_ms), info->help);
}

void
bf_causes_of_drops(const struct bf_suspect *p)
{
	for (unsigned int i = 0; i < RTE_DIM(drop_causes); i++) {
		uint64_t frames = bf_recent_drops(p->br, p->slot, drop_causes[i].why);

		if (frames > 0)
			bf_cause_of_drop(p, drop_causes[i].why, frames);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Multicast groups that guests' stations have joined, as their IGMP (RFC 1112, 2236, 3376) and MLD
 * (RFC 2710, 3810) reports say, so that the reports can be repeated on another path: a switch that
 * snoops sends a group to where it heard a report.
 *
 * A membership leaves with its station's word, with its port, and when it has not been reported for
 * BF_GROUPS_AGE_S: a querier asks twice in that time, and a switch forgets it then.
 *
 * Bounded per port; the oldest makes room.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_GROUPS_H
#define BF_CONTROL_LAN_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/mailbox.h"

#define BF_GROUPS_MAX 4096
#define BF_GROUPS_PER_PORT 256
#define BF_GROUPS_AGE_S 260 /* RFC 3376 8.4 */
#define BF_GROUP_SOURCES 4 /* of a membership that names its sources; the others are left out */
#define BF_GROUP_FRAME_MAX 192 /* bytes of a report that bf_group_report() writes */

struct bf_group {
	uint64_t key; /* station, BF_FDB_KEY */
	uint16_t port; /* switch port slot */
	bool v6;
	uint8_t version; /* of the protocol in which it was reported: IGMP 1 to 3, MLD 1 or 2 */
	bool only_sources; /* INCLUDE: from these; else from all */
	uint8_t n_sources;
	uint8_t group[16];
	uint8_t reporter[16]; /* IP source address of the report */
	uint8_t sources[BF_GROUP_SOURCES][16];
};

struct bf_groups;

struct bf_groups *bf_groups_create(void);
void bf_groups_destroy(struct bf_groups *g);

/** Read a report, or a guest's word that it has left. Any bytes are allowed. */
void bf_groups_hear(struct bf_groups *g, const struct bf_report *r, uint32_t now_s);

/** The membership now; @p station, port and group of @p want count. @return NULL when it has ended. */
const struct bf_group *bf_groups_find(const struct bf_groups *g, const struct bf_group *want);

/** Forget what was not reported for BF_GROUPS_AGE_S. */
void bf_groups_age(struct bf_groups *g, uint32_t now_s);
/** Forget a port's groups. */
void bf_groups_flush_port(struct bf_groups *g, uint16_t port);

/** Visit all; the callback must not change the table. */
typedef void bf_group_cb(void *arg, const struct bf_group *group);
void bf_groups_visit(const struct bf_groups *g, bf_group_cb *cb, void *arg);

/** Where a report of this membership is sent to. */
void bf_group_mac(const struct bf_group *group, uint8_t mac[6]);

/**
 * Write the report of one membership, from the IP header on: a current-state record where the
 * protocol has them.
 *
 * @param p
 *   BF_GROUP_FRAME_MAX bytes, zero.
 * @return
 *   Length.
 */
uint32_t bf_group_report(const struct bf_group *group, uint8_t *p);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an IGMP or MLD message says: IGMP 1 to 3 (RFC 1112, 2236, 3376), MLD 1 and 2 (RFC 2710, 3810), and by
 * what else a multicast router is known: PIM hello (RFC 7761 4.9), router advertisement (RFC 4286).
 *
 * Threads: any (pure functions).
 */
#ifndef BF_CONTROL_LAN_IGMP_H
#define BF_CONTROL_LAN_IGMP_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/mailbox.h"

enum bf_igmp_kind {
	BF_IGMP_NOTHING, /* that we know */
	BF_IGMP_QUERY,
	BF_IGMP_JOIN, /* a report of one group */
	BF_IGMP_LEAVE, /* of one group */
	BF_IGMP_RECORDS, /* a report of IGMPv3 or MLDv2: bf_igmp_visit() */
	BF_IGMP_ROUTER, /* a multicast router says that it is there */
};

/** Types of a record (RFC 3376 4.2.12). */
enum bf_igmp_record {
	BF_IGMP_IS_INCLUDE = 1,
	BF_IGMP_IS_EXCLUDE,
	BF_IGMP_TO_INCLUDE,
	BF_IGMP_TO_EXCLUDE,
	BF_IGMP_ALLOW_NEW,
	BF_IGMP_BLOCK_OLD
};

/** Types of messages. */
enum {
	BF_IGMP_TYPE_QUERY = 0x11,
	BF_IGMP_TYPE_REPORT1 = 0x12,
	BF_IGMP_TYPE_REPORT2 = 0x16,
	BF_IGMP_TYPE_LEAVE = 0x17,
	BF_IGMP_TYPE_REPORT3 = 0x22,
	BF_IGMP_TYPE_ROUTER = 0x30,
	BF_MLD_TYPE_QUERY = 130,
	BF_MLD_TYPE_REPORT1 = 131,
	BF_MLD_TYPE_DONE = 132,
	BF_MLD_TYPE_REPORT2 = 143,
	BF_MLD_TYPE_ROUTER = 151
};

struct bf_igmp {
	enum bf_igmp_kind kind;
	bool v6; /* MLD */
	uint8_t version; /* of the protocol */
	uint8_t from[16]; /* IP source address */
	uint8_t group[16]; /* of a query: zero for a general one */
	uint32_t answer_ms; /* of a query: hosts answer within this time */
	bool quiet; /* a query that ends no membership: it says so, or asks for sources (RFC 3376 4.1) */
	uint32_t len; /* of `message` */
	const uint8_t *message; /* IGMP or ICMPv6, in the report */
};

/** Read a message. Any bytes are allowed. @return kind, which is in @p m as well. */
enum bf_igmp_kind bf_igmp_read(const struct bf_report *r, struct bf_igmp *m);

/**
 * Is a message what its RFC asks for?  Its checksum, if all of it is there; that MLD stays on its link (RFC 3810
 * 6), and that it is for a group.
 */
bool bf_igmp_is_sound(const struct bf_report *r, const struct bf_igmp *m);

/** A record of a report. @param sources n addresses of 4 or 16 bytes */
typedef void bf_igmp_record_cb(void *arg, enum bf_igmp_record type, const uint8_t *group,
	const uint8_t *sources, unsigned int n);

/** Visit the records of BF_IGMP_RECORDS, as far as they are whole. */
void bf_igmp_visit(const struct bf_igmp *m, bf_igmp_record_cb *cb, void *arg);

/** Is it from an address that is somebody's? Switches that only ask use none (RFC 4541 2.1.1). */
bool bf_igmp_has_source(const struct bf_igmp *m);

#endif

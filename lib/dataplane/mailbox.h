/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DOOR OUT: small values from workers to control.  Posting never waits and never wakes anybody;
 * a full mailbox loses the post and the poster counts it.
 *
 * Threads: one worker posts into its own mailbox, control takes.
 */
#ifndef BF_DATAPLANE_MAILBOX_H
#define BF_DATAPLANE_MAILBOX_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

enum bf_mail_kind {
	BF_MAIL_STATION, /* station `key` was heard behind `port` */
	BF_MAIL_IPV4, /* it uses the IPv4 address addr[0..3] */
	BF_MAIL_IPV6, /* it uses the IPv6 address addr[0..15] */
	BF_MAIL_ROUTER, /* it has said of itself that it is a router, or is none: `router` */
	BF_MAIL_LEASE, /* a DHCP server gives the guest addr, of which `bits` count (IPv4: 128 more), for `seconds` */
	BF_MAIL_CLAIM, /* it announced itself on the bond while its guest's own announcement counts */
};

struct bf_mail {
	uint64_t key; /* BF_FDB_KEY */
	uint16_t port;
	uint8_t kind;
	union {
		uint8_t announced; /* STATION: by an announcement of its own */
		uint8_t router; /* ROUTER */
		uint8_t bits; /* LEASE */
	};
	uint32_t seconds; /* LEASE */
	uint8_t addr[16];
};
static_assert(sizeof(struct bf_mail) == 32, "half a line");

#define BF_MAILBOX_SIZE 1024

static inline bool
bf_mailbox_post(struct rte_ring *r, struct bf_mail *m)
{
	return rte_ring_sp_enqueue_elem(r, m, sizeof(*m)) == 0;
}

static inline unsigned int
bf_mailbox_take(struct rte_ring *r, struct bf_mail *m, unsigned int n)
{
	return rte_ring_sc_dequeue_burst_elem(r, m, sizeof(*m), n, NULL);
}

/** An IGMP or MLD message, from its IP header on; control reads it. A host may name all its groups in one. */
#define BF_REPORT_BYTES 1508
struct bf_report {
	uint64_t key; /* BF_FDB_KEY */
	uint16_t port;
	uint16_t len; /* of bytes[]; the rest of a longer one is left out */
	uint8_t bytes[BF_REPORT_BYTES];
};
#define BF_REPORTS_SIZE 128
#define BF_REPORTS_KEPT 32 /* places that reports leave for the queries, which are few */

static inline bool
bf_reports_take(struct rte_ring *r, struct bf_report *report)
{
	return rte_ring_sc_dequeue_elem(r, report, sizeof(*report)) == 0;
}

#endif

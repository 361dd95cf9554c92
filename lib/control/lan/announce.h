/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Announcements: after the path of guests' frames has changed, the switches hear every guest
 * station on its new path: a RARP (RFC 903 request, as QEMU sends after migration), and for each
 * address that was snooped a gratuitous ARP (RFC 5227 announcement) or an unsolicited neighbour
 * advertisement (RFC 4861 section 7.2.6) with the router flag as the station last said it; where
 * that is not known there is none.  Paced, repeated num_peer_notif times.  What switches that snoop
 * must hear again, the IGMP and MLD reports of what the stations have joined, is repeated
 * resend_igmp times.
 *
 * What has become untrue before it is sent is left out.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_ANNOUNCE_H
#define BF_CONTROL_LAN_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond/bond.h"
#include "control/lan/groups.h"
#include "control/lan/neighbors.h"
#include "control/switch/fdb.h"

#define BF_ANNOUNCE_PER_MS 64 /* frames handed to worker 0 per millisecond at most */

struct bf_announcer;

/** The tables that it announces from, which outlive it. @return NULL when out of memory. */
struct bf_announcer *bf_announcer_create(
	const struct bf_fdb *f, const struct bf_neighbors *n, const struct bf_groups *g);
void bf_announcer_destroy(struct bf_announcer *a);

struct bf_announce_how {
	uint32_t rounds; /* of stations and addresses; 0: none */
	uint32_t delay_ms; /* between these */
	uint32_t report_rounds; /* of IGMP and MLD reports, 200 ms apart; 0: none */
	const bool *buckets; /* 256 flags: only stations of these buckets; NULL for all */
};

/** Begin, with what is known now; a run in progress starts over. */
void bf_announce_start(struct bf_announcer *a, const struct bf_bond *b,
	const struct bf_announce_how *how, uint64_t now_ms);

/** Send what is due. @return absolute ms of the next call, UINT64_MAX when nothing waits. */
uint64_t bf_announce_tick(struct bf_announcer *a, struct bf_bond *b, uint64_t now_ms);

bool bf_announce_is_done(const struct bf_announcer *a);

/** Frames sent in the last or present run. */
uint64_t bf_announce_sent(const struct bf_announcer *a);

/** Frames sent for the stations of a switch port since its guest was added. */
uint64_t bf_announce_sent_for(const struct bf_announcer *a, uint16_t slot);
/** Count them from zero: the slot's guest is gone. */
void bf_announce_slot_gone(struct bf_announcer *a, uint16_t slot);

#endif

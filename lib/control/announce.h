/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Announcements: after the path of guests' frames has changed, the switches hear every guest
 * station on its new path: a RARP (RFC 903 request, as QEMU sends after migration), and for each
 * address that was snooped a gratuitous ARP (RFC 5227 announcement) or an unsolicited neighbour
 * advertisement (RFC 4861 section 7.2.6).  Paced, repeated num_peer_notif times.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_ANNOUNCE_H
#define BF_CONTROL_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond.h"
#include "control/fdb.h"
#include "control/neighbors.h"

#define BF_ANNOUNCE_PER_MS 64 /* frames handed to worker 0 per millisecond at most */

struct bf_announcer;

struct bf_announcer *bf_announcer_create(void);
void bf_announcer_destroy(struct bf_announcer *a);

/**
 * Begin, with the stations known now; a run in progress starts over.
 *
 * @param rounds
 *   num_peer_notif; 0 does nothing.
 * @param buckets
 *   256 flags: only stations of these buckets; NULL for all.
 */
void bf_announce_start(struct bf_announcer *a, const struct bf_bond *b, const struct bf_fdb *f,
	const struct bf_neighbors *n, uint32_t rounds, uint32_t delay_ms, const bool *buckets,
	uint64_t now_ms);

/** Send what is due. @return absolute ms of the next call, UINT64_MAX when nothing waits. */
uint64_t bf_announce_tick(struct bf_announcer *a, struct bf_bond *b, uint64_t now_ms);

bool bf_announce_is_done(const struct bf_announcer *a);

/** Frames sent in the last or present run. */
uint64_t bf_announce_sent(const struct bf_announcer *a);

/** Frames sent for the stations of a switch port, ever. */
uint64_t bf_announce_sent_for(const struct bf_announcer *a, uint16_t slot);

#endif

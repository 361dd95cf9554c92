/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of guests that a switch without a LAG sends back by another member.
 *
 * Theory of operation.  What a guest sends to all, and the first frame of a new station, is noted as
 * a digest of its bytes with the time.  A frame of the bond with the same bytes a moment later is
 * that frame: it is dropped before it teaches anything, whether or not control has heard of the
 * station, and whichever worker sees it.  A station that has moved is not mistaken for an echo, as
 * its frames are other ones, or come later: what hosts repeat, they repeat after a second.
 *
 * The table is shared by all workers; a word is a digest and a time, so that plain loads and stores
 * are enough.  A digest that is pushed out early lets one echo through.
 *
 * Threads: worker; control notes its announcements.
 */
#ifndef BF_DATAPLANE_ECHO_H
#define BF_DATAPLANE_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#define BF_ECHO_MS 750 /* a frame comes back within this time */
#define BF_ECHO_BUCKETS 1024
#define BF_ECHO_WAYS 8

/** What the switch at the other end sends back to us. */
enum bf_echo {
	BF_ECHO_NONE, /* nothing: it has a LAG, and has said so by LACP; or there is one member */
	BF_ECHO_MAYBE, /* it should have a LAG: nothing, or all if it has none */
	BF_ECHO_ALL, /* what goes to all comes back on the other members */
};

struct bf_echoes {
	uint64_t seed;
	uint64_t window_tsc; /* BF_ECHO_MS */
	uint64_t word[BF_ECHO_BUCKETS][BF_ECHO_WAYS] __rte_cache_aligned; /* 0: free */
};

/** Note a frame of a guest, or in its name, that goes to a bond (its number). ctx worker or control. */
void bf_echo_note(struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m);

/** The same for each of a burst, or for every so many of it. */
void bf_echo_note_burst(struct bf_echoes *e, unsigned int bond, struct rte_mbuf *const *pkts,
	uint16_t n, uint16_t every);

/** Is this frame of a bond one that a guest sent to it just now? ctx worker. */
bool bf_echo_has(const struct bf_echoes *e, unsigned int bond, const struct rte_mbuf *m);

#endif

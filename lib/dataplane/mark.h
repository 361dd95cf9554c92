/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Marks: the class of a frame in its 802.1Q tag (PCP) and in its IP header (DSCP, RFC 2474).
 *
 * Only the outermost tag is read and written, and the IP header behind at most BF_TAGS_MAX tags. ECN and the tag's
 * drop eligibility stay as they are. An IPv4 header's checksum is changed as RFC 1624 says.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_MARK_H
#define BF_DATAPLANE_MARK_H

#include "dataplane/lcore.h"
#include "dataplane/qos.h"

/** The rule MARK of a port: see rules.h.  All frames pass. */
uint16_t bf_mark_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);
uint16_t bf_mark_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

/** Write a class into a frame, and count it at a port it is sent to. */
void bf_mark_late(struct bf_worker *w, uint16_t slot, struct rte_mbuf *m, unsigned int class);

/** The bytes that marks change: of the second tag where the first one is taken off before. */
struct bf_mark_was {
	uint16_t tag_at, inner_at, ip_at; /* 0: there is none */
	uint16_t tci, inner_tci, word, sum;
	bool v6;
};

/** Keep what marks may change in a frame that others get as well; and put it back. */
void bf_mark_save(const struct rte_mbuf *m, struct bf_mark_was *was);
void bf_mark_restore(struct rte_mbuf *m, const struct bf_mark_was *was);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Filters of a guest: rules in the words of tcpdump that let frames pass, drop them, give them a class, or count them.
 *
 * Theory of operation.  A filter sees a frame as the guest sends or gets it: of an access port without its tag.
 * Its programs are run by pcap_offline_filter() of libpcap (docs/decisions/012-capture-filters.md says why), for each frame until
 * a rule decides.  Nothing is remembered from one frame to the next.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_FILTER_H
#define BF_DATAPLANE_FILTER_H

#include "dataplane/lcore.h"
#include "dataplane/qos.h"

/** The rule FILTER of a port: see rules.h. */
uint16_t bf_filter_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);
uint16_t bf_filter_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

/**
 * What a filter does with a frame.
 *
 * @param rule
 *   Gets the number of the rule that decides; those before it that count are set in @p counted, a bit each.
 *   BF_FILTER_RULES: none does.
 */
enum bf_filter_action bf_filter_judge(
	const struct bf_filter *f, const struct rte_mbuf *m, unsigned int *rule, uint32_t *counted);

#endif

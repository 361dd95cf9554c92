/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The rule of a port that has a VLAN of its own: its untagged frames have the VLAN's tag in the switch, see
 * vlan.h.
 *
 * Threads: worker.
 */
#ifndef BF_DATAPLANE_TAGS_H
#define BF_DATAPLANE_TAGS_H

#include "dataplane/lcore.h"

/** Frames from the port: see rules.h. */
uint16_t bf_tags_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

/** Frames to the port, which are changed. */
uint16_t bf_tags_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

/** Give a frame back the tag that bf_tags_out() took away. */
void bf_tags_restore(struct rte_mbuf *m);

#endif

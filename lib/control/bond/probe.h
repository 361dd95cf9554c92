/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Probes: a member whose link is up may be dead all the same.  Targets are asked over each member
 * that carries, by ARP or neighbour solicitation (Linux bonding's arp_ip_target and
 * ns_ip6_target); a member that hears nothing for missed_max intervals is taken out of service.
 *
 * In active-backup only the active member can hear answers, so a member that failed is tried again
 * when the others fail too, or after ten of its periods.  In the other modes the network chooses the
 * member of an answer, and a LAG may choose one for all: there the members ask one after the other,
 * an answer on any member is for the one that asked last, and a member is taken out only while
 * another one is answered.  With validate off any frame that a member receives counts for it.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_PROBE_H
#define BF_CONTROL_BOND_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond/bond.h"

/** A frame to the bond's own address; frees @p m. */
void bf_probe_receive(struct bf_bond *b, struct rte_mbuf *m, uint64_t now_ms);

/** Before the bond's config becomes @p cfg: round trips of other targets are forgotten. */
void bf_probe_retarget(struct bf_bond *b, const struct bf_bond_config *cfg);

/** Ask, and judge. @return absolute ms of the next call, UINT64_MAX without probes. */
uint64_t bf_probe_tick(struct bf_bond *b, uint64_t now_ms);

#endif

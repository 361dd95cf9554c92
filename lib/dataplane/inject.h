/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of control on their way to worker 0: what the mbuf says beside the frame.
 *
 *   port            the member's ethdev port, or BF_INJECT_NONE: nothing to send
 *   hash.usr        0: send once; else repeat this LACPDU every hash.usr ms until a newer one comes
 *   vlan_tci_outer  the bond's number and the member's: BF_INJECT_TO()
 *
 * BF_INJECT_NONE ends the repetition for a member.
 *
 * Threads: control fills, worker 0 takes.
 */
#ifndef BF_DATAPLANE_INJECT_H
#define BF_DATAPLANE_INJECT_H

#include "dataplane/lcore.h"

#define BF_INJECT_NONE 0xffff

#define BF_INJECT_TO(bond, member) ((uint16_t)((bond)*BF_MAX_MEMBERS + (member)))
#define BF_INJECT_BOND(m) ((m)->vlan_tci_outer / BF_MAX_MEMBERS % BF_MAX_BONDS)
#define BF_INJECT_MEMBER(m) ((m)->vlan_tci_outer % BF_MAX_MEMBERS)

/* A repetition waits this much longer than the period: normally control is in time. */
#define BF_KEEPALIVE_GRACE_MS 60

/** Put control's frames on the wire and repeat LACPDUs that are due. */
void bf_inject_service(struct bf_worker *w, uint64_t now_tsc);

/** Try again what full rings refused, before data fills them again; when bf_worker.owes. */
void bf_inject_owed(struct bf_worker *w, uint64_t now_tsc);

/** Forget the LACPDUs kept for repetition, and the frames that wait. */
void bf_inject_forget(struct bf_worker *w);

#endif

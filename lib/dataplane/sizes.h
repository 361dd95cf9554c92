/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sizes that the fast room and the slow room agree on.
 *
 * Threads: constants.
 */
#ifndef BF_DATAPLANE_SIZES_H
#define BF_DATAPLANE_SIZES_H

#define BF_MAX_PORTS 1024 /* switch ports: slot 0 is the bond, the others are guests */
#define BF_BOND_SLOT 0
#define BF_MAX_MEMBERS 16 /* members of the bond */
#define BF_MAX_WORKERS 64 /* worker lcores */
#define BF_MAX_QP 8 /* queue pairs of a guest that are used */
#define BF_BURST 32 /* frames per burst */
#define BF_MAX_FLOODS 1 /* flood domains */
#define BF_MAX_TAPS 16 /* samples and captures at the same time */
#define BF_BUCKETS 256 /* flow hash buckets of the bond */
#define BF_MIN_MTU 68
#define BF_MAX_MTU 9216
#define BF_MIN_FRAME 60 /* shortest frame on a wire, without FCS */
#define BF_FRAME_OVERHEAD 22 /* Ethernet header and two VLAN tags: frame length - MTU */
#define BF_LONGEST_FRAME (BF_MAX_MTU + BF_FRAME_OVERHEAD) /* on any wire */

#endif

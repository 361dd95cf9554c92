/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mirrors: copies of a port's frames for a guest.
 *
 * Theory of operation.  The rule MIRROR of a port stands last, so it sees frames as they are in the switch: with the
 * tag of their VLAN, and without those that guards, filters and rates refuse.  It copies what a mirror asks for and
 * puts the copies aside; the worker hands them out between the ports' turns (mirrored.h), because a rule runs while
 * frames are on their way to a port.  A guest that gets copies has no such rule: what is mirrored is not mirrored
 * again.  Copies are counted as such in the ledger.
 *
 * Threads: control makes a mirror, and frees it a grace period after a view that does not name it; workers count.
 */
#ifndef BF_DATAPLANE_MIRROR_H
#define BF_DATAPLANE_MIRROR_H

#include "dataplane/lcore.h"

#define BF_MIRROR_VLAN_ANY UINT32_MAX

/**
 * In ol_flags of a copy that a mirror made; control claims the bit.  Whoever takes a frame from a pool writes all flags,
 * so that it does not outlive the copy: other fields of a frame that a card's driver receives stay as they were.
 */
#define BF_FLAG_OF_COPY RTE_MBUF_F_LAST_FREE

struct bpf_program;

/** What one worker did for a mirror; control: r. */
struct bf_mirror_counts {
	uint64_t frames, bytes; /* copies that were handed to the guest's port */
	uint64_t lost; /* frames for which no buffer or no room was left */
} __rte_cache_aligned;

struct bf_mirror {
	uint8_t dirs;
	uint32_t vlan; /* 0: untagged frames */
	const struct bpf_program
		*program; /* of libpcap: validated, and without loops; NULL: every frame */
	struct bf_mirror_counts count[BF_MAX_WORKERS];
};

/** Frames from the port: see rules.h. */
uint16_t bf_mirror_in(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);
/** Frames to the port. */
uint16_t bf_mirror_out(struct bf_worker *w, uint16_t slot, struct rte_mbuf **pkts, uint16_t n);

#endif

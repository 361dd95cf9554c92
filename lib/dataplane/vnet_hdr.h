/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The virtio network header (virtio 1.2, 5.1.6): what a guest asks by it, and what it is told by it.
 *
 * What a guest writes is checked against the frame behind it before anything follows from it: the frame has been
 * copied, and the header with it, so neither changes any more.
 *
 * Threads: worker (pure functions).
 */
#ifndef BF_DATAPLANE_VNET_HDR_H
#define BF_DATAPLANE_VNET_HDR_H

#include <string.h>

#include "dataplane/form.h"
#include "dataplane/offload.h"
#include "dataplane/packet.h"

/**
 * Put what the header asks for into the frame's state (offload.h).  Checksums of protocols that are not
 * known are completed at once.
 *
 * @param m
 *   The frame, in fresh mbufs.
 * @param header
 *   BF_FORM_HEADER bytes, ours.
 * @param may
 *   BF_OFFLOAD_*: what was negotiated.
 * @return
 *   false: it asks for what was not negotiated or cannot be (5.1.6.2.1), and is to be dropped.
 */
bool bf_vnet_hdr_check(struct rte_mbuf *m, const uint8_t *header, uint32_t may);

/** The same; the usual header asks for nothing. */
static inline bool
bf_vnet_hdr_take(struct rte_mbuf *m, const uint8_t *header, uint32_t may)
{
	return likely((header[0] & 1) == 0 && header[1] == 0) || bf_vnet_hdr_check(m, header, may);
}

/**
 * Make the header of a frame from its state.
 *
 * @param takes
 *   BF_OFFLOAD_*: what the guest takes.
 * @return
 *   false: the frame's state is not among it.
 */
bool bf_vnet_hdr_make(const struct rte_mbuf *m, uint32_t takes, uint8_t *header);

/** Does somebody who takes this much take the frame as it is? */
static inline bool
bf_offload_is_taken(const struct rte_mbuf *m, uint32_t takes)
{
	uint32_t needs = 0;

	if (bf_is_partial(m))
		needs |= BF_OFFLOAD_CSUM;
	if (bf_is_superframe(m)) {
		const uint8_t *tcp = rte_pktmbuf_mtod_offset(
			m, const uint8_t *, (uint32_t)m->l2_len + m->l3_len);

		needs |= m->ol_flags & RTE_MBUF_F_TX_IPV4 ? BF_OFFLOAD_TSO4 : BF_OFFLOAD_TSO6;
		needs |= tcp[BF_TCP_FLAGS_AT] & BF_TCP_CWR ? BF_OFFLOAD_ECN : 0;
	}
	return (needs & ~takes) == 0;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Internet checksums in software (RFC 1071), over frames in whatever segments.
 *
 * Threads: worker (pure functions).
 */
#ifndef BF_DATAPLANE_CHECKSUM_H
#define BF_DATAPLANE_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/**
 * The sum of @p len bytes from @p from on, not complemented, folded to 16 bits; as in memory.
 * They are in the frame.
 */
uint16_t bf_sum(const struct rte_mbuf *m, uint32_t from, uint32_t len);

/** The same of @p len bytes that lie together. */
uint16_t bf_sum_of(const uint8_t *p, uint32_t len);

/**
 * The sum of a pseudo header: TCP, UDP or ICMPv6 over what stands at @p ip.
 *
 * @param proto  6 TCP, 17 UDP, 58 ICMPv6
 * @param len    of the segment with its header
 */
uint16_t bf_sum_pseudo(const uint8_t *ip, bool v6, uint8_t proto, uint32_t len);

/** Two sums together. */
static inline uint16_t
bf_sum_add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)(sum + (sum >> 16));
}

/** Compute an IPv4 header's checksum and put it there. */
void bf_checksum_ip(uint8_t *ip);

/**
 * Complete a checksum of which the pseudo header's sum is there, and write it into the frame, whose
 * first segment has it.
 *
 * @param start, offset
 *   Where what is summed begins, and where from there the checksum stands; start + offset + 2 is in the
 *   first segment.
 * @param udp
 *   A checksum that is 0 is written as 0xffff (RFC 768).
 */
void bf_checksum_put(struct rte_mbuf *m, uint32_t start, uint32_t offset, bool udp);

/** Complete the checksum of a frame whose state is partial and clear the state.  Not of a superframe. */
void bf_checksum_complete(struct rte_mbuf *m);

/**
 * Is the TCP checksum of a frame right?
 *
 * @param l4   where the TCP header begins
 * @param len  of the TCP segment with its header: what follows in the frame is padding
 */
bool bf_checksum_is_good(
	const struct rte_mbuf *m, const uint8_t *ip, bool v6, uint32_t l4, uint32_t len);

#endif

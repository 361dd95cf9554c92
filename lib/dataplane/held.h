/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which IP addresses guests hold, as a set of bits that control writes and workers read: so that of
 * the ARP and neighbour discovery of a LAN only what may concern a guest is handed up.  A bit may
 * stand for several addresses; control looks at what comes.
 *
 * Threads: control writes, worker reads.
 */
#ifndef BF_DATAPLANE_HELD_H
#define BF_DATAPLANE_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BF_HELD_BITS 32768u

struct bf_held {
	uint64_t seed;
	uint64_t bits[BF_HELD_BITS / 64];
};

/** The bit of an address: 4 bytes, or 16 when @p v6. */
static inline uint32_t
bf_held_bit(const struct bf_held *h, const uint8_t *addr, bool v6, uint16_t vlan)
{
	uint64_t lo = 0, hi = 0, x;

	memcpy(&lo, addr, v6 ? 8 : 4);
	if (v6)
		memcpy(&hi, addr + 8, 8);
	x = (h->seed ^ lo ^ (uint64_t)vlan << 48) * 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 29 ^ hi) * 0xd6e8feb86659fd93ULL;
	return (uint32_t)(x >> 40) % BF_HELD_BITS;
}

/** May a guest hold this address? ctx worker. */
static inline bool
bf_held_has(const struct bf_held *h, const uint8_t *addr, bool v6, uint16_t vlan)
{
	uint32_t bit = bf_held_bit(h, addr, v6, vlan);

	return __atomic_load_n(&h->bits[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1;
}

static inline void
bf_held_set(struct bf_held *h, uint32_t bit, bool on)
{
	uint64_t mask = 1ULL << bit % 64, was = h->bits[bit / 64];

	__atomic_store_n(&h->bits[bit / 64], on ? was | mask : was & ~mask, __ATOMIC_RELAXED);
}

#endif

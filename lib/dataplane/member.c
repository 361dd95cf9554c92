/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which member of a bond may carry frames, and which one a frame's flow has.
 *
 * A member without carrier is left at the next burst: its bit is read here.  Its buckets stand
 * in on the others by the same rule that control uses for the next view, so that no flow moves twice.
 *
 * Threads: any.
 */
#include "dataplane/member.h"

#include <rte_branch_prediction.h>

uint32_t
bf_bond_usable(const struct bf_bond_view *b)
{
	uint32_t bits = __atomic_load_n(&b->carrier->bits, __ATOMIC_RELAXED);
	uint32_t usable = b->eligible & (bits | b->hold);

	return likely(usable != 0) ? usable : b->standby & bits;
}

uint8_t
bf_bond_first(const struct bf_bond_view *b, uint32_t usable)
{
	uint8_t i = 0;

	while (!(usable & 1u << b->order[i]))
		i++;
	return b->order[i];
}

uint8_t
bf_bond_stand_in(uint32_t usable, uint8_t bucket)
{
	uint32_t n = (uint32_t)__builtin_popcount(usable);

	/* A multiplicative step keeps a dead member's neighbouring buckets apart. */
	for (uint32_t skip = (bucket * 167u >> 3) % n; skip > 0; skip--)
		usable &= usable - 1;
	return (uint8_t)__builtin_ctz(usable);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The choice of a member: for workers who send, and for control who says where they would.
 *
 * Threads: any.
 */
#ifndef BF_DATAPLANE_MEMBER_H
#define BF_DATAPLANE_MEMBER_H

#include <rte_branch_prediction.h>

#include "dataplane/view.h"

/** Members that may send now, one bit each. */
uint32_t bf_bond_usable(const struct bf_bond_view *b);

/** active-backup: the first usable one; @p usable must not be empty. */
uint8_t bf_bond_first(const struct bf_bond_view *b, uint32_t usable);

/** The member that a usable set leaves for a bucket whose own member is not usable. */
uint8_t bf_bond_stand_in(uint32_t usable, uint8_t bucket);

/** The member that carries a bucket's flows: its own one, or its stand-in; @p usable is not empty. */
static inline uint8_t
bf_bond_of_bucket(uint32_t usable, uint8_t own, uint8_t bucket)
{
	return likely(usable >> own & 1) ? own : bf_bond_stand_in(usable, bucket);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The steps of bf_bridge_apply(): guests and bonds made equal to a config. Each changes only what differs.
 * A step that fails leaves what it has done; bf_bridge_apply() goes back by the same steps.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_APPLY_H
#define BF_CONTROL_APPLY_H

#include <stdint.h>

#include "base/err.h"
#include "control/config/config.h"

struct bf_bridge;
struct bf_uplink;

/**
 * Where the wanted guests are now: one that is opened again keeps its slot, and so its id.
 *
 * @param slots
 *   Room for BF_MAX_GUESTS; 0: the guest has none yet.
 */
void bf_apply_note_slots(const struct bf_bridge *br, const struct bf_config *want, uint16_t *slots);

/** Remove guests that are not wanted, or must be opened again. @return 0, or -errno with the reason. */
int bf_apply_remove_guests(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/** Add and change guests; after bf_apply_remove_guests(). @return 0, or -errno with the reason. */
int bf_apply_guests(struct bf_bridge *br, const struct bf_config *want, const uint16_t *slots,
	struct bf_err *err);

/**
 * Guests that stay come to the switches and VLANs that are wanted for them: all in one view, before bonds are opened.
 *
 * @return 0, or -ENOMEM with the reason.
 */
int bf_apply_place_guests(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/** All bonds. @return 0, or -errno with the reason. */
int bf_apply_bonds(struct bf_bridge *br, const struct bf_config *want, struct bf_err *err);

/** One bond. @param want NULL: it is closed. @return 0, or -errno with the reason. */
int bf_apply_bond(struct bf_bridge *br, struct bf_uplink *u, const struct bf_bond_config *want,
	struct bf_err *err);

#endif

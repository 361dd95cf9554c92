/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Members that are configured and whose devices are not there: a dead card after a reboot, a device
 * that comes up late. The bond works without them; they are looked for and taken in when they appear.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_MISSING_H
#define BF_CONTROL_BOND_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/observe/events.h"

struct bf_missing_member {
	char name[BF_DEV_NAME_MAX];
	char devargs[1024]; /* how the EAL was asked for it; "": nobody asked, it may be attached */
	bool unfit; /* it is there, but the bond cannot take it */
	uint64_t next_ms; /* the next attempt */
	uint32_t wait_ms; /* and the time to the one after it */
};

struct bf_missing {
	uint32_t n;
	struct bf_missing_member members[BF_MAX_MEMBERS];
};

/**
 * What the kernel knows of a member whose name is a PCI address.
 *
 * @param leaf
 *   "", or a file that the device's folder must have: "/driver".
 * @return
 *   1 it shows that, 0 it does not, -1 the name is no PCI address.
 */
int bf_missing_pci(const char *name, const char *leaf);

/** Is there a device of this name? */
bool bf_missing_is_there(const char *name);

/** The bond of @p want with the members that can be had now. */
void bf_missing_leave_out(const struct bf_missing *m, const struct bf_bond_config *want,
	struct bf_bond_config *present);

/**
 * Take up which members of @p want are missing; those that are so newly become an event.
 *
 * @param want
 *   NULL: there is no bond.
 */
void bf_missing_note(struct bf_missing *m, const struct bf_bond_config *want,
	struct bf_events *events, uint64_t now_ms);

/**
 * Look for the devices, asking the EAL for those whose time has come.
 *
 * @return
 *   A member whose device is there now; NULL: none.
 */
struct bf_missing_member *bf_missing_look(struct bf_missing *m, uint64_t now_ms);

/** When bf_missing_look() has something to do next, absolute ms; UINT64_MAX: no member is missing. */
uint64_t bf_missing_due(const struct bf_missing *m);

/** The bond could not take it: leave it out, and try again much later. */
void bf_missing_refuse(struct bf_missing_member *member, uint64_t now_ms);

/** Is a member missing? */
bool bf_missing_has(const struct bf_missing *m, const char *name);

#endif

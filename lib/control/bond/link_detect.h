/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a member's link is watched: by the driver's interrupt, by asking, or by both until one of
 * them is known to fail.
 *
 * Once a device runs with its link interrupt, rte_eth_link_get_nowait() gives what the interrupt
 * last stored and does not ask the driver.  A driver whose interrupt never comes then says the
 * same for ever.  Only the bonding PMD asks such a driver past that: it calls link_update() of the
 * members that it polls (bond_ethdev_slave_link_status_change_monitor(), rte_eth_bond_pmd.c), and
 * it polls those that had no RTE_ETH_DEV_INTR_LSC when they were added.  So the flag is taken away
 * while the PMD adds a member, and given back where the interrupt is wanted too.  See
 * docs/decisions/010-link-detect.md.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_LINK_DETECT_H
#define BF_CONTROL_BOND_LINK_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "control/bond/bond.h"

/** What this member's link_detect means with its driver: one without an interrupt is polled. */
enum bf_link_detect bf_link_detect_of(
	const struct bf_bond_config *cfg, const struct bf_member_config *member, bool interrupt);

/**
 * Let the PMD see the device as it is to be watched; before the member is added to the bond.
 * Sets what the member knows about its driver. @p i: index, its port is set.
 */
void bf_link_detect_prepare(struct bf_bond *b, unsigned int i);

/**
 * After the PMD has added it: the device may be started with its interrupt.  A bond that runs already
 * has started it without: see bf_bond_start_anew().
 */
void bf_link_detect_finish(struct bf_bond *b, unsigned int i);

/** The device as it was, after the member has left the PMD. */
void bf_link_detect_restore(struct bf_bond *b, unsigned int i);

/** Its driver says @p up now. */
void bf_link_detect_note(struct bf_bond *b, unsigned int i, bool up, uint64_t now_ms);

/** The link is switched by us: what changes now says nothing about the interrupt. */
void bf_link_detect_switched(struct bf_bond *b, unsigned int i, uint64_t now_ms);

/** Is the member asked every mon_period? */
bool bf_link_detect_asks(const struct bf_member *m);

/** Tell the PMD how often to ask: after members or mon_period changed. */
void bf_link_detect_set_period(const struct bf_bond *b);

/** The bond has a new device, which asks nobody until it is started. */
void bf_link_detect_create(const struct bf_bond *b);

/** That device was started just now. */
void bf_link_detect_started(const struct bf_bond *b);

/**
 * Have the PMD not ask for some seconds, or until the period is set: it asks from another thread, and a device
 * that is being stopped and started does not bear that (net_e1000_em does not start any more). Waits until
 * the PMD has asked for the last time where it is about to.
 */
void bf_link_detect_pause(const struct bf_bond *b);

/** Can the PMD not have asked since bf_link_detect_pause()? For the tests. */
bool bf_link_detect_is_quiet(const struct bf_bond *b);

/**
 * A change that was seen by asking, and no interrupt since: from now on the member is asked.
 *
 * @return ms of the clock at which to call again, UINT64_MAX: not needed.
 */
uint64_t bf_link_detect_judge(struct bf_bond *b, unsigned int i, uint64_t now_ms);

#endif

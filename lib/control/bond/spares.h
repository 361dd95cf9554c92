/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Spares: members that stand by until another is lost, and 802.3ad's max_links.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_BOND_SPARES_H
#define BF_CONTROL_BOND_SPARES_H

#include "control/bond/bond.h"

/** Are spares kept out of the tables here? LACP and active-backup have ways of their own. */
bool bf_spares_rule(const struct bf_bond *b);

/** 802.3ad: members in service at most, as max_links and the spares say; 0: no limit. */
uint32_t bf_spares_limit(const struct bf_bond *b);

/** Before the active member is chosen: one spare for each member that is lost, the same ones as before. */
void bf_spares_decide(struct bf_bond *b, uint64_t now_ms);
/** After it: what is shown of spares in the modes that have ways of their own. */
void bf_spares_note(struct bf_bond *b);

/** In a copy of a bond: what if member @p i were lost? */
void bf_spares_without(struct bf_bond *copy, unsigned int i);

/** Are the frames of a member that stands by taken? */
bool bf_spares_collects(const struct bf_bond *b, unsigned int i, uint64_t now_ms);
/** When that ends, absolute ms; UINT64_MAX: not by itself. */
uint64_t bf_spares_due(const struct bf_bond *b, unsigned int i, uint64_t now_ms);

/** Members that stand by, by number. */
uint32_t bf_spares_standby(const struct bf_bond *b);
/** Spares that serve, by number. */
uint32_t bf_spares_serving(const struct bf_bond *b);
/** Names of the members that are lost, for people: those without a device are counted. */
void bf_spares_lost(const struct bf_bond *b, char *buf, size_t size);
/** What a member that stands by waits for: "standby (spare)", "standby (max_links)". */
const char *bf_spares_word(const struct bf_bond *b, unsigned int i);

#endif

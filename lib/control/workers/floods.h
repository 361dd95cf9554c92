/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which ports a flooded frame reaches: a domain for each switch, and where its ports differ in the VLANs that
 * they take, one for each set of VLANs that go to the same ports.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_WORKERS_FLOODS_H
#define BF_CONTROL_WORKERS_FLOODS_H

#include <stddef.h>

#include "base/vlan_set.h"
#include "control/config/config.h"
#include "dataplane/view.h"

#define BF_FLOOD_VLANS 8192 /* 802.1Q, then 802.1ad */

struct bf_bridge;

/** What a port has to do with VLANs; `some` points into the config. */
struct bf_port_vlan bf_floods_guest_vlan(const struct bf_guest_config *g);
struct bf_port_vlan bf_floods_bond_vlan(const struct bf_bond_config *b);

/** Does a port take the VLAN of a station's key? */
bool bf_floods_takes(const struct bf_port_vlan *v, uint64_t key);

/** Add a guest to a domain of a view whose rules are there. */
void bf_flood_add(const struct bf_view *v, struct bf_flood *f, uint16_t slot);

/** Is there a VLAN, or are there untagged frames, that both ports take? */
bool bf_floods_meet(const struct bf_port_vlan *a, const struct bf_port_vlan *b);

/** Do two configs take the same VLANs in the same way? */
bool bf_floods_same_vlan(const struct bf_port_vlan *a, const struct bf_port_vlan *b);

/** The VLANs of all ports, sorted by where they go. */
struct bf_flood_plan;

/**
 * @param plan
 *   Set to NULL where all ports take all VLANs; else bf_floods_free() frees it.
 * @return
 *   0, or -ENOMEM.
 */
int bf_floods_plan(const struct bf_bridge *br, struct bf_flood_plan **plan);
void bf_floods_free(struct bf_flood_plan *plan);

/** Bytes of a view that bf_floods_fill() needs. @param plan NULL: for the domains of the switches */
size_t bf_floods_size(const struct bf_flood_plan *plan, unsigned int n_guests);

/**
 * Fill the flood domains and the ports' VLANs into a view whose ports and rules are there.
 *
 * @param room
 *   bf_floods_size() bytes that live as long as the view, aligned to 8.
 * @param whole
 *   false: there is room for the domains of the switches only; VLANs that ports do not share are flooded
 *   nowhere.
 */
void bf_floods_fill(const struct bf_bridge *br, const struct bf_flood_plan *plan, struct bf_view *v,
	void *room, bool whole);

#endif

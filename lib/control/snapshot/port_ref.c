/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports by id and name.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/port_ref.h"

#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "control/bridge.h"

static bool
guest_at(struct bf_bridge *br, unsigned int id, struct bf_port_ref *r)
{
	unsigned int slot = id - BF_GUEST_ID_BASE + 1;

	if (slot > BF_MAX_GUESTS || br->guests[slot] == NULL)
		return false;
	r->kind = BF_REF_GUEST;
	r->guest = br->guests[slot];
	snprintf(r->name, sizeof(r->name), "%s", r->guest->cfg.name);
	return true;
}

bool
bf_port_ref_at(struct bf_bridge *br, unsigned int id, struct bf_port_ref *r)
{
	int owner;

	memset(r, 0, sizeof(*r));
	r->id = id;
	if (id >= BF_GUEST_ID_BASE)
		return guest_at(br, id, r);
	if (!rte_eth_dev_is_valid_port((uint16_t)id))
		return false;
	r->ethdev = (uint16_t)id;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++) {
		struct bf_bond *b = &br->up[k].bond;

		if (!b->open || b->port != id)
			continue;
		r->kind = BF_REF_BOND;
		r->up = &br->up[k];
		snprintf(r->name, sizeof(r->name), "%s", b->cfg.name);
		return true;
	}
	r->kind = BF_REF_ETHDEV;
	owner = bf_bond_device_owner((uint16_t)id);
	r->up = owner < 0 ? NULL : &br->up[owner];
	return rte_eth_dev_get_name_by_port((uint16_t)id, r->name) == 0;
}

bool
bf_port_ref_is(const struct bf_port_ref *r, const char *text)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", r->id);
	return strcmp(r->name, text) == 0 || strcmp(id, text) == 0;
}

const char *
bf_port_ref_kind(const struct bf_port_ref *r)
{
	static const char *const names[] = {
		[BF_REF_ETHDEV] = "ethdev", [BF_REF_BOND] = "bond", [BF_REF_GUEST] = "guest"};

	return names[r->kind];
}

uint16_t
bf_ref_slot(const struct bf_port_ref *r)
{
	return r->kind == BF_REF_GUEST ? r->guest->slot : bf_bond_slot(r->up->bond.number);
}

bool
bf_port_is_shown(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot))
		return slot == BF_BOND_SLOT || br->up[bf_bond_of_slot(slot)].name[0] != '\0';
	return br->guests[slot] != NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports as the console names them: an id or a name.  Ports of DPDK have their own ids, guests follow.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_SNAPSHOT_PORT_REF_H
#define BF_CONTROL_SNAPSHOT_PORT_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "dataplane/sizes.h"

#define BF_MAX_PORT_IDS (BF_GUEST_ID_BASE + BF_MAX_PORTS) /* from bridge.h */

struct bf_bridge;
struct bf_guest;
struct bf_rate_notes;
struct bf_uplink;

enum bf_ref_kind {
	BF_REF_ETHDEV,
	BF_REF_BOND,
	BF_REF_GUEST
};
struct bf_port_ref {
	enum bf_ref_kind kind;
	unsigned int id;
	uint16_t ethdev; /* ETHDEV and BOND */
	struct bf_uplink *up; /* BOND; ETHDEV: of the bond that it is a member of, or NULL */
	struct bf_guest *guest; /* GUEST */
	char name[BF_DEV_NAME_MAX];
};

/** The port of an id, from 0 to BF_MAX_PORT_IDS - 1. @return false: there is none */
bool bf_port_ref_at(struct bf_bridge *br, unsigned int id, struct bf_port_ref *r);

/** Is this its name or its id? */
bool bf_port_ref_is(const struct bf_port_ref *r, const char *text);

/** "ethdev", "bond" or "guest". */
const char *bf_port_ref_kind(const struct bf_port_ref *r);

/** The slot of a bond or guest port. */
uint16_t bf_ref_slot(const struct bf_port_ref *r);

/** Where a port's rates are kept. */
struct bf_rate_notes **bf_port_rate_notes(struct bf_bridge *br, const struct bf_port_ref *r);

/** Is there a port of the switch in a slot?  The first bond's always counts. */
bool bf_port_is_shown(const struct bf_bridge *br, uint16_t slot);

#endif

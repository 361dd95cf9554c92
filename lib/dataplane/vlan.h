/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * VLANs of a port: which it takes part in, and which tag its untagged frames get.
 *
 * Theory of operation.  In the switch every frame of a VLAN has its tag (IEEE 802.1Q), and a frame without
 * one is of no VLAN.  A port that has a VLAN of its own gives untagged frames its tag as they come in and takes
 * it away as they go out; that is a rule of the port (tags.h), and ports without one pay nothing.  Which
 * VLANs a port takes part in is asked where a source is not known at the port, and by the flood domain of
 * the VLAN: a station is known only where its VLAN was taken, so what is remembered needs no further look.
 *
 * No frame comes into another VLAN than that of its first tag: a tag behind a priority tag is refused as it
 * comes in, and one that would become the first by taking the first away is refused as it goes out.
 *
 * Threads: any reader of a view.
 */
#ifndef BF_DATAPLANE_VLAN_H
#define BF_DATAPLANE_VLAN_H

#include "base/vlan_set.h"
#include "dataplane/frame.h"
#include "dataplane/view.h"

/** Does the port take part in the VLAN of a station's key? Without VLAN: does it take untagged frames? */
static inline bool
bf_vlan_is_taken(const struct bf_port_vlan *v, uint64_t key)
{
	uint16_t id = BF_FDB_VLAN_OF(key);
	bool service = (key & BF_FDB_SERVICE) != 0;

	if (likely(v->takes == BF_VLANS_ALL)) /* its untagged frames may have a VLAN */
		return id != 0 || v->own == 0;
	if (v->takes == BF_VLANS_ONE)
		return id == v->own && service == (v->type == BF_ET_QINQ);
	return !service && bf_vlan_set_has(v->some, id);
}

/** Does the frame of such a key hide a tag behind one that names no VLAN? */
static inline bool
bf_vlan_is_hidden(const struct bf_port_vlan *v, uint64_t key)
{
	return v->takes != BF_VLANS_ALL && BF_FDB_VLAN_OF(key) == 0;
}

/** The flood domain of a frame from port @p in, by the key of its source or destination. */
static inline uint16_t
bf_vlan_domain(const struct bf_view *v, uint16_t in, uint64_t key)
{
	uint8_t bond = v->ports[in].bond;
	const uint16_t *of = v->vlan_floods[bond];

	if (likely(of == NULL))
		return bond;
	return of[BF_FDB_VLAN_OF(key) | (key & BF_FDB_SERVICE ? BF_VLAN_IDS : 0)];
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports as exporters tell of them: numbers, names and counters of one moment, which control hands over.
 *
 * Numbers and counters are those of SNMP, so that collectors find one interface under one number.
 *
 * Threads: any (plain values).
 */
#ifndef BF_CONTROL_EXPORT_PORTS_H
#define BF_CONTROL_EXPORT_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/sizes.h"
#include "dataplane/tap.h"

/* Where a frame enters or leaves: a slot, or behind the slots a member of a bond. */
#define BF_EXPORT_KEYS (BF_MAX_PORTS + BF_MAX_BONDS * BF_MAX_MEMBERS)

static inline uint16_t
bf_export_member_key(unsigned int bond, unsigned int bit)
{
	return (uint16_t)(BF_MAX_PORTS + bond * BF_MAX_MEMBERS + bit);
}

/** Where a sampled frame entered. */
static inline uint16_t
bf_export_key_of(const struct bf_tap_record *r)
{
	if (!bf_is_bond_slot(r->slot) || r->member >= BF_MAX_MEMBERS)
		return r->slot;
	return bf_export_member_key(bf_bond_of_slot(r->slot), r->member);
}

/** LACP of a member. */
struct bf_export_lag {
	bool there;
	uint8_t actor_id[6], partner_id[6];
	uint32_t attached; /* ifIndex of the bond; 0: none */
	uint8_t actor_state, partner_state;
	uint32_t pdu_rx, marker_rx, unknown_rx, illegal_rx, pdu_tx, response_tx;
};

struct bf_export_port {
	uint32_t index; /* ifIndex */
	uint16_t key;
	uint16_t vlan; /* of untagged frames from it; 0: none */
	uint8_t bond; /* number of the bond whose switch it is on */
	bool is_service_vlan;
	bool is_bond, is_up, is_off;
	char name[64];
	uint64_t speed_mbps;
	uint64_t in_frames, in_bytes, in_discards, in_errors;
	uint64_t out_frames, out_bytes, out_discards, out_errors;
	struct bf_export_lag lag;
};

struct bf_export_ports {
	bool poll; /* their counters are to be told */
	uint32_t n;
	uint16_t at[BF_EXPORT_KEYS]; /* number in list[] + 1; 0: no such port */
	struct bf_export_port list[];
};

static inline const struct bf_export_port *
bf_export_port_at(const struct bf_export_ports *p, uint16_t key)
{
	return key < BF_EXPORT_KEYS && p->at[key] != 0 ? &p->list[p->at[key] - 1] : NULL;
}

#endif

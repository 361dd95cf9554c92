/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Members of bonds that speak LACP as aggregation ports, for who tells of them in the terms of IEEE8023-LAG-MIB.
 *
 * bondfwd has several aggregators in a bond when partners differ, of which one is active.  Here the bond is that
 * one: a member of another one is attached to none.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_SNMP_LAG_PORTS_H
#define BF_APP_SNMP_LAG_PORTS_H

#include "snmp/ports.h"

/* TruthValue. */
enum {
	BF_LAG_TRUE = 1,
	BF_LAG_FALSE = 2
};

#define BF_LAG_PORTS_MAX (BF_MAX_BONDS * BF_MAX_MEMBERS)

/** One end of a link. Numbers are uint64_t, as struct bf_snmp_column wants them. */
struct bf_lag_end {
	uint8_t system_id[6];
	uint64_t system_priority, key, port, port_priority, state;
};

struct bf_lag_port {
	uint32_t index; /* first */
	uint32_t bond;
	struct bf_lag_end actor, partner;
	uint64_t selected, attached, aggregate;
	uint64_t pdu_rx, marker_rx, response_rx, unknown_rx, illegal_rx, pdu_tx, marker_tx,
		response_tx;
};

/**
 * All aggregation ports in the order of their index; members without a device are none.
 *
 * @param list
 *   Room for @p room.
 * @return
 *   How many.
 */
unsigned int bf_lag_ports_gather(struct bf_bridge *br, const struct bf_snmp_ports *all,
	struct bf_lag_port *list, unsigned int room);

#endif

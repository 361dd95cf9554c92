/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports for exporters of flows (control/export): the same numbers, names and counters as SNMP has.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_FLOW_EXPORT_H
#define BF_APP_FLOW_EXPORT_H

#include <stdint.h>

struct bf_bridge;

/** Gather ports and hand them to the exporters, when it is time. @return absolute ms of the next time */
uint64_t bf_flow_export_tick(struct bf_bridge *br, uint64_t now_ms);

#endif

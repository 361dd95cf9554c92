/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What bondfwd tells by SNMP, MIB by MIB, in the order of their OIDs.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_SNMP_MIBS_H
#define BF_APP_SNMP_MIBS_H

#include "snmp/ports.h"
#include "snmp/write.h"

#define BF_SNMP_LAG "1.2.840.10006.300.43" /* IEEE8023-LAG-MIB */
#define BF_SNMP_INTERFACES "1.3.6.1.2.1.2" /* IF-MIB's older half */
#define BF_SNMP_IF_MIB "1.3.6.1.2.1.31" /* and the newer one */
/*
 * BONDFWD-MIB (config/snmp).  No number has been assigned to bondfwd, so it is below netSnmpPlaypen, where everybody
 * may try what they like.
 */
#define BF_SNMP_OWN "1.3.6.1.4.1.8072.9999.9999.8021"

void bf_snmp_lag(
	const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p);
/** ifNumber, ifTable. */
void bf_snmp_interfaces(const struct bf_snmp_writer *w, const struct bf_snmp_ports *p);
/** ifXTable. */
void bf_snmp_ifx(const struct bf_snmp_writer *w, const struct bf_snmp_ports *p);
void bf_snmp_own(
	const struct bf_snmp_writer *w, struct bf_bridge *br, const struct bf_snmp_ports *p);

/**
 * Traps for what happened after event @p after, each with its variables.
 *
 * @return
 *   0, or -ENOMEM.
 */
int bf_snmp_traps(struct bf_out *out, struct bf_bridge *br, uint64_t after);

#endif

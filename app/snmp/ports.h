/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What SNMP tells of ports, gathered from the tables of `show`: so both say the same.
 *
 * Theory of operation.  A port's ifIndex follows from its name, by a hash: it is the same after a restart, on
 * another host, and whatever other ports come and go, and nothing has to be kept for that.  Indices are from
 * 2^24 on, out of the way of the kernel's.  If two names meet, the one that is later in the alphabet gets the next
 * number: with 50 ports that happens once in 1.7 million configurations.
 *
 * Threads: ctx control.
 */
#ifndef BF_APP_SNMP_PORTS_H
#define BF_APP_SNMP_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/config/config.h"
#include "control/snapshot/snapshot.h"

#define BF_SNMP_FIRST_INDEX (1u << 24)

enum bf_snmp_kind {
	BF_SNMP_BOND,
	BF_SNMP_MEMBER,
	BF_SNMP_GUEST,
	BF_SNMP_DEVICE, /* a port of DPDK that is in no bond */
};

/** Numbers are uint64_t, as struct bf_snmp_column wants them. */
struct bf_snmp_port {
	uint32_t index; /* first */
	enum bf_snmp_kind kind;
	uint64_t id; /* as on the console */
	char name[BF_DEV_NAME_MAX];
	char bond[BF_NAME_MAX]; /* that it belongs to; "" */
	char label[BF_NAME_MAX];
	char descr[160];
	uint8_t mac[6]; /* zero: not known */
	bool is_missing;
	uint64_t is_up, is_off; /* 0 or 1 */
	uint64_t mtu, speed_mbps;
	uint64_t in_frames, in_bytes, in_discards, in_errors;
	uint64_t out_frames, out_bytes, out_discards, out_errors;
};

struct bf_snmp_ports {
	struct bf_snmp_port *list; /* ascending by index */
	unsigned int n;
};

/** Gather them all. @return 0, or -ENOMEM; nothing to release then */
int bf_snmp_ports_gather(struct bf_bridge *br, struct bf_snmp_ports *p);
void bf_snmp_ports_release(struct bf_snmp_ports *p);

/** The port of a name, or NULL. */
const struct bf_snmp_port *bf_snmp_port_find(const struct bf_snmp_ports *p, const char *name);

/** The ifIndex of a port; of one that is gone the one that it had. */
uint32_t bf_snmp_index(const struct bf_snmp_ports *p, const char *name);

/* ---- a field of a row by its name; one that is not there is 0 or "" ---- */

uint64_t bf_snmp_number(const struct bf_table *t, const void *row, const char *field);
void bf_snmp_text(
	const struct bf_table *t, const void *row, const char *field, char *buf, size_t size);
void bf_snmp_mac(const struct bf_table *t, const void *row, const char *field, uint8_t mac[6]);

#endif

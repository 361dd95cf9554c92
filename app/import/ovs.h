/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From the database of Open vSwitch with its DPDK datapath to a config file of bondfwd.
 *
 * One bridge becomes one switch: its port with cards the bond, its vhost-user ports guests, its internal
 * ports host ports. Everything else is said in the draft as not imported. Several bridges may be taken
 * together, as those that patch ports join.
 *
 * Threads: one.
 */
#ifndef BF_IMPORT_OVS_H
#define BF_IMPORT_OVS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "import/draft.h"

#define BF_OVS_BRIDGES_MAX 8
#define BF_OVS_NAME_MAX 32 /* of names of ours, as BF_NAME_MAX */
#define BF_OVS_PORTS_MAX 4096
#define BF_OVS_MIRRORS_MAX 8 /* as BF_MAX_MIRRORS */

/** What the operator has said. */
struct bf_ovs_wanted {
	const char *bridges[BF_OVS_BRIDGES_MAX]; /* none: the only one that has ports of DPDK */
	unsigned int n_bridges;
	const char *uplink; /* NULL: the only port with cards */
};

enum bf_ovs_kind {
	BF_OVS_CARDS, /* one or more of type dpdk */
	BF_OVS_GUEST, /* vhost-user */
	BF_OVS_HOST,
	BF_OVS_PATCH,
	BF_OVS_OTHER,
};

struct bf_ovs_port {
	const char *name;
	const char *bridge;
	json_t *row;
	json_t *iface; /* its only or first interface; NULL: it has none */
	size_t n_ifaces; /* those that are there */
	enum bf_ovs_kind kind;
	char ours[BF_OVS_NAME_MAX]; /* its name in the draft */
	bool is_taken; /* stands in the draft */
	bool is_from,
		is_to; /* the mirror that is being written copies what it sends, what it gets */
};

struct bf_ovs {
	json_t *db;
	json_t *root; /* the row of table Open_vSwitch */
	struct bf_draft *d;
	json_t *bridges[BF_OVS_BRIDGES_MAX];
	unsigned int n_bridges;
	struct bf_ovs_port *ports; /* by name */
	size_t n_ports;
	char mirrors[BF_OVS_MIRRORS_MAX][BF_OVS_NAME_MAX]; /* in the draft */
	unsigned int n_mirrors;
	struct bf_ovs_port *uplink; /* NULL: no port has cards */
	char bond[BF_OVS_NAME_MAX]; /* its name in the draft, that of no other port */
};

/** @return 0, or -EINVAL with what is wrong with the file or with what is wanted */
int bf_ovs_import(const char *path, const struct bf_ovs_wanted *wanted, struct bf_draft *d,
	struct bf_err *err);

/** The ports of the bridges, their kinds and names, and the uplink. @return false with the reason */
bool bf_ovs_collect(struct bf_ovs *o, const struct bf_ovs_wanted *wanted, struct bf_err *err);

/** Parts of the draft. */
void bf_ovs_head(struct bf_ovs *o, const char *path);
void bf_ovs_bond(struct bf_ovs *o);
void bf_ovs_guests(struct bf_ovs *o);
void bf_ovs_bridge(struct bf_ovs *o);
void bf_ovs_mirrors(struct bf_ovs *o);
void bf_ovs_exporters(struct bf_ovs *o);

/** A word that bf_parse_name() takes; "all" means every port to a mirror. */
void bf_ovs_name(const char *from, char to[BF_OVS_NAME_MAX]);

/** The interfaces of a port by their names; BF_OVS_MEMBERS_MAX at most. @return how many */
#define BF_OVS_MEMBERS_MAX 16
size_t bf_ovs_members(const struct bf_ovs *o, const struct bf_ovs_port *p, json_t *ifaces[]);

/** The device that an interface stands for, and its name for DPDK. @return false: it names none */
bool bf_ovs_device(const json_t *iface, char *name, size_t size);

/** Append ",KEY=VALUE" to options, which are a command's last word. */
void bf_ovs_option(char *options, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** A number of a map of strings within its range; else it is said as lost. @return false: none */
bool bf_ovs_entry_number(struct bf_ovs *o, const char *who, const json_t *row, const char *column,
	const char *key, uint64_t min, uint64_t max, uint64_t *value);

/** Name the keys of a map that are not among those that somebody reads; a list that ends with NULL. */
void bf_ovs_rest(struct bf_ovs *o, const char *who, const json_t *row, const char *column,
	const char *const read[]);

/** The VLANs of a port as options, of a bond or of a guest. */
void bf_ovs_vlans(struct bf_ovs *o, const struct bf_ovs_port *p, char *options, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What can be shown of the switch: for each subject one table of fields (base/table.h) and one function that
 * fills its rows from the live state.  `show`, `show metrics` and telemetry all read these.
 *
 * Each subject is one file: the struct of its rows, its fields with names, metrics and templates, and how they
 * are gathered.  A new figure is a row of a table.
 *
 * Threads: ctx control; what was gathered refers to nothing that changes, and may go to another thread.
 */
#ifndef BF_CONTROL_SNAPSHOT_SNAPSHOT_H
#define BF_CONTROL_SNAPSHOT_SNAPSHOT_H

#include "base/table.h"

struct bf_bridge;

/**
 * Fill the rows of a snapshot.
 *
 * @param only
 *   The bond, guest or port that is asked for, by the name it has; NULL: all.
 * @param s
 *   Empty, but for in_full.  Its ret says whether something could not be read.
 */
typedef void bf_gather_fn(struct bf_bridge *br, const char *only, struct bf_snapshot *s);

struct bf_show {
	const struct bf_table *table;
	bf_gather_fn *gather;
	bool one; /* there is one row only: in JSON an object, not an array */
	bool named_is_one; /* the same if one is asked for by name */
	bool metrics; /* `show metrics` has it */
	const char *endpoint; /* of telemetry, behind /bondfwd/; NULL: none */
};

/* Who and what: bonds, members, guests, ports. */
extern const struct bf_show bf_show_info, bf_show_bonds, bf_show_members, bf_show_guests;
extern const struct bf_show bf_show_guards, bf_show_exposure;
extern const struct bf_show bf_show_qemu, bf_show_libvirt;
extern const struct bf_show bf_show_hosts, bf_show_groups;
extern const struct bf_show bf_show_lacp, bf_show_lacp_members;
extern const struct bf_show bf_show_ports, bf_show_port_info, bf_show_port_stats,
	bf_show_port_xstats;
extern const struct bf_show bf_show_lldp, bf_show_lldp_neighbors, bf_show_lldp_details;
extern const struct bf_show bf_show_topology;
/* Frames and where they went. */
extern const struct bf_show bf_show_drops, bf_show_port_drops, bf_show_ledger, bf_show_last_words;
extern const struct bf_show bf_show_storms, bf_show_storm_ports;
extern const struct bf_show bf_show_qos, bf_show_qos_map;
extern const struct bf_show bf_show_forwarding, bf_show_polling;
/* What is known and what happened. */
extern const struct bf_show bf_show_fdb, bf_show_neighbors, bf_show_multicast;
extern const struct bf_show bf_show_events, bf_show_captures, bf_show_mirrors;
extern const struct bf_show bf_show_exporters, bf_show_flights, bf_show_flight;
/* Which member carries what. */
extern const struct bf_show bf_show_failovers, bf_show_balance, bf_show_whatif;
/* What to look at. */
extern const struct bf_show bf_show_health, bf_show_findings, bf_show_bond_states, bf_show_probes;
extern const struct bf_show bf_show_modules;
/* Workers and memory. */
extern const struct bf_show bf_show_lcores, bf_show_pools, bf_show_numa;
/* The host around it. */
extern const struct bf_show bf_show_devices;

/** All of them, in the order of `show metrics`. */
extern const struct bf_show *const bf_shows[];
extern const unsigned int bf_n_shows;

#endif

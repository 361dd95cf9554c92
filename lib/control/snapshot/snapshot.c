/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Everything that is shown.
 *
 * Threads: constants.
 */
#include "control/snapshot/snapshot.h"

const struct bf_show *const bf_shows[] = {
	&bf_show_info,
	&bf_show_bonds,
	&bf_show_members,
	&bf_show_lacp,
	&bf_show_lacp_members,
	&bf_show_lldp,
	&bf_show_lldp_neighbors,
	&bf_show_topology,
	&bf_show_guests,
	&bf_show_guards,
	&bf_show_exposure,
	&bf_show_qemu,
	&bf_show_libvirt,
	&bf_show_hosts,
	&bf_show_groups,
	&bf_show_ports,
	&bf_show_port_info,
	&bf_show_port_stats,
	&bf_show_port_xstats,
	&bf_show_drops,
	&bf_show_port_drops,
	&bf_show_ledger,
	&bf_show_last_words,
	&bf_show_storms,
	&bf_show_storm_ports,
	&bf_show_qos,
	&bf_show_qos_map,
	&bf_show_forwarding,
	&bf_show_polling,
	&bf_show_fdb,
	&bf_show_neighbors,
	&bf_show_multicast,
	&bf_show_events,
	&bf_show_flights,
	&bf_show_captures,
	&bf_show_exporters,
	&bf_show_mirrors,
	&bf_show_failovers,
	&bf_show_balance,
	&bf_show_whatif,
	&bf_show_health,
	&bf_show_findings,
	&bf_show_bond_states,
	&bf_show_probes,
	&bf_show_modules,
	&bf_show_devices,
	&bf_show_lcores,
	&bf_show_pools,
	&bf_show_numa,
};
const unsigned int bf_n_shows = sizeof(bf_shows) / sizeof(bf_shows[0]);

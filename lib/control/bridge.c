/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The switch from its making to its end, and who is who in it.
 *
 * Threads: ctx control.
 */
#include "control/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "base/clock.h"
#include "control/guests/discard.h"
#include "control/guests/rings.h"
#include "control/loop/notify.h"
#include "control/memory/nodes.h"
#include "control/memory/pools.h"
#include "control/observe/stats.h"
#include "vhost/late.h"

#define FDB_CAPACITY 16384

static int
uplink_init(struct bf_bridge *br, unsigned int k, struct bf_err *err)
{
	struct bf_uplink *u = &br->up[k];

	if (bf_bond_init(&u->bond, k, &br->lcores, &br->events, err) != 0 ||
		bf_balance_open(&u->balance, &br->taps, &br->lcores, k, err) != 0)
		return -errno;
	u->bond.pdus = &br->flights.pdus;
	u->announcer = bf_announcer_create(br->fdb, br->neighbors, br->groups);
	if (u->announcer == NULL)
		return bf_err_set(err, ENOMEM, "out of memory: expected more hugepages or -m");
	return 0;
}

static void
uplink_fini(struct bf_uplink *u)
{
	bf_frames_drop(&u->frames);
	bf_tap_free(u->balance.tap);
	bf_announcer_destroy(u->announcer);
}

struct bf_bridge *
bf_bridge_create(const struct bf_bridge_options *opt, struct bf_err *err)
{
	struct bf_bridge *br = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*br));

	if (br == NULL)
		goto err_memory;
	memset(br, 0, sizeof(*br));
	br->opt = *opt;
	br->started_ms = bf_clock_ms();
	bf_nodes_open();
	br->running = bf_config_new();
	br->base = bf_stats_base_new();
	br->storms = bf_storms_new();
	br->fdb = bf_fdb_create(opt->fdb_capacity != 0 ? opt->fdb_capacity : FDB_CAPACITY,
		BF_MAX_PORTS, SOCKET_ID_ANY);
	if (br->running == NULL || br->base == NULL || br->fdb == NULL || br->storms == NULL)
		goto err_memory;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		br->fdb->port_quota[bf_bond_slot(k)] = br->fdb->capacity;
	bf_fdb_set_now(br->fdb, (uint32_t)(br->started_ms / 1000));
	bf_captures_init(&br->captures);
	if (bf_notify_open() != 0)
		goto err_memory;
	bf_guest_rings_open();
	bf_discard_open();
	br->ground = (struct bf_guest_ground){.door = bf_door_open(),
		.records = bf_records_open(opt->console),
		.lcores = &br->lcores,
		.gid = opt->gid};
	if (br->ground.door == NULL)
		goto err_memory;
	if (bf_lcores_open(&br->lcores, br->fdb, err) != 0)
		goto err;
	bf_late_open(&(struct bf_late_grace){
		bf_lcores_grace_begin, bf_lcores_grace_is_over, &br->lcores});
	br->neighbors = bf_neighbors_create(br->lcores.held);
	br->groups = bf_groups_create();
	if (br->neighbors == NULL || br->groups == NULL || !bf_mcast_open(br))
		goto err_memory;
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (uplink_init(br, k, err) != 0)
			goto err;
	br->spare_view = bf_view_spare();
	bf_lcores_publish(&br->lcores, bf_view_build(br, NULL));
	if (br->lcores.view == NULL || br->spare_view == NULL)
		goto err_memory;
	return br;
err_memory:
	bf_err_set(err, ENOMEM, "out of memory: expected more hugepages or -m");
err:
	bf_bridge_destroy(br);
	return NULL;
}

int
bf_bridge_start(struct bf_bridge *br, struct bf_err *err)
{
	return bf_lcores_launch(&br->lcores, err);
}

const char *
bf_bridge_port_name(const struct bf_bridge *br, uint16_t slot)
{
	if (bf_is_bond_slot(slot)) {
		const struct bf_uplink *u = &br->up[bf_bond_of_slot(slot)];

		return u->name[0] != '\0' ? u->name : BF_BOND_DEFAULT_NAME;
	}
	return br->guests[slot] != NULL ? br->guests[slot]->cfg.name : "?";
}

struct bf_uplink *
bf_bridge_uplink(struct bf_bridge *br, const char *bond)
{
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		if (br->up[k].name[0] != '\0' && strcmp(br->up[k].name, bond) == 0)
			return &br->up[k];
	return NULL;
}

struct bf_guest *
bf_bridge_guest(struct bf_bridge *br, const char *name)
{
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		if (br->guests[s] != NULL && strcmp(br->guests[s]->cfg.name, name) == 0)
			return br->guests[s];
	return NULL;
}

void
bf_bridge_destroy(struct bf_bridge *br)
{
	if (br == NULL)
		return;
	bf_lcores_stop(&br->lcores);
	for (unsigned int s = 1; s < BF_MAX_PORTS; s++)
		bf_guest_close(br->guests[s], &br->ground);
	bf_door_close(br->ground.door);
	bf_discard_close();
	bf_guest_rings_close();
	bf_records_close(br->ground.records);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		bf_bond_fini(&br->up[k].bond);
	bf_late_close();
	bf_captures_close(br);
	bf_exporters_close(br);
	bf_mirrors_close(&br->mirrors);
	bf_lcores_close(&br->lcores);
	for (unsigned int k = 0; k < BF_MAX_BONDS; k++)
		uplink_fini(&br->up[k]);
	rte_free(br->spare_view);
	bf_pools_collect();
	bf_notify_close();
	bf_fdb_destroy(br->fdb);
	bf_neighbors_destroy(br->neighbors);
	bf_groups_destroy(br->groups);
	bf_mdb_destroy(br->mcast.mdb);
	bf_rates_fini(&br->rates);
	bf_flights_fini(&br->flights);
	bf_recent_fini(&br->recent);
	bf_guards_fini(&br->guards);
	bf_leases_fini(&br->leases);
	bf_negotiated_fini(&br->negotiated);
	free(br->base);
	free(br->storms);
	free(br->running);
	free(br);
}

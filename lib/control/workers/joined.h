/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Flood domains of multicast groups that were joined (dataplane/mcast.h), from the multicast database
 * (control/lan/mdb.h): for each group and VLAN the ports of its members and of routers.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_WORKERS_JOINED_H
#define BF_CONTROL_WORKERS_JOINED_H

#include <stddef.h>

#include "dataplane/view.h"

struct bf_bridge;

/** Who gets what, in the order of keys. */
struct bf_joined_plan;

/**
 * @param plan
 *   Set to NULL where no switch listens; else bf_joined_free() frees it.
 * @return
 *   0, or -ENOMEM.
 */
int bf_joined_plan(const struct bf_bridge *br, struct bf_joined_plan **plan);
void bf_joined_free(struct bf_joined_plan *plan);

/** Bytes of a view that bf_joined_fill() needs. @param plan NULL: 0 */
size_t bf_joined_size(const struct bf_joined_plan *plan);

/**
 * Put the groups into a view whose ports and rules are there.
 *
 * @param room
 *   bf_joined_size() bytes that live as long as the view, zero, aligned to 8.
 */
void bf_joined_fill(const struct bf_joined_plan *plan, struct bf_view *v, void *room);

#endif

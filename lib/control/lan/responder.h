/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whose addresses workers answer for (dataplane/responder.h): those that guests with neigh_suppress=on have been
 * heard with.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_RESPONDER_H
#define BF_CONTROL_LAN_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#define BF_RESPONDER_MS 100 /* between two views because of it, at least */

struct bf_bridge;
struct bf_view;

struct bf_responder_state {
	uint64_t version; /* of the neighbours, that the view has */
	uint64_t changed_ms;
};

/** Addresses that a view would have. */
uint32_t bf_responder_count(const struct bf_bridge *br);
/** The table of a view, for @p n of them, in room that is zero. */
void bf_responder_fill_view(const struct bf_bridge *br, struct bf_view *v, void *room, uint32_t n);

/** A view is due where addresses have come or gone. A task's tick. */
uint64_t bf_responder_tick(void *bridge, uint64_t now_ms);

#endif

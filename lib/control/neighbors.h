/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP addresses of the guests' stations, as workers read them in passing (dataplane/snoop.c).
 * Bounded per port, so that a guest that invents addresses only fills its own share.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_NEIGHBORS_H
#define BF_CONTROL_NEIGHBORS_H

#include <stdbool.h>
#include <stdint.h>

#define BF_NEIGHBORS_MAX 8192
#define BF_NEIGHBORS_PER_PORT 1024

struct bf_neighbor {
	uint64_t key; /* station, BF_FDB_KEY */
	uint16_t port; /* switch port slot */
	uint8_t v6;
	uint8_t addr[16];
};

struct bf_neighbors;

struct bf_neighbors *bf_neighbors_create(void);
void bf_neighbors_destroy(struct bf_neighbors *n);

/** Note an address. @return false when it was known or there is no room for it. */
bool bf_neighbors_note(struct bf_neighbors *n, const struct bf_neighbor *nb);

/** Forget a port's addresses. */
void bf_neighbors_flush_port(struct bf_neighbors *n, uint16_t port);

/** Visit all; the callback must not change the table. */
typedef void bf_neighbor_cb(void *arg, const struct bf_neighbor *nb);
void bf_neighbors_visit(const struct bf_neighbors *n, bf_neighbor_cb *cb, void *arg);

#endif

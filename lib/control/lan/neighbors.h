/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP addresses of the guests' stations, as workers read them in passing (dataplane/snoop.c), and
 * whether the stations are IPv6 routers.
 *
 * What is kept is what may be announced after a failover, so it must be true.  An address leaves its
 * guest when another station uses it, behind a guest or behind the bond; when it has not been heard
 * in ARP or neighbour discovery for as long as a station is remembered; when the guest is
 * disconnected or its stations are forgotten; and when its station, which has taken another address
 * of that kind, has not used it for BF_NEIGHBORS_RENUMBER_S.  That an address is lost too early costs
 * little: its station is announced all the same.
 *
 * Bounded per port; the oldest makes room.
 *
 * Threads: ctx control.
 */
#ifndef BF_CONTROL_LAN_NEIGHBORS_H
#define BF_CONTROL_LAN_NEIGHBORS_H

#include <stdbool.h>
#include <stdint.h>

#define BF_NEIGHBORS_MAX 8192
#define BF_NEIGHBORS_PER_PORT 1024
#define BF_NEIGHBORS_RENUMBER_S 60

struct bf_neighbor {
	uint64_t key; /* station, BF_FDB_KEY */
	uint16_t port; /* switch port slot */
	uint8_t v6;
	uint8_t addr[16];
};

struct bf_held;
struct bf_neighbors;

/**
 * @param held
 *   Kept up to date for the workers, as long as the table lives.
 */
struct bf_neighbors *bf_neighbors_create(struct bf_held *held);
void bf_neighbors_destroy(struct bf_neighbors *n);

/** A guest's station uses an address. @return false when there is no room for it. */
bool bf_neighbors_note(struct bf_neighbors *n, const struct bf_neighbor *nb, uint32_t now_s);

/** A station behind the bond uses an address: another's does so no more. */
void bf_neighbors_elsewhere(struct bf_neighbors *n, const struct bf_neighbor *nb);

/** A station has said whether it is a router (RFC 4861 4.2, 4.4). */
void bf_neighbors_note_router(
	struct bf_neighbors *n, uint64_t key, uint16_t port, bool router, uint32_t now_s);

enum bf_router {
	BF_ROUTER_UNKNOWN,
	BF_ROUTER_NO,
	BF_ROUTER_YES,
};

/** What a station last said of itself. */
enum bf_router bf_neighbors_router(const struct bf_neighbors *n, uint64_t key, uint16_t port);

/** Is it still so? Of @p nb the station, the port and the address count. */
bool bf_neighbors_has(const struct bf_neighbors *n, const struct bf_neighbor *nb);

/** Forget what was not heard for more than @p age_s seconds. */
void bf_neighbors_age(struct bf_neighbors *n, uint32_t now_s, uint32_t age_s);

/** Forget a port's addresses. */
void bf_neighbors_flush_port(struct bf_neighbors *n, uint16_t port);
/** Forget a station's addresses. */
void bf_neighbors_flush_station(struct bf_neighbors *n, uint64_t key, uint16_t port);

/** Goes up when an address comes or goes. */
uint64_t bf_neighbors_version(const struct bf_neighbors *n);

/** Visit all; the callback must not change the table. */
typedef void bf_neighbor_cb(void *arg, const struct bf_neighbor *nb);
void bf_neighbors_visit(const struct bf_neighbors *n, bf_neighbor_cb *cb, void *arg);

#endif

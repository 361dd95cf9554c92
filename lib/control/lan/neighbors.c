/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP addresses of the guests' stations, by (version, address, VLAN).  What a station says of itself
 * as a router stands in the same table, under its MAC.
 *
 * Threads: ctx control.
 */
#include "control/lan/neighbors.h"

#include <stdlib.h>
#include <string.h>

#include "control/lan/shares.h"
#include "dataplane/fdb.h"
#include "dataplane/held.h"
#include "dataplane/sizes.h"

#define LOOK_BACK 64 /* addresses of a port that are looked at when a station takes another */

enum neighbor_kind {
	KIND_IPV4,
	KIND_IPV6,
	KIND_ROUTER
};

struct neighbor_key {
	uint8_t addr[16];
	uint16_t vlan;
	uint16_t kind;
};

struct entry {
	struct bf_neighbor nb;
	uint8_t kind;
	bool router; /* KIND_ROUTER */
	uint32_t bit; /* of the held ones, else */
};

struct bf_neighbors {
	struct bf_shares *shares;
	struct bf_held *held;
	struct entry *entries; /* by position */
	uint16_t n_held[BF_HELD_BITS]; /* addresses per bit */
	uint64_t version;
};

static void
let_go(void *arg, uint32_t pos)
{
	struct bf_neighbors *n = arg;
	const struct entry *e = &n->entries[pos];

	n->version++;
	if (e->kind != KIND_ROUTER && --n->n_held[e->bit] == 0)
		bf_held_set(n->held, e->bit, false);
}

struct bf_neighbors *
bf_neighbors_create(struct bf_held *held)
{
	struct bf_neighbors *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->held = held;
	n->shares = bf_shares_create("bf_neighbors", BF_NEIGHBORS_MAX, BF_NEIGHBORS_PER_PORT,
		sizeof(struct neighbor_key), let_go, n);
	if (n->shares != NULL)
		n->entries = calloc(bf_shares_size(n->shares), sizeof(*n->entries));
	if (n->entries == NULL) {
		bf_neighbors_destroy(n);
		return NULL;
	}
	return n;
}

void
bf_neighbors_destroy(struct bf_neighbors *n)
{
	if (n == NULL)
		return;
	bf_shares_destroy(n->shares);
	free(n->entries);
	free(n);
}

static struct neighbor_key
key_of(const struct bf_neighbor *nb)
{
	struct neighbor_key k = {.vlan = (uint16_t)(nb->key >> 48), .kind = nb->v6};

	memcpy(k.addr, nb->addr, nb->v6 ? 16 : 4);
	return k;
}

static struct neighbor_key
router_key_of(uint64_t station)
{
	struct neighbor_key k = {.vlan = (uint16_t)(station >> 48), .kind = KIND_ROUTER};

	memcpy(k.addr, &station, 6);
	return k;
}

static bool
is_link_local(const struct bf_neighbor *nb)
{
	return nb->v6 && nb->addr[0] == 0xfe && (nb->addr[1] & 0xc0) == 0x80;
}

/* A station has taken another address: those of the kind that it has not used for a while go. */
static void
station_renumber(struct bf_neighbors *n, const struct bf_neighbor *nb, uint32_t now_s)
{
	int32_t pos = bf_shares_first(n->shares, nb->port), next;

	for (int i = 0; i < LOOK_BACK && pos >= 0; i++, pos = next) {
		const struct entry *e = &n->entries[pos];

		if (now_s - bf_shares_heard_s(n->shares, (uint32_t)pos) <= BF_NEIGHBORS_RENUMBER_S)
			return; /* the others are younger */
		next = bf_shares_next(n->shares, (uint32_t)pos);
		if (e->nb.key == nb->key && e->kind == nb->v6 &&
			is_link_local(&e->nb) == is_link_local(nb))
			bf_shares_remove(n->shares, (uint32_t)pos);
	}
}

/* What it said of itself as a router counts as long as its addresses are heard. */
static void
keep_router(struct bf_neighbors *n, const struct bf_neighbor *nb, uint32_t now_s)
{
	struct neighbor_key k = router_key_of(nb->key);

	if (bf_neighbors_router(n, nb->key, nb->port) != BF_ROUTER_UNKNOWN)
		bf_shares_hear(n->shares, &k, nb->port, now_s);
}

bool
bf_neighbors_note(struct bf_neighbors *n, const struct bf_neighbor *nb, uint32_t now_s)
{
	struct neighbor_key k = key_of(nb);
	int32_t pos = bf_shares_find(n->shares, &k);
	struct entry *e;

	if (nb->v6)
		keep_router(n, nb, now_s);
	if (pos >= 0 && n->entries[pos].nb.key != nb->key) { /* another guest's no longer */
		bf_shares_remove(n->shares, (uint32_t)pos);
		pos = -1;
	}
	if (pos < 0)
		station_renumber(n, nb, now_s);
	else if (n->entries[pos].nb.port != nb->port)
		n->version++;
	if (pos >= 0)
		n->entries[pos].nb.port = nb->port;
	if (pos >= 0)
		return bf_shares_hear(n->shares, &k, nb->port, now_s) >= 0;
	pos = bf_shares_hear(n->shares, &k, nb->port, now_s);
	if (pos < 0)
		return false;
	e = &n->entries[pos];
	*e = (struct entry){.nb = *nb, .kind = nb->v6};
	n->version++;
	e->bit = bf_held_bit(n->held, nb->addr, nb->v6, k.vlan);
	if (n->n_held[e->bit]++ == 0)
		bf_held_set(n->held, e->bit, true);
	return true;
}

void
bf_neighbors_elsewhere(struct bf_neighbors *n, const struct bf_neighbor *nb)
{
	struct neighbor_key k = key_of(nb);
	int32_t pos = bf_shares_find(n->shares, &k);

	/* The guest's own station, heard on the bond: if that is no echo, the FDB knows. */
	if (pos >= 0 && n->entries[pos].nb.key != nb->key)
		bf_shares_remove(n->shares, (uint32_t)pos);
}

void
bf_neighbors_note_router(
	struct bf_neighbors *n, uint64_t key, uint16_t port, bool router, uint32_t now_s)
{
	struct neighbor_key k = router_key_of(key);
	int32_t pos = bf_shares_hear(n->shares, &k, port, now_s);

	if (pos < 0)
		return;
	n->version += n->entries[pos].router != router;
	n->entries[pos] = (struct entry){
		.nb = {.key = key, .port = port}, .kind = KIND_ROUTER, .router = router};
}

enum bf_router
bf_neighbors_router(const struct bf_neighbors *n, uint64_t key, uint16_t port)
{
	struct neighbor_key k = router_key_of(key);
	int32_t pos = bf_shares_find(n->shares, &k);

	if (pos < 0 || n->entries[pos].nb.port != port)
		return BF_ROUTER_UNKNOWN;
	return n->entries[pos].router ? BF_ROUTER_YES : BF_ROUTER_NO;
}

bool
bf_neighbors_has(const struct bf_neighbors *n, const struct bf_neighbor *nb)
{
	struct neighbor_key k = key_of(nb);
	int32_t pos = bf_shares_find(n->shares, &k);

	return pos >= 0 && n->entries[pos].nb.key == nb->key && n->entries[pos].nb.port == nb->port;
}

void
bf_neighbors_age(struct bf_neighbors *n, uint32_t now_s, uint32_t age_s)
{
	bf_shares_age(n->shares, now_s, age_s);
}

void
bf_neighbors_flush_port(struct bf_neighbors *n, uint16_t port)
{
	bf_shares_flush_port(n->shares, port);
}

void
bf_neighbors_flush_station(struct bf_neighbors *n, uint64_t key, uint16_t port)
{
	int32_t next;

	for (int32_t pos = bf_shares_first(n->shares, port); pos >= 0; pos = next) {
		next = bf_shares_next(n->shares, (uint32_t)pos);
		if (n->entries[pos].nb.key == key)
			bf_shares_remove(n->shares, (uint32_t)pos);
	}
}

uint64_t
bf_neighbors_version(const struct bf_neighbors *n)
{
	return n->version;
}

void
bf_neighbors_visit(const struct bf_neighbors *n, bf_neighbor_cb *cb, void *arg)
{
	for (uint16_t p = 0; p < BF_MAX_PORTS; p++)
		for (int32_t pos = bf_shares_first(n->shares, p); pos >= 0;
			pos = bf_shares_next(n->shares, (uint32_t)pos))
			if (n->entries[pos].kind != KIND_ROUTER)
				cb(arg, &n->entries[pos].nb);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP addresses of the guests' stations, in an rte_hash by (version, address, VLAN).
 *
 * Threads: ctx control.
 */
#include "control/neighbors.h"

#include <stdlib.h>
#include <string.h>

#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "dataplane/sizes.h"

struct neighbor_key {
	uint8_t addr[16];
	uint16_t vlan;
	uint16_t v6;
};

struct bf_neighbors {
	struct rte_hash *hash;
	uint32_t per_port[BF_MAX_PORTS];
	struct bf_neighbor entries[BF_NEIGHBORS_MAX * 2]; /* by rte_hash position */
};

struct bf_neighbors *
bf_neighbors_create(void)
{
	struct bf_neighbors *n = calloc(1, sizeof(*n));
	struct rte_hash_parameters p = {.name = "bf_neighbors",
		.entries = BF_NEIGHBORS_MAX,
		.key_len = sizeof(struct neighbor_key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY};

	if (n == NULL)
		return NULL;
	n->hash = rte_hash_create(&p);
	if (n->hash == NULL) {
		free(n);
		return NULL;
	}
	return n;
}

void
bf_neighbors_destroy(struct bf_neighbors *n)
{
	if (n == NULL)
		return;
	rte_hash_free(n->hash);
	free(n);
}

bool
bf_neighbors_note(struct bf_neighbors *n, const struct bf_neighbor *nb)
{
	struct neighbor_key k = {.vlan = (uint16_t)(nb->key >> 48), .v6 = nb->v6};
	struct bf_neighbor *e;
	int32_t pos;

	memcpy(k.addr, nb->addr, nb->v6 ? 16 : 4);
	pos = rte_hash_lookup(n->hash, &k);
	if (pos >= 0) {
		e = &n->entries[pos];
		n->per_port[e->port]--; /* the address may have moved to another station */
		*e = *nb;
		n->per_port[e->port]++;
		return false;
	}
	if (n->per_port[nb->port] >= BF_NEIGHBORS_PER_PORT)
		return false;
	pos = rte_hash_add_key(n->hash, &k);
	if (pos < 0 || pos >= (int32_t)RTE_DIM(n->entries))
		return false;
	n->entries[pos] = *nb;
	n->per_port[nb->port]++;
	return true;
}

void
bf_neighbors_flush_port(struct bf_neighbors *n, uint16_t port)
{
	const void *key;
	void *data;
	uint32_t next = 0;
	int32_t pos;

	if (n->per_port[port] == 0)
		return;
	while ((pos = rte_hash_iterate(n->hash, &key, &data, &next)) >= 0)
		if (n->entries[pos].port == port)
			rte_hash_del_key(n->hash, key);
	n->per_port[port] = 0;
}

void
bf_neighbors_visit(const struct bf_neighbors *n, bf_neighbor_cb *cb, void *arg)
{
	const void *key;
	void *data;
	uint32_t next = 0;
	int32_t pos;

	while ((pos = rte_hash_iterate(n->hash, &key, &data, &next)) >= 0)
		cb(arg, &n->entries[pos]);
}

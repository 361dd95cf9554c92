/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where frames of multicast groups go that somebody has joined, on switches that listen to IGMP and MLD.
 *
 * Theory of operation.  Control knows from reports which ports have joined what (control/lan/mdb.h).  It
 * makes a flood domain for each group and VLAN, of the ports that joined and those of routers, and a hash from the
 * group's MAC address and VLAN to its domain.  A frame of a group that is not in the hash is flooded as ever:
 * nobody joined, there is no querier, or there was no room.  Beside the groups the hash has an entry for each VLAN in
 * which there is a querier: the domain of the routers, which get the reports that others must not hear.
 *
 * Which ports a frame may reach on its way, isolation and guards and limits, is the same as for what is
 * flooded: only the list of ports is another.
 *
 * Threads: any reader of a view.
 */
#ifndef BF_DATAPLANE_MCAST_H
#define BF_DATAPLANE_MCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/fold.h"
#include "dataplane/frame.h"
#include "dataplane/view.h"

#define BF_MCAST_DOMAINS 8192 /* groups and VLANs of routers at most; the others flood */
#define BF_MCAST_PROBES 16 /* places of the hash that are looked at */

struct bf_mcast_slot {
	uint64_t key; /* BF_FDB_KEY of the destination, or bf_mcast_routers(); 0: free */
	uint16_t out; /* of a verdict: its flood domain */
};

/** Of a view. */
struct bf_mcast {
	uint8_t bonds; /* bit k: switch k listens, also to what its bond brings */
	uint32_t mask; /* places of the hash - 1 */
	uint64_t seed[2];
	const struct bf_flood *flood; /* by domain, from BF_DOMAIN_GROUPS on */
	struct bf_mcast_slot *slot;
};

static inline bool
bf_mcast_listens(const struct bf_mcast *t, unsigned int bond)
{
	return t != NULL && (t->bonds >> bond & 1);
}

/** The first place of a key. */
static inline uint32_t
bf_mcast_hash(const struct bf_mcast *t, uint64_t key)
{
	return (uint32_t)(bf_fold_key(key, t->seed) >> 32);
}

static inline const struct bf_mcast_slot *
bf_mcast_find(const struct bf_mcast *t, uint64_t key)
{
	uint32_t at = bf_mcast_hash(t, key);

	for (uint32_t i = 0; i < BF_MCAST_PROBES; i++) {
		const struct bf_mcast_slot *s = &t->slot[(at + i) & t->mask];

		if (s->key == key)
			return s;
		if (s->key == 0)
			break;
	}
	return NULL;
}

/**
 * Does IP of this ethertype stand behind one tag at most?  Behind several there are VLANs of a guest's own, in which
 * others may ask: they flood.
 *
 * @param type
 *   Of the frame, behind its tags.
 */
static inline bool
bf_mcast_is_plain(const struct rte_mbuf *m, uint16_t type)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t outer, inner;

	memcpy(&outer, p + 12, 2);
	if (outer == type)
		return true;
	memcpy(&inner, p + 16, 2); /* the tag has been read: it is there */
	return inner == type;
}

/** The key of the routers in the VLAN of a key: no frame has this destination. */
static inline uint64_t
bf_mcast_routers(uint64_t key, bool v6)
{
	return (key & ~BF_FDB_MAC_MASK) | BF_MAC_MULTICAST | (v6 ? 6ULL : 4ULL) << 40;
}

/**
 * Where a frame to a group goes.
 *
 * @param out
 *   Where it is flooded.
 * @return
 *   The same where its group is not known.
 */
uint16_t bf_mcast_out(
	const struct bf_mcast *t, const struct rte_mbuf *m, const struct bf_frame *f, uint16_t out);

#endif

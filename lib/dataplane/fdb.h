/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Forwarding database: behind which port a station (VLAN, MAC) was last seen.
 *
 * Theory of operation.  A fixed table of 64-byte buckets with four entries each; a key may
 * live in either of two buckets chosen by a seeded hash, and the table has twice the slots it
 * may fill, so a lookup reads one cache line, seldom two, and a negative one two.  There is
 * one writer (control); workers look up without locks and post what they learned to it.
 * An entry is replaced by clearing its key, writing its value, then writing its key; a reader
 * rereads the key after the value.  A reader that meets an entry replaced twice in between
 * could take the value of the middle one: that frame goes to a port of this switch which had
 * that slot a moment ago, once; a seqlock per bucket would cost every lookup.
 *
 * Bounds.  Never more than `capacity` dynamic entries.  A port has a quota; at its quota it
 * replaces its own oldest entries.  When the table is full the port with most entries gives one
 * up, so a port that floods addresses can only evict its own (OVS calls this fair eviction).
 *
 * Ages are in whole seconds of the control room's clock (bf_fdb_set_now).  Workers refresh
 * an entry at most once a second.  What they remember of earlier decisions is right as long as two
 * figures stay: `epoch` changes when a station moved or went, and at least once a second so that
 * cached sources are refreshed; `arrivals` when a station came, which only concerns a worker that
 * remembers to flood something.  So a guest that invents addresses makes no other's decisions be
 * taken anew.  A station that is evicted by a storm changes neither: for up to a second it may
 * still be reached.
 *
 * Threads:
 *   everything here   ctx worker (any reader); the writer is control/fdb.h
 */
#ifndef BF_DATAPLANE_FDB_H
#define BF_DATAPLANE_FDB_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "dataplane/fold.h"

#define BF_FDB_WAYS 4
#define BF_FDB_ECHO_S 5 /* a frame may come back for so long */
#define BF_FDB_STATIC 1 /* flag: neither aged, moved nor evicted */

struct bf_fdb_entry {
	uint64_t key; /* bf_fdb_key(), 0 = free */
	uint16_t port; /* switch port slot */
	uint8_t flags;
	uint8_t announced; /* BF_FDB_ANNOUNCED() of its last announcement, 0 none; worker: w */
	uint32_t last_seen; /* second; worker: w, control: rw */
};

/** Without gaps between them, also where the CPU's line is longer: entries are numbered through. */
struct bf_fdb_bucket {
	struct bf_fdb_entry e[BF_FDB_WAYS];
} __rte_cache_min_aligned;

static_assert(sizeof(struct bf_fdb_bucket) == BF_FDB_WAYS * sizeof(struct bf_fdb_entry), "no gaps");

struct bf_fdb {
	/* Read by workers per frame; written once. */
	struct bf_fdb_bucket *buckets;
	uint64_t seed[2];
	uint32_t mask;
	/* Read by workers per burst; written by control a few times a second. */
	uint32_t now_s __rte_cache_aligned;
	uint32_t epoch;
	uint32_t arrivals;
	/* Control's own. */
	uint32_t count __rte_cache_aligned;
	uint32_t n_static;
	uint32_t capacity;
	uint32_t default_quota;
	uint32_t age_s;
	uint32_t hand; /* where ageing goes on */
	bool dirty; /* a decision may have changed since the last bf_fdb_commit() */
	bool arrived; /* a station came since then */
	uint32_t *port_count;
	uint32_t *port_dynamic; /* of these, not static */
	/* Each port's dynamic entries in the order they came, as lists by entry number + 1. */
	uint32_t *first, *last; /* by port */
	uint32_t *next, *prev; /* by entry */
	uint32_t *port_quota; /* 0 = default_quota */
	uint64_t *port_evicted; /* stations of the port that made room for others */
	uint32_t n_ports;
	uint64_t learned, moved, aged, evicted, refused;
};

/** A second in one byte, never 0; good for "a few seconds ago" if ageing clears what is older. */
#define BF_FDB_ANNOUNCED(now_s) ((uint8_t)((now_s) % 255 + 1))

/**
 * A station's key: the number of the bond whose switch it is on, VLAN id (0 = untagged) and MAC as loaded
 * little-endian.  VLANs of 802.1ad tags are others than those of the same numbers.
 */
#define BF_FDB_MAC_MASK 0xffffffffffffULL
#define BF_FDB_BOND(bond) ((uint64_t)(bond) << 60)
#define BF_FDB_BOND_OF(key) ((unsigned int)((key) >> 60 & 3))
#define BF_FDB_SERVICE (1ULL << 62) /* the tag is of 802.1ad */
#define BF_FDB_VLAN_OF(key) ((uint16_t)((key) >> 48 & 0xfff))
#define BF_FDB_KEY(vlan, mac48) ((uint64_t)(vlan) << 48 | (mac48))

static inline uint64_t
bf_fdb_hash(const struct bf_fdb *f, uint64_t key)
{
	return bf_fold_key(key, f->seed);
}

static inline uint32_t
bf_fdb_bucket1(const struct bf_fdb *f, uint64_t h)
{
	return (uint32_t)(h >> 32) & f->mask;
}

static inline uint32_t
bf_fdb_bucket2(const struct bf_fdb *f, uint64_t h)
{
	return ((uint32_t)(h >> 32) ^ ((uint32_t)h | 1)) & f->mask;
}

static inline struct bf_fdb_entry *
bf_fdb_find_in(struct bf_fdb_bucket *b, uint64_t key)
{
	for (int i = 0; i < BF_FDB_WAYS; i++)
		if (__atomic_load_n(&b->e[i].key, __ATOMIC_RELAXED) == key)
			return &b->e[i];
	return NULL;
}

/**
 * Where a station is.
 *
 * ctx worker (any reader).  No lock, no system call.
 *
 * @param port
 *   Set to the port slot when found.
 * @return
 *   The entry, for bf_fdb_touch() and its age; NULL when unknown.
 */
static inline struct bf_fdb_entry *
bf_fdb_find(const struct bf_fdb *f, uint64_t key, uint16_t *port)
{
	uint64_t h = bf_fdb_hash(f, key);
	struct bf_fdb_entry *e = bf_fdb_find_in(&f->buckets[bf_fdb_bucket1(f, h)], key);

	if (unlikely(key == 0))
		return NULL; /* marks free entries */
	if (unlikely(e == NULL)) {
		e = bf_fdb_find_in(&f->buckets[bf_fdb_bucket2(f, h)], key);
		if (e == NULL)
			return NULL;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*port = __atomic_load_n(&e->port, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return likely(__atomic_load_n(&e->key, __ATOMIC_RELAXED) == key) ? e : NULL;
}

/** Ask for the memory that bf_fdb_find() will read first. */
static inline void
bf_fdb_prefetch(const struct bf_fdb *f, uint64_t key)
{
	__builtin_prefetch(&f->buckets[bf_fdb_bucket1(f, bf_fdb_hash(f, key))]);
}

/** Note that a station was just heard; writes at most once a second. ctx worker. */
static inline void
bf_fdb_touch(const struct bf_fdb *f, struct bf_fdb_entry *e)
{
	uint32_t now = __atomic_load_n(&f->now_s, __ATOMIC_RELAXED);

	if (__atomic_load_n(&e->last_seen, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&e->last_seen, now, __ATOMIC_RELAXED);
}

/** Did the station announce itself within the last BF_FDB_ECHO_S seconds? ctx worker or control. */
static inline bool
bf_fdb_has_announced(const struct bf_fdb *f, const struct bf_fdb_entry *e)
{
	uint32_t now = __atomic_load_n(&f->now_s, __ATOMIC_RELAXED);
	uint8_t said = __atomic_load_n(&e->announced, __ATOMIC_RELAXED);

	for (uint32_t s = 0; said != 0 && s <= BF_FDB_ECHO_S; s++)
		if (said == BF_FDB_ANNOUNCED(now - s))
			return true;
	return false;
}

/**
 * A guest's station is heard on the bond: is it its own frame that came back?
 *
 * ctx worker or control.  A guest that was heard lately is where it was; an announcement says that
 * it has moved, unless it made one here a moment ago (Open vSwitch's rule).
 *
 * @param announcement
 *   The frame is an announcement, or claims the address in another way.
 * @param doubted
 *   Guests' frames do come back: the switch has no LAG.
 */
static inline bool
bf_fdb_is_echo(
	const struct bf_fdb *f, const struct bf_fdb_entry *e, bool announcement, bool doubted)
{
	uint32_t now = __atomic_load_n(&f->now_s, __ATOMIC_RELAXED);

	if (e->flags & BF_FDB_STATIC)
		return true;
	if (!doubted)
		return false;
	if (now - __atomic_load_n(&e->last_seen, __ATOMIC_RELAXED) > BF_FDB_ECHO_S)
		return false;
	return !announcement || bf_fdb_has_announced(f, e);
}

/** Changes when frames that were flooded may have a port now. */
static inline uint32_t
bf_fdb_arrivals(const struct bf_fdb *f)
{
	return __atomic_load_n(&f->arrivals, __ATOMIC_ACQUIRE);
}

static inline uint32_t
bf_fdb_epoch(const struct bf_fdb *f)
{
	return __atomic_load_n(&f->epoch, __ATOMIC_ACQUIRE);
}

#endif

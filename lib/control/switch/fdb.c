/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The writer's half of the forwarding database; the lookup is in dataplane/fdb.h.
 *
 * Threads: ctx control.
 */
#include "control/switch/fdb.h"

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_random.h>

#define EVICT_LOOK 16 /* of a port's oldest entries, the one not heard for longest goes */

uint64_t
bf_fdb_key(uint16_t vlan, const uint8_t mac[6])
{
	uint64_t k = 0;

	memcpy(&k, mac, 6); /* the same bytes that the fast room loads from a frame */
	return BF_FDB_KEY(vlan, k);
}

struct bf_fdb *
bf_fdb_create(uint32_t capacity, uint32_t n_ports, int socket)
{
	struct bf_fdb *f;
	uint32_t n;

	if (capacity < 8 || capacity > 1u << 20) {
		errno = EINVAL;
		return NULL;
	}
	n = rte_align32pow2(capacity * 2) / BF_FDB_WAYS;
	f = rte_zmalloc_socket("bf_fdb", sizeof(*f), RTE_CACHE_LINE_SIZE, socket);
	if (f == NULL)
		goto err;
	f->buckets =
		rte_zmalloc_socket("bf_fdb", n * sizeof(*f->buckets), RTE_CACHE_LINE_SIZE, socket);
	f->port_count = rte_zmalloc("bf_fdb", sizeof(uint32_t) * n_ports * 5, 0);
	f->next = rte_zmalloc("bf_fdb", (size_t)n * BF_FDB_WAYS * 2 * sizeof(uint32_t), 0);
	f->port_evicted = rte_zmalloc("bf_fdb", sizeof(uint64_t) * n_ports, 0);
	if (f->buckets == NULL || f->port_count == NULL || f->next == NULL ||
		f->port_evicted == NULL)
		goto err;
	f->port_quota = f->port_count + n_ports;
	f->port_dynamic = f->port_quota + n_ports;
	f->first = f->port_dynamic + n_ports;
	f->last = f->first + n_ports;
	f->prev = f->next + (size_t)n * BF_FDB_WAYS;
	f->mask = n - 1;
	f->seed[0] = rte_rand();
	f->seed[1] = rte_rand();
	f->capacity = capacity;
	f->n_ports = n_ports;
	f->default_quota = capacity / 2;
	f->age_s = 300;
	f->epoch = 1;
	return f;
err:
	bf_fdb_destroy(f);
	errno = ENOMEM;
	return NULL;
}

void
bf_fdb_destroy(struct bf_fdb *f)
{
	if (f == NULL)
		return;
	rte_free(f->buckets);
	rte_free(f->port_count);
	rte_free(f->next);
	rte_free(f->port_evicted);
	rte_free(f);
}

void
bf_fdb_set_now(struct bf_fdb *f, uint32_t now_s)
{
	if (f->now_s == now_s)
		return;
	__atomic_store_n(&f->now_s, now_s, __ATOMIC_RELAXED);
	f->dirty = true; /* cached sources must come by again and be refreshed */
}

void
bf_fdb_commit(struct bf_fdb *f)
{
	if (f->arrived)
		__atomic_store_n(&f->arrivals, f->arrivals + 1, __ATOMIC_RELEASE);
	if (f->dirty)
		__atomic_store_n(&f->epoch, f->epoch + 1, __ATOMIC_RELEASE);
	f->arrived = f->dirty = false;
}

static uint32_t
number_of(const struct bf_fdb *f, const struct bf_fdb_entry *e)
{
	return (uint32_t)(e - f->buckets[0].e);
}

static struct bf_fdb_entry *
entry_at(const struct bf_fdb *f, uint32_t number)
{
	return &f->buckets[number / BF_FDB_WAYS].e[number % BF_FDB_WAYS];
}

const struct bf_fdb_entry *
bf_fdb_first(const struct bf_fdb *f, uint16_t port)
{
	return f->first[port] == 0 ? NULL : entry_at(f, f->first[port] - 1);
}

static void
list_append(struct bf_fdb *f, uint16_t port, uint32_t i)
{
	f->next[i] = 0;
	f->prev[i] = f->last[port];
	if (f->last[port] != 0)
		f->next[f->last[port] - 1] = i + 1;
	else
		f->first[port] = i + 1;
	f->last[port] = i + 1;
}

static void
list_remove(struct bf_fdb *f, uint16_t port, uint32_t i)
{
	if (f->prev[i] != 0)
		f->next[f->prev[i] - 1] = f->next[i];
	else
		f->first[port] = f->next[i];
	if (f->next[i] != 0)
		f->prev[f->next[i] - 1] = f->prev[i];
	else
		f->last[port] = f->prev[i];
}

/* The value first, the key last: a reader that sees the key sees the value. */
static void
entry_set(struct bf_fdb *f, struct bf_fdb_entry *e, uint64_t key, uint16_t port, uint8_t flags)
{
	__atomic_store_n(&e->port, port, __ATOMIC_RELAXED);
	e->flags = flags;
	e->announced = 0;
	__atomic_store_n(&e->last_seen, f->now_s, __ATOMIC_RELAXED);
	__atomic_store_n(&e->key, key, __ATOMIC_RELEASE);
	f->port_count[port]++;
	f->count++;
	f->arrived = true; /* frames to it need not be flooded any more */
	if (flags & BF_FDB_STATIC) {
		f->n_static++;
		return;
	}
	f->port_dynamic[port]++;
	list_append(f, port, number_of(f, e));
}

static void
entry_clear(struct bf_fdb *f, struct bf_fdb_entry *e)
{
	__atomic_store_n(&e->key, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the value changes under a reader */
	f->port_count[e->port]--;
	f->count--;
	if (e->flags & BF_FDB_STATIC) {
		f->n_static--;
		return;
	}
	f->port_dynamic[e->port]--;
	list_remove(f, e->port, number_of(f, e));
}

static uint32_t
port_limit(const struct bf_fdb *f, uint16_t port)
{
	return f->port_quota[port] != 0 ? f->port_quota[port] : f->default_quota;
}

void
bf_fdb_set_quota(struct bf_fdb *f, uint16_t port, uint32_t quota)
{
	f->port_quota[port] = quota;
}

/* The port that can give most; of equals, another than the learner: shares even out. */
static uint16_t
biggest_port(const struct bf_fdb *f, uint16_t learner)
{
	uint16_t best = learner;
	uint32_t most = f->port_dynamic[learner];

	for (uint32_t p = 0; p < f->n_ports; p++) {
		if (f->port_dynamic[p] > most ||
			(f->port_dynamic[p] == most && most > 0 && best == learner)) {
			best = (uint16_t)p;
			most = f->port_dynamic[p];
		}
	}
	return best;
}

/* Of the entries that came first, free the one not heard for longest; the others get in line. */
static bool
evict_from(struct bf_fdb *f, uint16_t port)
{
	uint32_t looked[EVICT_LOOK], n = 0, victim = 0;

	for (uint32_t i = f->first[port]; i != 0 && n < EVICT_LOOK; i = f->next[i - 1])
		looked[n++] = i - 1;
	if (n == 0)
		return false;
	for (uint32_t k = 1; k < n; k++)
		if (entry_at(f, looked[k])->last_seen < entry_at(f, looked[victim])->last_seen)
			victim = k;
	for (uint32_t k = 0; k < victim; k++) {
		list_remove(f, port, looked[k]);
		list_append(f, port, looked[k]);
	}
	entry_clear(f, entry_at(f, looked[victim]));
	f->evicted++;
	f->port_evicted[port]++;
	return true;
}

static struct bf_fdb_entry *
free_way(struct bf_fdb_bucket *b, unsigned int *n_free)
{
	struct bf_fdb_entry *e = NULL;

	*n_free = 0;
	for (int i = 0; i < BF_FDB_WAYS; i++) {
		if (b->e[i].key == 0) {
			e = e == NULL ? &b->e[i] : e;
			(*n_free)++;
		}
	}
	return e;
}

/* A free entry in the emptier of the key's two buckets; else the place of a dynamic one. */
static struct bf_fdb_entry *
place_for(struct bf_fdb *f, uint64_t key)
{
	uint64_t h = bf_fdb_hash(f, key);
	struct bf_fdb_bucket *b1 = &f->buckets[bf_fdb_bucket1(f, h)];
	struct bf_fdb_bucket *b2 = &f->buckets[bf_fdb_bucket2(f, h)];
	unsigned int n1, n2;
	struct bf_fdb_entry *e1 = free_way(b1, &n1), *e2 = free_way(b2, &n2);
	struct bf_fdb_entry *victim = NULL;

	if (n1 > 0 || n2 > 0)
		return n1 >= n2 ? e1 : e2;
	for (int i = 0; i < 2 * BF_FDB_WAYS; i++) {
		struct bf_fdb_entry *e = i < BF_FDB_WAYS ? &b1->e[i] : &b2->e[i - BF_FDB_WAYS];

		if (e->flags & BF_FDB_STATIC)
			continue;
		if (victim == NULL || f->port_dynamic[e->port] > f->port_dynamic[victim->port])
			victim = e;
	}
	if (victim != NULL) {
		f->port_evicted[victim->port]++;
		entry_clear(f, victim);
		f->evicted++;
	}
	return victim;
}

static bool
make_room(struct bf_fdb *f, uint16_t port)
{
	if (f->port_dynamic[port] >= port_limit(f, port))
		return evict_from(f, port);
	if (f->count >= f->capacity)
		return evict_from(f, biggest_port(f, port));
	return true;
}

enum bf_fdb_learned
bf_fdb_learn(struct bf_fdb *f, uint64_t key, uint16_t port)
{
	uint16_t old = 0;
	struct bf_fdb_entry *e = bf_fdb_find(f, key, &old);
	bool moved = e != NULL;

	if (e != NULL && old == port) {
		e->last_seen = f->now_s;
		return BF_FDB_KNOWN;
	}
	if (e != NULL && (e->flags & BF_FDB_STATIC)) {
		f->refused++;
		return BF_FDB_REFUSED;
	}
	if (e != NULL) {
		entry_clear(f, e);
		f->dirty = true;
	}
	if (!make_room(f, port) || (e = place_for(f, key)) == NULL) {
		f->refused++;
		return BF_FDB_REFUSED;
	}
	entry_set(f, e, key, port, 0);
	f->learned++;
	f->moved += moved;
	return moved ? BF_FDB_MOVED : BF_FDB_NEW;
}

void
bf_fdb_announced(struct bf_fdb *f, uint64_t key)
{
	uint16_t port;
	struct bf_fdb_entry *e = bf_fdb_find(f, key, &port);

	if (e != NULL)
		__atomic_store_n(&e->announced, BF_FDB_ANNOUNCED(f->now_s), __ATOMIC_RELAXED);
}

int
bf_fdb_add_static(struct bf_fdb *f, uint64_t key, uint16_t port)
{
	uint16_t old;
	struct bf_fdb_entry *e = bf_fdb_find(f, key, &old);

	if (e != NULL)
		entry_clear(f, e);
	else if (f->count >= f->capacity && !evict_from(f, biggest_port(f, port)))
		return -ENOSPC;
	e = place_for(f, key);
	if (e == NULL)
		return -ENOSPC;
	entry_set(f, e, key, port, BF_FDB_STATIC);
	f->dirty = true;
	return 0;
}

int
bf_fdb_del(struct bf_fdb *f, uint64_t key)
{
	uint16_t port;
	struct bf_fdb_entry *e = bf_fdb_find(f, key, &port);

	if (e == NULL)
		return -ENOENT;
	entry_clear(f, e);
	f->dirty = true;
	return 0;
}

/* Those are in no list. */
static uint32_t
flush_static(struct bf_fdb *f, uint16_t port, uint32_t left)
{
	uint32_t n = 0;

	for (uint32_t i = 0; n < left && i < bf_fdb_n_buckets(f) * BF_FDB_WAYS; i++) {
		struct bf_fdb_entry *e = entry_at(f, i);

		if (e->key == 0 || e->port != port || !(e->flags & BF_FDB_STATIC))
			continue;
		entry_clear(f, e);
		n++;
	}
	return n;
}

/* By the port's list: guests come and go, and the table has 32 MB where it holds a million stations. */
uint32_t
bf_fdb_flush_port(struct bf_fdb *f, uint16_t port, bool static_too)
{
	uint32_t n = 0;

	for (; f->first[port] != 0; n++)
		entry_clear(f, entry_at(f, f->first[port] - 1));
	if (static_too)
		n += flush_static(f, port, f->port_count[port]);
	f->dirty = f->dirty || n > 0;
	return n;
}

uint32_t
bf_fdb_flush(struct bf_fdb *f)
{
	uint32_t n = 0;

	for (uint32_t p = 0; p < f->n_ports; p++)
		n += bf_fdb_flush_port(f, (uint16_t)p, false);
	return n;
}

uint32_t
bf_fdb_n_buckets(const struct bf_fdb *f)
{
	return f->mask + 1;
}

/* The byte that says when comes round again; a worker may be writing a newer one. */
static void
forget_announcement(struct bf_fdb *f, struct bf_fdb_entry *e)
{
	uint8_t said = __atomic_load_n(&e->announced, __ATOMIC_RELAXED);

	if (said != 0 && !bf_fdb_has_announced(f, e))
		__atomic_compare_exchange_n(
			&e->announced, &said, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static bool
has_aged(const struct bf_fdb *f, const struct bf_fdb_entry *e)
{
	return f->age_s != 0 && !(e->flags & BF_FDB_STATIC) && f->now_s - e->last_seen > f->age_s;
}

void
bf_fdb_age(struct bf_fdb *f, uint32_t n_buckets)
{
	for (uint32_t n = 0; n < n_buckets; n++) {
		struct bf_fdb_bucket *b = &f->buckets[f->hand++ & f->mask];

		for (int i = 0; i < BF_FDB_WAYS; i++) {
			struct bf_fdb_entry *e = &b->e[i];

			if (e->key == 0)
				continue;
			forget_announcement(f, e);
			if (!has_aged(f, e))
				continue;
			entry_clear(f, e);
			f->dirty = true;
			f->aged++;
		}
	}
}

void
bf_fdb_visit(const struct bf_fdb *f, bf_fdb_visit_cb *cb, void *arg)
{
	for (uint32_t b = 0; b <= f->mask; b++)
		for (int i = 0; i < BF_FDB_WAYS; i++)
			if (f->buckets[b].e[i].key != 0)
				cb(arg, &f->buckets[b].e[i]);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Shares of a table: an rte_hash for the keys, and by its positions a list for each port in the order
 * in which its entries were last heard.
 *
 * Threads: ctx control.
 */
#include "control/lan/shares.h"

#include <stdbool.h>
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "dataplane/sizes.h"

#define NONE (-1)
#define SPARE 64 /* rte_hash has a few more positions than entries */

struct node {
	int32_t next, prev;
	uint32_t heard_s;
	uint16_t port;
};

struct list {
	int32_t first, last;
	uint32_t n;
};

struct bf_shares {
	struct rte_hash *hash;
	uint32_t n, max, per_port;
	bf_shares_gone_cb *gone;
	void *arg;
	struct list ports[BF_MAX_PORTS];
	struct node nodes[];
};

struct bf_shares *
bf_shares_create(const char *name, uint32_t max, uint32_t per_port, uint32_t key_len,
	bf_shares_gone_cb *gone, void *arg)
{
	struct bf_shares *s = calloc(1, sizeof(*s) + (max + SPARE) * sizeof(s->nodes[0]));
	struct rte_hash_parameters p = {.name = name,
		.entries = max + SPARE / 2,
		.key_len = key_len,
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY};

	if (s == NULL)
		return NULL;
	s->hash = rte_hash_create(&p);
	if (s->hash == NULL) {
		free(s);
		return NULL;
	}
	s->max = max;
	s->per_port = per_port;
	s->gone = gone;
	s->arg = arg;
	for (unsigned int i = 0; i < BF_MAX_PORTS; i++)
		s->ports[i] = (struct list){NONE, NONE, 0};
	return s;
}

void
bf_shares_destroy(struct bf_shares *s)
{
	if (s == NULL)
		return;
	rte_hash_free(s->hash);
	free(s);
}

uint32_t
bf_shares_size(const struct bf_shares *s)
{
	return s->max + SPARE;
}

int32_t
bf_shares_find(const struct bf_shares *s, const void *key)
{
	int32_t pos = rte_hash_lookup(s->hash, key);

	return pos < 0 ? NONE : pos;
}

static void
list_append(struct bf_shares *s, int32_t pos, uint16_t port, uint32_t now_s)
{
	struct list *l = &s->ports[port];

	s->nodes[pos] = (struct node){NONE, l->last, now_s, port};
	if (l->last != NONE)
		s->nodes[l->last].next = pos;
	else
		l->first = pos;
	l->last = pos;
	l->n++;
}

static void
list_remove(struct bf_shares *s, int32_t pos)
{
	const struct node *e = &s->nodes[pos];
	struct list *l = &s->ports[e->port];

	if (e->prev != NONE)
		s->nodes[e->prev].next = e->next;
	else
		l->first = e->next;
	if (e->next != NONE)
		s->nodes[e->next].prev = e->prev;
	else
		l->last = e->prev;
	l->n--;
}

void
bf_shares_remove(struct bf_shares *s, uint32_t pos)
{
	void *key;

	if (s->gone != NULL)
		s->gone(s->arg, pos);
	list_remove(s, (int32_t)pos);
	if (rte_hash_get_key_with_position(s->hash, (int32_t)pos, &key) == 0)
		rte_hash_del_key(s->hash, key);
	s->n--;
}

static uint16_t
biggest_port(const struct bf_shares *s)
{
	uint16_t best = 0;

	for (uint16_t p = 1; p < BF_MAX_PORTS; p++)
		if (s->ports[p].n > s->ports[best].n)
			best = p;
	return best;
}

int32_t
bf_shares_hear(struct bf_shares *s, const void *key, uint16_t port, uint32_t now_s)
{
	int32_t pos = bf_shares_find(s, key);

	if (pos != NONE) {
		list_remove(s, pos);
		list_append(s, pos, port, now_s);
		if (s->ports[port].n > s->per_port)
			bf_shares_remove(s, (uint32_t)s->ports[port].first);
		return pos;
	}
	if (s->ports[port].n >= s->per_port)
		bf_shares_remove(s, (uint32_t)s->ports[port].first);
	else if (s->n >= s->max)
		bf_shares_remove(s, (uint32_t)s->ports[biggest_port(s)].first);
	pos = rte_hash_add_key(s->hash, key);
	if (pos < 0)
		return NONE;
	if ((uint32_t)pos >= bf_shares_size(s)) {
		rte_hash_del_key(s->hash, key);
		return NONE;
	}
	s->n++;
	list_append(s, pos, port, now_s);
	return pos;
}

void
bf_shares_flush_port(struct bf_shares *s, uint16_t port)
{
	while (s->ports[port].first != NONE)
		bf_shares_remove(s, (uint32_t)s->ports[port].first);
}

void
bf_shares_age(struct bf_shares *s, uint32_t now_s, uint32_t age_s)
{
	for (unsigned int p = 0; p < BF_MAX_PORTS; p++) {
		struct list *l = &s->ports[p];

		while (l->first != NONE && now_s - s->nodes[l->first].heard_s > age_s)
			bf_shares_remove(s, (uint32_t)l->first);
	}
}

int32_t
bf_shares_first(const struct bf_shares *s, uint16_t port)
{
	return s->ports[port].first;
}

int32_t
bf_shares_next(const struct bf_shares *s, uint32_t pos)
{
	return s->nodes[pos].next;
}

uint32_t
bf_shares_heard_s(const struct bf_shares *s, uint32_t pos)
{
	return s->nodes[pos].heard_s;
}

uint16_t
bf_shares_port(const struct bf_shares *s, uint32_t pos)
{
	return s->nodes[pos].port;
}

uint32_t
bf_shares_count(const struct bf_shares *s, uint16_t port)
{
	return s->ports[port].n;
}

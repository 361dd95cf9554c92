/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See flows.h.
 *
 * Threads: one at a time.
 */
#include "control/export/flows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEY_WORDS (sizeof(struct bf_export_key) / sizeof(uint64_t))
static_assert(sizeof(struct bf_export_key) % sizeof(uint64_t) == 0, "keys are hashed by words");

struct bf_export_flows {
	uint64_t seed;
	uint64_t active_ms, idle_ms;
	bf_export_flow_cb *report;
	void *arg;
	uint32_t room, n, mask;
	uint32_t oldest, newest; /* number + 1 */
	uint32_t free; /* list by `next` */
	uint32_t *buckets; /* number + 1 */
	struct bf_export_flow *flows;
};

struct bf_export_flows *
bf_export_flows_new(uint32_t room, uint64_t seed, uint32_t active_s, uint32_t idle_s,
	bf_export_flow_cb *report, void *arg)
{
	struct bf_export_flows *f = calloc(1, sizeof(*f));
	uint32_t n_buckets = 1;

	if (f == NULL)
		return NULL;
	while (n_buckets < room)
		n_buckets *= 2;
	*f = (struct bf_export_flows){.seed = seed,
		.active_ms = active_s * UINT64_C(1000),
		.idle_ms = idle_s * UINT64_C(1000),
		.report = report,
		.arg = arg,
		.room = room,
		.mask = n_buckets - 1};
	f->buckets = calloc(n_buckets, sizeof(*f->buckets));
	f->flows = calloc(room, sizeof(*f->flows));
	if (f->buckets == NULL || f->flows == NULL) {
		bf_export_flows_free(f);
		return NULL;
	}
	for (uint32_t i = room; i > 0; i--) {
		f->flows[i - 1].next = f->free;
		f->free = i;
	}
	return f;
}

void
bf_export_flows_free(struct bf_export_flows *f)
{
	if (f == NULL)
		return;
	free(f->buckets);
	free(f->flows);
	free(f);
}

uint32_t
bf_export_flows_n(const struct bf_export_flows *f)
{
	return f->n;
}

static uint32_t *
bucket_of(const struct bf_export_flows *f, const struct bf_export_key *key)
{
	uint64_t words[KEY_WORDS], h = f->seed;

	memcpy(words, key, sizeof(words));
	for (unsigned int i = 0; i < KEY_WORDS; i++) {
		h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return &f->buckets[(h ^ h >> 32) & f->mask];
}

static void
age_unlink(struct bf_export_flows *f, struct bf_export_flow *x)
{
	*(x->older != 0 ? &f->flows[x->older - 1].newer : &f->oldest) = x->newer;
	*(x->newer != 0 ? &f->flows[x->newer - 1].older : &f->newest) = x->older;
	x->older = x->newer = 0;
}

static void
age_append(struct bf_export_flows *f, struct bf_export_flow *x)
{
	uint32_t number = (uint32_t)(x - f->flows) + 1;

	x->older = f->newest;
	x->newer = 0;
	*(f->newest != 0 ? &f->flows[f->newest - 1].newer : &f->oldest) = number;
	f->newest = number;
}

static void
flow_report(struct bf_export_flows *f, struct bf_export_flow *x, enum bf_flow_end why)
{
	if (x->packets != 0)
		f->report(f->arg, x, why);
	x->packets = x->octets = 0;
	x->tcp_flags = 0;
}

static void
flow_remove(struct bf_export_flows *f, struct bf_export_flow *x, enum bf_flow_end why)
{
	uint32_t number = (uint32_t)(x - f->flows) + 1, *at = bucket_of(f, &x->key);

	flow_report(f, x, why);
	while (*at != number)
		at = &f->flows[*at - 1].next;
	*at = x->next;
	age_unlink(f, x);
	x->next = f->free;
	f->free = number;
	f->n--;
}

static struct bf_export_flow *
flow_find(const struct bf_export_flows *f, const struct bf_export_key *key)
{
	for (uint32_t i = *bucket_of(f, key); i != 0; i = f->flows[i - 1].next)
		if (memcmp(&f->flows[i - 1].key, key, sizeof(*key)) == 0)
			return &f->flows[i - 1];
	return NULL;
}

static struct bf_export_flow *
flow_add(struct bf_export_flows *f, const struct bf_export_key *key)
{
	uint32_t number, *bucket = bucket_of(f, key);
	struct bf_export_flow *x;

	if (f->free == 0)
		flow_remove(f, &f->flows[f->oldest - 1], BF_FLOW_NO_ROOM);
	number = f->free;
	x = &f->flows[number - 1];
	f->free = x->next;
	*x = (struct bf_export_flow){.key = *key, .next = *bucket};
	*bucket = number;
	f->n++;
	return x;
}

void
bf_export_flows_count(struct bf_export_flows *f, const struct bf_export_packet *p, uint32_t in,
	uint32_t out, uint64_t when_ms)
{
	struct bf_export_flow *x = flow_find(f, &p->key);

	if (x == NULL)
		x = flow_add(f, &p->key);
	else
		age_unlink(f, x);
	age_append(f, x);
	if (x->packets == 0)
		x->first_ms = x->last_ms = when_ms;
	x->first_ms = when_ms < x->first_ms ? when_ms : x->first_ms;
	x->last_ms = when_ms > x->last_ms ? when_ms : x->last_ms;
	x->packets++;
	x->octets += p->octets;
	x->tcp_flags |= p->tcp_flags;
	x->in = in;
	x->out = out;
	if (x->last_ms - x->first_ms >= f->active_ms)
		flow_report(f, x, BF_FLOW_ACTIVE);
}

void
bf_export_flows_expire(struct bf_export_flows *f, uint64_t now_ms)
{
	uint32_t newer;

	for (uint32_t i = f->oldest; i != 0; i = newer) {
		struct bf_export_flow *x = &f->flows[i - 1];

		newer = x->newer;
		if (now_ms >= x->last_ms + f->idle_ms)
			flow_remove(f, x, BF_FLOW_IDLE);
		else if (x->packets != 0 && now_ms >= x->first_ms + f->active_ms)
			flow_report(f, x, BF_FLOW_ACTIVE);
	}
}

void
bf_export_flows_end(struct bf_export_flows *f)
{
	while (f->oldest != 0)
		flow_remove(f, &f->flows[f->oldest - 1], BF_FLOW_FORCED);
}

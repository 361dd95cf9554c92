/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lookups in our FDB beside the candidate it replaced: rte_hash with lock-free readers and QSBR.
 * All keys are present and asked for in random order; best of several rounds.
 *
 * Threads: one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "draw.h"
#include "rig.h"

#define CAPACITY 16384
#define LOOKUPS (1u << 18)
#define ROUNDS 7
#define BULK 32

static uint64_t keys[CAPACITY];
static uint64_t asked[LOOKUPS];
static uint64_t sink; /* what was found, so that nothing is optimized away */

static void
report(const char *table, const char *how, uint32_t n, uint64_t cycles)
{
	double per = (double)cycles / LOOKUPS;

	printf("{\"bench\":\"fdb\",\"table\":\"%s\",\"lookup\":\"%s\",\"entries\":%u,"
	       "\"cycles\":%.1f,\"ns\":%.2f}\n",
		table, how, n, per, per * 1e9 / (double)rte_get_tsc_hz());
}

static uint64_t
ours(const struct bf_fdb *f)
{
	uint64_t start = rte_rdtsc();
	uint16_t port;

	for (uint32_t i = 0; i < LOOKUPS; i++)
		if (bf_fdb_find(f, asked[i], &port) != NULL)
			sink += port;
	return rte_rdtsc() - start;
}

static uint64_t
theirs(const struct rte_hash *h)
{
	uint64_t start = rte_rdtsc();
	void *data;

	for (uint32_t i = 0; i < LOOKUPS; i++)
		if (rte_hash_lookup_data(h, &asked[i], &data) >= 0)
			sink += (uintptr_t)data;
	return rte_rdtsc() - start;
}

static uint64_t
theirs_bulk(const struct rte_hash *h)
{
	uint64_t start = rte_rdtsc(), mask;
	const void *ptr[BULK];
	void *data[BULK];

	for (uint32_t i = 0; i < LOOKUPS; i += BULK) {
		for (uint32_t k = 0; k < BULK; k++)
			ptr[k] = &asked[i + k];
		rte_hash_lookup_bulk_data(h, ptr, BULK, &mask, data);
		for (; mask != 0; mask &= mask - 1)
			sink += (uintptr_t)data[__builtin_ctzll(mask)];
	}
	return rte_rdtsc() - start;
}

static struct rte_hash *
hash_new(struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_parameters p = {.name = "bench",
		.entries = CAPACITY * 2,
		.key_len = 8,
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF};
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct rte_hash *h = rte_hash_create(&p);

	if (h == NULL || rte_hash_rcu_qsbr_add(h, &rcu) != 0)
		abort();
	return h;
}

static void
run(uint32_t n, struct bf_fdb *f, struct rte_hash *h)
{
	uint64_t best[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX}, seed = 99, t;

	for (uint32_t i = 0; i < LOOKUPS; i++)
		asked[i] = keys[draw_below(&seed, n)];
	for (int i = 0; i < ROUNDS; i++) {
		t = ours(f);
		best[0] = RTE_MIN(best[0], t);
		t = theirs(h);
		best[1] = RTE_MIN(best[1], t);
		t = theirs_bulk(h);
		best[2] = RTE_MIN(best[2], t);
	}
	report("bf_fdb", "single", n, best[0]);
	report("rte_hash_lf_qsbr", "single", n, best[1]);
	report("rte_hash_lf_qsbr", "bulk32", n, best[2]);
}

int
main(void)
{
	static const uint32_t sizes[] = {512, 10000, 16000};
	struct rte_rcu_qsbr *qsbr;
	struct rte_hash *h;
	struct bf_fdb *f;
	uint64_t seed = 1;
	uint32_t n = 0;

	if (!rig_eal())
		return 1;
	qsbr = rte_zmalloc("bench", rte_rcu_qsbr_get_memsize(1), RTE_CACHE_LINE_SIZE);
	if (qsbr == NULL || rte_rcu_qsbr_init(qsbr, 1) != 0)
		return 1;
	h = hash_new(qsbr);
	f = bf_fdb_create(CAPACITY, 64, SOCKET_ID_ANY);
	for (uint16_t p = 0; p < 64; p++)
		bf_fdb_set_quota(f, p, CAPACITY);
	for (size_t s = 0; s < RTE_DIM(sizes); s++) {
		for (; n < sizes[s]; n++) {
			keys[n] = (draw(&seed) & BF_FDB_MAC_MASK & ~1ULL) | 2;
			bf_fdb_learn(f, keys[n], (uint16_t)(n % 64));
			rte_hash_add_key_data(h, &keys[n], (void *)(uintptr_t)(n % 64));
		}
		run(n, f, h);
	}
	rte_hash_free(h);
	rte_free(qsbr);
	bf_fdb_destroy(f);
	rig_eal_end();
	return sink == 0;
}

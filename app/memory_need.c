/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * See memory_need.h.
 *
 * Threads: any.
 */
#include "memory_need.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "advise/plan.h"
#include "control/bond/bond.h"
#include "control/memory/amounts.h"
#include "machine/cpuset.h"

static uint64_t
frames_bytes(uint32_t n, uint32_t mtu)
{
	uint32_t size = (uint32_t)sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM;

	return (uint64_t)n * rte_mempool_calc_obj_size(size + bf_amount_room(mtu), 0, NULL);
}

static uint64_t
bond_bytes(const struct bf_bond_config *b, uint32_t n_workers)
{
	uint32_t in_rings = 0;

	for (uint32_t i = 0; i < b->n_members; i++) {
		struct bf_ring_sizes s = bf_bond_ring_sizes(b, &b->members[i]);

		in_rings += (uint32_t)s.rxd + s.txd;
	}
	return frames_bytes(bf_amount_frames(n_workers, in_rings), b->mtu);
}

/* Its bond's MTU; 0: it has none. */
static uint32_t
bond_mtu(const struct bf_config *c, const struct bf_guest_config *g)
{
	for (uint32_t i = 0; i < c->n_bonds; i++)
		if (g->uplink[0] == '\0' || strcmp(g->uplink, c->bonds[i].name) == 0)
			return c->bonds[i].mtu;
	return 0;
}

/* Most guests' frames lie in their bond's pool. */
static uint64_t
guest_bytes(const struct bf_config *c, const struct bf_guest_config *g)
{
	uint32_t shared = bond_mtu(c, g);

	if (g->mbufs != BF_OF_BOND)
		return frames_bytes(g->mbufs, g->mtu);
	if (shared != 0 && bf_amount_room(shared) >= g->mtu + BF_FRAME_OVERHEAD)
		return 0;
	return frames_bytes(BF_AMOUNT_OF_GUEST, g->mtu);
}

uint32_t
bf_memory_need_mib(const struct bf_config *c, uint32_t n_workers)
{
	uint64_t bytes = (uint64_t)(BF_AMOUNT_REST_MIB + n_workers * BF_AMOUNT_REST_PER_WORKER_MIB)
		<< 20;

	for (uint32_t i = 0; i < c->n_bonds; i++)
		bytes += bond_bytes(&c->bonds[i], n_workers);
	for (uint32_t i = 0; i < c->n_guests; i++)
		bytes += guest_bytes(c, &c->guests[i]) + ((uint64_t)BF_ADVISE_PER_GUEST_KIB << 10);
	return (uint32_t)(bytes >> 20) + 1;
}

/* Lcores of a list like "0,2-5". */
static uint32_t
list_count(const char *list, size_t len)
{
	struct bf_cpuset set = {{0}};
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)len, list);
	(void)bf_cpuset_parse(&set, text);
	return bf_cpuset_count(&set);
}

/* Lcores of a map like "0@(0,1),1-3@2,(5,6)": what stands in front of each @. */
static uint32_t
map_count(const char *map)
{
	uint32_t n = 0;

	while (*map != '\0') {
		bool is_set = *map == '(';
		size_t len = strcspn(map + is_set, is_set ? ")" : "@,");
		int depth = 0;

		n += list_count(map + is_set, len);
		map += is_set + len;
		for (; *map != '\0' && (*map != ',' || depth > 0); map++)
			depth += *map == '(' ? 1 : *map == ')' && depth > 0 ? -1 : 0;
		map += *map == ',' ? 1 : 0;
	}
	return n;
}

/* Lcores of a mask like "0x3f". */
static uint32_t
mask_count(const char *mask)
{
	uint32_t n = 0;

	for (mask += strncasecmp(mask, "0x", 2) == 0 ? 2 : 0; *mask != '\0'; mask++) {
		char digit[] = {*mask, '\0'};

		n += (uint32_t)__builtin_popcountl(strtoul(digit, NULL, 16));
	}
	return n;
}

/* What the EAL takes when it is told nothing. */
static uint32_t
allowed_count(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 0;
}

/* Of one argument, if it names lcores. @param next what stands behind it, or "" */
static bool
lcores_take(const char *arg, const char *next, uint32_t *n)
{
	const char *value = strlen(arg) > 2 ? arg + 2 : next;

	if (strncmp(arg, "-l", 2) == 0)
		*n = list_count(value, strlen(value));
	else if (strncmp(arg, "-c", 2) == 0)
		*n = mask_count(value);
	else if (strcmp(arg, "--lcores") == 0)
		*n = map_count(next);
	else if (strncmp(arg, "--lcores=", 9) == 0)
		*n = map_count(arg + 9);
	else
		return false;
	return true;
}

uint32_t
bf_memory_workers(int n_eal, const char *const *argv)
{
	bool is_named = false;
	uint32_t n = 0;

	for (int i = 1; i < n_eal; i++) {
		const char *next = i + 1 < n_eal ? argv[i + 1] : "";

		is_named = lcores_take(argv[i], next, &n) || is_named;
	}
	if (!is_named)
		n = allowed_count();
	return n > 2 ? n - 1 : 1;
}

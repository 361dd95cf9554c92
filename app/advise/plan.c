/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a host should give to bondfwd: see plan.h.
 *
 * Threads: one.
 */
#include "advise/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "base/parse.h"
#include "control/memory/amounts.h"
#include "machine/sysfs.h"

#define WORKERS_DEFAULT 2
#define MTU_DEFAULT 1500
#define PORTS_DEFAULT 2 /* members, when no card is known */

static int
wish_take(void *arg, const char *key, const char *value, struct bf_err *err)
{
	struct bf_advise_wish *w = arg;
	uint64_t n = 0;
	int ret;

	if (strcmp(key, "member") == 0) {
		if (w->n_members == BF_MAX_MEMBERS)
			return bf_err_set(err, EINVAL,
				"--advise: member: \"%.40s\": expected at most %d", value,
				BF_MAX_MEMBERS);
		return bf_parse_device("--advise: member", value, w->members[w->n_members++],
			BF_DEV_NAME_MAX, err);
	}
	if (strcmp(key, "root") == 0) {
		if (value[0] != '/' || strlen(value) >= sizeof(w->root))
			return bf_err_set(err, EINVAL,
				"--advise: root: \"%.80s\": expected the absolute path of a folder with sys and proc",
				value);
		snprintf(w->root, sizeof(w->root), "%s", value);
		if (!bf_sysfs_has(w->root, "/sys") || !bf_sysfs_has(w->root, "/proc"))
			return bf_err_set(err, EINVAL,
				"--advise: root: \"%.80s\": there is no sys and proc in it", value);
		return 0;
	}
	if (strcmp(key, "workers") == 0) {
		ret = bf_parse_u64("--advise: workers", value, 1, BF_MAX_WORKERS, &n, err);
		w->workers = (uint32_t)n;
	} else if (strcmp(key, "guests") == 0) {
		ret = bf_parse_u64("--advise: guests", value, 1, BF_MAX_GUESTS, &n, err);
		w->guests = (uint32_t)n;
	} else if (strcmp(key, "mtu") == 0) {
		ret = bf_parse_u64("--advise: mtu", value, BF_MIN_MTU, BF_MAX_MTU, &n, err);
		w->mtu = (uint32_t)n;
	} else {
		ret = bf_err_set(err, EINVAL,
			"--advise: \"%.40s\": expected workers=, guests=, mtu=, member= or root=",
			key);
	}
	return ret;
}

int
bf_advise_wish_parse(struct bf_advise_wish *w, const char *text, struct bf_err *err)
{
	memset(w, 0, sizeof(*w));
	return text == NULL ? 0 : bf_parse_pairs("--advise", text, NULL, wish_take, w, err);
}

/* What DPDK can have now comes before what has to be bound first. */
static bool
card_suits(const struct bf_nic *nic, bool bound)
{
	if (nic->state == BF_NIC_READY || nic->state == BF_NIC_SHARED)
		return bound;
	return !bound && !nic->is_vf && nic->is_pci && nic->state != BF_NIC_BUSY;
}

static int
cards_choose(const struct bf_nics *nics, const struct bf_advise_wish *w, struct bf_advise_plan *p,
	struct bf_err *err)
{
	for (uint32_t i = 0; i < w->n_members; i++) {
		const struct bf_nic *nic = bf_nics_find(nics, w->members[i]);

		if (nic == NULL)
			return bf_err_set(err, EINVAL,
				"--advise: member: \"%s\": this host has no such network device",
				w->members[i]);
		if (!nic->is_pci)
			return bf_err_set(err, EINVAL,
				"--advise: member: \"%s\": expected a PCI device; others need --vdev, as in "
				"--vdev=net_af_packet0,iface=%s",
				w->members[i], w->members[i]);
		for (unsigned int k = 0; k < p->n_cards; k++)
			if (p->cards[k] == nic)
				return bf_err_set(err, EINVAL,
					"--advise: member: \"%s\": it is named twice",
					w->members[i]);
		p->cards[p->n_cards++] = nic;
	}
	for (int bound = 1; bound >= 0 && p->n_cards == 0; bound--)
		for (unsigned int i = 0; i < nics->n && p->n_cards < BF_MAX_MEMBERS; i++)
			if (card_suits(&nics->at[i], bound))
				p->cards[p->n_cards++] = &nics->at[i];
	return 0;
}

/* The nodes of the cards, in the order of nodes; the first node if no card says one. */
static unsigned int
nodes_of_cards(const struct bf_machine *m, const struct bf_advise_plan *p, int *nodes)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->n_nodes; i++)
		for (uint32_t c = 0; c < p->n_cards; c++)
			if (p->cards[c]->node == m->nodes[i].id) {
				nodes[n++] = m->nodes[i].id;
				break;
			}
	if (n == 0)
		nodes[n++] = m->n_nodes > 0 ? m->nodes[0].id : 0;
	return n;
}

/* Cores of a node that a worker may have, by their lowest CPU. */
static unsigned int
cores_of_node(const struct bf_machine *m, int node, unsigned int *cores)
{
	unsigned int n = 0;

	for (unsigned int cpu = 1; cpu < RTE_MIN(m->n_cpus, (unsigned int)BF_CPUS_MAX); cpu++)
		if (bf_cpuset_has(&m->online, cpu) && m->core_of[cpu] == cpu &&
			bf_machine_node_of(m, cpu) == node)
			cores[n++] = cpu;
	return n;
}

static void
set_add(struct bf_cpuset *to, const struct bf_cpuset *from)
{
	for (unsigned int i = 0; i < BF_CPUS_MAX / 64; i++)
		to->word[i] |= from->word[i];
}

/*
 * One core after the other, from the nodes in turn; the last core of a host is nobody's, so that guests and the
 * main lcore have more than CPU 0.  @return how many there are
 */
static unsigned int
workers_place(const struct bf_machine *m, const int *nodes, unsigned int n_nodes,
	unsigned int wanted, struct bf_advise_plan *p)
{
	unsigned int cores[BF_CPUS_MAX], placed = 0;

	for (unsigned int round = 0; placed < wanted; round++) {
		unsigned int before = placed;

		for (unsigned int i = 0; i < n_nodes && placed < wanted; i++) {
			struct bf_cpuset core;

			if (round >= cores_of_node(m, nodes[i], cores))
				continue;
			bf_machine_siblings(m, cores[round], &core);
			set_add(&p->isolate, &core);
			p->workers[placed++] = cores[round];
		}
		if (placed == before)
			break;
	}
	return placed;
}

/*
 * The main lcore sleeps: it may be on CPU 0's core, with the kernel.  Where that is on another node than the cards it
 * takes a CPU from the guests, if they keep one.
 */
static void
main_choose(const struct bf_machine *m, const struct bf_cpuset *near, struct bf_advise_plan *p)
{
	unsigned int main_cpu = BF_CPUS_MAX;

	for (unsigned int cpu = BF_CPUS_MAX - 1; cpu > 0; cpu--)
		if (bf_cpuset_has(near, cpu) && m->core_of[cpu] == 0)
			main_cpu = cpu;
	for (unsigned int cpu = 0; main_cpu == BF_CPUS_MAX && cpu < BF_CPUS_MAX; cpu++)
		if (bf_cpuset_count(&p->guest_cpus) > 1 ? bf_cpuset_has(&p->guest_cpus, cpu)
							: bf_cpuset_has(&p->housekeeping, cpu))
			main_cpu = cpu;
	p->main_cpu = main_cpu == BF_CPUS_MAX ? 0 : main_cpu;
	p->guests_far = bf_cpuset_count(&p->guest_cpus) == 0;
	if (p->guests_far)
		p->guest_cpus = p->housekeeping;
	bf_cpuset_remove(&p->guest_cpus, p->main_cpu);
}

static int
cpus_choose(const struct bf_machine *m, const struct bf_advise_wish *w, struct bf_advise_plan *p,
	struct bf_err *err)
{
	unsigned int cores[BF_CPUS_MAX], room = 0, wanted, n_nodes;
	struct bf_cpuset near = {{0}};
	int nodes[BF_MACHINE_NODES];

	n_nodes = nodes_of_cards(m, p, nodes);
	for (unsigned int i = 0; i < n_nodes; i++)
		room += cores_of_node(m, nodes[i], cores);
	wanted =
		w->workers != 0 ? w->workers : RTE_MIN(room > 1 ? room - 1 : room, WORKERS_DEFAULT);
	if (wanted > room && (w->workers > 1 || room > 0))
		return bf_err_set(err, EINVAL,
			"--advise: workers: \"%u\": expected at most %u: a core each on the nodes of the cards, "
			"without that of CPU 0",
			wanted, RTE_MAX(room, 1u));
	p->shares_cpu = room == 0;
	p->n_workers = p->shares_cpu ? 1 : workers_place(m, nodes, n_nodes, wanted, p);
	for (unsigned int cpu = 0; cpu < RTE_MIN(m->n_cpus, (unsigned int)BF_CPUS_MAX); cpu++) {
		if (!bf_cpuset_has(&m->online, cpu) || bf_cpuset_has(&p->isolate, cpu))
			continue;
		bf_cpuset_add(&p->housekeeping, cpu);
		for (unsigned int i = 0; i < n_nodes; i++)
			if (bf_machine_node_of(m, cpu) == nodes[i])
				bf_cpuset_add(&near, cpu);
		if (bf_cpuset_has(&near, cpu) && m->core_of[cpu] != 0)
			bf_cpuset_add(&p->guest_cpus, cpu);
	}
	main_choose(m, &near, p);
	if (p->shares_cpu)
		p->workers[0] = p->main_cpu;
	return 0;
}

static uint64_t
free_mib(const struct bf_machine *m, int node)
{
	const struct bf_machine_node *at = bf_machine_find_node(m, node);
	uint64_t kib = 0;

	for (unsigned int i = 0; at != NULL && i < at->n_sizes; i++)
		kib += at->pages[i].size_kib * at->pages[i].free;
	return kib >> 10;
}

/* Others have some of them: to write less would take those that are free away. */
static uint64_t
pages_2m(const struct bf_machine *m, const struct bf_advise_memory *to)
{
	const struct bf_machine_node *at = bf_machine_find_node(m, to->node);
	uint64_t n = to->free_mib >= to->mib ? 0 : (to->mib - to->free_mib + 1) / 2;

	for (unsigned int i = 0; at != NULL && i < at->n_sizes; i++)
		n += at->pages[i].size_kib == 2048 ? at->pages[i].total : 0;
	return n;
}

/* The bond's pool is where most cards are, here the first; other nodes have a pool for guests. */
static void
memory_plan(const struct bf_machine *m, struct bf_advise_plan *p)
{
	uint32_t ports = p->n_cards > 0 ? p->n_cards : PORTS_DEFAULT;
	uint32_t room = bf_amount_room(p->mtu) + RTE_PKTMBUF_HEADROOM;
	int nodes[BF_MACHINE_NODES];
	unsigned int n = nodes_of_cards(m, p, nodes);

	p->frames = bf_amount_frames(p->n_workers, ports * 2 * p->ring_size);
	p->frame_bytes =
		rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + room, 0, NULL);
	for (unsigned int i = 0; i < n; i++) {
		struct bf_advise_memory *to = &p->memory[p->n_memory++];
		uint32_t workers = 0, frames;
		uint64_t kib;

		for (uint32_t w = 0; w < p->n_workers; w++)
			workers += bf_machine_node_of(m, p->workers[w]) == nodes[i];
		frames = i == 0 ? p->frames : bf_amount_frames(workers, ports * p->ring_size);
		to->rest_mib = BF_ADVISE_RESERVE_MIB + BF_AMOUNT_REST_MIB +
			workers * BF_AMOUNT_REST_PER_WORKER_MIB;
		kib = ((uint64_t)frames * p->frame_bytes >> 10) + (uint64_t)to->rest_mib * 1024 +
			(i == 0 ? (uint64_t)p->n_guests * BF_ADVISE_PER_GUEST_KIB : 0);
		to->node = nodes[i];
		to->mib = (uint32_t)RTE_ALIGN_CEIL((kib >> 10) + 1, (uint64_t)2);
		to->free_mib = free_mib(m, nodes[i]);
		to->pages_2m = pages_2m(m, to);
	}
}

/* A ring is to bridge some 100 us; what the kernel does not drive does not tell its speed. */
static uint32_t
ring_size_for(const struct bf_advise_plan *p)
{
	uint32_t fastest = 0;

	for (uint32_t i = 0; i < p->n_cards; i++)
		fastest = RTE_MAX(fastest, p->cards[i]->speed_mbps);
	return fastest >= 40000 ? BF_RING_SIZE_MAX : fastest > 10000 ? 2048 : BF_RING_SIZE;
}

int
bf_advise_plan(const struct bf_machine *m, const struct bf_nics *nics,
	const struct bf_advise_wish *w, struct bf_advise_plan *p, struct bf_err *err)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->n_guests = w->guests != 0 ? w->guests : 1;
	p->mtu = w->mtu != 0 ? w->mtu : MTU_DEFAULT;
	ret = cards_choose(nics, w, p, err);
	if (ret == 0)
		ret = cpus_choose(m, w, p, err);
	if (ret != 0)
		return ret;
	p->ring_size = ring_size_for(p);
	memory_plan(m, p);
	return 0;
}

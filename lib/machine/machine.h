/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the machine has: CPUs with their cores and nodes, memory and huge pages of each node, the kernel's
 * command line.  As the kernel says it, without DPDK, libnuma or any privilege.
 *
 * Threads: any; what was read belongs to its caller.
 */
#ifndef BF_MACHINE_MACHINE_H
#define BF_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/cpuset.h"

#define BF_MACHINE_NODES 64
#define BF_MACHINE_PAGE_SIZES 4

/** Huge pages of one size on one node. */
struct bf_machine_pages {
	uint64_t size_kib;
	uint64_t total, free;
};

struct bf_machine_node {
	int id;
	struct bf_cpuset cpus; /* online */
	uint64_t memory_kib; /* 0: not known */
	unsigned int n_sizes;
	struct bf_machine_pages pages[BF_MACHINE_PAGE_SIZES]; /* smallest first */
};

struct bf_machine {
	unsigned int n_cpus; /* the highest number and one */
	struct bf_cpuset online, isolated; /* isolated: isolcpus=, or a cpuset partition */
	uint16_t core_of[BF_CPUS_MAX]; /* the lowest CPU of the same core */
	unsigned int n_nodes; /* 1 on a kernel without NUMA */
	bool has_nodes; /* the kernel knows nodes, and has folders of theirs */
	struct bf_machine_node nodes[BF_MACHINE_NODES]; /* in order of their ids */
	char cmdline[4096]; /* of the kernel */
	bool has_iommu; /* it is on, for some device at least */
	bool has_hugetlbfs; /* one is mounted */
};

/**
 * Read it.
 *
 * @param root
 *   As in sysfs.h: "" for this machine.
 */
void bf_machine_read(const char *root, struct bf_machine *m);

/** Only the nodes of it, in @p m that is otherwise empty: some files for each node. */
void bf_machine_read_nodes(const char *root, struct bf_machine *m);

/** The node of a CPU; -1: it is of none that is known. */
int bf_machine_node_of(const struct bf_machine *m, unsigned int cpu);

/** Node @p id, or NULL. */
const struct bf_machine_node *bf_machine_find_node(const struct bf_machine *m, int id);

/** The CPUs that share the core of @p cpu, itself among them. */
void bf_machine_siblings(const struct bf_machine *m, unsigned int cpu, struct bf_cpuset *out);

/** The value of a word of the kernel's command line: "" for one without; NULL: it is not there. @param buf room for it */
const char *bf_machine_cmdline(
	const struct bf_machine *m, const char *word, char *buf, unsigned int size);

#endif

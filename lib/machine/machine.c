/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the machine has: see machine.h.
 *
 * Threads: any.
 */
#include "machine/machine.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/sysfs.h"

#define LIST 1024 /* a list of CPUs as text */

struct reading {
	const char *root;
	struct bf_machine *m;
	struct bf_machine_node *node;
};

static void
cpuset_read(const char *root, struct bf_cpuset *s, const char *path)
{
	char text[LIST];

	bf_sysfs_text(root, text, sizeof(text), "%s", path);
	bf_cpuset_parse(s, text);
}

/* A CPU that is offline has no topology: it is a core of its own. */
static void
cores_read(const char *root, struct bf_machine *m)
{
	for (unsigned int cpu = 0; cpu < BF_CPUS_MAX; cpu++) {
		char text[LIST];

		m->core_of[cpu] = (uint16_t)cpu;
		if (!bf_cpuset_has(&m->online, cpu))
			continue;
		m->n_cpus = cpu + 1;
		if (bf_sysfs_text(root, text, sizeof(text),
			    "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
			    cpu) == 0)
			m->core_of[cpu] = (uint16_t)strtoul(text, NULL, 10);
	}
}

static bool
pages_add(void *arg, const char *name)
{
	struct reading *r = arg;
	struct bf_machine_node *node = r->node;
	struct bf_machine_pages p;
	unsigned int at;
	char folder[128], *end;

	if (strncmp(name, "hugepages-", strlen("hugepages-")) != 0)
		return true;
	p.size_kib = strtoull(name + strlen("hugepages-"), &end, 10);
	if (strcmp(end, "kB") != 0 || p.size_kib == 0)
		return true;
	if (node->id >= 0)
		snprintf(folder, sizeof(folder), "/sys/devices/system/node/node%d/hugepages/%.60s",
			node->id, name);
	else
		snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/%.60s", name);
	p.total = (uint64_t)bf_sysfs_number(r->root, 0, "%s/nr_hugepages", folder);
	p.free = (uint64_t)bf_sysfs_number(r->root, 0, "%s/free_hugepages", folder);
	if (node->n_sizes == BF_MACHINE_PAGE_SIZES)
		return false;
	for (at = node->n_sizes++; at > 0 && node->pages[at - 1].size_kib > p.size_kib; at--)
		node->pages[at] = node->pages[at - 1];
	node->pages[at] = p;
	return true;
}

/* "Node 0 MemTotal:  123 kB", and the same without the node in /proc/meminfo. */
static bool
memory_take(void *arg, const char *line)
{
	struct bf_machine_node *node = arg;
	const char *at = strstr(line, "MemTotal:");

	if (at != NULL)
		node->memory_kib = strtoull(at + strlen("MemTotal:"), NULL, 10);
	return at == NULL;
}

static bool
node_add(void *arg, const char *name)
{
	struct reading *r = arg;
	char path[64], *end;
	unsigned long id;

	if (strncmp(name, "node", 4) != 0 || !isdigit((unsigned char)name[4]))
		return true;
	id = strtoul(name + 4, &end, 10);
	if (*end != '\0' || id > INT_MAX)
		return true;
	if (r->m->n_nodes == BF_MACHINE_NODES)
		return false;
	r->node = &r->m->nodes[r->m->n_nodes++];
	r->node->id = (int)id;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%lu/cpulist", id);
	cpuset_read(r->root, &r->node->cpus, path);
	bf_sysfs_lines(
		r->root, memory_take, r->node, "/sys/devices/system/node/node%lu/meminfo", id);
	bf_sysfs_entries(r->root, pages_add, r, "/sys/devices/system/node/node%lu/hugepages", id);
	return true;
}

static int
node_compare(const void *a, const void *b)
{
	return ((const struct bf_machine_node *)a)->id - ((const struct bf_machine_node *)b)->id;
}

/* A kernel without NUMA has no nodes: everything is on node 0. */
void
bf_machine_read_nodes(const char *root, struct bf_machine *m)
{
	struct reading r = {root, m, NULL};

	bf_sysfs_entries(root, node_add, &r, "/sys/devices/system/node");
	m->has_nodes = m->n_nodes > 0;
	if (m->has_nodes) {
		qsort(m->nodes, m->n_nodes, sizeof(m->nodes[0]), node_compare);
		return;
	}
	r.node = &m->nodes[m->n_nodes++];
	r.node->id = -1;
	cpuset_read(root, &r.node->cpus, "/sys/devices/system/cpu/online");
	bf_sysfs_lines(root, memory_take, r.node, "/proc/meminfo");
	bf_sysfs_entries(root, pages_add, &r, "/sys/kernel/mm/hugepages");
	r.node->id = 0;
}

/* What the root of the control groups has no more is in a partition: other tasks do not get there. */
static void
partitions_read(const char *root, struct bf_machine *m)
{
	char text[LIST];
	struct bf_cpuset left;

	if (bf_sysfs_has(root, "/sys/fs/cgroup/cgroup.type") || /* a container's, not the root */
		bf_sysfs_text(root, text, sizeof(text), "/sys/fs/cgroup/cpuset.cpus.effective") !=
			0 ||
		bf_cpuset_parse(&left, text) != 0 || bf_cpuset_count(&left) == 0)
		return;
	for (unsigned int cpu = 0; cpu < m->n_cpus; cpu++)
		if (bf_cpuset_has(&m->online, cpu) && !bf_cpuset_has(&left, cpu))
			bf_cpuset_add(&m->isolated, cpu);
}

static bool
entry_found(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

static bool
mount_take(void *arg, const char *line)
{
	bool *found = arg;

	*found = *found || strstr(line, " hugetlbfs ") != NULL;
	return !*found;
}

void
bf_machine_read(const char *root, struct bf_machine *m)
{
	memset(m, 0, sizeof(*m));
	cpuset_read(root, &m->online, "/sys/devices/system/cpu/online");
	cpuset_read(root, &m->isolated, "/sys/devices/system/cpu/isolated");
	cores_read(root, m);
	partitions_read(root, m);
	bf_machine_read_nodes(root, m);
	bf_sysfs_text(root, m->cmdline, sizeof(m->cmdline), "/proc/cmdline");
	bf_sysfs_entries(root, entry_found, &m->has_iommu, "/sys/kernel/iommu_groups");
	bf_sysfs_lines(root, mount_take, &m->has_hugetlbfs, "/proc/mounts");
}

int
bf_machine_node_of(const struct bf_machine *m, unsigned int cpu)
{
	for (unsigned int i = 0; i < m->n_nodes; i++)
		if (bf_cpuset_has(&m->nodes[i].cpus, cpu))
			return m->nodes[i].id;
	return -1;
}

const struct bf_machine_node *
bf_machine_find_node(const struct bf_machine *m, int id)
{
	for (unsigned int i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].id == id)
			return &m->nodes[i];
	return NULL;
}

void
bf_machine_siblings(const struct bf_machine *m, unsigned int cpu, struct bf_cpuset *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int other = 0; other < m->n_cpus; other++)
		if (bf_cpuset_has(&m->online, other) && m->core_of[other] == m->core_of[cpu])
			bf_cpuset_add(out, other);
}

const char *
bf_machine_cmdline(const struct bf_machine *m, const char *word, char *buf, unsigned int size)
{
	size_t len = strlen(word);

	for (const char *at = m->cmdline; (at = strstr(at, word)) != NULL; at += len) {
		bool begins = at == m->cmdline || at[-1] == ' ';

		if (!begins || (at[len] != '=' && at[len] != ' ' && at[len] != '\0'))
			continue;
		at += len + (at[len] == '=');
		snprintf(buf, size, "%.*s", (int)strcspn(at, " "), at);
		return buf;
	}
	return NULL;
}

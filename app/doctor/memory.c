/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory: huge pages, limits, swap, and what the kernel does to pages.
 *
 * Threads: one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "machine/sysfs.h"

#define SWAP_LIMIT_PERCENT 10 /* of the memory, for the host as a whole */
#define CAP_IPC_LOCK 14
#define ORDINARY_PAGE 4096

static uint64_t
pages_kib(const struct bf_machine_node *n, bool of_free)
{
	uint64_t kib = 0;

	for (unsigned int i = 0; i < n->n_sizes; i++)
		kib += n->pages[i].size_kib * (of_free ? n->pages[i].free : n->pages[i].total);
	return kib;
}

static uint64_t
all_pages_kib(const struct bf_machine *m, bool of_free)
{
	uint64_t kib = 0;

	for (unsigned int i = 0; i < m->n_nodes; i++)
		kib += pages_kib(&m->nodes[i], of_free);
	return kib;
}

static void
look_at_pages(struct bf_doctor *d)
{
	uint64_t total = all_pages_kib(&d->machine, false);

	bf_report_check(&d->report, BF_FAULT_HUGEPAGES_NONE);
	if (total == 0)
		bf_report_find(&d->report, BF_FAULT_HUGEPAGES_NONE, "host",
			"nr_hugepages is 0 for every size of page, expected some for frames and guests");
	if (d->answers || d->is_denied) {
		bf_report_skip(
			&d->report, BF_FAULT_HUGEPAGES_USED_UP, "bondfwd runs and has its memory");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_HUGEPAGES_USED_UP);
	if (total > 0 && all_pages_kib(&d->machine, true) == 0)
		bf_report_find(&d->report, BF_FAULT_HUGEPAGES_USED_UP, "host",
			"%" PRIu64 " MiB of huge pages are reserved and none is free", total >> 10);
}

static bool
is_on_node(const struct bf_doctor *d, int node)
{
	for (unsigned int i = 0; i < d->n_members; i++)
		if (d->members[i].nic != NULL && d->members[i].nic->node == node)
			return true;
	return false;
}

static void
look_at_nodes(struct bf_doctor *d)
{
	bool is_anywhere = all_pages_kib(&d->machine, false) > 0;

	if (d->machine.n_nodes < 2) {
		bf_report_skip(&d->report, BF_FAULT_HUGEPAGES_NODE, "the host has one memory node");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_HUGEPAGES_NODE);
	for (unsigned int i = 0; is_anywhere && i < d->machine.n_nodes; i++) {
		const struct bf_machine_node *n = &d->machine.nodes[i];
		char name[16];

		snprintf(name, sizeof(name), "node%d", n->id);
		if (pages_kib(n, false) == 0 && is_on_node(d, n->id))
			bf_report_find(&d->report, BF_FAULT_HUGEPAGES_NODE, name,
				"no huge pages, and a member's card is on it: its frames come from another node");
	}
}

struct mounts {
	struct bf_doctor *d;
	bool is_there, may_write;
	char where[128];
	struct bf_doctor_refusal why;
};

/* DEVICE WHERE TYPE OPTIONS ... */
static bool
mount_take(void *arg, const char *line)
{
	struct mounts *m = arg;
	char where[128], type[32];

	if (sscanf(line, "%*s %127s %31s", where, type) != 2 || strcmp(type, "hugetlbfs") != 0)
		return true;
	m->is_there = true;
	if (m->d->pid != 0 && !m->may_write)
		m->may_write = bf_doctor_may(m->d, &m->d->user, where, W_OK | X_OK, &m->why);
	snprintf(m->where, sizeof(m->where), "%s", where);
	return true;
}

static void
look_at_mounts(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_HUGETLBFS_DENIED};
	struct mounts m = {.d = d};

	bf_sysfs_lines(d->root, mount_take, &m, "/proc/mounts");
	bf_report_check(&d->report, BF_FAULT_HUGETLBFS_UNMOUNTED);
	if (!m.is_there)
		bf_report_find(&d->report, BF_FAULT_HUGETLBFS_UNMOUNTED, "host",
			"/proc/mounts has no hugetlbfs, expected one at /dev/hugepages");
	if (m.is_there && bf_doctor_has_process(d, BF_DOCTOR_LIST(process)) && !m.may_write)
		bf_report_find(&d->report, BF_FAULT_HUGETLBFS_DENIED, m.where,
			"bondfwd runs as %s, which %s", d->user.name, m.why.text);
}

static bool
has_cap_ipc_lock(const struct bf_doctor *d)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	return bf_doctor_field(d, path, "CapEff", text, sizeof(text)) &&
		(strtoull(text, NULL, 16) >> CAP_IPC_LOCK & 1) != 0;
}

/* What vfio pins for a card counts: all huge pages, at most. A process with the capability has no limit. */
static void
look_at_memlock(struct bf_doctor *d)
{
	uint64_t need = all_pages_kib(&d->machine, false) << 10;
	uint64_t limit = bf_doctor_limit(d, "Max locked memory");

	if (d->n_members == 0 || limit == 0) {
		bf_report_skip(&d->report, BF_FAULT_MEMLOCK, "no member is on PCI");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_MEMLOCK);
	if (limit < need && !has_cap_ipc_lock(d))
		bf_report_find(&d->report, BF_FAULT_MEMLOCK, "bondfwd",
			"it may lock %" PRIu64 " KiB, expected unlimited, or the %" PRIu64
			" KiB of huge pages",
			limit >> 10, need >> 10);
}

static void
look_at_process(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_NO_HUGE};
	static const enum bf_fault memlock[] = {BF_FAULT_MEMLOCK};

	if (bf_doctor_has_process(d, BF_DOCTOR_LIST(process)) && bf_doctor_has_word(d, "--no-huge"))
		bf_report_find(&d->report, BF_FAULT_NO_HUGE, "bondfwd",
			"it was started with --no-huge: frames lie on pages of 4 KiB");
	if (d->pid != 0)
		look_at_memlock(d);
	else
		bf_doctor_has_process(d, BF_DOCTOR_LIST(memlock));
}

static uint64_t
meminfo_kib(const struct bf_doctor *d, const char *name)
{
	char text[64];

	bf_doctor_field(d, "/proc/meminfo", name, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static void
look_at_swap(struct bf_doctor *d)
{
	uint64_t used = meminfo_kib(d, "SwapTotal") - meminfo_kib(d, "SwapFree");
	uint64_t total = meminfo_kib(d, "MemTotal");
	char path[64], text[64];

	bf_report_check(&d->report, BF_FAULT_SWAP);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)d->pid);
	if (d->pid != 0 && bf_doctor_field(d, path, "VmSwap", text, sizeof(text)) &&
		strtoull(text, NULL, 10) > 0)
		bf_report_find(
			&d->report, BF_FAULT_SWAP, "bondfwd", "%s of it are swapped out", text);
	if (total > 0 && used * 100 > total * SWAP_LIMIT_PERCENT)
		bf_report_find(&d->report, BF_FAULT_SWAP, "host",
			"%" PRIu64 " MiB are swapped out, expected at most %d %% of %" PRIu64
			" MiB",
			used >> 10, SWAP_LIMIT_PERCENT, total >> 10);
}

/* The word in brackets, of "always [madvise] never". */
static bool
is_chosen(const struct bf_doctor *d, const char *file, const char *word)
{
	char text[128], chosen[32];

	bf_sysfs_text(d->root, text, sizeof(text), "/sys/kernel/mm/transparent_hugepage/%s", file);
	snprintf(chosen, sizeof(chosen), "[%s]", word);
	return strstr(text, chosen) != NULL;
}

static bool
has_ordinary_pages(const struct bf_doctor *d)
{
	json_t *g, *region;
	size_t i, k;

	for (i = 0; (g = json_array_get(d->guests, i)) != NULL; i++)
		for (k = 0; (region = json_array_get(bf_json_list(g, "regions"), k)) != NULL; k++)
			if (bf_json_number(region, "page", INT64_MAX) <= ORDINARY_PAGE)
				return true;
	return false;
}

/*
 * enabled is "always" with many kernels, Debian's too: by itself no fault, as guests' memory and frames are not under
 * it.  Memory of memfd and of /dev/shm has a switch of its own: QEMU's on ordinary pages is such.
 */
static void
look_at_thp(struct bf_doctor *d)
{
	static const char *const of_shmem[] = {"always", "within_size", "force"};

	bf_report_check(&d->report, BF_FAULT_THP);
	if (is_chosen(d, "enabled", "always") && is_chosen(d, "defrag", "always"))
		bf_report_find(&d->report, BF_FAULT_THP, "defrag",
			"it is always, and so is enabled, expected madvise or never: whoever touches new memory waits "
			"while the kernel moves pages together, those of workers and guests too");
	for (size_t i = 0; has_ordinary_pages(d) && i < sizeof(of_shmem) / sizeof(of_shmem[0]); i++)
		if (is_chosen(d, "shmem_enabled", of_shmem[i]))
			bf_report_find(&d->report, BF_FAULT_THP, "shmem_enabled",
				"it is %s, expected never: a guest on ordinary pages waits while "
				"khugepaged copies them, and workers wait with it",
				of_shmem[i]);
}

static void
look_at_kernel(struct bf_doctor *d)
{
	look_at_thp(d);
	bf_report_check(&d->report, BF_FAULT_KSM);
	if (bf_sysfs_number(d->root, 0, "/sys/kernel/mm/ksm/run") == 1)
		bf_report_find(&d->report, BF_FAULT_KSM, "host",
			"/sys/kernel/mm/ksm/run is 1, expected 0: a guest's write to a merged page waits for a copy");
	if (d->machine.n_nodes < 2) {
		bf_report_skip(&d->report, BF_FAULT_NUMA_BALANCING, "the host has one memory node");
		return;
	}
	bf_report_check(&d->report, BF_FAULT_NUMA_BALANCING);
	if (bf_sysfs_number(d->root, 0, "/proc/sys/kernel/numa_balancing") != 0)
		bf_report_find(&d->report, BF_FAULT_NUMA_BALANCING, "host",
			"kernel.numa_balancing is %d, expected 0",
			(int)bf_sysfs_number(d->root, 0, "/proc/sys/kernel/numa_balancing"));
}

void
bf_doctor_memory(struct bf_doctor *d)
{
	look_at_pages(d);
	bf_doctor_need(d, all_pages_kib(&d->machine, true));
	look_at_nodes(d);
	look_at_mounts(d);
	look_at_process(d);
	look_at_swap(d);
	look_at_kernel(d);
}

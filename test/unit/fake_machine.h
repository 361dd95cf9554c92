/* SPDX-License-Identifier: BSD-3-Clause */

/* A tree of /sys and /proc of a machine that there is not, below a folder of its own. */
#ifndef BF_TEST_FAKE_MACHINE_H
#define BF_TEST_FAKE_MACHINE_H

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define FAKE_PATH 512

struct fake {
	char root[64];
};

static inline void
fake_open(struct fake *f)
{
	snprintf(f->root, sizeof(f->root), "/tmp/bf_machine.XXXXXX");
	assert_non_null(mkdtemp(f->root));
}

static inline int
fake_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
fake_close(struct fake *f)
{
	assert_int_equal(nftw(f->root, fake_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The whole path, with its folders made. */
static inline void
fake_path(const struct fake *f, char *full, const char *path)
{
	snprintf(full, FAKE_PATH, "%s%.440s", f->root, path);
	for (char *at = strchr(full + strlen(f->root) + 1, '/'); at != NULL;
		at = strchr(at + 1, '/')) {
		*at = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
}

static inline void
fake_file(const struct fake *f, const char *path, const char *text)
{
	char full[FAKE_PATH];
	FILE *out;

	fake_path(f, full, path);
	out = fopen(full, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static inline void
fake_link(const struct fake *f, const char *path, const char *to)
{
	char full[FAKE_PATH];

	fake_path(f, full, path);
	assert_int_equal(symlink(to, full), 0);
}

/* A file of a PCI device, an interface, a CPU: folder, number or name, file. */
static inline void __attribute__((format(printf, 3, 4)))
fake_set(const struct fake *f, const char *text, const char *path, ...)
{
	char full[FAKE_PATH];
	va_list args;

	va_start(args, path);
	vsnprintf(full, sizeof(full), path, args);
	va_end(args);
	fake_file(f, full, text);
}

static inline void __attribute__((format(printf, 3, 4)))
fake_point(const struct fake *f, const char *to, const char *path, ...)
{
	char full[FAKE_PATH];
	va_list args;

	va_start(args, path);
	vsnprintf(full, sizeof(full), path, args);
	va_end(args);
	fake_link(f, full, to);
}

#define FAKE_PCI "/sys/bus/pci/devices"

/* @p driver and @p group may be NULL */
static inline void
fake_card(const struct fake *f, const char *address, const char *vendor, const char *driver,
	const char *node, const char *group)
{
	char to[128];

	fake_set(f, "0x020000\n", FAKE_PCI "/%s/class", address);
	fake_set(f, vendor, FAKE_PCI "/%s/vendor", address);
	fake_set(f, "0x1572\n", FAKE_PCI "/%s/device", address);
	fake_set(f, node, FAKE_PCI "/%s/numa_node", address);
	fake_set(f, "(null)\n", FAKE_PCI "/%s/driver_override", address);
	if (driver != NULL) {
		snprintf(to, sizeof(to), "../../drivers/%s", driver);
		fake_point(f, to, FAKE_PCI "/%s/driver", address);
	}
	if (group != NULL) {
		snprintf(to, sizeof(to), "../../../../kernel/iommu_groups/%s", group);
		fake_point(f, to, FAKE_PCI "/%s/iommu_group", address);
		fake_set(f, "", "/sys/kernel/iommu_groups/%s/devices/%s", group, address);
	}
}

/* @p below where in the device its folder `net` is: "" or "/virtio0" */
static inline void
fake_iface(const struct fake *f, const char *address, const char *below, const char *iface)
{
	fake_set(f, "", FAKE_PCI "/%s%s/net/%s/ifindex", address, below, iface);
	fake_set(f, "00:11:22:33:44:55\n", "/sys/class/net/%s/address", iface);
	fake_set(f, "1\n", "/sys/class/net/%s/carrier", iface);
	fake_set(f, "10000\n", "/sys/class/net/%s/speed", iface);
	fake_set(f, "1500\n", "/sys/class/net/%s/mtu", iface);
	fake_point(f, "../../device", "/sys/class/net/%s/device", iface);
}

/* @p cores CPUs with hyper-threads: core i is CPU i and CPU i + all cores, nodes one behind the other. */
static inline void
fake_cpus(const struct fake *f, unsigned int nodes, unsigned int cores, unsigned int threads)
{
	unsigned int all = nodes * cores;
	char text[64];

	snprintf(text, sizeof(text), "0-%u\n", all * threads - 1);
	fake_file(f, "/sys/devices/system/cpu/online", all * threads == 1 ? "0\n" : text);
	fake_file(f, "/sys/devices/system/cpu/isolated", "\n");
	for (unsigned int cpu = 0; cpu < all * threads; cpu++) {
		snprintf(text, sizeof(text), threads == 2 ? "%u,%u\n" : "%u\n", cpu % all,
			cpu % all + all);
		fake_set(f, text, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
			cpu);
	}
	for (unsigned int n = 0; n < nodes; n++) {
		unsigned int first = n * cores, last = first + cores - 1;

		if (threads == 2)
			snprintf(text, sizeof(text), "%u-%u,%u-%u\n", first, last, first + all,
				last + all);
		else
			snprintf(text, sizeof(text), "%u-%u\n", first, last);
		fake_set(f, text, "/sys/devices/system/node/node%u/cpulist", n);
		snprintf(text, sizeof(text), "Node %u MemTotal:       67108864 kB\n", n);
		fake_set(f, text, "/sys/devices/system/node/node%u/meminfo", n);
		fake_set(f, "0\n",
			"/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/nr_hugepages",
			n);
		fake_set(f, "0\n",
			"/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/free_hugepages",
			n);
		fake_set(f, "2\n",
			"/sys/devices/system/node/node%u/hugepages/hugepages-1048576kB/nr_hugepages",
			n);
		fake_set(f, "1\n",
			"/sys/devices/system/node/node%u/hugepages/hugepages-1048576kB/free_hugepages",
			n);
	}
}

#endif

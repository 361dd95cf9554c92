/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a network device needs before a DPDK program can use it.
 *
 * Theory of operation.  A process gets a device from vfio-pci, or from one of the uio drivers.  vfio-pci wants an
 * IOMMU and hands out whole IOMMU groups: every other device of the group must be without a driver of the kernel's,
 * or the group is not viable.  A few drivers of DPDK work beside the kernel's own (shared): there binding would
 * take away what they need.
 *
 * Threads: any.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine/nics.h"
#include "machine/sysfs.h"

static const char *const shared_drivers[] = {"mlx4_core", "mlx5_core", "mana"};
static const char *const dpdk_drivers[] = {"vfio-pci", "igb_uio", "uio_pci_generic"};

#define QUOTED (4 * sizeof(((struct bf_nic *)0)->iface) + 3)

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_one_of(const char *word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

bool
bf_nic_driver_is_for_dpdk(const char *driver)
{
	return is_one_of(driver, dpdk_drivers, N(dpdk_drivers));
}

static enum bf_nic_state
state_find(const struct bf_nic *nic)
{
	if (bf_nic_driver_is_for_dpdk(nic->driver))
		return BF_NIC_READY;
	if (nic->busy[0] != '\0')
		return BF_NIC_BUSY;
	if (!nic->is_pci)
		return BF_NIC_OTHER_BUS;
	if (is_one_of(nic->driver, shared_drivers, N(shared_drivers)))
		return BF_NIC_SHARED;
	return nic->driver[0] == '\0' ? BF_NIC_UNBOUND : BF_NIC_KERNEL;
}

/* A step with room for its command and its reason. */
static struct bf_nic_step *
step_add(struct bf_nic *nic)
{
	static struct bf_nic_step none;

	return nic->n_steps < BF_NIC_STEPS ? &nic->steps[nic->n_steps++] : &none;
}

static void __attribute__((format(printf, 3, 4)))
step_say(struct bf_nic *nic, const char *why, const char *command, ...)
{
	struct bf_nic_step *s = step_add(nic);
	va_list args;

	va_start(args, command);
	vsnprintf(s->command, sizeof(s->command), command, args);
	va_end(args);
	snprintf(s->why, sizeof(s->why), "%s", why);
}

/* The kernel takes names of interfaces that a shell would act on: these stand in quotes. */
static const char *
iface_quote(const struct bf_nic *nic, char *buf)
{
	const char *at = nic->iface;
	size_t len = 0;

	while (isalnum((unsigned char)*at) || (*at != '\0' && strchr("_.-@+", *at) != NULL))
		at++;
	if (*at == '\0')
		return nic->iface;
	buf[len++] = '\'';
	for (at = nic->iface; *at != '\0'; at++)
		if (*at == '\'')
			len += (size_t)snprintf(&buf[len], QUOTED - len, "'\\''");
		else
			buf[len++] = *at;
	buf[len++] = '\'';
	buf[len] = '\0';
	return buf;
}

/* vfio-pci without an IOMMU: a mode of its own, which taints the kernel. */
static bool
iommu_is_not_needed(const char *root)
{
	char text[8];

	bf_sysfs_text(
		root, text, sizeof(text), "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	return text[0] == 'Y' || text[0] == '1';
}

static void
iommu_advise(const char *root, struct bf_nic *nic)
{
	if (nic->iommu_group >= 0 || iommu_is_not_needed(root))
		return;
	step_say(nic,
		"no IOMMU is on: switch it on in the firmware, and add iommu=pt (Intel: intel_iommu=on, "
		"too) to the kernel's command line; or",
		"%s", "");
	/* A module that is loaded takes no more options. */
	step_say(nic,
		"unsafe, for a machine without one: the card may then write anywhere in memory",
		"%s",
		bf_sysfs_has(root, "/sys/module/vfio")
			? "echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
			: "modprobe vfio enable_unsafe_noiommu_mode=1");
}

static void
group_advise(struct bf_nic *nic)
{
	char list[sizeof(nic->group_others)], why[160];

	if (nic->group_others[0] == '\0')
		return;
	snprintf(list, sizeof(list), "%s", nic->group_others);
	for (char *at = strchr(list, ','); at != NULL; at = strchr(at, ','))
		*at = ' ';
	snprintf(why, sizeof(why), "in the same IOMMU group %d: vfio-pci hands out whole groups",
		nic->iommu_group);
	step_say(nic, why, "dpdk-devbind.py --bind=vfio-pci %s", list);
}

static void
bind_advise(const char *root, struct bf_nic *nic)
{
	char why[128], iface[QUOTED];

	if (nic->iface[0] != '\0')
		step_say(nic, "the kernel lets go of an interface that is down",
			"ip link set dev %s down", iface_quote(nic, iface));
	iommu_advise(root, nic);
	if (!bf_sysfs_has(root, "/sys/bus/pci/drivers/vfio-pci"))
		step_say(nic, "the driver is not loaded", "modprobe vfio-pci");
	if (nic->driver_override[0] != '\0' && strcmp(nic->driver_override, "vfio-pci") != 0)
		snprintf(why, sizeof(why), "driver_override says %.31s: this says vfio-pci instead",
			nic->driver_override);
	else if (nic->driver[0] != '\0')
		snprintf(why, sizeof(why), "the kernel's %.31s has it", nic->driver);
	else
		snprintf(why, sizeof(why), "no driver has it");
	step_say(nic, why, "dpdk-devbind.py --bind=vfio-pci %s", nic->name);
	group_advise(nic);
}

void
bf_nic_advise(const char *root, struct bf_nic *nic)
{
	char iface[QUOTED];

	nic->n_steps = 0;
	nic->state = state_find(nic);
	if (nic->state == BF_NIC_READY) {
		if (strcmp(nic->driver, "vfio-pci") == 0)
			group_advise(nic);
		return;
	}
	if (nic->state == BF_NIC_BUSY) {
		char why[200];

		snprintf(why, sizeof(why), "%s: move that elsewhere first", nic->busy);
		step_say(nic, why, "%s", "");
	}
	if (is_one_of(nic->driver, shared_drivers, N(shared_drivers)))
		return;
	if (nic->vfs > 0)
		step_say(nic, "its virtual functions end with the kernel's driver",
			"echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs", nic->name);
	if (!nic->is_pci)
		step_say(nic, "no PCI device: its frames can be had through the kernel only",
			"bondfwd --vdev=net_af_packet0,iface=%s ...", iface_quote(nic, iface));
	else
		bind_advise(root, nic);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Members on PCI: drivers, vfio and IOMMU, the PCIe link, firmware, and the memory node.
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

#define NO_MEMBER "no member is on PCI"

static bool
is_uio(const struct bf_nic *nic)
{
	return strcmp(nic->driver, "uio_pci_generic") == 0 || strcmp(nic->driver, "igb_uio") == 0;
}

static bool
is_vfio(const struct bf_nic *nic)
{
	return strcmp(nic->driver, "vfio-pci") == 0;
}

/* A card that the kernel's driver keeps needs neither vfio nor an IOMMU. */
static bool
needs_vfio(const struct bf_nic *nic)
{
	return nic->state != BF_NIC_SHARED && !is_uio(nic);
}

static bool
look_at_driver(struct bf_doctor *d, const struct bf_doctor_member *m)
{
	const struct bf_nic *nic = m->nic;

	if (nic == NULL) {
		bf_report_find(&d->report, BF_FAULT_DEVICE_ABSENT, m->name,
			"no network card has this address");
		return false;
	}
	if (nic->state == BF_NIC_UNBOUND)
		bf_report_find(&d->report, BF_FAULT_DEVICE_NO_DRIVER, m->name,
			"it is bound to no driver, expected vfio-pci");
	else if (nic->state == BF_NIC_KERNEL || nic->state == BF_NIC_BUSY)
		bf_report_find(&d->report, BF_FAULT_DEVICE_KERNEL_DRIVER, m->name,
			"it is bound to %s%s%s%s, expected vfio-pci", nic->driver,
			nic->iface[0] != '\0' ? " as " : "", nic->iface,
			nic->state == BF_NIC_BUSY ? ", and in use by the kernel" : "");
	else if (is_uio(nic))
		bf_report_find(&d->report, BF_FAULT_DEVICE_UIO, m->name,
			"it is bound to %s, expected vfio-pci", nic->driver);
	else if (is_vfio(nic) && m->is_missing)
		bf_report_find(&d->report, BF_FAULT_DEVICE_UNCLAIMED, m->name,
			"it is bound to vfio-pci, and a member of %s without a device", m->bond);
	return true;
}

static void
look_at_group(struct bf_doctor *d, const struct bf_doctor_member *m)
{
	const struct bf_nic *nic = m->nic;
	struct bf_doctor_refusal why;
	char path[64];

	if (nic->group_others[0] != '\0' && needs_vfio(nic))
		bf_report_find(&d->report, BF_FAULT_IOMMU_GROUP, m->name,
			"group %d also has %s, bound to the kernel's drivers", nic->iommu_group,
			nic->group_others);
	snprintf(path, sizeof(path), "/dev/vfio/%d", nic->iommu_group);
	if (d->pid != 0 && is_vfio(nic) && nic->iommu_group >= 0 &&
		!bf_doctor_may(d, &d->user, path, R_OK | W_OK, &why))
		bf_report_find(&d->report, BF_FAULT_VFIO_DENIED, m->name,
			"bondfwd runs as %s, which %s", d->user.name, why.text);
}

static void
look_at_pcie(struct bf_doctor *d, const struct bf_doctor_member *m)
{
	char now[64], most[64];
	int64_t width, widest, n = 0;

	if (m->nic->is_vf)
		return;
	bf_sysfs_text(
		d->root, now, sizeof(now), "/sys/bus/pci/devices/%s/current_link_speed", m->name);
	bf_sysfs_text(
		d->root, most, sizeof(most), "/sys/bus/pci/devices/%s/max_link_speed", m->name);
	width = bf_sysfs_number(d->root, 0, "/sys/bus/pci/devices/%s/current_link_width", m->name);
	widest = bf_sysfs_number(d->root, 0, "/sys/bus/pci/devices/%s/max_link_width", m->name);
	if ((strtod(now, NULL) > 0 && strtod(now, NULL) < strtod(most, NULL)) ||
		(width > 0 && width < widest))
		bf_report_find(&d->report, BF_FAULT_PCIE_LINK, m->name,
			"%s x%" PRId64 ", expected %s x%" PRId64, now, width, most, widest);
	for (int fatal = 0; fatal < 2; fatal++) {
		char path[128], text[64];

		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/aer_dev_%s", m->name,
			fatal ? "fatal" : "nonfatal");
		bf_doctor_field(d, path, fatal ? "TOTAL_ERR_FATAL" : "TOTAL_ERR_NONFATAL", text,
			sizeof(text));
		n += strtoll(text, NULL, 10);
	}
	if (n > 0)
		bf_report_find(&d->report, BF_FAULT_PCIE_ERRORS, m->name,
			"%" PRId64 " errors that could not be corrected, expected none", n);
}

static void
look_at_node(struct bf_doctor *d, const struct bf_doctor_member *m)
{
	for (unsigned int i = 0; i < d->n_workers; i++)
		for (unsigned int cpu = 0; cpu < d->machine.n_cpus; cpu++)
			if (bf_cpuset_has(&d->workers[i].cpus, cpu) &&
				bf_machine_node_of(&d->machine, cpu) == m->nic->node)
				return;
	bf_report_find(&d->report, BF_FAULT_DEVICE_NODE, m->name,
		"it is on node %d, and none of %u workers is", m->nic->node, d->n_workers);
}

static void
look_at_nodes(struct bf_doctor *d)
{
	static const enum bf_fault process[] = {BF_FAULT_DEVICE_NODE};

	if (d->machine.n_nodes < 2) {
		bf_report_skip(&d->report, BF_FAULT_DEVICE_NODE, "the host has one memory node");
		return;
	}
	if (!bf_doctor_has_process(d, BF_DOCTOR_LIST(process)))
		return;
	for (unsigned int i = 0; i < d->n_members && d->n_workers > 0; i++)
		if (d->members[i].nic != NULL && d->members[i].nic->node >= 0)
			look_at_node(d, &d->members[i]);
}

/* The first member that needs it, or NULL. */
static const struct bf_doctor_member *
vfio_user(const struct bf_doctor *d)
{
	for (unsigned int i = 0; i < d->n_members; i++)
		if (d->members[i].nic != NULL && needs_vfio(d->members[i].nic))
			return &d->members[i];
	return NULL;
}

static bool
is_virtual(const struct bf_doctor *d)
{
	char flags[8192];

	return bf_doctor_field(d, "/proc/cpuinfo", "flags", flags, sizeof(flags)) &&
		strstr(flags, " hypervisor") != NULL;
}

static void
look_at_vfio(struct bf_doctor *d, const struct bf_doctor_member *user)
{
	static const enum bf_fault all[] = {BF_FAULT_VFIO_UNLOADED, BF_FAULT_VFIO_NO_IOMMU,
		BF_FAULT_IOMMU_OFF, BF_FAULT_VM_NO_IOMMU};
	char unsafe[8];
	bool may_be_unsafe;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bf_report_check(&d->report, all[i]);
	if (!bf_sysfs_has(d->root, "/sys/bus/pci/drivers/vfio-pci"))
		bf_report_find(&d->report, BF_FAULT_VFIO_UNLOADED, "host",
			"the kernel has no driver vfio-pci, which %s needs", user->name);
	bf_sysfs_text(d->root, unsafe, sizeof(unsafe),
		"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	may_be_unsafe = unsafe[0] == 'Y' || unsafe[0] == '1';
	if (may_be_unsafe)
		bf_report_find(&d->report, BF_FAULT_VFIO_NO_IOMMU, "host",
			"enable_unsafe_noiommu_mode is on: a card may read and write all memory");
	if (!d->machine.has_iommu && !may_be_unsafe && is_virtual(d))
		bf_report_find(&d->report, BF_FAULT_VM_NO_IOMMU, "host",
			"a virtual machine, and /sys/kernel/iommu_groups is empty");
	else if (!d->machine.has_iommu && !may_be_unsafe)
		bf_report_find(&d->report, BF_FAULT_IOMMU_OFF, "host",
			"/sys/kernel/iommu_groups is empty, and vfio-pci works with an IOMMU only");
}

/* The kernel's or DPDK's word for it; "" none. */
static void
firmware_of(const struct bf_doctor *d, const struct bf_doctor_member *m, char *buf, size_t size)
{
	json_t *module;
	size_t i;

	buf[0] = '\0';
	for (i = 0; (module = json_array_get(d->modules, i)) != NULL; i++)
		if (strcmp(bf_json_text(module, "name"), m->name) == 0)
			snprintf(buf, size, "%s", bf_json_text(module, "firmware"));
}

static void
look_at_firmware(struct bf_doctor *d)
{
	static const enum bf_fault answers[] = {BF_FAULT_FIRMWARE_DIFFERS};

	if (!bf_doctor_has_answers(d, BF_DOCTOR_LIST(answers)))
		return;
	for (unsigned int i = 1; i < d->n_members; i++)
		for (unsigned int k = 0; k < i; k++) {
			const struct bf_nic *a = d->members[i].nic, *b = d->members[k].nic;
			char one[64], other[64];

			if (a == NULL || b == NULL || a->vendor != b->vendor ||
				a->device != b->device)
				continue;
			firmware_of(d, &d->members[i], one, sizeof(one));
			firmware_of(d, &d->members[k], other, sizeof(other));
			if (one[0] != '\0' && other[0] != '\0' && strcmp(one, other) != 0)
				bf_report_find(&d->report, BF_FAULT_FIRMWARE_DIFFERS,
					d->members[i].name, "its firmware is %s, that of %s %s",
					one, d->members[k].name, other);
		}
}

void
bf_doctor_devices(struct bf_doctor *d)
{
	static const enum bf_fault all[] = {BF_FAULT_DEVICE_ABSENT, BF_FAULT_DEVICE_KERNEL_DRIVER,
		BF_FAULT_DEVICE_NO_DRIVER, BF_FAULT_DEVICE_UIO, BF_FAULT_DEVICE_UNCLAIMED,
		BF_FAULT_VFIO_DENIED, BF_FAULT_IOMMU_GROUP, BF_FAULT_PCIE_LINK,
		BF_FAULT_PCIE_ERRORS};
	const struct bf_doctor_member *user = vfio_user(d);

	if (d->n_members == 0) {
		for (unsigned int i = BF_FAULT_DEVICE_ABSENT; i <= BF_FAULT_DEVICE_NODE; i++)
			bf_report_skip(&d->report, (enum bf_fault)i, NO_MEMBER);
		return;
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bf_report_check(&d->report, all[i]);
	for (unsigned int i = 0; i < d->n_members; i++) {
		if (!look_at_driver(d, &d->members[i]))
			continue;
		look_at_group(d, &d->members[i]);
		look_at_pcie(d, &d->members[i]);
	}
	if (user != NULL)
		look_at_vfio(d, user);
	look_at_firmware(d);
	look_at_nodes(d);
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Network devices of the machine: see nics.h.
 *
 * Threads: any.
 */
#include "machine/nics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/words.h"
#include "machine/sysfs.h"

#define PCI "/sys/bus/pci/devices"
#define CLASS_NETWORK 0x02
#define VENDOR_VIRTIO 0x1af4

const char *const bf_nic_state_name[BF_NIC_STATE_COUNT] = {
	[BF_NIC_READY] = "ready",
	[BF_NIC_SHARED] = "shared",
	[BF_NIC_KERNEL] = "kernel",
	[BF_NIC_BUSY] = "busy",
	[BF_NIC_UNBOUND] = "unbound",
	[BF_NIC_OTHER_BUS] = "other-bus",
};

struct reading {
	const char *root;
	struct bf_nics *nics;
	struct bf_nic *nic;
	const char *address; /* of a slot that is looked at */
	int ret;
};

/* Behind the others with a comma, as far as there is room. */
static void
list_add(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	if (len + strlen(word) + 2 <= size)
		snprintf(list + len, size - len, "%s%s", len > 0 ? "," : "", word);
}

static void
iface_read(const char *root, struct bf_nic *nic, const char *iface)
{
	char text[32];
	int64_t speed;

	snprintf(nic->iface, sizeof(nic->iface), "%.15s", iface);
	bf_sysfs_text(root, text, sizeof(text), "/sys/class/net/%s/address", iface);
	nic->has_mac = bf_parse_mac("address", text, false, nic->mac, NULL) == 0;
	nic->link = bf_sysfs_number(root, 0, "/sys/class/net/%s/carrier", iface) == 1;
	speed = bf_sysfs_number(root, 0, "/sys/class/net/%s/speed", iface);
	nic->speed_mbps = speed > 0 && speed < UINT32_MAX ? (uint32_t)speed : 0;
	nic->mtu = (uint32_t)bf_sysfs_number(root, 0, "/sys/class/net/%s/mtu", iface);
}

static bool
iface_take(void *arg, const char *iface)
{
	struct reading *r = arg;

	if (r->nic->iface[0] == '\0')
		iface_read(r->root, r->nic, iface);
	list_add(r->nic->ifaces, sizeof(r->nic->ifaces), iface);
	return true;
}

/* The interface of a virtio card hangs on the virtio device below it. */
static bool
virtio_take(void *arg, const char *name)
{
	struct reading *r = arg;

	if (strncmp(name, "virtio", 6) == 0)
		bf_sysfs_entries(r->root, iface_take, r, PCI "/%s/%s/net", r->nic->name, name);
	return true;
}

/* The kernel names a slot's address without the function. */
static bool
slot_take(void *arg, const char *slot)
{
	struct reading *r = arg;
	char address[BF_NIC_NAME];

	bf_sysfs_text(r->root, address, sizeof(address), "/sys/bus/pci/slots/%s/address", slot);
	if (address[0] == '\0' || strncmp(r->nic->name, address, strlen(address)) != 0 ||
		r->nic->name[strlen(address)] != '.')
		return true;
	snprintf(r->nic->slot, sizeof(r->nic->slot), "%.31s", slot);
	return false;
}

/* Bridges between buses are in many groups, and VFIO lets them be. */
static bool
group_take(void *arg, const char *address)
{
	struct reading *r = arg;
	char driver[32];

	if (strcmp(address, r->nic->name) == 0 ||
		bf_sysfs_link(r->root, driver, sizeof(driver), PCI "/%s/driver", address) != 0 ||
		strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "pci-stub") == 0 ||
		strcmp(driver, "pcieport") == 0)
		return true;
	list_add(r->nic->group_others, sizeof(r->nic->group_others), address);
	return true;
}

static void
group_read(struct reading *r)
{
	struct bf_nic *nic = r->nic;
	char text[16];

	nic->iommu_group = -1;
	if (bf_sysfs_link(r->root, text, sizeof(text), PCI "/%s/iommu_group", nic->name) != 0)
		return;
	nic->iommu_group = (int)strtol(text, NULL, 10);
	bf_sysfs_entries(
		r->root, group_take, r, "/sys/kernel/iommu_groups/%d/devices", nic->iommu_group);
}

static void
place_read(struct reading *r)
{
	struct bf_nic *nic = r->nic;
	const char *root = r->root, *at = nic->name;
	char text[64];

	nic->node = (int)bf_sysfs_number(root, -1, PCI "/%s/numa_node", at);
	bf_sysfs_entries(root, slot_take, r, "/sys/bus/pci/slots");
	bf_sysfs_text(root, nic->label, sizeof(nic->label), PCI "/%s/label", at);
	if (bf_sysfs_link(root, text, sizeof(text), PCI "/%s/physfn", at) == 0) {
		nic->is_vf = true;
		snprintf(nic->physical, sizeof(nic->physical), "%.23s", text);
	}
	nic->vfs = (uint16_t)bf_sysfs_number(root, 0, PCI "/%s/sriov_numvfs", at);
	nic->vfs_max = (uint16_t)bf_sysfs_number(root, 0, PCI "/%s/sriov_totalvfs", at);
}

static struct bf_nic *
nic_add(struct reading *r, const char *name)
{
	struct bf_nics *nics = r->nics;
	struct bf_nic *at = realloc(nics->at, (nics->n + 1) * sizeof(*at));

	if (at == NULL) {
		r->ret = -ENOMEM;
		return NULL;
	}
	nics->at = at;
	r->nic = &at[nics->n++];
	memset(r->nic, 0, sizeof(*r->nic));
	snprintf(r->nic->name, sizeof(r->nic->name), "%.23s", name);
	return r->nic;
}

static bool
pci_take(void *arg, const char *address)
{
	struct reading *r = arg;
	const char *root = r->root;
	struct bf_nic *nic;
	char text[32];

	if (bf_sysfs_number(root, 0, PCI "/%s/class", address) >> 16 != CLASS_NETWORK)
		return true;
	nic = nic_add(r, address);
	if (nic == NULL)
		return false;
	nic->is_pci = true;
	nic->vendor = (uint16_t)bf_sysfs_number(root, 0, PCI "/%s/vendor", address);
	nic->device = (uint16_t)bf_sysfs_number(root, 0, PCI "/%s/device", address);
	nic->is_virtio = nic->vendor == VENDOR_VIRTIO;
	bf_sysfs_link(root, nic->driver, sizeof(nic->driver), PCI "/%s/driver", address);
	bf_sysfs_text(root, text, sizeof(text), PCI "/%s/driver_override", address);
	if (strcmp(text, "(null)") != 0)
		snprintf(nic->driver_override, sizeof(nic->driver_override), "%s", text);
	place_read(r);
	group_read(r);
	bf_sysfs_entries(root, iface_take, r, PCI "/%s/net", address);
	bf_sysfs_entries(root, virtio_take, r, PCI "/%s", address);
	return true;
}

/* An interface with hardware that is no PCI device's. */
static bool
net_take(void *arg, const char *iface)
{
	struct reading *r = arg;
	char bus[32];

	if (!bf_sysfs_has(r->root, "/sys/class/net/%s/device", iface))
		return true;
	if (bf_nics_find_iface(r->nics, iface) != NULL)
		return true;
	if (nic_add(r, iface) == NULL)
		return false;
	bf_sysfs_link(r->root, bus, sizeof(bus), "/sys/class/net/%s/device/subsystem", iface);
	bf_sysfs_link(r->root, r->nic->driver, sizeof(r->nic->driver),
		"/sys/class/net/%s/device/driver", iface);
	r->nic->node =
		(int)bf_sysfs_number(r->root, -1, "/sys/class/net/%s/device/numa_node", iface);
	r->nic->iommu_group = -1;
	snprintf(r->nic->label, sizeof(r->nic->label), "%s", bus);
	iface_take(r, iface);
	return true;
}

/* Names are what somebody gave them, and these are shown. */
static void
names_clean(struct bf_nic *nic)
{
	char *const texts[] = {nic->name, nic->driver, nic->driver_override, nic->slot, nic->label,
		nic->group_others, nic->physical, nic->iface, nic->ifaces, nic->busy};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bf_words_plain(texts[i]);
	for (unsigned int i = 0; i < nic->n_steps; i++) {
		bf_words_plain(nic->steps[i].command);
		bf_words_plain(nic->steps[i].why);
	}
}

int
bf_nics_read(const char *root, struct bf_nics *nics)
{
	struct reading r = {.root = root, .nics = nics};

	nics->at = NULL;
	nics->n = 0;
	bf_sysfs_entries(root, pci_take, &r, PCI);
	bf_sysfs_entries(root, net_take, &r, "/sys/class/net");
	bf_nics_read_use(root, nics);
	for (unsigned int i = 0; i < nics->n; i++) {
		bf_nic_advise(root, &nics->at[i]);
		names_clean(&nics->at[i]);
	}
	return r.ret;
}

void
bf_nics_fini(struct bf_nics *nics)
{
	free(nics->at);
	nics->at = NULL;
	nics->n = 0;
}

const struct bf_nic *
bf_nics_find(const struct bf_nics *nics, const char *name)
{
	for (unsigned int i = 0; i < nics->n; i++)
		if (strcmp(nics->at[i].name, name) == 0)
			return &nics->at[i];
	return NULL;
}

/* Is it a word of a list with commas? */
static bool
list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; len > 0 && (at = strstr(at, word)) != NULL; at += len)
		if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

struct bf_nic *
bf_nics_find_iface(const struct bf_nics *nics, const char *iface)
{
	for (unsigned int i = 0; i < nics->n; i++)
		if (list_has(nics->at[i].ifaces, iface))
			return &nics->at[i];
	return NULL;
}

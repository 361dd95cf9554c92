/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which drivers: see rx_interrupts.h.
 *
 * A card has one interrupt for its link and its queues together unless it has MSI-X and vfio-pci
 * hands that out; with only one, drivers give up link interrupts for receive interrupts ("lsc won't
 * enable because of no intr multiplex"), and a failover in a millisecond is worth more than idle
 * power.
 *
 * Threads: ctx control.
 */
#include "control/bond/rx_interrupts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#define MAX_QUEUES 15 /* a device with more does not start in some of these drivers */
#define PCI_STATUS 0x06
#define PCI_STATUS_CAPABILITIES 0x10
#define PCI_CAPABILITY_LIST 0x34
#define PCI_CAPABILITY_MSIX 0x11
#define PCI_CONFIG_SIZE 256

/* Their rx_queue_intr_enable() and their link interrupts work side by side. */
static const struct {
	const char *name;
	bool is_pci;
} drivers[] = {
	{"net_vhost", false},
	{"net_ixgbe", true},
	{"net_ixgbe_vf", true},
	{"net_i40e", true},
	{"net_iavf", true},
	{"net_ice", true},
	{"net_e1000_igb", true},
	{"net_vmxnet3", true},
};

static bool
is_on_vfio(const char *device)
{
	char path[PATH_MAX], driver[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", device);
	n = readlink(path, driver, sizeof(driver) - 1);
	if (n <= 0)
		return false;
	driver[n] = '\0';
	return strcmp(strrchr(driver, '/') != NULL ? strrchr(driver, '/') + 1 : driver,
		       "vfio-pci") == 0;
}

/* PCI 3.0, 6.7: capabilities are a list within the first 256 bytes. */
static bool
has_msix(const char *device)
{
	uint8_t config[PCI_CONFIG_SIZE], at;
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, config, sizeof(config));
	close(fd);
	if (n != (ssize_t)sizeof(config) || !(config[PCI_STATUS] & PCI_STATUS_CAPABILITIES))
		return false;
	at = config[PCI_CAPABILITY_LIST] & 0xfc;
	for (int steps = 0; at != 0 && steps < PCI_CONFIG_SIZE / 4; steps++) {
		if (config[at] == PCI_CAPABILITY_MSIX)
			return true;
		at = config[at + 1] & 0xfc;
	}
	return false;
}

static bool
has_interrupts(const struct rte_eth_dev_info *info)
{
	for (unsigned int i = 0; i < RTE_DIM(drivers); i++) {
		const char *device = rte_dev_name(info->device);

		if (strcmp(info->driver_name, drivers[i].name) == 0)
			return !drivers[i].is_pci || (is_on_vfio(device) && has_msix(device));
	}
	return false;
}

bool
bf_rx_interrupts_ask(uint16_t port, uint16_t n_queues)
{
	struct rte_eth_conf conf = {.intr_conf.rxq = 1};
	struct rte_eth_dev_info info;

	return n_queues <= MAX_QUEUES && rte_eth_dev_info_get(port, &info) == 0 &&
		has_interrupts(&info) && rte_eth_dev_configure(port, 1, 1, &conf) == 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Network devices of the machine: which could be members of a bond, and what each of them needs for that.
 *
 * A device is one of PCI's class "network", or an interface of the kernel on another bus (USB, VMBus).
 * Interfaces without hardware (bridges, veth, bonds of the kernel) are not listed; where one uses a device,
 * that device is busy.
 *
 * Threads: any; what was read belongs to its caller.  See sysfs.h about time.
 */
#ifndef BF_MACHINE_NICS_H
#define BF_MACHINE_NICS_H

#include <stdbool.h>
#include <stdint.h>

#define BF_NIC_STEPS 8
#define BF_NIC_NAME 24

enum bf_nic_state {
	BF_NIC_READY, /* bound to a driver for DPDK: a process may use it, perhaps one does */
	BF_NIC_SHARED, /* DPDK's driver works beside the kernel's: nothing has to be bound */
	BF_NIC_KERNEL, /* the kernel's driver has it, and nothing uses its interface */
	BF_NIC_BUSY, /* the kernel uses its interface: an address, a route, a bridge */
	BF_NIC_UNBOUND, /* no driver has it */
	BF_NIC_OTHER_BUS, /* no PCI device: to be had by af_packet only */
	BF_NIC_STATE_COUNT,
};

/** One word for each state: "ready", "shared", ... */
extern const char *const bf_nic_state_name[BF_NIC_STATE_COUNT];

/** A command that has to be run before the device can be a member, or "" and what has to be done; and why. */
struct bf_nic_step {
	char command[160], why[200];
};

struct bf_nic {
	char name[BF_NIC_NAME]; /* its PCI address; the interface's name for BF_NIC_OTHER_BUS */
	enum bf_nic_state state;
	bool is_pci, is_virtio, is_vf; /* is_vf: a virtual function of SR-IOV */
	uint16_t vendor, device; /* PCI's numbers */
	char driver[32]; /* the kernel's that has it, "" none */
	char driver_override[32]; /* the only driver that may take it, "" any */
	int node; /* memory node, -1: not known */
	char slot[32]; /* where the card is: the number that is on the machine, "" not known */
	char label[64]; /* what the firmware calls it (SMBIOS, ACPI), "" nothing */
	int iommu_group; /* -1: none */
	char group_others
		[160]; /* devices of its group that keep it from being used: addresses with commas */
	uint16_t vfs, vfs_max; /* virtual functions that it has now, and may have */
	char physical[BF_NIC_NAME]; /* of a virtual function: the card's own function */
	/* The kernel's interface, if there is one. */
	char iface[16];
	char ifaces[96]; /* all of them, with commas: a card may have several ports */
	bool has_mac;
	uint8_t mac[6];
	bool link; /* has carrier */
	uint32_t speed_mbps; /* 0: not known */
	uint32_t mtu;
	char busy[160]; /* why BF_NIC_BUSY */
	unsigned int n_steps; /* 0: it can be a member as it is */
	struct bf_nic_step steps[BF_NIC_STEPS];
};

struct bf_nics {
	struct bf_nic *at;
	unsigned int n;
};

/**
 * Read them, in order of their addresses.
 *
 * @param root
 *   As in sysfs.h.  Addresses of interfaces are asked of the kernel if it is "", otherwise
 *   known by routes and proc/net/if_inet6 only.
 * @return
 *   0 or -ENOMEM; release with bf_nics_fini() in both cases.
 */
int bf_nics_read(const char *root, struct bf_nics *nics);

void bf_nics_fini(struct bf_nics *nics);

/** The device of a PCI address, or NULL. */
const struct bf_nic *bf_nics_find(const struct bf_nics *nics, const char *name);

/** The device that has an interface of the kernel, or NULL. */
struct bf_nic *bf_nics_find_iface(const struct bf_nics *nics, const char *iface);

/** Is it a driver that hands a device to a process (vfio-pci, igb_uio, uio_pci_generic)? */
bool bf_nic_driver_is_for_dpdk(const char *driver);

/* ---- what bf_nics_read() is made of ---- */

/** Find out why interfaces of the kernel are busy: fills busy of the devices that have them. */
void bf_nics_read_use(const char *root, struct bf_nics *nics);

/** Find out state and steps of a device of which all the rest is known. */
void bf_nic_advise(const char *root, struct bf_nic *nic);

#endif

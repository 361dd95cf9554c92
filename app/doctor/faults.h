/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The faults that bondctl doctor looks for: one line each.  docs/troubleshooting.md has a table made from it.
 *
 * Name, family, severity, what it is, what to do.  @ in the last stands for the finding's object, @BOND for the
 * bond that it belongs to.  A problem is something that does not work, or that
 * is not safe; a warning costs speed, redundancy or time.
 *
 * Threads: any; constants.
 */
#ifndef BF_APP_DOCTOR_FAULTS_H
#define BF_APP_DOCTOR_FAULTS_H

/* clang-format off */
#define BF_FAULT_LIST(X) \
	X(HUGEPAGES_NONE, "hugepages_none", MEMORY, PROBLEM, "no huge pages are reserved", \
		"dpdk-hugepages.py -p 2M --setup 2G") \
	X(HUGEPAGES_USED_UP, "hugepages_used_up", MEMORY, PROBLEM, \
		"no huge page is free, and bondfwd does not run yet", \
		"reserve more: dpdk-hugepages.py -p 2M --setup 4G") \
	X(HUGEPAGES_FEW, "hugepages_few", MEMORY, PROBLEM, \
		"bondfwd could not start with its configuration file: too few huge pages are free", \
		"reserve more: sysctl vm.nr_hugepages=N, in /etc/sysctl.d for the next boot, too") \
	X(MEMORY_SHORT, "memory_short", MEMORY, WARNING, \
		"there was too little memory when bondfwd allocated its frame pools", \
		"reserve more huge pages on the node that is named, then restart bondfwd") \
	X(HUGEPAGES_NODE, "hugepages_node", MEMORY, WARNING, \
		"a memory node with a member has no huge pages, and another node has", \
		"echo 1024 > /sys/devices/system/node/@/hugepages/hugepages-2048kB/nr_hugepages") \
	X(HUGETLBFS_UNMOUNTED, "hugetlbfs_unmounted", MEMORY, PROBLEM, "no hugetlbfs is mounted", \
		"mount -t hugetlbfs hugetlbfs /dev/hugepages") \
	X(HUGETLBFS_DENIED, "hugetlbfs_denied", MEMORY, PROBLEM, \
		"bondfwd's user may not write where huge pages are mounted", \
		"give that user the folder @: chown, or the mount option uid=") \
	X(NO_HUGE, "no_huge", MEMORY, WARNING, "bondfwd runs without huge pages", \
		"reserve huge pages, and start it without --no-huge") \
	X(MEMLOCK, "memlock", MEMORY, PROBLEM, \
		"bondfwd may lock less memory than its cards need", \
		"LimitMEMLOCK=infinity in its unit file, or ulimit -l unlimited") \
	X(SWAP, "swap", MEMORY, WARNING, "memory of bondfwd, or much of the host's, is swapped out", \
		"swapoff -a, or give guests less memory") \
	X(KSM, "ksm", MEMORY, WARNING, "the kernel merges equal pages of guests", \
		"echo 2 > /sys/kernel/mm/ksm/run") \
	X(THP, "thp", MEMORY, WARNING, \
		"the kernel moves or rebuilds ordinary pages of programs while they run", \
		"echo never > /sys/kernel/mm/transparent_hugepage/@") \
	X(NUMA_BALANCING, "numa_balancing", MEMORY, WARNING, \
		"the kernel moves pages between memory nodes while workers use them", \
		"sysctl kernel.numa_balancing=0") \
	X(WORKER_FLOATS, "worker_floats", CPU, WARNING, "a worker has no CPU of its own", \
		"start bondfwd with -l, or --lcores with one CPU for each lcore") \
	X(WORKERS_TOGETHER, "workers_together", CPU, PROBLEM, "two workers share a CPU", \
		"start bondfwd with -l, or --lcores with one CPU for each lcore") \
	X(WORKER_NOT_ISOLATED, "worker_not_isolated", CPU, WARNING, \
		"other programs may run on a worker's CPU", \
		"isolcpus= on the kernel's command line, or an isolated cpuset partition") \
	X(WORKER_SIBLING, "worker_sibling", CPU, WARNING, \
		"a worker shares its core with another worker or a vCPU", \
		"start bondfwd with -l and CPUs of different cores") \
	X(WORKER_VCPU, "worker_vcpu", CPU, PROBLEM, "a vCPU of a guest may run on a worker's CPU", \
		"pin the vCPUs elsewhere: virsh vcpupin, or taskset -p") \
	X(WORKER_IRQ, "worker_irq", CPU, WARNING, "a worker's CPU gets interrupts of a device", \
		"write other CPUs to /proc/irq/@/smp_affinity_list") \
	X(IRQBALANCE, "irqbalance", CPU, WARNING, \
		"irqbalance may send interrupts to a worker's CPU", \
		"IRQBALANCE_BANNED_CPULIST= in /etc/default/irqbalance, then restart it") \
	X(GOVERNOR, "governor", CPU, WARNING, "a CPU may run below its full frequency", \
		"cpupower frequency-set -g performance") \
	X(C_STATES, "c_states", CPU, WARNING, "a CPU may enter sleep states from which it wakes up late", \
		"cpupower idle-set -D 50, or a tuned profile for low latency") \
	X(CLOCK_SOURCE, "clock_source", CPU, WARNING, "the kernel does not use the CPU's time-stamp counter (TSC) as its clock", \
		"look for tsc in dmesg; echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource") \
	X(DEVICE_ABSENT, "device_absent", DEVICES, PROBLEM, "a member's card is not in this machine", \
		"correct the address: lspci -D lists them") \
	X(DEVICE_KERNEL_DRIVER, "device_kernel_driver", DEVICES, PROBLEM, \
		"a member is bound to a driver of the kernel", \
		"dpdk-devbind.py --bind=vfio-pci @") \
	X(DEVICE_NO_DRIVER, "device_no_driver", DEVICES, PROBLEM, "a member is bound to no driver", \
		"dpdk-devbind.py --bind=vfio-pci @") \
	X(DEVICE_UIO, "device_uio", DEVICES, WARNING, \
		"a member can read and write all memory, because no IOMMU watches it", \
		"dpdk-devbind.py --bind=vfio-pci @") \
	X(DEVICE_UNCLAIMED, "device_unclaimed", DEVICES, PROBLEM, \
		"a member is bound to vfio-pci, but bondfwd does not use it", \
		"name it with -a, and look for its driver: dpdk-devbind.py --status-dev net") \
	X(VFIO_UNLOADED, "vfio_unloaded", DEVICES, PROBLEM, "vfio-pci is not loaded", \
		"modprobe vfio-pci") \
	X(VFIO_DENIED, "vfio_denied", DEVICES, PROBLEM, \
		"bondfwd's user may not open a member's vfio group", \
		"chown that user /dev/vfio/GROUP, by a udev rule") \
	X(VFIO_NO_IOMMU, "vfio_no_iommu", DEVICES, WARNING, \
		"vfio is allowed to work without an IOMMU", \
		"echo 0 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode, and switch the IOMMU on") \
	X(IOMMU_OFF, "iommu_off", DEVICES, PROBLEM, "the IOMMU is off, and a member needs it", \
		"VT-d or AMD-Vi in the firmware, and intel_iommu=on on the kernel's command line") \
	X(VM_NO_IOMMU, "vm_no_iommu", DEVICES, PROBLEM, \
		"this is a virtual machine without an IOMMU, and a member needs it", \
		"-device intel-iommu for the machine, or vfio without IOMMU") \
	X(IOMMU_GROUP, "iommu_group", DEVICES, PROBLEM, \
		"a member shares its IOMMU group with a device of the kernel", \
		"bind the other device to vfio-pci, too, or use another slot") \
	X(PCIE_LINK, "pcie_link", DEVICES, WARNING, "a card's PCIe link is slower than the card", \
		"use another slot, or reseat the card: lspci -vv -s @") \
	X(PCIE_ERRORS, "pcie_errors", DEVICES, WARNING, "a card reports errors of its PCIe link", \
		"reseat the card: dmesg | grep AER") \
	X(FIRMWARE_DIFFERS, "firmware_differs", DEVICES, WARNING, \
		"two members of one kind have different firmware", \
		"bring both to one version with the vendor's tool") \
	X(DEVICE_NODE, "device_node", DEVICES, WARNING, "no worker is on a member's memory node", \
		"start bondfwd with -l and a CPU of that node; bondctl show numa") \
	X(ONE_MEMBER, "one_member", BOND, WARNING, "a bond has only one member, or none", \
		"add another: bondctl add bonding member PORT @") \
	X(MEMBER_NO_LINK, "member_no_link", BOND, PROBLEM, "a member has no link", \
		"look at cable and switch port: bondctl show port info @") \
	X(HALF_DUPLEX, "half_duplex", BOND, PROBLEM, "a member's link is half duplex", \
		"switch auto-negotiation on at both ends") \
	X(SPEEDS_DIFFER, "speeds_differ", BOND, WARNING, "members of a bond have different speeds", \
		"look at cables, modules and the switch: bondctl show bonding config @") \
	X(ONE_CARD, "one_card", BOND, WARNING, "two members are ports of one card", \
		"use ports of two cards") \
	X(ONE_SLOT, "one_slot", BOND, WARNING, "two members are behind one slot", \
		"use cards in two slots") \
	X(ONE_SWITCH, "one_switch", BOND, WARNING, "all members are connected to one switch", \
		"use two switches, with a LAG across both if the mode needs one; ignore this if the switch is a stack, which LLDP shows as one") \
	X(SWITCHES_UNRELATED, "switches_unrelated", BOND, PROBLEM, \
		"the mode needs one LAG, but the members are connected to switches that do not share one", \
		"set up a LAG across both switches, or bondctl set bonding mode active-backup @") \
	X(TWO_LAGS, "two_lags", BOND, PROBLEM, \
		"the mode needs one LAG, but the members are in two LAGs of one switch", \
		"put the ports into one LAG on the switch") \
	X(LACP_NO_PARTNER, "lacp_no_partner", BOND, PROBLEM, \
		"the mode is 802.3ad, but the switch does not speak LACP on a member's port", \
		"set up a LAG with LACP on the switch; bondctl show bonding lacp info @BOND") \
	X(LAG_MISSING, "lag_missing", BOND, PROBLEM, \
		"the mode needs a LAG, but the switch has none: it sends the bond's own frames back", \
		"set up a LAG on the switch, or bondctl set bonding mode active-backup @") \
	X(LAG_UNWANTED, "lag_unwanted", BOND, PROBLEM, \
		"the switch has a LAG, but the mode must not have one", \
		"take the LAG away on the switch, or bondctl set bonding mode 802.3ad @") \
	X(SWITCH_MTU, "switch_mtu", BOND, PROBLEM, \
		"a port of the switch accepts only shorter frames than the bond sends", \
		"raise the port's MTU on the switch, or lower the bond's") \
	X(MTU_MEMBERS, "mtu_members", BOND, PROBLEM, "a member has another MTU than its bond", \
		"look for the reason in bondctl show events") \
	X(GUEST_ABSENT, "guest_absent", GUESTS, WARNING, "a guest is not connected", \
		"start it; bondctl why @") \
	X(GUEST_REFUSED, "guest_refused", GUESTS, PROBLEM, "a guest's front end was refused", \
		"bondctl show guest @") \
	X(MEMORY_NOT_SHARED, "memory_not_shared", GUESTS, PROBLEM, \
		"a guest's memory is not shared, so bondfwd can not reach it", \
		"share=on for QEMU's memory, <access mode='shared'/> in libvirt") \
	X(ORDINARY_PAGES, "ordinary_pages", GUESTS, WARNING, \
		"a guest's memory is on ordinary pages", \
		"hugetlb=on,hugetlbsize=2M for QEMU's memory, <hugepages/> in libvirt") \
	X(GUEST_NODE, "guest_node", GUESTS, WARNING, "a guest is polled from another memory node", \
		"bondctl show numa") \
	X(GUEST_MTU, "guest_mtu", GUESTS, PROBLEM, "a guest was told a larger MTU than its port has", \
		"host_mtu= of QEMU, or bondctl set guest @ mtu=") \
	X(GUEST_MTU_BOND, "guest_mtu_bond", GUESTS, WARNING, "a guest's MTU is larger than its bond's", \
		"bondctl set guest @ mtu=, or more for the bond: bondctl port config mtu @BOND MTU") \
	X(GUEST_QUEUES, "guest_queues", GUESTS, PROBLEM, \
		"a guest uses more queue pairs than its port has", \
		"bondctl set guest @ queues=, or fewer in QEMU") \
	X(GUEST_QUEUES_FEW, "guest_queues_few", GUESTS, WARNING, \
		"a guest has fewer queue pairs than there are workers", \
		"queues= and mq=on of QEMU: bondctl show guest @ qemu") \
	X(GUEST_RING_SMALL, "guest_ring_small", GUESTS, WARNING, "a guest's rings are short", \
		"rx_queue_size=1024,tx_queue_size=1024 of QEMU") \
	X(CONSOLE_DEAD, "console_dead", SOCKETS, PROBLEM, \
		"there is a console socket, but nobody answers", \
		"start bondfwd, which replaces it") \
	X(CONSOLE_OPEN, "console_open", SOCKETS, PROBLEM, \
		"everybody on the host may command bondfwd, or replace its console socket", \
		"chmod o-rwx @, and start bondfwd with --group NAME") \
	X(SOCKET_FOLDER, "socket_folder", SOCKETS, PROBLEM, \
		"the folder of a guest's socket does not exist", \
		"install -d -o libvirt-qemu -g kvm -m 0770 @") \
	X(SOCKET_FOLDER_DENIED, "socket_folder_denied", SOCKETS, PROBLEM, \
		"QEMU's user may not make a socket in a folder", \
		"install -d -o libvirt-qemu -g kvm -m 0770 @, and chmod o+x a folder above it that QEMU may not pass") \
	X(SOCKET_DENIED, "socket_denied", SOCKETS, PROBLEM, \
		"the other end may not connect to a guest's socket", \
		"one group for both: --guest-group of bondfwd, or the folder's") \
	X(SOCKET_STALE, "socket_stale", SOCKETS, WARNING, \
		"a guest's socket is there, but nobody listens on it", \
		"remove @ and start the guest") \
	X(NOFILE, "nofile", SOCKETS, PROBLEM, "bondfwd may open too few files for its guests", \
		"LimitNOFILE=65536 in its unit file, or ulimit -n 65536") \
	X(DPDK_HOLE, "dpdk_hole", HOST, PROBLEM, "a member's driver of DPDK has a known security hole", \
		"apt-get install --only-upgrade '?source-package(^dpdk$)', then restart bondfwd") \
	X(PROGRAM_REPLACED, "program_replaced", HOST, WARNING, \
		"bondfwd was updated, but the old version still runs", "restart bondfwd") \
	X(CORE_LARGE, "core_large", HOST, WARNING, \
		"a crash would write all frame memory into a core file, and guests would wait until that is done", \
		"CoredumpFilter=private-anonymous elf-headers private-huge in its unit file") \
	X(CORE_NOWHERE, "core_nowhere", HOST, WARNING, \
		"a crash would leave no core file from which to find its cause", \
		"install systemd-coredump, or sysctl kernel.core_pattern=core") \
	X(CONFIG, "config", HOST, PROBLEM, "the configuration file has an error", \
		"correct what is named, then call bondctl doctor again") \
	X(DENIED, "denied", HOST, PROBLEM, \
		"AppArmor or SELinux has denied something to bondfwd, or to a guest's socket", \
		"change the profile: aa-logprof, or audit2allow; then restart bondfwd. A denial of a front end is reported for an hour")
/* clang-format on */

enum bf_fault {
#define BF_FAULT_ID(id, ...) BF_FAULT_##id,
	BF_FAULT_LIST(BF_FAULT_ID)
#undef BF_FAULT_ID
	BF_FAULT_COUNT
};

#endif
